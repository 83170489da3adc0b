"""The end marker of a job, its record, and the fold of events and marker into a state.

The events themselves are declared in ``job_events.py`` and may be imported from here. Values and
pure functions only: files are read by ``job_directory.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from xpmnb.frozen import quick_to_make
from xpmnb.trails import Trails, follow

from .job_events import (
    AttemptEnded,
    Event,
    Metrics,
    Notice,
    Progress,
    Scalar,
    Started,
    event_from_json,
)
from .json_values import as_integer, as_text, as_time, number, quoted
from .states import FailureReason, JobState

__all__ = [
    "AttemptEnded",
    "EndMarker",
    "Event",
    "History",
    "JobRecord",
    "Metrics",
    "Notice",
    "Progress",
    "Scalar",
    "Started",
    "event_from_json",
    "fold",
]


@quick_to_make
@dataclass(frozen=True, slots=True)
class EndMarker:
    """How a job ended: the content of ``[NAME].done`` or ``[NAME].failed``."""

    state: str
    """``"done"`` or ``"error"``."""
    reason: FailureReason | None = None
    """Why it failed; None for a job that is done."""
    message: str | None = None
    """One line: the error, the signal, the dependency that failed."""
    traceback: str | None = None
    """The task's own traceback, as Python prints it."""
    started: float | None = None
    """Start of the last attempt, seconds since the epoch."""
    ended: float | None = None
    """End of the last attempt, seconds since the epoch."""
    exit_code: int | None = None
    """Exit code of the process; None where the job had none of its own."""
    attempt: int = 1
    """The attempt that ended; 0 if none began."""
    place: str | None = None
    """Where in the task's own code the error was raised."""

    def to_json(self) -> dict[str, Any]:
        """Give the content of the file."""
        return {
            "format": 1,
            "state": self.state,
            "reason": self.reason,
            "message": self.message,
            "place": self.place,
            "traceback": self.traceback,
            "started": self.started,
            "ended": self.ended,
            "exit_code": self.exit_code,
            "attempt": self.attempt,
        }

    def to_bytes(self) -> bytes:
        """Give the file: what :meth:`to_json` says, and quicker, once for each job."""
        return (
            f'{{"format": 1, "state": "{self.state}", "reason": {quoted(self.reason)}, '
            f'"message": {quoted(self.message)}, "place": {quoted(self.place)}, '
            f'"traceback": {quoted(self.traceback)}, "started": {number(self.started)}, '
            f'"ended": {number(self.ended)}, "exit_code": {number(self.exit_code)}, '
            f'"attempt": {self.attempt}}}'
        ).encode("ascii")

    @staticmethod
    def from_json(content: Mapping[str, Any], state: str) -> EndMarker:
        """Give the marker of a file's content.

        Parameters
        ----------
        content
            Any JSON object; what does not fit is left out.
        state
            What the name of the file says, which wins: the name was there first and is atomic.
        """
        reason = None
        if state == "error":
            word = as_text(content.get("reason"))
            reason = _REASONS.get(word or "", FailureReason.ERROR)
        return EndMarker(
            state,
            reason,
            as_text(content.get("message")),
            as_text(content.get("traceback")),
            as_time(content.get("started")),
            as_time(content.get("ended")),
            as_integer(content.get("exit_code")),
            as_integer(content.get("attempt")) or 0,
            as_text(content.get("place")),
        )


_REASONS: dict[str, FailureReason] = {reason.value: reason for reason in FailureReason}


@quick_to_make
@dataclass(frozen=True, slots=True)
class History:
    """What the events and the end marker of a job tell together."""

    state: JobState
    """The state, with the reason of a failure."""
    message: str | None = None
    """One line on a failure."""
    traceback: str | None = None
    """The task's own traceback."""
    started: float | None = None
    """Start of the last attempt, seconds since the epoch."""
    ended: float | None = None
    """End of the last attempt, seconds since the epoch."""
    attempts: int = 0
    """Number of attempts that began."""
    launcher: str | None = None
    """Launcher of the last attempt."""
    pid: int | None = None
    """Process of the last attempt."""
    host: str | None = None
    """Machine of the last attempt."""
    metrics: Mapping[str, Scalar] = field(default_factory=dict)
    """The last value of each metric."""
    trails: Trails = field(default_factory=dict)
    """The course of each metric."""
    progress: tuple[Progress, ...] | None = None
    """The last news of each level of the last attempt, outermost first; None if there were none."""
    problem: str | None = None
    """What contradicts itself, in words."""
    place: str | None = None
    """Where in the task's own code the error was raised."""


