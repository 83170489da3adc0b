"""Asking a thread to stop, by raising TaskCancelled in it, and nowhere but in the task's code."""

from __future__ import annotations

import ctypes
import math
import threading
import time

from xpmnb.errors import TaskCancelled


def _raise_in(thread_id: int, error: type[BaseException]) -> None:
    """Let a thread raise an error at its next bytecode, instead of one that is still pending.

    ``PyThreadState_SetAsyncExc`` of Python's C API: a thread inside a blocking call sees it when
    the call returns. Its way to take an error back (NULL) is not used: Python 3.11 then keeps
    every thread on the slow path of the interpreter's loop for ever.
    """
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread_id), ctypes.py_object(error))


class _Drained(BaseException):
    """Takes the place of an error that is pending, and is caught where it is raised."""


def _drain() -> None:
    """Leave no error pending in the calling thread."""
    try:
        _raise_in(threading.get_ident(), _Drained)
        while True:  # until the interpreter looks, at the latest at the next turn
            pass
    except _Drained:
        return


# After a request the task has this long to clean up, as long as a process has, before another
# request can reach it: a second one does not break what it does because of the first.
_PAUSE_S = 10.0


class Interrupter:
    """Lets any thread interrupt the stretch between :meth:`open` and :meth:`close`.

    Invariant: outside that stretch nothing is raised in the thread, whenever the request comes.
    ``open`` and ``close`` are called by the thread that runs the task, :meth:`request` by any.
    """

    __slots__ = ("_lock", "_raised_at", "_thread_id", "requested")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread_id: int | None = None
        self._raised_at = -math.inf
        self.requested = False
        """Whether the job was asked to stop."""

    def request(self, message: str = "") -> None:  # noqa: ARG002 (an error that is raised from outside has no words)
        """Ask the thread to stop.

        Asking again, ten seconds later or more, raises once more: the task may have swallowed
        the first.
        """
        with self._lock:
            self.requested = True
            now = time.monotonic()
            if self._thread_id is not None and now - self._raised_at >= _PAUSE_S:
                self._raised_at = now
                _raise_in(self._thread_id, TaskCancelled)

    def open(self) -> None:
        """Begin the stretch that can be interrupted.

        Raises
        ------
        TaskCancelled
            If the request came before.
        """
        with self._lock:
            if self.requested:
                raise TaskCancelled
            self._thread_id = threading.get_ident()

    def close(self) -> None:
        """End the stretch; a request that is still under way is taken back.

        Raises
        ------
        TaskCancelled
            If the request reaches the thread just when this is called: call it again then.
        """
        while True:
            try:
                with self._lock:
                    self._thread_id = None
                    if self.requested:
                        _drain()
            except TaskCancelled:
                # It was raised right here, before the lock was ours; `requested` tells of it.
                continue
            else:
                return
