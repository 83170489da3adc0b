"""One attempt at a job: the directory, the lock, the record of the end, and other runners."""

import json
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.processes import run, write_script
from tests.support.running import Counted, Echo, Failing, lines
from xpmnb import FailureReason, JobState, Param, ResumableTask, Task, conclusion
from xpmnb.core.tags import tags
from xpmnb.flat import flatten
from xpmnb.interruption import Interrupter
from xpmnb.records.files import PathLock, write_atomic
from xpmnb.records.job_directory import read_job
from xpmnb.records.layout import JobLayout, WorkspaceLayout
from xpmnb.scheduler.launcher import Outcome
from xpmnb.scheduler.requests import Terms
from xpmnb.surroundings import ThreadSurroundings
from xpmnb.work import TaskWork
from xpmnb.worker import Attempt

DEADLINE_S = 20.0


def attempt(root: Path, task: Any) -> Attempt:
    """Return an attempt at a task, which runs in whatever directory the caller is."""
    task.seal()
    layout = WorkspaceLayout(root).job(type(task).__xpm_name__, task.__identifier__())
    work = TaskWork(layout, task, flatten(task), tags(task))
    return Attempt(work, Terms("test"), ThreadSurroundings(lambda _directory: None))


def begin(one: Attempt) -> Outcome:
    """Run an attempt to its end in a thread of its own, as launchers do."""
    outcomes: list[Outcome] = []

    def work() -> None:
        outcomes.append(one.run(lambda _context, _time: None, lambda: None))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(DEADLINE_S)
    (outcome,) = outcomes
    return outcome


def test_the_directory_holds_what_the_page_says(tmp_path: Path) -> None:
    """A job directory has program, streams, end marker, parameters, events, result and lock."""
    one = attempt(tmp_path, Echo.C(x=1).tag("colour", "red"))
    outcome = begin(one)
    assert outcome.state == JobState.DONE
    root = Path(one.layout.path)
    found = {str(each.relative_to(root)) for each in root.rglob("*") if each.is_file()}
    assert found == {
        "echo.py",
        "echo.out",
        "echo.err",
        "echo.done",
        "__xpm__/params.json",
        "__xpm__/events.jsonl",
        "__xpm__/result.json",
        "__xpm__/lock",
    }
    params = json.loads((root / "__xpm__/params.json").read_bytes())
    assert params["task"] == "tests.support.running.echo"
    assert params["params"] == {"x": 1}
    assert params["tags"] == {"colour": "red"}
    assert params["identifier"] == one.layout.identifier
    marker = json.loads((root / "echo.done").read_bytes())
    assert marker["state"] == "done"
    assert marker["started"] <= marker["ended"]
    record = read_job(one.layout)
    assert record.state == outcome.state
    assert record.result == outcome.result == 1
    assert record.ended == outcome.ended_at
    assert record.problem is None


def test_a_failure_is_recorded(tmp_path: Path) -> None:
    """A failed attempt leaves a marker with reason, message and traceback, and no .done."""
    one = attempt(tmp_path, Failing.C(x=2))
    outcome = begin(one)
    assert outcome.state == JobState.ERROR
    assert "bad 2" in outcome.message
    assert not Path(one.layout.done).exists()
    record = read_job(one.layout)
    assert record.state.failure_reason is FailureReason.ERROR
    assert record.traceback is not None
    assert "ValueError: bad 2" in record.traceback


def test_the_program_runs_from_a_shell(tmp_path: Path) -> None:
    """``python echo.py`` runs the job in its directory; the second time it only says so."""
    body = """
with experiment(ROOT / "runs", "t") as xp:
    job = Echo.C(x=4).submit().job
    job.wait(30)
    (job.path / "echo.done").unlink()
    print(job.path / "echo.py")
"""
    program = Path(run(write_script(tmp_path, body), tmp_path).strip())
    assert not (program.parent / "echo.done").exists()
    said = run(program, tmp_path)
    assert "echo: done" in said
    assert (program.parent / "echo.done").exists()
    assert (program.parent / "echo.out").read_text() == "echo 4\n"
    assert "is done already" in run(program, tmp_path)


def test_what_another_runner_holds_is_left_to_it(tmp_path: Path) -> None:
    """An attempt at a job whose lock is taken changes nothing and has no outcome of its own."""
    one = attempt(tmp_path, Counted.C(log=tmp_path / "log", x=1))
    Path(one.layout.hidden).mkdir(parents=True)
    lock = PathLock(one.layout.lock)
    assert lock.acquire()
    try:
        assert begin(one).state is None
        assert os.listdir(one.layout.path) == ["__xpm__"]
    finally:
        lock.release()
    assert lines(tmp_path / "log") == []


