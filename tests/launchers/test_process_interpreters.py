"""Processes without a fork: fresh interpreters that the kernel starts itself."""

import fcntl
import os
import signal
import threading
from pathlib import Path

import pytest

from tests.support.entries import is_flocked
from tests.support.nurseries import await_true, is_alive, read_json, ward

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")


def test_a_process_runs_and_reports() -> None:
    """A fresh interpreter tells that it began, how it ended, and that it exited."""
    with ward(fork=False) as here:
        assert here.run("give", {"a": [1, None]}) == {"a": [1, None]}
        assert [each["event"] for each in here.ear.reports] == ["begun", "ended", "exited"]
        found = here.run("look_around", "A", environ={"A": "b"})
        assert found["fresh"]
        assert found["environ"] == {"A": "b"}
        assert found["stdin"] == ""
    assert here.ear.problem == ""


def test_an_end_without_a_word_is_told() -> None:
    """Exit codes, signals and errors of our own code are told as for forked processes."""
    with ward(fork=False) as here:
        assert here.ear.wait(here.start("exit", 7))["code"] == 7
        assert here.ear.wait(here.start("die", int(signal.SIGSEGV)))["code"] == -signal.SIGSEGV
        report = here.ear.wait(here.start("raise"))
        assert report["code"] == 70
        assert "not caught by the entry" in report["log"]


def test_a_large_request_and_a_large_result_pass() -> None:
    """A request larger than a pipe arrives; a large result is left to the files."""
    with ward(fork=False) as here:
        assert here.ear.wait(here.start("give", "x" * 1_000_000))["code"] == 0
        assert here.ear.wait(1, "ended")["truncated"]


def test_a_process_that_ignores_the_request_is_killed(tmp_path: Path) -> None:
    """After the grace, a process that ignores SIGTERM is killed."""
    with ward(fork=False) as here:
        key = here.start("ignore_sigterm", str(tmp_path / "who"))
        read_json(tmp_path / "who")
        here.nursery.stop(key, 0.2)
        here.nursery.stop(key, 60.0)
        report = here.ear.wait(key)
        assert (report["code"], report["asked"]) == (-signal.SIGKILL, "stop")
        assert report["waited_s"] == 0.2


def test_a_request_to_stop_that_comes_at_once_stops() -> None:
    """A process that is asked to stop before it has even been started ends."""
    with ward(fork=False) as here:
        key = here.start("die", int(signal.SIGWINCH))  # which kills nobody: it waits
        here.nursery.stop(key, 60.0)
        report = here.ear.wait(key)
        assert report["asked"] == "stop"
        assert report["code"] != 0


def test_time_that_runs_out_kills(tmp_path: Path) -> None:
    """A process that goes on beyond its limit is killed, with what it started."""
    with ward(fork=False) as here:
        key = here.start("leave_sleeper", str(tmp_path / "sleeper"), limit_s=1.5, grace_s=0.5)
        report = here.ear.wait(key)
        assert (report["code"], report["asked"]) == (-signal.SIGKILL, "walltime")
        if (tmp_path / "sleeper").exists():
            sleeper = read_json(tmp_path / "sleeper")
            await_true(lambda: not is_alive(sleeper), "the end of the sleeper")


def test_a_passed_lock_is_held_until_the_process_ends(tmp_path: Path) -> None:
    """A lock goes to the process alone, and ends with it."""
    lock, who, gate = tmp_path / "lock", tmp_path / "who", tmp_path / "open"
    with ward(fork=False) as here:
        with lock.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            key = here.start("write_pid_and_hold", str(who), str(gate), passed=(file.fileno(),))
        read_json(who)
        assert is_flocked(lock)
        gate.touch()
        here.ear.wait(key)
        assert not is_flocked(lock)


def test_a_process_left_behind_does_not_hold_up_the_end(tmp_path: Path) -> None:
    """The end of a process is told although a child that it forked lives on."""
    with ward(fork=False) as here:
        key = here.start("fork_and_exit", str(tmp_path / "left"))
        assert here.ear.wait(key)["code"] == 0
        left = read_json(tmp_path / "left")
        assert is_alive(left)
        os.kill(left, signal.SIGKILL)


def test_an_interpreter_that_cannot_start_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the system refuses to start is reported in its words."""
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    with ward(fork=False) as here:
        assert "/nowhere/python" in here.ear.wait(here.start("nothing"), "refused")["message"]


def test_every_thread_ends_with_its_process() -> None:
    """Each process has a thread that ends with it, and its timers too."""
    with ward(fork=False) as here:
        for _ in range(3):
            here.run("nothing", limit_s=600.0)
        await_true(lambda: not [t for t in threading.enumerate() if "xpmnb" in t.name])
    assert not here.nursery._processes  # type: ignore[union-attr]


def test_a_closed_one_starts_and_tells_nothing(tmp_path: Path) -> None:
    """After the end nothing is started or told; a process that runs goes on."""
    who, gate = tmp_path / "who", tmp_path / "open"
    with ward(fork=False) as here:
        here.start("write_pid_and_hold", str(who), str(gate))
        read_json(who)
    with pytest.raises(AssertionError):
        here.start("nothing")
    gate.touch()
    assert read_json(tmp_path / "who.end") is True
    await_true(lambda: not [t for t in threading.enumerate() if "xpmnb" in t.name])
    assert here.ear.of(1, "exited") == []
