"""Opening, leaving and closing experiments, and what can be wrong with them."""

import os
import re
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.running import (
    DEADLINE_S,
    Echo,
    Failing,
    Held,
    gates,
    running,
    scheduler_threads,
)
from xpmnb import FailedExperiment, JobState, Param, Task, ThreadLauncher, experiment, workspace
from xpmnb.errors import SubmissionError, WorkspaceError
from xpmnb.scheduler.jobs import Job


def test_leaving_waits_for_the_jobs(tmp_path: Path) -> None:
    """A with statement ends when all jobs have ended, and does not raise when some failed."""
    with experiment(tmp_path / "runs", "t") as xp:
        jobs = [Echo.C(x=1).submit().job, Failing.C(x=1).submit().job]
    assert [job.done() for job in jobs] == [True, True]
    assert xp.failed == [jobs[1]]
    assert scheduler_threads() == []


def test_closing_late_does_not_hang(tmp_path: Path) -> None:
    """close() returns at once however long ago the last job ended, and again."""
    gates.reset()
    xp = experiment(tmp_path / "runs", "t").start()
    Echo.C(x=1).submit()
    xp.wait(DEADLINE_S)
    assert len(xp.jobs()) == 1
    for _ in range(3):
        with pytest.raises(TimeoutError):
            Held.C(key="never").submit().job.result(0.1)
    gates.give_up()
    xp.close()
    xp.close()
    gates.reset()
    assert scheduler_threads() == []
    assert "closed" in repr(xp)


def test_an_error_in_the_block_comes_through(tmp_path: Path) -> None:
    """An error in the with block is raised as it is, at once; the jobs go on to their ends."""
    gates.reset()
    error = RuntimeError("mine")
    xp = experiment(tmp_path / "runs", "t")
    jobs: list[Job] = []

    def cell() -> None:
        with xp:
            jobs.append(Held.C(key="a").submit().job)
            gates.await_begin("a")
            raise error

    with pytest.raises(RuntimeError) as caught:
        cell()
    assert caught.value is error
    (job,) = jobs
    assert job.state == JobState.RUNNING
    gates.open("a")
    assert job.wait(DEADLINE_S) == JobState.DONE
    xp.close()
    assert scheduler_threads() == []


def test_waiting_can_check(tmp_path: Path) -> None:
    """wait(check=True) raises with one line for each failed job; plain wait() does not."""
    with running(tmp_path) as xp:
        Echo.C(x=1).submit()
        for x in (1, 2):
            Failing.C(x=x).submit()
        xp.wait(DEADLINE_S)
        with pytest.raises(FailedExperiment) as caught:
            xp.wait(check=True)
        lines = str(caught.value).splitlines()
        assert lines[0].startswith("2 jobs of 't' failed")
        assert sorted(line[-5:] for line in lines[1:]) == ["bad 1", "bad 2"]


def test_waiting_has_a_limit(tmp_path: Path) -> None:
    """wait(timeout) raises, tells how many jobs are left, and leaves them running."""
    with running(tmp_path) as xp:
        job = Held.C(key="a").submit().job
        gates.await_begin("a")
        with pytest.raises(TimeoutError, match=r"1 job.* not ended"):
            xp.wait(0.01)
        assert job.state == JobState.RUNNING


def test_the_last_one_started_is_current(tmp_path: Path) -> None:
    """Tasks go to the experiment started last; when it is closed, to the one before."""
    with running(tmp_path, "outer") as outer:
        with running(tmp_path, "inner") as inner:
            Echo.C(x=1).submit().wait(DEADLINE_S)
        Echo.C(x=2).submit().wait(DEADLINE_S)
        assert list(inner.jobs()["params.x"]) == [1]
        assert list(outer.jobs()["params.x"]) == [2]
    with pytest.raises(SubmissionError, match="no experiment is open"):
        Echo.C(x=3).submit()


def test_closing_one_leaves_the_others_alone(tmp_path: Path) -> None:
    """An experiment that is closed harms neither jobs nor submissions of another."""
    with running(tmp_path, "outer"):
        first = Held.C(key="a").submit().job
        other = experiment(tmp_path / "elsewhere", "t").start()
        second = Echo.C(x=1).submit().job
        other.close()
        assert second.state == JobState.DONE
        assert not first.done()
        gates.open("a")
        assert first.wait(DEADLINE_S) == JobState.DONE
        assert Echo.C(x=2).submit().job.result(DEADLINE_S) == 2


def test_a_closed_experiment_takes_nothing(tmp_path: Path) -> None:
    """Submitting to an experiment that is closed, or was never started, is a clear error."""
    xp = experiment(tmp_path / "runs", "t")
    for call in (
        xp.wait,
        xp.jobs,
        lambda: xp.failed,
        xp.close,
        lambda: xp.submit_task(Echo.C(x=1)),
    ):
        with pytest.raises(SubmissionError, match=r"call \.start\(\) first"):
            call()
    xp.start()
    with pytest.raises(SubmissionError, match="was started before"):
        xp.start()
    xp.close()
    with pytest.raises(SubmissionError, match="takes no tasks any more"):
        xp.submit_task(Echo.C(x=1))
    assert len(xp.jobs()) == 0


