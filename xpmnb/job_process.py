"""A process that exists for one job: its streams, its signals, and its programs.

It is forked from the server of the process launcher, or is a fresh Python that runs
``[NAME].py`` or ``xpmnb run``.
"""

from __future__ import annotations

import _thread
import faulthandler
import os
import signal
import sys
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xpmnb import ownership
from xpmnb.errors import TaskCancelled
from xpmnb.processes import this_process
from xpmnb.records.layout import JobLayout
from xpmnb.records.states import FailureReason, JobState
from xpmnb.scheduler.requests import JobRequest, Terms
from xpmnb.streams import JobStream
from xpmnb.work import RecordWork
from xpmnb.worker import Attempt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from xpmnb.runtime import JobContext
    from xpmnb.scheduler.launcher import Outcome

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_AFTER_SERVER_S = 1.0
"""How long a process that overstays is left to the server, which tells the kernel of its end."""

_AGAIN_S = 0.01
_CODES = {FailureReason.CANCELLED: 128 + signal.SIGTERM, FailureReason.TIMEOUT: 124}
"""Exit codes as shells and ``timeout`` use them; 1 for all other failures."""


class SignalStopper:
    """Raises TaskCancelled in the main thread, by a signal, while the task's code runs.

    Parameters
    ----------
    grace_s : float or None
        Seconds between the request and the kill, for the task to know.
    """

    __slots__ = ("_grace_s", "_is_open", "_message", "_raised", "requested")

    def __init__(self, grace_s: float | None) -> None:
        self._grace_s = grace_s
        self._is_open = False
        self._message = ""
        self._raised = False
        self.requested = False

    def request(self, message: str) -> None:
        """Ask the job to stop: raise here, in the main thread, or let a signal do it there."""
        if not self.requested:
            self.requested = True
            self._message = message
        if threading.current_thread() is threading.main_thread():
            self._raise_once()
        else:
            # To that thread, not to the process: only so is a call that blocks it interrupted.
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)

    def open(self) -> None:
        """Begin the stretch that can be interrupted."""
        self._is_open = True
        if self.requested:
            self._raise_once()

    def close(self) -> None:
        """End the stretch."""
        self._is_open = False

    def _raise_once(self) -> None:
        # Once: a second signal must not break what the task does because of the first.
        if not self._is_open or self._raised:
            return
        if "mask" in _forking.__dict__:
            # What is raised here, in the midst of a fork, would be lost.
            _thread.start_new_thread(_signal_again, ())
        else:
            self._raised = True
            raise TaskCancelled(self._message, self._grace_s)


class ProcessSurroundings:
    """A process of the job's own; its main thread runs the task.

    Parameters
    ----------
    grace_s : float or None
        Seconds between a request to stop and the kill; None if nothing is known of a kill.
    """

    __slots__ = ("ends_at_once", "process_started", "stopper")

    def __init__(self, grace_s: float | None) -> None:
        self.stopper = SignalStopper(grace_s)
        self.process_started: float | None = this_process().started
        self.ends_at_once = True

    def open_streams(self, layout: JobLayout, *, keep: bool) -> tuple[JobStream, JobStream]:
        """Lead descriptors 1 and 2 to the files, so that C code and subprocesses write there."""
        stdout, stderr = (JobStream(path, keep=keep) for path in (layout.stdout, layout.stderr))
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(stdout.fileno(), 1)
        os.dup2(stderr.fileno(), 2)
        sys.stdout, sys.stderr = (
            open(  # noqa: SIM115 (lives as long as the process)
                fd, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False
            )
            for fd in (1, 2)
        )
        faulthandler.enable(file=2)
        return stdout, stderr

    def enter(self, directory: str, context: JobContext) -> None:
        """Give the process to the job."""
        ownership.bind_process(context)
        os.chdir(directory)

    def leave(self) -> None:
        """Pass on what the task has printed; the process ends soon."""
        ownership.bind_process(None)
        for stream in (sys.stdout, sys.stderr):
            if not stream.closed:
                stream.flush()


@contextmanager
def _signals_to(attempt: Attempt) -> Iterator[None]:
    """Let SIGTERM and SIGINT cancel an attempt."""

    def on_signal(number: int, _: FrameType | None) -> None:
        attempt.cancel(f"the job was asked to stop ({signal.Signals(number).name})")

    _before.update({number: signal.signal(number, on_signal) for number in _SIGNALS})
    try:
        yield
    finally:
        _put_signals_back()


