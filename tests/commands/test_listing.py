"""``xpmnb list``: which jobs, in which order, as a table and as JSON."""

import json
import os
from pathlib import Path

import pytest

from tests.support.shell import begin, end, make_job, records_in
from xpmnb.commands.listing import Filter, list_jobs, listing
from xpmnb.errors import WorkspaceError
from xpmnb.records.events import JobRecord
from xpmnb.records.files import PathLock
from xpmnb.records.states import FailureReason, JobState
from xpmnb.records.workspace import RunJournal, WorkspaceRecords


@pytest.fixture
def records(tmp_path: Path) -> WorkspaceRecords:
    """Give a workspace with jobs in many states."""
    found = records_in(tmp_path / "runs")
    done = make_job(found, identifier="a" * 64, lr=0.1, name="x\x1b y")
    begin(done, time=1e9)
    end(done)
    failed = make_job(found, "nb.Eval", identifier="b" * 64)
    begin(failed, time=1e9 - 10)
    end(failed, FailureReason.TIMEOUT)
    lost = make_job(found, identifier="c" * 64)
    begin(lost, time=1e9 + 10)
    journal = RunJournal(found.create_run("digits"))
    journal.submitted(1e9 + 20, "nb.train", "d" * 64, {}, {"lr": 3})
    journal.submitted(1e9 - 5, "nb.train", "a" * 64, {}, {"lr": 0.1, "name": "x\x1b y"})
    journal.close()
    return found


def listed(
    records: WorkspaceRecords, capsys: pytest.CaptureFixture[str], wanted: Filter
) -> list[str]:
    """Return the first letters of the identifiers that are listed as JSON."""
    assert list_jobs(records, wanted, as_json=True, width=None) == 0
    return [each["identifier"][0] for each in json.loads(capsys.readouterr().out)]


def test_the_table(records: WorkspaceRecords, capsys: pytest.CaptureFixture[str]) -> None:
    """One line for each job, the newest last; what waits and never ran stands there as well."""
    lock = PathLock(records.layout.run("digits", records.runs("digits")[0]).lock)
    assert lock.acquire()
    assert list_jobs(records, Filter(), as_json=False, width=None) == 0
    lock.release()
    lines = [line.split("  ") for line in capsys.readouterr().out.splitlines()]
    rows = [[cell.strip() for cell in line if cell] for line in lines]
    assert rows[0] == ["ID", "TASK", "STATE", "STARTED", "DURATION", "TAGS", "PROBLEM"]
    assert [row[:3] for row in rows[1:]] == [
        ["bbbbbbbb", "nb.Eval", "error (timeout)"],
        ["aaaaaaaa", "nb.train", "done"],
        ["cccccccc", "nb.train", "error (lost)"],
        ["dddddddd", "nb.train", "waiting"],
    ]
    assert rows[2][4:] == ["1m30s", r"lr=0.1 name=x\x1b y"]
    assert rows[3][-1] == "its process ended and left no end marker"
    assert rows[4][3:] == ["lr=3"]


def test_why_jobs_failed_stands_in_the_last_column(tmp_path: Path) -> None:
    """The first line of a message is shown as far as there is room; JSON has the whole."""
    records = records_in(tmp_path / "runs")
    failed = make_job(records, identifier="b" * 64)
    begin(failed)
    end(failed, FailureReason.ERROR, message=f"ValueError: {'no ' * 50}\nmore")
    journal = RunJournal(records.create_run("digits"))
    journal.submitted(1e9 + 20, "nb.train", "d" * 64, {}, {"lr": 3})
    journal.close()
    found = sorted(records.all_records(), key=lambda record: record.identifier)
    lines = listing(found, 1e9, None).splitlines()
    assert lines[0].endswith("PROBLEM")
    assert lines[1].endswith("…")
    assert "ValueError: no no" in lines[1]
    assert "more" not in lines[1]
    assert lines[2].endswith("lost: never began")
    assert all(len(line) <= 100 for line in listing(found, 1e9, 100).splitlines())


def test_what_is_wanted(records: WorkspaceRecords, capsys: pytest.CaptureFixture[str]) -> None:
    """Jobs are chosen by state or reason, by experiment, and by the name of the task."""
    assert listed(records, capsys, Filter()) == ["b", "a", "c", "d"]
    assert listed(records, capsys, Filter(states=("done",))) == ["a"]
    assert listed(records, capsys, Filter(states=("error",))) == ["b", "c", "d"]
    assert listed(records, capsys, Filter(states=("timeout", "done"))) == ["b", "a"]
    assert listed(records, capsys, Filter(task="TRAIN")) == ["a", "c", "d"]
    assert listed(records, capsys, Filter(task="nb.eval")) == ["b"]
    assert listed(records, capsys, Filter(task="rain")) == []
    assert listed(records, capsys, Filter(experiment="digits")) == ["a", "d"]
    assert listed(records, capsys, Filter("digits", ("lost",), "train")) == ["d"]


def test_nothing_to_list(records: WorkspaceRecords, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty list says so beside the output, which stays empty for programs."""
    assert list_jobs(records, Filter(task="none"), as_json=False, width=80) == 0
    assert capsys.readouterr() == ("", f"no such jobs in {records.layout.root}\n")


def test_an_unknown_experiment_is_an_error(records: WorkspaceRecords) -> None:
    """A name that no experiment has is refused with those that there are."""
    with pytest.raises(WorkspaceError, match="no experiment 'x'; there are: digits"):
        list_jobs(records, Filter("x"), as_json=False, width=None)


def test_a_broken_directory_is_a_row(
    records: WorkspaceRecords, capsys: pytest.CaptureFixture[str]
) -> None:
    """A directory that is no job is a line that says so, and the others are there."""
    os.mkdir(f"{records.layout.jobs}/nb.train/odd\x1bname")
    assert list_jobs(records, Filter(), as_json=False, width=None) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 6
    assert lines[0].endswith("PROBLEM")
    assert lines[1].startswith(r"odd\x1bname  nb.train ")
    assert "it is not a job directory" in lines[1]


def test_identifiers_are_as_long_as_they_must_be() -> None:
    """Where several identifiers begin alike, as much is shown as tells them apart."""
    alike = [
        JobRecord("nb.train", identifier, "/", JobState.DONE)
        for identifier in ("0123456789a", "0123456789b", "f" * 11)
    ]
    assert [line.split()[0] for line in listing(alike, 0, None).splitlines()[1:]] == [
        "0123456789a",
        "0123456789b",
        "fffffffffff",
    ]
    assert listing(alike[1:], 0, None).splitlines()[1].split()[0] == "01234567"
    assert listing([alike[0]] * 2, 0, None).splitlines()[1].split()[0] == "01234567"
