"""Reading job directories: sound, unfinished, damaged and hostile ones."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xpmnb.records import job_directory
from xpmnb.records.events import EndMarker, JobRecord, Metrics, Started
from xpmnb.records.files import PathLock
from xpmnb.records.job_directory import Submission, read_events, read_job
from xpmnb.records.journal import JournalWriter
from xpmnb.records.layout import JobLayout, WorkspaceLayout
from xpmnb.records.states import FailureReason, JobState

LOST = JobState.error(FailureReason.LOST)


def make_job(
    root: Path,
    *,
    identifier: str = "abc",
    started: bool = True,
    marker: EndMarker | None = None,
    result: Any = None,
) -> JobLayout:
    """Write a job directory as a worker does."""
    layout = WorkspaceLayout(root).job("nb.train", identifier)
    Path(layout.hidden).mkdir(parents=True)
    params = {"format": 1, "params": {"lr": 0.1, "model.layers": 3}, "tags": {"lr": 0.1}}
    Path(layout.params).write_text(json.dumps(params))
    if started:
        journal = JournalWriter(layout.events)
        journal.append(Started(10.0, 1, "thread", 42, "here").to_json())
        journal.append(Metrics(11.0, 1, 0, {"loss": 2.0}).to_json())
        journal.append({"event": "teleported", "time": 12.0, "attempt": 1})
        journal.append(Metrics(13.0, 1, 1, {"loss": 1.0}).to_json())
        journal.close()
    if marker is not None:
        path = layout.done if marker.state == "done" else layout.failed
        Path(path).write_text(json.dumps(marker.to_json()))
    if result is not None:
        Path(layout.result).write_text(json.dumps(result))
    return layout


def end(state: str = "done", ended: float = 20.0) -> EndMarker:
    """Give an end marker."""
    reason = FailureReason.MEMORY if state == "error" else None
    return EndMarker(state, reason, "out of memory" if reason else None, None, 10.0, ended)


def problem_of(record: JobRecord) -> str:
    """Give the problem of a damaged record."""
    assert record.problem is not None
    return record.problem


def test_a_finished_job_is_read_whole(tmp_path: Path) -> None:
    """Parameters, tags, result, last metrics, times and process come from the directory."""
    layout = make_job(tmp_path, marker=end(), result={"accuracy": 0.9})
    assert read_job(layout) == JobRecord(
        task="nb.train",
        identifier="abc",
        path=layout.path,
        state=JobState.DONE,
        params={"lr": 0.1, "model.layers": 3},
        tags={"lr": 0.1},
        result={"accuracy": 0.9},
        metrics={"loss": 1.0},
        started=10.0,
        ended=20.0,
        attempts=1,
        launcher="thread",
        pid=42,
        host="here",
    )


def test_a_failed_job_says_why(tmp_path: Path) -> None:
    """State, reason and message come from the end marker; an old result is not shown."""
    record = read_job(make_job(tmp_path, marker=end("error"), result={"old": 1}))
    assert record.state is JobState.error(FailureReason.MEMORY)
    assert record.message == "out of memory"
    assert record.result is None


def test_a_locked_job_runs_and_a_free_one_is_lost(tmp_path: Path) -> None:
    """Without end marker, an attempt runs while its lock is held and is lost afterwards."""
    layout = make_job(tmp_path)
    lock = PathLock(layout.lock)
    assert lock.acquire()
    assert read_job(layout).state is JobState.RUNNING
    lock.release()
    record = read_job(layout)
    assert record.state is LOST
    assert record.message == "its process ended and left no end marker"
    assert record.problem is None


def test_a_job_that_ends_while_it_is_read_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A marker that appears between two looks, with the lock freed, is found."""
    layout = make_job(tmp_path)

    def ends_now(path: str) -> bool:
        assert path == layout.lock
        Path(layout.done).write_text(json.dumps(end().to_json()))
        return False

    monkeypatch.setattr(job_directory, "is_locked", ends_now)
    assert read_job(layout).state is JobState.DONE


