"""The kernel's side of the fork server: starts it, asks it for processes, hears from them.

The kernel itself never forks: it has threads and sockets that a child could not bear.
"""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import socket
import subprocess
import sys
import tempfile
import threading
import weakref
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from xpmnb.errors import LauncherError
from xpmnb.launchers import fresh
from xpmnb.launchers.frames import MAX_REPORT_BYTES, parse_report, to_frame

if TYPE_CHECKING:
    from collections.abc import Sequence

_logger = logging.getLogger("xpmnb")

# A server that is told to end does so at once; one that cannot is killed after this time.
_PATIENCE_S = 2.0

_LOG_TAIL_BYTES = 2000


@dataclass(frozen=True, slots=True)
class Order:
    """One process, please. Immutable; any thread."""

    key: int
    """The kernel's number for the job."""
    body: bytes
    """The request, for the process."""
    environ: dict[str, str]
    """What the job wants to be added to the environment."""
    limit_s: float | None = None
    """After how many seconds it is killed; None for never."""
    grace_s: float = 0.0
    """How much of that is after the end of its walltime."""
    passed: tuple[int, ...] = ()
    """Descriptors that the process is to hold, such as locks."""


class Hearer(Protocol):
    """Hears of processes, in the thread that the nursery has for it."""

    def heard(self, report: dict[str, Any]) -> None:
        """Take a report of one process: ``"key"`` says which."""
        ...

    def ended(self, nursery: object, problem: str) -> None:
        """Take the news that nothing more will be heard from a nursery.

        The problem is empty, or says why no process could be started.
        """
        ...


class Context:
    """The environment and the search path of this process, as jobs are to find them. One thread."""

    def __init__(self) -> None:
        self._seen: tuple[dict[str, str], list[str], str] | None = None
        self.environ: dict[str, str] = {}
        self.path: list[str] = []

    def renew(self) -> bool:
        """Look again; tell whether anything has changed."""
        # Other threads may take variables away meanwhile.
        found = ((name, os.environ.get(name)) for name in list(os.environ))
        environ = {name: value for name, value in found if value is not None}
        seen = (environ, list(sys.path), _working_directory())
        if seen == self._seen:
            return False
        self._seen = seen
        self.environ = seen[0]
        # A relative path, or an empty one, is meant from here, and not from the job's directory.
        # In front of it might be anything but text: those are for hooks of this interpreter.
        self.path = [
            os.path.join(seen[2], path)  # noqa: PTH118 (what joins an empty path as well)
            for path in seen[1]
            if isinstance(path, str)
        ]
        return True


