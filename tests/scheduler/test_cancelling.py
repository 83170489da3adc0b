"""Cancelling: whenever it comes, the job ends as cancelled, and nothing else is hit."""

import sys
import threading
import time
from pathlib import Path

import pytest

from tests.support.running import (
    DEADLINE_S,
    Echo,
    Held,
    Uses,
    gates,
    running,
    scheduler_threads,
)
from xpmnb import FailureReason, JobState, Param, Task, TaskCancelled

# Raised in the middle of coverage's own code, TaskCancelled would leave its lock taken.
pytestmark = pytest.mark.no_cover


class Busy(Task):
    """Spins for a number of turns, and counts what hits it."""

    turns: Param[int]

    def execute(self) -> None:
        gates[f"begun {self.turns}"].set()
        for _ in range(self.turns):
            pass


def test_a_waiting_job_is_cancelled(tmp_path: Path) -> None:
    """A job that waits for another ends as cancelled, on record, and dooms those that need it."""
    with running(tmp_path) as xp:
        first = Held.C(key="a").submit()
        second = Uses.C(source=first).submit()
        third = Uses.C(source=second).submit()
        gates.await_begin("a")
        assert second.job.cancel()
        assert second.job.wait(DEADLINE_S).failure_reason is FailureReason.CANCELLED
        assert third.job.wait(DEADLINE_S).failure_reason is FailureReason.DEPENDENCY
        assert first.job.state == JobState.RUNNING
        assert xp.jobs().set_index("id").loc[second.job.id, "failure"] == "cancelled"


def test_a_queued_job_is_cancelled(tmp_path: Path) -> None:
    """A job that is ready and has no room yet ends as cancelled, and never begins."""
    with running(tmp_path, max_jobs=1):
        Held.C(key="a").submit()
        queued = Held.C(key="b").submit()
        gates.await_begin("a")
        queued.job.cancel()
        assert queued.job.wait(DEADLINE_S).failure_reason is FailureReason.CANCELLED
        gates.open("a")
        assert Echo.C(x=1).submit().job.wait(DEADLINE_S) == JobState.DONE
        assert not gates.begun("b")


def test_a_running_job_is_cancelled(tmp_path: Path) -> None:
    """TaskCancelled is raised in a running loop; the record and the handle say cancelled."""
    with running(tmp_path) as xp:
        job = Held.C(key="a").submit().job
        gates.await_begin("a")
        assert job.cancel() is True
        assert job.wait(DEADLINE_S).failure_reason is FailureReason.CANCELLED
        assert (job.path / "held.failed").exists()
        assert "TaskCancelled" in job.stderr.read_text()
        assert list(xp.jobs()["failure"]) == ["cancelled"]


def test_a_cancelled_job_can_run_again(tmp_path: Path) -> None:
    """A cancelled task that is submitted again runs, and may be done."""
    with running(tmp_path):
        job = Held.C(key="a").submit().job
        gates.await_begin("a")
        job.cancel()
        job.wait(DEADLINE_S)
        gates.open("a")
        assert Held.C(key="a").submit().job.wait(DEADLINE_S) == JobState.DONE


def test_a_job_can_be_cancelled_before_it_begins(tmp_path: Path) -> None:
    """Cancelled right after its submission, a job never reaches the body of its task."""
    with running(tmp_path, max_jobs=1) as xp:
        jobs = [Held.C(key=f"{each}").submit().job for each in range(20)]
        for job in reversed(jobs):
            job.cancel()
        xp.wait(DEADLINE_S)
        assert {job.failure_reason for job in jobs} == {FailureReason.CANCELLED}


def test_a_swallowed_cancellation_still_counts(tmp_path: Path) -> None:
    """A task that catches TaskCancelled and ends well is cancelled all the same."""

    class Stubborn(Task):
        def execute(self) -> str:
            try:
                gates.hold("a")
            except TaskCancelled:
                Path("cleaned").touch()
            return "fine"

    with running(tmp_path):
        job = Stubborn.C().submit().job
        gates.await_begin("a")
        job.cancel()
        assert job.wait(DEADLINE_S).failure_reason is FailureReason.CANCELLED
        assert (job.path / "cleaned").exists()
        assert not (job.path / "stubborn.done").exists()


