"""Stop a job that another process runs: by a signal to it, or by a request to its kernel.

Jobs of this kernel are stopped by their launchers.
"""

from __future__ import annotations

import getpass
import json
import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from xpmnb.endings import Ending
from xpmnb.processes import HOST, ProcessIdentity, is_running, session_of
from xpmnb.records.events import Started
from xpmnb.records.files import is_locked, read_bytes, write_atomic
from xpmnb.records.job_directory import read_events, read_job
from xpmnb.records.json_values import as_mapping, as_text, as_time
from xpmnb.records.states import FailureReason, JobState

if TYPE_CHECKING:
    from xpmnb.records.layout import JobLayout

__all__ = [
    "StopRequest",
    "Stopping",
    "Way",
    "ask_to_cancel",
    "ask_to_stop",
    "read_stop_request",
    "take_back",
]

_MAX_REQUEST_BYTES = 64 * 1024
_SIGNALLED = 128
"""What shells add to the number of the signal that ended a process."""
# Windows knows no such signal; there, a process ends at once by either.
_SIGKILL = getattr(signal, "SIGKILL", signal.SIGTERM)


class Way(Enum):
    """How a job was asked to stop."""

    NOTHING = "nothing"
    """Not at all: nobody runs it."""
    SIGNAL = "signal"
    """Its own process was sent SIGTERM."""
    REQUEST = "request"
    """A file asks the kernel that runs it."""


@dataclass(frozen=True, slots=True)
class StopRequest:
    """Who asked for the end of a job, and when: the content of ``__xpm__/stop``."""

    by: str
    """The person, process and machine, in words."""
    time: float
    """Seconds since the epoch."""

    def to_bytes(self) -> bytes:
        """Give the content of the file."""
        return json.dumps({"format": 1, "by": self.by, "time": self.time}).encode()


def read_stop_request(layout: JobLayout) -> StopRequest | None:
    """Read the request to stop a job.

    Parameters
    ----------
    layout
        The job.

    Returns
    -------
    StopRequest or None
        None if nobody asks. The file alone is a request, whatever is in it.
    """
    try:
        data = read_bytes(layout.stop_request, limit_bytes=_MAX_REQUEST_BYTES)
        content = as_mapping(json.loads(data)) or {}
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError):
        content = {}
    return StopRequest(
        as_text(content.get("by")) or "somebody", as_time(content.get("time")) or 0.0
    )


class Stopping:
    """The stopping of one job; made by :func:`ask_to_stop`.

    Parameters
    ----------
    layout : JobLayout
        The job.
    way : Way
        How it was asked.
    words : str
        What was done, for people.
    process : ProcessIdentity or None
        The process that was sent SIGTERM.
    grace_s : float
        Seconds from now until the process may be killed.

    Notes
    -----
    One thread at a time. No call waits.
    """

    def __init__(
        self,
        layout: JobLayout,
        way: Way,
        words: str,
        *,
        process: ProcessIdentity | None = None,
        grace_s: float = 0.0,
    ) -> None:
        self.layout = layout
        self.way = way
        self.words = words
        self._process = process
        self._grace_s = grace_s
        self._kill_at = time.monotonic() + grace_s
        self.asked_at = time.time()
        """When it was asked, in seconds since the epoch."""
        self._killed = False

    @property
    def ended(self) -> bool:
        """True once nobody runs the job; after a kill, :attr:`death` may still be unrecorded."""
        return not is_locked(self.layout.lock)

    @property
    def death(self) -> Ending | None:
        """What to record as the end of a job whose process was ended before it could do so itself.

        None while it runs, if no signal was sent, and if its end is on record.
        """
        if self._process is None or not self.ended or _has_end(self.layout):
            return None
        if self._killed:
            why = f"it was killed, as it did not stop within {self._grace_s:g} s of a request"
        else:
            why = "its process was ended by SIGTERM, on request"
        number = _SIGKILL if self._killed else signal.SIGTERM
        message = f"{why} by {_requester()}"
        return Ending(
            reason=FailureReason.CANCELLED, message=message, exit_code=_SIGNALLED + number
        )

    def kill_if_due(self) -> bool:
        """Kill the job's process and all of its session, if the grace is over and it still lives.

        Returns
        -------
        bool
            Whether it was killed just now. Its end must then be recorded: see :attr:`death`.
        """
        process = self._process
        if process is None or self._killed or time.monotonic() < self._kill_at:
            return False
        if not is_running(process):
            return False
        # Whoever finds it dead is told that this was wanted.
        with suppress(OSError):
            write_atomic(self.layout.stop_request, _new_request().to_bytes())
        # The leader first: it must not take the death of a child for an error of its own.
        children = [pid for pid in session_of(process.pid) if pid != process.pid]
        for pid in (process.pid, *children):
            with suppress(OSError):
                os.kill(pid, _SIGKILL)
        self._killed = True
        self.words = f"killed process {process.pid}, which did not stop within {self._grace_s:g} s"
        return True


