"""Which process is meant by a number: numbers are given again, and lie across machines."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass

__all__ = ["HOST", "ProcessIdentity", "is_running", "session_of", "started_of", "this_process"]

HOST = os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", "")
"""The name of this machine, as records show it."""

# Two readings of one process differ by rounding at most; a process that is given a number again
# needs longer than this to begin.
_TOLERANCE_S = 0.005


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """One process, told apart from later ones that are given its number. Immutable; any thread."""

    pid: int
    """Its number."""
    started: float
    """When it began, in seconds: since the start of the machine on Linux, where a clock that is set
    anew does not change it; since the epoch on other systems. Only good for comparing."""
    host: str
    """The machine that it runs on."""


def this_process() -> ProcessIdentity:
    """Give the identity of the calling process.

    Nothing is kept between calls, so a forked child gets its own.
    """
    pid = os.getpid()
    return ProcessIdentity(pid, started_of(pid) or 0.0, HOST)


def is_running(identity: ProcessIdentity) -> bool | None:
    """Tell whether a process still runs.

    Parameters
    ----------
    identity
        The process, as a record tells of it.

    Returns
    -------
    bool or None
        False also for one that has ended and that its parent has not noticed yet, and where another
        process has its number now. None for a process of another machine.
    """
    if identity.host != HOST:
        return None
    started = started_of(identity.pid)
    return started is not None and abs(started - identity.started) < _TOLERANCE_S


def session_of(leader: int) -> list[int]:
    """Give the numbers of the processes in a session; empty if all have ended.

    Parameters
    ----------
    leader
        The number of the session, which is that of the process that began it.
    """
    # 14 ms to import, and only needed where something must be killed.
    import psutil  # noqa: PLC0415

    found = []
    for pid in psutil.pids():
        try:
            if pid and os.getsid(pid) == leader:
                found.append(pid)
        except OSError:  # it has just ended, or belongs to somebody else
            continue
    return found


if sys.platform == "linux":

    def started_of(pid: int) -> float | None:
        """Tell when a process began, as :attr:`ProcessIdentity.started`; None if it has ended."""
        # Not psutil: it adds the time of the machine's start, which moves when the clock is set,
        # and importing it would double the cost of a short job in a process.
        try:
            with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 (each job does it)
                text = file.read()
        except (FileNotFoundError, ProcessLookupError):
            return None
        # The name of the program stands in brackets, and may hold spaces and brackets.
        fields = text.rpartition(b")")[2].split()
        if fields[0] in (b"Z", b"X"):
            return None
        return int(fields[19]) / os.sysconf("SC_CLK_TCK")

else:

    def started_of(pid: int) -> float | None:
        """Tell when a process began, as :attr:`ProcessIdentity.started`; None if it has ended."""
        # 14 ms to import, and most processes never ask.
        import psutil  # noqa: PLC0415

        try:
            process = psutil.Process(pid)
            if process.status() == psutil.STATUS_ZOMBIE:
                return None
            return process.create_time()
        except psutil.NoSuchProcess:
            return None
