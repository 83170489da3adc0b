"""Entry: a live job and who wants it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from xpmnb.runtime import JobContext
    from xpmnb.scheduler.jobs import Job
    from xpmnb.scheduler.launcher import Outcome
    from xpmnb.scheduler.runs import Lane, Run


class Rules(Protocol):
    """What an entry brings its news to."""

    def bring_begun(self, entry: Entry) -> None:
        """Take the news that a job runs in another process."""
        ...

    def bring_finished(self, entry: Entry, outcome: Outcome) -> None:
        """Take the news that an attempt is over."""
        ...


@dataclass(slots=True, eq=False)
class Entry:
    """A live job and who wants it; what its launcher reports to. Any thread."""

    rules: Rules
    job: Job
    lane: Lane
    runs: list[Run]
    """Replaced, never changed: other threads may be reading it."""
    taken: Entry | None = None
    """The live entry of the same directory: this one, or one that was there before."""

    def begun(self, context: JobContext | None, started_at: float) -> None:
        """Show that the job runs. No decision hangs on it, so it is shown at once."""
        self.job.begin(context, started_at)
        self.changed()
        if context is None:
            self.rules.bring_begun(self)

    def changed(self) -> None:
        """Pass the news on to the observers; they are quick."""
        for run in self.runs:
            run.notify(self.job)

    def finished(self, outcome: Outcome) -> None:
        """Bring the news that an attempt is over."""
        self.rules.bring_finished(self, outcome)
