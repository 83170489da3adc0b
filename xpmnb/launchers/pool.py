"""Threads that take one job after the other, and end when none comes soon.

Starting a thread costs as much as all files of a short job together. So a thread that has ended a
job takes the next one, if there is one within two milliseconds; each job runs in an empty
``contextvars`` context, as in a new thread. What a job leaves in a ``threading.local`` is seen by
the next one, as in every pool of threads. While it lingers, it can be lent for an errand.
"""

from __future__ import annotations

import contextvars
import logging
import queue
import threading
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any

from xpmnb.turns import own_turn

if TYPE_CHECKING:
    from collections.abc import Callable

_logger = logging.getLogger("xpmnb")

_LINGER_S = 0.002

# Threads that have just ended and are not joined yet: joining is for those who want none left.
_ENDED_KEPT = 64


class _Seat:
    """A thread of the pool, and the place where its next work is left."""

    __slots__ = ("inbox", "thread")

    def __init__(self) -> None:
        self.inbox: queue.SimpleQueue[_Work | Callable[[], None] | None] = queue.SimpleQueue()
        self.thread: threading.Thread | None = None


class _Work:
    """What a thread does: the work itself, and what is told of its result."""

    __slots__ = ("after", "body", "name")

    def __init__(self, name: str, body: Callable[[], Any], after: Callable[[Any], None]) -> None:
        self.name = name
        self.body = body
        self.after = after


class ThreadPool:
    """Runs each piece of work in a daemon thread, at once: the pool has no bound.

    Any thread.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._free: list[_Seat] = []
        self._ended: deque[threading.Thread] = deque(maxlen=_ENDED_KEPT)

    def run(self, name: str, body: Callable[[], Any], after: Callable[[Any], None]) -> None:
        """Run work in a thread of that name, and return.

        Parameters
        ----------
        name : str
            Name of the thread while it does this.
        body : callable
            The work; it must not raise.
        after : callable
            Told, in the same thread, what the work returned. Work that it hands to the pool may
            be done by this very thread.
        """
        work = _Work(name, body, after)
        with self._lock:
            seat = self._free.pop() if self._free else None
        if seat is not None:
            seat.inbox.put(work)
            return
        seat = _Seat()
        # A daemon: an exit with jobs running is not held up.
        seat.thread = threading.Thread(
            target=self._serve, args=(seat, work), name=name, daemon=True
        )
        seat.thread.start()

    def lend(self, errand: Callable[[], None]) -> bool:
        """Have a thread that has nothing to do run an errand, and return.

        A Ctrl-C in this may leave the errand undone, and nothing else.

        Parameters
        ----------
        errand : callable
            Something quick. Work that it hands to the pool may be done by the same thread.

        Returns
        -------
        bool
            False if every thread has something to do: nothing is run.
        """
        with self._lock:
            if self._free:
                # It stays among the free ones: what the errand brings may be work for it.
                self._free[-1].inbox.put(errand)
                return True
        return False

    def dismiss(self) -> None:
        """End the threads that have nothing to do, and wait for their end."""
        with self._lock:
            free, self._free = self._free, []
        for seat in free:
            seat.inbox.put(None)
        ending = [seat.thread for seat in free if seat.thread is not None]
        while self._ended:
            ending.append(self._ended.popleft())
        for thread in ending:
            if thread is not threading.current_thread():
                thread.join()

    def _serve(self, seat: _Seat, first: _Work) -> None:
        """Do one piece of work after the other: the body of a thread."""
        work: _Work | Callable[[], None] | None = first
        thread = threading.current_thread()
        while work is not None:
            follow: Callable[[], None]
            if isinstance(work, _Work):
                thread.name = work.name
                follow = partial(work.after, contextvars.Context().run(work.body))
                # Free before the news is out: what follows from it may be work for this thread.
                with self._lock:
                    self._free.append(seat)
            else:
                follow = work
            try:
                follow()
            except Exception:
                # The thread is free already: somebody may have left work for it.
                _logger.exception("what follows from %s failed", thread.name)
            del follow
            work = self._next(seat)
        self._ended.append(thread)

    def _next(self, seat: _Seat) -> _Work | Callable[[], None] | None:
        """Return the next work of a thread; None if it is to end."""
        if seat.inbox.empty():
            own_turn().give()
        try:
            return seat.inbox.get(timeout=_LINGER_S)
        except queue.Empty:
            with self._lock:
                if seat in self._free and seat.inbox.empty():
                    self._free.remove(seat)
                    return None
        return seat.inbox.get()  # it was given something at the last moment
