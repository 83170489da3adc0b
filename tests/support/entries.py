"""What processes do in the tests of the process launcher: entries, and requests for them."""

import atexit
import fcntl
import json
import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from xpmnb.scheduler.requests import JobRequest, Terms

ENTRY = "tests.support.entries:run"
POLL_S = 0.005
# No test waits so long; a process that a failed test leaves behind ends by itself.
LONG_S = 90

Report = Callable[[dict[str, Any]], None]


def request(action: str, *arguments: Any, **terms: Any) -> JobRequest:
    """Return the request that lets a process do an action of this file."""
    return JobRequest(action, json.dumps(arguments), "", Terms(**terms))


def run(asked: JobRequest, report: Report) -> int:
    """Do the action of a request: the entry."""
    report({"event": "begun", "time": time.time()})
    action = globals()[f"do_{asked.path}"]
    result = action(*json.loads(asked.record))
    outcome = {"state": ["done", None], "result": result, "message": "", "attempt": 1}
    report({"event": "ended", "outcome": outcome})
    return 0


def write(path: str, value: Any) -> None:
    """Write JSON that appears at once."""
    Path(f"{path}~").write_text(json.dumps(value))
    Path(f"{path}~").rename(path)


def hold(path: str) -> None:
    """Wait until a file exists."""
    until = time.monotonic() + LONG_S
    while not Path(path).exists() and time.monotonic() < until:
        time.sleep(POLL_S)


def do_nothing() -> None:
    """Do nothing."""


def do_give(value: Any) -> Any:
    """Return a value."""
    return value


def do_fill(size: int) -> str:
    """Return a string of that size."""
    return "x" * size


def do_exit(code: int) -> None:
    """End without a word."""
    os._exit(code)


def do_die(number: int) -> None:
    """Die by a signal."""
    # No core file is left in the working directory.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.kill(os.getpid(), number)
    threading.Event().wait(LONG_S)


def do_raise() -> None:
    """Raise what no entry should."""
    message = "not caught by the entry"
    raise RuntimeError(message)


def do_write_pid_and_hold(path: str, gate: str) -> None:
    """Say who this is, wait for a file, and say that it came."""
    write(path, {"pid": os.getpid(), "sid": os.getsid(0), "server": os.getppid()})
    hold(gate)
    write(f"{path}.end", True)


def do_ignore_sigterm(path: str) -> None:
    """Ignore the request to stop, for long."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    write(path, os.getpid())
    threading.Event().wait(LONG_S)


def do_leave_sleeper(path: str) -> None:
    """Start a process, and wait for long."""
    sleeper = subprocess.Popen(["/bin/sleep", str(LONG_S)])
    write(path, sleeper.pid)
    sleeper.wait()


def do_fork_and_exit(path: str) -> None:
    """Leave a forked child behind that waits for long."""
    child = os.fork()
    if child == 0:
        threading.Event().wait(LONG_S)
    write(path, child)


def do_draw() -> list[float]:
    """Draw random numbers."""
    import numpy as np  # noqa: PLC0415 (only some of these processes need it)

    return [random.random(), float(np.random.random())]  # noqa: S311, NPY002 (the global ones are meant)


def do_look_around(*names: str) -> dict[str, Any]:
    """Return some variables of the environment, and the search path."""
    return {
        "environ": {name: os.environ.get(name) for name in names},
        "path": sys.path,
        "fresh": "xpmnb.launchers.forkserver" not in sys.modules,
        "hash_seed": hash("x"),
        "stdin": os.read(0, 1).decode(),
        "argv": sys.argv,
    }


def do_say_at_exit(path: str) -> None:
    """Register what is to be done at the end, and leave a thread that ends later."""
    atexit.register(write, path, "at exit")
    threading.Timer(POLL_S, write, (f"{path}.thread", 1)).start()


def do_list_descriptors() -> list[str]:
    """Return what each descriptor above the standard ones leads to."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2:
            try:
                found.append(os.readlink(f"/proc/self/fd/{name}"))
            except FileNotFoundError:  # that of the listing itself
                continue
    return found


def do_close_all_and_write(path: str) -> None:
    """Close every descriptor, as daemons do, and open a file in their place."""
    os.closerange(3, 256)
    files = [Path(f"{path}.{number}").open("w") for number in range(12)]  # noqa: SIM115
    for file in files:
        atexit.register(file.close)


def is_flocked(path: Path) -> bool:
    """Tell whether somebody holds the lock of a file."""
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False
