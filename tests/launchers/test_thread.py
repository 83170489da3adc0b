"""Jobs in threads of the kernel: own directory, own streams, and every way to end."""

import io
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from tests.support.doing import Doing, actions, do
from tests.support.running import DEADLINE_S, Echo, Held, gates, running, scheduler_threads
from xpmnb import JobState, Param, Task, ThreadLauncher, streams
from xpmnb.errors import LauncherError
from xpmnb.scheduler.jobs import Job


def out(job: Job) -> str:
    """Return what a job printed."""
    return job.stdout.read_text(encoding="utf-8")


def say(*words: object) -> None:
    """Print, as the code of a task does."""
    print(*words)  # noqa: T201


def test_a_job_works_in_its_own_directory(tmp_path: Path) -> None:
    """The working directory of a job, of its threads and of its processes is its own."""

    def look(task: Any) -> dict[str, str]:
        found: dict[str, str] = {"job": os.getcwd(), "task": str(task.__taskdir__)}
        inner = threading.Thread(target=lambda: found.update(thread=os.getcwd()))
        inner.start()
        inner.join()
        code = "import os; print(os.getcwd())"
        child = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
        found["process"] = child.stdout.decode().strip()
        Path("relative.txt").write_text("here")
        return found

    before = Path.cwd()
    with running(tmp_path):
        job = do(look)
        assert set(job.result().values()) == {str(job.path)}
        assert (job.path / "relative.txt").read_text() == "here"
        assert Path.cwd() == before


def test_jobs_in_different_directories_run_at_once(tmp_path: Path) -> None:
    """Each of the jobs that run at the same time stays in its directory, and so does the kernel."""
    barrier = threading.Barrier(3)

    class Meets(Task):
        x: Param[int]

        def execute(self) -> bool:
            barrier.wait(DEADLINE_S)
            Path("mine").write_text(str(self.x))
            barrier.wait(DEADLINE_S)
            return Path("mine").read_text() == str(self.x)

    before = Path.cwd()
    with running(tmp_path, max_jobs=3):
        jobs = [Meets.C(x=x).submit().job for x in range(3)]
        assert [job.result(DEADLINE_S) for job in jobs] == [True] * 3
        assert [(job.path / "mine").read_text() for job in jobs] == ["0", "1", "2"]
        assert Path.cwd() == before


def test_a_job_may_change_its_directory(tmp_path: Path) -> None:
    """os.chdir in a job moves that job alone; the next one begins in its own directory."""
    before = Path.cwd()
    with running(tmp_path, max_jobs=1):
        moved = do(lambda _: os.chdir("/"), "moves")
        stays = do(lambda _: os.getcwd(), "stays")
        assert moved.state == JobState.DONE
        assert stays.result() == str(stays.path)
        assert Path.cwd() == before


