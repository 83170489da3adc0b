"""What happens to a job between its submission and its end.

The rules, and nothing but the rules: which thread applies them, one message at a time, is decided
in ``inbox.py`` and ``scheduler.py``.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from xpmnb.conclusion import interrupted_attempts, record_death
from xpmnb.endings import Ending
from xpmnb.processes import HOST
from xpmnb.records.events import JobRecord
from xpmnb.records.files import exists, is_locked
from xpmnb.records.states import FailureReason, JobState
from xpmnb.scheduler.changes import (
    is_to_be_rerun,
    note_change,
    note_newer_code,
    note_running_code,
)
from xpmnb.scheduler.elsewhere import read_end
from xpmnb.scheduler.entries import Entry
from xpmnb.scheduler.judging import Judge
from xpmnb.scheduler.launcher import Outcome
from xpmnb.scheduler.recording import on_record, record_of, record_unstarted
from xpmnb.scheduler.register import Register
from xpmnb.scheduler.starting import Starter
from xpmnb.scheduler.stopping import read_stop_request
from xpmnb.scheduler.waiting import announce_change
from xpmnb.scheduler.watching import Watcher
from xpmnb.work import terms_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from xpmnb.scheduler.inbox import Inbox
    from xpmnb.scheduler.jobs import Job
    from xpmnb.scheduler.runs import Lane, Run

_logger = logging.getLogger("xpmnb")


class Dispatcher:
    """Moves the jobs of a process forward.

    Methods named ``on_...`` are messages: the inbox lets one in at a time. The others that are
    public may be called by any thread.

    Parameters
    ----------
    inbox : Inbox
        Where messages are left.
    noted : callable
        Told that a run has something to write.
    emptied : callable
        Told of a run that waited for its last job.
    """

    def __init__(
        self, inbox: Inbox, noted: Callable[[], None], emptied: Callable[[Run], None]
    ) -> None:
        self.inbox = inbox
        self._noted = noted
        self._emptied = emptied
        self.live = Register()
        self._starter = Starter(self._fail_unstarted)
        self._watcher = Watcher(self._recognise, self._take_on)
        self._judge = Judge(self.live, self._starter, self._fail_unstarted)

    def submit(self, job: Job, run: Run, line: bytes) -> Job:
        """Take a job in, or attach to the live one of the same directory.

        Parameters
        ----------
        job : Job
            A new job.
        run : Run
            Who wants it.
        line : bytes
            What the journal of the run is to say of the submission.

        Returns
        -------
        Job
            The job that runs: the given one, or the live one.
        """
        entry = Entry(self, job, run.lane, [run])
        # The message comes before the rest: from here on a Ctrl-C in this thread loses nothing.
        # Who submits tells it at last, with `rouse`, so that two threads do not struggle for the
        # interpreter meanwhile.
        self.inbox.leave(self.on_submitted, entry, run, line)
        live = self.live.take(entry, run).job
        if not live.state.is_final:
            live.tags = job.tags  # those of the last submission, as tables have them
        run.greet(live)
        return live

    def rouse(self, job: Job | None) -> None:
        """Have somebody take in what was submitted: at best the thread that will run the job."""
        if self.inbox.is_busy:
            return
        launcher = None if job is None else job.launcher
        lend = getattr(launcher, "lend", None)
        if lend is None or not lend(self._help):
            self.inbox.wake()

    def _help(self) -> None:
        """Take submissions in, in the thread of a job that has just ended."""
        self.inbox.help(self.on_submitted)

    def take_over(self, old: Run, new: Run) -> None:
        """Give the live jobs of a run to another."""
        new.succeed(old)
        self.live.take_over(old, new)

    def give_up(self) -> None:
        """Leave nobody waiting when a message failed, by a mistake of ours."""
        for entry in self.live.clear():
            state = JobState.error(FailureReason.LOST)
            entry.job.settle(state, "the scheduler failed; its traceback is in the kernel's log")
            entry.job.announce()

    def abandon(self) -> str:
        """Start nothing more, and let the launchers record what is lost: this process ends.

        Returns
        -------
        str
            What becomes of the live jobs, in words; empty if there are none.
        """
        self._starter.stop()
        # Else a job that was submitted a moment ago would leave no trace.
        for entry, run, line in self.inbox.left_for(self.on_submitted):
            run.note_submission(entry.job, line)
        return _abandon([entry.job for entry in self.live.entries()])

    @property
    def needs_looks(self) -> bool:
        """Whether :meth:`on_look` has anything to look at."""
        return bool(self._starter or self._watcher)

    def bring_begun(self, entry: Entry) -> None:
        """Leave the news that a job runs in another process."""
        self.inbox.post(self.on_begun, entry)

    def bring_finished(self, entry: Entry, outcome: Outcome) -> None:
        """Bring the news that an attempt is over."""
        self.inbox.bring(self.on_finished, entry, outcome)

    def on_submitted(self, entry: Entry, run: Run, line: bytes) -> None:
        """Judge a new job: there already, done before, ready, waiting, or doomed."""
        run.note_submission(entry.job, line)
        taken = self.live.take(entry, run)
        job = taken.job
        self._noted()
        if taken is not entry:
            note_newer_code(job, entry.job)
            self._attach(taken, run)
        elif not exists(job.layout.hidden):
            self._judge.await_dependencies(entry)
        elif exists(job.layout.done) and not is_to_be_rerun(job):
            self._recognise(entry)
        elif _is_run_elsewhere(job):
            self._watch(entry)
        else:
            self._judge.await_dependencies(entry)

    @staticmethod
    def _attach(entry: Entry, run: Run) -> None:
        """Show a live job to another run, or to the same one again."""
        if entry.job.state.is_final:
            # It ended between the submission and this message: the run has not heard of it.
            run.write_end(entry.job, *read_end(entry.job.layout))
            run.live.discard(entry.job)
            announce_change()
        run.notify(entry.job)

    def on_begun(self, entry: Entry) -> None:
        """Follow the progress of a job in another process."""
        if self._starter.is_running(entry):
            self._watcher.follow(entry)

    def on_finished(self, entry: Entry, outcome: Outcome) -> None:
        """Take the outcome of an attempt."""
        self._starter.take_back(entry, has_ended=outcome.state is not None)
        self._watcher.let_go(entry)
        outcome = on_record(entry.job, outcome)
        if outcome.state is None:
            self._watch(entry)
        elif not outcome.retry:
            self._end(entry, outcome.state, outcome)
        elif entry.job.stopping:
            self._fail_unstarted(
                entry, FailureReason.CANCELLED, "cancelled before it was run again"
            )
        else:
            self._retry(entry, outcome)
        self._starter.fill(entry.lane)

    def _retry(self, entry: Entry, outcome: Outcome) -> None:
        """Run a job again whose time ran out."""
        job = entry.job
        job.retry_count += 1
        job.message = (
            f"run again ({job.retry_count} of {job.demands.max_retries}): {outcome.message}"
        )
        job.move(JobState.READY)
        self._starter.add(entry)
        entry.changed()

    def on_cancel(self, job: Job) -> None:
        """End a job that has not begun; ask its launcher otherwise."""
        entry = self.live.find(job)
        if entry is None:
            return
        if job.state in (JobState.WAITING, JobState.READY):
            self._starter.withdraw(entry)
            self._fail_unstarted(entry, FailureReason.CANCELLED, "cancelled before it began")
            return
        job.stopping = True
        if self._watcher.is_foreign(entry):
            job.message = self._watcher.stop(entry)
        else:
            job.live_launcher.cancel(job)
        entry.changed()

    def on_look(self) -> None:
        """Look at what other processes do: their jobs, their wishes, their tokens."""
        self._watcher.look()
        for entry in self.live.entries():
            if entry.job.stopping or not exists(entry.job.layout.stop_request):
                continue
            if entry.job.state == JobState.SCHEDULED or self._watcher.is_foreign(entry):
                continue  # meant for an earlier attempt, or for the kernel that runs it
            request = read_stop_request(entry.job.layout)
            if request is not None:
                self.on_cancel(entry.job)
                if not entry.job.state.is_final:
                    entry.job.message = f"asked to stop by {request.by}"
        self._starter.start_waiting()

    def _take_on(self, entry: Entry, death: Ending | None) -> None:
        """Run a job whose runner is gone, unless it was stopped."""
        job = entry.job
        if death is None and job.stopping:
            death = Ending(reason=FailureReason.CANCELLED, message="its runner is gone")
        if death is None:
            retries = interrupted_attempts(job.layout)
            job.retry_count = max(job.retry_count, min(retries, job.demands.max_retries))
            self._judge.await_again(entry)
            return
        since = job.submitted_at or 0.0
        outcome = record_death(job.layout, death, terms_of(job, ""), since, taken_over=True)
        outcome = on_record(job, outcome)
        if outcome.state is None:
            self._watch(entry)
        else:
            self._end(entry, outcome.state, outcome)

    def on_room(self, lane: Lane) -> None:
        """Start what a raised limit lets in."""
        self._starter.fill(lane)

    def _fail_unstarted(self, entry: Entry, reason: FailureReason, message: str) -> None:
        """End a job that has not begun, on record."""
        outcome = record_unstarted(entry.job, reason, message)
        if outcome.state is None:
            self._watch(entry)
        else:
            self._end(entry, outcome.state, outcome)

    def _watch(self, entry: Entry) -> None:
        """Follow a job that another runner has, or had a moment ago."""
        self._watcher.watch(entry)
        entry.job.begin(None, time.time())
        note_running_code(entry.job)
        entry.changed()
        self._watcher.look()
        self.inbox.wake()

    def _recognise(self, entry: Entry) -> None:
        """End a job as its directory says: somebody ran it, earlier or elsewhere."""
        job = entry.job
        record, mtime = read_end(job.layout)
        if record.state == JobState.ERROR and _is_older(record, job):
            # Nobody has run it since it failed: its process died before it had the lock.
            self._judge.await_again(entry)
            return
        if not record.state.is_final:
            # Another kernel began it again between two looks.
            self._watcher.watch(entry)
            self.inbox.wake()
            return
        job.take_record(record)
        was_run = any(job.id in run.run_ids for run in entry.runs)
        job.recognised = record.state == JobState.DONE and not was_run
        note = note_change(job, record.code) if record.state == JobState.DONE else ""
        self._conclude(entry, record, mtime, note)

    def _end(self, entry: Entry, state: JobState, outcome: Outcome) -> None:
        """End a job of our own as its attempt says."""
        job = entry.job
        if outcome.started_at is not None:
            job.started_at = outcome.started_at
        has_run = outcome.attempt > 0 and job.launcher is not None
        if has_run:
            for run in entry.runs:
                run.run_ids.add(job.id)
        record = record_of(job, state, outcome, has_run=has_run)
        self._conclude(entry, record, outcome.marker_mtime_ns)

    def _conclude(
        self, entry: Entry, record: JobRecord, marker_mtime_ns: int | None, note: str = ""
    ) -> None:
        """Make a job final, tell everybody, and see who waited for it."""
        job = entry.job
        if not self.live.remove(entry):
            return  # given up before
        job.ended_at = record.ended
        job.settle(record.state, record.message or note)
        for run in entry.runs:
            run.write_end(job, record, marker_mtime_ns)
            run.notify(job)
            run.callbacks.job_ended(job, ok=record.state is JobState.DONE)
            run.live.discard(job)
        self._noted()
        self._judge.judge_dependents(job)
        for run in entry.runs:
            if run.closing and not run.live:
                self._emptied(run)
        # Last, for it wakes who waits: another thread that wants the interpreter.
        job.announce()


def _abandon(jobs: list[Job]) -> str:
    """Let the launchers of live jobs record what is lost; say what becomes of all."""
    begun = [job for job in jobs if job.state in (JobState.SCHEDULED, JobState.RUNNING)]
    for launcher in {job.launcher for job in jobs}:
        if launcher is not None:
            launcher.abandon()
    lost = sum(exists(job.layout.failed) for job in begun)
    counts = {
        "go on in processes of their own": len(begun) - lost,
        "are lost": lost,
        "never began": len(jobs) - len(begun),
    }
    words = [f"{count} {what}" for what, count in counts.items() if count]
    if lost or len(begun) < len(jobs):
        words.append("submit them again; xp.wait() waits for jobs")
    return "; ".join(words)


def _is_older(record: JobRecord, job: Job) -> bool:
    """Tell whether a failure on record is older than the submission, by the same clock."""
    if record.host not in (None, HOST) or record.ended is None or job.submitted_at is None:
        return False
    return record.ended < job.submitted_at


def _is_run_elsewhere(job: Job) -> bool:
    """Tell whether another process runs a job that is not live in this one."""
    try:
        return is_locked(job.layout.lock)
    except OSError:  # whoever tries to run it finds out
        return False
