"""The fork server: a small process with one thread that forks the processes of jobs.

It is warm: what a job needs is imported before. It lives as long as the kernel's end of the
socket that brings requests; the processes that it has forked live on.
"""

from __future__ import annotations

import gc
import importlib
import os
import select
import selectors
import signal
import socket
import sys
import threading
import time
import traceback
import warnings
from collections import deque
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

# Jobs lock their directories with it; see records/files.py for why it is imported late there.
import filelock  # noqa: F401

from xpmnb.launchers import fresh
from xpmnb.launchers.child import FAILED, Reporter, leave, load_entry, reseed, run_entry
from xpmnb.launchers.deaths import OomCounter
from xpmnb.launchers.frames import MAX_PASSED, FrameReader, to_report
from xpmnb.records.claims import Holding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xpmnb.launchers.child import Entry

_RECEIVE_BYTES = 1 << 18

_COMMON = ("xpmnb.experiments", "xpmnb.bars", "asyncio")
"""What the modules of tasks often import, although the processes of jobs do not use it."""


@dataclass(slots=True)
class _Child:
    """A process that runs a job, as its parent sees it."""

    key: int
    ooms: int
    """The count of kills for memory when it was forked."""
    kill_at: float | None = None
    """When it is killed, on the monotonic clock; None for never."""
    cause: str = "walltime"
    """What it will have been killed for."""
    waited_s: float = 0.0
    """How long it will have been waited for by then."""
    asked: str | None = None
    """Why it was asked, or forced, to end; None if it was not."""


class _Outbox:
    """Sends reports, now or when there is room: the server must not be held up. One thread."""

    __slots__ = ("_selector", "_socket", "_unsent")

    def __init__(self, reports: socket.socket, selector: selectors.BaseSelector) -> None:
        self._socket = reports
        self._selector = selector
        self._unsent: deque[bytes] = deque()

    def tell(self, report: dict[str, Any]) -> None:
        """Send a report."""
        self._unsent.append(to_report(report))
        if len(self._unsent) == 1:
            self._send()
            if self._unsent:
                self._selector.register(self._socket, selectors.EVENT_WRITE, self._send_waiting)

    def _send(self) -> None:
        try:
            while self._unsent:
                self._socket.send(self._unsent[0])
                self._unsent.popleft()
        except BlockingIOError:
            return
        except OSError:  # the kernel is gone; the end of the requests says so too
            self._unsent.clear()

    def _send_waiting(self) -> None:
        self._send()
        if not self._unsent:
            self._selector.unregister(self._socket)


