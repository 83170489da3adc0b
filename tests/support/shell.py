"""Job directories as jobs leave them, processes that run jobs, and the command ``xpmnb``."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.support.processes import DEADLINE_S, await_line, finish, start, write_script
from xpmnb.processes import HOST, session_of
from xpmnb.records.events import EndMarker, Event, Started
from xpmnb.records.journal import JournalWriter
from xpmnb.records.layout import JobLayout
from xpmnb.records.states import FailureReason
from xpmnb.records.workspace import WorkspaceRecords

_COMMAND = "from xpmnb.cli import main\nraise SystemExit(main(sys.argv[2:]))\n"

# A process that runs one job as a process launcher's child does: it holds the lock, has said who
# it is, and is alone in its session. What it does then is appended.
_RUNNER = """
import json
from xpmnb.processes import this_process
from xpmnb.records.events import EndMarker, Started
from xpmnb.records.files import PathLock, write_atomic
from xpmnb.records.journal import JournalWriter
from xpmnb.records.layout import JobLayout
from xpmnb.records.states import FailureReason

layout = JobLayout(sys.argv[2])
os.setsid()
os.makedirs(layout.hidden, exist_ok=True)
lock = PathLock(layout.lock)
assert lock.acquire()
Path(layout.params).write_text(json.dumps({"params": {}, "tags": {}}))
me = this_process()
journal = JournalWriter(layout.events)
journal.append(Started(time.time(), 1, "process", me.pid, me.host, me.started).to_json())

def end(reason=None, message=None):
    marker = EndMarker("error" if reason else "done", reason, message, attempt=1)
    path = layout.failed if reason else layout.done
    write_atomic(path, json.dumps(marker.to_json()).encode())
    lock.release()
"""

OBEYS = """
def stop(*_):
    end(FailureReason.CANCELLED, "asked to stop")
    raise SystemExit(1)

signal.signal(signal.SIGTERM, stop)
print("ready", flush=True)
while True:
    signal.pause()
"""
"""Cleans up and ends on SIGTERM."""

IGNORES = """
signal.signal(signal.SIGTERM, signal.SIG_IGN)
reading, writing = os.pipe()
if not os.fork():
    os.setpgid(0, 0)
    os.write(writing, b"x")
    while True:
        signal.pause()
os.read(reading, 1)
print("ready", flush=True)
while True:
    signal.pause()
"""
"""Does not end on SIGTERM, nor does its child, which has a process group of its own."""

DIES = """
signal.signal(signal.SIGTERM, signal.SIG_DFL)
print("ready", flush=True)
while True:
    signal.pause()
"""
"""Is ended by SIGTERM before it can record anything."""


def command(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start the command ``xpmnb`` in a process of its own."""
    script = folder / "command.py"
    if not script.exists():
        write_script(folder, _COMMAND, script.name)
    return start(script, folder, *arguments)


def finished(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Wait for the end of a command; return its exit code, its output and its errors."""
    out, err = finish(process)
    return process.returncode, out, err


@contextmanager
def runner(folder: Path, layout: JobLayout, body: str) -> Iterator[subprocess.Popen[str]]:
    """Start a process that runs a job; it is there when it has printed ``ready``."""
    process = start(write_script(folder, _RUNNER + body, "runner.py"), folder, layout.path)
    try:
        await_line(process, "ready")
        yield process
    finally:
        for pid in session_of(process.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        finish(process)


def until(holds: Callable[[], object]) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < deadline, "it did not come to hold"
        time.sleep(0.01)


def records_in(folder: Path) -> WorkspaceRecords:
    """Make an empty workspace."""
    records = WorkspaceRecords(folder)
    records.create()
    return records


def make_job(
    records: WorkspaceRecords, task: str = "nb.train", identifier: str = "0" * 64, **tags: Any
) -> JobLayout:
    """Make the directory of a job that has not begun."""
    layout = records.layout.job(task, identifier)
    os.makedirs(layout.hidden)
    params = {"params": {"lr": 0.1, "model.layers": 3}, "tags": tags}
    Path(layout.params).write_text(json.dumps(params))
    return layout


def begin(layout: JobLayout, *events: Event, time: float = 1e9, host: str = HOST) -> None:
    """Write the journal of a job that began."""
    journal = JournalWriter(layout.events)
    for event in (Started(time, 1, "thread", os.getpid(), host), *events):
        journal.append(event.to_json())
    journal.close()


def end(layout: JobLayout, reason: FailureReason | None = None, **values: Any) -> None:
    """Write the end marker of a job."""
    marker = EndMarker("error" if reason else "done", reason, ended=1e9 + 90, attempt=1, **values)
    path = layout.failed if reason else layout.done
    Path(path).write_text(json.dumps(marker.to_json()))
