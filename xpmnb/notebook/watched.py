"""What a panel reads of a job, and the row that it makes of it.

The scheduler's jobs have these attributes; nothing here imports them, and nothing here draws.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from xpmnb.markup import shown
from xpmnb.notebook.rows import Row, retries_word, state_tone, state_word

# Numbers of characters, and of pairs in one row: a row is read at a glance, the rest is in frames.
TEXT_LIMIT = 400
VALUE_LIMIT = 60
TAGS_LIMIT = 24
PARAMS_LIMIT = 6
METRICS_LIMIT = 8

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
    def retry_count(self) -> int:
        """How often it was run again after its first attempt."""
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


def row_of(job: WatchedJob) -> Row:
    """Return what a panel shows of a job, as it is now."""
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
        message=shown("; ".join(filter(None, (job.message, job.note))), TEXT_LIMIT),
        tags=_pairs(job.tags, TAGS_LIMIT) or _pairs(job.params, PARAMS_LIMIT),
        progress=[
            (_fraction(value), shown(text, TEXT_LIMIT)) for value, text in list(job.progress)
        ],
        code_changed=job.code_changed,
        metrics=_pairs(job.metrics, METRICS_LIMIT),
        spark=None,
        # Of a job that was done before, the retries are history.
        retries="" if job.recognised else retries_word(job.retry_count),
        # Between two attempts no time is counted: the job does not run.
        started_at=job.started_at if state.value in _BEGUN else None,
        ended_at=job.ended_at,
        retry_words="",
        submitted_at=None,
        expected_end=None,
        usual_s=None,
        needs=[],
    )


def _done_word(job: WatchedJob) -> str:
    word = "done earlier" if job.recognised else "done"
    return f"{word}, by other code" if job.code_changed else word


def value_text(value: object) -> str:
    """Return a tag's or a metric's value in few characters: floats with four digits."""
    if isinstance(value, numbers.Real) and not isinstance(value, numbers.Integral):
        return f"{float(value):.4g}"
    try:
        text = str(value)
    except Exception:  # noqa: BLE001 - user code: the value's own __str__
        text = f"<{type(value).__name__}>"
    return shown(text, VALUE_LIMIT)


def _pairs(values: Mapping[str, object], limit: int) -> list[tuple[str, str]]:
    return [
        (shown(str(name), VALUE_LIMIT), value_text(value))
        for name, value in list(values.items())[:limit]
    ]


def _fraction(value: float | None) -> float | None:
    if value is None or not math.isfinite(value):
        return None
    return min(1.0, max(0.0, value))
