"""Where jobs run when nobody chose, and the words that choose."""

import logging
import os
from pathlib import Path

import pytest

from tests.support.acting import Tells
from xpmnb import ProcessLauncher, experiment, streams
from xpmnb.errors import LauncherError
from xpmnb.launchers import choice
from xpmnb.launchers.choice import find_launcher

DEADLINE_S = 60.0


def test_processes_stand_in_where_threads_cannot_run_jobs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Jobs for which nobody chose go to processes, which is said once; by name it is an error."""
    monkeypatch.setattr(streams, "_probed", ["Operation not permitted"])
    monkeypatch.setattr(choice, "_told", [])
    with caplog.at_level(logging.WARNING), experiment(tmp_path / "runs", "t") as xp:
        tasks = [Tells.C(what="pid", x=each).submit() for each in range(2)]
        assert all(task.job.result(DEADLINE_S) != os.getpid() for task in tasks)
        assert set(xp.jobs()["launcher"]) == {"process"}
        assert caplog.text.count("jobs run in processes of their own") == 1
        assert "Operation not permitted" in caplog.text
        with pytest.raises(LauncherError, match=r"(?s)'process'.*ThreadLauncher\(shared_cwd=True"):
            Tells.C(what="pid", x=3).submit(launcher="thread")


def test_threads_are_usual(tmp_path: Path) -> None:
    """Where nobody chose, and the system lets them, jobs run in threads of the kernel."""
    with experiment(tmp_path / "runs", "t") as xp:
        assert Tells.C(what="pid").submit().job.result(DEADLINE_S) == os.getpid()
        assert xp.jobs()["launcher"].to_list() == ["thread"]


@pytest.mark.parametrize("wrong", ["slurm", "Thread", "", 3, ProcessLauncher])
def test_what_names_no_launcher_is_told(wrong: object) -> None:
    """The error says who named it, what was given, and which words there are."""
    with pytest.raises((ValueError, TypeError), match=r"Train\.submit\(\).*'thread'.*'process'"):
        find_launcher(wrong, "Train.submit()")  # type: ignore[arg-type]  # refused
