"""The fork server and its children: real processes, real signals."""

import fcntl
import os
import signal
import sys
from pathlib import Path

import pytest

from tests.support.entries import is_flocked
from tests.support.nurseries import Ward, await_true, children_of, is_alive, read_json, ward

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs fork and /proc")


def server_of(here: Ward, tmp_path: Path) -> int:
    """Return the process number of a server."""
    path = tmp_path / "server.json"
    path_open = tmp_path / "server.open"
    path_open.touch()
    here.run("write_pid_and_hold", str(path), str(path_open))
    return int(read_json(path)["server"])


def test_a_process_runs_and_reports() -> None:
    """A process tells that it began, how it ended, and that it exited, in this order."""
    with ward() as here:
        assert here.run("give", {"a": [1, None]}) == {"a": [1, None]}
        assert [each["event"] for each in here.ear.reports] == ["begun", "ended", "exited"]
        assert here.ear.reports[0]["pid"] != os.getpid()
        assert here.ear.reports[2]["memory_bytes"] > 1 << 20
    assert here.ear.problem == ""


def test_a_process_leads_a_session_of_its_own(tmp_path: Path) -> None:
    """A process is the leader of its session, and no child of the kernel."""
    with ward() as here:
        (tmp_path / "open").touch()
        here.run("write_pid_and_hold", str(tmp_path / "who"), str(tmp_path / "open"))
        who = read_json(tmp_path / "who")
        assert who["sid"] == who["pid"]
        assert who["server"] != os.getpid()
        assert os.getsid(who["server"]) == who["server"]


@pytest.mark.parametrize("code", [0, 1, 7, 255])
def test_an_exit_is_told_by_its_code(code: int) -> None:
    """A process that ends without a word is told by its exit code."""
    with ward() as here:
        key = here.start("exit", code)
        assert here.ear.wait(key)["code"] == code
        assert here.ear.of(key, "ended") == []


@pytest.mark.parametrize("name", ["SIGKILL", "SIGSEGV", "SIGTERM", "SIGABRT", "SIGBUS", "SIGUSR1"])
def test_a_death_is_told_by_its_signal(name: str) -> None:
    """A process that a signal killed is told by the negative number of the signal."""
    number = int(signal.Signals[name])
    with ward() as here:
        report = here.ear.wait(here.start("die", number))
        assert report["code"] == -number
        assert report["asked"] is None
        assert here.run("give", 1) == 1


def test_an_error_of_our_own_code_is_told() -> None:
    """An entry that raises ends its process with a code and the end of the server's log."""
    with ward() as here:
        report = here.ear.wait(here.start("raise"))
        assert report["code"] == 70
        assert "not caught by the entry" in report["log"]


def test_no_zombie_is_left(tmp_path: Path) -> None:
    """After many jobs the server has no child, dead or alive."""
    with ward() as here:
        keys = [here.start("nothing") for _ in range(60)]
        for key in keys:
            here.ear.wait(key)
        server = server_of(here, tmp_path)
        assert children_of(server) == []
        nursery_children = children_of(os.getpid())
        assert server in nursery_children
    await_true(lambda: server not in children_of(os.getpid()))


def test_a_closed_nursery_leaves_its_processes(tmp_path: Path) -> None:
    """Closing ends the server at once; a process that runs goes on to its end."""
    who, gate = tmp_path / "who", tmp_path / "open"
    with ward() as here:
        here.start("write_pid_and_hold", str(who), str(gate))
        found = read_json(who)
    assert not is_alive(found["server"])
    assert is_alive(found["pid"])
    gate.touch()
    assert read_json(tmp_path / "who.end") is True
    await_true(lambda: not is_alive(found["pid"]))


def test_two_nurseries_live_side_by_side(tmp_path: Path) -> None:
    """The end of one server is nothing to another one."""
    with ward() as one, ward() as other:
        assert server_of(one, tmp_path) != server_of(other, tmp_path)
        one.nursery.close()
        assert other.run("give", 2) == 2


def test_many_starts_at_once_are_all_run() -> None:
    """300 requests of 10 kB, more than sockets hold, are taken at once and all run."""
    with ward() as here:
        keys = [here.start("give", "x" * 10_000) for _ in range(300)]
        for key in keys:
            assert here.ear.wait(key)["code"] == 0


def test_a_large_result_is_left_to_the_files() -> None:
    """A result that fits into no report is left out, and the report says so."""
    with ward() as here:
        key = here.start("fill", 1_000_000)
        assert here.ear.wait(key, "ended")["truncated"]
        assert here.ear.wait(key)["code"] == 0


def test_random_numbers_differ() -> None:
    """Processes draw different random numbers, from Python and from a preloaded NumPy."""
    with ward(preload=["numpy.random"]) as here:
        drawn = [number for _ in range(4) for number in here.run("draw")]
        assert len(set(drawn)) == 8


