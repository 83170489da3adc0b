"""The live jobs of a process, one for each directory."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xpmnb.scheduler.entries import Entry
    from xpmnb.scheduler.jobs import Job
    from xpmnb.scheduler.runs import Run


class Register:
    """Which jobs are live. Any thread.

    Invariant: a path is in it from the submission until its job is final, so that no job is run
    twice by this process.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: dict[str, Entry] = {}
        """By the path of the job."""

    def __bool__(self) -> bool:
        """Tell whether any job is live."""
        return bool(self._entries)

    def entries(self) -> list[Entry]:
        """Return those that are live now."""
        with self._lock:
            return list(self._entries.values())

    def find(self, job: Job) -> Entry | None:
        """Return the entry of a job; None if it is not live, or a newer one is in its place."""
        entry = self._entries.get(job.layout.path)
        return entry if entry is not None and entry.job is job else None

    def take(self, entry: Entry, run: Run) -> Entry:
        """Make an entry live, unless its directory has a live one; whoever comes first does it."""
        with self._lock:
            if entry.taken is None:
                taken = self._entries.setdefault(entry.job.layout.path, entry)
                if run not in taken.runs:
                    taken.runs = [*taken.runs, run]
                run.live.add(taken.job)
                entry.taken = taken
            return entry.taken

    def take_over(self, old: Run, new: Run) -> None:
        """Give the live jobs of a run to another."""
        with self._lock:
            for entry in self._entries.values():
                if old in entry.runs:
                    entry.runs = [run for run in entry.runs if run not in (old, new)] + [new]
                    new.take_over(entry.job, old)
            old.live.clear()

    def remove(self, entry: Entry) -> bool:
        """Take an entry out; False if it was not in it."""
        with self._lock:
            return self._entries.pop(entry.job.layout.path, None) is entry

    def clear(self) -> list[Entry]:
        """Take all out, and return them."""
        with self._lock:
            entries, self._entries = list(self._entries.values()), {}
        return entries