@pytest.mark.parametrize(
    "name",
    ["", " ", "..", ".", "/abs", "a/b", "a\\b", ".hidden", "x" * 300, "a\n", "\x00", "\udc80"],
)
def test_a_name_that_is_no_folder_is_refused(tmp_path: Path, name: str) -> None:
    """A name that would leave the workspace, or is no name, is an error that says why."""
    with pytest.raises(WorkspaceError, match="experiment name"):
        experiment(tmp_path / "runs", name).start()
    assert list(tmp_path.rglob("*")) <= [tmp_path / "runs", *(tmp_path / "runs").iterdir()]
    assert scheduler_threads() == []


@pytest.mark.parametrize("name", [None, 5, b"t", Path("t")])
def test_a_name_that_is_no_text_is_refused(tmp_path: Path, name: Any) -> None:
    """A name of another type is an error that says what is expected."""
    opened: list[experiment] = []
    try:
        with pytest.raises((TypeError, WorkspaceError), match="name"):
            opened.append(experiment(tmp_path / "runs", name).start())
    finally:
        for each in opened:
            each.close()


@pytest.mark.parametrize("name", ["digits", "my run 2", "été", "a.b-c_d", "💡"])
def test_names_may_be_words(tmp_path: Path, name: str) -> None:
    """Names with spaces and letters of any language are fine."""
    with running(tmp_path, name) as xp:
        Echo.C(x=1).submit()
        xp.wait(DEADLINE_S)
    assert workspace(tmp_path / "runs").experiments() == [name]


@pytest.mark.parametrize("limit", [0, -1, "3", 1.5, True])
def test_a_bound_below_one_is_refused(tmp_path: Path, limit: Any) -> None:
    """max_jobs must let at least one job run."""
    words = re.escape(f"experiment(max_jobs={limit!r}): give a whole number, 1 or more")
    with pytest.raises(ValueError, match=words):
        experiment(tmp_path, "t", max_jobs=limit)


@pytest.mark.parametrize("place", [3, None, b"runs"])
def test_what_is_no_directory_is_refused_as_workspace(place: Any) -> None:
    """The error says what was given instead of a workspace, and what is expected."""
    with pytest.raises(TypeError, match=r"experiment\(.*, \.\.\.\): the workspace is a directory"):
        experiment(place, "x")
    with pytest.raises(TypeError, match=r"workspace\(.*\): give the directory"):
        workspace(place)


@pytest.mark.parametrize("timeout", ["x", True, float("nan")])
def test_a_timeout_that_is_no_number_is_refused(tmp_path: Path, timeout: Any) -> None:
    """Waiting refuses what is no number of seconds, even when nothing runs."""
    with running(tmp_path) as xp:
        job = Echo.C(x=1).submit().job
        xp.wait(DEADLINE_S)
        for wait in (xp.wait, job.wait, job.result):
            with pytest.raises((TypeError, ValueError), match=r"timeout=.*: give a number of sec"):
                wait(timeout)


def test_an_unknown_launcher_is_refused(tmp_path: Path) -> None:
    """An unknown launcher is an error that names those there are, also at a submission."""
    with pytest.raises(ValueError, match="'nowhere' is unknown: use 'thread'"):
        experiment(tmp_path, "t", launcher="nowhere")
    with running(tmp_path, launcher="thread"):
        with pytest.raises(ValueError, match="'nowhere' is unknown"):
            Echo.C(x=1).submit(launcher="nowhere")
        assert Echo.C(x=1).submit(launcher="thread").job.result(DEADLINE_S) == 1
        assert Echo.C(x=2).submit(launcher=ThreadLauncher()).job.result(DEADLINE_S) == 2


def test_a_workspace_that_is_a_file_is_refused(tmp_path: Path) -> None:
    """A file where the workspace should be is a clear error, and stays as it is."""
    (tmp_path / "runs").write_text("mine")
    with pytest.raises(WorkspaceError, match=r"runs.*cannot be created.*choose a directory"):
        experiment(tmp_path / "runs", "t").start()
    assert (tmp_path / "runs").read_text() == "mine"


