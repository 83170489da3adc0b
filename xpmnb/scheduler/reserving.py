"""Tokens for jobs that are about to start: who holds them, and who waits in line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xpmnb.scheduler.tokens import Line

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

    from xpmnb.scheduler.entries import Entry


class Reservations:
    """What the jobs of this kernel hold and wait for. Messages of the scheduler only."""

    def __init__(self) -> None:
        self._lines: dict[str, Line] = {}
        self._waiting: dict[Entry, None] = {}

    def __bool__(self) -> bool:
        """Tell whether some job waits."""
        return bool(self._waiting)

    def heads(self) -> Iterator[Entry]:
        """Yield the jobs whose turn it is, until none of those that are left can have it."""
        asked: set[Hashable] = set()
        for line in list(self._lines.values()):  # a job that is started may bring another
            while new := [each for each in line.first() if each not in asked]:
                for entry in new:
                    asked.add(entry)
                    yield entry  # type: ignore[misc]  # its owners are our entries

    def take(self, entry: Entry) -> bool:
        """Take what a job needs; False if it has to wait, and be tried again."""
        claims = entry.job.demands.claims
        if not claims:
            return True
        self._waiting.pop(entry, None)
        entry.job.holding = self._line_of(entry).acquire(entry, claims)
        if entry.job.holding is None:
            self._waiting[entry] = None
            return False
        return True

    def give_back(self, entry: Entry, *, has_ended: bool = True) -> bool:
        """Give back what a job holds, or leave the line; tell whether others may go on.

        A job that has not ended, as far as is known, keeps what its process holds.
        """
        if entry in self._waiting:
            del self._waiting[entry]
            self._line_of(entry).withdraw(entry)
        holding, entry.job.holding = entry.job.holding, None
        if holding is None:
            return False
        if has_ended:
            holding.release()
        else:
            holding.close_without_unlocking()
        return bool(self._waiting)

    def _line_of(self, entry: Entry) -> Line:
        workspace = entry.job.layout.workspace
        return self._lines.setdefault(workspace.root, Line(workspace))
