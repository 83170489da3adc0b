"""Rows of jobs of which there is a record and no handle."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpmnb.notebook.recorded import row_of_record
from xpmnb.notebook.rows import headline
from xpmnb.notebook.table import table_html
from xpmnb.notebook.watched import LEVELS_LIMIT, METRICS_LIMIT
from xpmnb.records.events import JobRecord, Progress
from xpmnb.records.states import FailureReason, JobState
from xpmnb.trails import Trail


def record_of(state: JobState = JobState.DONE, **changes: Any) -> JobRecord:
    """Return a record of a job."""
    known: dict[str, Any] = {
        "task": "digits.train",
        "identifier": "ab" * 32,
        "path": "runs/jobs/digits.train/" + "ab" * 32,
        "state": state,
        **changes,
    }
    return JobRecord(**known)


def test_a_record_gives_a_whole_row() -> None:
    """State, name, times, metrics and what it needs are those of the record."""
    trail = Trail()
    for value in (3.0, 1.0, 2.0):
        trail.add(value)
    row = row_of_record(
        record_of(
            tags={"lr": 0.1},
            params={"lr": 0.1, "layers": 3},
            metrics={"loss": 2.0},
            trails={"loss": trail},
            submitted=5.0,
            started=10.0,
            ended=12.0,
            attempts=2,
        ),
        ["cd" * 32],
    )
    assert (row["word"], row["tone"], row["final"]) == ("done", "done", True)
    assert row["name"] == "train"
    assert row["tags"] == [("lr", "0.1")]
    assert row["metrics"] == [("loss", "2")]
    assert row["spark"] == ("loss", [100, 0, 50])
    assert (row["submitted_at"], row["started_at"], row["ended_at"]) == (5.0, 10.0, 12.0)
    assert row["retries"] == "1 retry"
    assert row["needs"] == ["cd" * 32]
    assert not row["retry_words"]


def test_without_tags_parameters_tell_jobs_apart() -> None:
    """Of a job without tags the first parameters are shown."""
    assert row_of_record(record_of(params={"n": 3}))["tags"] == [("n", "3")]


@pytest.mark.parametrize("reason", FailureReason)
def test_every_failure_has_its_word(reason: FailureReason) -> None:
    """A record of any failure makes a row that has ended, with a word for why."""
    row = row_of_record(
        record_of(JobState.error(reason), message="no room", problem="marker is torn")
    )
    assert row["final"]
    assert row["state"] == "error"
    assert row["word"]
    assert row["message"] == "no room; marker is torn"


def test_other_code_is_said() -> None:
    """A result of other code says so in its word."""
    record = record_of(code="a", submitted_code="b")
    assert record.code_changed
    assert row_of_record(record)["word"] == "done, by other code"


texts = st.text(max_size=20) | st.just("x" * 5_000)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts


@given(
    st.dictionaries(texts, scalars, max_size=12),
    st.lists(st.tuples(st.floats() | st.none(), texts), max_size=20),
    texts,
)
def test_any_record_gives_a_row_that_pages_can_read(
    values: dict[str, Any], levels: list[tuple[float | None, str]], words: str
) -> None:
    """Hostile names, texts and numbers give a row of bounded size that is strict JSON."""
    progress = tuple(Progress(1.0, 1, at, *each) for at, each in enumerate(levels))
    row = row_of_record(
        record_of(
            JobState.RUNNING,
            message=words,
            tags=values,
            metrics=values,
            progress=progress or None,
            problem=words,
        )
    )
    text = json.dumps(row, allow_nan=False)
    assert len(text) < 60_000
    assert len(row["progress"]) <= LEVELS_LIMIT
    assert len(row["metrics"]) <= METRICS_LIMIT
    assert "<script" not in table_html([row])
    assert headline([row]) == "1 job: 1 running"