def test_a_process_ends_as_programs_do(tmp_path: Path) -> None:
    """Threads are waited for, and what was registered for the end is done."""
    with ward() as here:
        here.run("say_at_exit", str(tmp_path / "said"))
        assert read_json(tmp_path / "said") == "at exit"
        assert read_json(tmp_path / "said.thread") == 1


def test_a_process_has_nothing_of_the_server() -> None:
    """A process has one descriptor, for reports, and nothing on its standard input."""
    with ward() as here:
        found = here.run("list_descriptors")
        assert len(found) == 1
        assert found[0].startswith("socket:")
        assert here.run("look_around")["stdin"] == ""


def test_reports_never_land_in_files_of_the_task(tmp_path: Path) -> None:
    """A task that closes all descriptors and opens files finds nothing foreign in them."""
    with ward() as here:
        key = here.start("close_all_and_write", str(tmp_path / "file"))
        assert here.ear.wait(key)["code"] == 0
        assert here.ear.of(key, "ended") == []
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b""] * 12


def test_the_environment_is_that_of_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """Changes of the environment and of the search path reach the jobs that start later."""
    with ward() as here:
        monkeypatch.setenv("XPMNB_TEST", "é\udc80")
        before = here.run("look_around", "XPMNB_TEST", "HOME")
        assert before["environ"] == {"XPMNB_TEST": "é\udc80", "HOME": os.environ.get("HOME")}
        monkeypatch.delenv("XPMNB_TEST")
        monkeypatch.setattr(sys, "path", ["", "relative", *sys.path])
        after = here.run("look_around", "XPMNB_TEST")
        assert after["environ"] == {"XPMNB_TEST": None}
        here_is = os.getcwd()
        assert [os.path.normpath(path) for path in after["path"][:2]] == [
            here_is,
            f"{here_is}/relative",
        ]
        assert before["argv"] == after["argv"] == ["-c"]
        assert not after["fresh"]


@pytest.mark.parametrize("name", ["PYTHONHASHSEED", "LD_BIND_NOW", "MALLOC_ARENA_MAX"])
def test_what_is_read_at_a_start_makes_a_fresh_interpreter(name: str, tmp_path: Path) -> None:
    """A variable that the interpreter reads when it starts gives the job a new one."""
    lock = tmp_path / "lock"
    with ward() as here, lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        environ = {name: "1"}
        key = here.start("look_around", name, environ=environ, passed=(file.fileno(),))
        assert here.ear.wait(key)["code"] == 0
        found = here.ear.wait(key, "ended")["outcome"]["result"]
        assert found["fresh"]
        assert found["environ"] == environ
        assert found["stdin"] == ""
        again = here.run("look_around", environ=environ)
        assert (again["hash_seed"] == found["hash_seed"]) == (name == "PYTHONHASHSEED")


def test_what_libraries_read_counts_once_they_are_loaded() -> None:
    """Variables of numerical libraries make a fresh interpreter only where modules are warm."""
    environ = {"OMP_NUM_THREADS": "1"}
    with ward() as here:
        assert not here.run("look_around", environ=environ)["fresh"]
    with ward(preload=["wave"]) as here:
        assert here.run("look_around", environ=environ)["fresh"]
        assert not here.run("look_around")["fresh"]


def test_a_search_path_of_the_job_comes_first(tmp_path: Path) -> None:
    """PYTHONPATH of a job goes before the search path of the kernel."""
    with ward() as here:
        found = here.run("look_around", "PYTHONPATH", environ={"PYTHONPATH": str(tmp_path)})
        assert found["path"][0] == str(tmp_path)
        assert found["environ"] == {"PYTHONPATH": str(tmp_path)}


def test_a_passed_lock_is_held_until_the_process_ends(tmp_path: Path) -> None:
    """A lock goes to the process alone: neither kernel nor server nor other jobs keep it."""
    lock, who, gate = tmp_path / "lock", tmp_path / "who", tmp_path / "open"
    with ward() as here:
        with lock.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            key = here.start("write_pid_and_hold", str(who), str(gate), passed=(file.fileno(),))
        other = here.start("write_pid_and_hold", f"{who}2", f"{gate}2")
        read_json(who)
        read_json(tmp_path / "who2")
        assert is_flocked(lock)
        gate.touch()
        here.ear.wait(key)
        assert not is_flocked(lock)
        (tmp_path / "open2").touch()
        here.ear.wait(other)


def test_locks_that_come_together_go_to_their_own_processes(tmp_path: Path) -> None:
    """Of locks that are passed at the same time, each one ends with its own process."""
    locks = [tmp_path / f"lock{number}" for number in range(4)]
    gates = [tmp_path / f"open{number}" for number in range(4)]
    with ward() as here:
        keys = []
        for lock, gate in zip(locks, gates, strict=True):
            with lock.open("w") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                who = f"{lock}.who"
                keys.append(
                    here.start("write_pid_and_hold", who, str(gate), passed=(file.fileno(),))
                )
        for number, key in enumerate(keys):
            assert all(is_flocked(lock) for lock in locks[number:])
            gates[number].touch()
            here.ear.wait(key)
            assert not is_flocked(locks[number])