def test_a_submission_that_did_not_begin_waits_for_its_run(tmp_path: Path) -> None:
    """A job without directory waits while its run is open, and is lost afterwards."""
    layout = WorkspaceLayout(tmp_path).job("nb.train", "abc")
    submission = Submission(5.0, {"lr": 1.0}, {"t": 1})
    waiting = read_job(layout, submission, run_alive=True)
    assert (waiting.state, waiting.submitted) == (JobState.WAITING, 5.0)
    assert (waiting.params, waiting.tags, waiting.problem) == ({"lr": 1.0}, {"t": 1}, None)
    lost = read_job(layout, submission)
    assert lost.state is LOST
    assert lost.message == "its kernel ended before the job began"


def test_a_job_that_never_began_ends_as_its_run_noted(tmp_path: Path) -> None:
    """The note of a run counts for a job without attempt, and only if it tells of no marker."""
    layout = WorkspaceLayout(tmp_path).job("nb.train", "abc")
    note = {"state": "error", "reason": "dependency", "message": "nb.data failed"}
    record = read_job(layout, Submission(5.0, {}, {}, note), run_alive=True)
    assert record.state is JobState.error(FailureReason.DEPENDENCY)
    assert record.message == "nb.data failed"
    with_marker = Submission(5.0, {}, {}, {**note, "marker_mtime_ns": 1})
    gone = read_job(layout, with_marker, run_alive=True)
    assert gone.state == JobState.ERROR
    assert gone.state.failure_reason is FailureReason.LOST


def test_both_markers_are_a_problem_and_the_later_counts(tmp_path: Path) -> None:
    """A directory with both end markers is told by the later one, and says so."""
    layout = make_job(tmp_path, marker=end("error", ended=30.0))
    Path(layout.done).write_text(json.dumps(end(ended=20.0).to_json()))
    record = read_job(layout)
    assert record.state is JobState.error(FailureReason.MEMORY)
    assert "two end markers" in problem_of(record)


HOSTILE: dict[str, bytes | int | None] = {
    "empty": b"",
    "torn": b'{"params": {"lr": 0.',
    "binary": bytes(range(256)) * 8,
    "list": b"[1, 2, 3]",
    "nested": b"[" * 200_000,
    "number": b'{"ended": ' + b"9" * 5000 + b"}",
    "wrong types": b'{"params": 3, "tags": [], "ended": "now", "reason": {}, "message": 4}',
    "huge": 1 << 40,
    "directory": None,
}


def damage(path: str, content: bytes | int | None) -> None:
    """Replace a file by hostile content: bytes, a size, or a directory."""
    Path(path).unlink(missing_ok=True)
    if content is None:
        Path(path).mkdir()
    elif isinstance(content, int):
        Path(path).touch()
        os.truncate(path, content)
    else:
        Path(path).write_bytes(content)


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("file", ["params", "result", "done", "failed", "events", "lock"])
def test_damaged_files_are_a_problem_not_an_error(
    tmp_path: Path, file: str, content: bytes | int | None
) -> None:
    """Any damaged file of a job leaves a record; what cannot be read is named."""
    marker = None if file in ("failed", "lock") else end()
    layout = make_job(tmp_path, marker=marker, result=1)
    path: str = getattr(layout, file)
    damage(path, content)
    record = read_job(layout)
    assert (record.task, record.identifier) == ("nb.train", "abc")
    # Any content is fine for a lock; torn events end quietly; any JSON is a result; a marker
    # without its parts is still one.
    accepted = {
        "lock": set(HOSTILE),
        "events": {"empty", "torn", "list", "nested", "number", "wrong types"},
        "result": {"list", "wrong types"},
        "done": {"wrong types"},
        "failed": {"wrong types"},
    }
    name = next(key for key, value in HOSTILE.items() if value is content)
    if name not in accepted.get(file, set()):
        assert Path(path).name in problem_of(record)