class ForkServer:
    """Forks a process for each request to start, reaps it, and reports its end.

    One thread, and the main one: signals are for it.

    Parameters
    ----------
    requests : socket.socket
        The stream that brings frames, and descriptors with them.
    reports : socket.socket
        Where reports go, one datagram each.
    entry : str
        The name of what a child calls: ``"module:function"``.
    """

    def __init__(self, requests: socket.socket, reports: socket.socket, entry: str) -> None:
        self._requests = requests
        self._reports = reports
        self._entry_name = entry
        self._entry: Entry | None = None
        self._frames = FrameReader()
        self._passed: deque[int] = deque()
        self._children: dict[int, _Child] = {}
        self._is_open = True
        self._ooms = OomCounter()
        self._wake, self._waker = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        self._outbox = _Outbox(reports, self._selector)

    def serve(self) -> None:
        """Do what is asked for, until the kernel is gone or closes its end."""
        for end in (self._requests, self._reports, self._wake, self._waker):
            end.settimeout(0)
        signal.signal(signal.SIGCHLD, _do_nothing)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        self._selector.register(self._requests, selectors.EVENT_READ, self._hear)
        self._selector.register(self._wake, selectors.EVENT_READ, self._reap)
        while self._is_open:
            for key, _ in self._selector.select(self._patience_s()):
                key.data()
            self._kill_overdue()

    def _hear(self) -> None:
        """Take what has come of the requests."""
        try:
            data, passed, _, _ = socket.recv_fds(self._requests, _RECEIVE_BYTES, MAX_PASSED)
        except BlockingIOError:
            return
        except OSError:
            data, passed = b"", []
        for fd in passed:
            os.set_inheritable(fd, False)  # noqa: FBT003 (its only form)
        self._passed += passed
        if not data:
            self._is_open = False
        for header, body in self._frames.feed(data):
            if header["do"] == "start":
                self._start(header, body)
            elif header["do"] == "stop":
                self._stop(header["key"], header["grace_s"])
            elif header["do"] == "context":
                self._take_context(header)
            elif header["do"] == "warm" and not self._warm_up(header["preload"]):
                self._is_open = False
                return

    @staticmethod
    def _take_context(header: dict[str, Any]) -> None:
        """Take the environment and the search path of the kernel, for the children to come."""
        wanted = header["environ"]
        for name in os.environ.keys() - wanted.keys():
            del os.environ[name]
        for name, value in wanted.items():
            if os.environ.get(name) != value:
                os.environ[name] = value
        sys.path[:] = header["path"]
        importlib.invalidate_caches()

    def _warm_up(self, preload: list[str]) -> bool:
        """Import what all jobs need; tell whether that went well."""
        with _ending_with(self._requests):
            for name in [*_COMMON, *preload, self._entry_name]:
                try:
                    if name is self._entry_name:
                        self._entry = load_entry(name)
                    else:
                        importlib.import_module(name)
                except BaseException as error:  # noqa: BLE001 (the code of others; reported)
                    traceback.print_exc()
                    words = f"{type(error).__name__}: {error}"
                    self._outbox.tell({"event": "unusable", "module": name, "message": words})
                    return False
        gc.collect()
        # Collections in a child would write to, and so copy, what it shares with this process.
        gc.freeze()
        self._outbox.tell({"event": "ready"})
        return True

    def _start(self, header: dict[str, Any], body: bytes) -> None:
        """Fork a process for a job."""
        passed = [self._passed.popleft() for _ in range(header["passed"])]
        child = _Child(header["key"], self._ooms.count(), waited_s=header["grace_s"])
        if header["limit_s"] is not None:
            child.kill_at = time.monotonic() + header["limit_s"]
        sys.stdout.flush()
        sys.stderr.flush()
        try:
            pid = _fork()
        except OSError as error:
            self._outbox.tell({"key": child.key, "event": "refused", "message": str(error)})
        else:
            if pid == 0:
                self._live(header, body, passed)
            self._children[pid] = child
        for fd in passed:
            os.close(fd)

    def _live(self, header: dict[str, Any], body: bytes, passed: list[int]) -> NoReturn:
        """Be the child: nothing may come back from here."""
        code = FAILED
        try:
            os.setsid()
            self._forget_server()
            if header["fresh"] is not None:
                self._begin_anew(header, body, passed)
            Holding.adopt(passed)
            reseed()
            # As in a program that was started by itself.
            sys.argv = ["-c"]
            report = Reporter(self._reports.fileno(), header["key"])
            code = run_entry(self._entry or load_entry(self._entry_name), body, report)
        except BaseException:  # noqa: BLE001 (the process is to end whatever it was; recorded)
            traceback.print_exc()
        finally:
            leave(code)

    def _forget_server(self) -> None:
        """Give up, in the child, what belongs to the server."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        self._selector.close()
        self._ooms.close()
        for end in (self._requests, self._wake, self._waker):
            end.close()
        # They came for jobs that are forked next: a lock would be held by the wrong process.
        for fd in self._passed:
            os.close(fd)

    def _begin_anew(self, header: dict[str, Any], body: bytes, passed: list[int]) -> NoReturn:
        """Become a fresh interpreter, with the same streams of reports and the same descriptors."""
        arguments = [self._entry_name, str(header["key"]), *map(str, passed)]
        command = fresh.command("xpmnb.launchers.fresh", arguments, sys.path)
        request = fresh.file_with(body)
        os.dup2(request, 0)
        os.dup2(self._reports.fileno(), 1)
        for fd in passed:
            os.set_inheritable(fd, True)  # noqa: FBT003
        os.execve(command[0], command, {**os.environ, **header["fresh"]})  # noqa: S606 (ours)

    def _stop(self, key: int, grace_s: float) -> None:
        """Ask a process to end, and kill it if it does not."""
        for pid, child in self._children.items():
            if child.key == key:
                if child.asked is None:
                    child.asked = "stop"
                    overdue = time.monotonic() + grace_s
                    if child.kill_at is None or overdue < child.kill_at:
                        child.kill_at, child.cause, child.waited_s = overdue, "stop", grace_s
                os.kill(pid, signal.SIGTERM)

    def _kill_overdue(self) -> None:
        """Kill the processes whose time is up, with all that they have started."""
        now = time.monotonic()
        for pid, child in self._children.items():
            if child.kill_at is not None and child.kill_at <= now:
                child.kill_at, child.asked = None, child.cause
                _kill_group(pid, signal.SIGKILL)
                os.kill(pid, signal.SIGKILL)

    def _patience_s(self) -> float | None:
        """Return how long there is nothing to do but to listen."""
        times = [child.kill_at for child in self._children.values() if child.kill_at is not None]
        return max(0.0, min(times) - time.monotonic()) if times else None

    def _reap(self) -> None:
        """Take leave of the children that have ended."""
        with suppress(BlockingIOError):
            while len(self._wake.recv(4096)) == 4096:  # noqa: PLR2004 (as many as were asked for)
                pass
        with suppress(ChildProcessError):
            while True:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
                if pid == 0:
                    return
                child = self._children.pop(pid, None)
                if child is not None:
                    self._report_end(pid, child, status, usage.ru_maxrss)

    def _report_end(self, pid: int, child: _Child, status: int, max_rss: int) -> None:
        if child.asked is not None:
            # What it has started and left behind was meant as well.
            _kill_group(pid, signal.SIGTERM)
        self._outbox.tell(
            {
                "key": child.key,
                "event": "exited",
                "code": os.waitstatus_to_exitcode(status),
                "asked": child.asked,
                "waited_s": child.waited_s,
                "oom": self._ooms.count() > child.ooms,
                # The unit of getrusage(2) is one byte on macOS.
                "memory_bytes": max_rss if sys.platform == "darwin" else max_rss * 1024,
            }
        )


def _fork() -> int:
    """Fork without a word about threads: those of preloaded libraries are their own affair."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _kill_group(pid: int, number: int) -> None:
    # It has no group before its first call, or none any more; some systems protect the dead.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _do_nothing(*_: object) -> None:
    """Handle a signal that is only to wake the loop."""


