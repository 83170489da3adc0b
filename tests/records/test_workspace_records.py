"""Creating a workspace and its runs, and listing what is in it."""

import json
import os
import re
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest

from xpmnb.errors import WorkspaceError
from xpmnb.records.states import FailureReason, JobState
from xpmnb.records.workspace import RunJournal, WorkspaceRecords


@pytest.fixture
def records(tmp_path: Path) -> WorkspaceRecords:
    """Give an empty workspace."""
    workspace = WorkspaceRecords(tmp_path / "w")
    workspace.create()
    return workspace


def make_done(records: WorkspaceRecords, task: str, identifier: str) -> None:
    """Write a job directory with parameters and an end."""
    layout = records.layout.job(task, identifier)
    Path(layout.hidden).mkdir(parents=True)
    Path(layout.params).write_text(json.dumps({"params": {"x": 1}, "tags": {}}))
    Path(layout.done).write_text("{}")


def test_creating_again_changes_nothing(records: WorkspaceRecords) -> None:
    """A workspace that exists is kept."""
    make_done(records, "nb.train", "a")
    records.create()
    assert records.exists()
    assert len(records.all_records()) == 1


def test_an_unusable_place_is_an_error_that_says_so(tmp_path: Path) -> None:
    """A file in the place of the workspace is named, with what to do."""
    (tmp_path / "w").write_text("a file")
    with pytest.raises(WorkspaceError, match=r"cannot be created.*choose a directory"):
        WorkspaceRecords(tmp_path / "w").create()
    assert not WorkspaceRecords(tmp_path / "w").exists()


def test_runs_sort_in_the_order_of_their_making(records: WorkspaceRecords) -> None:
    """Names of runs are times, unique, and sort as the runs were made."""
    made = [records.create_run("digits").run for _ in range(20)]
    assert all(re.fullmatch(r"\d{8}T\d{6}-[0-9a-f]{4}", name) for name in made)
    assert records.runs("digits") == made == sorted(set(made))
    assert records.experiments() == ["digits"]
    assert records.runs("none") == []


def test_two_kernels_never_share_a_run(
    records: WorkspaceRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that is taken in the same instant is left to the other kernel."""
    clock = iter([1e9, 1e9, 1e9 + 1])
    monkeypatch.setattr(time, "time", lambda: next(clock))
    first, second = records.create_run("digits"), records.create_run("digits")
    assert first.run == "20010909T014640-0000"
    assert second.run == "20010909T014641-0000"


def test_a_run_that_cannot_be_made_says_where(records: WorkspaceRecords) -> None:
    """A file in the place of an experiment, and a name that leaves the workspace, are errors."""
    Path(records.layout.experiments, "digits").write_text("a file")
    with pytest.raises(WorkspaceError, match="no run of the experiment 'digits'"):
        records.create_run("digits")
    with pytest.raises(WorkspaceError, match=r"'\.\./digits' cannot be a folder"):
        records.create_run("../digits")


def test_every_job_directory_is_listed(records: WorkspaceRecords) -> None:
    """Jobs are listed by task and identifier; hidden folders and files are not jobs."""
    for task, identifier in [("nb.b", "2"), ("nb.a", "1"), ("nb.b", "1")]:
        make_done(records, task, identifier)
    jobs = Path(records.layout.jobs)
    (jobs / ".ipynb_checkpoints" / "x").mkdir(parents=True)
    (jobs / "nb.a" / "notes.txt").write_text("mine")
    (jobs / "readme").write_text("mine")
    found = [(layout.task, layout.identifier) for layout in records.iter_job_layouts()]
    assert found == [("nb.a", "1"), ("nb.b", "1"), ("nb.b", "2")]
    assert [(record.task, record.identifier) for record in records.all_records()] == found


def test_one_broken_directory_breaks_nothing(records: WorkspaceRecords) -> None:
    """Damaged, foreign and looping entries are rows or nothing, never an error."""
    make_done(records, "nb.a", "1")
    jobs = Path(records.layout.jobs)
    (jobs / "nb.a" / "foreign").mkdir()
    (jobs / "nb.a" / "loop").symlink_to(jobs / "nb.a" / "loop")
    (jobs / "nb.a" / "again").symlink_to(jobs / "nb.a" / "1")
    (jobs / "nb.a" / "elsewhere").symlink_to(records.layout.experiments)
    (jobs / "nb.a" / "odd\nname\udcff").mkdir()
    found = {record.identifier: record for record in records.all_records()}
    assert set(found) == {"1", "foreign", "elsewhere", "odd\nname\udcff"}
    assert found["1"].problem is None
    assert all(found[name].problem for name in set(found) - {"1"})


def test_all_jobs_are_those_of_runs_and_of_directories(records: WorkspaceRecords) -> None:
    """Jobs that never began, and jobs that no run remembers, are both there, once each."""
    make_done(records, "nb.a", "1")
    make_done(records, "nb.a", "2")
    for _ in range(2):
        journal = RunJournal(records.create_run("digits"))
        journal.submitted(5.0, "nb.a", "1", {"x": 1}, {"from": "run"})
        journal.submitted(6.0, "nb.a", "never", {"x": 2}, {})
        journal.close()
    found = {record.identifier: record for record in records.all_records()}
    assert len(records.all_records()) == len(found) == 3
    assert found["1"].tags == {"from": "run"}
    assert found["2"].submitted is None
    assert found["never"].state is JobState.error(FailureReason.LOST)


def test_nothing_but_unbegun_submissions_lives_in_the_index_alone(
    records: WorkspaceRecords,
) -> None:
    """Without any journal, every job that began is still there with its state."""
    make_done(records, "nb.a", "1")
    journal = RunJournal(records.create_run("digits"))
    journal.submitted(5.0, "nb.a", "1", {"x": 1}, {})
    journal.close()
    Path(journal.layout.journal).unlink()
    (record,) = records.all_records()
    assert (record.state, record.params) == (JobState.DONE, {"x": 1})


def test_a_folder_that_cannot_be_listed_warns(
    records: WorkspaceRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Missing rights on a folder cost its rows and a warning, not the table."""
    make_done(records, "nb.a", "1")
    make_done(records, "nb.b", "1")
    real = os.scandir

    def refuse(path: str) -> object:
        if path.endswith("nb.a"):
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.warns(UserWarning, match=r"nb\.a cannot be read: Permission denied"):
        assert [record.task for record in records.all_records()] == ["nb.b"]


def test_a_missing_workspace_has_no_rows(tmp_path: Path) -> None:
    """Listing what does not exist is empty and creates nothing."""
    records = WorkspaceRecords(tmp_path / "none")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert records.all_records() == []
        assert records.experiments() == []
    assert list(tmp_path.iterdir()) == []


def test_records_load_nothing_heavy() -> None:
    """Reading records needs neither pandas, asyncio nor the lock library."""
    code = (
        "import sys, xpmnb.records.workspace;"
        "print([m for m in ('pandas', 'numpy', 'asyncio', 'filelock', 'ipywidgets')"
        " if m in sys.modules])"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
