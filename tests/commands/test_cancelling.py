"""``xpmnb cancel``: jobs of live kernels and of processes, and what is said of the others."""

import json
import sys
from pathlib import Path

import pytest

from tests.support.processes import await_line, finish, start, write_script
from tests.support.shell import (
    DIES,
    IGNORES,
    OBEYS,
    begin,
    command,
    end,
    finished,
    make_job,
    records_in,
    runner,
)
from xpmnb.commands import cancelling
from xpmnb.commands.cancelling import cancel_jobs
from xpmnb.records.files import PathLock
from xpmnb.records.job_directory import read_job
from xpmnb.records.layout import JobLayout
from xpmnb.records.states import FailureReason, JobState
from xpmnb.records.workspace import RunJournal

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs signals and sessions")


@pytest.fixture
def layout(tmp_path: Path) -> JobLayout:
    """Give the layout of a job without directory, in a workspace."""
    return records_in(tmp_path / "runs").layout.job("nb.train", "0" * 64)


def test_a_process_that_obeys(tmp_path: Path, layout: JobLayout) -> None:
    """A job that cleans up on SIGTERM is waited for, and what it recorded is told."""
    with runner(tmp_path, layout, OBEYS) as process:
        done = finished(command(tmp_path, "cancel", layout.path))
        sent = f"train 00000000: sent SIGTERM to process {process.pid}\n"
        assert done == (0, f"{sent}train 00000000: error (cancelled): asked to stop\n", "")


@pytest.mark.parametrize(
    ("body", "grace", "code", "message"),
    [(IGNORES, "0.1", 137, "did not stop within 0.1 s"), (DIES, "60", 143, "ended by SIGTERM")],
    ids=["ignores", "dies"],
)
def test_a_process_that_cannot_record_its_end(
    tmp_path: Path, layout: JobLayout, body: str, grace: str, code: int, message: str
) -> None:
    """A job that is killed, or ends without a word, is recorded as cancelled with its signal."""
    with runner(tmp_path, layout, body) as process:
        cancel = command(
            tmp_path, "cancel", "00000", "--workspace", f"{tmp_path}/runs", "--grace", grace
        )
        returned, out, err = finished(cancel)
        assert (returned, err) == (0, "")
        lines = out.splitlines()
        assert lines[0].endswith(f"sent SIGTERM to process {process.pid}")
        assert message in lines[-1]
    content = json.loads(Path(layout.failed).read_text())
    assert (content["reason"], content["exit_code"], content["attempt"]) == ("cancelled", code, 1)
    assert message in content["message"]
    assert read_job(layout).state is JobState.error(FailureReason.CANCELLED)


def test_a_job_in_a_thread(tmp_path: Path) -> None:
    """The kernel that runs a job in a thread is asked, and its end is waited for."""
    body = """
from xpmnb.records.layout import JobLayout
from xpmnb.scheduler.stopping import read_stop_request

xp = experiment(ROOT / "runs", "t").start()
jobs = [Held.C(key=key).submit().job for key in "ab"]
gates.await_begin("a", "b")
print(*(job.path for job in jobs), flush=True)
for job in jobs:
    while read_stop_request(JobLayout(str(job.path))) is None:
        time.sleep(0.01)
    job.cancel()
xp.close()
"""
    kernel = start(write_script(tmp_path, body), tmp_path)
    assert kernel.stdout is not None
    places = kernel.stdout.readline().split()
    code, out, err = finished(command(tmp_path, "cancel", *places, places[0]))
    assert (code, err) == (0, "")
    assert out.count(f"asked the kernel that runs it (process {kernel.pid}) to stop it") == 2
    assert out.count(": error (cancelled)") == 2
    finish(kernel)


