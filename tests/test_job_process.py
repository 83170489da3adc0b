"""The process of a job: what it forks, how it is stopped, and what it holds."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.forking import EndsWorker, Forks, Pauses, StopsLate, Stuck
from tests.support.processes import finish, run, start, write_script
from tests.support.running import Echo
from xpmnb import FailureReason, JobState, ProcessLauncher, experiment

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")

DEADLINE_S = 60.0


@pytest.fixture
def xp(tmp_path: Path) -> Iterator[experiment]:
    """Open an experiment whose jobs run in processes."""
    with experiment(tmp_path / "runs", "t", launcher=ProcessLauncher(grace_s=0.5)) as opened:
        yield opened


def test_the_end_of_a_worker_is_not_that_of_the_job(xp: experiment) -> None:
    """SIGTERM to a process that the task forked ends that process, and is nothing to the job."""
    job = EndsWorker.C().submit().job
    assert job.result(DEADLINE_S) == -15
    assert not (job.path / "endsworker.failed").exists()
    assert xp.failed == []


@pytest.mark.parametrize(("ending", "code"), [("return", 0), ("error", 1), ("exit", 7)])
def test_a_forked_child_does_not_end_the_job(xp: experiment, ending: str, code: int) -> None:
    """A child that comes back from execute ends there; the parent alone is the job."""
    job = Forks.C(ending=ending).submit().job
    assert job.result(DEADLINE_S) == ["parent", code]
    assert job.stderr.read_text().count("ValueError: of the child") == (ending == "error")
    assert xp.failed == []


def test_a_forked_child_of_a_thread_does_not_end_the_job(tmp_path: Path) -> None:
    """The same in a kernel's thread, whose child is a copy of the kernel."""
    script = write_script(
        tmp_path,
        """
import warnings
from tests.support.forking import EndsWorker, Forks, Pauses, StopsLate, Stuck
warnings.simplefilter("ignore", DeprecationWarning)
with experiment(ROOT / "runs", "t") as xp:
    job = Forks.C(ending="return").submit().job
    print(job.wait(), job.result())
""",
    )
    assert run(script, tmp_path) == "JobState.DONE ['parent', 0]\n"


def test_a_request_to_stop_at_the_last_moment_is_told_as_recorded(xp: experiment) -> None:
    """A job that is asked to stop while its result is written ends as its marker says."""
    job = StopsLate.C().submit().job
    state = job.wait(DEADLINE_S)
    recorded = xp.jobs().iloc[0]
    assert state.failure_reason == FailureReason.CANCELLED
    assert (recorded["state"], recorded["failure"]) == ("error", "cancelled")


def test_a_job_can_hold_many_tokens(xp: experiment) -> None:
    """A process gets all locks that its job holds, however many."""
    token = xp.token("gpu", 250)
    job = Echo.C(x=1).submit(tokens={"gpu": 250}).job
    assert job.wait(DEADLINE_S) == JobState.DONE
    assert token.available() == 250


def test_a_killed_attempt_is_run_again_as_often_as_allowed(xp: experiment, tmp_path: Path) -> None:
    """A task that cannot be interrupted is killed after its time and the grace, and retried."""
    job = Stuck.C(log=tmp_path / "log").submit(walltime=0.2, max_retries=2).job
    assert job.wait(DEADLINE_S).failure_reason == FailureReason.TIMEOUT
    assert "was killed" in job.message
    assert job.retry_count == 2
    assert len(set((tmp_path / "log").read_text().split())) == 3
    assert xp.jobs()["retries"].to_list() == [2]


_LEAVES = """
if __name__ == "__main__":
    xp = experiment(ROOT / "runs", "t", launcher=sys.argv[2], max_jobs=1).start()
    first, second = (Pauses.C(gate=ROOT / "gate", number=number).submit() for number in range(2))
    while first.job.state.value != "running":
        time.sleep(0.01)
"""


def leaves(folder: Path, end: str) -> Path:
    """Write a script that comes to its end while one job runs and another waits."""
    text = "from tests.support.forking import Pauses\n" + _LEAVES + f"    {end}\n"
    return write_script(folder, text)


def test_the_end_of_a_kernel_says_that_processes_go_on(tmp_path: Path) -> None:
    """A job in a process is not called lost when its kernel ends; one that waited never began."""
    process = start(leaves(tmp_path, "pass"), tmp_path, "process")
    _, err = finish(process)
    assert process.returncode == 0
    assert "1 go on in processes of their own; 1 never began" in err
    assert "lost" not in err
    (tmp_path / "gate").touch()
    with experiment(tmp_path / "runs", "t") as xp:
        job = Pauses.C(gate=tmp_path / "gate", number=0).submit().job
        assert job.wait(DEADLINE_S) == JobState.DONE
    assert xp.failed == []


def test_the_end_of_a_kernel_says_that_threads_are_lost(tmp_path: Path) -> None:
    """A job in a thread ends with its kernel, on record and in words."""
    process = start(leaves(tmp_path, "pass"), tmp_path, "thread")
    _, err = finish(process)
    assert "1 are lost; 1 never began" in err
    assert len(list(tmp_path.rglob("pauses.failed"))) == 1


def test_a_fork_of_the_kernel_that_ends_is_nothing_to_the_jobs(tmp_path: Path) -> None:
    """A child of the kernel that exits as programs do records no job as lost."""
    end = (
        "import warnings; warnings.simplefilter('ignore', DeprecationWarning)\n"
        "    os.fork() or sys.exit()\n"
        "    os.wait(); (ROOT / 'gate').touch(); xp.close()\n"
        "    print(first.job.state, second.job.state)"
    )
    process = start(leaves(tmp_path, end), tmp_path, "thread")
    out, err = finish(process)
    assert out == "JobState.DONE JobState.DONE\n"
    assert "lost" not in err
    assert not list(tmp_path.rglob("pauses.failed"))