class Nursery:
    """A fork server of its own, for one life: it is started, used, and closed.

    A thread of this class, ``xpmnb-processes``, starts the server and hears from it; it ends
    with :meth:`close`, or when the server does. Processes live on.

    Parameters
    ----------
    entry : str
        The name of what each process calls: ``"module:function"``.
    preload : sequence of str
        Modules that the server imports.
    hearer : Hearer
        Told all news. It may close the nursery.

    Notes
    -----
    Any thread.
    """

    def __init__(self, entry: str, preload: Sequence[str], hearer: Hearer) -> None:
        self._entry = entry
        self._hearer = hearer
        self._preloads = bool(preload)
        self._lock = threading.Lock()
        self._context = Context()
        self._context.renew()
        self._born = self._context.environ
        self._requests, self._requests_there = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self._reports, self._reports_there = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._wake, self._waker = socket.socketpair()
        for end in (self._requests, self._reports, self._wake, self._waker):
            end.settimeout(0)
        self._unsent: deque[_Parcel] = deque()
        self._is_closing = False
        self._is_ready = False
        self._problem = ""
        self._send(self._context_frame())
        self._send(to_frame({"do": "warm", "preload": list(preload)}))
        self._thread = threading.Thread(target=self._live, name="xpmnb-processes", daemon=True)
        _nurseries.add(self)
        self._thread.start()

    def start(self, order: Order) -> bool:
        """Ask for a process, and return; False if this nursery has ended."""
        with self._lock:
            if self._is_closing:
                return False
            if self._context.renew():
                self._send(self._context_frame())
            wanted = {**self._context.environ, **order.environ}
            is_fresh = fresh.needs_fresh(wanted, self._born, preloaded=self._preloads)
            header = {
                "do": "start",
                "key": order.key,
                "limit_s": order.limit_s,
                "grace_s": order.grace_s,
                "passed": len(order.passed),
                "fresh": order.environ if is_fresh else None,
            }
            # Ours to close, whenever it is sent: the caller may close its own at once.
            passed = [os.dup(fd) for fd in order.passed]
            self._send(to_frame(header, order.body), passed)
        return True

    def stop(self, key: int, grace_s: float) -> None:
        """Ask a process to end, and let it be killed if it has not after the grace."""
        with self._lock:
            if not self._is_closing:
                self._send(to_frame({"do": "stop", "key": key, "grace_s": grace_s}))

    def close(self) -> None:
        """End the server, and wait for its end; processes live on. Calling it again is fine."""
        with self._lock:
            self._is_closing = True
        self._awake()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _context_frame(self) -> bytes:
        context = self._context
        return to_frame({"do": "context", "environ": context.environ, "path": context.path})

    def _send(self, data: bytes, passed: Sequence[int] = ()) -> None:
        """Send, now or when there is room. The lock is held, but at first."""
        self._unsent.append(_Parcel(memoryview(data), list(passed)))
        if len(self._unsent) == 1:
            self._send_waiting()
            if self._unsent:
                self._awake()

    def _send_waiting(self) -> None:
        """Send what waits, as far as there is room. The lock is held, but at first."""
        try:
            while self._unsent:
                self._unsent[0].send(self._requests)
                self._unsent.popleft()
        except BlockingIOError:
            return
        except OSError:  # the server is gone, as its thread is about to find out
            self._drop_unsent()

    def _drop_unsent(self) -> None:
        while self._unsent:
            self._unsent.popleft().drop()

    def _awake(self) -> None:
        # Full: it is awake. Closed: it has ended.
        with contextlib.suppress(OSError):
            self._waker.send(b"\0")

    def _live(self) -> None:
        """Start the server and hear from it until its end: the body of the thread."""
        with tempfile.TemporaryFile() as file:
            log = file.fileno()
            try:
                server = self._spawn(log)
            except (OSError, LauncherError) as error:
                self._problem = f"the fork server could not be started: {error}"
            else:
                self._talk(log)
                by_itself = not self._is_closing
                code = self._end(server)
                if by_itself and not self._is_ready and not self._problem:
                    self._problem = f"the fork server ended at its start, with code {code}"
            if self._problem:
                self._problem += tail_of(log)
        self._close_ends()
        self._hearer.ended(self, self._problem)

    def _spawn(self, log: int) -> subprocess.Popen[bytes]:
        ends = (self._requests_there, self._reports_there)
        fds = [end.fileno() for end in ends]
        arguments = [*map(str, fds), self._entry]
        command = fresh.command("xpmnb.launchers.forkserver", arguments, self._context.path)
        try:
            return subprocess.Popen(  # noqa: S603 (this Python, and our own words)
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                # Not ours: that may be a pipe whose reader waits for its end.
                stderr=log,
                # No mount is kept busy.
                cwd=os.sep,
                env=self._born,
                pass_fds=fds,
                # What is typed at the kernel's terminal is not for jobs.
                start_new_session=True,
            )
        finally:
            for end in ends:
                end.close()

    def _talk(self, log: int) -> None:
        """Hear from the server and from processes until one of the two sides ends it."""
        with selectors.DefaultSelector() as selector:
            for end in (self._reports, self._wake):
                selector.register(end, selectors.EVENT_READ)
            watched = selectors.EVENT_READ
            selector.register(self._requests, watched)
            while not self._is_closing:
                ready = {key.fileobj: events for key, events in selector.select()}
                is_over = ready.get(self._requests, 0) & selectors.EVENT_READ and self._is_gone()
                if self._wake in ready:
                    self._wake.recv(4096)
                if self._reports in ready or is_over:
                    self._hear(log)
                if is_over:
                    return
                with self._lock:
                    self._send_waiting()
                    wanted = selectors.EVENT_READ
                    if self._unsent:
                        wanted |= selectors.EVENT_WRITE
                if wanted != watched:
                    selector.modify(self._requests, wanted)
                    watched = wanted

    def _is_gone(self) -> bool:
        """Tell whether the server has ended: it never writes to the stream of requests."""
        try:
            return not self._requests.recv(1)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def _hear(self, log: int) -> None:
        """Pass on the reports that have come."""
        while not self._is_closing:
            try:
                line = self._reports.recv(2 * MAX_REPORT_BYTES)
                report = parse_report(line)
            except BlockingIOError:
                return
            except ValueError:
                _logger.warning("xpmnb cannot read what a process reports: %r", line[:80])
                continue
            if report["event"] == "ready":
                self._is_ready = True
            elif report["event"] == "unusable":
                self._problem = f"the fork server cannot import {report['module']}: "
                self._problem += report["message"]
            else:
                if report.get("code"):
                    # It may have failed before it had streams of its own.
                    report["log"] = tail_of(log)
                self._hearer.heard(report)

    def _end(self, server: subprocess.Popen[bytes]) -> int:
        """Let the server end, and wait for it; return its exit code."""
        with self._lock:
            self._is_closing = True
            self._requests.close()
        try:
            return server.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:  # in the midst of an import that lets no thread run
            server.kill()
            return server.wait()

    def _close_ends(self) -> None:
        with self._lock:
            self._is_closing = True
            self._drop_unsent()
        ends = (self._requests, self._requests_there, self._reports, self._reports_there)
        for end in (*ends, self._wake, self._waker):
            end.close()

    def _forget(self) -> None:
        """Give up, in a forked child of the kernel, what belongs to the kernel."""
        self._lock = threading.Lock()  # whoever held the other is not here
        self._is_closing = True
        for end in (self._requests, self._reports, self._wake, self._waker):
            end.close()


