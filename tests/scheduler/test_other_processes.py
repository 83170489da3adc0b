"""Kernels that end, are killed, or share a workspace: real processes."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.processes import await_line, finish, run, start, write_script
from tests.support.running import DEADLINE_S, Counted, Echo, Held, Uses, gates, lines, running
from xpmnb import JobState, workspace
from xpmnb.identifiers import identifier
from xpmnb.records.files import PathLock
from xpmnb.scheduler.jobs import Job

_HOLDS = """
xp = experiment(ROOT / "runs", "t", max_jobs=2).start()
held = Held.C(key="a").submit()
queued = [Counted.C(log=ROOT / "log", x=x).add_dependencies(held).submit() for x in range(2)]
gates.await_begin("a")
print("ready", flush=True)
"""


def states(root: Path) -> dict[str, str]:
    """Return what a reader finds in the workspace: state, or failure, by short name and value."""
    frame = workspace(root / "runs").jobs()
    words = frame["failure"].astype("string").fillna(frame["state"].astype("string"))
    return {
        f"{task.rpartition('.')[2]}": word for task, word in zip(frame["task"], words, strict=True)
    }


@pytest.mark.parametrize(
    "way", ["", "raise SystemExit(3)", "raise ValueError('on purpose')", "import asyncio"]
)
def test_an_exit_leaves_running_jobs_lost(tmp_path: Path, way: str) -> None:
    """A process that exits while jobs run is not held up, and leaves them recorded as lost."""
    process = start(write_script(tmp_path, _HOLDS + way), tmp_path)
    out, err = finish(process)
    assert out == "ready\n"
    assert "Exception in thread" not in err
    assert states(tmp_path)["held"] == "lost"
    assert states(tmp_path)["counted"] != "running"
    (marker,) = (tmp_path / "runs/jobs").glob("*/*/held.failed")
    assert '"lost"' in marker.read_text()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_process_leaves_its_jobs_lost(tmp_path: Path, number: signal.Signals) -> None:
    """After a kill no job counts as running; what ran is lost."""
    process = start(write_script(tmp_path, _HOLDS + "threading.Event().wait()"), tmp_path)
    await_line(process, "ready")
    deadline = time.monotonic() + DEADLINE_S
    while "counted" not in (found := states(tmp_path)) and time.monotonic() < deadline:
        pass  # the index of a run lags a little behind
    assert found == {"held": "running", "counted": "waiting"}
    process.send_signal(number)
    finish(process)
    found = states(tmp_path)
    assert found["held"] == "lost"
    assert found["counted"] != "running"


@pytest.mark.parametrize("kill", [True, False])
def test_lost_jobs_run_again(tmp_path: Path, kill: bool) -> None:
    """Jobs that were lost run from an empty directory when they are submitted again."""
    process = start(write_script(tmp_path, _HOLDS + "sys.stdin.read()"), tmp_path)
    await_line(process, "ready")
    if kill:
        process.kill()
    finish(process)
    with running(tmp_path) as xp:
        gates.open("a")
        held = Held.C(key="a").submit()
        counted = [
            Counted.C(log=tmp_path / "log", x=x).add_dependencies(held).submit() for x in range(2)
        ]
        xp.wait(DEADLINE_S)
        assert held.job.state == JobState.DONE
        assert [each.job.state for each in counted] == [JobState.DONE] * 2
        assert len(list((tmp_path / "runs/trash").glob("*/*"))) == 1
    assert lines(tmp_path / "log") == ["0", "1"]


def test_two_processes_run_each_job_once(tmp_path: Path) -> None:
    """Two processes submit the same tasks at once: each job runs once, and both see its end."""
    body = """
xp = experiment(ROOT / "runs", sys.argv[2], max_jobs=3).start()
tasks = [Counted.C(log=ROOT / "log", x=x, fails=x % 10 == 9) for x in range(100)]
print("ready", flush=True)
sys.stdin.readline()
for task in tasks:
    task.submit()
xp.wait(50)
print([task.job.state.value for task in tasks].count("done"), flush=True)
print(sorted({task.job.message for task in tasks}), flush=True)
xp.close()
"""
    script = write_script(tmp_path, body)
    processes = [start(script, tmp_path, name) for name in ("one", "two")]
    for process in processes:
        await_line(process, "ready")
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    outputs = [finish(process) for process in processes]
    assert [out.split("\n")[0] for out, _ in outputs] == ["90", "90"], outputs
    ran = lines(tmp_path / "log")
    good = [x for x in ran if int(x) % 10 != 9]
    assert good == sorted(str(x) for x in range(100) if x % 10 != 9)
    # A failure is not sticky: whoever submits later runs it again, but never both at a time.
    bad = [x for x in ran if int(x) % 10 == 9]
    assert set(bad) == {str(x) for x in range(9, 100, 10)}
    assert len(bad) <= 20


def test_a_job_of_another_process_is_watched(tmp_path: Path) -> None:
    """A job that another process runs is shown as running, and ends here when it ends there."""
    body = """
