"""What a run runs in: packages, machine, and the state of a real repository."""

import json
import logging
import os
import re
import shutil
import subprocess
import sys
import threading
from functools import partial
from importlib.metadata import distributions
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import processes
from tests.support.running import Echo, running
from tests.support.shell import until
from xpmnb import environment
from xpmnb.environment import (
    EnvironmentKeeper,
    collect_environment,
    installed_packages,
    parse_status,
    read_git,
)
from xpmnb.records.environments import read_environment
from xpmnb.records.layout import WorkspaceLayout
from xpmnb.version import __version__

TIMEOUT_S = 20.0


def git(folder: Path, *words: str) -> str:
    """Run git in a folder, as a person without any settings."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environ |= {"HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"}
    names = ["-c", "user.name=n", "-c", "user.email=e@x", "-c", "init.defaultBranch=main"]
    done = subprocess.run(
        ["git", *names, *words],  # noqa: S607 (where it is differs)
        cwd=folder,
        env=environ,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Return a repository with one commit of two files; it skips nothing: git must be there."""
    folder = tmp_path / "repository"
    (folder / "deep" / "er").mkdir(parents=True)
    git(folder, "init", "-q")
    (folder / "model.py").write_text("a = 1\n")
    (folder / "old name.txt").write_text("some text that is long enough to be followed\n")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    return folder


def test_a_clean_repository(repository: Path) -> None:
    """Commit and branch are told, from any folder below; nothing differs."""
    assert read_git([repository / "deep" / "er"], TIMEOUT_S) == {
        "root": str(repository),
        "commit": git(repository, "rev-parse", "HEAD"),
        "branch": "main",
        "dirty": False,
        "changed": [],
        "untracked": [],
    }


def test_a_dirty_repository(repository: Path) -> None:
    """Changed, moved and removed files make it dirty; new ones are listed apart."""
    (repository / "model.py").write_text("a = 2\n")
    git(repository, "mv", "old name.txt", "new näme.txt")
    (repository / "runs").mkdir()
    (repository / "runs" / "x").touch()
    found = read_git([repository], TIMEOUT_S)
    assert found is not None
    assert (found["dirty"], found["changed"]) == (True, ["model.py", "new näme.txt"])
    assert found["untracked"] == ["runs/"]


def test_new_files_alone_are_not_dirt(repository: Path) -> None:
    """A workspace that git does not know leaves a repository clean; the lists are bounded."""
    for number in range(150):
        (repository / f"n{number:03}").touch()
    found = read_git([repository], TIMEOUT_S)
    assert found is not None
    assert not found["dirty"]
    assert found["untracked"] == [f"n{number:03}" for number in range(100)]


def test_commits_that_are_not_on_a_branch(repository: Path, tmp_path: Path) -> None:
    """Without a branch there is None, and so there is without a commit."""
    git(repository, "checkout", "-q", "--detach")
    found = read_git([repository], TIMEOUT_S)
    assert found is not None
    assert (found["branch"], found["commit"]) == (None, git(repository, "rev-parse", "HEAD"))
    empty = tmp_path / "empty"
    empty.mkdir()
    git(empty, "init", "-q")
    found = read_git([empty], TIMEOUT_S)
    assert found is not None
    assert (found["branch"], found["commit"], found["dirty"]) == ("main", None, False)


def test_the_first_place_in_a_repository_counts(repository: Path, tmp_path: Path) -> None:
    """A notebook outside any repository leaves the question to the working directory."""
    found = read_git([tmp_path, tmp_path / "gone", repository], TIMEOUT_S)
    assert found is not None
    assert found["root"] == str(repository)
    assert read_git([tmp_path], TIMEOUT_S) is None
    assert read_git([], TIMEOUT_S) is None


