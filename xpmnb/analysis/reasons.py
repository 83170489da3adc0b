"""Why a task has a new job: the answer as a value, as text and as HTML; pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from xpmnb.sheets import Section, Sheet, pairs_of, sheet_html, sheet_text

if TYPE_CHECKING:
    from pathlib import Path

    from .difference import Pairs

__all__ = ["NearJob", "WhyNew"]

_SHORT_ID = 8
_IN_LINE = 3
"""So many differences stand in the first line; more make a table."""


@dataclass(frozen=True, slots=True)
class NearJob:
    """A job that is on record. Immutable; any thread."""

    identifier: str
    path: Path
    """Its directory."""
    state: str
    """Its state in lower case, with the reason where it failed: ``error (timeout)``."""
    time: float | None
    """When it ended, or else was submitted: seconds since the epoch."""

    def __str__(self) -> str:
        """Return the job in a few words: ``3f2a91c0, done, 2026-01-31 12:00:00+01:00``."""
        parts = [self.identifier[:_SHORT_ID], self.state]
        if self.time is not None:
            local = datetime.fromtimestamp(self.time, UTC).astimezone()
            parts.append(local.isoformat(" ", "seconds"))
        return ", ".join(parts)


@dataclass(frozen=True, slots=True, repr=False)
class WhyNew:
    """Which parameters make a job of a task a new one. Immutable; any thread.

    It is true when the job is new. ``str()`` tells why, and a notebook shows it as a table.
    """

    task: str
    """Qualified name of the task."""
    identifier: str
    """Identifier of the task and its values."""
    is_new: bool
    """Whether there was no such job before."""
    job: NearJob | None = field(default=None)
    """The job of the task itself, where there is one already."""
    nearest: NearJob | None = field(default=None)
    """The old job of which the fewest values differ, the newest among equals; None if there is
    none, or the job is not new."""
    differences: Pairs = field(default_factory=dict)
    """Value of the nearest job and value of the task, by dotted name. Only what counts in the
    identifier is here: no ``Meta`` value, no path."""
    considered: int = 0
    """How many old jobs of the task there are."""
    notes: tuple[str, ...] = ()
    """What explains it besides, in sentences."""

    def __bool__(self) -> bool:
        """Tell whether the job is new."""
        return self.is_new

    def __str__(self) -> str:
        """Return the answer in one line, or in a table where many values differ."""
        return sheet_text(self._sheet(in_line=_IN_LINE))

    def __repr__(self) -> str:
        """Return the text, which is what a prompt shows."""
        return str(self)

    def _repr_html_(self) -> str:
        """Return the answer for a notebook."""
        return sheet_html(self._sheet(in_line=0))

    def _sheet(self, *, in_line: int) -> Sheet:
        pairs = pairs_of(self.differences)
        title = self._title(", ".join(f"{p.name} {p.old} -> {p.new}" for p in pairs[:in_line]))
        if len(pairs) <= in_line:
            return Sheet(title, notes=self.notes)
        title = self._title("1 value differs" if len(pairs) == 1 else f"{len(pairs)} values differ")
        sides = (self.nearest.identifier[:_SHORT_ID] if self.nearest else "old", "new")
        return Sheet(title, sides, (Section("what counts", pairs),), self.notes)

    def _title(self, differing: str) -> str:
        if not self.is_new:
            return f"not new: {self.job}"
        if self.nearest is None:
            return f"new: there is no other job of {self.task}"
        what = differing or "no value on record differs"
        count = f"of {self.considered:,} jobs" if self.considered > 1 else "and only job"
        return f"new: {what} (nearest {count}: {self.nearest})"