_before: dict[int, Any] = {}
"""What handled the signals before, while they are led to an attempt."""

_forking = threading.local()
"""``mask``: what the current thread blocked before it began to fork."""


def _put_signals_back() -> None:
    while _before:
        signal.signal(*_before.popitem())


def _hold_signals() -> None:
    # One that comes for the child before its handlers are put back would be lost.
    if _before:
        _forking.mask = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)


def _let_signals() -> None:
    mask = _forking.__dict__.get("mask")
    if mask is not None:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        # Only now: what a handler raises here is lost, and so it raises nothing.
        del _forking.mask


def _begin_fork() -> None:
    # A pool that ends its workers by SIGTERM does not mean the job.
    _put_signals_back()
    _let_signals()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_hold_signals, after_in_parent=_let_signals, after_in_child=_begin_fork
    )


def _signal_again() -> None:
    """Send the signal once more, to a main thread that was forking: the body of a raw thread."""
    time.sleep(_AGAIN_S)
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)


def run_job(request: JobRequest, report: Callable[[dict[str, Any]], None]) -> int:
    """Run the job of a request in this process, which exists for it alone.

    Parameters
    ----------
    request : JobRequest
        The job.
    report : callable
        Told ``{"event": "begun", "time": ...}`` and ``{"event": "ended", "outcome": ...}``.

    Returns
    -------
    int
        The exit code: 0 if the job is done.
    """
    os.environ.update(request.environ)
    if request.search_path:
        sys.path[:] = request.search_path
    work = RecordWork(JobLayout(request.path), request.program, request.record)
    outcome = _run(work, request.terms, lambda time: report({"event": "begun", "time": time}))
    report({"event": "ended", "outcome": outcome.to_json()})
    return _exit_code(outcome)


def _run(work: RecordWork, terms: Terms, begun: Callable[[float], None]) -> Outcome:
    attempt = Attempt(work, terms, ProcessSurroundings(terms.grace_s))
    if terms.walltime_s is not None and hasattr(signal, "setitimer"):
        # The server kills a task that lets no other thread run. This is for when it is gone: the
        # system ends the process, unless the task has an alarm of its own.
        limit_s = terms.walltime_s + (terms.grace_s or 0.0) + _AFTER_SERVER_S
        signal.setitimer(signal.ITIMER_REAL, limit_s)
    with _signals_to(attempt):
        return attempt.run(lambda _context, time: begun(time), lambda: None)


def _exit_code(outcome: Outcome) -> int:
    if outcome.state is JobState.DONE:
        return 0
    reason = outcome.state.failure_reason if outcome.state is not None else None
    return _CODES.get(reason, 1) if reason is not None else 1


def main(program: str) -> int:
    """Run the job whose ``[NAME].py`` is executed; the exit code is 0 if it is done.

    Parameters
    ----------
    program : str
        The path of that file.
    """
    layout = JobLayout(str(Path(program).absolute().parent))
    if Path(layout.done).exists():
        return _say(1, 0, f"{layout.name} is done already: {layout.path}")
    try:
        text, record = (Path(each).read_text("utf-8") for each in (program, layout.params))
        work = RecordWork(layout, text, record)
    except (OSError, ValueError) as error:
        return _say(2, 1, f"{layout.name} cannot be run: {error}")
    # The job's output goes to its files; what is said about it goes to the shell.
    shell = os.dup(1), os.dup(2)
    terms = Terms(launcher="shell", resumable=work.is_resumable)
    outcome = _run(work, terms, lambda _time: None)
    if outcome.state is None:
        return _say(shell[1], 1, f"{layout.name} is being run by another process: {layout.path}")
    code = _exit_code(outcome)
    words = f"{layout.name}: {outcome.state.value} {outcome.message}".rstrip()
    return _say(shell[1 if code else 0], code, words)


def _say(fd: int, code: int, words: str) -> int:
    """Write a line to a descriptor, and return the exit code."""
    with suppress(OSError):
        os.write(fd, f"{words}\n".encode(errors="backslashreplace"))
    return code
