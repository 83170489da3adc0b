"""The scheduler of a process: its thread, its runs, and the inbox that its jobs pass through.

Messages are handled one at a time. The thread sleeps until one is posted; it also writes the
journals of the runs and looks after the jobs that other kernels run. Quick messages, such as the
end of a job, are handled by the thread that brings them: for a short job, waking another thread
would be a good part of what it costs.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from typing import TYPE_CHECKING

from xpmnb.scheduler.dispatcher import Dispatcher
from xpmnb.scheduler.inbox import Inbox
from xpmnb.scheduler.waiting import announce_change

if TYPE_CHECKING:
    from xpmnb.scheduler.jobs import Job
    from xpmnb.scheduler.runs import Lane, Run

_logger = logging.getLogger("xpmnb")

# How often the jobs of other kernels are looked at: a guess between prompt and cheap.
_WATCH_INTERVAL_S = 0.5

# How long a table waits for the submissions that it is to show.
_SETTLE_S = 2.0

# How long the index of a run may lag: entries are written together, which costs a job less.
_FLUSH_INTERVAL_S = 0.1


class Scheduler:
    """Takes runs and jobs in, and keeps a thread while it has some.

    There is one in a process. Public methods may be called by any thread.
    """

    def __init__(self) -> None:
        self._inbox = Inbox(self._give_up)
        self._dispatcher = Dispatcher(self._inbox, self._flush_later, self.close_run)
        self._lock = threading.Lock()
        self._runs: set[Run] = set()
        self._thread: threading.Thread | None = None
        self._flush_at: float | None = None
        """When the journals are due, on the monotonic clock."""
        self._is_registered = False
        self._process = 0
        """The number of the process whose jobs these are."""

    def open_run(self, run: Run) -> None:
        """Take a run in; the thread starts if it does not run yet."""
        run.idle = lambda: self._look_for_end(run)
        with self._lock:
            self._runs.add(run)
            if not self._is_registered:
                self._is_registered = True
                self._process = os.getpid()
                atexit.register(self.abandon)
            if self._thread is None:
                # A daemon: leaving the kernel must not wait for jobs; `abandon` records them.
                thread = threading.Thread(target=self._work, name="xpmnb-scheduler", daemon=True)
                thread.start()
                self._thread = thread

    def submit(self, job: Job, run: Run, line: bytes) -> Job:
        """Take a job in; return it, or the live one of the same directory."""
        return self._dispatcher.submit(job, run, line)

    def rouse(self, job: Job | None) -> None:
        """Have somebody take in what was submitted, last in each submission, failed or not."""
        self._dispatcher.rouse(job)

    def settle(self) -> None:
        """Wait until what was left to the thread is handled; not for long, and not in it."""
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            handled = threading.Event()
            self._inbox.post(handled.set)
            handled.wait(_SETTLE_S)

    def cancel(self, job: Job) -> None:
        """Ask for the end of a job."""
        self._inbox.post(self._dispatcher.on_cancel, job)

    def take_over(self, old: Run, new: Run) -> None:
        """Give the live jobs of a run to another, and end the first."""
        self._dispatcher.take_over(old, new)
        self.close_run(old)

    def refill(self, lane: Lane) -> None:
        """Start what is ready, after the limit of a lane was changed."""
        self._inbox.post(self._dispatcher.on_room, lane)

    def close_run(self, run: Run) -> None:
        """End a run as soon as none of its jobs is live."""
        # Posted, never brought: the end of a run may wait for the thread of its last job.
        run.close()
        self._inbox.post(self._finish_if_over, run)

    def join(self) -> None:
        """Wait for the end of the thread, if nothing keeps it."""
        thread = self._thread
        while thread is not None and thread.is_alive() and not self._is_needed():
            thread.join(0.05)

    def abandon(self) -> None:
        """Record what runs in this process as lost: it is about to end."""
        if os.getpid() != self._process:
            return  # a fork of it, whose end is nothing to the jobs
        words = self._dispatcher.abandon()
        if words:
            _logger.warning("this process ended before its jobs: %s", words)
        for run in list(self._runs):
            run.flush()

    def _is_needed(self) -> bool:
        return bool(self._runs or self._dispatcher.live or self._inbox)

    def _work(self) -> None:
        """Handle messages, write journals and watch other kernels, until nothing is left to do."""
        watch_at = 0.0
        while not self._is_over():
            self._inbox.work_off()
            now = time.monotonic()
            if self._dispatcher.needs_looks and now >= watch_at:
                watch_at = now + _WATCH_INTERVAL_S
                self._inbox.post(self._dispatcher.on_look)
                continue
            if self._flush_at is not None and now >= self._flush_at:
                self._flush_at = None
                for run in list(self._runs):
                    run.flush()
            if not self._is_needed():
                continue  # nothing would wake this thread any more
            due = [self._flush_at] if self._flush_at is not None else []
            due += [watch_at] if self._dispatcher.needs_looks else []
            self._inbox.sleep(max(0.0, min(due) - time.monotonic()) if due else None)

    def _is_over(self) -> bool:
        with self._lock:
            if self._is_needed():
                return False
            self._thread = None
            return True

    def _flush_later(self) -> None:
        """Let the journals be written soon."""
        if self._flush_at is None:
            self._flush_at = time.monotonic() + _FLUSH_INTERVAL_S
            self._inbox.wake()

    def _look_for_end(self, run: Run) -> None:
        """Wake who waits for the callbacks of a run, which may be over with them."""
        announce_change()
        if run.closing and run in self._runs:
            self._inbox.post(self._finish_if_over, run)

    def _finish_if_over(self, run: Run) -> None:
        if not run.is_over or run not in self._runs:
            return
        with self._lock:
            self._runs.discard(run)
            waiting = [each for each in self._runs if each.closing]
        run.finish()
        for each in waiting:  # for this one, perhaps, which it took over
            self._inbox.post(self._finish_if_over, each)
        announce_change()

    def _give_up(self) -> None:
        """Leave nobody waiting when a message failed, by a mistake of ours."""
        self._dispatcher.give_up()
        with self._lock:
            runs, self._runs = list(self._runs), set()
            # This may be the very thread, which then ends by the error.
            self._thread = None
        for run in runs:
            run.live.clear()
            run.finish()
        announce_change()
        self._inbox.wake()