def test_a_task_that_goes_on_can_be_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A later cancel() raises TaskCancelled once more in a task that swallowed the first."""
    monkeypatch.setattr("xpmnb.interruption._PAUSE_S", 0.5)

    class Twice(Task):
        def execute(self) -> None:
            try:
                gates.hold("first")
            except TaskCancelled:
                gates.hold("second")

    with running(tmp_path):
        job = Twice.C().submit().job
        gates.await_begin("first")
        job.cancel()
        gates.await_begin("second")
        deadline = time.monotonic() + DEADLINE_S
        # Requests that come at short intervals count as one.
        while not job.wait(0.05).is_final and time.monotonic() < deadline:
            job.cancel()
        assert job.failure_reason is FailureReason.CANCELLED
        assert job.stderr.read_text().count("TaskCancelled") >= 2


def test_a_second_request_does_not_break_a_clean_up(tmp_path: Path) -> None:
    """What a task does because of the first request is not interrupted by one soon after it."""

    class Cleans(Task):
        def execute(self) -> None:
            try:
                gates.hold("first")
            except TaskCancelled:
                gates.hold("clean-up")
                Path("cleaned").touch()
                raise

    with running(tmp_path):
        job = Cleans.C().submit().job
        gates.await_begin("first")
        job.cancel()
        gates.await_begin("clean-up")
        job.cancel()
        gates["open clean-up"].set()
        assert job.wait(DEADLINE_S).failure_reason is FailureReason.CANCELLED
        assert (job.path / "cleaned").exists()


def test_a_job_that_is_asked_to_stop_says_so(tmp_path: Path) -> None:
    """``stopping`` is true from the request to the end, and false after it."""

    class Slow(Task):
        def execute(self) -> None:
            try:
                gates.hold("a")
            except TaskCancelled:
                gates.hold("clean-up")

    with running(tmp_path):
        job = Slow.C().submit().job
        gates.await_begin("a")
        assert not job.stopping
        job.cancel()
        gates.await_begin("clean-up")
        assert job.stopping
        assert job.state == JobState.RUNNING
        gates.open("clean-up")
        job.wait(DEADLINE_S)
        assert not job.stopping


def test_cancelling_hits_nothing_but_the_job(tmp_path: Path) -> None:
    """However a request falls around the end of a task, one job ends, and its record agrees."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    unhandled: list[str] = []
    before, threading.excepthook = threading.excepthook, lambda args: unhandled.append(repr(args))
    try:
        with running(tmp_path, max_jobs=2) as xp:
            jobs = []
            for turns in range(200):
                job = Busy.C(turns=turns * 20).submit().job
                jobs.append(job)
                gates[f"begun {turns * 20}"].wait(DEADLINE_S)
                for _ in range(5):
                    job.cancel()
            xp.wait(DEADLINE_S)
            assert Echo.C(x=1).submit().job.wait(DEADLINE_S) == JobState.DONE
            records = xp.jobs().set_index("id")
            for job in jobs:
                assert job.failure_reason in (None, FailureReason.CANCELLED), job.message
                assert records.loc[job.id, "state"] == job.state.value
    finally:
        threading.excepthook = before
        sys.setswitchinterval(interval)
    assert unhandled == []
    assert scheduler_threads() == []


@pytest.mark.parametrize("caught", [Exception, ValueError])
def test_a_training_loop_does_not_swallow_it(tmp_path: Path, caught: type[Exception]) -> None:
    """``except Exception`` in a loop does not keep a cancelled job alive."""

    class Loop(Task):
        name: Param[str]

        def execute(self) -> None:
            while True:
                try:
                    gates.hold("a")
                except caught:
                    continue
                return

    with running(tmp_path):
        job = Loop.C(name=caught.__name__).submit().job
        gates.await_begin("a")
        job.cancel()
        assert job.wait(DEADLINE_S).failure_reason is FailureReason.CANCELLED


def test_a_long_chain_is_doomed_to_its_end(tmp_path: Path) -> None:
    """When the first of four hundred jobs in a row fails, all the others fail, and all is well."""

    class Fails(Task):
        key: Param[str]

        def execute(self) -> None:
            gates.hold(self.key)
            raise ValueError(self.key)

    with running(tmp_path) as xp:
        last: Task = Fails.C(key="a").submit()
        gates.await_begin("a")
        for x in range(400):
            last = Echo.C(x=x).add_dependencies(last).submit()
        gates.open("a")
        assert last.job.wait(3 * DEADLINE_S).failure_reason is FailureReason.DEPENDENCY
        xp.wait(3 * DEADLINE_S)
        assert Echo.C(x=-1).submit().job.result(DEADLINE_S) == -1


def test_a_job_that_was_cancelled_and_submitted_again_runs_once(tmp_path: Path) -> None:
    """The end of a dependency starts the newer job of a directory once, and the older never."""
    with running(tmp_path, max_jobs=1) as xp:
        held = Held.C(key="a").submit()
        gates.await_begin("a")
        task = Echo.C(x=1).add_dependencies(held)
        first = task.submit().job
        first.cancel()
        assert first.wait(DEADLINE_S).failure_reason is FailureReason.CANCELLED
        second = Echo.C(x=1).add_dependencies(held).submit().job
        gates.open("a")
        assert second.result(DEADLINE_S) == 1
        xp.wait(DEADLINE_S)
        assert Echo.C(x=2).submit().job.result(DEADLINE_S) == 2
