"""The index of a run: fast, and never believed against the disk."""

import json
import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from xpmnb.records import run_index
from xpmnb.records.events import EndMarker, JobRecord, Started
from xpmnb.records.files import PathLock
from xpmnb.records.job_directory import Submission
from xpmnb.records.journal import JournalWriter, read_journal
from xpmnb.records.layout import JobLayout, RunLayout
from xpmnb.records.run_index import RunJournal, read_index
from xpmnb.records.states import FailureReason, JobState
from xpmnb.records.workspace import WorkspaceRecords

DEADLINE_S = 10.0


@pytest.fixture
def records(tmp_path: Path) -> WorkspaceRecords:
    """Give an empty workspace."""
    workspace = WorkspaceRecords(tmp_path / "w")
    workspace.create()
    return workspace


def finish(layout: JobLayout, *, state: str = "done", result: object = None) -> int:
    """Write a finished job; return the modification time of its end marker."""
    Path(layout.hidden).mkdir(parents=True, exist_ok=True)
    document = {"params": {"lr": 0.1}, "tags": {"t": "own"}}
    Path(layout.params).write_text(json.dumps(document))
    journal = JournalWriter(layout.events)
    journal.append(Started(10.0, 1, "thread", 42, "here").to_json())
    journal.close()
    Path(layout.result).write_text(json.dumps(result))
    reason = None if state == "done" else FailureReason.TIMEOUT
    marker = EndMarker(state, reason, "too long" if reason else None, None, 10.0, 20.0)
    path = Path(layout.done if state == "done" else layout.failed)
    path.write_text(json.dumps(marker.to_json()))
    return path.stat().st_mtime_ns


def run_with(
    records: WorkspaceRecords, *identifiers: str, state: str = "done", index: bool = True
) -> RunLayout:
    """Write a closed run whose jobs have ended."""
    layout = records.create_run("digits")
    journal = RunJournal(layout)
    for identifier in identifiers:
        job = records.layout.job("nb.train", identifier)
        journal.submitted(5.0, "nb.train", identifier, {"lr": 0.1}, {"t": "run"})
        mtime_ns = finish(job, state=state, result={"accuracy": 0.5})
        if index:
            submission = Submission(5.0, {"lr": 0.1}, {"t": "run"})
            journal.ended(records.read_job(job, submission), mtime_ns)
    journal.close()
    return layout


def read(records: WorkspaceRecords, layout: RunLayout) -> list[JobRecord]:
    """Read the records of a run."""
    return records.run_records(layout.experiment, layout.run)


@pytest.mark.parametrize("state", ["done", "error"])
def test_index_and_directory_tell_the_same(records: WorkspaceRecords, state: str) -> None:
    """A record from the index equals the one that is read from the job directory."""
    plain = run_with(records, "a", "b", state=state, index=False)
    # Writes the same directories again, and so confirms its own index only.
    indexed = run_with(records, "a", "b", state=state)
    from_directory = read(records, plain)
    assert [record.attempts for record in from_directory] == [2, 2]
    assert read(records, indexed) == from_directory


