"""From submission to the end: how many run at a time, what waits for what, and who is told."""

import logging
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.running import (
    DEADLINE_S,
    Echo,
    Failing,
    Held,
    Uses,
    gates,
    running,
    scheduler_threads,
)
from xpmnb import Config, DependentMarker, FailureReason, JobState, Param, Task, experiment, seam
from xpmnb.errors import SubmissionError
from xpmnb.scheduler.jobs import Job


class Model(Config):
    size: Param[int]


class Learner(Task):
    """Makes a model that others can use; another of its values is not its making."""

    key: Param[str]
    made: Param[Model]
    given: Param[Model]

    def task_outputs(self, dep: DependentMarker) -> tuple[Model, Model]:
        return dep(self.made), self.given

    def execute(self) -> None:
        gates.hold(self.key)


class UsesModel(Task):
    model: Param[Model]

    def execute(self) -> int:
        return self.model.size


def test_submitting_returns_at_once(tmp_path: Path) -> None:
    """submit() returns while the job still waits or runs, and gives the task back."""
    with running(tmp_path):
        task = Held.C(key="a")
        assert task.submit() is task
        gates.await_begin("a")
        assert not task.job.done()


@pytest.mark.parametrize("limit", [1, 3])
def test_no_more_jobs_run_than_allowed(tmp_path: Path, limit: int) -> None:
    """At most max_jobs jobs of an experiment run at a time, and as many do."""
    keys = [f"{each}" for each in range(7)]
    with running(tmp_path, max_jobs=limit) as xp:
        for key in keys:
            Held.C(key=key).submit()
        for position, key in enumerate(keys):
            gates.await_begin(*keys[position : position + limit])
            assert not any(gates.begun(each) for each in keys[position + limit :])
            gates.open(key)
        xp.wait(DEADLINE_S)
        assert xp.failed == []


def test_a_thread_exists_only_while_its_job_runs(tmp_path: Path) -> None:
    """2,000 submissions need no more threads than may run, and the scheduler's own."""
    with running(tmp_path, max_jobs=3) as xp:
        Held.C(key="a").submit()
        gates.await_begin("a")
        highest = 0
        for x in range(2000):
            Echo.C(x=x).submit()
            if x % 100 == 0:
                highest = max(highest, len(scheduler_threads()))
        gates.open("a")
        xp.wait(120)
        assert highest <= 3 + 2  # one that is just ending
        assert xp.failed == []
        assert set(xp.jobs()["state"]) == {"done"}
        assert len(xp.jobs()) == 2001


def test_a_task_waits_for_those_in_its_values(tmp_path: Path) -> None:
    """A task runs after the tasks that its parameters use, also through several steps."""
    with running(tmp_path, max_jobs=3):
        first = Held.C(key="a").submit()
        second = Uses.C(source=first).submit()
        third = Uses.C(source=second).submit()
        gates.await_begin("a")
        assert [each.job.state for each in (second, third)] == [JobState.WAITING] * 2
        gates.open("a")
        assert third.job.wait(DEADLINE_S) == JobState.DONE
        ends = [each.job.ended_at for each in (first, second)]
        starts = [each.job.started_at for each in (second, third)]
        assert all(end <= start for end, start in zip(ends, starts, strict=True))


def test_a_task_waits_for_added_dependencies(tmp_path: Path) -> None:
    """add_dependencies makes tasks run first that no parameter uses."""
    with running(tmp_path):
        first = Held.C(key="a").submit()
        second = Echo.C(x=1).add_dependencies(first).submit()
        gates.await_begin("a")
        assert second.job.state == JobState.WAITING
        gates.open("a")
        assert second.job.wait(DEADLINE_S) == JobState.DONE


def test_marked_outputs_are_waited_for_and_others_are_not(tmp_path: Path) -> None:
    """A value that dep() marked is waited for by who uses it; an unmarked one is not."""
    with running(tmp_path, max_jobs=3):
        learner = Learner.C(key="a", made=Model.C(size=1), given=Model.C(size=2))
        made, given = learner.submit()
        gates.await_begin("a")
        free = UsesModel.C(model=given).submit()
        bound = UsesModel.C(model=made).submit()
        assert free.job.result(DEADLINE_S) == 2
        assert bound.job.state == JobState.WAITING
        gates.open("a")
        assert bound.job.result(DEADLINE_S) == 1


