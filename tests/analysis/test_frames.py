"""Frames of jobs, metrics and events: columns, dtypes, and empty tables alike."""

import math
from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpmnb.analysis.frames import JobEvents, events_frame, jobs_frame, metrics_frame
from xpmnb.records.events import JobRecord, Metrics, Notice, Progress, Started
from xpmnb.records.states import STATE_VALUES, FailureReason, JobState

DONE = JobRecord(
    "nb.train",
    "a",
    "/w/jobs/nb.train/a",
    JobState.DONE,
    params={"lr": 0.1, "model.layers": 3, "sizes": [1, 2]},
    tags={"lr": 0.1},
    result={"accuracy": 0.9, "by": {"class": {"cat": 0.8}}},
    metrics={"loss": 1.0, "epoch": 4},
    submitted=5.0,
    started=10.0,
    ended=12.5,
    attempts=3,
    launcher="thread",
    pid=42,
    host="here",
)
FAILED = JobRecord(
    "nb.train",
    "b",
    "/w/jobs/nb.train/b",
    JobState.error(FailureReason.LOST),
    "its process ended",
    params={"lr": 1, "model.layers": None},
    problem="train.done is torn",
)
FIXED = {
    "id": "string",
    "task": "category",
    "state": "category",
    "failure": "category",
    "message": "string",
    "submitted": "datetime64[ns, UTC]",
    "started": "datetime64[ns, UTC]",
    "ended": "datetime64[ns, UTC]",
    "duration_s": "float64",
    "retries": "int64",
    "launcher": "category",
    "host": "category",
    "code": "category",
    "code_changed": "bool",
    "path": "string",
    "stdout": "string",
    "stderr": "string",
    "problem": "string",
}
EVENTS = (
    Started(10.0, 1, "thread", 42, "here"),
    Progress(10.5, 1, 0, None, "epochs"),
    Metrics(11.0, 1, 0, {"loss": 2.0}),
    Notice(11.5, 1, "asked to stop"),
    Metrics(12.0, 1, None, {"loss": 1.0, "epoch": 1}),
)


def dtypes(frame: pd.DataFrame) -> dict[str, str]:
    """Give the dtypes of a frame as words."""
    return {str(name): str(dtype) for name, dtype in frame.dtypes.items()}


@pytest.mark.parametrize("records", [[], [DONE], [FAILED], [DONE, FAILED]])
def test_fixed_columns_are_always_the_same(records: list[JobRecord]) -> None:
    """Any table of jobs, also an empty one, begins with the same columns and dtypes."""
    frame = jobs_frame(iter(records))
    assert dict(list(dtypes(frame).items())[: len(FIXED)]) == FIXED
    assert isinstance(frame.index, pd.RangeIndex)
    assert len(frame) == len(records)
    assert frame["state"].cat.categories.tolist() == list(STATE_VALUES)
    assert frame["failure"].cat.categories.tolist() == list(FailureReason)


def test_a_row_tells_a_job() -> None:
    """Values of a record stand in their columns, missing ones are missing."""
    frame = jobs_frame([DONE, FAILED])
    first, second = frame.iloc[0], frame.iloc[1]
    assert first[["id", "task", "state", "launcher", "host"]].tolist() == [
        "a",
        "nb.train",
        "done",
        "thread",
        "here",
    ]
    assert first["started"] == pd.Timestamp(10, unit="s", tz="UTC")
    assert (first["duration_s"], first["retries"], second["retries"]) == (2.5, 2, 0)
    assert first["stdout"] == "/w/jobs/nb.train/a/train.out"
    assert first["stderr"] == "/w/jobs/nb.train/a/train.err"
    assert first[["failure", "message", "problem"]].isna().all()
    assert second[["failure", "message", "problem"]].tolist() == [
        "lost",
        "its process ended",
        "train.done is torn",
    ]
    assert second[["started", "duration_s", "launcher"]].isna().all()


def test_values_follow_in_named_columns() -> None:
    """Parameters, tags, metrics and results come flat, after the fixed columns."""
    frame = jobs_frame([DONE, FAILED])
    assert dict(list(dtypes(frame).items())[len(FIXED) :]) == {
        "params.lr": "float64",
        "params.model.layers": "Int64",
        "params.sizes": "object",
        "tags.lr": "float64",
        "metrics.loss": "float64",
        "metrics.epoch": "Int64",
        "result.accuracy": "float64",
        "result.by.class.cat": "float64",
    }
    assert frame["params.sizes"][0] == [1, 2]


