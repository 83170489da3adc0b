"""The seam between the scheduler and the places where jobs run.

The scheduler is given launchers and imports none.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Protocol

from xpmnb.frozen import quick_to_make
from xpmnb.records.states import JobState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xpmnb.runtime import JobContext
    from xpmnb.scheduler.jobs import Job


@quick_to_make
@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an attempt to run a job."""

    state: JobState | None
    """The final state; None if another runner, here or elsewhere, has the job."""
    message: str = ""
    """One line for people: why it failed."""
    started_at: float | None = None
    """Seconds since the epoch."""
    ended_at: float | None = None
    """Seconds since the epoch."""
    attempt: int = 0
    """Number of the attempt; 0 if none began."""
    marker_mtime_ns: int | None = None
    """Modification time of the end marker; None if it could not be written."""
    result: Any = None
    """The JSON value that ``execute`` returned."""
    pid: int | None = None
    """The process that ran it; None if none did, or it is not known."""
    retry: bool = False
    """Whether the attempt ended and the job did not: another attempt is due."""

    def to_json(self) -> dict[str, Any]:
        """Return the outcome as JSON values, for another process."""
        values = asdict(self)
        if self.state is not None:
            values["state"] = [self.state.value, self.state.failure_reason]
        return values

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> Outcome:
        """Return the outcome that :meth:`to_json` gave, perhaps in another process."""
        state = values["state"]
        known = None if state is None else JobState.from_value(*state)
        return Outcome(**{**values, "state": known})


class Listener(Protocol):
    """Hears from a launcher about one job. Any thread; no call blocks."""

    def begun(self, context: JobContext | None, started_at: float) -> None:
        """Take the news that the job runs; the context is None where it runs elsewhere."""
        ...

    def changed(self) -> None:
        """Take the news that progress or metrics are new."""
        ...

    def finished(self, outcome: Outcome) -> None:
        """Take the news that all is over. Called once for each start."""
        ...


class Launcher(Protocol):
    """Runs jobs somewhere. The scheduler calls it, from one thread at a time; no call may block.

    One that at times has a thread with nothing to do may have ``lend(errand) -> bool`` besides,
    as the thread launcher does: the scheduler then takes submissions in there.
    """

    @property
    def name(self) -> str:
        """The word for it in records: ``"thread"``."""
        ...

    def open(self) -> None:
        """Prepare for jobs. Calls are counted: each has its :meth:`close`. Any thread.

        Raises
        ------
        LauncherError
            If jobs cannot be run here; the message names the ways out.
        """
        ...

    def close(self) -> None:
        """Undo one :meth:`open`, once no job of its user runs any more."""
        ...

    def check(self, job: Job) -> None:
        """Refuse, with an error, a job that cannot run here. Submitting threads."""
        ...

    def start(self, job: Job, listener: Listener) -> None:
        """Begin to run a job that is ready, and return."""
        ...

    def cancel(self, job: Job) -> None:
        """Ask a job that was started to stop, and return; nothing if it ended already."""
        ...

    def abandon(self) -> None:
        """Record the jobs that cannot outlive this process as lost: it is about to end."""
        ...
