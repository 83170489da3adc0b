"""An inbox whose messages are handled one at a time, by whichever thread is there to do it."""

from __future__ import annotations

import queue
import threading
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class Inbox:
    """Messages for a thread that sleeps until there are some.

    A message is a function and its arguments. :meth:`post` leaves one to the thread;
    :meth:`bring` handles it at once, unless another is being handled: a thread that is ending
    anyway can do what is left to do, which saves waking another one.

    Invariant: messages are handled one at a time, in the order of their coming.

    Parameters
    ----------
    failed : callable
        Called when a message raised, before the error goes on.

    Notes
    -----
    Any thread, but for :meth:`sleep`.
    """

    def __init__(self, failed: Callable[[], None]) -> None:
        self._failed = failed
        self._messages: deque[tuple[Callable[..., None], tuple[Any, ...]]] = deque()
        self._handling = threading.Lock()  # nobody ever waits for it
        self._wakes: queue.SimpleQueue[None] = queue.SimpleQueue()

    def __len__(self) -> int:
        """Return how many messages wait."""
        return len(self._messages)

    def post(self, handler: Callable[..., None], *args: Any) -> None:
        """Leave a message for the thread that sleeps."""
        self._messages.append((handler, args))
        self._wakes.put(None)

    def bring(self, handler: Callable[..., None], *args: Any) -> None:
        """Handle a message in the calling thread; leave it to whoever is handling one now."""
        self._messages.append((handler, args))
        self.handle_all()

    def handle_all(self) -> None:
        """Handle every message, unless another thread is doing so."""
        # Whoever brings a message while one is handled finds the lock taken, and leaves: so the
        # holder looks once more after giving the lock back.
        while self._messages and self._handling.acquire(blocking=False):
            clean = False
            try:
                while self._messages:
                    handler, args = self._messages.popleft()
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
        """Sleep until there is something to do. One thread only."""
        with suppress(queue.Empty):
            self._wakes.get(timeout=timeout_s)