def mount(place: Path, options: str) -> bool:
    """Mount a disk in memory; tell whether that was possible."""
    command = ["/bin/mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
    try:
        return not subprocess.run(command, check=False, capture_output=True).returncode
    except FileNotFoundError:
        return False


def unmount(place: Path) -> None:
    """Take a disk away."""
    subprocess.run(["/bin/umount", "-l", str(place)], check=True)


def fill(path: Path) -> None:
    """Write until the disk is full."""
    with path.open("wb", 0) as file:
        while True:
            file.write(b"x" * 4096)


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """Give a workspace with one finished job, which cannot be written any more."""
    place = tmp_path / "disk"
    place.mkdir()
    root = os.geteuid() == 0
    if root and not mount(place, "size=1m"):
        pytest.skip("root may write everywhere, and cannot mount a disk here")
    try:
        with running(place) as xp:
            Echo.C(x=1).submit()
            xp.wait(DEADLINE_S)
        if root:
            assert mount(place, "remount,ro")
        else:
            for each in [*place.rglob("*")][::-1]:
                each.chmod(0o555 if each.is_dir() else 0o444)
        yield place
    finally:
        if root:
            unmount(place)
        else:
            for each in place.rglob("*"):
                each.chmod(0o755)


def test_a_read_only_workspace_can_be_read(read_only: Path) -> None:
    """Starting in a workspace that cannot be written is a clear error; its tables are read."""
    with pytest.raises(WorkspaceError, match=r"[Rr]ead-only|[Pp]ermission"):
        experiment(read_only / "runs", "t").start()
    assert list(workspace(read_only / "runs").jobs()["state"]) == ["done"]
    assert scheduler_threads() == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_full_disk_fails_jobs_and_not_the_kernel(tmp_path: Path) -> None:
    """On a full disk jobs end as failed, the experiment closes, and with room they run again."""
    place = tmp_path / "disk"
    place.mkdir()
    if not mount(place, "size=256k"):
        pytest.skip("this machine lets nobody mount a disk")
    try:
        with running(place) as xp:
            first = Echo.C(x=1).submit().job
            assert first.wait(DEADLINE_S) == JobState.DONE
            filling = place / "filling"
            with pytest.raises(OSError, match="No space"):
                fill(filling)
            second = Echo.C(x=2).submit().job
            assert second.wait(DEADLINE_S) == JobState.ERROR
            assert "No space left" in second.message
            xp.wait(DEADLINE_S)
            filling.unlink()
            assert Echo.C(x=2).submit().job.wait(DEADLINE_S) == JobState.DONE
    finally:
        unmount(place)
    assert scheduler_threads() == []


def test_a_home_folder_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``~`` in the path of a workspace is the user's home folder."""
    monkeypatch.setenv("HOME", str(tmp_path))
    with experiment("~/runs", "t") as xp:
        assert xp.workdir == tmp_path / "runs"


def test_a_relative_workspace_stays_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative path means the directory at the time of opening, also for later jobs."""
    monkeypatch.chdir(tmp_path)
    with running(Path(), max_jobs=1) as xp:
        (tmp_path / "other").mkdir()
        monkeypatch.chdir(tmp_path / "other")
        job = Echo.C(x=1).submit().job
        job.wait(DEADLINE_S)
        assert job.path.is_relative_to(tmp_path / "runs")
        assert list(xp.jobs()["state"]) == ["done"]


def test_all_runs_can_be_asked_for(tmp_path: Path) -> None:
    """xp.jobs() has the jobs of this run, and those of all runs of its name when asked."""
    for x in (1, 2):
        with running(tmp_path) as xp:
            Echo.C(x=x).submit()
            xp.wait(DEADLINE_S)
    assert list(xp.jobs()["params.x"]) == [2]
    assert sorted(xp.jobs(runs="all")["params.x"]) == [1, 2]


def test_jobs_that_were_taken_over_keep_their_streams(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a job prints after its experiment was started again still goes to its own file."""

    class Says(Task):
        key: Param[str]

        def execute(self) -> None:
            gates.hold(self.key)
            print("said")  # noqa: T201

    first = experiment(tmp_path / "runs", "t").start()
    job = Says.C(key="a").submit().job
    gates.await_begin("a")
    second = experiment(tmp_path / "runs", "t").start()
    try:
        assert first._run is not None
        assert first._run.closed.wait(DEADLINE_S)
        gates.open("a")
        job.wait(DEADLINE_S)
        assert job.stdout.read_text(encoding="utf-8") == "said\n"
        assert capsys.readouterr().out == ""
    finally:
        gates.open("a")
        second.close()


def test_closing_waits_for_a_submission_under_way(tmp_path: Path) -> None:
    """A task that one thread is submitting while another closes is run, or refused: never lost."""
    held = threading.Event()
    begun = threading.Event()

    class Slow(Task):
        x: Param[int]

        def __validate__(self) -> None:
            begun.set()
            held.wait(DEADLINE_S)

        def execute(self) -> int:
            return self.x

    xp = experiment(tmp_path / "runs", "t").start()
    task = Slow.C(x=3)
    submitting = threading.Thread(target=task.submit)
    submitting.start()
    assert begun.wait(DEADLINE_S)
    closing = threading.Thread(target=xp.close)
    closing.start()
    closing.join(0.1)
    assert closing.is_alive()  # there is nothing to wait for but the submission
    held.set()
    submitting.join(DEADLINE_S)
    closing.join(DEADLINE_S)
    assert task.job.result(DEADLINE_S) == 3
