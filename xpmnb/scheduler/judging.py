"""Jobs that wait for others: started when these are done, doomed when one fails."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from xpmnb.records.states import FailureReason, JobState
from xpmnb.scheduler.graph import Verdict, judge

if TYPE_CHECKING:
    from collections.abc import Callable

    from xpmnb.scheduler.entries import Entry
    from xpmnb.scheduler.jobs import Job
    from xpmnb.scheduler.register import Register
    from xpmnb.scheduler.starting import Starter


class Judge:
    """Decides about jobs that have not begun. Messages of the scheduler only.

    Parameters
    ----------
    live : Register
        The live jobs.
    starter : Starter
        Takes the jobs that are ready.
    fail : callable
        Ends a job that cannot be started: told the entry, the reason, and words.
    """

    def __init__(
        self,
        live: Register,
        starter: Starter,
        fail: Callable[[Entry, FailureReason, str], None],
    ) -> None:
        self._live = live
        self._starter = starter
        self._fail = fail
        self._pending: deque[Job] = deque()
        self._is_judging = False

    def await_dependencies(self, entry: Entry) -> None:
        """Let the jobs that a new one needs tell it when they end; judge it now."""
        job = entry.job
        for dependency in job.dependencies:
            if not dependency.state.is_final:
                dependency.dependents.append(job)
                job.awaited += 1
        self.judge(entry)

    def await_again(self, entry: Entry) -> None:
        """Judge a job that another runner left; what it needs may have been begun anew since."""
        job = entry.job
        job.awaited = 0
        for dependency in job.dependencies:
            if job in dependency.dependents:
                dependency.dependents.remove(job)
        if any(not each.state.is_final for each in job.dependencies):
            job.move(JobState.WAITING)
        self.await_dependencies(entry)

    def judge(self, entry: Entry) -> None:
        """Start, doom or leave a job that has not begun."""
        job = entry.job
        verdict = judge(dependency.state for dependency in job.dependencies)
        if verdict is Verdict.DOOMED:
            failed = next(each for each in job.dependencies if each.state == JobState.ERROR)
            message = f"it needs {failed.layout.task} {failed.id[:8]}, which failed"
            self._fail(entry, FailureReason.DEPENDENCY, message)
        elif verdict is Verdict.READY:
            job.move(JobState.READY)
            self._starter.add(entry)
            self._starter.fill(entry.lane)

    def judge_dependents(self, ended: Job) -> None:
        """Judge the jobs that waited for one that ended."""
        dependents, ended.dependents = ended.dependents, []
        is_done = ended.state is JobState.DONE
        for job in dependents:
            job.awaited -= 1
            # Who waits for more is left alone: looking at all that it needs whenever one of them
            # is done would cost the square of their number.
            if not is_done or job.awaited <= 0:
                # A doomed job ends in turn, and so on: a loop, since chains may be long.
                self._pending.append(job)
        if self._is_judging:
            return
        self._is_judging = True
        try:
            while self._pending:
                job = self._pending.popleft()
                entry = self._live.find(job)
                if entry is not None and job.state is JobState.WAITING:
                    self.judge(entry)
        finally:
            self._is_judging = False