def test_prints_go_to_the_files_of_the_job(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a job and its threads print is in its .out and .err, and not in the kernel's."""

    def talk(_: Any) -> None:
        say("from the job")
        sys.stderr.write("to the errors\n")
        inner = threading.Thread(target=say, args=("from a thread",))
        inner.start()
        inner.join()
        with ThreadPoolExecutor(1) as pool:
            pool.submit(say, "from a pool").result()
        nested = threading.Thread(
            target=lambda: threading.Thread(target=say, args=("from deep",)).start()
        )
        nested.start()
        nested.join()
        sys.stdout.writelines(["some\n", "lines\n"])
        sys.stdout.flush()

    with running(tmp_path):
        say("from the kernel, before")
        job = do(talk)
        say("from the kernel, after")
        deep = out(job).replace("from deep\n", "")
        assert deep == "from the job\nfrom a thread\nfrom a pool\nsome\nlines\n"
        assert job.stderr.read_text() == "to the errors\n"
    captured = capsys.readouterr()
    assert captured.out == "from the kernel, before\nfrom the kernel, after\n"
    assert captured.err == ""


def test_the_streams_of_the_kernel_are_put_back(tmp_path: Path) -> None:
    """After the last experiment is closed, sys.stdout and Thread.start are what they were."""
    before = sys.stdout, sys.stderr, threading.Thread.start
    with running(tmp_path):
        with running(tmp_path, "inner"):
            Echo.C(x=1).submit().job.wait(DEADLINE_S)
        Echo.C(x=2).submit().job.wait(DEADLINE_S)
        assert sys.stdout.encoding == before[0].encoding
    assert (sys.stdout, sys.stderr, threading.Thread.start) == before


def test_prints_of_two_jobs_do_not_mix(tmp_path: Path) -> None:
    """Two jobs that print at the same time fill one file each."""
    barrier = threading.Barrier(2)

    class Chatty(Task):
        x: Param[int]

        def execute(self) -> None:
            barrier.wait(DEADLINE_S)
            for number in range(3000):
                say(self.x, number)

    with running(tmp_path, max_jobs=2):
        jobs = [Chatty.C(x=x).submit().job for x in range(2)]
        for x, job in enumerate(jobs):
            assert job.wait(DEADLINE_S) == JobState.DONE
            assert out(job) == "".join(f"{x} {number}\n" for number in range(3000))


def test_a_capture_of_the_cell_that_submits_ends_with_it(tmp_path: Path) -> None:
    """A job submitted under redirect_stdout prints to its file once the redirection is over."""
    taken = io.StringIO()
    with redirect_stdout(taken):
        opened = running(tmp_path, max_jobs=1)
        xp = opened.__enter__()
        Held.C(key="a").submit()
        job = Echo.C(x=7).submit().job
        gates.await_begin("a")
    try:
        gates.open("a")
        xp.wait(DEADLINE_S)
        assert out(job) == "echo 7\n"
        assert taken.getvalue() == ""
    finally:
        opened.__exit__(None, None, None)


def test_a_big_print_without_a_newline_is_kept(tmp_path: Path) -> None:
    """Twenty megabytes on one line, and a last line without an end, are in the file."""
    size = 20 * 1024 * 1024

    def talk(_: Any) -> None:
        sys.stdout.write("x" * size)
        say("y", "z")
        sys.stdout.write("end")

    with running(tmp_path):
        job = do(talk)
        assert job.state == JobState.DONE
        assert job.stdout.stat().st_size == size + len("y z\nend")


def test_text_that_is_no_unicode_is_kept_readable(tmp_path: Path) -> None:
    """Lone surrogates are written as escapes, and bytes as they are."""

    def talk(_: Any) -> None:
        say("broken \udc80 é")
        sys.stdout.flush()
        sys.stdout.buffer.write(b"\xff raw\n")

    with running(tmp_path):
        job = do(talk)
        assert job.state == JobState.DONE
        assert job.stdout.read_bytes() == b"broken \\udc80 \xc3\xa9\n\xff raw\n"


def test_a_job_may_close_its_stdout(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A job that closes sys.stdout and sys.stderr closes its own, and may still print."""

    def close(_: Any) -> int:
        say("before")
        sys.stdout.close()
        sys.stderr.close()
        say("after")
        return 1

    with running(tmp_path):
        job = do(close)
        assert job.result() == 1
        assert out(job) == "before\n"
        assert out(do(lambda _: say("the next job"), "next")) == "the next job\n"
        say("the kernel")
    assert capsys.readouterr().out == "the kernel\n"


def test_a_thread_that_a_job_leaves_behind_is_harmless(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a thread prints after its job has ended goes nowhere: not to the next attempt."""
    left: list[threading.Thread] = []

    def leave(_: Any) -> None:
        say("first")

        def late() -> None:
            gates["late"].wait(DEADLINE_S)
            print("late", flush=True)  # noqa: T201
            gates["said"].set()

        left.append(threading.Thread(target=late))
        left[0].start()

    with running(tmp_path):
        job = do(leave)
        gates["late"].set()
        left[0].join(DEADLINE_S)
        assert gates["said"].is_set()
        assert out(job) == "first\n"
    assert capsys.readouterr().out == ""


def test_the_system_may_refuse_private_directories(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where threads cannot have a directory of their own, submitting says so, and what to do."""
    monkeypatch.setattr(streams, "_probed", ["Operation not permitted"])
    with running(tmp_path, launcher=ThreadLauncher()):
        with pytest.raises(LauncherError, match=r"ThreadLauncher\(shared_cwd=True\)"):
            Echo.C(x=1).submit()
        shared = ThreadLauncher(shared_cwd=True)
        actions["it"] = lambda task: [os.getcwd(), str(task.__taskdir__)]
        job = Doing.C(what="it").submit(launcher=shared).job
        assert job.result(DEADLINE_S) == [os.getcwd(), str(job.path)]
    assert repr(shared) == "ThreadLauncher(shared_cwd=True)"


def test_the_thread_of_a_job_ends_with_it(tmp_path: Path) -> None:
    """When no job runs and all are closed, no thread of xpmnb is left."""
    with running(tmp_path, max_jobs=3) as xp:
        for x in range(10):
            Echo.C(x=x).submit()
        xp.wait(DEADLINE_S)
    assert scheduler_threads() == []


def test_the_umask_of_a_job_is_its_own(tmp_path: Path) -> None:
    """A task that changes the umask changes it for nobody else, though threads are used again."""

    class Hides(Task):
        x: Param[int]

        def execute(self) -> None:
            os.umask(0o077)

    class Writes(Task):
        x: Param[int]

        def execute(self) -> None:
            Path("seen.txt").write_text("seen", encoding="utf-8")

    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    with running(tmp_path, max_jobs=1) as xp:
        jobs = [kind.C(x=x).submit().job for x in range(3) for kind in (Hides, Writes)]
        xp.wait(DEADLINE_S)
    for job in jobs:
        assert mode(job.path) == mode(tmp_path / "folder")
        assert mode(job.path / f"{job.name}.done") == mode(tmp_path / "file")
    for job in jobs[1::2]:
        assert mode(job.path / "seen.txt") == mode(tmp_path / "file")


@pytest.mark.parametrize("shared", ["a", 1, None])
def test_a_wrong_option_is_refused(shared: Any) -> None:
    """shared_cwd is a bool; all else is refused with what is expected."""
    with pytest.raises(TypeError, match=r"ThreadLauncher\(shared_cwd=.*\): give True or False"):
        ThreadLauncher(shared_cwd=shared)


def mode(path: Path) -> int:
    """Return the permissions of a file or folder."""
    return path.stat().st_mode & 0o777