xp = experiment(ROOT / "runs", "t").start()
held = Held.C(key="a").submit()
gates.await_begin("a")
print("ready", flush=True)
sys.stdin.readline()
gates.open("a")
xp.close()
"""
    process = start(write_script(tmp_path, body), tmp_path)
    await_line(process, "ready")
    with running(tmp_path, "other", max_jobs=1) as xp:
        task = Held.C(key="a").submit()
        # The one that is watched takes no room from those that run here.
        assert Echo.C(x=1).submit().job.wait(DEADLINE_S) == JobState.DONE
        assert task.job.state == JobState.RUNNING
        assert not gates.begun("a")
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
        assert task.job.result(DEADLINE_S) == "a"
        assert sorted(xp.jobs()["state"]) == ["done", "done"]
    finish(process)
    assert process.returncode == 0


def test_a_job_of_a_killed_process_is_run_here(tmp_path: Path) -> None:
    """When the process that ran a watched job is killed, the job is run here."""
    process = start(write_script(tmp_path, _HOLDS + "threading.Event().wait()"), tmp_path)
    await_line(process, "ready")
    with running(tmp_path, "other"):
        task = Held.C(key="a").submit()
        assert Echo.C(x=1).submit().job.wait(DEADLINE_S) == JobState.DONE
        assert not gates.begun("a")
        process.kill()
        finish(process)
        gates.await_begin("a")
        gates.open("a")
        assert task.job.wait(DEADLINE_S) == JobState.DONE


def test_a_job_that_was_left_waits_for_what_runs_again(tmp_path: Path) -> None:
    """A job whose runner is gone waits for what it needs, where that is run again meanwhile."""
    with running(tmp_path):
        needed = Held.C(key="a").submit()
        gates.await_begin("a")
        job = Uses.C(source=needed, x=4)
        layout = workspace(tmp_path / "runs").layout.job(type(job).__xpm_name__, identifier(job))
        os.makedirs(layout.hidden)
        lock = PathLock(layout.lock)
        assert lock.acquire()  # as a kernel that began it when the result was there
        try:
            handle = job.submit().job
            await_state(handle, JobState.RUNNING)
        finally:
            lock.release()
        await_state(handle, JobState.WAITING)
        gates.open("a")
        assert handle.result(DEADLINE_S) == 4


def await_state(job: Job, state: JobState) -> None:
    """Wait until a handle shows a state."""
    deadline = time.monotonic() + DEADLINE_S
    while job.state != state:
        assert time.monotonic() < deadline, f"{job!r} is not {state.value}"
        time.sleep(0.01)


def test_ctrl_c_ends_the_waiting_and_not_the_jobs(tmp_path: Path) -> None:
    """SIGINT while waiting raises KeyboardInterrupt there; the jobs go on to their ends."""
    body = """
xp = experiment(ROOT / "runs", "t", max_jobs=2).start()
held = Held.C(key="a").submit()
echo = Echo.C(x=1).add_dependencies(held).submit()
gates.await_begin("a")
for wait in (xp.wait, held.job.wait, lambda: held.job.result(50), xp.close):
    # Python runs the handler in the main thread, which is inside wait() by then or just before.
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
    try:
        wait()
    except KeyboardInterrupt:
        print(held.job.state.value, echo.job.state.value)
gates.open("a")
xp.close()
print(held.job.state.value, echo.job.state.value)
"""
    out = run(write_script(tmp_path, body), tmp_path)
    assert out.split("\n") == ["running waiting"] * 4 + ["done done", ""]


def test_a_normal_exit_after_closing_is_silent(tmp_path: Path) -> None:
    """A script that closed its experiment exits with nothing more on its standard error."""
    body = """
import logging
logging.getLogger("xpmnb").setLevel("WARNING")
with experiment(ROOT / "runs", "t") as xp:
    print(Echo.C(x=1).submit().job.result())
print([each.name for each in threading.enumerate()])
"""
    process = start(write_script(tmp_path, body), tmp_path)
    out, err = finish(process)
    assert (process.returncode, err) == (0, "")
    assert out == "1\n['MainThread']\n"


def test_submitting_without_an_experiment_is_an_error_in_a_script(tmp_path: Path) -> None:
    """A script that submits with no experiment open is told how to open one."""
    body = """
try:
    Echo.C(x=1).submit()
except RuntimeError as error:
    print(error)
"""
    out = run(write_script(tmp_path, body), tmp_path)
    assert "no experiment is open" in out
    assert "with experiment(" in out
    assert not (tmp_path / "runs").exists()


def test_a_forked_child_is_no_second_runner(tmp_path: Path) -> None:
    """A child that a task forks neither keeps the job locked nor writes its end."""
    body = """
import subprocess
class Forks(Task):
    def execute(self):
        child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"],
                                 stdin=subprocess.PIPE)
        Path(ROOT / "child").write_text(str(child.pid))
        gates.hold("a")

xp = experiment(ROOT / "runs", "t").start()
Forks.C().submit()
gates.await_begin("a")
print("ready", flush=True)
threading.Event().wait()
"""
    process = start(write_script(tmp_path, body), tmp_path)
    await_line(process, "ready")
    process.kill()
    finish(process)
    try:
        assert states(tmp_path)["forks"] == "lost"
    finally:
        # Its standard input was closed with its parent, so it may be gone already.
        with suppress(ProcessLookupError):
            os.kill(int((tmp_path / "child").read_text()), signal.SIGKILL)
