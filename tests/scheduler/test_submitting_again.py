"""The same task submitted once more: recognised, attached, or run again."""

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.support.processes import run, write_script
from tests.support.running import (
    DEADLINE_S,
    Counted,
    Echo,
    Failing,
    Held,
    Uses,
    gates,
    lines,
    running,
    scheduler_threads,
)
from xpmnb import FailureReason, JobFailed, JobState, Meta, Param, Task, experiment, workspace
from xpmnb.launchers.thread import ThreadLauncher
from xpmnb.preparation import make_ready
from xpmnb.records.job_directory import read_job
from xpmnb.records.moving import move_job
from xpmnb.scheduler.jobs import Job
from xpmnb.scheduler.launcher import Listener, Outcome


def trashed(root: Path) -> list[Path]:
    """Return the directories of attempts in the trash of the workspace."""
    return sorted((root / "runs/trash").glob("*/*"))


def test_a_finished_job_is_recognised(tmp_path: Path) -> None:
    """A task that is done is not run again: its job is done at once, with the old result."""
    log = tmp_path / "log"
    for _ in range(3):
        with running(tmp_path) as xp:
            task = Counted.C(log=log, x=5).submit()
            assert task.job.result(DEADLINE_S) == 5
            assert list(xp.jobs()["result"]) == [5]
    assert lines(log) == ["5"]
    assert trashed(tmp_path) == []


def test_a_finished_job_is_recognised_in_another_process(tmp_path: Path) -> None:
    """A new process finds the finished jobs of an earlier one, failures aside."""
    body = """
with experiment(ROOT / "runs", "t") as xp:
    for x in range(3):
        Counted.C(log=ROOT / "log", x=x, fails=x == 2).submit()
    xp.wait(30)
    print(sorted(xp.jobs()["state"]))
"""
    script = write_script(tmp_path, body)
    for _ in range(2):
        assert run(script, tmp_path).strip() == "['done', 'done', 'error']"
    assert lines(tmp_path / "log") == ["0", "1", "2", "2"]


def test_a_running_job_is_attached(tmp_path: Path) -> None:
    """Equal tasks submitted while the first one runs share its job."""
    with running(tmp_path) as xp:
        first = Held.C(key="a").submit()
        gates.await_begin("a")
        second = Held.C(key="a").submit()
        assert second is not first
        assert second.job is first.job
        assert first.submit().job is first.job
        gates.open("a")
        assert second.job.wait(DEADLINE_S) == JobState.DONE
        assert len(xp.jobs()) == 1


def test_a_live_job_has_the_tags_of_its_last_submission(tmp_path: Path) -> None:
    """Handles, and so panels, show the tags that the table shows, also once the job has ended."""
    with running(tmp_path) as xp:
        first = Held.C(key="a").tag("try", 1).submit()
        gates.await_begin("a")
        assert first.job.tags == {"try": 1}
        second = Held.C(key="a").tag("try", 2).submit()
        assert second.job is first.job
        assert first.job.tags == {"try": 2}
        assert list(xp.jobs()["tags.try"]) == [2]
        gates.open("a")
        assert second.job.wait(DEADLINE_S) == JobState.DONE
        third = Held.C(key="a").tag("try", 3).submit()
        assert (first.job.tags, third.job.tags) == ({"try": 2}, {"try": 3})


def test_a_waiting_job_is_attached(tmp_path: Path) -> None:
    """Equal tasks submitted while the first one waits share its job."""
    with running(tmp_path):
        source = Held.C(key="a").submit()
        first, second = Uses.C(source=source).submit(), Uses.C(source=source).submit()
        assert first.job is second.job
        assert first.job.state == JobState.WAITING


