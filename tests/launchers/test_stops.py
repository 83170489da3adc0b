"""How jobs are stopped: on request, by signals, and by the end of their time."""

import json
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.acting import Act, Hold, Needs, Persist, await_begin, pid_of
from tests.support.nurseries import await_true, is_alive
from xpmnb import FailureReason, JobState, ProcessLauncher, experiment

DEADLINE_S = 60.0
# A fresh interpreter needs some of the time that the kernel gives it for its start.
GRACE_S = {"process": 0.3, "fresh": 1.5}

# TaskCancelled, raised in a thread, may hit code of coverage that holds a lock.
pytestmark = pytest.mark.no_cover

PROCESSES: dict[str, Callable[..., Any]] = {
    "process": ProcessLauncher,
    "fresh": lambda **options: ProcessLauncher(fork=False, **options),
}


@pytest.fixture(params=["thread", "process"])
def launcher(request: pytest.FixtureRequest) -> str:
    """Give the word for where the jobs of a test run."""
    word: str = request.param
    return word


@pytest.fixture(params=list(PROCESSES))
def kind(request: pytest.FixtureRequest) -> str:
    """Give the kind of processes in which the jobs of a test run."""
    word: str = request.param
    return word


@pytest.fixture
def make(kind: str) -> Any:
    """Give what makes a launcher of that kind."""
    return PROCESSES[kind]


@pytest.fixture
def grace_s(kind: str) -> float:
    """Give a short time between a request to stop and the kill."""
    return GRACE_S[kind]


def opened(root: Path, launcher: Any, **options: Any) -> experiment:
    """Return an experiment whose jobs run there."""
    return experiment(root / "runs", "stops", launcher=launcher, **options)


def begun(task: Any, **options: Any) -> Any:
    """Submit a task, wait until it runs, and return its job."""
    task.submit(**options)
    await_begin(task.root)
    return task.job


def await_start(job: Any) -> None:
    """Wait until a job is more than submitted."""
    await_true(lambda: job.state != JobState.WAITING, "a start")


def end_of(job: Any) -> dict[str, Any]:
    """Return the only end marker of a job that failed."""
    assert job.wait(DEADLINE_S) == JobState.ERROR
    [path] = [each for each in job.path.iterdir() if each.suffix in {".done", ".failed"}]
    content: dict[str, Any] = json.loads(path.read_text())
    assert path.suffix == ".failed"
    assert content["reason"] == job.failure_reason.value
    return content


def test_a_clean_up_runs_to_its_end(tmp_path: Path, launcher: str) -> None:
    """What a task does about TaskCancelled is not broken by another request, and is waited for."""
    with opened(tmp_path, launcher) as xp:
        job = begun(Act.C(what="clean_up", root=tmp_path))
        assert job.cancel()
        await_true((job.path / "asked").exists, "TaskCancelled in the task")
        job.cancel()
        assert (job.state, job.stopping) == (JobState.RUNNING, True)
        (tmp_path / "go").touch()
        assert end_of(job)["reason"] == "cancelled"
        assert (job.path / "cleaned").exists()
        assert xp.jobs()["failure"].to_list() == ["cancelled"]


def test_signals_during_the_clean_up_do_not_break_it(tmp_path: Path, make: Any) -> None:
    """The end is on record while a process cleans up; more signals change nothing."""
    with opened(tmp_path, make()):
        job = begun(Act.C(what="clean_up", root=tmp_path))
        os.kill(pid_of(job), signal.SIGINT)
        await_true((job.path / "act.failed").exists, "the end on record")
        await_true((job.path / "asked").exists, "TaskCancelled in the task")
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
            os.kill(pid_of(job), number)
        (tmp_path / "go").touch()
        assert "SIGINT" in end_of(job)["message"]
        assert (job.path / "cleaned").exists()
        # Nobody asked through a launcher that would kill: the grace is its own.
        assert (job.path / "asked").read_text() == "the job was asked to stop (SIGINT)|10.0"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda each: each.name)