def test_a_kernel_that_does_not_answer(
    layout: JobLayout, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job that goes on after the time for it is told as such, and the exit code is 1."""
    monkeypatch.setattr(cancelling, "_PATIENCE_S", 0.1)
    make_job(records_in(Path(layout.workspace.root)))
    begin(layout)
    lock = PathLock(layout.lock)
    assert lock.acquire()
    try:
        assert cancel_jobs([layout], grace_s=0, wait=True) == 1
        out, err = capsys.readouterr()
        assert out.count("\n") == 1
        assert err.endswith("to stop it, but it still runs\n")
        assert cancel_jobs([layout], grace_s=1000, wait=False) == 0
    finally:
        lock.release()


def test_without_waiting_nothing_is_killed(tmp_path: Path, layout: JobLayout) -> None:
    """With --no-wait the command only asks, whatever the grace."""
    with runner(tmp_path, layout, IGNORES) as process:
        cancel = command(tmp_path, "cancel", layout.path, "--no-wait", "--grace", "0")
        assert finished(cancel)[0] == 0
        assert process.poll() is None
        assert finished(command(tmp_path, "cancel", layout.path, "--grace", "0"))[0] == 0


def test_what_nobody_runs(
    tmp_path: Path,
    layout: JobLayout,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing is to be done for a job that has ended; one whose kernel does not answer is told."""
    records = records_in(tmp_path / "runs")
    done = make_job(records, "nb.done", "a" * 64)
    begin(done)
    end(done)
    assert cancel_jobs([done], grace_s=0, wait=True) == 0
    assert capsys.readouterr().out == "done aaaaaaaa: it is done already\n"
    journal = RunJournal(records.create_run("t"))
    journal.submitted(1e9, layout.task, layout.identifier, {}, {})
    lock = PathLock(journal.layout.lock)
    assert lock.acquire()
    monkeypatch.setattr("xpmnb.commands.cancelling._PATIENCE_S", 0.1)
    try:
        assert cancel_jobs([done, layout], grace_s=0, wait=True) == 1
    finally:
        lock.release()
        journal.close()
    err = capsys.readouterr().err
    assert err == "xpmnb: train 00000000: its kernel has not cancelled it\n"
    assert cancel_jobs([layout], grace_s=0, wait=True) == 0
    assert "train 00000000: it never began\n" in capsys.readouterr().out


def test_a_job_that_waits_for_its_turn_is_cancelled_by_its_kernel(tmp_path: Path) -> None:
    """The kernel finds the request for a job that it has not begun, and another job goes on."""
    body = """
with experiment(ROOT / "runs", "t", max_jobs=1) as xp:
    first = Held.C(key="a").submit().job
    waiting = Held.C(key="b").submit().job
    gates.await_begin("a")
    xp._started().flush()
    print(waiting.id, flush=True)
    print(waiting.wait(60).failure_reason, waiting.started_at, flush=True)
    gates["open a"].set()
    print(first.wait(60).value)
"""
    process = start(write_script(tmp_path, body), tmp_path)
    assert process.stdout is not None
    identifier = process.stdout.readline().strip()
    asked = ("cancel", identifier, "--workspace", str(tmp_path / "runs"))
    code, out, err = finished(command(tmp_path, *asked))
    assert (code, err) == (0, "")
    assert "asked its kernel to cancel it" in out
    assert "cancelled" in out
    rest, err = finish(process)
    assert rest.split() == ["cancelled", "None", "done"], err


@pytest.mark.parametrize("launcher", ["thread", "process"])
def test_a_whole_experiment_is_stopped(tmp_path: Path, launcher: str) -> None:
    """What has not ended of the newest run is stopped, whether it runs or waits; then nothing."""
    body = """
from tests.support.acting import Hold

if __name__ == "__main__":
    with experiment(ROOT / "runs", "t", max_jobs=1, launcher=LAUNCHER) as xp:
        jobs = [Hold.C(x=x).submit().job for x in range(3)]
        while jobs[0].state.value != "running":
            time.sleep(0.01)
        xp._started().flush()
        print("ready", flush=True)
        xp.wait(60)
        print(*(job.failure_reason for job in jobs))
"""
    process = start(write_script(tmp_path, body.replace("LAUNCHER", repr(launcher))), tmp_path)
    await_line(process, "ready")
    asked = ("cancel", "--experiment", "t", "--workspace", str(tmp_path / "runs"))
    code, out, err = finished(command(tmp_path, *asked))
    assert (code, err) == (0, "")
    assert out.count(": error (cancelled)") == 3
    assert finish(process)[0].split() == ["cancelled"] * 3
    done = finished(command(tmp_path, *asked))
    assert done == (0, "no job of t is left to stop\n", "")
    code, _, err = finished(command(tmp_path, *asked[:2], "none", *asked[3:]))
    assert (code, err.count("no experiment 'none'; there are: t")) == (1, 1)


def test_one_that_cannot_be_asked_does_not_keep_the_others(
    tmp_path: Path, layout: JobLayout, capsys: pytest.CaptureFixture[str]
) -> None:
    """A request that cannot be written is told, and the other jobs are stopped all the same."""
    broken = make_job(records_in(tmp_path / "runs"), "nb.other", "f" * 64)
    lock = PathLock(broken.lock)
    assert lock.acquire()
    Path(broken.stop_request).mkdir()
    try:
        with runner(tmp_path, layout, OBEYS):
            assert cancel_jobs([broken, layout], grace_s=60, wait=True) == 1
    finally:
        lock.release()
    out, err = capsys.readouterr()
    assert "train 00000000: error (cancelled)" in out
    assert err.startswith("xpmnb: other ffffffff: cannot be asked to stop: ")


def test_ctrl_c_ends_the_waiting(tmp_path: Path, layout: JobLayout) -> None:
    """Ctrl-C while waiting ends the command; the job has been asked and is not killed."""
    with runner(tmp_path, layout, IGNORES) as process:
        cancel = command(tmp_path, "cancel", layout.path, "--grace", "1000")
        assert cancel.stdout is not None
        assert "sent SIGTERM" in cancel.stdout.readline()
        cancel.send_signal(2)
        assert finished(cancel) == (130, "", "")
        assert process.poll() is None
        assert cancel_jobs([layout], grace_s=0, wait=True) == 0
