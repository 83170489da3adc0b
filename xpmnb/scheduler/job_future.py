"""What a handle offers as a future does: its state, waiting for the end, and what came of it."""

from __future__ import annotations

import asyncio
import json
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xpmnb import seam
from xpmnb.errors import JobFailed
from xpmnb.records.files import read_bytes
from xpmnb.records.states import FailureReason, JobState
from xpmnb.scheduler.elsewhere import read_end
from xpmnb.scheduler.job_files import JobFiles
from xpmnb.scheduler.waiting import announce_change, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from xpmnb.records.layout import JobLayout

_RESULT_LIMIT_BYTES = 64 * 1024 * 1024

_telling = threading.Lock()
"""Held while the callbacks of a handle change; one for all, since a lock for each is not free."""


class JobFuture(JobFiles):
    """The state of a job as its scheduler knows it, and waiting for its end. Any thread.

    Parameters
    ----------
    layout : JobLayout
        The files of the job.
    """

    __slots__ = ("_callbacks", "message", "started_at", "state")

    def __init__(self, layout: JobLayout) -> None:
        super().__init__(layout)
        self._callbacks: list[Callable[[Any], None]] | None = None
        self.state = JobState.WAITING
        """The state as last seen."""
        self.message = ""
        """Why it failed, in one line."""
        self.started_at: float | None = None
        """Seconds since the epoch; None before it runs."""

    def __repr__(self) -> str:
        """Return name, shortened identifier, and state."""
        reason = self.failure_reason
        words = self.state.value if reason is None else f"{self.state.value}: {reason.value}"
        return f"<Job {self._layout.task} {self.id[:8]} {words}>"

    def _repr_html_(self) -> str | None:
        """Return its row and what is on record of it, for the end of a cell."""
        return seam.html_of(self)

    @property
    def failure_reason(self) -> FailureReason | None:
        """Why it failed; None if it did not."""
        return self.state.failure_reason

    def done(self) -> bool:
        """Tell whether the job has ended, well or not."""
        return self.state.is_final

    def wait(self, timeout: float | None = None) -> JobState:
        """Wait for the end of the job. Ctrl-C ends the waiting, not the job.

        Parameters
        ----------
        timeout : float, optional
            Seconds; by default as long as it takes.

        Returns
        -------
        JobState
            The state; not a final one if the time ran out.
        """
        wait_until(lambda: self.state.is_final, timeout)
        return self.state

    def result(self, timeout: float | None = None) -> Any:
        """Wait for the end of the job, and return what ``execute`` returned.

        Returns
        -------
        Any
            The JSON value; None if it returned none, or nothing that is JSON.

        Raises
        ------
        TimeoutError
            If the time (seconds) runs out first.
        JobFailed
            If the job failed, or its directory was deleted or damaged since.
        """
        error = self.exception(timeout)
        if error is not None:
            raise error
        try:
            return json.loads(read_bytes(self._layout.result, limit_bytes=_RESULT_LIMIT_BYTES))
        except (ValueError, RecursionError) as error:
            message = f"{self!r} was done, but {self._layout.result} is damaged: {error}"
            raise JobFailed(message) from None
        except FileNotFoundError:
            if self.path.is_dir():
                return None
            message = f"{self!r} was done, but its directory is gone: submit the task again"
            raise JobFailed(message) from None

    def exception(self, timeout: float | None = None) -> JobFailed | None:
        """Wait for the end of the job, and return why it failed.

        Returns
        -------
        JobFailed or None
            None if it ended well.

        Raises
        ------
        TimeoutError
            If the time (seconds) runs out first.
        """
        state = self.wait(timeout)
        if not state.is_final:
            message = f"{self!r} has not ended after {timeout} s"
            raise TimeoutError(message)
        if state == JobState.DONE:
            return None
        text = read_end(self._layout)[0].traceback or ""
        return JobFailed(f"{self!r}: {self.message}\n{text}see {self.place_of_failure}")

    @property
    def place_of_failure(self) -> Path:
        """Where to read on when it failed: its standard error, or its directory if it never ran."""
        return self.path if self.started_at is None else self.stderr

    def __await__(self) -> Generator[Any, None, JobState]:
        """Wait for the end in a coroutine; the event loop stays free."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()

        def wake(_: object) -> None:
            with suppress(RuntimeError):  # the loop was closed: nobody waits any more
                loop.call_soon_threadsafe(_resolve, future)

        self.call_when_final(wake)
        yield from future
        return self.state

    def call_when_final(self, callback: Callable[[Any], None]) -> None:
        """Call a quick function once the job has ended: from another thread, or at once."""
        with _telling:
            if not self.state.is_final:
                self._callbacks = [*(self._callbacks or ()), callback]
                return
        callback(self)

    def announce(self) -> None:
        """Wake who waits for the end, and call the callbacks. Scheduler only."""
        with _telling:
            callbacks, self._callbacks = self._callbacks, None
        announce_change()
        for callback in callbacks or ():
            callback(self)


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
