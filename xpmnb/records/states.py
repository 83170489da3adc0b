"""The states of a job, why a job failed, and which moves between states are allowed.

Which state a job *is* in lives elsewhere: it is computed by :func:`xpmnb.records.events.fold`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ALLOWED", "STATE_VALUES", "FailureReason", "JobState", "check_move"]


class FailureReason(StrEnum):
    """Why a job ended in the state ``error``; members are equal to their lower-case words."""

    ERROR = "error"
    TIMEOUT = "timeout"
    CANCELLED = "cancelled"
    DEPENDENCY = "dependency"
    MEMORY = "memory"
    LOST = "lost"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class JobState:
    """The state of a job, with the reason where it is ``ERROR``.

    Not an enum because ``ERROR`` carries a reason. States are equal, and hash alike, by name
    alone: ``state == JobState.ERROR`` holds whatever the reason.

    Take the class constants, :meth:`error` or :meth:`from_value`; never the constructor.

    Thread line: immutable, any thread.
    """

    name: str
    """The upper-case word, for example ``"RUNNING"``."""
    value: str
    """The lower-case word, as in journals and tables."""
    is_final: bool
    """True for ``DONE`` and ``ERROR``: nothing more happens unless the task is submitted again."""
    failure_reason: FailureReason | None = None
    """Why the job failed; None unless the state is ``ERROR`` and the reason is known."""

    WAITING: ClassVar[JobState]
    READY: ClassVar[JobState]
    SCHEDULED: ClassVar[JobState]
    RUNNING: ClassVar[JobState]
    DONE: ClassVar[JobState]
    ERROR: ClassVar[JobState]

    @staticmethod
    def error(reason: FailureReason) -> JobState:
        """Give the one ``ERROR`` instance that carries a reason.

        Parameters
        ----------
        reason
            Why the job failed; its word is accepted too.

        Raises
        ------
        ValueError
            The word names no reason.
        """
        return _ERRORS[FailureReason(reason)]

    @staticmethod
    def from_value(value: str, reason: FailureReason | None = None) -> JobState:
        """Give the state of a lower-case word.

        Parameters
        ----------
        value
            ``"waiting"``, ``"ready"``, ``"scheduled"``, ``"running"``, ``"done"`` or ``"error"``.
        reason
            Why the job failed; only kept for ``"error"``.

        Raises
        ------
        ValueError
            The word names no state.
        """
        state = _STATES.get(value)
        if state is None:
            raise ValueError(f"{value!r} is no job state; use one of {', '.join(STATE_VALUES)}")
        if reason is not None and state is JobState.ERROR:
            return _ERRORS[FailureReason(reason)]
        return state

    def __eq__(self, other: object) -> bool:
        """Compare names alone, so that a state is found whatever its reason."""
        return self.name == other.name if isinstance(other, JobState) else NotImplemented

    def __hash__(self) -> int:
        """Hash the name, as equality wants it."""
        return hash(self.name)

    def __repr__(self) -> str:
        """Give the name and, in brackets, the reason."""
        reason = self.failure_reason
        return f"JobState.{self.name}" + (f"({reason.value})" if reason is not None else "")

    def __reduce__(self) -> tuple[object, ...]:
        """Copy and pickle to the one instance that there is."""
        return JobState.from_value, (self.value, self.failure_reason)


STATE_VALUES = ("waiting", "ready", "scheduled", "running", "done", "error")
"""The words of all states, in the order of a job's life."""

_STATES: dict[str, JobState] = {
    word: JobState(word.upper(), word, is_final=word in ("done", "error")) for word in STATE_VALUES
}
_ERRORS: dict[FailureReason, JobState] = {
    reason: JobState("ERROR", "error", is_final=True, failure_reason=reason)
    for reason in FailureReason
}
JobState.WAITING = _STATES["waiting"]
JobState.READY = _STATES["ready"]
JobState.SCHEDULED = _STATES["scheduled"]
JobState.RUNNING = _STATES["running"]
JobState.DONE = _STATES["done"]
JobState.ERROR = _STATES["error"]

# A launcher's news may come late or not at all, so a state may be skipped forward; a job that
# another kernel runs, or has run, is found in its present state. READY follows SCHEDULED and
# RUNNING when a launcher gave the job back or a retry is due; WAITING follows RUNNING when another
# kernel left the job, and what it needs is run again. Only a new submission leaves a final state.
ALLOWED: Mapping[JobState, frozenset[JobState]] = MappingProxyType(
    {
        JobState.WAITING: frozenset(
            {JobState.READY, JobState.RUNNING, JobState.DONE, JobState.ERROR}
        ),
        JobState.READY: frozenset(
            {JobState.SCHEDULED, JobState.RUNNING, JobState.DONE, JobState.ERROR}
        ),
        JobState.SCHEDULED: frozenset(
            {JobState.READY, JobState.RUNNING, JobState.DONE, JobState.ERROR}
        ),
        JobState.RUNNING: frozenset(
            {JobState.WAITING, JobState.READY, JobState.DONE, JobState.ERROR}
        ),
        JobState.DONE: frozenset({JobState.WAITING}),
        JobState.ERROR: frozenset({JobState.WAITING}),
    }
)
"""For each state, the states that may follow it."""


# By name, since moves are checked several times for each job, and strings are compared fastest.
_ALLOWED_NAMES = {
    before.name: frozenset(after.name for after in allowed) for before, allowed in ALLOWED.items()
}


def check_move(before: JobState, after: JobState) -> None:
    """Refuse a move that the life of a job does not have.

    Parameters
    ----------
    before
        The state that the job is in.
    after
        The state that it would be in.

    Raises
    ------
    ValueError
        The move is not in :data:`ALLOWED`: a mistake in the caller, not in the user's task.
    """
    if after.name not in _ALLOWED_NAMES[before.name]:
        allowed = ", ".join(word for word in STATE_VALUES if _STATES[word] in ALLOWED[before])
        raise ValueError(f"a job cannot move from {before!r} to {after!r}; allowed: {allowed}")
