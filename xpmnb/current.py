"""Which experiments are open in this kernel, and to which one a ``submit()`` goes."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xpmnb.experiments import experiment

Key = tuple[str, str]
"""The workspace and the name of an experiment."""

lock = threading.Lock()
"""Held while an experiment begins or ends."""

_open: dict[Key, experiment] = {}
_current: experiment | None = None
_here: ContextVar[experiment | None] = ContextVar("xpmnb-experiment", default=None)


def current() -> experiment | None:
    """Return the experiment that a ``submit()`` goes to; None if none is open.

    It is the one that was started last, or the one whose callback this is.
    """
    return _here.get() or _current


def enter(key: Key, opened: experiment) -> experiment | None:
    """Make an experiment the current one; return the open one that it takes over, if any.

    The caller holds the :data:`lock`.
    """
    global _current  # noqa: PLW0603 (one experiment is current in a kernel)
    before = _open.get(key)
    _open[key] = opened
    _current = opened
    return before


def leave(key: Key, closed: experiment) -> None:
    """Let the experiment that was opened before be the current one again."""
    global _current  # noqa: PLW0603
    with lock:
        if _open.get(key) is closed:
            del _open[key]
        if _current is closed:
            _current = next(reversed(_open.values()), None)


@contextmanager
def submitting_to(chosen: experiment) -> Iterator[None]:
    """Let what the current thread submits go to an experiment, whichever is current."""
    token = _here.set(chosen)
    try:
        yield
    finally:
        _here.reset(token)
