"""Kernels that end, are killed or are interrupted, and what becomes of server and processes."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.entries import is_flocked
from tests.support.nurseries import await_true, is_alive, read_json
from tests.support.processes import await_line, finish, start

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs fork and /proc")

# A kernel with a process that holds a lock until a gate opens.
_KERNEL = """\
import fcntl, os, sys, threading
from tests.support.nurseries import Ward
root, fork, preload = sys.argv[1], sys.argv[2] == "fork", sys.argv[3:]
here = Ward(preload, fork=fork)
lock = open(f"{root}/lock", "w")
fcntl.flock(lock, fcntl.LOCK_EX)
here.start("write_pid_and_hold", f"{root}/who", f"{root}/open", passed=(lock.fileno(),))
lock.close()
if not preload:
    here.ear.wait(1, "begun")
try:
    print("ready", flush=True)
    threading.Event().wait(60)
except KeyboardInterrupt:
    print("interrupted", flush=True)
if not fork:  # else its end would be that of the test
    here.nursery.close()
sys.stdin.readline()
"""


@contextmanager
def kernel(root: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Give a kernel that has started its process."""
    script = root / "kernel.py"
    script.write_text(_KERNEL)
    process = start(script, root, *arguments)
    try:
        await_line(process, "ready")
        yield process
    finally:
        process.kill()
        finish(process)


def test_the_death_of_the_kernel_ends_the_server_only(tmp_path: Path) -> None:
    """After kill -9 of the kernel the server ends; the process goes on, and keeps its lock."""
    with kernel(tmp_path, "fork") as process:
        who = read_json(tmp_path / "who")
        process.kill()
        process.wait()
        await_true(lambda: not is_alive(who["server"]), "the end of the server")
        assert is_alive(who["pid"])
        assert is_flocked(tmp_path / "lock")
        (tmp_path / "open").touch()
        assert read_json(tmp_path / "who.end") is True
        await_true(lambda: not is_flocked(tmp_path / "lock"), "the end of the lock")
        await_true(lambda: not is_alive(who["pid"]), "the end of the process")


def test_a_fresh_process_outlives_the_kernel(tmp_path: Path) -> None:
    """Without a server, too, a process goes on after the kernel was killed, and keeps its lock."""
    with kernel(tmp_path, "fresh") as process:
        who = read_json(tmp_path / "who")
        process.kill()
        process.wait()
        assert is_alive(who["pid"])
        assert is_flocked(tmp_path / "lock")
        (tmp_path / "open").touch()
        assert read_json(tmp_path / "who.end") is True
        await_true(lambda: not is_flocked(tmp_path / "lock"), "the end of the lock")


def test_no_server_is_left_when_the_kernel_dies_during_a_preload(tmp_path: Path) -> None:
    """A kernel that is killed while its server imports leaves no server."""
    (tmp_path / "xpmnb_slow.py").write_text(
        "import json, os, threading\n"
        f"open({str(tmp_path / 'pid~')!r}, 'w').write(str(os.getpid()))\n"
        f"os.rename({str(tmp_path / 'pid~')!r}, {str(tmp_path / 'pid')!r})\n"
        "threading.Event().wait()\n"
    )
    with kernel(tmp_path, "fork", "xpmnb_slow") as process:
        server = read_json(tmp_path / "pid")
        process.kill()
        process.wait()
        await_true(lambda: not is_alive(server), "the end of the server")


@pytest.mark.parametrize("way", ["fork", "fresh"])
def test_an_interrupt_reaches_the_kernel_only(tmp_path: Path, way: str) -> None:
    """SIGINT to all of the kernel's process group reaches neither server nor process."""
    script = tmp_path / "kernel.py"
    script.write_text(_KERNEL)
    process = subprocess.Popen(
        [sys.executable, str(script), str(tmp_path), way],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        process_group=0,
    )
    try:
        await_line(process, "ready")
        who: dict[str, Any] = read_json(tmp_path / "who")
        os.killpg(process.pid, signal.SIGINT)
        await_line(process, "interrupted")
        assert is_alive(who["pid"])
        assert is_alive(who["server"])
        (tmp_path / "open").touch()
        assert read_json(tmp_path / "who.end") is True
    finally:
        process.kill()
        process.communicate()


def test_two_kernels_live_side_by_side(tmp_path: Path) -> None:
    """The death of one kernel is nothing to the server and the process of another."""
    roots = [tmp_path / "one", tmp_path / "other"]
    for root in roots:
        root.mkdir()
    with kernel(roots[0], "fork") as one, kernel(roots[1], "fork"):
        who = [read_json(root / "who") for root in roots]
        one.kill()
        one.wait()
        await_true(lambda: not is_alive(who[0]["server"]), "the end of the server")
        assert is_alive(who[1]["server"])
        assert is_alive(who[1]["pid"])
        for root in roots:
            (root / "open").touch()
            assert read_json(root / "who.end") is True


def test_an_exit_of_the_kernel_leaves_no_server(tmp_path: Path) -> None:
    """A kernel that ends without closing anything leaves its process, and no server."""
    script = tmp_path / "kernel.py"
    script.write_text(_KERNEL.replace("threading.Event().wait(60)", "sys.exit()"))
    process = start(script, tmp_path, "fork")
    out, err = finish(process)
    assert (process.returncode, out.strip(), err) == (0, "ready", "")
    who = read_json(tmp_path / "who")
    await_true(lambda: not is_alive(who["server"]), "the end of the server")
    assert is_alive(who["pid"])
    (tmp_path / "open").touch()
    assert read_json(tmp_path / "who.end") is True
