"""What a panel reads of a job, and the row that it makes of it.

The scheduler's jobs have these attributes; nothing here imports them, and nothing here draws.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from xpmnb.markup import shown
from xpmnb.notebook.rows import SPARK_POINTS, Row, retries_word, state_tone, state_word
from xpmnb.notebook.sparkline import course
from xpmnb.notebook.values import VALUE_LIMIT, value_text
from xpmnb.trails import Trails

# Numbers of characters, and of pairs in one row: a row is read at a glance, the rest is in frames.
TEXT_LIMIT = 400
TAGS_LIMIT = 24
PARAMS_LIMIT = 6
METRICS_LIMIT = 8
LEVELS_LIMIT = 8

# Metrics that only count: their course tells nothing.
_COUNTERS = frozenset(("batch", "epoch", "iteration", "step"))

# States in which a job runs or has run.
_BEGUN = frozenset(("running", "done", "error"))


class WatchedState(Protocol):
    """A job's state, as far as a panel reads it."""

    @property
    def value(self) -> str:
        """The state in lower case."""
        ...

    @property
    def is_final(self) -> bool:
        """Whether the job has ended."""
        ...


class WatchedReason(Protocol):
    """Why a job failed, as far as a panel reads it."""

    @property
    def value(self) -> str:
        """The reason in lower case."""
        ...


class WatchedJob(Protocol):
    """A job as far as a panel reads it; every attribute may be read from any thread.

    Times are seconds since the epoch; ``progress`` goes from the outermost level inwards.
    """

    @property
    def id(self) -> str:
        """The identifier."""
        ...

    @property
    def name(self) -> str:
        """The task's short name."""
        ...

    @property
    def path(self) -> Path:
        """The job's directory."""
        ...

    @property
    def state(self) -> WatchedState:
        """The present state."""
        ...

    @property
    def failure_reason(self) -> WatchedReason | None:
        """Why it failed, once it did."""
        ...

    @property
    def message(self) -> str:
        """What a person should read beside the state; may be empty."""
        ...

    @property
    def note(self) -> str:
        """Where its result came from, or is likely to be; may be empty."""
        ...

    @property
    def tags(self) -> Mapping[str, object]:
        """The tags of the submitted task."""
        ...

    @property
    def params(self) -> Mapping[str, object]:
        """The parameters by dotted name: what tells jobs without tags apart."""
        ...

    @property
    def recognised(self) -> bool:
        """Whether it was done before, so that nothing was run now."""
        ...

    @property
    def code_changed(self) -> bool:
        """Whether its result was made by other code than the task has now."""
        ...

    @property
    def progress(self) -> Sequence[tuple[float | None, str]]:
        """Fraction done (None where unknown) and text of each level."""
        ...

    @property
    def metrics(self) -> Mapping[str, object]:
        """The last value of each metric."""
        ...

    @property
    def trails(self) -> Trails:
        """The course of each metric."""
        ...

    @property
    def needs(self) -> Sequence[str]:
        """The identifiers of the jobs that must be done first."""
        ...

    @property
    def is_resumable(self) -> bool:
        """Whether another run goes on from what this one left."""
        ...

    @property
    def can_retry(self) -> bool:
        """Whether it failed, and `retry` can submit it once more."""
        ...

    @property
    def retry_count(self) -> int:
        """How often it was run again after its first attempt."""
        ...

    @property
    def submitted_at(self) -> float | None:
        """When it was submitted."""
        ...

    @property
    def started_at(self) -> float | None:
        """When the body began."""
        ...

    @property
    def ended_at(self) -> float | None:
        """When the job ended."""
        ...

    @property
    def stopping(self) -> bool:
        """Whether it was asked to stop and still runs."""
        ...

    def cancel(self) -> object:
        """Ask the job to stop, without waiting."""
        ...

    def retry(self) -> object:
        """Submit the task of a failed job once more, without waiting."""
        ...


class Prospect(Protocol):
    """What is expected of jobs that have not ended; see ``outlook.py``."""

    def usual_s(self, job: WatchedJob) -> float | None:
        """Return how long jobs of the same task take, in seconds."""
        ...

    def expected_end(self, job: WatchedJob, now: float) -> float | None:
        """Return when a running job is likely to end, in seconds since the epoch."""
        ...


def row_of(job: WatchedJob, prospect: Prospect | None = None, now: float = 0.0) -> Row:
    """Return what a panel shows of a job, as it is now.

    Parameters
    ----------
    job : WatchedJob
        The job.
    prospect : Prospect or None
        Tells when it is likely to end; None where nobody asks.
    now : float
        The present in seconds since the epoch, for the prospect.
    """
    # Read once: another thread may move the job on while the row is made.
    state, reason, stopping = job.state, job.failure_reason, job.stopping
    failure = reason.value if reason is not None else None
    word = state_word(state.value, failure, stopping=stopping)
    return Row(
        key=job.id,
        name=shown(job.name, TEXT_LIMIT),
        path=shown(str(job.path)),
        state=state.value,
        word=_done_word(job) if state.value == "done" else word,
        tone=state_tone(state.value, failure),
        stopping=stopping,
        final=state.is_final,
        message=shown(job.message or job.note, TEXT_LIMIT),
        tags=value_pairs(job.tags, TAGS_LIMIT) or value_pairs(job.params, PARAMS_LIMIT),
        progress=[
            (fraction_of(value), shown(text, TEXT_LIMIT))
            for value, text in list(job.progress)[:LEVELS_LIMIT]
        ],
        code_changed=job.code_changed,
        metrics=value_pairs(job.metrics, METRICS_LIMIT),
        spark=spark_of(job.trails),
        # Of a job that was done before, the retries are history.
        retries="" if job.recognised else retries_word(job.retry_count),
        # Between two attempts no time is counted: the job does not run.
        started_at=job.started_at if state.value in _BEGUN else None,
        ended_at=job.ended_at,
        retry_words=_retry_words(job) if job.can_retry else "",
        submitted_at=job.submitted_at,
        expected_end=prospect.expected_end(job, now) if prospect else None,
        usual_s=None if prospect is None or state.is_final else prospect.usual_s(job),
        needs=list(job.needs),
    )


def _done_word(job: WatchedJob) -> str:
    word = "done earlier" if job.recognised else "done"
    return f"{word}, by other code" if job.code_changed else word


def _retry_words(job: WatchedJob) -> str:
    if job.started_at is None:
        return "Run again?"
    if job.is_resumable:
        return "Run again? It goes on from what its directory holds."
    return "Run again? What the failed run left goes to the trash."


def spark_of(trails: Trails) -> tuple[str, list[int]] | None:
    """Return the course of the metric that tells most: the first that does more than count."""
    for name, trail in list(trails.items()):
        if name.rpartition("/")[2].lower() not in _COUNTERS:
            heights = course(trail.points, SPARK_POINTS)
            # A single point is a value, and the value stands beside it.
            return (shown(name, VALUE_LIMIT), heights) if len(heights) > 1 else None
    return None


def value_pairs(values: Mapping[str, object], limit: int) -> list[tuple[str, str]]:
    """Return the first names and values in few characters each."""
    return [
        (shown(str(name), VALUE_LIMIT), value_text(value))
        for name, value in list(values.items())[:limit]
    ]


def fraction_of(value: float | None) -> float | None:
    """Return a fraction from 0 to 1; None where it is not known, or no number that JSON has."""
    if value is None or not math.isfinite(value):
        return None
    return min(1.0, max(0.0, value))