@pytest.mark.parametrize("name", ["empty", "torn", "binary", "huge"])
def test_a_damaged_end_marker_still_ends_the_job(tmp_path: Path, name: str) -> None:
    """The name of an end marker counts, with its time, even if its content is damaged."""
    layout = make_job(tmp_path, marker=end("error"))
    damage(layout.failed, HOSTILE[name])
    record = read_job(layout)
    assert record.state is JobState.error(FailureReason.ERROR)
    assert record.ended == Path(layout.failed).stat().st_mtime
    assert record.message is not None
    assert "train.failed" in record.message


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.lists(st.binary(max_size=80), min_size=4, max_size=4))
def test_random_bytes_never_raise(tmp_path: Path, contents: list[bytes]) -> None:
    """Random bytes in all files of a job give a record."""
    layout = WorkspaceLayout(tmp_path).job("nb.train", "abc")
    Path(layout.hidden).mkdir(parents=True, exist_ok=True)
    files = (layout.params, layout.events, layout.done, layout.result)
    for path, content in zip(files, contents, strict=True):
        Path(path).write_bytes(content)
    assert read_job(layout).state is JobState.DONE


def test_foreign_directories_are_rows(tmp_path: Path) -> None:
    """An empty directory, a plain file and a missing one are records that say what is wrong."""
    layout = WorkspaceLayout(tmp_path).job("nb.train", "abc")
    assert "not a job directory" in problem_of(read_job(layout))
    Path(layout.path).mkdir(parents=True)
    assert "not a job directory" in problem_of(read_job(layout))
    Path(layout.path).rmdir()
    Path(layout.path).write_text("a file")
    assert "not a job directory" in problem_of(read_job(layout))


def test_missing_parameters_are_a_problem(tmp_path: Path) -> None:
    """A job directory without params.json is still a row."""
    layout = make_job(tmp_path, marker=end())
    Path(layout.params).unlink()
    assert read_job(layout).problem == "params.json is missing"


def test_a_linked_directory_is_read_and_told(tmp_path: Path) -> None:
    """A job directory that is a symbolic link is read, and the record says where it leads."""
    real = make_job(tmp_path / "elsewhere", marker=end())
    layout = WorkspaceLayout(tmp_path / "w").job("nb.train", "abc")
    Path(layout.path).parent.mkdir(parents=True)
    Path(layout.path).symlink_to(real.path)
    record = read_job(layout)
    assert record.state is JobState.DONE
    assert f"symbolic link to {real.path}" in problem_of(record)
    Path(layout.path).unlink()
    Path(layout.path).symlink_to(layout.path)
    assert "symbolic link" in problem_of(read_job(layout))


def test_files_without_permission_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that may not be read is named; nothing is raised."""
    layout = make_job(tmp_path, marker=end())
    real = os.open

    def refuse(path: str, flags: int, mode: int = 0o777) -> int:
        if path.startswith(layout.path):
            raise PermissionError(13, "Permission denied", path)
        return real(path, flags, mode)

    # The superuser, who runs tests in containers, may read everything.
    monkeypatch.setattr(os, "open", refuse)
    problem = problem_of(read_job(layout))
    for name in ("params.json", "events.jsonl", "train.done"):
        assert f"{name} cannot be read: Permission denied" in problem


def test_events_of_a_job_are_read_in_order(tmp_path: Path) -> None:
    """Known events come in the order of writing; a kind of a later version is left out."""
    found = read_events(make_job(tmp_path))
    assert [type(event).__name__ for event in found] == ["Started", "Metrics", "Metrics"]
    assert read_events(WorkspaceLayout(tmp_path).job("nb.train", "none")) == []


def test_a_long_journal_can_be_left_unread(tmp_path: Path) -> None:
    """Who sets a bound gets the rest of a record, and no complaint, where the journal is longer."""
    layout = JobLayout(str(tmp_path / "jobs" / "t" / ("ab" * 32)))
    Path(layout.hidden).mkdir(parents=True)
    Path(layout.params).write_text('{"format": 1, "params": {"lr": 1}, "tags": {}}')
    Path(layout.done).write_text('{"state": "done", "started": 1, "ended": 2}')
    line = '{"event": "metrics", "time": 1, "attempt": 1, "step": 0, "values": {"loss": 1.5}}\n'
    Path(layout.events).write_text(line * 100)
    assert read_job(layout).metrics == {"loss": 1.5}
    record = read_job(layout, journal_limit_bytes=len(line))
    assert (record.metrics, record.params, record.ended) == ({}, {"lr": 1}, 2.0)
    assert record.problem is None
    assert read_events(layout, journal_limit_bytes=len(line)) == []
    assert len(read_events(layout, journal_limit_bytes=100 * len(line))) == 100
