"""Waiting for what the end of a job may bring about. Any thread."""

from __future__ import annotations

import math
import threading
from numbers import Real
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

changed = threading.Condition()
"""One for all handles: waiting is rare, and an event for each of 10,000 jobs is not free."""


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
    with changed:
        return changed.wait_for(predicate, timeout)


def _check_timeout(timeout: float) -> None:
    message = f"timeout={timeout!r}: give a number of seconds, or None for as long as it takes"
    if not isinstance(timeout, Real) or isinstance(timeout, bool):
        raise TypeError(message)
    if math.isnan(timeout):
        raise ValueError(message)


def announce_change() -> None:
    """Let all who wait look again."""
    with changed:
        changed.notify_all()
