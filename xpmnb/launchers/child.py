"""The life of a process that runs one job: it runs an entry, reports, and leaves.

The same for a process that was forked and for a fresh interpreter.
"""

from __future__ import annotations

import atexit
import importlib
import os
import sys
import threading
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn

from xpmnb.launchers.frames import to_report
from xpmnb.scheduler.requests import JobRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    Entry = Callable[[JobRequest, Callable[[dict[str, Any]], None]], int]

FAILED = 70
"""The exit code of a process in which our own code failed: ``EX_SOFTWARE`` of ``sysexits.h``."""


class Reporter:
    """Sends what a process reports of its job. One thread at a time.

    Reports are news, not records: where they cannot be sent, since the kernel is gone or reads
    nothing, they are dropped. The kernel then finds the end in the files of the job.

    Parameters
    ----------
    fd : int
        A datagram socket or a pipe.
    key : int
        The kernel's number for the job.
    """

    __slots__ = ("_fd", "_identity", "_key")

    def __init__(self, fd: int, key: int) -> None:
        self._fd = fd
        self._key = key
        self._identity = self._identify()

    def __call__(self, report: dict[str, Any]) -> None:
        """Send a report."""
        line = to_report({"key": self._key, "pid": os.getpid(), **report})
        with suppress(OSError):
            # A task that closes all descriptors, as daemons do, may have a file of its own here.
            if self._identify() == self._identity:
                os.write(self._fd, line)

    def _identify(self) -> tuple[int, int]:
        found = os.fstat(self._fd)
        return found.st_dev, found.st_ino


def load_entry(name: str) -> Entry:
    """Return the function of a name such as ``"module:function"``."""
    module, _, function = name.partition(":")
    entry: Entry = getattr(importlib.import_module(module), function)
    return entry


def run_entry(entry: Entry, body: bytes, report: Reporter) -> int:
    """Run the job of a request, and return the exit code."""
    try:
        return entry(JobRequest.from_bytes(body), report)
    except BaseException:  # noqa: BLE001 (the process is to end whatever it was; recorded)
        traceback.print_exc()
        return FAILED


def leave(code: int) -> NoReturn:
    """End this process as an interpreter does, but without taking everything apart.

    Threads that are no daemons are waited for, ``atexit`` functions are called, and streams are
    flushed. Nothing that the caller has on its stack runs any more.
    """
    try:
        # As at the end of every program; there is no public name for either. A signal, or what
        # the task has registered, may raise anything.
        for step in (threading._shutdown, atexit._run_exitfuncs, _flush):  # type: ignore[attr-defined]  # noqa: SLF001
            with suppress(BaseException):
                step()
    finally:
        os._exit(code & 0xFF)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):  # closed, replaced by anything, or on a full disk
            stream.flush()


def reseed() -> None:
    """Let this process draw other random numbers than its siblings.

    ``random`` does so by itself in every child. What libraries seed with a constant stays as it
    is in a fresh interpreter.
    """
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed()
