"""Stopping jobs that other processes run: signals, kills, and requests to kernels."""

import os
import signal
import sys
from pathlib import Path

import pytest

from tests.support.processes import await_line, finish, start, write_script
from tests.support.running import DEADLINE_S, Echo, running
from tests.support.shell import (
    DIES,
    IGNORES,
    OBEYS,
    begin,
    end,
    make_job,
    records_in,
    runner,
    until,
)
from xpmnb.processes import session_of, this_process
from xpmnb.records.events import Started
from xpmnb.records.files import PathLock
from xpmnb.records.job_directory import read_job
from xpmnb.records.journal import JournalWriter
from xpmnb.records.layout import JobLayout
from xpmnb.records.states import FailureReason, JobState
from xpmnb.scheduler.stopping import StopRequest, Way, ask_to_stop, read_stop_request

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs signals and sessions")


@pytest.fixture
def layout(tmp_path: Path) -> JobLayout:
    """Give the layout of a job without directory, in a workspace."""
    return records_in(tmp_path / "runs").layout.job("nb.train", "0" * 64)


def test_a_process_that_obeys_ends_itself(tmp_path: Path, layout: JobLayout) -> None:
    """A job's own process gets SIGTERM at once, and its own record of the end stands."""
    with runner(tmp_path, layout, OBEYS) as process:
        stopping = ask_to_stop(layout, grace_s=1000)
        assert stopping.way is Way.SIGNAL
        assert stopping.words == f"sent SIGTERM to process {process.pid}"
        until(lambda: stopping.ended)
        assert stopping.kill_if_due() is False
        assert stopping.death is None
        assert not os.path.exists(layout.stop_request)
    assert read_job(layout).state is JobState.error(FailureReason.CANCELLED)


def test_a_process_that_ignores_it_is_killed_with_its_session(
    tmp_path: Path, layout: JobLayout
) -> None:
    """After the grace all processes of the session are killed, and the end is left to record."""
    with runner(tmp_path, layout, IGNORES) as process:
        stopping = ask_to_stop(layout, grace_s=1000)
        assert len(session_of(process.pid)) == 2
        assert stopping.kill_if_due() is False
        assert not stopping.ended
        stopping = ask_to_stop(layout, grace_s=0)
        assert stopping.death is None
        assert stopping.kill_if_due() is True
        assert stopping.kill_if_due() is False
        assert stopping.words.startswith(f"killed process {process.pid}")
        process.wait(DEADLINE_S)
        until(lambda: not session_of(process.pid))
        assert stopping.ended
        assert stopping.death is not None
        assert stopping.death.exit_code == 128 + signal.SIGKILL
        assert "did not stop within 0 s of a request by" in stopping.death.message
    # Whoever finds the process dead can see that this was wanted.
    request = read_stop_request(layout)
    assert request is not None
    assert f"process {os.getpid()} on" in request.by
    end(layout, FailureReason.CANCELLED)
    assert stopping.death is None


def test_a_process_that_dies_of_it_leaves_its_end_to_record(
    tmp_path: Path, layout: JobLayout
) -> None:
    """A process that SIGTERM ends before it can record anything is reported with its signal."""
    with runner(tmp_path, layout, DIES):
        stopping = ask_to_stop(layout)
        until(lambda: stopping.ended)
        assert stopping.death is not None
        assert stopping.death.exit_code == 128 + signal.SIGTERM
        assert "ended by SIGTERM" in stopping.death.message


def test_a_dead_process_is_not_killed(tmp_path: Path, layout: JobLayout) -> None:
    """When the process has gone by the end of the grace, nothing is killed in its place."""
    with runner(tmp_path, layout, DIES) as process:
        stopping = ask_to_stop(layout, grace_s=0)
        process.wait(DEADLINE_S)
        assert stopping.kill_if_due() is False
        assert stopping.death is not None
        assert stopping.death.exit_code == 128 + signal.SIGTERM


def test_the_kernel_of_a_thread_is_asked_by_a_file(tmp_path: Path) -> None:
    """A kernel that runs a job in a thread finds the request, and nothing is sent to it."""
    body = """
from xpmnb.records.layout import JobLayout
from xpmnb.scheduler.stopping import read_stop_request

xp = experiment(ROOT / "runs", "t").start()
job = Held.C(key="a").submit().job
gates.await_begin("a")
print(job.path)
print("ready", flush=True)
while (request := read_stop_request(JobLayout(str(job.path)))) is None:
    time.sleep(0.01)
job.cancel()
xp.close()
print(request.by)
"""
    process = start(write_script(tmp_path, body), tmp_path)
    assert process.stdout is not None
    held = JobLayout(process.stdout.readline().strip())
    await_line(process, "ready")
    stopping = ask_to_stop(held)
    assert stopping.way is Way.REQUEST
    assert stopping.words == f"asked the kernel that runs it (process {process.pid}) to stop it"
    out, err = finish(process)
    assert f"process {os.getpid()} on" in out
    assert (process.returncode, stopping.ended, stopping.death) == (0, True, None), err
    assert read_job(held).state is JobState.error(FailureReason.CANCELLED)