def test_a_request_to_stop_is_sigterm() -> None:
    """A process that handles no signal ends at once when it is asked to."""
    with ward() as here:
        key = here.start("die", int(signal.SIGWINCH))  # which kills nobody: it waits
        here.ear.wait(key, "begun")
        here.nursery.stop(key, 60.0)
        report = here.ear.wait(key)
        assert (report["code"], report["asked"]) == (-signal.SIGTERM, "stop")


def test_a_process_that_ignores_the_request_is_killed(tmp_path: Path) -> None:
    """After the grace, a process that ignores SIGTERM is killed."""
    with ward() as here:
        key = here.start("ignore_sigterm", str(tmp_path / "who"))
        read_json(tmp_path / "who")
        here.nursery.stop(key, 0.2)
        here.nursery.stop(key, 60.0)
        report = here.ear.wait(key)
        assert (report["code"], report["asked"]) == (-signal.SIGKILL, "stop")
        assert report["waited_s"] == 0.2


def test_what_a_process_has_started_ends_with_it(tmp_path: Path) -> None:
    """A request to stop reaches what the process left behind, too."""
    with ward() as here:
        key = here.start("leave_sleeper", str(tmp_path / "sleeper"))
        sleeper = read_json(tmp_path / "sleeper")
        here.nursery.stop(key, 60.0)
        here.ear.wait(key)
        await_true(lambda: not is_alive(sleeper), "the end of the sleeper")


def test_time_that_runs_out_kills(tmp_path: Path) -> None:
    """A process that goes on beyond its limit is killed, with what it started."""
    with ward() as here:
        key = here.start("leave_sleeper", str(tmp_path / "sleeper"), limit_s=1.0, grace_s=0.5)
        report = here.ear.wait(key)
        assert (report["code"], report["asked"]) == (-signal.SIGKILL, "walltime")
        assert report["waited_s"] == 0.5
        if (tmp_path / "sleeper").exists():
            sleeper = read_json(tmp_path / "sleeper")
            await_true(lambda: not is_alive(sleeper), "the end of the sleeper")


def test_stopping_what_has_ended_does_nothing() -> None:
    """A request to stop that comes too late is nothing."""
    with ward() as here:
        here.run("nothing")
        here.nursery.stop(1, 0.0)
        here.nursery.stop(99, 0.0)
        assert here.run("give", 1) == 1


def test_a_preload_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that cannot be imported ends the server, which names module and error."""
    (tmp_path / "xpmnb_broken.py").write_text("raise RuntimeError('no luck')")
    monkeypatch.syspath_prepend(tmp_path)
    with ward(preload=["wave", "xpmnb_broken"]) as here:
        here.start("nothing")
        problem = here.ear.await_end()
        assert "cannot import xpmnb_broken: RuntimeError: no luck" in problem
        assert "Traceback" in problem
        assert here.ear.reports == []


def test_a_preload_that_crashes_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that ends the interpreter leaves an error that says so."""
    (tmp_path / "xpmnb_deadly.py").write_text(
        "import os, sys; print('last words', file=sys.stderr, flush=True); os._exit(9)"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with ward(preload=["xpmnb_deadly"]) as here:
        problem = here.ear.await_end()
        assert "ended at its start, with code 9" in problem
        assert "last words" in problem


def test_closing_ends_a_server_that_still_imports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server in the midst of a long import ends as soon as the nursery is closed."""
    (tmp_path / "xpmnb_endless.py").write_text(
        "import os, threading, pathlib\n"
        f"pathlib.Path({str(tmp_path / 'pid~')!r}).write_text(str(os.getpid()))\n"
        f"os.rename({str(tmp_path / 'pid~')!r}, {str(tmp_path / 'pid')!r})\n"
        "threading.Event().wait()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with ward(preload=["xpmnb_endless"]) as here:
        here.start("nothing")
        server = read_json(tmp_path / "pid")
        here.nursery.close()
        assert not is_alive(server)
        assert here.ear.problem == ""


def test_the_end_of_the_server_is_told(tmp_path: Path) -> None:
    """A server that is killed is noticed; its processes go on, and no more are started."""
    who, gate = tmp_path / "who", tmp_path / "open"
    with ward() as here:
        here.start("write_pid_and_hold", str(who), str(gate))
        found = read_json(who)
        os.kill(found["server"], signal.SIGKILL)
        assert here.ear.await_end() == ""
        assert is_alive(found["pid"])
        with pytest.raises(AssertionError):
            here.start("nothing")
        gate.touch()
        assert read_json(tmp_path / "who.end") is True


def test_a_forked_child_of_the_kernel_keeps_no_server(tmp_path: Path) -> None:
    """A child that the kernel itself forks does not hold the sockets of a server."""
    with ward() as here:
        server = server_of(here, tmp_path)
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.read(reader, 1)
            os._exit(0)
        here.nursery.close()
        assert not is_alive(server)
        os.write(writer, b"x")
        os.waitpid(child, 0)
        for fd in (reader, writer):
            os.close(fd)
