"""What a process died of that did not record the end of its job."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

from xpmnb.endings import Ending
from xpmnb.records.states import FailureReason

_CRASHES = frozenset({"SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGABRT", "SIGTRAP", "SIGSYS"})
_REQUESTS = frozenset({"SIGTERM", "SIGINT"})

_MIB = 1 << 20


def explain(
    code: int,
    *,
    asked: str | None = None,
    waited_s: float = 0.0,
    oom: bool = False,
    memory_bytes: int | None = None,
) -> Ending:
    """Return how a job ended whose process ended without saying so.

    Parameters
    ----------
    code : int
        The exit code; the negative number of a signal that killed the process.
    asked : str, optional
        Why we asked the process to end: ``"stop"`` after a request to stop, ``"walltime"`` when
        its time had run out. None if we did not.
    waited_s : float
        How long we waited before the kill, in seconds.
    oom : bool
        Whether the system killed processes for their memory while this one ran.
    memory_bytes : int, optional
        The most memory that the process ever used.

    Returns
    -------
    Ending
        Reason, message and exit code, the latter as shells show it: 128 more than a signal.
    """
    name = _signal_name(-code) if code < 0 else ""
    shown = 128 - code if code < 0 else code
    if asked is not None:
        return _after_request(name, shown, asked, waited_s)
    if not name:
        message = (
            f"its process exited with code {code} before the task came to its end: "
            "something in it called os._exit() or the like"
        )
        return Ending(reason=FailureReason.ERROR, message=message, exit_code=shown)
    if name == "SIGKILL":
        return _killed(shown, memory_bytes, oom=oom)
    if name in _REQUESTS:
        message = f"its process was ended by {name}"
        return Ending(reason=FailureReason.CANCELLED, message=message, exit_code=shown)
    if name in _CRASHES:
        message = f"{name}: the interpreter crashed; see .err"
    elif name == "SIGALRM":
        message = "SIGALRM: an alarm, perhaps the end of its walltime, ended its process"
    elif name == "SIGXCPU":
        message = "SIGXCPU: the limit on processor time (ulimit -t) was reached"
    else:
        message = f"its process was killed by {name}"
    return Ending(reason=FailureReason.ERROR, message=message, exit_code=shown)


def _after_request(name: str, shown: int, asked: str, waited_s: float) -> Ending:
    """Return the ending of a process that we asked to end."""
    reason = FailureReason.TIMEOUT if asked == "walltime" else FailureReason.CANCELLED
    if name == "SIGKILL" and asked == "walltime":
        message = f"it did not stop within {waited_s:g} s of the end of its time, and was killed"
    elif name == "SIGKILL":
        message = (
            f"it did not stop within {waited_s:g} s of being asked to (SIGTERM), and was killed"
        )
    elif name:
        message = f"asked to stop, its process was ended by {name}"
    else:
        message = f"asked to stop, its process exited with code {shown}"
    return Ending(reason=reason, message=message, exit_code=shown)


def _killed(shown: int, memory_bytes: int | None, *, oom: bool) -> Ending:
    """Return the ending of a process that somebody else killed."""
    used = "" if memory_bytes is None else f" (it had used up to {memory_bytes // _MIB:,} MiB)"
    if oom:
        message = f"killed by the system, which had run out of memory{used}"
        return Ending(reason=FailureReason.MEMORY, message=message, exit_code=shown)
    message = (
        "killed by SIGKILL: by somebody (kill -9), or by the system when memory ran out" + used
    )
    return Ending(reason=FailureReason.ERROR, message=message, exit_code=shown)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


class OomCounter:
    """Counts how often the system killed a process for its memory: of our cgroup, if it has one.

    One thread. Whoever makes it closes it, or ends.
    """

    __slots__ = ("_fd",)

    def __init__(self) -> None:
        self._fd: int | None = None
        for path in _counting_files():
            with suppress(OSError):
                # Kept open: it is read before every job.
                self._fd = os.open(path, os.O_RDONLY)
                if b"oom_kill" in os.pread(self._fd, 1 << 16, 0):
                    return
                self.close()

    def count(self) -> int:
        """Return the count so far; 0 where the system does not count."""
        if self._fd is None:
            return 0
        try:
            return parse_oom_kills(os.pread(self._fd, 1 << 16, 0))
        except OSError:
            return 0

    def close(self) -> None:
        """Give the file back. Calling it again does nothing."""
        fd, self._fd = self._fd, None
        if fd is not None:
            os.close(fd)


def parse_oom_kills(text: bytes) -> int:
    """Return the count in ``memory.events``, ``memory.oom_control`` or ``/proc/vmstat``."""
    for line in text.splitlines():
        name, _, count = line.partition(b" ")
        if name == b"oom_kill" and count.strip().isdigit():
            return int(count)
    return 0


def counting_files(cgroups: str) -> list[str]:
    """Return the files that may count, the best first.

    Parameters
    ----------
    cgroups : str
        The content of ``/proc/self/cgroup``.
    """
    root = "/sys/fs/cgroup"
    found: list[str] = []
    for line in cgroups.splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        path = path.rstrip("/")
        if "memory" in controllers.split(","):
            # A container may show the path of the host, and mount its own group as the root.
            found.append(f"{root}/memory{path}/memory.oom_control")
            found.append(f"{root}/memory/memory.oom_control")
        elif number == "0":
            found.append(f"{root}{path}/memory.events")
            found.append(f"{root}/memory.events")
    # The count of the whole machine.
    return [*found, "/proc/vmstat"]


def _counting_files() -> list[str]:
    try:
        return counting_files(Path("/proc/self/cgroup").read_text("utf-8"))
    except (OSError, ValueError):
        return []