def test_what_another_runner_has_done_is_left_to_it(tmp_path: Path) -> None:
    """An attempt at a job that is done runs nothing and has no outcome of its own."""
    log = tmp_path / "log"
    assert begin(attempt(tmp_path, Counted.C(log=log, x=1))).state == JobState.DONE
    assert begin(attempt(tmp_path, Counted.C(log=log, x=1))).state is None
    assert lines(log) == ["1"]


class _SlowLock(PathLock):
    """A lock before which, once, something else happens: another runner is faster."""

    before: Callable[[], object] | None = None

    def acquire(self) -> bool:
        """Let the other go first."""
        first, type(self).before = type(self).before, None
        if first is not None:
            first()
        return super().acquire()


@pytest.mark.parametrize("moment", ["lock", "mkdir"])
def test_a_faster_runner_is_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """Another runner may do the whole job between any two steps: it is run once, and is done."""
    log = tmp_path / "log"
    slow = attempt(tmp_path, Counted.C(log=log, x=1))
    fast = attempt(tmp_path, Counted.C(log=log, x=1))
    if moment == "lock":
        monkeypatch.setattr("xpmnb.worker.PathLock", _SlowLock)
        _SlowLock.before = lambda: begin(fast)
    else:
        real, calls = os.mkdir, []

        def mkdir(path: Any, *options: Any) -> None:
            real(path, *options)
            calls.append(path)
            if path == slow.layout.path and calls.count(path) == 1:
                begin(fast)

        Path(slow.layout.path).parent.mkdir(parents=True)
        monkeypatch.setattr(os, "mkdir", mkdir)
    outcome = begin(slow)
    assert outcome.state is None, outcome.message
    assert lines(log) == ["1"]
    assert read_job(slow.layout).state == JobState.DONE


def test_cancelling_does_not_undo_what_another_runner_did(tmp_path: Path) -> None:
    """A job that waits here and is done elsewhere keeps its results when it is given up here."""
    begin(attempt(tmp_path, Echo.C(x=1)))
    late = attempt(tmp_path, Echo.C(x=1))
    late.record_unstarted(FailureReason.CANCELLED, "cancelled before it began")
    record = read_job(late.layout)
    assert record.state == JobState.DONE
    assert record.result == 1


def test_what_never_began_is_recorded(tmp_path: Path) -> None:
    """A job that fails before it begins has parameters and a marker, and no start."""
    one = attempt(tmp_path, Echo.C(x=1))
    outcome = one.record_unstarted(FailureReason.DEPENDENCY, "it needs another")
    assert outcome.state == JobState.ERROR
    record = read_job(one.layout)
    assert record.state.failure_reason is FailureReason.DEPENDENCY
    assert record.message == "it needs another"
    assert record.started is None
    assert record.params == {"x": 1}


def test_a_request_at_the_very_end_harms_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests that come while the task's last line is left end the job as cancelled, on record."""

    class Ends(Task):
        def execute(self) -> None:
            sys.setprofile(profile)

    def profile(frame: Any, event: str, _argument: Any) -> None:
        if event == "call" and frame.f_code is Interrupter.close.__code__:
            sys.setprofile(None)
            one.cancel()

    def write(path: str, data: bytes) -> None:
        one.cancel()
        original(path, data)

    original = write_atomic
    monkeypatch.setattr(conclusion, "write_atomic", write)
    one = attempt(tmp_path, Ends.C())
    outcome = begin(one)
    assert outcome.state is not None
    assert outcome.state.failure_reason is FailureReason.CANCELLED
    assert read_job(one.layout).state.failure_reason is FailureReason.CANCELLED


def test_a_process_that_ends_records_its_jobs_as_lost_once(tmp_path: Path) -> None:
    """abandon() writes the end of a running job; the job's own end does not overwrite it."""

    class Abandoned(Task):
        def execute(self) -> int:
            one.abandon()
            one.abandon()
            return 1

    one = attempt(tmp_path, Abandoned.C())
    outcome = begin(one)
    assert outcome.state is not None
    assert outcome.state.failure_reason is FailureReason.LOST
    record = read_job(one.layout)
    assert record.state.failure_reason is FailureReason.LOST
    assert record.problem is None


def test_abandoning_what_is_over_changes_nothing(tmp_path: Path) -> None:
    """abandon() before the beginning and after the end of a job does nothing."""
    one = attempt(tmp_path, Echo.C(x=1))
    one.abandon()
    assert begin(one).state == JobState.DONE
    one.abandon()
    assert read_job(one.layout).state == JobState.DONE


