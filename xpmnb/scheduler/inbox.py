"""An inbox whose messages are handled one at a time, by whichever thread is there to do it."""

from __future__ import annotations

import queue
import threading
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_Messages = deque[tuple["Callable[..., None]", tuple[Any, ...]]]


class Inbox:
    """Messages for a thread that sleeps until there are some.

    A message is a function and its arguments. :meth:`bring` handles a quick one at once in the
    calling thread, unless another is being handled: a thread that is ending anyway can do what
    is left to do, which saves waking another one. :meth:`post` leaves one that may take its time
    to the thread that sleeps; :meth:`help` lets a thread with nothing to do handle some of those.

    Invariant: messages are handled one at a time; those that were brought, in their order.

    Parameters
    ----------
    failed : callable
        Called when a message raised, before the error goes on.

    Notes
    -----
    Any thread, but for :meth:`work_off` and :meth:`sleep`: those are for the thread that sleeps.
    """

    def __init__(self, failed: Callable[[], None]) -> None:
        self._failed = failed
        self._brought: _Messages = deque()
        self._posted: _Messages = deque()
        self._handling = threading.Lock()
        self._wakes: queue.SimpleQueue[None] = queue.SimpleQueue()

    def __len__(self) -> int:
        """Return how many messages wait."""
        return len(self._brought) + len(self._posted)

    def post(self, handler: Callable[..., None], *args: Any) -> None:
        """Leave a message to the thread that sleeps, and wake it."""
        self.leave(handler, *args)
        self.wake()

    def leave(self, handler: Callable[..., None], *args: Any) -> None:
        """Leave a message that is handled when the thread wakes."""
        self._posted.append((handler, args))

    def left_for(self, handler: Callable[..., None]) -> list[tuple[Any, ...]]:
        """Return the arguments of what was left for a handler, and is not handled yet."""
        return [args for known, args in list(self._posted) if known == handler]

    def bring(self, handler: Callable[..., None], *args: Any) -> None:
        """Handle a quick message in the calling thread, or leave it to whoever is handling one."""
        self._brought.append((handler, args))
        # Whoever brings a message while one is handled finds the lock taken, and leaves: so the
        # holder looks once more after giving the lock back.
        while self._brought and self._handling.acquire(blocking=False):
            self._handle_and_release(self._brought)
            if self._posted:  # whoever left it may have counted on this thread
                self.wake()

    @property
    def is_busy(self) -> bool:
        """Whether a message is being handled: whoever does it then sees to what was posted."""
        return self._handling.locked()

    def work_off(self) -> None:
        """Handle every message."""
        while self._brought or self._posted:
            # The only place that waits for the lock: no handler waits for this thread.
            self._handling.acquire()
            self._handle_and_release(self._brought or self._posted)

    def help(self, handler: Callable[..., None]) -> None:
        """Handle those of the messages that were posted which are next and for one handler.

        For a thread that has nothing to do, and would be woken by what it does here. What it
        cannot do is left to the thread that sleeps, and what comes meanwhile as well: by then this
        thread may have got other work.
        """
        count = len(self._posted)
        if self._is_next(handler) and self._handling.acquire(blocking=False):
            self._handle_and_release(self._posted, handler, count)
        while self._brought and self._handling.acquire(blocking=False):  # as in `bring`
            self._handle_and_release(self._brought)
        if self._posted:
            self.wake()

    def _is_next(self, handler: Callable[..., None]) -> bool:
        try:
            return self._posted[0][0] == handler
        except IndexError:  # another thread may take messages meanwhile
            return False

    def _handle_and_release(
        self, messages: _Messages, only: Callable[..., None] | None = None, count: int = -1
    ) -> None:
        clean = False
        try:
            while messages and count and (only is None or messages[0][0] == only):
                count -= 1
                handler, args = messages.popleft()
                handler(*args)
            clean = True
        finally:
            self._handling.release()
            if not clean:
                self._failed()

    def wake(self) -> None:
        """Let the thread that sleeps look around."""
        self._wakes.put(None)

    def sleep(self, timeout_s: float | None) -> None:
        """Sleep until there is something to do."""
        with suppress(queue.Empty):
            self._wakes.get(timeout=timeout_s)
            while True:  # all at once: what they were for is there
                self._wakes.get_nowait()
