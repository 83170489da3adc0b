"""A run of an experiment, as the scheduler sees it, and the observers it reports to."""

from __future__ import annotations

import logging
import os
import threading
from collections import Counter, deque
from contextlib import nullcontext
from threading import get_ident
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakValueDictionary

from xpmnb.core.state import state_of
from xpmnb.records.files import PathLock
from xpmnb.records.run_index import RunJournal
from xpmnb.records.states import JobState
from xpmnb.scheduler.callbacks import CallbackThread
from xpmnb.scheduler.outputs import OutputWatch
from xpmnb.scheduler.waiting import announce_change

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from xpmnb.records.events import JobRecord
    from xpmnb.records.layout import RunLayout
    from xpmnb.scheduler.jobs import Job
    from xpmnb.scheduler.launcher import Launcher
    from xpmnb.scheduler.outputs import Watcher

_logger = logging.getLogger("xpmnb")

_OBSERVER_FAILED = "a status display failed; the jobs go on"


class Observer(Protocol):
    """Shows a run to a person, or keeps what surrounds it: panels, log lines, the cells."""

    def submitted(self, job: Job) -> None:
        """Take a new submission. Called in the thread that submits."""
        ...

    def changed(self, job: Job) -> None:
        """Take the news that a job changed. Any thread, thousands of times a second."""
        ...

    def flush(self, timeout_s: float) -> None:
        """Show all that is known now. Called in the thread that waited for the jobs."""
        ...

    def closed(self) -> None:
        """Show the last state, and end every thread. Called once."""
        ...


class Lane:
    """A bound on jobs that run at the same time. Scheduler thread only.

    Parameters
    ----------
    limit : int
        How many jobs may run, at least 1.
    """

    __slots__ = ("limit", "queue", "running")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.queue: deque[Any] = deque()
        """What is ready, first come first served."""
        self.running = 0

    @staticmethod
    def default_limit() -> int:
        """Return the number of cores that this process may use."""
        if hasattr(os, "sched_getaffinity"):
            return len(os.sched_getaffinity(0))
        return os.cpu_count() or 1