class _Parcel:
    """Bytes, and descriptors that go with them. Whoever has it sends or drops it."""

    __slots__ = ("_data", "_passed")

    def __init__(self, data: memoryview, passed: list[int]) -> None:
        self._data = data
        self._passed = passed

    def send(self, to: socket.socket) -> None:
        """Send what is left of it.

        Raises
        ------
        BlockingIOError
            If there is no room: call it again.
        """
        while self._data:
            if self._passed:
                sent = socket.send_fds(to, [self._data], self._passed)
                self.drop()
            else:
                sent = to.send(self._data)
            self._data = self._data[sent:]

    def drop(self) -> None:
        """Close the descriptors."""
        while self._passed:
            os.close(self._passed.pop())


def _working_directory() -> str:
    try:
        return os.getcwd()  # noqa: PTH109 (a str; for every job)
    except FileNotFoundError:  # deleted
        return os.sep


def tail_of(log: int) -> str:
    """Return the end of what was written to an open file, to be put at the end of a message."""
    size = os.fstat(log).st_size
    text = os.pread(log, _LOG_TAIL_BYTES, max(0, size - _LOG_TAIL_BYTES)).decode(errors="replace")
    return f"\n{text.strip()}" if text.strip() else ""


_nurseries: weakref.WeakSet[Nursery] = weakref.WeakSet()


def _forget_nurseries() -> None:
    # A forked child of the kernel, as multiprocessing makes them, would keep the server alive.
    for nursery in list(_nurseries):
        nursery._forget()  # noqa: SLF001 (of this file)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_nurseries)
