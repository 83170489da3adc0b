"""Notebooks of runs on disk: written once per content, shared, never changed in place."""

import os
import stat
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from xpmnb.records.layout import RunLayout, WorkspaceLayout
from xpmnb.records.notebooks import write_notebook


@pytest.fixture
def workspace(tmp_path: Path) -> WorkspaceLayout:
    """Return an empty workspace."""
    return WorkspaceLayout(tmp_path)


def make_run(workspace: WorkspaceLayout, name: str, experiment: str = "e") -> RunLayout:
    """Make the directory of a run."""
    layout = workspace.run(experiment, name)
    os.makedirs(layout.path)
    return layout


def names(layout: RunLayout) -> list[str]:
    """Return the files of a run."""
    return sorted(os.listdir(layout.path))


def test_equal_notebooks_are_one_file(workspace: WorkspaceLayout) -> None:
    """Runs with equal notebooks share one file, whatever their experiments."""
    runs = [make_run(workspace, f"r{n}", experiment) for n, experiment in enumerate("eff")]
    for run in runs:
        write_notebook(run, b"same")
    assert len({os.stat(run.notebook).st_ino for run in runs}) == 1
    assert os.stat(runs[0].notebook).st_nlink == 3
    assert [names(run) for run in runs] == [["notebook.ipynb"]] * 3


def test_one_run_never_changes_the_notebook_of_another(workspace: WorkspaceLayout) -> None:
    """A run that shares a notebook and goes on leaves the other's as it was."""
    first, second = make_run(workspace, "r1"), make_run(workspace, "r2")
    write_notebook(first, b"same")
    write_notebook(second, b"same")
    write_notebook(second, b"more")
    assert Path(first.notebook).read_bytes() == b"same"
    assert Path(second.notebook).read_bytes() == b"more"
    write_notebook(second, b"same")
    assert os.path.samefile(first.notebook, second.notebook)
    assert names(second) == ["notebook.ipynb"]


def test_what_is_there_is_not_written_again(workspace: WorkspaceLayout) -> None:
    """Writing the same again touches no file."""
    run = make_run(workspace, "r1")
    write_notebook(run, b"same")
    before = os.stat(run.notebook)
    write_notebook(run, b"same")
    assert os.stat(run.notebook) == before


@pytest.mark.skipif(sys.platform == "win32", reason="read-only files cannot be replaced there")
def test_a_record_is_read_only(workspace: WorkspaceLayout) -> None:
    """An editor that would change the notebook in place, for all runs, is refused."""
    run = make_run(workspace, "r1")
    write_notebook(run, b"same")
    assert not stat.S_IMODE(os.stat(run.notebook).st_mode) & 0o222
    write_notebook(run, b"more")
    assert Path(run.notebook).read_bytes() == b"more"


def test_without_links_each_run_has_its_copy(
    workspace: WorkspaceLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a file system without hard links the notebook is copied."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "link", refuse)
    first, second = make_run(workspace, "r1"), make_run(workspace, "r2")
    write_notebook(first, b"same")
    write_notebook(second, b"same")
    assert Path(second.notebook).read_bytes() == b"same"
    assert not os.path.samefile(first.notebook, second.notebook)
    assert names(second) == ["notebook.ipynb"]


def test_foreign_things_are_no_notebooks(workspace: WorkspaceLayout, tmp_path: Path) -> None:
    """Folders, pipes, symbolic links and files where runs should be are passed over."""
    for number, make in enumerate((os.mkdir, os.mkfifo)):
        make(make_run(workspace, f"r9{number}").notebook)
    (tmp_path / "outside").write_bytes(b"same")
    os.symlink(tmp_path / "outside", make_run(workspace, "r8").notebook)
    os.symlink("/dev/zero", make_run(workspace, "r7").notebook)
    (tmp_path / "experiments" / "file").touch()
    run = make_run(workspace, "r1")
    write_notebook(run, b"same")
    assert Path(run.notebook).read_bytes() == b"same"
    assert os.stat(run.notebook).st_nlink == 1


def test_what_cannot_be_written_is_an_error(workspace: WorkspaceLayout) -> None:
    """A run without a directory, or with something else in the place, raises and leaves nothing."""
    with pytest.raises(FileNotFoundError):
        write_notebook(workspace.run("e", "gone"), b"same")
    run = make_run(workspace, "r1")
    os.mkdir(run.notebook)
    with pytest.raises(OSError, match="notebook"):
        write_notebook(run, b"same")
    assert names(run) == ["notebook.ipynb"]


def test_runs_that_write_at_the_same_time_share(workspace: WorkspaceLayout) -> None:
    """Of runs in one process that write the same at once, all but one find it there."""
    runs = [make_run(workspace, f"r{n}") for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda run: write_notebook(run, b"same" * 1000), runs))
    assert {os.stat(run.notebook).st_nlink for run in runs} == {8}
