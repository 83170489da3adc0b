"""From what a person types to a workspace and to a job."""

from pathlib import Path

import pytest

from tests.support.shell import end, make_job, records_in
from xpmnb.commands.locating import find_job, find_workspace, read_record, remembered
from xpmnb.errors import SettingsError, WorkspaceError
from xpmnb.records.files import PathLock
from xpmnb.records.layout import JobLayout
from xpmnb.records.states import FailureReason, JobState
from xpmnb.records.workspace import RunJournal, WorkspaceRecords


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make an empty folder the current one, and give its settings a place."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("XPMNB_SETTINGS", raising=False)
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def write_settings(text: str) -> Path:
    """Write the settings of the test."""
    path = Path.cwd().parent / "config/xpmnb/settings.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return path


def submit(records: WorkspaceRecords, identifier: str, task: str = "nb.train") -> RunJournal:
    """Note a submission in the journal of a run that is open."""
    journal = RunJournal(records.create_run("digits"))
    journal.submitted(5.0, task, identifier, {"x": 1}, {"of": "run"})
    return journal


def refusal(named: str, workspace: str | None = None) -> str:
    """Return what is said of a job that is not to be found."""
    with pytest.raises(WorkspaceError) as caught:
        find_job(named, workspace)
    return str(caught.value)


def test_the_default_workspace(here: Path) -> None:
    """The current folder goes before its xpm-workspace, which goes before the settings."""
    with pytest.raises(
        WorkspaceError, match=r"there is no workspace here: .*there are no settings"
    ):
        find_workspace(None)
    write_settings("workspaces: [{id: a, path: ../../none}, {id: b, path: ../../real}]")
    with pytest.raises(WorkspaceError, match=r"settings .* name a, b; name one"):
        find_workspace(None)
    records_in(here.parent / "real")
    assert find_workspace(None).layout.root == str(here.parent / "real")
    records_in(here / "xpm-workspace")
    assert find_workspace(None).layout.root == str(here / "xpm-workspace")
    records_in(here)
    assert find_workspace(None).layout.root == str(here)


def test_a_named_workspace(here: Path) -> None:
    """A workspace is named by its directory or by its id; a wrong name says what there is."""
    records_in(here / "runs")
    (here / "folder").mkdir()
    write_settings("workspaces: [{id: far, path: ../../far}, {id: new, path: ../../new}]")
    records_in(here.parent / "far")
    assert find_workspace("runs").layout.root == str(here / "runs")
    assert find_workspace("far").layout.root == str(here.parent / "far")
    for named, message in {
        "new": "the workspace new has no jobs yet",
        "folder": "folder is no workspace: it has no folder jobs",
        "nothing": r"'nothing' is neither a directory nor an id of the settings: .* name far, new",
    }.items():
        with pytest.raises(WorkspaceError, match=message):
            find_workspace(named)


def test_settings_are_read_when_they_are_needed(here: Path) -> None:
    """Wrong settings are no hindrance to a workspace that is named by its directory."""
    records_in(here / "runs")
    write_settings("workspaces: 3")
    assert find_workspace("runs").exists()
    with pytest.raises(SettingsError, match="workspaces is 3"):
        find_workspace("other")