def test_a_task_waits_for_the_last_of_many(tmp_path: Path) -> None:
    """A task that needs several others runs when the last one is done, in whatever order."""
    with running(tmp_path, max_jobs=3):
        done = Echo.C(x=1).submit()
        done.job.wait(DEADLINE_S)
        sources = [Held.C(key=key).submit() for key in "abc"]
        needy = Echo.C(x=2).add_dependencies(done, *sources, sources[0]).submit()
        for key in "bca":
            gates.await_begin(key)
            assert needy.job.state == JobState.WAITING
            gates.open(key)
            sources["abc".index(key)].job.wait(DEADLINE_S)
        assert needy.job.wait(DEADLINE_S) == JobState.DONE


def test_a_failure_dooms_while_others_still_run(tmp_path: Path) -> None:
    """A task fails with the first failure of what it needs; the others need not have ended."""
    with running(tmp_path, max_jobs=2):
        held = Held.C(key="a").submit()
        gates.await_begin("a")
        needy = Echo.C(x=2).add_dependencies(held, Failing.C(x=1).submit()).submit()
        assert needy.job.wait(DEADLINE_S).failure_reason is FailureReason.DEPENDENCY
        assert not held.job.state.is_final
        gates.open("a")


def test_the_dependents_of_a_failure_fail(tmp_path: Path) -> None:
    """A failed job fails all that need it, however far; the others run."""
    with running(tmp_path) as xp:
        bad = Failing.C(x=1).submit()
        near = Uses.C(source=bad).submit()
        far = Uses.C(source=near).submit()
        other = Uses.C(source=Echo.C(x=2).submit()).submit()
        xp.wait(DEADLINE_S)
        assert bad.job.failure_reason is FailureReason.ERROR
        assert near.job.failure_reason is far.job.failure_reason is FailureReason.DEPENDENCY
        assert bad.job.id[:8] in near.job.message
        assert other.job.state == JobState.DONE
        assert {job.id for job in xp.failed} == {each.job.id for each in (bad, near, far)}
        frame = xp.jobs().set_index("id")
        assert frame.loc[far.job.id, "failure"] == "dependency"


def test_a_task_that_needs_an_old_failure_fails(tmp_path: Path) -> None:
    """What is submitted after the failure of a task that it needs fails as well."""
    with running(tmp_path):
        bad = Failing.C(x=1).submit()
        bad.job.wait(DEADLINE_S)
        late = Uses.C(source=bad).submit()
        assert late.job.wait(DEADLINE_S).failure_reason is FailureReason.DEPENDENCY


def test_using_a_task_that_was_not_submitted_is_an_error(tmp_path: Path) -> None:
    """A task in the values, or in the added dependencies, must have been submitted."""
    with running(tmp_path):
        with pytest.raises(SubmissionError, match=r"Echo.*was not submitted: call its submit"):
            Uses.C(source=Echo.C(x=1)).submit()
        with pytest.raises(SubmissionError, match="was not submitted"):
            Echo.C(x=2).add_dependencies(Echo.C(x=3)).submit()


def test_a_task_that_was_refused_can_be_corrected(tmp_path: Path) -> None:
    """After a refused submission the same configuration can be submitted again."""
    with running(tmp_path):
        source = Echo.C(x=1)
        user = Uses.C(source=source)
        with pytest.raises(SubmissionError):
            user.submit()
        source.submit()
        assert user.submit().job.wait(DEADLINE_S) == JobState.DONE


class Broken:
    """An observer that fails at everything."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def _fail(self, name: str) -> None:
        self.calls.append(name)
        message = f"broken observer: {name}"
        raise RuntimeError(message)

    def submitted(self, job: Job) -> None:
        self._fail(f"submitted {job.name}")

    def changed(self, job: Job) -> None:
        self._fail(f"changed {job.name}")

    def flush(self, timeout_s: float) -> None:
        self._fail(f"flush {timeout_s}")

    def closed(self) -> None:
        self._fail("closed")


def test_a_broken_observer_stops_no_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever an observer raises is logged, and the jobs go on to their ends."""
    broken = Broken()
    monkeypatch.setattr(seam, "attach_observers", lambda _note, _layout: [broken])
    with caplog.at_level(logging.ERROR, "xpmnb"), running(tmp_path) as xp:
        assert Echo.C(x=1).submit().job.result(DEADLINE_S) == 1
        assert Failing.C(x=1).submit().job.wait(DEADLINE_S).is_final
        xp.wait(DEADLINE_S)
    assert {"submitted echo", "changed failing", "closed"} <= set(broken.calls)
    assert "broken observer: closed" in caplog.text