def test_another_repository_is_not_meant(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Variables that a hook of git sets do not lead to its repository."""
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    found = read_git([repository], TIMEOUT_S)
    assert found is not None
    assert found["branch"] == "main"


def test_no_git_is_no_error(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the program there is no answer."""
    monkeypatch.setenv("PATH", "")
    assert read_git([repository], TIMEOUT_S) is None


def test_a_broken_repository_is_no_error(repository: Path) -> None:
    """Where git refuses to answer there is none."""
    shutil.rmtree(repository / ".git" / "objects")
    (repository / ".git" / "HEAD").write_text("nonsense")
    assert read_git([repository], TIMEOUT_S) is None


def test_a_git_that_hangs_is_killed(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A git that does not answer in time is ended, with what it has started."""
    programs = tmp_path / "programs"
    programs.mkdir()
    script = programs / "git"
    script.write_text(f"#!/bin/sh\n/bin/sleep 600 &\necho $! > {tmp_path}/child\nwait\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}")
    answers: list[object] = []
    asking = threading.Thread(target=lambda: answers.append(read_git([repository], 1.0)))
    asking.start()
    asking.join(TIMEOUT_S)
    assert answers == [None]
    child = (tmp_path / "child").read_text().strip()
    # A killed child that nobody has waited for yet is a zombie.
    until(lambda: not _lives(int(child)))


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@given(st.binary(max_size=200))
def test_any_answer_is_parsed(answer: bytes) -> None:
    """Whatever a strange version of git prints gives the keys, and is JSON."""
    found = parse_status(answer)
    assert sorted(found) == ["branch", "changed", "commit", "dirty", "untracked"]
    json.dumps(found)


def test_packages_are_those_that_importlib_finds() -> None:
    """Names and versions are those of importlib.metadata, sorted."""
    expected: dict[str, str] = {}
    for each in distributions():
        expected.setdefault(re.sub(r"[-_.]+", "-", each.metadata["Name"]).lower(), each.version)
    found = installed_packages()
    assert found == expected
    assert list(found) == sorted(found)
    assert "ipykernel" in found


def test_packages_of_all_kinds(tmp_path: Path) -> None:
    """The first folder wins; old eggs and packages in development count, damaged ones do not."""
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in ("Some_Pkg-1.0+cu118.dist-info", "old.pkg-2.0-py3.11.egg-info", "dev.egg-info"):
        (first / folder).mkdir(parents=True)
    (first / "dev.egg-info" / "PKG-INFO").write_text("Name: dev\nVersion: 3.1\n\nVersion: 9\n")
    for folder in ("some_pkg-0.5.dist-info", "~ip-23.dist-info", "none.egg-info", "x.dist-info"):
        (second / folder).mkdir(parents=True)
    (second / "file-1.5.egg-info").touch()
    folders = [str(first), str(tmp_path / "gone"), str(second), str(second / "file-1.5.egg-info")]
    assert installed_packages(folders) == {
        "dev": "3.1",
        "file": "1.5",
        "old-pkg": "2.0",
        "some-pkg": "1.0+cu118",
    }


def test_no_secret_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Of the environment variables only known ones are kept."""
    monkeypatch.setenv("MY_API_TOKEN", "swordfish")
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.chdir(tmp_path)
    found = collect_environment(tmp_path / "study.ipynb")
    assert found["variables"]["OMP_NUM_THREADS"] == "3"
    assert "swordfish" not in json.dumps(found)
    assert found["notebook"] == str(tmp_path / "study.ipynb")
    assert (found["xpmnb"], found["directory"]) == (__version__, str(tmp_path))
    assert found["python"]["version"] == sys.version.split()[0]
    assert found["git"] is None


def test_a_directory_that_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working directory that was deleted is no error."""
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert collect_environment()["directory"] is None


def test_a_run_has_its_environment(tmp_path: Path) -> None:
    """xp.environment is what the run has on record, while it is open and afterwards."""
    with running(tmp_path) as xp:
        told = xp.environment
        assert told is not None
        assert told["packages"] == installed_packages()
        assert Echo.C(x=1).submit().job.result() == 1
    assert xp.environment == told
    assert told == read_environment(WorkspaceLayout(tmp_path / "runs").run("t", xp.run))


def test_an_environment_that_cannot_be_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A run directory that is gone is told of once; the observer is over with it."""
    layout = WorkspaceLayout(tmp_path).run("e", "r")
    with caplog.at_level(logging.WARNING, "xpmnb"):
        keeper = EnvironmentKeeper(layout)
        keeper.wait()
        keeper.closed()
    (record,) = caplog.records
    assert "the environment of run" in record.getMessage()
    assert layout.path in record.getMessage()


def test_a_script_keeps_its_environment_and_no_notebook(repository: Path, tmp_path: Path) -> None:
    """A script's run has environment.json with the commit of the script, and no notebook.ipynb."""
    body = (
        "with experiment(ROOT / 'runs', 'e') as xp:\n    job = Echo.C(x=1).submit().job\n"
        "assert job.result() == 1 and job.notebook is None\nprint(xp.run)\n"
    )
    script = processes.write_script(repository, body)
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "script")
    run = processes.run(script, tmp_path).split()[-1]
    layout = WorkspaceLayout(tmp_path / "runs").run("e", run)
    found = read_environment(layout)
    assert found is not None
    assert found["script"] == str(script)
    assert found["git"]["commit"] == git(repository, "rev-parse", "HEAD")
    assert not found["git"]["dirty"]
    assert sorted(os.listdir(layout.path)) == ["environment.json", "journal.jsonl", "lock"]


def test_a_killed_script_leaves_no_torn_file(tmp_path: Path) -> None:
    """Killed at any moment after the start, a script has left the whole file or none."""
    body = "xp = experiment(ROOT / 'runs', 'e').start()\nprint('started', flush=True)\ninput()\n"
    script = processes.write_script(tmp_path, body)
    for delay_s in (0.0, 0.002, 0.005):
        process = processes.start(script, tmp_path)
        processes.await_line(process, "started")
        threading.Event().wait(delay_s)
        process.kill()
        processes.finish(process)
    for run in (tmp_path / "runs" / "experiments" / "e").iterdir():
        file = run / "environment.json"
        assert not file.exists() or json.loads(file.read_text())["format"] == 1


def test_nothing_of_it_is_loaded_by_the_import() -> None:
    """``import xpmnb`` loads neither importlib.metadata nor subprocess."""
    program = (
        "import sys, xpmnb\n"
        "print(*{'subprocess', 'importlib.metadata', 'platform'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""


def test_starting_is_not_held_up_by_git(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a git that waits, a run starts, submits and waits for its jobs all the same."""
    programs = tmp_path / "programs"
    programs.mkdir()
    script = programs / "git"
    script.write_text(f"#!/bin/sh\n/bin/touch {tmp_path}/asked\nread _ < {tmp_path}/gate\nexit 1\n")
    script.chmod(0o755)
    os.mkfifo(tmp_path / "gate")
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(environment, "read_git", partial(read_git, timeout_s=TIMEOUT_S))
    monkeypatch.chdir(repository)
    with running(tmp_path) as xp:
        until((tmp_path / "asked").exists)
        assert Echo.C(x=1).submit().job.result(TIMEOUT_S) == 1
        xp.wait(TIMEOUT_S)
        assert not (xp.workdir / "experiments" / "t" / xp.run / "environment.json").exists()
        (tmp_path / "gate").write_text("go\n")
    assert xp.environment is not None
    assert xp.environment["git"] is None