def test_a_failed_job_runs_again_from_an_empty_directory(tmp_path: Path) -> None:
    """A failure is not sticky: the old directory goes to the trash, and the new one is empty."""

    class Leaves(Task):
        x: Param[int]
        good: Meta[bool] = False

        def execute(self) -> list[str]:
            found = sorted(each.name for each in Path.cwd().iterdir() if "." not in each.name)
            Path("left").write_text("by the first attempt")
            Path("folder").mkdir()
            assert self.good, "not yet"
            return found

    with running(tmp_path) as xp:
        first = Leaves.C(x=1).submit()
        assert first.job.wait(DEADLINE_S).failure_reason is FailureReason.ERROR
        again = Leaves.C(x=1, good=True).submit()
        assert again.job is not first.job
        assert again.job.result(DEADLINE_S) == ["__xpm__"]
        assert first.job.state == JobState.ERROR  # a handle never changes once it is final
        assert xp.failed == []
        (old,) = trashed(tmp_path)
        assert (old / "left").read_text() == "by the first attempt"
        assert (old / "leaves.failed").exists()
        assert "not yet" in (old / "leaves.err").read_text()
        assert not (again.job.path / "leaves.failed").exists()
        assert (again.job.path / "leaves.done").exists()


def test_each_failure_is_kept_apart(tmp_path: Path) -> None:
    """Every failed attempt has a folder of its own in the trash."""
    with running(tmp_path) as xp:
        for _ in range(4):
            Failing.C(x=1).submit().job.wait(DEADLINE_S)
        assert len(trashed(tmp_path)) == 3
        assert len(xp.failed) == 1


def test_dependents_of_a_repaired_failure_run(tmp_path: Path) -> None:
    """Jobs that failed for a dependency run once that dependency is done."""
    log = tmp_path / "log"
    with running(tmp_path):
        bad = Counted.C(log=log, x=1, fails=True).submit()
        doomed = Uses.C(source=bad).submit()
        assert doomed.job.wait(DEADLINE_S).failure_reason is FailureReason.DEPENDENCY
        good = Counted.C(log=log, x=1).submit()
        user = Uses.C(source=good).submit()
        assert user.job.wait(DEADLINE_S) == JobState.DONE
        assert user.job.id == doomed.job.id


def test_a_deleted_directory_runs_again(tmp_path: Path) -> None:
    """A job whose directory was deleted is run again, in the same run and in a later one."""
    log = tmp_path / "log"
    with running(tmp_path) as xp:
        for _ in range(2):
            task = Counted.C(log=log, x=1).submit()
            assert task.job.wait(DEADLINE_S) == JobState.DONE
            shutil.rmtree(task.job.path)
        assert Counted.C(log=log, x=1).submit().job.wait(DEADLINE_S) == JobState.DONE
        assert list(xp.jobs()["state"]) == ["done"]
    assert lines(log) == ["1", "1", "1"]


def test_a_deleted_workspace_is_survived(tmp_path: Path) -> None:
    """Jobs run, and the experiment ends, though somebody deleted the workspace meanwhile."""
    with running(tmp_path):
        assert Echo.C(x=1).submit().job.wait(DEADLINE_S) == JobState.DONE
        shutil.rmtree(tmp_path / "runs")
        assert Echo.C(x=2).submit().job.wait(DEADLINE_S) == JobState.DONE


def test_new_meta_values_hold_for_a_new_run(tmp_path: Path) -> None:
    """Values outside the identifier name the same job; the newest ones are used when it runs."""
    with running(tmp_path):
        first = Counted.C(log=tmp_path / "one", x=1, fails=True).submit()
        first.job.wait(DEADLINE_S)
        second = Counted.C(log=tmp_path / "two", x=1).submit()
        second.job.wait(DEADLINE_S)
        assert second.job.path == first.job.path
    assert lines(tmp_path / "two") == ["1"]


def test_starting_again_takes_over_what_runs(tmp_path: Path) -> None:
    """The same experiment started again takes over live jobs: none is cancelled or run twice."""
    with running(tmp_path, max_jobs=1) as old:
        first = Held.C(key="a").submit()
        queued = Held.C(key="b").submit()
        gates.await_begin("a")
        new = experiment(tmp_path / "runs", "t", max_jobs=1).start()
        assert new.run > old.run
        assert Held.C(key="a").submit().job is first.job
        assert Held.C(key="b").submit().job is queued.job
        old.wait(DEADLINE_S)  # what it had is no longer its own
        assert first.job.state == JobState.RUNNING
        gates.open("a", "b")
        new.wait(DEADLINE_S)
        assert first.job.state == queued.job.state == JobState.DONE
        assert sorted(new.jobs()["state"]) == ["done", "done"]
        assert first.job.retry_count == 0
        new.close()


