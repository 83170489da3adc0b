"""Which process is meant: numbers that are given again, forks, and other machines."""

import os
import signal
import subprocess
import sys
from dataclasses import replace

import pytest

from xpmnb.processes import ProcessIdentity, is_running, session_of, started_of, this_process

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")

_FORK = """
import os
from xpmnb.processes import is_running, this_process
parent = this_process()
reading, writing = os.pipe()
child = os.fork()
if not child:
    os.write(writing, repr(this_process()).encode())
    os._exit(0)
from xpmnb.processes import ProcessIdentity
told = eval(os.read(reading, 1000))
print(told.pid == child, told.pid != parent.pid, told.host == parent.host)
# It has ended, and its parent has not noticed yet.
os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
print(is_running(told), is_running(parent))
os.waitpid(child, 0)
print(is_running(told))
"""


def test_this_process_runs() -> None:
    """The calling process is told by its number and its beginning, the same at each call."""
    here = this_process()
    assert here.pid == os.getpid()
    assert here == this_process()
    assert is_running(here) is True


def test_a_number_that_was_given_again_is_another_process() -> None:
    """A process of the same number that began at another time is not the one that was meant."""
    here = this_process()
    assert is_running(replace(here, started=here.started - 0.01)) is False
    assert is_running(replace(here, started=0.0)) is False


@pytest.mark.parametrize("pid", [-1, 0, 2**22 + 1])
def test_a_number_of_no_process_is_not_running(pid: int) -> None:
    """Numbers that no process has are answered, not an error."""
    here = this_process()
    assert is_running(replace(here, pid=pid)) is False


def test_another_machine_cannot_be_seen() -> None:
    """Of a process of another machine nothing is known."""
    assert is_running(replace(this_process(), host="elsewhere")) is None


@needs_fork
def test_a_forked_child_has_its_own_identity() -> None:
    """A child gets its own identity after a fork; once it has ended it does not run, reaped or not.

    In a process of its own: a fork beside threads of the tests would warn.
    """
    done = subprocess.run(
        [sys.executable, "-c", _FORK], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stdout.split("\n")[:3] == ["True True True", "False True", "False"], done.stderr


@needs_fork
def test_a_session_is_found_with_all_its_groups() -> None:
    """The members of a session are found, also those that began a process group of their own."""
    body = (
        "import os, sys, time\n"
        "reading, writing = os.pipe()\n"
        "if not os.fork():\n"
        "    os.setpgid(0, 0)\n"
        "    os.write(writing, b'x')\n"
        "    time.sleep(600)\n"
        "os.read(reading, 1)\n"
        "print('ready', flush=True)\n"
        "time.sleep(600)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", body], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        members = session_of(process.pid)
        assert process.pid in members
        assert len(members) == 2
    finally:
        for pid in session_of(process.pid):
            os.kill(pid, signal.SIGKILL)
        process.communicate(timeout=60)
    assert is_running(ProcessIdentity(process.pid, 0.0, this_process().host)) is False
    assert started_of(process.pid) is None


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere psutil is needed for it")
def test_identities_cost_no_library() -> None:
    """A job that notes its identity loads no library for it."""
    code = (
        "import sys; from xpmnb.processes import this_process, is_running; "
        "assert is_running(this_process()); print('psutil' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