def ask_to_stop(layout: JobLayout, *, grace_s: float = 10.0) -> Stopping:
    """Ask for the end of a job that this kernel does not run itself. Does not wait.

    Parameters
    ----------
    layout
        The job.
    grace_s
        Seconds that a process of its own has between SIGTERM and SIGKILL.

    Returns
    -------
    Stopping
        What was done, in ``words``; its ``kill_if_due`` is to be called now and then.

    Raises
    ------
    OSError
        The request cannot be written, or the lock cannot be looked at.
    """
    if not is_locked(layout.lock):
        return Stopping(layout, Way.NOTHING, _idle_words(layout))
    start = _last_start(layout)
    process = _own_process(start)
    if process is not None:
        try:
            os.kill(process.pid, signal.SIGTERM)
        except ProcessLookupError:
            return Stopping(layout, Way.NOTHING, "its process has just ended")
        except PermissionError:
            pass  # another person's: its kernel can stop it
        else:
            words = f"sent SIGTERM to process {process.pid}"
            return Stopping(layout, Way.SIGNAL, words, process=process, grace_s=grace_s)
    write_atomic(layout.stop_request, _new_request().to_bytes())
    return Stopping(layout, Way.REQUEST, f"asked {_runner_words(start)} to stop it")


def ask_to_cancel(layout: JobLayout) -> None:
    """Ask the kernel in which a job waits for its turn to cancel it. Does not wait.

    Raises
    ------
    OSError
        The request cannot be written.
    """
    os.makedirs(layout.hidden, exist_ok=True)  # noqa: PTH103 (a str)
    write_atomic(layout.stop_request, _new_request().to_bytes())


def take_back(layout: JobLayout) -> None:
    """Leave no trace of a request to which no kernel has answered."""
    with suppress(OSError):
        os.unlink(layout.stop_request)  # noqa: PTH108 (a str)
        os.rmdir(layout.hidden)  # noqa: PTH106
        os.rmdir(layout.path)  # noqa: PTH106


def _own_process(start: Started | None) -> ProcessIdentity | None:
    """Give the process that runs the job and nothing else, if it lives on this machine."""
    if start is None or start.process_started is None or start.pid <= 1:
        return None
    process = ProcessIdentity(start.pid, start.process_started, start.host)
    return process if is_running(process) else None


def _last_start(layout: JobLayout) -> Started | None:
    starts = [event for event in read_events(layout) if isinstance(event, Started)]
    return starts[-1] if starts else None


def _has_end(layout: JobLayout) -> bool:
    return os.path.exists(layout.done) or os.path.exists(layout.failed)  # noqa: PTH110 (str)


def _idle_words(layout: JobLayout) -> str:
    """Say what a job is that nobody runs."""
    if not os.path.isdir(layout.hidden):  # noqa: PTH112 (a str)
        return "it never began"
    record = read_job(layout)
    if record.state == JobState.DONE:
        return "it is done already"
    reason = record.state.failure_reason
    if not record.attempts and not _has_end(layout):
        return "it never began"
    return f"it has failed already ({reason.value if reason is not None else 'error'})"


def _runner_words(start: Started | None) -> str:
    if start is None:
        return "the kernel that begins it"
    kernel = f"the kernel that runs it (process {start.pid}"
    return f"{kernel} on {start.host})" if start.host != HOST else f"{kernel})"


def _new_request() -> StopRequest:
    return StopRequest(_requester(), time.time())


def _requester() -> str:
    try:
        person = getpass.getuser()
    except (OSError, KeyError, ImportError):  # a number without a name, as in some containers
        person = "somebody"
    return f"{person} (process {os.getpid()} on {HOST})"