def test_a_run_that_was_taken_over_is_waited_for_by_the_new_one(tmp_path: Path) -> None:
    """wait() of the new run waits for the jobs that it took over, submitted again or not."""
    with running(tmp_path):
        job = Held.C(key="a").submit().job
        gates.await_begin("a")
        new = experiment(tmp_path / "runs", "t").start()
        try:
            new.wait(0.01)
        except TimeoutError as error:
            assert "1 job" in str(error)  # noqa: PT017 (with the other branch, below)
        else:
            message = "the new run did not wait"
            raise AssertionError(message)
        gates.open("a")
        new.close()
        assert job.state == JobState.DONE


def test_a_run_that_takes_over_calls_the_callbacks(tmp_path: Path) -> None:
    """What was to be called for a live job is called once, by the new run, which waits for it."""
    called: list[object] = []
    with running(tmp_path):
        held = Held.C(key="a")
        held.on_completed(called.append)
        held.submit()
        gates.await_begin("a")
        new = experiment(tmp_path / "runs", "t").start()
        held.on_completed(lambda: called.append("late"))
        gates.open("a")
        new.wait(DEADLINE_S)
        assert called == [held, "late"]
        new.close()
    assert not scheduler_threads()


def test_a_callback_under_way_submits_to_the_run_that_takes_over(tmp_path: Path) -> None:
    """A callback that began before another run took over submits to that one, which waits."""
    submitted: list[Echo] = []

    def submit_more() -> None:
        gates.hold("callback")
        submitted.append(Echo.C(x=2).submit())

    with running(tmp_path):
        first = Echo.C(x=1)
        first.on_completed(submit_more)
        first.submit()
        gates.await_begin("callback")
        new = experiment(tmp_path / "runs", "t").start()
        gates.open("callback")
        new.wait(DEADLINE_S)
        assert submitted[0].job.result() == 2
        assert new.jobs()["id"].to_list() == [submitted[0].job.id]
        new.close()
    assert not scheduler_threads()


def test_a_run_that_is_left_ends_with_its_last_callback(tmp_path: Path) -> None:
    """A run that is left by an error ends when its callback has returned: no thread is left."""
    gates.reset()
    xp = experiment(tmp_path / "runs", "t").start()
    task = Echo.C(x=1)
    task.on_completed(lambda: gates.hold("callback"))
    task.submit()
    gates.await_begin("callback")
    xp.__exit__(KeyError, KeyError(), None)
    gates.open("callback")
    xp.close()
    assert not scheduler_threads()


def test_a_deleted_result_is_told(tmp_path: Path) -> None:
    """A job whose directory was deleted is no done job: table and result() say what happened."""
    with running(tmp_path) as xp:
        job = Echo.C(x=1).submit().job
        job.wait(DEADLINE_S)
        shutil.rmtree(job.path)
        row = xp.jobs().iloc[0]
        assert (row["state"], row["failure"]) == ("error", "lost")
        assert "deleted" in row["message"]
        assert "gone" in row["problem"]
        with pytest.raises(JobFailed, match="submit the task again"):
            job.result()


def test_what_was_done_before_is_known_as_such(tmp_path: Path) -> None:
    """A handle tells whether its job was run for this experiment, or was done before it."""
    with running(tmp_path):
        first = Echo.C(x=1).submit().job
        first.wait(DEADLINE_S)
        second = Echo.C(x=1).submit().job
        second.wait(DEADLINE_S)
    with running(tmp_path):
        third = Echo.C(x=1).submit().job
        third.wait(DEADLINE_S)
    assert [job.recognised for job in (first, second, third)] == [False, False, True]


class _LosesFirst(ThreadLauncher):
    """Loses the first job that it is given, as a server does that dies before it forks."""

    def __init__(self) -> None:
        super().__init__()
        self._has_lost = False

    def start(self, job: Job, listener: Listener) -> None:
        if self._has_lost:
            super().start(job, listener)
        else:
            self._has_lost = True
            listener.finished(Outcome(None))


def test_an_old_failure_is_not_the_end_of_a_new_submission(tmp_path: Path) -> None:
    """A failed job that is submitted again is run, also if its first process was lost."""
    log = tmp_path / "log"
    with running(tmp_path):
        Counted.C(log=log, x=1, fails=True).submit().job.wait(DEADLINE_S)
        again = Counted.C(log=log, x=1, fails=False).submit(launcher=_LosesFirst()).job
        assert again.wait(DEADLINE_S) == JobState.DONE
    assert lines(log) == ["1", "1"]


