"""The only code that runs user code: prepare a job directory, execute, record the end.

An :class:`Attempt` runs one job once, in the thread that calls it; launchers decide which thread
or process that is.
"""

from __future__ import annotations

import _thread
import json
import os
import sys
import threading
import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

from xpmnb.conclusion import Span, write_end
from xpmnb.endings import Ending, ending_of, result_json
from xpmnb.preparation import describe, make_directory, make_ready
from xpmnb.processes import HOST
from xpmnb.records.events import Started
from xpmnb.records.files import PathLock, write_atomic, write_new
from xpmnb.records.job_directory import read_events
from xpmnb.records.journal import JournalWriter
from xpmnb.records.states import FailureReason, JobState
from xpmnb.runtime import JobContext
from xpmnb.scheduler.launcher import Outcome
from xpmnb.turns import own_turn
from xpmnb.work import begin_work

if TYPE_CHECKING:
    from collections.abc import Callable

    from xpmnb.core.objects import Built
    from xpmnb.scheduler.requests import Terms
    from xpmnb.surroundings import Surroundings
    from xpmnb.work import Work


class Attempt:
    """One try to run a job, in whatever thread calls :meth:`run`.

    Parameters
    ----------
    work : Work
        The job.
    terms : Terms
        Under what conditions it runs.
    surroundings : Surroundings
        Where it runs.

    Notes
    -----
    :meth:`run` is called once. The others may be called by any thread at any time.
    """

    def __init__(self, work: Work, terms: Terms, surroundings: Surroundings) -> None:
        self.layout = work.layout
        self._work = work
        self._terms = terms
        self._surroundings = surroundings
        self._stopper = surroundings.stopper
        self._cause: Ending | None = None
        """How the job ends because it was asked to stop; None if it was not."""
        self._asked = threading.Lock()
        """Held for good by whoever asks the job to stop first."""
        self._claim = threading.Lock()
        """Held for good by whoever writes the end."""
        self._ending_early = threading.Lock()
        """Held while the end is written although the task still runs."""
        self._outcome: Outcome | None = None
        self._number = 0
        self._started_at: float | None = None

    def cancel(self, message: str = "the job was asked to stop") -> None:
        """Ask the task to stop: TaskCancelled is raised in its thread."""
        self._stop(Ending(reason=FailureReason.CANCELLED, message=message))

    def time_out(self) -> None:
        """Ask the task to stop because its time has run out."""
        message = f"its time ran out after {self._terms.walltime_s:g} s"
        self._stop(Ending(reason=FailureReason.TIMEOUT, message=message), again=False)

    def abandon(self) -> None:
        """Record the job as lost, unless it has ended: its process is about to end."""
        if self._started_at is not None and self._claim.acquire(blocking=False):
            ending = Ending(reason=FailureReason.LOST, message="its kernel ended while it ran")
            # Without a marker a reader finds the same by the lock that nobody holds.
            with suppress(OSError):
                self._write_end(ending, time.time())

    def run(
        self,
        begun: Callable[[JobContext, float], None],
        changed: Callable[[], None],
    ) -> Outcome:
        """Run the job to its end.

        Parameters
        ----------
        begun : callable
            Told the context and the time, once the job is this attempt's to run.
        changed : callable
            Told when progress or metrics are new.

        Returns
        -------
        Outcome
            How it ended. Errors of the task are recorded, not raised; an unusable directory is
            an outcome too.
        """
        try:
            return self._under_lock(lambda: self._run_locked(begun, changed))
        except OSError as error:
            message = f"the job directory {self.layout.path} cannot be used: {error}"
            state = JobState.error(FailureReason.ERROR)
            return Outcome(state, message, self._started_at, time.time())
        finally:
            own_turn().pause()  # not given: the next job may be the same thread's

    def record_unstarted(self, reason: FailureReason, message: str) -> Outcome:
        """Record that the job failed before it could begin.

        Returns
        -------
        Outcome
            Without a state if another runner has the job, or has done it.
        """
        now = time.time()
        ending = Ending(reason=reason, message=message)
        try:
            return self._under_lock(lambda: self._write_end(ending, now), is_run=False)
        except OSError as error:
            return Outcome(JobState.error(reason), f"{message} ({error})", None, now)
        finally:
            own_turn().give()

    def _under_lock(self, body: Callable[[], Outcome], *, is_run: bool = True) -> Outcome:
        """Make the directory ready under its lock, and do something there."""
        layout, keep = self.layout, self._terms.resumable
        lock = PathLock(layout.lock)
        # Only a run makes up for the result of other code that goes to the trash.
        code = self._work.code if self._terms.reruns and is_run else None
        own_turn().take()
        fresh = make_directory(layout, code)
        if not lock.acquire():
            return Outcome(None)
        try:
            # Only now: another runner may have come and gone before the lock was ours.
            if not make_ready(layout, fresh=fresh, keep=keep, code=code):
                return Outcome(None)
            describe(layout, *self._work.files(), keep=keep)
            return body()
        finally:
            lock.release()

    def _run_locked(
        self, begun: Callable[[JobContext, float], None], changed: Callable[[], None]
    ) -> Outcome:
        layout, terms = self.layout, self._terms
        earlier = read_events(layout) if terms.resumable else []
        self._number = 1 + sum(isinstance(event, Started) for event in earlier)
        stdout, stderr = self._surroundings.open_streams(layout, keep=terms.resumable)
        journal = JournalWriter(layout.events)
        context = JobContext(layout, journal, self._number, stdout, stderr, changed)
        if terms.resumable:
            context.is_resumable = True
            context.outputs = JournalWriter(layout.outputs)
        self._started_at = started_at = time.time()
        clock = self._start_clock(context)
        try:
            context.write_start(
                Started(
                    started_at,
                    self._number,
                    terms.launcher,
                    os.getpid(),
                    HOST,
                    self._surroundings.process_started,
                )
            )
            begun(context, started_at)
            if self._surroundings.ends_at_once and os.path.exists(layout.stop_request):  # noqa: PTH110
                self.cancel()  # too early for a signal
            own_turn().pause()  # the task's own code needs none
            ending = self._execute(context)
            own_turn().take()
            if ending.traceback:
                stderr.write(ending.traceback)
            return self._conclude(context, ending)
        finally:
            if clock is not None:
                clock.cancel()
                clock.join()
            stdout.close()
            stderr.close()
            context.close()

    def _start_clock(self, context: JobContext) -> threading.Timer | None:
        """Start the thread that ends the attempt in time; :meth:`_run_locked` ends it."""
        walltime_s = self._terms.walltime_s
        if walltime_s is None:
            return None
        context.deadline = time.monotonic() + walltime_s
        clock = threading.Timer(walltime_s, self.time_out)
        clock.name = f"xpmnb-clock-{self.layout.identifier[:8]}"
        clock.daemon = True
        clock.start()
        return clock

    def _execute(self, context: JobContext) -> Ending:
        """Run the task's own code; the first of the three borders where all errors are caught."""
        stopper, surroundings = self._stopper, self._surroundings
        try:
            try:
                surroundings.enter(self.layout.path, context)
                stopper.open()
                ending = Ending(self._run_task(context))
            finally:
                stopper.close()
                surroundings.leave()
        except BaseException as error:  # noqa: BLE001 (user code may raise anything)
            # Once more: a request can reach the thread between `finally` and the call after it.
            stopper.close()
            surroundings.leave()
            ending = ending_of(error)
        cause = self._cause
        if cause is None:
            return ending
        if ending.reason is None:  # it swallowed the request, or had no time to see it
            return replace(cause, message=f"{cause.message}, and went on to its end")
        return replace(ending, reason=cause.reason, message=cause.message)

    def _run_task(self, context: JobContext) -> Any:
        """Make the objects, run the init tasks, and then the task."""
        built = self._work.build()
        context.places = built.places
        begin_work(built, self.layout.path, self._work.tags)
        return execute(built)

    def _stop(self, cause: Ending, *, again: bool = True) -> None:
        """Ask the task to stop, for the first reason that comes. Signal handlers call it, too.

        A clean-up for an earlier reason is disturbed only by somebody who asks ``again``.
        """
        if self._asked.acquire(blocking=False):
            self._cause = cause
            if self._surroundings.ends_at_once and self._started_at is not None:
                self._begin_ending_early(cause)
        elif not again:
            return
        self._stopper.request(cause.message)

    def _begin_ending_early(self, cause: Ending) -> None:
        # Never waits: a signal may have come to the very thread that holds the lock, as it ends.
        if self._ending_early.acquire(blocking=False):
            try:
                # Not threading.Thread: the signal may have come while its lock was held.
                _thread.start_new_thread(self._end_early, (cause,))
            except RuntimeError:  # the system gives no thread: the end is written later
                self._ending_early.release()

    def _end_early(self, cause: Ending) -> None:
        """Write the end while the task still cleans up: it may be killed before it is through."""
        try:
            if self._claim.acquire(blocking=False):
                try:
                    self._outcome = self._write_end(cause, time.time())
                except OSError:  # a full disk, say: the end is tried once more when it has come
                    self._claim.release()
        finally:
            self._ending_early.release()

    def _conclude(self, context: JobContext, ending: Ending) -> Outcome:
        """Write result and end, unless somebody has done so."""
        early = self._early_outcome()
        if early is not None:
            return early
        result, refusal = self._keep_result(context, ending.value)
        if refusal:
            ending = replace(ending, message=refusal)
        if self._claim.acquire(blocking=False):
            return self._write_end(ending, time.time(), result)
        # It was asked to stop at the last moment, or the process is ending: recorded as lost.
        lost = Outcome(JobState.error(FailureReason.LOST), "its kernel ended while it ran")
        return self._early_outcome() or lost

    def _early_outcome(self) -> Outcome | None:
        """Return the end that was written while the task ran, if one was."""
        with self._ending_early:
            return self._outcome and replace(self._outcome, ended_at=time.time())

    def _keep_result(self, context: JobContext, value: Any) -> tuple[Any, str]:
        """Write the returned value, if it is JSON.

        Returns
        -------
        result
            The value as JSON gives it back.
        refusal : str
            Why it was not kept; empty if it was.
        """
        if value is None:
            return None, ""
        try:
            data = result_json(value)
        except Exception as error:  # noqa: BLE001 (user code: the value's own methods)
            kind = type(value).__qualname__
            refusal = (
                f"execute() returned {kind}, which is not kept as the result: {error}. Return "
                "JSON values (numbers, strings, lists, dicts), and save others to a file."
            )
            context.add_notice(refusal)
            return None, refusal
        # An attempt that was killed before it wrote its end may have left one in a kept directory.
        write = write_atomic if self._terms.resumable else write_new
        write(self.layout.result, data)
        return json.loads(data), ""

    def _write_end(self, ending: Ending, ended_at: float, result: Any = None) -> Outcome:
        """Write the end: of the job, or of an attempt that is followed by another."""
        span = Span(self._number, self._started_at, ended_at)
        return write_end(self.layout, ending, span, self._terms, result)


def execute(built: Built) -> Any:
    """Run the init tasks of a task, and then the task itself; return what it returned."""
    process = os.getpid()
    try:
        for each in built.init_tasks:
            each.execute()
        return built.root.execute()
    finally:
        if os.getpid() != process:
            _end_fork(sys.exception())


def _end_fork(error: BaseException | None) -> NoReturn:
    """End a process that the task has forked and that came back from it: it is not the job."""
    ending = Ending() if error is None else ending_of(error)
    try:
        sys.stderr.write(ending.traceback)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(ending.exit_code or int(ending.reason is not None))