@contextmanager
def _ending_with(peer: socket.socket) -> Iterator[None]:
    """End this process as soon as the other end of a socket is closed, while the body runs.

    The body imports what may take minutes. The thread that watches ends with it, so that this
    process has one thread when it forks.
    """
    over, end = os.pipe()
    thread = threading.Thread(target=_watch, args=(peer, over), daemon=True)
    thread.start()
    try:
        yield
    finally:
        os.close(end)
        thread.join()
        os.close(over)


def _watch(peer: socket.socket, over: int) -> None:
    poll = select.poll()
    poll.register(peer, 0)  # nothing but its end
    poll.register(over, 0)
    for fd, _ in poll.poll():
        if fd == peer.fileno():
            os._exit(1)


def main(arguments: list[str]) -> None:
    """Serve a kernel until it is gone.

    Parameters
    ----------
    arguments : list of str
        The descriptors of the requests and of the reports, and the entry.
    """
    requests, reports, entry = arguments
    sys.argv = ["-c"]
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    ends = socket.socket(fileno=int(requests)), socket.socket(fileno=int(reports))
    for end in ends:
        end.set_inheritable(False)  # it was made so to come here
    ForkServer(*ends, entry).serve()
    # Nothing is left to take apart, and preloaded libraries may have threads that hang.
    os._exit(0)