def test_ctrl_c_while_submitting_harms_no_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interrupt that reaches submit() ends the cell, and every job goes on."""
    main = threading.current_thread()

    class Interrupts(Broken):
        armed = False

        def _fail(self, name: str) -> None:
            self.calls.append(name)
            # Where Python would run the handler of a signal that came right now.
            if self.armed and threading.current_thread() is main:
                self.armed = False
                signal.raise_signal(signal.SIGINT)

    observer = Interrupts()
    monkeypatch.setattr(seam, "attach_observers", lambda _note, _layout: [observer])
    with running(tmp_path, max_jobs=2) as xp:
        held = Held.C(key="a").submit()
        gates.await_begin("a")
        observer.armed = True
        with pytest.raises(KeyboardInterrupt):
            Echo.C(x=1).submit()
        assert held.job.state == JobState.RUNNING
        gates.open("a")
        assert held.job.wait(DEADLINE_S) == JobState.DONE
        assert Echo.C(x=1).submit().job.wait(DEADLINE_S) == JobState.DONE
        assert xp.failed == []


def test_one_impossible_value_harms_no_other_job(tmp_path: Path) -> None:
    """A value that no record can hold is refused, and the jobs of others go on."""

    class Huge(Task):
        n: Param[int]

        def execute(self) -> None:
            pass

    with running(tmp_path):
        held = Held.C(key="a").submit()
        gates.await_begin("a")
        with pytest.raises((ValueError, TypeError), match=r"tag|digits|large"):
            Huge.C(n=1).tag("k", 10**5000).submit()
        gates.open("a")
        assert held.job.wait(DEADLINE_S) == JobState.DONE
        assert Echo.C(x=1).submit().job.wait(DEADLINE_S) == JobState.DONE


def test_tasks_may_be_submitted_from_many_threads(tmp_path: Path) -> None:
    """Threads that submit the same tasks at once get the same jobs, each of which runs once."""
    with running(tmp_path, max_jobs=2) as xp:
        jobs: list[set[int]] = []
        gate = threading.Barrier(4)

        def submit() -> None:
            gate.wait(DEADLINE_S)
            jobs.append({id(Held.C(key=f"{x}").submit().job) for x in range(20)})

        threads = [threading.Thread(target=submit) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(DEADLINE_S)
        assert jobs == [jobs[0]] * 4
        gates.open(*map(str, range(20)))
        xp.wait(DEADLINE_S)
        assert xp.failed == []
        assert len(xp.jobs()) == 20


def test_no_thread_is_left(tmp_path: Path) -> None:
    """close() returns when no thread of xpmnb is left, time after time."""
    for x in range(100):
        with experiment(tmp_path / "runs", "t"):
            Echo.C(x=x % 3).submit()
        assert scheduler_threads() == []


def test_the_table_shows_jobs_as_they_are(tmp_path: Path) -> None:
    """xp.jobs() has a row for each submission, with the state of this very moment."""
    with running(tmp_path, max_jobs=2) as xp:
        done, failed = Echo.C(x=1).submit(), Failing.C(x=1).submit()
        done.job.wait(DEADLINE_S)
        failed.job.wait(DEADLINE_S)
        run = Held.C(key="a").submit()
        waits = Uses.C(source=run).submit()
        gates.await_begin("a")
        before = time.time()
        rows = xp.jobs().set_index("id")
        states = [rows.loc[each.job.id, "state"] for each in (done, failed, run, waits)]
        assert states == ["done", "error", "running", "waiting"]
        assert rows.loc[failed.job.id, "failure"] == "error"
        assert rows.loc[done.job.id, "started"].timestamp() <= before


def test_outputs_that_raise_leave_nothing_submitted(tmp_path: Path) -> None:
    """A task whose task_outputs raises was not submitted: no row, no job, and it may try again."""

    class Picky(Task):
        x: Param[int]

        def task_outputs(self, dep: DependentMarker) -> Any:  # noqa: ARG002
            raise LookupError("no such output")

        def execute(self) -> None:
            pass

    with running(tmp_path) as xp:
        task = Picky.C(x=1)
        with pytest.raises(LookupError):
            task.submit()
        with pytest.raises(SubmissionError, match="was not submitted"):
            _ = task.job
        assert len(xp.jobs()) == 0