def test_a_result_that_is_no_mapping_is_one_column() -> None:
    """Numbers and lists are the column result; mappings beside them keep their columns."""
    frame = jobs_frame([replace(DONE, result=3.5), replace(DONE, result={"x": 1}), FAILED])
    assert frame["result"][0] == 3.5
    assert frame["result"].isna().tolist() == [False, True, True]
    assert frame["result.x"].tolist() == [pd.NA, 1, pd.NA]
    assert "result" not in jobs_frame([DONE])


def test_tables_can_be_queried_and_sorted() -> None:
    """State words are lower case, compare as words, and sort in the order of a job's life."""
    frame = jobs_frame([FAILED, DONE])
    assert frame.query("state == 'error'")["id"].tolist() == ["b"]
    assert frame.query("state == 'teleported'").empty
    assert frame.query("problem.isna() and `params.lr` < 0.5")["id"].tolist() == ["a"]
    assert frame.sort_values("state")["id"].tolist() == ["a", "b"]
    assert jobs_frame([]).dtypes["state"] == frame.dtypes["state"]


def test_metrics_have_a_row_per_call() -> None:
    """Each call of log is a row with its values and the job's tags."""
    frame = metrics_frame([(DONE, EVENTS), (FAILED, ())])
    assert frame["id"].tolist() == ["a", "a"]
    assert frame["step"].tolist() == [0, pd.NA]
    assert frame["metrics.loss"].tolist() == [2.0, 1.0]
    assert frame["metrics.epoch"].tolist() == [pd.NA, 1]
    assert frame["tags.lr"].tolist() == [0.1, 0.1]


@pytest.mark.parametrize("jobs", [[], [(DONE, ())], [(DONE, EVENTS)]])
def test_metrics_have_fixed_columns(jobs: list[JobEvents]) -> None:
    """Any table of metrics begins with the same columns and dtypes."""
    assert dict(list(dtypes(metrics_frame(jobs)).items())[:5]) == {
        "id": "string",
        "task": "category",
        "time": "datetime64[ns, UTC]",
        "attempt": "int64",
        "step": "Int64",
    }


@pytest.mark.parametrize("jobs", [[], [(DONE, EVENTS)]])
def test_events_have_fixed_columns(jobs: list[JobEvents]) -> None:
    """Any table of events has the same columns and dtypes."""
    assert dtypes(events_frame(jobs)) == {
        "id": "string",
        "task": "category",
        "time": "datetime64[ns, UTC]",
        "attempt": "Int64",
        "event": "category",
        "level": "Int64",
        "progress": "float64",
        "step": "Int64",
        "text": "string",
    }


def test_events_go_from_submission_to_end() -> None:
    """Each event is a row in the order of writing, between submission and end."""
    frame = events_frame([(DONE, EVENTS), (FAILED, ())])
    assert frame["event"].tolist() == [
        "submitted",
        "started",
        "progress",
        "metrics",
        "notice",
        "metrics",
        "done",
        "error",
    ]
    assert frame["text"].dropna().tolist() == [
        "thread, process 42 on here",
        "epochs",
        "asked to stop",
        "its process ended",
    ]
    assert frame["level"].dropna().tolist() == [0]
    assert frame["step"].dropna().tolist() == [0]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=4,
)
records = st.builds(
    JobRecord,
    task=st.text(),
    identifier=st.text(),
    path=st.text(),
    state=st.sampled_from([JobState.from_value(word) for word in STATE_VALUES]),
    params=st.dictionaries(st.text(), json_values, max_size=3),
    result=json_values,
    started=st.none() | st.floats(),
    ended=st.none() | st.floats(),
)


def test_times_that_no_clock_shows_have_no_difference() -> None:
    """A damaged file may say that a job began before all time: its duration is missing."""
    rows = [replace(DONE, started=1e308, ended=-1e308), replace(DONE, started=math.inf)]
    assert jobs_frame(rows)["duration_s"].isna().all()


@given(st.lists(records, max_size=4))
def test_any_records_make_a_table(rows: list[JobRecord]) -> None:
    """Whatever plain values the records hold, there is one row each."""
    assert len(jobs_frame(rows)) == len(rows)
    assert len(events_frame((row, EVENTS) for row in rows)) >= len(rows) * len(EVENTS)