@pytest.mark.parametrize("place", ["path", "hidden", "script"])
def test_an_unusable_directory_is_an_outcome(tmp_path: Path, place: str) -> None:
    """Where a file or a folder is in the way, the outcome says which directory, and why."""
    one = attempt(tmp_path, Echo.C(x=1))
    wrong = Path(getattr(one.layout, place))
    wrong.parent.mkdir(parents=True, exist_ok=True)
    if place == "script":
        (wrong / "folder").mkdir(parents=True)
        assert begin(one).state == JobState.DONE  # it was moved to the trash
        return
    wrong.write_text("in the way")
    outcome = begin(one)
    assert outcome.state is not None
    assert outcome.state.failure_reason is FailureReason.ERROR
    assert one.layout.path in outcome.message
    assert wrong.read_text() == "in the way"


def test_a_job_on_a_full_disk_fails_and_others_go_on(tmp_path: Path) -> None:
    """A job whose files cannot grow fails with the system's words; the next one runs."""
    body = """
import resource
class Fills(Task):
    x: Param[int]
    def execute(self):
        Path("data").write_bytes(b"x" * 1_000_000)
class Prints(Task):
    def execute(self):
        print("x" * 1_000_000)
        print("y")
with experiment(ROOT / "runs", "t") as xp:
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
    jobs = [Fills.C(x=1).submit().job, Prints.C().submit().job, Echo.C(x=1).submit().job]
    xp.wait(30)
    for job in jobs:
        print(job.state.value, job.message)
    print(sorted(xp.jobs()["state"].astype(str)))
"""
    told = run(write_script(tmp_path, body), tmp_path).splitlines()
    assert told[0].startswith("error OSError")
    assert "File too large" in told[0]
    assert told[2] == "done "
    assert told[3].count("'error'") >= 1


def test_a_disk_without_any_room_loses_no_job(tmp_path: Path) -> None:
    """Where not even the markers can be written, jobs end as failed, with the system's words."""
    body = """
import resource
with experiment(ROOT / "runs", "t") as xp:
    Echo.C(x=0).submit().job.wait(30)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    jobs = [Echo.C(x=x).submit().job for x in (1, 2)]
    late = Uses.C(source=Held.C(key="a").submit()).submit().job
    late.wait(30)
    xp.wait(30)
    print([job.state.value for job in jobs], late.state.value)
    print("File too large" in jobs[0].message)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    print(Echo.C(x=1).submit().job.wait(30).value)
"""
    told = run(write_script(tmp_path, body), tmp_path).splitlines()
    assert told == ["['error', 'error'] error", "True", "done"]


def test_a_torn_directory_is_replaced(tmp_path: Path) -> None:
    """What a killed attempt left, whatever it is, goes to the trash, and the job runs."""
    one = attempt(tmp_path, Echo.C(x=1))
    hidden = Path(one.layout.hidden)
    hidden.mkdir(parents=True)
    (hidden / "params.json").write_bytes(b'{"torn')
    (hidden / "events.jsonl").write_bytes(b"\x00\xff" * 100)
    Path(one.layout.path, "link").symlink_to("/nowhere")
    os.mkfifo(Path(one.layout.path, "pipe"))
    assert begin(one).state == JobState.DONE
    assert not Path(one.layout.path, "pipe").exists()
    names = {each.name for each in (tmp_path / "trash").rglob("*")}
    assert {"link", "pipe", "params.json", "events.jsonl"} <= names


def test_layout_of_this_test_is_the_real_one(tmp_path: Path) -> None:
    """The attempt of these tests works in the directory that the workspace names."""
    one = attempt(tmp_path, Echo.C(x=1))
    assert one.layout == JobLayout(
        f"{tmp_path}/jobs/tests.support.running.echo/{Echo.C(x=1).__identifier__()}"
    )


class Resumed(ResumableTask):
    x: Param[int]

    def execute(self) -> int:
        return self.x


def test_a_result_that_a_killed_attempt_left_is_replaced(tmp_path: Path) -> None:
    """A resumable task whose process died between result and end is done by its next attempt."""
    task = Resumed.C(x=2).seal()
    layout = WorkspaceLayout(tmp_path).job(type(task).__xpm_name__, task.__identifier__())
    Path(layout.hidden).mkdir(parents=True)
    Path(layout.params).write_text("{}")
    Path(layout.result).write_text("1")
    work = TaskWork(layout, task, flatten(task), {})
    terms = Terms("test", resumable=True)
    outcome = begin(Attempt(work, terms, ThreadSurroundings(lambda _directory: None)))
    assert (outcome.state, outcome.result) == (JobState.DONE, 2)
    assert Path(layout.result).read_text() == "2"
