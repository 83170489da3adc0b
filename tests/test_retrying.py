"""Failed jobs run once more from their handles: `job.retry()` and `xp.retry_failed()`."""

from pathlib import Path

import pytest

from tests.support.running import DEADLINE_S, running
from xpmnb import FailureReason, JobState, Meta, Param, ResumableTask, Task, log
from xpmnb.errors import SubmissionError


class Needing(Task):
    """Fails until a file is there."""

    wanted: Meta[Path]
    number: Param[int] = 0

    def execute(self) -> int:
        """Look for the file."""
        log(seen=self.number)
        Path("left.txt").write_text("left by an attempt")
        if not self.wanted.exists():
            raise FileNotFoundError(self.wanted)
        return self.number


class After(Task):
    """Needs another task."""

    before: Param[Needing]

    def execute(self) -> str:
        """Do little."""
        return "after"


class Going(ResumableTask):
    """Goes on from what it left."""

    wanted: Meta[Path]

    def execute(self) -> int:
        """Count its runs."""
        runs = len(list(Path().glob("run-*")))
        Path(f"run-{runs}").touch()
        if not self.wanted.exists():
            raise FileNotFoundError(self.wanted)
        return runs


def test_a_failed_job_is_run_again(tmp_path: Path) -> None:
    """Its task is submitted as it was, what it left goes to the trash, and the old handle stays."""
    wanted = tmp_path / "wanted"
    with running(tmp_path) as xp:
        task = Needing.C(wanted=wanted)
        failed = task.submit(environ={}).job
        assert failed.wait(DEADLINE_S) == JobState.error(FailureReason.ERROR)
        wanted.touch()
        again = failed.retry()
        assert again.result(DEADLINE_S) == 0
        assert task.job is again
        assert failed.state == JobState.error(FailureReason.ERROR)
        assert xp.failed == []
    assert [path.read_text() for path in tmp_path.glob("runs/trash/*/*/left.txt")] == [
        "left by an attempt"
    ]


def test_what_a_job_waited_for_is_run_before_it(tmp_path: Path) -> None:
    """A job that failed since another failed brings that one along, once."""
    wanted = tmp_path / "wanted"
    with running(tmp_path) as xp:
        first = Needing.C(wanted=wanted)
        first.submit()
        last = After.C(before=first)
        last.submit()
        xp.wait(DEADLINE_S)
        assert {job.name for job in xp.failed} == {"needing", "after"}
        wanted.touch()
        assert last.job.needs == (first.job.id,)
        assert last.job.retry().result(DEADLINE_S) == "after"
        assert first.job.state == JobState.DONE
        assert xp.failed == []


def test_all_failed_jobs_are_run_again(tmp_path: Path) -> None:
    """`xp.retry_failed()` submits each failed job once, whatever waits for what."""
    wanted = tmp_path / "wanted"
    with running(tmp_path) as xp:
        firsts = [Needing.C(wanted=wanted, number=number) for number in range(3)]
        for first in firsts:
            first.submit()
            After.C(before=first).submit()
        xp.wait(DEADLINE_S)
        assert len(xp.failed) == 6
        wanted.touch()
        jobs = xp.retry_failed()
        assert len({job.id for job in jobs}) == 6
        xp.wait(DEADLINE_S, check=True)
        assert [first.job.result(DEADLINE_S) for first in firsts] == [0, 1, 2]


def test_a_resumable_task_goes_on(tmp_path: Path) -> None:
    """Retrying a resumable task keeps its directory."""
    wanted = tmp_path / "wanted"
    with running(tmp_path):
        failed = Going.C(wanted=wanted).submit().job
        failed.wait(DEADLINE_S)
        wanted.touch()
        assert failed.retry().result(DEADLINE_S) == 1


def test_a_job_that_was_submitted_meanwhile_is_returned(tmp_path: Path) -> None:
    """Retrying an old handle twice runs the task once."""
    wanted = tmp_path / "wanted"
    with running(tmp_path):
        failed = Needing.C(wanted=wanted).submit().job
        failed.wait(DEADLINE_S)
        wanted.touch()
        again = failed.retry()
        assert failed.retry() is again
        again.wait(DEADLINE_S)
        assert failed.retry() is again


def test_what_did_not_fail_is_not_run_again(tmp_path: Path) -> None:
    """A job that is done is no job to retry; the error says so."""
    wanted = tmp_path / "wanted"
    wanted.touch()
    with running(tmp_path):
        job = Needing.C(wanted=wanted).submit().job
        job.wait(DEADLINE_S)
        with pytest.raises(SubmissionError, match="is done: only a job that failed"):
            job.retry()


def test_a_job_of_an_earlier_session_names_the_way_out(tmp_path: Path) -> None:
    """A handle made from records has no task to submit, and says what to do."""
    with running(tmp_path) as xp:
        identifier = Needing.C(wanted=tmp_path / "wanted").submit().job.id
        xp.wait(DEADLINE_S)
    with (
        running(tmp_path) as xp,
        pytest.raises(SubmissionError, match="run the cell that submits its task"),
    ):
        xp.job(identifier).retry()


def test_a_closed_experiment_takes_no_retries(tmp_path: Path) -> None:
    """After the experiment is closed, retrying is refused in words."""
    with running(tmp_path):
        job = Needing.C(wanted=tmp_path / "wanted").submit().job
    with pytest.raises(SubmissionError, match="takes no tasks any more"):
        job.retry()


def test_metrics_leave_a_course(tmp_path: Path) -> None:
    """The handle of a job knows the course of its metrics, also of one that was done before."""
    wanted = tmp_path / "wanted"
    wanted.touch()
    for _ in range(2):
        with running(tmp_path):
            job = Needing.C(wanted=wanted, number=7).submit().job
            job.wait(DEADLINE_S)
            assert job.trails["seen"].points == [7.0]
