"""Processes without a fork: a fresh interpreter for each job, started by the kernel itself."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from xpmnb.launchers import fresh
from xpmnb.launchers.deaths import OomCounter
from xpmnb.launchers.frames import parse_report
from xpmnb.launchers.nursery import Context, tail_of

if TYPE_CHECKING:
    from xpmnb.launchers.nursery import Hearer, Order

if sys.platform != "win32":
    import signal


class Interpreters:
    """Does what a :class:`~xpmnb.launchers.nursery.Nursery` does, where nothing can be forked.

    Each process has a thread, ``xpmnb-process-<key>``, that starts it and hears from it until it
    ends. :meth:`close` waits for none of them: processes live on.

    Parameters
    ----------
    entry : str
        The name of what each process calls: ``"module:function"``.
    hearer : Hearer
        Told all news, in the threads of the processes.

    Notes
    -----
    Any thread.
    """

    def __init__(self, entry: str, hearer: Hearer) -> None:
        self._entry = entry
        self._hearer = hearer
        self._lock = threading.Lock()
        self._context = Context()
        self._processes: dict[int, _Process] = {}
        self._is_closing = False

    def start(self, order: Order) -> bool:
        """Start a process, and return; False if this object was closed."""
        with self._lock:
            if self._is_closing:
                return False
            self._context.renew()
            environ = {**self._context.environ, **order.environ}
            process = _Process(order, environ, self)
            arguments = [self._entry, str(order.key), *map(str, process.passed)]
            process.command = fresh.command("xpmnb.launchers.fresh", arguments, self._context.path)
            self._processes[order.key] = process
        process.thread.start()
        return True

    def stop(self, key: int, grace_s: float) -> None:
        """Ask a process to end, and let it be killed if it has not after the grace."""
        with self._lock:
            process = self._processes.get(key)
        if process is not None:
            process.stop(grace_s)

    def close(self) -> None:
        """Start nothing more, and say nothing more; processes live on."""
        with self._lock:
            if self._is_closing:
                return
            self._is_closing = True
        self._hearer.ended(self, "")

    def hear(self, report: dict[str, Any]) -> None:
        """Pass on a report."""
        if not self._is_closing:
            self._hearer.heard(report)

    def forget(self, key: int) -> None:
        """Give up a process that has ended."""
        with self._lock:
            self._processes.pop(key, None)


class _Process:
    """A fresh interpreter, the thread that hears from it, and its deadlines. Any thread."""

    def __init__(self, order: Order, environ: dict[str, str], owner: Interpreters) -> None:
        self._order = order
        self._environ = environ
        self._owner = owner
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._timers: list[threading.Timer] = []
        self._asked: str | None = None
        self._waited_s = order.grace_s
        self._has_ended = False
        self.command: list[str] = []
        """What is executed."""
        self.passed = [os.dup(fd) for fd in order.passed]
        """The descriptors that go with it: ours to close, as the caller may close its own."""
        self.thread = threading.Thread(
            target=self._live, name=f"xpmnb-process-{order.key}", daemon=True
        )

    def stop(self, grace_s: float) -> None:
        """Ask it to end, and kill it if it has not after the grace."""
        with self._lock:
            is_first = self._asked is None
            self._asked = self._asked or "stop"
            if self._process is not None:
                self._process.terminate()
        if is_first:
            self._kill_after(grace_s, "stop", grace_s)

    def _kill_after(self, delay_s: float, cause: str, waited_s: float) -> None:
        timer = threading.Timer(delay_s, self._kill, (cause, waited_s))
        timer.daemon = True
        with self._lock:
            if not self._has_ended:
                self._timers.append(timer)
                timer.start()

    def _kill(self, cause: str, waited_s: float) -> None:
        """Kill the process, with all that it has started: the body of a timer."""
        with self._lock:
            process = self._process
            if process is None or self._has_ended:
                return
            self._asked, self._waited_s = cause, waited_s
            _signal_group(process, kill=True)
            process.kill()

    def _live(self) -> None:
        """Start the process and hear from it until its end: the body of the thread."""
        key = self._order.key
        ooms = OomCounter()
        before = ooms.count()
        try:
            with tempfile.TemporaryFile() as log:
                try:
                    process = self._spawn(log.fileno())
                except (OSError, ValueError) as error:
                    self._owner.hear({"key": key, "event": "refused", "message": str(error)})
                    return
                self._talk(process)
                report = {
                    "key": key,
                    "event": "exited",
                    "code": self._await_end(process),
                    "asked": self._asked,
                    "waited_s": self._waited_s,
                    "oom": ooms.count() > before,
                    "memory_bytes": None,
                    "log": tail_of(log.fileno()),
                }
            self._owner.hear(report)
        finally:
            ooms.close()
            self._owner.forget(key)

    def _spawn(self, log: int) -> subprocess.Popen[bytes]:
        try:
            process = subprocess.Popen(  # noqa: S603 (this Python, and our own words)
                self.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                # No mount is kept busy.
                cwd=os.sep,
                env=self._environ,
                pass_fds=self.passed,
                # What is typed at the kernel's terminal is not for jobs.
                start_new_session=True,
            )
        finally:
            while self.passed:
                os.close(self.passed.pop())
        with self._lock:
            self._process = process
            if self._asked is not None:
                process.terminate()
        if self._order.limit_s is not None:
            self._kill_after(self._order.limit_s, "walltime", self._order.grace_s)
        return process

    def _talk(self, process: subprocess.Popen[bytes]) -> None:
        """Hand over the request, and pass on reports until there are no more."""
        if process.stdin is None or process.stdout is None:
            return
        with process.stdout as reports:
            with suppress(OSError), process.stdin as requests:  # it ended at once
                requests.write(self._order.body)
            for line in reports:
                with suppress(ValueError):  # half a line of a process that was killed
                    self._owner.hear(parse_report(line))

    def _await_end(self, process: subprocess.Popen[bytes]) -> int:
        """Wait for the end of the process, and return its exit code."""
        code = process.wait()
        with self._lock:
            self._has_ended = True
            timers, self._timers = self._timers, []
        for timer in timers:
            timer.cancel()
            timer.join()
        if self._asked is not None:
            # What it has started and left behind was meant as well.
            _signal_group(process, kill=False)
        return code


def _signal_group(process: subprocess.Popen[bytes], *, kill: bool) -> None:
    """Send SIGKILL or SIGTERM to what a process has started, where there are such groups."""
    if sys.platform != "win32":
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL if kill else signal.SIGTERM)
