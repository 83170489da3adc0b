"""One inbox, and one message at a time: this alone moves jobs forward.

Any thread may call the public methods: they put a message into the inbox and return. The
scheduler's thread handles it, and also watches what other kernels run. The thread of a job that
has ended handles its message itself, unless another message is being handled: waking one thread
less for each job is a quarter of what a short job costs. The scheduler's thread lives while a run
is open or a job is live. There is one scheduler in a process.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xpmnb.records.events import JobRecord
from xpmnb.records.states import FailureReason, JobState
from xpmnb.scheduler.elsewhere import Sight, look_at, read_end
from xpmnb.scheduler.graph import Verdict, judge
from xpmnb.scheduler.inbox import Inbox
from xpmnb.scheduler.jobs import announce_change
from xpmnb.scheduler.launcher import Outcome
from xpmnb.worker import Attempt

if TYPE_CHECKING:
    from collections.abc import Callable

    from xpmnb.runtime import JobContext
    from xpmnb.scheduler.jobs import Job
    from xpmnb.scheduler.runs import Lane, Run

_logger = logging.getLogger("xpmnb")

# How often the jobs of other kernels are looked at: a guess between prompt and cheap.
_WATCH_INTERVAL_S = 0.5

# How long the index of a run may lag: entries are written together, which costs a job less.
_FLUSH_INTERVAL_S = 0.1


@dataclass(slots=True, eq=False)
class _Entry:
    """A live job and all that the scheduler knows of it; the listener of its launcher."""

    scheduler: Scheduler
    job: Job
    lane: Lane
    runs: list[Run]

    def begun(self, context: JobContext | None, started_at: float) -> None:
        """Show that the job runs. No decision hangs on it, so no message wakes the scheduler."""
        self.job.begin(context, started_at)
        self.changed()

    def changed(self) -> None:
        """Pass the news on to the observers; they are quick."""
        for run in self.runs:
            run.notify(self.job)

    def finished(self, outcome: Outcome) -> None:
        """Take the news that all is over, in the thread that brings it if nobody is busy."""
        self.scheduler.inbox.bring(self.scheduler.on_finished, self, outcome)


class Scheduler:
    """Moves jobs from submission to their end.

    ``open_run``, ``submit``, ``cancel``, ``close_run`` and ``take_over`` may be called by any
    thread; methods named ``on_...`` handle a message, one at a time.

    Invariant: a path is in ``_live`` from its submission until its job is final, so that no job
    is run twice by this process.
    """

    def __init__(self) -> None:
        self.inbox = Inbox(self._give_up)
        self._flush_at: float | None = None
        """When the journals are due, on the monotonic clock."""
        self._lock = threading.Lock()
        self._live: dict[str, _Entry] = {}
        self._watched: list[_Entry] = []
        self._runs: set[Run] = set()
        self._thread: threading.Thread | None = None
        self._at_exit = False

    def open_run(self, run: Run) -> None:
        """Take a run in; the thread starts if it does not run yet."""
        with self._lock:
            self._runs.add(run)
            if self._thread is None:
                if not self._at_exit:
                    self._at_exit = True
                    atexit.register(self.abandon)
                # A daemon: leaving the kernel must not wait for jobs; `abandon` records them.
                self._thread = threading.Thread(
                    target=self._work, name="xpmnb-scheduler", daemon=True
                )
                self._thread.start()

    def find(self, path: str) -> Job | None:
        """Return the live job of a directory."""
        entry = self._live.get(path)
        return None if entry is None else entry.job

    def submit(self, job: Job, run: Run) -> Job:
        """Take a job in, or attach to the live one of the same directory.

        Returns
        -------
        Job
            The job that runs: the given one, or the live one.
        """
        path = job.layout.path
        with self._lock:
            entry = self._live.get(path)
            if entry is None:
                entry = self._live[path] = _Entry(self, job, run.lane, [run])
                handler = self.on_submitted
            else:
                handler = self.on_attached
                if run not in entry.runs:
                    entry.runs = [*entry.runs, run]
            run.live.add(entry.job)
        self.inbox.bring(handler, entry, run)
        return entry.job

    def cancel(self, job: Job) -> None:
        """Ask for the end of a job."""
        self.inbox.post(self.on_cancel, job)

    def take_over(self, old: Run, new: Run) -> None:
        """Give the live jobs of a run to another, and end the first."""
        with self._lock:
            for entry in self._live.values():
                if old in entry.runs:
                    entry.runs = [run for run in entry.runs if run not in (old, new)] + [new]
                    new.live.add(entry.job)
            old.live.clear()
        self.close_run(old)

    def close_run(self, run: Run) -> None:
        """End a run as soon as none of its jobs is live."""
        self.inbox.post(self.on_close, run)

    def join(self) -> None:
        """Wait for the end of the thread, if nothing keeps it."""
        thread = self._thread
        while thread is not None and thread.is_alive() and not self._runs and not self._live:
            thread.join(0.05)

    def abandon(self) -> None:
        """Record what runs in this process as lost: it is about to end."""
        for launcher in {entry.job.launcher for entry in list(self._live.values())}:
            if launcher is not None:
                launcher.abandon()

    def _work(self) -> None:
        """Handle messages, write journals and watch other kernels, until nothing is left to do."""
        watch_at = time.monotonic()
        while not self._is_over():
            self.inbox.handle_all()
            now = time.monotonic()
            if self._watched and now >= watch_at:
                watch_at = now + _WATCH_INTERVAL_S
                self.inbox.bring(self.on_look)
            if self._flush_at is not None and now >= self._flush_at:
                self._flush_at = None
                for run in list(self._runs):
                    run.flush()
            self._sleep(watch_at)

    def _sleep(self, watch_at: float) -> None:
        """Sleep until a message comes, or something is due."""
        due = [time for time in (self._flush_at, watch_at if self._watched else None) if time]
        timeout = max(0.0, min(due) - time.monotonic()) if due else None
        self.inbox.sleep(timeout)

    def _flush_later(self) -> None:
        """Let the journals be written soon."""
        if self._flush_at is None:
            self._flush_at = time.monotonic() + _FLUSH_INTERVAL_S
            self.inbox.wake()

    def _is_over(self) -> bool:
        with self._lock:
            over = not self._runs and not self._live and not self.inbox
            if over:
                self._thread = None
            return over

    def _give_up(self) -> None:
        """Leave nobody waiting when a handler fails, by a mistake of ours."""
        with self._lock:
            entries, self._live = list(self._live.values()), {}
            runs, self._runs = list(self._runs), set()
        for entry in entries:
            state = JobState.error(FailureReason.LOST)
            entry.job.settle(state, "the scheduler failed; its traceback is in the kernel's log")
            entry.job.announce()
        for run in runs:
            run.live.clear()
            run.finish()
        self.inbox.wake()

    def on_submitted(self, entry: _Entry, run: Run) -> None:
        """Judge a new job: done already, ready, waiting, or doomed."""
        job = entry.job
        run.write_submission(job)
        self._flush_later()
        if os.path.exists(job.layout.done):  # noqa: PTH110 (a str; once for each submission)
            self._recognise(entry)
            return
        self._judge(entry)
        for dependency in job.dependencies:
            if not dependency.state.is_final:
                dependency.dependents.append(job)

    def on_attached(self, entry: _Entry, run: Run) -> None:
        """Write that another run, or the same one again, submitted a live job."""
        run.write_submission(entry.job)
        self._flush_later()
        if entry.job.state.is_final:
            # It ended between the submission and this message: the run has not heard of it.
            run.write_end(entry.job, *read_end(entry.job.layout))
            run.live.discard(entry.job)
            announce_change()
        run.notify(entry.job)

    def on_finished(self, entry: _Entry, outcome: Outcome) -> None:
        """Take the outcome of an attempt."""
        entry.lane.running -= 1
        if outcome.state is None:
            self._watch(entry)
        else:
            self._end(entry, outcome.state, outcome)
        self._fill(entry.lane)

    def on_cancel(self, job: Job) -> None:
        """End a job that has not begun; ask its launcher otherwise."""
        entry = self._live.get(job.layout.path)
        if entry is None or entry.job is not job:
            return
        if job.state in (JobState.WAITING, JobState.READY):
            self._fail_unstarted(entry, FailureReason.CANCELLED, "cancelled before it began")
        elif entry in self._watched:
            job.message = "another process runs this job: stop it there"
        elif job.launcher is not None:
            job.stopping = True
            job.launcher.cancel(job)
        entry.changed()

    def on_close(self, run: Run) -> None:
        """End a run now, or let its last job do it."""
        run.closing = True
        self._finish_if_over(run)

    def _judge(self, entry: _Entry) -> None:
        """Start, doom or leave a job that has not begun."""
        job = entry.job
        verdict = judge(dependency.state for dependency in job.dependencies)
        if verdict is Verdict.DOOMED:
            failed = next(each for each in job.dependencies if each.state == JobState.ERROR)
            message = f"it needs {failed.layout.task} {failed.id[:8]}, which failed"
            self._fail_unstarted(entry, FailureReason.DEPENDENCY, message)
        elif verdict is Verdict.READY:
            job.state = JobState.READY
            entry.lane.queue.append(entry)
            self._fill(entry.lane)

    def _fill(self, lane: Lane) -> None:
        """Start what is ready while the lane has room."""
        while lane.queue and lane.running < lane.limit:
            entry = lane.queue.popleft()
            if entry.job.state != JobState.READY:  # cancelled while it queued
                continue
            lane.running += 1
            entry.job.state = JobState.SCHEDULED
            entry.changed()
            try:
                entry.job.launcher.start(entry.job, entry)
            except Exception as error:
                # The border around launchers: theirs may be anybody's code.
                _logger.exception("the launcher of %r failed", entry.job)
                message = f"the launcher could not start it: {error!r}"
                state = JobState.error(FailureReason.ERROR)
                entry.finished(Outcome(state, message, None, time.time()))

    def _fail_unstarted(self, entry: _Entry, reason: FailureReason, message: str) -> None:
        """End a job that has not begun, on record."""
        job = entry.job
        attempt = Attempt(
            job.layout, job.task, job.params, job.tags, launcher="", enter=lambda _: None
        )
        outcome = attempt.record_unstarted(reason, message)
        if outcome.state is None:
            self._watch(entry)
        else:
            self._end(entry, outcome.state, outcome)

    def _recognise(self, entry: _Entry) -> None:
        """End a job as its directory says: somebody ran it, earlier or elsewhere."""
        job = entry.job
        record, mtime = read_end(job.layout)
        job.begin(None, record.started)
        job.take_metrics(record.metrics)
        job.retry_count = max(0, record.attempts - 1)
        self._conclude(entry, record, mtime)

    def _watch(self, entry: _Entry) -> None:
        """Follow a job that another runner has, or had a moment ago."""
        self._watched.append(entry)
        self.inbox.wake()
        entry.job.begin(None, time.time())
        self.on_look()
        entry.changed()

    def on_look(self) -> None:
        """Look at the jobs of other runners: ended, still running, or left alone."""
        for entry in list(self._watched):
            sight = look_at(entry.job.layout)
            if sight is Sight.RUNNING:
                continue
            self._watched.remove(entry)
            if sight is Sight.ENDED:
                self._recognise(entry)
            else:  # the job is ours to run
                entry.job.state = JobState.READY
                entry.lane.queue.append(entry)
                self._fill(entry.lane)

    def _end(self, entry: _Entry, state: JobState, outcome: Outcome) -> None:
        """End a job of our own as its attempt says."""
        job = entry.job
        if outcome.started_at is not None:
            job.started_at = outcome.started_at
        record = JobRecord(
            task=job.layout.task,
            identifier=job.id,
            path=job.layout.path,
            state=state,
            message=outcome.message or None,
            result=outcome.result,
            metrics=job.metrics,
            started=outcome.started_at,
            ended=outcome.ended_at,
            attempts=outcome.attempt,
            launcher=job.launcher.name if outcome.attempt and job.launcher else None,
            pid=os.getpid() if outcome.attempt else None,
            host=os.uname().nodename if outcome.attempt and hasattr(os, "uname") else None,
        )
        self._conclude(entry, record, outcome.marker_mtime_ns)

    def _conclude(self, entry: _Entry, record: JobRecord, marker_mtime_ns: int | None) -> None:
        """Make a job final, tell everybody, and see who waited for it."""
        job = entry.job
        with self._lock:
            if self._live.pop(job.layout.path, None) is not entry:
                return  # given up before
        job.ended_at = record.ended
        dependents, job.dependents = job.dependents, []
        job.settle(record.state, record.message or "")
        for run in entry.runs:
            run.write_end(job, record, marker_mtime_ns)
            run.notify(job)
            run.live.discard(job)
        job.announce()
        self._flush_later()
        for dependent in dependents:
            waiting = self._live.get(dependent.layout.path)
            if waiting is not None and waiting.job.state == JobState.WAITING:
                self._judge(waiting)
        for run in entry.runs:
            if run.closing and not run.live:
                # Never in a job's own thread, which the end of a run may have to wait for.
                self.inbox.post(self.on_close, run)

    def _finish_if_over(self, run: Run) -> None:
        if run.live or run not in self._runs:
            return
        run.finish()
        with self._lock:
            self._runs.discard(run)
        announce_change()
        self.inbox.wake()

