"""Waiting for what the end of a job may bring about. Any thread.

Whoever brings something about looks whether it is what somebody waits for, and wakes nobody else.
A thread that is woken at the end of each of 1,000 short jobs, only to wait on, would take the
interpreter from them each time.
"""

from __future__ import annotations

import math
import threading
import time
from contextlib import suppress
from numbers import Real
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_FOREVER = -1.0


class _Waiter:
    """A thread that waits, and what for."""

    __slots__ = ("_bell", "_predicate")

    def __init__(self, predicate: Callable[[], bool]) -> None:
        self._predicate = predicate
        self._bell = threading.Lock()
        self._bell.acquire()

    def look(self) -> None:
        """Wake the thread if it waits no longer than until now."""
        try:
            is_due = self._predicate()
        except Exception:  # noqa: BLE001 (the thread that waits looks itself, and has the error)
            is_due = True
        if is_due:
            with suppress(RuntimeError):  # somebody else has just woken it
                self._bell.release()

    def sleep(self, timeout: float | None) -> None:
        """Sleep until the time is over, or somebody has found what is waited for."""
        seconds = _FOREVER if timeout is None else min(max(timeout, 0.0), threading.TIMEOUT_MAX)
        self._bell.acquire(timeout=seconds)


_waiters: list[_Waiter] = []
"""Added to and taken from by single calls, which need no lock."""


def wait_until(predicate: Callable[[], bool], timeout: float | None = None) -> bool:
    """Wait until something is so that the end of a job may bring about.

    Returns
    -------
    bool
        False if the time (seconds) ran out first.

    Raises
    ------
    TypeError, ValueError
        If the time is no number, even if there is nothing to wait for.
    """
    if timeout is not None:
        _check_timeout(timeout)
    if predicate():
        return True
    end = None if timeout is None else time.monotonic() + timeout
    waiter = _Waiter(predicate)
    try:
        # Known first, and then looked at: whatever comes later finds it.
        _waiters.append(waiter)
        while not (is_so := predicate()):
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                break
            waiter.sleep(left)
        return is_so
    finally:
        with suppress(ValueError):  # Ctrl-C, before it was known
            _waiters.remove(waiter)


def _check_timeout(timeout: float) -> None:
    message = f"timeout={timeout!r}: give a number of seconds, or None for as long as it takes"
    if not isinstance(timeout, Real) or isinstance(timeout, bool):
        raise TypeError(message)
    if math.isnan(timeout):
        raise ValueError(message)


def announce_change() -> None:
    """Wake those who wait for what is so now."""
    for waiter in _waiters.copy():  # others come and go meanwhile
        waiter.look()
