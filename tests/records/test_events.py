"""Events, end markers and records to and from JSON, and the fold that computes a state."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpmnb.records.events import (
    EndMarker,
    Event,
    Metrics,
    Notice,
    Progress,
    Started,
    event_from_json,
    fold,
)
from xpmnb.records.journal import encode_line
from xpmnb.records.states import FailureReason, JobState

START = Started(10.0, 1, "thread", 42, "here")
DONE = EndMarker("done", started=10.0, ended=20.0, exit_code=0)
FAILED = EndMarker("error", FailureReason.ERROR, "ValueError: no", "Traceback", 10.0, 15.0, 1)

times = st.floats(0, 4e9)
numbers = st.integers(0, 2**40)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
events = st.one_of(
    st.builds(Started, times, numbers, st.text(), numbers, st.text()),
    st.builds(Progress, times, numbers, numbers, st.none() | st.floats(0, 1), st.text()),
    st.builds(Metrics, times, numbers, st.none() | numbers, st.dictionaries(st.text(), scalars)),
    st.builds(Notice, times, numbers, st.text()),
)
markers = st.builds(
    EndMarker,
    st.just("error"),
    st.sampled_from(FailureReason),
    st.none() | st.text(),
    st.none() | st.text(),
    st.none() | times,
    st.none() | times,
    st.none() | st.integers(-64, 255),
    numbers,
)
json_values = st.recursive(
    scalars | st.floats(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)


@given(events)
def test_events_survive_json(event: Event) -> None:
    """An event comes back from its JSON form as it was."""
    assert event_from_json(json.loads(json.dumps(event.to_json()))) == event


@given(markers)
def test_end_markers_survive_json(marker: EndMarker) -> None:
    """An end marker comes back from its JSON form as it was."""
    content = json.loads(json.dumps(marker.to_json()))
    assert EndMarker.from_json(content, "error") == marker


@given(
    st.dictionaries(
        st.sampled_from(["event", "time", "attempt", "level", "values", "text", "step", "x"]),
        json_values | st.sampled_from(["started", "progress", "metrics", "notice"]),
    )
)
def test_foreign_entries_never_raise(entry: Mapping[str, Any]) -> None:
    """Whatever an entry holds, it is an event or nothing, and markers are read from it too."""
    event = event_from_json(entry)
    assert event is None or event.to_json()["event"] == entry["event"]
    assert EndMarker.from_json(entry, "done").state == "done"


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"event": "teleported", "time": 1.0, "attempt": 1},
        {"event": ["started"], "time": 1.0, "attempt": 1},
        {"event": "started", "attempt": 1},
        {"event": "started", "time": "now", "attempt": 1},
        {"event": "started", "time": float("nan"), "attempt": 1},
        {"event": "started", "time": 10**400, "attempt": 1},
        {"event": "notice", "time": 1.0, "attempt": True, "text": "x"},
        {"event": "notice", "time": 1.0, "attempt": 1},
        {"event": "metrics", "time": 1.0, "attempt": 1, "values": [1]},
        {"event": "progress", "time": 1.0, "attempt": 1, "level": "0"},
    ],
)
def test_unknown_and_broken_entries_are_no_events(entry: Mapping[str, Any]) -> None:
    """A kind of a later version, or an entry without its parts, is left out."""
    assert event_from_json(entry) is None


def test_metrics_keep_scalars_only() -> None:
    """A metric that is no scalar is left out; the others of its call are kept."""
    entry = {"event": "metrics", "time": 1, "attempt": 1, "values": {"a": 1, "b": [1], "c": None}}
    assert event_from_json(entry) == Metrics(1.0, 1, None, {"a": 1, "c": None})


def test_an_unknown_reason_is_an_error() -> None:
    """A reason that a later version knows is still a failure; the name of the file wins."""
    assert EndMarker.from_json({"reason": "aliens"}, "error").reason is FailureReason.ERROR
    assert EndMarker.from_json({"reason": "lost", "state": "error"}, "done").reason is None


@pytest.mark.parametrize("alive", [True, False])
@pytest.mark.parametrize("run_alive", [True, False])
@pytest.mark.parametrize("history", [(), (START,)])
@pytest.mark.parametrize(
    ("marker", "state"),
    [
        (DONE, JobState.DONE),
        *((EndMarker("error", reason), JobState.error(reason)) for reason in FailureReason),
        (EndMarker("error"), JobState.error(FailureReason.ERROR)),
    ],
)
def test_an_end_marker_decides(
    marker: EndMarker,
    state: JobState,
    history: tuple[Event, ...],
    *,
    run_alive: bool,
    alive: bool,
) -> None:
    """With an end marker the job ended as it says, whoever lives and whatever was written."""
    assert fold(history, (marker,), alive=alive, run_alive=run_alive).state is state


@pytest.mark.parametrize(
    ("began", "alive", "run_alive", "state"),
    [
        (True, True, True, JobState.RUNNING),
        (True, True, False, JobState.RUNNING),
        (True, False, True, JobState.error(FailureReason.LOST)),
        (True, False, False, JobState.error(FailureReason.LOST)),
        (False, True, True, JobState.SCHEDULED),
        (False, True, False, JobState.SCHEDULED),
        (False, False, True, JobState.WAITING),
        (False, False, False, JobState.error(FailureReason.LOST)),
    ],
)
def test_without_marker_it_matters_who_lives(
    state: JobState, *, began: bool, alive: bool, run_alive: bool
) -> None:
    """Without end marker the state follows from whether an attempt began and who is alive."""
    history = fold((START,) if began else (), alive=alive, run_alive=run_alive)
    assert history.state is state
    assert (history.message is None) == (state != JobState.ERROR)


@pytest.mark.parametrize("order", [(DONE, FAILED), (FAILED, DONE)])
def test_of_two_markers_the_later_counts(order: tuple[EndMarker, EndMarker]) -> None:
    """When both markers exist, the one that ended later counts, and the problem says so."""
    history = fold((START,), order, alive=False, run_alive=False)
    assert history.state is JobState.DONE
    assert history.problem is not None
    assert "two end markers" in history.problem


def test_the_last_attempt_is_told() -> None:
    """Attempts are counted in the order of the journal, not by clocks or numbers."""
    again = Started(5.0, 1, "process", 43, "there")
    history = fold((START, again), (), alive=True, run_alive=True)
    assert history.attempts == 2
    assert (history.started, history.launcher, history.pid, history.host) == (
        5.0,
        "process",
        43,
        "there",
    )


def test_metrics_and_progress_are_the_last_ones() -> None:
    """Each metric has its last value; progress is that of the last attempt, outermost first."""
    history = fold(
        (
            START,
            Progress(11.0, 1, 3, 0.5, "old attempt"),
            Metrics(12.0, 1, 0, {"loss": 3.0, "epoch": 0}),
            Started(13.0, 2, "thread", 42, "here"),
            Progress(14.0, 2, 1, 0.1, "inner"),
            Progress(15.0, 2, 0, 0.2, "outer"),
            Progress(16.0, 2, 1, 0.9, "inner"),
            Metrics(17.0, 2, 1, {"loss": 2.0}),
            Notice(18.0, 2, "a retry"),
        ),
        alive=True,
        run_alive=True,
    )
    assert history.metrics == {"loss": 2.0, "epoch": 0}
    assert history.progress is not None
    assert [(p.level, p.value) for p in history.progress] == [(0, 0.2), (1, 0.9)]


def test_the_marker_tells_times_and_traceback() -> None:
    """Start, end, message and traceback are the marker's."""
    history = fold((Started(9.0, 1, "thread", 1, "h"),), (FAILED,), alive=False, run_alive=False)
    assert (history.started, history.ended) == (10.0, 15.0)
    assert (history.message, history.traceback) == ("ValueError: no", "Traceback")


@given(
    history=st.lists(events),
    ends=st.lists(markers, max_size=2),
    alive=st.booleans(),
    run_alive=st.booleans(),
)
def test_fold_is_total(
    *, history: list[Event], ends: list[EndMarker], alive: bool, run_alive: bool
) -> None:
    """Any events and markers give a state; it is final exactly where nobody can change it."""
    folded = fold(history, ends, alive=alive, run_alive=run_alive)
    if ends or not (alive or run_alive):
        assert folded.state.is_final
    assert folded.attempts == sum(isinstance(event, Started) for event in history)


@given(markers)
def test_the_file_of_a_marker_says_what_its_json_says(marker: EndMarker) -> None:
    """The quick way to write an end marker and the plain one give the same."""
    assert marker.to_bytes() == json.dumps(marker.to_json()).encode()


@given(
    st.builds(Started, times, numbers, st.text(), numbers, st.text(), st.none() | times),
)
def test_the_line_of_a_start_says_what_its_json_says(event: Started) -> None:
    """The quick way to write that an attempt began and the plain one give the same."""
    assert event.to_line() == encode_line(event.to_json())