def test_the_end_names_the_signal(tmp_path: Path, make: Any, number: signal.Signals) -> None:
    """A process that gets SIGTERM or SIGINT ends as cancelled, by that signal."""
    with opened(tmp_path, make()):
        job = begun(Act.C(what="hold", root=tmp_path))
        os.kill(pid_of(job), number)
        assert end_of(job)["message"] == f"the job was asked to stop ({number.name})"
        assert job.failure_reason is FailureReason.CANCELLED
        assert job.message == end_of(job)["message"]


@pytest.mark.parametrize("what", ["ignore", "block"])
@pytest.mark.parametrize("cls", [Act, Persist], ids=["Task", "ResumableTask"])
def test_time_that_runs_out_ends_every_process(
    tmp_path: Path, make: Any, grace_s: float, cls: Any, what: str
) -> None:
    """A task that ignores TaskCancelled, or blocks in C, is killed after the grace: timeout."""
    with opened(tmp_path, make(grace_s=grace_s)) as xp:
        job = begun(cls.C(what=what, root=tmp_path), walltime=0.2, max_retries=1)
        assert end_of(job)["reason"] == "timeout"
        assert job.retry_count == (1 if cls is Persist else 0)
        assert end_of(job)["attempt"] == job.retry_count + 1
        await_true(lambda: not is_alive(pid_of(job)), "the end of the process")
        events = xp.events()
        assert (events["event"] == "attempt-ended").sum() == job.retry_count
        assert (events["event"] == "started").sum() == job.retry_count + 1
        if what == "block":
            assert f"did not stop within {grace_s} s of the end of its time" in job.message
        else:
            assert job.message == "its time ran out after 0.2 s"


@pytest.mark.parametrize("what", ["ignore", "block"])
def test_a_request_ends_every_process(tmp_path: Path, make: Any, grace_s: float, what: str) -> None:
    """A process that ignores a request to stop, or blocks in C, is killed after the grace."""
    with opened(tmp_path, make(grace_s=grace_s)):
        job = begun(Act.C(what=what, root=tmp_path))
        job.cancel()
        assert end_of(job)["reason"] == "cancelled"
        await_true(lambda: not is_alive(pid_of(job)), "the end of the process")
        words = f"did not stop within {grace_s} s of being asked" if what == "block" else "SIGTERM"
        assert words in job.message


def test_a_thread_that_blocks_has_only_been_asked(tmp_path: Path) -> None:
    """A thread in a blocking call is shown as asked to stop until the call returns."""
    os.mkfifo(tmp_path / "pipe")
    with opened(tmp_path, "thread"):
        job = begun(Act.C(what="block_for_test", root=tmp_path))
        job.cancel()
        await_true(lambda: job.stopping, "the request")
        assert not job.wait(0).is_final
        (tmp_path / "pipe").write_text("go on")
        assert end_of(job)["reason"] == "cancelled"
        assert not job.stopping


def test_a_thread_whose_time_is_over_is_not_said_to_have_ended(tmp_path: Path) -> None:
    """When the time of a thread in a blocking call runs out, the job runs until that returns."""
    os.mkfifo(tmp_path / "pipe")
    with opened(tmp_path, "thread"):
        job = begun(Act.C(what="block_for_test", root=tmp_path), walltime=0.05)
        await_true(
            lambda: not any("xpmnb-clock" in each.name for each in threading.enumerate()),
            "the end of its time",
        )
        assert job.wait(0) == JobState.RUNNING
        (tmp_path / "pipe").write_text("go on")
        assert end_of(job)["reason"] == "timeout"
        assert "its time ran out after 0.05 s" in job.message


@pytest.mark.parametrize("cls", [Act, Persist], ids=["Task", "ResumableTask"])
def test_time_that_runs_out_stops_a_thread(tmp_path: Path, cls: Any) -> None:
    """In a thread, too, TaskCancelled is raised when the time is over; resumable ones go on."""
    with opened(tmp_path, "thread"):
        job = begun(cls.C(what="hold", root=tmp_path), walltime=0.05, max_retries=2)
        assert end_of(job)["reason"] == "timeout"
        assert job.retry_count == (2 if cls is Persist else 0)