def test_a_confirmed_end_reads_no_directory(
    records: WorkspaceRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the end marker is the one that the index tells of, nothing else is opened."""
    layout = run_with(records, "a", "b")

    def refuse(*_: object, **__: object) -> JobRecord:
        raise AssertionError

    monkeypatch.setattr(run_index, "read_job", refuse)
    first, second = read(records, layout)
    assert (first.state, first.result, first.tags) == (
        JobState.DONE,
        {"accuracy": 0.5},
        {"t": "run"},
    )
    assert second.identifier == "b"


def test_a_replaced_marker_wins(records: WorkspaceRecords) -> None:
    """When the end marker is another file, the directory is read."""
    layout = run_with(records, "a")
    job = records.layout.job("nb.train", "a")
    marker = EndMarker("done", started=100.0, ended=200.0)
    Path(job.done).write_text(json.dumps(marker.to_json()))
    os.utime(job.done, ns=(1, 1))
    (record,) = read(records, layout)
    assert record.ended == 200.0


def test_a_job_that_failed_elsewhere_since_is_failed(records: WorkspaceRecords) -> None:
    """An index that says done yields to a directory that says failed."""
    layout = run_with(records, "a")
    job = records.layout.job("nb.train", "a")
    Path(job.done).unlink()
    finish(job, state="error")
    (record,) = read(records, layout)
    assert record.state is JobState.error(FailureReason.TIMEOUT)


def test_a_deleted_job_is_not_done(records: WorkspaceRecords) -> None:
    """Without its directory, a job that the index calls done is lost."""
    layout = run_with(records, "a")
    os.rename(records.layout.job("nb.train", "a").path, records.layout.root + "/gone")
    (record,) = read(records, layout)
    assert record.state is JobState.error(FailureReason.LOST)


def test_a_job_submitted_twice_is_one_record(records: WorkspaceRecords) -> None:
    """The last submission of a run tells tags and time; there is one row."""
    layout = run_with(records, "a")
    journal = RunJournal(layout)
    journal.submitted(99.0, "nb.train", "a", {"lr": 0.1}, {"t": "again"})
    (record,) = read(records, layout)
    journal.close()
    assert (record.submitted, record.tags, record.state) == (99.0, {"t": "again"}, JobState.DONE)


def test_a_run_is_alive_while_its_lock_is_held(records: WorkspaceRecords) -> None:
    """A submission that did not begin waits while its run is open, then it is lost."""
    layout = records.create_run("digits")
    lock = PathLock(layout.lock)
    assert lock.acquire()
    journal = RunJournal(layout)
    journal.submitted(5.0, "nb.train", "a", {}, {})
    assert [record.state for record in read(records, layout)] == [JobState.WAITING]
    assert [record.state for record in records.all_records()] == [JobState.WAITING]
    journal.close()
    lock.release()
    (record,) = read(records, layout)
    assert record.state is JobState.error(FailureReason.LOST)


def test_an_end_without_marker_is_kept_until_the_next_submission(
    records: WorkspaceRecords,
) -> None:
    """A job that failed with its dependency says so, until it is submitted again."""
    layout = records.create_run("digits")
    lock = PathLock(layout.lock)
    assert lock.acquire()
    journal = RunJournal(layout)
    journal.submitted(5.0, "nb.train", "a", {}, {})
    failed = JobState.error(FailureReason.DEPENDENCY)
    path = records.layout.job("nb.train", "a").path
    journal.ended(JobRecord("nb.train", "a", path, failed, "nb.data failed", ended=6.0), None)
    (record,) = read(records, layout)
    assert (record.state, record.message, record.ended) == (failed, "nb.data failed", 6.0)
    journal.submitted(7.0, "nb.train", "a", {}, {})
    assert [record.state for record in read(records, layout)] == [JobState.WAITING]
    journal.close()
    lock.release()


def test_an_older_run_lends_its_end(
    records: WorkspaceRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A newer run that noted no end uses the confirmed end of an older one, with its own tags."""
    run_with(records, "a")
    newer = records.create_run("digits")
    journal = RunJournal(newer)
    journal.submitted(50.0, "nb.train", "a", {"lr": 0.1}, {"t": "newer"})
    journal.close()
    monkeypatch.delattr(run_index, "read_job")
    (record,) = records.run_records("digits", records.runs("digits"))
    assert (record.state, record.submitted, record.tags) == (JobState.DONE, 50.0, {"t": "newer"})


def test_foreign_lines_do_not_lead_out_of_the_workspace(
    records: WorkspaceRecords, tmp_path: Path
) -> None:
    """Submissions with names that are no folders, and any other garbage, are passed over."""
    layout = run_with(records, "a")
    (tmp_path / "train.done").touch()
    journal = JournalWriter(layout.journal)
    for task, identifier in [
        ("..", ".."),
        ("nb.train", "../.."),
        ("nb.train", "nul\0"),
        (1, 2),
        (None, []),
        ("nb.train", {}),
    ]:
        entry = {"event": "submitted", "task": task, "identifier": identifier}
        journal.append(entry)
        journal.append({**entry, "event": "ended", "state": "done", "marker_mtime_ns": 1})
    journal.append({"event": ["submitted"]})
    journal.append({"event": "ended", "task": "nb.train", "identifier": "a", "state": ["done"]})
    journal.close()
    (record,) = read(records, layout)
    assert (record.identifier, record.state) == ("a", JobState.DONE)


def test_wrong_types_in_an_end_are_left_out(records: WorkspaceRecords) -> None:
    """An entry whose parts have wrong types is a record without them."""
    layout = run_with(records, "a", index=False)
    job = records.layout.job("nb.train", "a")
    journal = JournalWriter(layout.journal)
    entry = {"task": "nb.train", "identifier": "a", "state": "done", "metrics": 3, "ended": "now"}
    mtime_ns = Path(job.done).stat().st_mtime_ns
    journal.append({"event": "ended", **entry, "message": 1, "marker_mtime_ns": mtime_ns})
    journal.close()
    (record,) = read(records, layout)
    assert (record.state, record.metrics, record.ended) == (JobState.DONE, {}, None)


def test_a_damaged_run_journal_warns(records: WorkspaceRecords) -> None:
    """What can be read of a damaged journal is given, with a warning that rows may be missing."""
    layout = run_with(records, "a")
    text = Path(layout.journal).read_bytes()
    Path(layout.journal).write_bytes(b"\x00\xff\n" + text)
    with pytest.warns(UserWarning, match="jobs may be missing from a run of 'digits'"):
        (record,) = read(records, layout)
    assert record.identifier == "a"
    assert len(records.all_records()) == 1


def test_a_large_result_is_not_kept_in_the_index(records: WorkspaceRecords) -> None:
    """An entry beyond the limit is left out, and the directory is read instead."""
    layout = records.create_run("digits")
    journal = RunJournal(layout)
    job = records.layout.job("nb.train", "a")
    journal.submitted(5.0, "nb.train", "a", {}, {})
    mtime_ns = finish(job, result="x" * 100_000)
    journal.ended(records.read_job(job), mtime_ns)
    journal.close()
    assert read_index(layout).ended == {}
    (record,) = read(records, layout)
    assert record.result == "x" * 100_000


def test_the_journal_frames_the_run(records: WorkspaceRecords) -> None:
    """A run's journal begins and ends with its own entries; closing twice notes one end."""
    layout = records.create_run("digits")
    journal = RunJournal(layout)
    journal.note("code", hash="abc")
    journal.close()
    journal.close()
    kinds = [entry["event"] for entry in read_journal(layout.journal).entries]
    assert kinds == ["run-started", "code", "run-closed"]


def test_an_end_repeats_nothing(records: WorkspaceRecords) -> None:
    """The entry of an end has neither parameters nor tags nor anything missing."""
    layout = records.create_run("digits")
    journal = RunJournal(layout)
    record = JobRecord("t", "a", "/p", JobState.DONE, params={"lr": 1}, tags={"t": 1}, ended=2.0)
    journal.ended(replace(record, metrics={"loss": 1.0}), 7)
    journal.close()
    assert read_journal(layout.journal).entries[1] == {
        "event": "ended",
        "task": "t",
        "identifier": "a",
        "state": "done",
        "ended": 2.0,
        "attempts": 0,
        "metrics": {"loss": 1.0},
        "marker_mtime_ns": 7,
    }


def test_a_flush_returns_when_what_others_flush_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who flushes while another thread is writing finds everything in the file afterwards."""
    writing, go_on = threading.Event(), threading.Event()
    original = JournalWriter.append_line

    def slow(writer: JournalWriter, line: bytes) -> None:
        writing.set()
        go_on.wait(DEADLINE_S)
        original(writer, line)

    layout = WorkspaceRecords(tmp_path).create_run("digits")
    journal = RunJournal(layout, autoflush=False)
    journal.submitted(1.0, "nb.train", "abc", {}, {})
    monkeypatch.setattr(JournalWriter, "append_line", slow)
    other = threading.Thread(target=journal.flush)
    other.start()
    assert writing.wait(DEADLINE_S)
    threading.Timer(0.05, go_on.set).start()
    journal.flush()
    assert b"abc" in Path(layout.journal).read_bytes()
    other.join(DEADLINE_S)
    journal.close()