class Run:
    """One run of an experiment: its journal, its observers, and its live jobs.

    Made by the thread that opens the experiment; then changed by the scheduler's thread only, if
    not said otherwise.
    """

    def __init__(
        self,
        layout: RunLayout,
        lane: Lane,
        observers: list[Observer],
        as_current: Callable[[], AbstractContextManager[None]] = nullcontext,
        resubmit: Callable[[Any], Job] | None = None,
    ) -> None:
        self.layout = layout
        self.name = f"{layout.experiment}/{layout.run}"
        """What jobs have on record of the run that submitted them."""
        self.lane = lane
        self.resubmit = resubmit
        """Submits the task of a job that failed once more, and returns its new job."""
        self.observers = observers
        self.idle: Callable[[], None] = announce_change
        """Told when no callback is due any more. Set by the scheduler."""
        self.callbacks = CallbackThread(
            self._report_callback, around=as_current, announce=self._tell_idle
        )
        """Calls what the user wants to be called when jobs end or make something."""
        self.handles: WeakValueDictionary[str, Job] = WeakValueDictionary()
        """The handles that somebody still holds, by identifier."""
        self.live: set[Job] = set()
        """Jobs that have not ended. Submitting threads add to it."""
        self.failed: dict[str, Job] = {}
        """Jobs of this run that failed and were not submitted again, by identifier."""
        self.submitted_ids: set[str] = set()
        self.needs: dict[str, tuple[str, ...]] = {}
        """Identifiers of what the jobs that need others need, by identifier."""
        self.run_ids: set[str] = set()
        """Identifiers of the jobs that were really run for it."""
        self.closing = False
        """Whether it ends as soon as no job is live."""
        self.closed = threading.Event()
        self._before: Run | None = None
        self._gate = threading.Lock()
        self._entering: Counter[int] = Counter()
        """How many submissions each thread is in."""
        self._launchers: list[Launcher] = []
        self._lock = PathLock(layout.lock)
        self._lock.acquire()
        self._journal = RunJournal(layout, autoflush=False)

    def enter(self) -> bool:
        """Begin a submission, which the end of the run waits for; False if the run is closing.

        Each that began has its :meth:`leave`. Submitting threads.
        """
        with self._gate:
            self._entering[get_ident()] += 1
            return not self.closing

    def leave(self) -> None:
        """End a submission, begun or not: an interrupt may come at any point."""
        with self._gate:
            self._entering[get_ident()] -= 1
            if self._entering[get_ident()] <= 0:
                del self._entering[get_ident()]

    def forget_submissions(self) -> None:
        """Forget what the calling thread began to submit, and was interrupted in."""
        with self._gate:
            self._entering.pop(get_ident(), None)

    def close(self) -> None:
        """Take no more submissions. Any thread."""
        with self._gate:
            self.closing = True

    @property
    def is_over(self) -> bool:
        """Whether no job is live, no submission under way, and no callback due.

        Nor of the run that this one took over.
        """
        if self.live:
            return False  # at once: it is asked at the end of each job
        begun = self.callbacks.begun
        # In this order: callbacks submit, and who submits leaves a live job.
        if self.callbacks.pending() or self._entering or self.live:
            return False
        if self._before is not None and self._before.closed.is_set():
            self._before = None
        # A job that ended meanwhile has its callbacks, which may submit the next.
        return begun == self.callbacks.begun and (self._before is None or self._before.is_over)

    def attend(self, job: Job, task: Any) -> None:
        """Call the callbacks of a submitted task from now on. Submitting threads."""
        job.run = self
        self.handles[job.id] = job
        if job.needs:
            self.needs[job.id] = job.needs
        state = state_of(task)
        if state.watched:
            self.callbacks.watch(job, OutputWatch(job.layout, task, state.watched))
        for callback in state.on_completed:
            self.callbacks.on_completed(job, callback, task)

    def use(self, launcher: Launcher) -> None:
        """Open a launcher for as long as the run lasts. Submitting threads."""
        if launcher not in self._launchers:
            launcher.open()
            self._launchers.append(launcher)

    def succeed(self, other: Run) -> None:
        """Keep open what the live jobs of another run need, and wait for its callbacks."""
        self._before = other
        for launcher in other._launchers:
            self.use(launcher)

    def take_over(self, job: Job, other: Run) -> None:
        """Have a live job of another run from now on, and its callbacks."""
        self.live.add(job)
        self.handles[job.id] = job
        if job.run is other:
            job.run = self
        self.callbacks.take_from(other.callbacks, job)

    def note_submission(self, job: Job, line: bytes) -> None:
        """Note a submission by its line; :meth:`flush` writes it."""
        self.submitted_ids.add(job.id)
        self.failed.pop(job.id, None)
        self._journal.keep(line)

    def write_end(self, job: Job, record: JobRecord, marker_mtime_ns: int | None) -> None:
        """Note how a job ended; :meth:`flush` writes it."""
        if job.id in self.submitted_ids:
            if record.state == JobState.ERROR:
                self.failed[job.id] = job
            self._journal.ended(record, marker_mtime_ns)

    def flush(self) -> None:
        """Write what was noted. Any thread."""
        self._write(self._journal.flush)

    def greet(self, job: Job) -> None:
        """Tell the observers of a submission. Submitting threads."""
        for observer in self.observers:
            guarded(observer.submitted, job)

    def notify(self, job: Job) -> None:
        """Tell the observers that a job changed. Any thread."""
        for observer in self.observers:
            # As `guarded` does, without its call: a job that reports progress waits for this.
            try:
                observer.changed(job)
            except Exception:
                _logger.exception(_OBSERVER_FAILED)

    def refresh(self, timeout_s: float) -> None:
        """Have the observers show, or write, all that is known now. The thread that waits."""
        for observer in self.observers:
            guarded(observer.flush, timeout_s)

    def finish(self) -> None:
        """End the run: the observers, the launchers, the journal."""
        self.closing = True
        self.callbacks.stop()
        try:
            for observer in self.observers:
                guarded(observer.closed)
            for launcher in self._launchers:
                launcher.close()
            self._write(self._journal.close)
            self._lock.release()
        finally:
            self.closed.set()

    def watch(self, job: Job, task: Any, watcher: Watcher) -> None:
        """Watch one more output of a submitted task. Any thread."""
        everything = OutputWatch(job.layout, task, state_of(task).watched)
        self.callbacks.watch(job, everything, OutputWatch(job.layout, task, [watcher]))

    def _report_callback(self, job: Job, text: str) -> None:
        """Show that a callback raised."""
        job.message = f"{job.message}; {text}" if job.message else text
        self.notify(job)

    def _tell_idle(self) -> None:
        self.idle()

    def _write(self, write: Callable[[], None]) -> None:
        # The journal is an index: without it the job directories are read. So a full disk, or a
        # workspace that somebody deleted, is told and survived.
        try:
            write()
        except (OSError, ValueError) as error:  # ValueError: it is closed
            _logger.warning("the journal of run %s lacks an entry: %s", self.layout.path, error)


def guarded(call: Callable[..., None], *args: Any) -> None:
    """Call an observer; a dead panel never stops a job. The border around panels."""
    try:
        call(*args)
    except Exception:
        _logger.exception(_OBSERVER_FAILED)