def test_what_has_not_begun_can_be_cancelled(tmp_path: Path, launcher: str) -> None:
    """Jobs that wait for room, or for another job, end at once, on record; the other goes on."""
    with opened(tmp_path, launcher, max_jobs=1) as xp:
        running = Act.C(what="hold", root=tmp_path)
        job = begun(running)
        ready = Act.C(what="nothing", root=tmp_path)
        waiting = Needs.C(source=running)
        for task in (ready, waiting):
            task.submit()
        await_true(lambda: ready.job.state == JobState.READY, "the job that waits for room")
        for task in (ready, waiting):
            task.job.cancel()
            assert end_of(task.job)["reason"] == "cancelled"
            assert end_of(task.job)["attempt"] == 0
        (tmp_path / "go").touch()
        assert job.result(DEADLINE_S) == "done"
        assert sorted(xp.jobs()["failure"].dropna()) == ["cancelled"] * 2


def test_a_request_that_comes_early_is_not_lost(tmp_path: Path, make: Any) -> None:
    """A job that is cancelled as soon as it was submitted ends, whatever it was about to do."""
    with opened(tmp_path, make(), max_jobs=4):
        tasks = [Hold.C(x=each) for each in range(8)]
        for task in tasks:
            task.submit()
            # Some have begun by then, some are being started, and some wait for room.
            if task.x % 2:
                await_start(task.job)
            task.job.cancel()
        for task in tasks:
            assert end_of(task.job)["reason"] == "cancelled"
            assert "Errno" not in task.job.message
            assert (task.job.path / "__xpm__/params.json").exists()


def test_what_died_before_it_began_is_no_earlier_attempt(tmp_path: Path, make: Any) -> None:
    """A job that failed before, and is cancelled before it begins again, began never."""
    with opened(tmp_path, make(), max_jobs=1):
        task = Act.C(what="raise", root=tmp_path)
        task.submit().wait(DEADLINE_S)
        task.submit()
        await_start(task.job)
        task.job.cancel()
        task.wait(DEADLINE_S)
        if task.job.failure_reason is FailureReason.CANCELLED:  # it may have been quicker
            end = end_of(task.job)
            assert end["attempt"] in {0, 1}
            assert (end["started"] is None) == (end["attempt"] == 0)
            assert task.job.stdout.exists() == (end["attempt"] == 1)


def test_a_cancelled_job_runs_when_it_is_submitted_again(tmp_path: Path, launcher: str) -> None:
    """Being cancelled is not sticky."""
    with opened(tmp_path, launcher):
        task = Act.C(what="hold", root=tmp_path)
        job = begun(task)
        job.cancel()
        assert end_of(job)["reason"] == "cancelled"
        (tmp_path / "go").touch()
        assert task.submit().job.result(DEADLINE_S) == "done"


def test_a_whole_run_is_stopped(tmp_path: Path, launcher: str) -> None:
    """All jobs that have not ended are cancelled: those that run, wait, or need another."""
    with opened(tmp_path, launcher, max_jobs=2) as xp:
        assert xp.cancel() == 0
        ended = Hold.C(x=9).submit().job
        ended.cancel()
        ended.wait(DEADLINE_S)
        held = [Hold.C(x=x).submit() for x in range(4)]
        needs = Needs.C(source=held[0]).submit()
        await_true(lambda: held[0].job.state == JobState.RUNNING, "the beginning of a job")
        assert xp.cancel() == 5
        xp.wait(DEADLINE_S)
        assert xp.cancel() == 0
        jobs = [task.job for task in (*held, needs)]
        assert {job.failure_reason for job in jobs} == {FailureReason.CANCELLED}
        assert {job.started_at is None for job in jobs[2:]} == {True}
        assert set(xp.failed) == {ended, *jobs}