@quick_to_make
@dataclass(frozen=True, slots=True)
class JobRecord:
    """Everything that is remembered of one job, as plain values.

    Thread line: immutable, any thread.
    """

    task: str
    """Qualified name of the task."""
    identifier: str
    """Identifier of the task and its values."""
    path: str
    """The job directory, absolute; it may not exist for a job that never began."""
    state: JobState
    """The state, with the reason of a failure."""
    message: str | None = None
    """One line on a failure."""
    traceback: str | None = None
    """The task's own traceback; left out of records that come from the index of a run."""
    params: Mapping[str, Any] = field(default_factory=dict)
    """Parameters by dotted name."""
    tags: Mapping[str, Any] = field(default_factory=dict)
    """Tags by name."""
    result: Any = None
    """The JSON value that ``execute`` returned."""
    metrics: Mapping[str, Scalar] = field(default_factory=dict)
    """The last value of each metric."""
    progress: tuple[Progress, ...] | None = None
    """The last news of each level; left out of records that come from the index of a run."""
    submitted: float | None = None
    """Last submission, seconds since the epoch; None where no run remembers one."""
    started: float | None = None
    """Start of the last attempt, seconds since the epoch."""
    ended: float | None = None
    """End of the last attempt, seconds since the epoch."""
    attempts: int = 0
    """Number of attempts that began."""
    launcher: str | None = None
    """Launcher of the last attempt."""
    pid: int | None = None
    """Process of the last attempt."""
    host: str | None = None
    """Machine of the last attempt."""
    problem: str | None = None
    """What is damaged or contradicts itself, in words; None if nothing is."""
    code: str | None = None
    """Hash of the code that it ran with; None where it is not on record."""
    submitted_code: str | None = None
    """Hash of the code of the last submission; None where no run remembers one."""
    place: str | None = None
    """Where in the task's own code the error was raised; left out like the traceback."""
    run: str | None = None
    """``<experiment>/<run>`` that submitted it; left out of records from the index of a run."""
    trails: Trails = field(default_factory=dict, compare=False, repr=False)
    """The course of each metric; left out of records that come from the index of a run."""

    @property
    def code_changed(self) -> bool:
        """Whether it was submitted last with other code than it ran with."""
        code, submitted = self.code, self.submitted_code
        return code is not None and submitted is not None and code != submitted


def fold(
    events: Iterable[Event],
    markers: Sequence[EndMarker] = (),
    *,
    alive: bool,
    run_alive: bool,
) -> History:
    """Compute the state of a job; the only place that does.

    Parameters
    ----------
    events
        The events of all attempts, in the order of the journal: clocks are not trusted.
    markers
        The end markers that exist: none, one, or by a fault both. Whoever starts another attempt
        removes the old marker first, since a marker always counts.
    alive
        Somebody holds the lock of the job.
    run_alive
        The run that submitted the job is open.

    Returns
    -------
    History
        ``done`` or ``error`` as the marker says; without marker ``running`` or ``error`` (lost)
        once an attempt began, or ``waiting`` where another attempt is due; before that
        ``scheduled``, ``waiting`` or ``error`` (lost).
    """
    start, attempts, interrupted, metrics, trails, levels = _last_attempt(events)
    marker, problem = _last_marker(markers)
    if marker is not None:
        reason = marker.reason or FailureReason.ERROR
        state = JobState.DONE if marker.state == "done" else JobState.error(reason)
        message = marker.message
    else:
        state, message = _unfinished(attempts, interrupted, alive=alive, run_alive=run_alive)
    started = start.time if start is not None else None
    if marker is not None and marker.started is not None:
        started = marker.started
    return History(
        state,
        message,
        marker.traceback if marker is not None else None,
        started,
        marker.ended if marker is not None else None,
        attempts,
        start.launcher if start is not None else None,
        start.pid if start is not None else None,
        start.host if start is not None else None,
        metrics,
        trails,
        tuple(levels[level] for level in sorted(levels)) or None,
        problem,
        marker.place if marker is not None else None,
    )


def _last_attempt(
    events: Iterable[Event],
) -> tuple[
    Started | None, int, AttemptEnded | None, dict[str, Scalar], Trails, dict[int, Progress]
]:
    start: Started | None = None
    interrupted: AttemptEnded | None = None
    attempts = 0
    metrics: dict[str, Scalar] = {}
    trails: Trails = {}
    levels: dict[int, Progress] = {}
    for event in events:
        if isinstance(event, Metrics):
            metrics.update(event.values)
            follow(trails, event.values)
        elif isinstance(event, Progress):
            levels[event.level] = event
        elif isinstance(event, Started):
            start = event
            attempts += 1
            interrupted = None
            levels = {}
        elif isinstance(event, AttemptEnded):
            interrupted = event
    return start, attempts, interrupted, metrics, trails, levels


def _last_marker(markers: Sequence[EndMarker]) -> tuple[EndMarker | None, str | None]:
    if not markers:
        return None, None
    if len(markers) == 1:
        return markers[0], None
    last = max(markers, key=lambda marker: float("-inf") if marker.ended is None else marker.ended)
    return last, f"two end markers exist; the later one counts, which says {last.state}"


def _unfinished(
    attempts: int, interrupted: AttemptEnded | None, *, alive: bool, run_alive: bool
) -> tuple[JobState, str | None]:
    if attempts:
        if alive:
            return JobState.RUNNING, None
        if interrupted is not None:
            if run_alive:
                return JobState.WAITING, f"is run again after: {interrupted.message}"
            reason = _REASONS.get(interrupted.reason, FailureReason.LOST)
            message = f"{interrupted.message}; its kernel ended before it could be run again"
            return JobState.error(reason), message
        return JobState.error(FailureReason.LOST), "its process ended and left no end marker"
    if alive:
        return JobState.SCHEDULED, None
    if run_alive:
        return JobState.WAITING, None
    return JobState.error(FailureReason.LOST), "its kernel ended before the job began"
