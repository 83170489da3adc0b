"""The thread in which the callbacks of a run are called, one after the other."""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections import deque
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from xpmnb import ownership
from xpmnb.core.callbacks import completion
from xpmnb.records.states import JobState
from xpmnb.scheduler.outputs import name_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from xpmnb.scheduler.jobs import Job
    from xpmnb.scheduler.outputs import OutputWatch

_logger = logging.getLogger("xpmnb")

# How often the outputs of running jobs are looked for: a guess between prompt and cheap.
_POLL_INTERVAL_S = 0.2


@dataclass(frozen=True, slots=True)
class CompletedCall:
    """A callback that is due because its task is done. Immutable."""

    callback: Callable[..., object]
    task: Any

    def __call__(self) -> None:
        """Call it with the task, or with nothing if it takes no argument."""
        completion(self.callback, self.task)()

    def __str__(self) -> str:
        """Return which callback."""
        return f"the callback {name_of(self.callback)} of on_completed"


class CallbackThread:
    """Calls the callbacks of one run, in a thread of its own.

    A callback may submit tasks, and may wait for a job; the other callbacks then wait for it. It
    must not wait for the whole run, which waits for it: see :meth:`is_callback_thread`.

    Invariant: from the end of a job until its last callback has returned, :meth:`pending` is not 0.

    Parameters
    ----------
    report : callable
        Given the job and one line for people when a callback raised; the traceback is in the log.
        Called in the thread of the callbacks.
    around : callable, optional
        Gives the context manager in which each callback is called.
    announce : callable, optional
        Told each time that nothing is pending any more, and when the thread ends.

    Notes
    -----
    Any thread. The thread is started by the first :meth:`watch` or :meth:`on_completed`, never by
    the end of a job: a thread shares the working directory of the one that starts it, which for a
    thread that runs jobs is a job's. :meth:`close` ends it.
    """

    def __init__(
        self,
        report: Callable[[Job, str], None],
        *,
        around: Callable[[], AbstractContextManager[Any]] = nullcontext,
        announce: Callable[[], None] = lambda: None,
    ) -> None:
        self._report = report
        self._around = around
        self._announce = announce
        self._changed = threading.Condition()
        self._watches: dict[Job, list[OutputWatch]] = {}
        """What is watched of live jobs."""
        self._completed: dict[Job, list[CompletedCall]] = {}
        """What is to be called when live jobs are done."""
        self._due: deque[Callable[[], None]] = deque()
        self.begun = 0
        """How often something became pending; unchanged, and nothing pending: nothing was."""
        self._is_busy = False
        self._is_closed = False
        self._poll_at = 0.0
        self._thread: threading.Thread | None = None

    def watch(self, job: Job, watch: OutputWatch, late: OutputWatch | None = None) -> None:
        """Call the callbacks of a watch for all outputs of a job, the earlier ones too.

        A second watch of one task with the very same list of watchers is dropped while the first
        lasts, which is until the end of the job.

        Parameters
        ----------
        job : Job
            The job.
        watch : OutputWatch
            All that is watched of it by a submission.
        late : OutputWatch, optional
            What was added to the list of the watch just now: it alone, if the job has ended.
        """
        with self._changed:
            if self._is_closed:
                return
            if job.state.is_final:
                self._add(partial(self._drain, job, late or watch))
                return
            watches = self._watches.setdefault(job, [])
            if not any(w.task is watch.task and w.watched is watch.watched for w in watches):
                watches.append(watch)
            self._wake()

    def on_completed(self, job: Job, callback: Callable[..., object], task: Any) -> None:
        """Call a callback when a job is done; soon, if it is done already.

        A callback that a live job has already for this very task is not called twice.

        Parameters
        ----------
        job : Job
            The job of the submission. One that failed calls nothing.
        callback : callable
            Called with the task, or with nothing if it takes no argument.
        task
            The submitted configuration.
        """
        call = CompletedCall(callback, task)
        with self._changed:
            if self._is_closed:
                return
            if job.state.is_final:
                if job.state == JobState.DONE:
                    self._add(partial(self._call, job, call))
                return
            calls = self._completed.setdefault(job, [])
            if not any(known.task is task and known.callback == callback for known in calls):
                calls.append(call)
            self._wake()

    def job_ended(self, job: Job, *, ok: bool) -> None:
        """Take the news that a job has ended, which is pending at once.

        To be told once for each job, when its state is final and while whoever waits for the run
        still counts the job as live. Quick and free for jobs without callbacks.

        Parameters
        ----------
        job : Job
            Any job, also one without callbacks.
        ok : bool
            Whether it is done.
        """
        with self._changed:
            watches = self._watches.pop(job, [])
            calls = self._completed.pop(job, [])
            if watches or (calls and ok):
                self._add(partial(self._conclude, job, watches, calls if ok else []))

    def take_from(self, other: CallbackThread, job: Job) -> None:
        """Call from now on what another thread had to call for a job, which has not ended."""
        with other._changed:
            watches = other._watches.pop(job, [])
            calls = other._completed.pop(job, [])
        with self._changed:
            if watches:
                self._watches.setdefault(job, []).extend(watches)
            if calls:
                self._completed.setdefault(job, []).extend(calls)
            if watches or calls:
                self._wake()

    def pending(self) -> int:
        """Return how many callbacks are queued or running; ends of jobs count as one."""
        with self._changed:
            return len(self._due) + self._is_busy

    def is_callback_thread(self) -> bool:
        """Tell whether the current thread is the one that calls the callbacks."""
        return threading.current_thread() is self._thread

    def close(self) -> None:
        """Drop what is queued, call nothing any more, and end the thread.

        Waits for a callback that runs, unless that is the one that closes. Not for a thread that a
        callback may be waiting for, such as the scheduler's: that one calls :meth:`stop`.
        """
        self.stop()
        thread = self._thread
        if thread is not None and not self.is_callback_thread():
            thread.join()

    def stop(self) -> None:
        """Do as :meth:`close` does, without waiting: a callback that runs is the last one."""
        with self._changed:
            self._is_closed = True
            self._due.clear()
            self._watches.clear()
            self._completed.clear()
            self._changed.notify_all()

    def _add(self, work: Callable[[], None]) -> None:
        """Queue work; the caller holds the lock."""
        self._due.append(work)
        self.begun += 1
        self._wake()

    def _wake(self) -> None:
        """Let the thread look around, and start it if there is none; the caller holds the lock."""
        if self._thread is None:
            thread = threading.Thread(target=self._work, name="xpmnb-callbacks", daemon=True)
            thread.start()
            self._thread = thread
        self._changed.notify_all()

    def _work(self) -> None:
        ownership.bind(None)  # whoever started it, callbacks are no part of a job
        try:
            while True:
                work = self._next()
                if work is None:
                    return
                self._finish(work)
        finally:
            # Also after a mistake of ours: nobody may wait for callbacks that are never called.
            self.stop()
            self._announce()

    def _next(self) -> Callable[[], None] | None:
        """Wait for something to do and return it; None at the end."""
        with self._changed:
            while not self._is_closed:
                wait_s = self._poll_at - time.monotonic() if self._watches else None
                if wait_s is not None and wait_s <= 0:
                    return self._poll
                if self._due:
                    self._is_busy = True
                    return self._due.popleft()
                self._changed.wait(wait_s)
            return None

    def _finish(self, work: Callable[[], None]) -> None:
        try:
            work()
        finally:
            with self._changed:
                was_busy, self._is_busy = self._is_busy, False
                is_idle = was_busy and not self._due
        if is_idle:
            self._announce()

    def _poll(self) -> None:
        """Call what is due for the outputs of live jobs."""
        with self._changed:
            watched = [(job, watch) for job, watches in self._watches.items() for watch in watches]
        calls = [(job, call) for job, watch in watched for call in watch.poll()]
        if calls:
            # These jobs still count as live, or their ends are queued: there is no gap before.
            self._is_busy = True
            self.begun += 1
        for job, call in calls:
            self._call(job, call)
        self._poll_at = time.monotonic() + _POLL_INTERVAL_S

    def _conclude(self, job: Job, watches: list[OutputWatch], calls: list[CompletedCall]) -> None:
        for watch in watches:
            self._drain(job, watch)
        for call in calls:
            self._call(job, call)

    def _drain(self, job: Job, watch: OutputWatch) -> None:
        for call in watch.poll():
            self._call(job, call)

    def _call(self, job: Job, call: Callable[[], None]) -> None:
        """Call a callback; what it raises is told. The border around the user's code."""
        if self._is_closed:
            return
        try:
            with self._around():
                call()
        except BaseException as error:
            _logger.exception("%s of %r raised", call, job)
            words = "".join(traceback.format_exception_only(error)).strip()
            self._tell(job, f"{call} raised {words}")

    def _tell(self, job: Job, text: str) -> None:
        try:
            self._report(job, text)
        except Exception:
            _logger.exception("a status display failed; the callbacks go on")
