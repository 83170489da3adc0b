"""Turns for threads that make small files.

Two threads that make many small files at the same time struggle for the interpreter at every
single one, and can take twice as long as one after the other. So a job's bookkeeping, before and
after the task's own code, is done in turns.

A thread keeps its turn from one short job to the next: handing it on costs more than the job. It
only says when it has no need of the turn, and who comes then waits a moment and takes it.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from time import monotonic

# On a slow file system turns would take away what threads are good for there: waiting together.
# So nobody waits for a turn for longer than this.
_PATIENCE_S = 0.01
_PAUSE_S = 0.0005
"""A thread that has had no need of its turn for so long loses it to whoever wants it."""


class _Line:
    """Who has the turn. Changed without a lock: at worst two threads have it, or nobody."""

    __slots__ = ("holder", "lock")

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.holder: Turn | None = None


_line = _Line()
_own = threading.local()


class Turn:
    """The turn of one thread, which may take it and do without it several times."""

    __slots__ = ("_paused_at",)

    def __init__(self) -> None:
        self._paused_at: float | None = None

    def take(self) -> None:
        """Wait for the turn, but not for long: it is a courtesy, and protects nothing."""
        self._paused_at = None
        if _line.holder is self:
            return
        lock = _line.lock
        if (
            lock.acquire(blocking=False)
            or _is_left()
            or lock.acquire(timeout=_PATIENCE_S)
            or _is_left()
        ):
            _line.holder = self

    def pause(self) -> None:
        """Let others have it, unless it is taken again in a moment."""
        self._paused_at = monotonic()

    def give(self) -> None:
        """Let the next one have it, if it was taken."""
        if _line.holder is self:
            _line.holder = None
            with suppress(RuntimeError):  # two threads thought that they had it
                _line.lock.release()

    @property
    def is_paused(self) -> bool:
        """Whether the thread has had no need of it for more than a moment."""
        paused_at = self._paused_at
        return paused_at is not None and monotonic() - paused_at > _PAUSE_S


def own_turn() -> Turn:
    """Return the turn of the calling thread."""
    try:
        found: Turn = _own.turn
    except AttributeError:
        found = _own.turn = Turn()
    return found


def _is_left() -> bool:
    holder = _line.holder
    return holder is None or holder.is_paused