@pytest.mark.parametrize(
    ("pid", "host", "started_later_s", "words"),
    [
        (None, "elsewhere", 0.0, " on elsewhere) to stop it"),
        (None, None, 60.0, ") to stop it"),
        (2**22 + 1, None, 0.0, ") to stop it"),
        (0, None, 0.0, ") to stop it"),
        (1, None, 0.0, ") to stop it"),
    ],
    ids=["another machine", "another process of the number", "none of it", "no number", "init"],
)
def test_no_signal_goes_to_a_process_that_may_be_another(
    tmp_path: Path, pid: int | None, host: str | None, started_later_s: float, words: str
) -> None:
    """Where the process is not surely the job's, its kernel is asked, and nobody is signalled."""
    layout = make_job(records_in(tmp_path))
    here = this_process()
    start = Started(
        1e9,
        1,
        "process",
        here.pid if pid is None else pid,
        host or here.host,
        here.started + started_later_s,
    )
    journal = JournalWriter(layout.events)
    journal.append(start.to_json())
    journal.close()
    lock = PathLock(layout.lock)
    assert lock.acquire()
    caught: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: caught.append(number))
    try:
        stopping = ask_to_stop(layout, grace_s=0)
        assert stopping.kill_if_due() is False
        assert (stopping.way, caught, stopping.ended) == (Way.REQUEST, [], False)
        assert stopping.words.endswith(words)
    finally:
        signal.signal(signal.SIGTERM, before)
        lock.release()


def test_the_last_attempt_counts(tmp_path: Path, layout: JobLayout) -> None:
    """The process of an earlier attempt is left alone, whatever it is now."""
    make_job(records_in(tmp_path / "runs"))
    here = this_process()
    journal = JournalWriter(layout.events)
    journal.append(Started(1e9, 1, "process", here.pid, here.host, here.started).to_json())
    journal.append(Started(1e9, 2, "thread", here.pid, here.host).to_json())
    journal.close()
    lock = PathLock(layout.lock)
    assert lock.acquire()
    try:
        assert ask_to_stop(layout).way is Way.REQUEST
    finally:
        lock.release()


def test_a_job_that_is_about_to_begin_is_asked_for(tmp_path: Path) -> None:
    """Between the lock and the first event the request says that a kernel begins it."""
    layout = make_job(records_in(tmp_path))
    lock = PathLock(layout.lock)
    assert lock.acquire()
    try:
        assert ask_to_stop(layout).words == "asked the kernel that begins it to stop it"
    finally:
        lock.release()


def test_what_nobody_runs_needs_no_stopping(tmp_path: Path, layout: JobLayout) -> None:
    """A job that nobody runs is left alone, and its state is told in words."""
    with running(tmp_path):
        done = Echo.C(x=1).submit().job
        done.wait(DEADLINE_S)
    records = records_in(tmp_path / "runs")
    failed, lost, unbegun = (make_job(records, "nb.a", str(number)) for number in range(3))
    begin(failed)
    end(failed, FailureReason.TIMEOUT)
    begin(lost)
    wanted = {
        JobLayout(str(done.path)): "it is done already",
        failed: "it has failed already (timeout)",
        lost: "it has failed already (lost)",
        unbegun: "it never began",
        layout: "it never began",
    }
    for each, words in wanted.items():
        stopping = ask_to_stop(each)
        assert (stopping.way, stopping.words) == (Way.NOTHING, words)
        assert stopping.ended
        assert not stopping.kill_if_due()
        assert stopping.death is None
        assert read_stop_request(each) is None


@pytest.mark.parametrize(
    ("content", "by", "time"),
    [
        (StopRequest("anna", 5.0).to_bytes(), "anna", 5.0),
        (b"", "somebody", 0.0),
        (b"[1]", "somebody", 0.0),
        (b'{"by": 3, "time": "x"}', "somebody", 0.0),
        (b"\xff" * 100_000, "somebody", 0.0),
    ],
)
def test_any_file_is_a_request(tmp_path: Path, content: bytes, by: str, time: float) -> None:
    """A person may make the file by hand: whatever is in it, it asks."""
    layout = make_job(records_in(tmp_path))
    assert read_stop_request(layout) is None
    Path(layout.stop_request).write_bytes(content)
    assert read_stop_request(layout) == StopRequest(by, time)
