"""Turns for threads that make small files.

Two threads that make many small files at the same time struggle for the interpreter at every
single one, and can take twice as long as one after the other. So a job's bookkeeping, before and
after the task's own code, is done in turns.
"""

from __future__ import annotations

import threading

# On a slow file system turns would take away what threads are good for there: waiting together.
# So nobody waits for a turn for longer than this.
_PATIENCE_S = 0.002

_line = threading.Lock()


class Turn:
    """The turn of one thread, which may take and give it back several times."""

    __slots__ = ("_has",)

    def __init__(self) -> None:
        self._has = False

    def take(self) -> None:
        """Wait for the turn, but not for long: it is a courtesy, and protects nothing."""
        self._has = _line.acquire(timeout=_PATIENCE_S)

    def give(self) -> None:
        """Let the next one have it, if it was taken."""
        if self._has:
            self._has = False
            _line.release()