def test_a_job_by_its_place(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job directory, a file at any depth in it, and a link to it mean the job."""
    layout = make_job(records_in(here / "runs"))
    end(layout)
    deep = Path(layout.path) / "a/b"
    deep.mkdir(parents=True)
    (here / "link").symlink_to(layout.path)
    for named in (
        layout.path,
        f"{layout.path}/",
        f"runs/../runs/jobs/nb.train/{'0' * 64}",
        layout.done,
        f"{layout.path}/not-there.txt",
        str(deep),
        layout.lock,
        "link",
        "link/train.done",
    ):
        assert find_job(named, None) == layout, named
    monkeypatch.chdir(deep)
    assert find_job(".", None) == layout


def test_a_job_by_its_identifier(here: Path) -> None:
    """The beginning of an identifier is enough, with or without the name of the task."""
    records = records_in(here)
    wanted = make_job(records, identifier="abcd1" + "0" * 59)
    make_job(records, "nb.other", "abcd2" + "0" * 59)
    assert find_job("abcd1", None) == wanted
    assert find_job("nb.train/abcd", None) == wanted
    assert find_job("train/abcd", None) == wanted
    assert find_job("abcd1", str(here)) == wanted
    assert refusal("abcd") == (
        f"'abcd' begins 2 jobs: nb.other/abcd2{'0' * 59}, nb.train/abcd1{'0' * 59}"
    )
    assert "begins no identifier in the workspace" in refusal("eval/abcd")
    assert "begins no identifier in the workspace" in refusal("bcd1")
    assert "less than 4 characters" in refusal("abc")
    assert "less than 4 characters" in refusal("")
    assert "less than 4 characters" in refusal("nowhere/")
    # A folder of that name is no job, so the identifier is meant.
    (here / "abcd1").mkdir()
    assert find_job("abcd1", None) == wanted


def test_what_is_there_and_is_no_job_is_told(here: Path) -> None:
    """A workspace, another directory and another file are called what they are."""
    (here / "folder").mkdir()
    (here / "abc").mkdir()
    (here / "file").touch()
    assert refusal("folder") == "'folder' is no job directory"
    records_in(here / "my runs")
    for _ in range(2):  # without a workspace to look in, and with one
        assert refusal("my runs").endswith("is a workspace, and no job: use xpmnb list 'my runs'")
        assert refusal(".").startswith("'.' is ")
        assert refusal("my runs/jobs/") == "'my runs/jobs/' is no job directory"
        assert refusal("abc") == "'abc' is no job directory"
        assert refusal("file") == "'file' is no job directory, nor a file in one"
        records_in(here)


def test_many_candidates_are_not_all_listed(here: Path) -> None:
    """Of many jobs that begin alike the first are listed, and the others counted."""
    records = records_in(here)
    for number in range(12):
        make_job(records, identifier=f"abcd{number:060}")
    message = refusal("abcd")
    assert message.count("nb.train/") == 8
    assert message.endswith("and 4 more")


def test_a_job_that_waits_has_no_directory(here: Path) -> None:
    """A job that was submitted and has not begun is found by identifier and by place."""
    records = records_in(here)
    journal = submit(records, "abcdef")
    layout = records.layout.job("nb.train", "abcdef")
    assert find_job("abcd", None) == layout
    assert find_job(layout.path, None) == layout
    make_job(records, identifier="abcd")
    assert "begins 2 jobs" in refusal("abcd")
    # Names that lead out of the workspace, in a journal that anyone may have written.
    journal.submitted(5.0, "..", "abcx", {}, {})
    journal.submitted(5.0, "nb.train", "../abcx", {}, {})
    journal.close()
    assert "begins no identifier" in refusal("abcx")
    assert "begins no identifier" in refusal(f"{here}/jobs/nb.train/nothing")


def test_what_runs_remember(here: Path) -> None:
    """The newest submission tells, and an open run makes a job wait that has not begun."""
    records = records_in(here)
    layout = records.layout.job("nb.train", "abcd")
    assert (remembered(layout).submission, remembered(layout).runs) == (None, ())
    first, second = submit(records, "abcd"), submit(records, "abcd")
    second.submitted(7.0, "nb.train", "abcd", {"x": 2}, {})
    first.close()
    second.close()
    known = remembered(layout)
    assert known.submission is not None
    assert (known.submission.time, known.submission.params) == (7.0, {"x": 2})
    assert known.runs == (f"digits/{second.layout.run}", f"digits/{first.layout.run}")
    assert read_record(layout).state is JobState.error(FailureReason.LOST)
    lock = PathLock(first.layout.lock)
    assert lock.acquire()
    try:
        assert remembered(layout).run_alive
        assert read_record(layout).state is JobState.WAITING
    finally:
        lock.release()


def test_a_folder_named_jobs_is_not_enough(tmp_path: Path) -> None:
    """A folder that lies as a job directory does, and is none, is not taken for a job."""
    folder = tmp_path / "jobs/a/b"
    folder.mkdir(parents=True)
    assert "begins no identifier" not in refusal(str(folder))
    assert find_workspace(str(tmp_path)).exists()
    assert isinstance(find_workspace(str(tmp_path)).layout.job("a", "b"), JobLayout)
