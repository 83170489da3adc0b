"""What goes on record of a job that this kernel ends."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from xpmnb.processes import HOST
from xpmnb.records.events import JobRecord
from xpmnb.records.states import JobState
from xpmnb.scheduler.changes import is_to_be_rerun
from xpmnb.scheduler.launcher import Outcome
from xpmnb.surroundings import ThreadSurroundings
from xpmnb.work import terms_of, work_of
from xpmnb.worker import Attempt

if TYPE_CHECKING:
    from xpmnb.records.states import FailureReason
    from xpmnb.scheduler.jobs import Job


def record_unstarted(job: Job, reason: FailureReason, message: str) -> Outcome:
    """Record that a job failed before it could begin.

    If it was to be run again since its code changed, its old result stands: nothing is recorded.
    """
    if os.path.exists(job.layout.done) and is_to_be_rerun(job):  # noqa: PTH110 (a str)
        return Outcome(JobState.error(reason), message, None, time.time())
    surroundings = ThreadSurroundings(lambda _: None)
    attempt = Attempt(work_of(job), terms_of(job, ""), surroundings)
    return attempt.record_unstarted(reason, message)


def on_record(job: Job, outcome: Outcome) -> Outcome:
    """Return an outcome that is on record, also where no attempt began that could record it.

    A process may end, or be refused, before it has made the directory of its job ready.
    """
    reason = outcome.state.failure_reason if outcome.state is not None else None
    if reason is None or outcome.attempt or outcome.started_at is not None:
        return outcome
    if outcome.marker_mtime_ns is not None:
        return outcome
    recorded = record_unstarted(job, reason, outcome.message)
    is_kept = recorded.state is None or recorded.marker_mtime_ns is not None
    return recorded if is_kept else outcome


def record_of(job: Job, state: JobState, outcome: Outcome, *, has_run: bool) -> JobRecord:
    """Return what is remembered of a job that this kernel ran."""
    return JobRecord(
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
        launcher=job.live_launcher.name if has_run else None,
        pid=outcome.pid if has_run else None,
        host=HOST if has_run else None,
        code=job.ran_code if has_run else None,
        submitted_code=job.submitted_code if has_run else None,
    )
