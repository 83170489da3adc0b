"""Names of files and folders, and names that would leave the workspace."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpmnb.errors import WorkspaceError
from xpmnb.records.layout import WorkspaceLayout, task_name
from xpmnb.records.names import is_name

BAD_NAMES = [
    "",
    " ",
    ".",
    "..",
    ".hidden",
    "../up",
    "/absolute",
    "a/b",
    "a\\b",
    "nul\0",
    "new\nline",
    "esc\x1b[0m",
    "surrogate\udc80",
    "x" * 201,
    "é" * 101,
]


def test_a_job_directory_has_the_documented_names() -> None:
    """Task, identifier and [NAME] make all files of a job."""
    job = WorkspaceLayout("/w").job("01_first.train", "abc")
    assert job.path == "/w/jobs/01_first.train/abc"
    assert (job.task, job.identifier, job.name) == ("01_first.train", "abc", "train")
    named = [job.script, job.batch, job.stdout, job.stderr, job.done, job.failed]
    assert [name.removeprefix(job.path + "/") for name in named] == [
        "train.py",
        "train.sh",
        "train.out",
        "train.err",
        "train.done",
        "train.failed",
    ]
    known = [job.params, job.events, job.result, job.lock]
    assert [name.removeprefix(job.hidden + "/") for name in known] == [
        "params.json",
        "events.jsonl",
        "result.json",
        "lock",
    ]


def test_a_run_has_the_documented_names() -> None:
    """Experiment and run make all files of a run."""
    run = WorkspaceLayout("/w").run("digits", "20260101T000000-0000")
    assert run.path == "/w/experiments/digits/20260101T000000-0000"
    assert (run.experiment, run.run) == ("digits", "20260101T000000-0000")
    files = [run.journal, run.lock, run.environment, run.notebook]
    assert [Path(file).name for file in files] == [
        "journal.jsonl",
        "lock",
        "environment.json",
        "notebook.ipynb",
    ]


def test_the_root_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative workspace stays where it was when the process changes directory."""
    monkeypatch.chdir(tmp_path)
    assert WorkspaceLayout("runs").root == str(tmp_path / "runs")


@pytest.mark.parametrize("name", BAD_NAMES)
def test_bad_names_are_refused(name: str) -> None:
    """A name that would leave the workspace, or cannot be a folder, is an error that says where."""
    layout = WorkspaceLayout("/w")
    for build in (
        lambda: layout.job(name, "abc"),
        lambda: layout.job("train", name),
        lambda: layout.run(name, "r"),
        lambda: layout.run("digits", name),
    ):
        with pytest.raises(WorkspaceError, match=r"cannot be a folder of the workspace /w: it"):
            build()
    assert not is_name(name)


@pytest.mark.parametrize(
    "name", ["train", "my runs", "größe", "实验", "a..b", "x" * 200, "<locals>"]
)
def test_usual_names_are_accepted(name: str) -> None:
    """Spaces, letters of any script and dots inside are fine."""
    assert WorkspaceLayout("/w").experiment(name) == f"/w/experiments/{name}"
    assert is_name(name)


@given(st.text(max_size=300))
def test_no_name_leaves_its_folder(name: str) -> None:
    """Whatever is accepted is one folder directly below the jobs."""
    try:
        path = WorkspaceLayout("/w").job("train", name).path
    except WorkspaceError:
        assert not is_name(name)
    else:
        assert is_name(name)
        assert Path(path).parent == Path("/w/jobs/train")
        assert Path(path).name == name


def test_name_of_a_task_is_its_last_part() -> None:
    """[NAME] is never empty."""
    assert [task_name(task) for task in ("a.b.train", "train", "odd.")] == [
        "train",
        "train",
        "odd.",
    ]