def made_by_other_code(job: Job) -> None:
    """Let the record of a job that is done tell of other code."""
    record = json.loads(Path(job.layout.params).read_text())
    Path(job.layout.params).write_text(json.dumps({**record, "code": "0" * 64}))


def test_a_cancelled_rerun_keeps_the_old_result(tmp_path: Path) -> None:
    """Who cancels a job that was to run again, since its code changed, still has its result."""
    log = tmp_path / "log"
    with running(tmp_path, max_jobs=1) as xp:
        job = Counted.C(log=log, x=5).submit().job
        assert job.result(DEADLINE_S) == 5
        made_by_other_code(job)
        Held.C(key="a").submit()
        gates.await_begin("a")
        again = Counted.C(log=log, x=5).submit(on_code_change="rerun").job
        after = Uses.C(source=Counted.C(log=log, x=5).submit()).submit().job
        again.cancel()
        again.wait(DEADLINE_S)
        assert again.failure_reason is FailureReason.CANCELLED
        # It would have run with what the old code made.
        assert after.wait(DEADLINE_S).failure_reason is FailureReason.DEPENDENCY
        assert trashed(tmp_path) == []
        gates.open("a")
        xp.wait(DEADLINE_S)
        taken = Counted.C(log=log, x=5).submit().job
        assert taken.result(DEADLINE_S) == 5
        assert taken.code_changed
    assert lines(log) == ["5"]


def test_a_doomed_rerun_keeps_the_old_result(tmp_path: Path) -> None:
    """A job that was to run again, and cannot since what it needs failed, keeps its result."""
    with running(tmp_path) as xp:
        source = Counted.C(log=tmp_path / "log", x=5)
        job = Uses.C(source=source.submit(), x=2).submit().job
        assert job.result(DEADLINE_S) == 2
        made_by_other_code(job)
        shutil.rmtree(source.job.path)
        failing = Counted.C(log=tmp_path / "log", x=5, fails=True).submit()
        again = Uses.C(source=failing, x=2).submit(on_code_change="rerun").job
        assert again.wait(DEADLINE_S).failure_reason is FailureReason.DEPENDENCY
        assert read_job(job.layout).result == 2
        assert trashed(tmp_path) == []
        xp.wait(DEADLINE_S, check=False)


def test_a_kill_between_two_runs_leaves_no_job_that_looks_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed while the old files go to the trash, a job is not done without its result."""
    with running(tmp_path):
        job = Counted.C(log=tmp_path / "log", x=5).submit().job
        assert job.result(DEADLINE_S) == 5
    layout, moved = job.layout, []

    def rename(source: str, _: Path) -> None:
        moved.append(source)
        raise SystemExit

    # Whatever the order in which the system lists a folder.
    monkeypatch.setattr(os, "listdir", lambda folder, real=os.listdir: sorted(real(folder)))
    monkeypatch.setattr(os, "rename", rename)
    with pytest.raises(SystemExit):
        make_ready(layout, fresh=False, keep=False, code="0" * 64)
    assert moved == [layout.done]


@pytest.mark.parametrize("way", ["other code", "run again under the new name"])
def test_a_run_under_a_former_name_leaves_the_new_one_alone(tmp_path: Path, way: str) -> None:
    """A job that was moved to another name keeps its result when its task runs under the old."""
    log = tmp_path / "log"
    with running(tmp_path):
        job = Counted.C(log=log, x=5).submit().job
        assert job.result(DEADLINE_S) == 5
        moved = workspace(tmp_path / "runs").layout.job("present.name", "f" * 64)
        assert move_job(job.layout, moved, str(tmp_path / "unused"))
        made_by_other_code(job)
        if way != "other code":
            os.unlink(f"{moved.path}/{job.layout.name}.done")
        again = Counted.C(log=log, x=5).submit(on_code_change="rerun").job
        assert again.result(DEADLINE_S) == 5
        assert not again.recognised
        assert (read_job(moved).state, read_job(moved).result) == (JobState.DONE, 5)
        assert not Path(again.path).is_symlink()
    assert trashed(tmp_path) == []
    assert lines(log) == ["5", "5"]
