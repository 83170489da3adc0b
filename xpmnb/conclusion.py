"""Writing how an attempt ended: the end marker of the job, or that another attempt is due."""

from __future__ import annotations

import math
import os
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from xpmnb.endings import Ending
from xpmnb.frozen import quick_to_make
from xpmnb.records.events import AttemptEnded, EndMarker, Started
from xpmnb.records.files import PathLock, write_atomic
from xpmnb.records.job_directory import read_events
from xpmnb.records.journal import JournalWriter
from xpmnb.records.states import FailureReason, JobState
from xpmnb.scheduler.elsewhere import read_end
from xpmnb.scheduler.launcher import Outcome

if TYPE_CHECKING:
    from xpmnb.records.layout import JobLayout
    from xpmnb.scheduler.requests import Terms


@quick_to_make
@dataclass(frozen=True, slots=True)
class Span:
    """Which attempt, and when. Immutable; any thread."""

    attempt: int
    """From 1; 0 if none began."""
    started_at: float | None
    """Seconds since the epoch."""
    ended_at: float
    """Seconds since the epoch."""


def write_end(
    layout: JobLayout, ending: Ending, span: Span, terms: Terms, result: Any = None
) -> Outcome:
    """Write how an attempt ended. The caller holds the lock of the job.

    Parameters
    ----------
    layout : JobLayout
        The job.
    ending : Ending
        How its code ended.
    span : Span
        Which attempt it was.
    terms : Terms
        Whether it may be run again when its time ran out: then no end marker is written, since
        the job has not ended.
    result
        What ``execute`` returned, as JSON gives it back.

    Raises
    ------
    OSError
        If nothing can be written.
    """
    state = JobState.DONE if ending.reason is None else JobState.error(ending.reason)
    times = (span.started_at, span.ended_at, span.attempt)
    if ending.reason is FailureReason.TIMEOUT and terms.resumable and terms.retries_left > 0:
        event = AttemptEnded(span.ended_at, span.attempt, ending.reason.value, ending.message)
        journal = JournalWriter(layout.events)
        try:
            journal.append(event.to_json())
        finally:
            journal.close()
        return Outcome(state, ending.message, *times, pid=os.getpid(), retry=True)
    marker = EndMarker(
        state.value,
        ending.reason,
        ending.message or None,
        ending.traceback or None,
        span.started_at,
        span.ended_at,
        ending.exit_code,
        span.attempt,
        ending.place,
    )
    path = layout.done if ending.reason is None else layout.failed
    write_atomic(path, marker.to_bytes())
    mtime = os.stat(path).st_mtime_ns  # noqa: PTH116 (a str; hot)
    return Outcome(state, ending.message, *times, mtime, result, os.getpid())


def record_death(
    layout: JobLayout, ending: Ending, terms: Terms, since: float, *, taken_over: bool = False
) -> Outcome:
    """Record the end of a job whose process is gone, unless it recorded it itself.

    Parameters
    ----------
    layout : JobLayout
        The job.
    ending : Ending
        What its process died of.
    terms : Terms
        Under which it ran.
    since : float
        Seconds since the epoch: an end that was recorded before is that of an earlier attempt.
    taken_over : bool
        Whether somebody else had started the process, perhaps before that time.

    Returns
    -------
    Outcome
        What the files say now; without a state if another runner has the job, and without an
        attempt if the process died before it began one: then nothing is recorded.
    """
    lock = PathLock(layout.lock)
    try:
        if not lock.acquire():
            return Outcome(None)
        try:
            recorded = _recorded_end(layout, since)
            began = 0.0 if taken_over else since
            return recorded or _write_death(layout, ending, terms, began)
        finally:
            lock.release()
    except OSError as error:
        if not os.path.exists(layout.hidden):  # noqa: PTH110 (a str)
            return _unbegun(ending)
        state = JobState.error(ending.reason or FailureReason.LOST)
        return Outcome(state, f"{ending.message} ({error})", since, time.time())


def _unbegun(ending: Ending) -> Outcome:
    state = JobState.error(ending.reason or FailureReason.LOST)
    return Outcome(state, ending.message, None, time.time())


def _recorded_end(layout: JobLayout, since: float) -> Outcome | None:
    """Return the end that a process recorded before it was gone; None if it did not."""
    record, mtime = read_end(layout)
    is_done = record.state == JobState.DONE
    if mtime is None or (not is_done and (record.ended or math.inf) < since):
        return None
    return Outcome(
        record.state,
        record.message or "",
        record.started,
        record.ended,
        record.attempts,
        mtime,
        record.result,
        record.pid,
    )


def _write_death(layout: JobLayout, ending: Ending, terms: Terms, since: float) -> Outcome:
    events = read_events(layout)
    starts = [event for event in events if isinstance(event, Started)]
    if not starts or starts[-1].time < since:
        return _unbegun(ending)
    started_at = starts[-1].time
    span = Span(len(starts), started_at, time.time())
    ends = [event for event in events if isinstance(event, (Started, AttemptEnded))]
    end = ends[-1] if ends else None
    # An older one is that of an earlier attempt: this one died before it began.
    if isinstance(end, AttemptEnded) and end.time >= since and terms.retries_left > 0:
        state = JobState.error(FailureReason(end.reason))
        return Outcome(state, end.message, started_at, end.time, len(starts), retry=True)
    return replace(write_end(layout, ending, span, terms), pid=starts[-1].pid)


def interrupted_attempts(layout: JobLayout) -> int:
    """Count the attempts, up to the last one, that ended and were each followed by another."""
    count, began = 0, 0
    for event in read_events(layout):
        if isinstance(event, Started):
            # The one before came to no such end: what follows is another row of attempts.
            count, began = (0 if began else count), 1
        elif isinstance(event, AttemptEnded) and began:
            count, began = count + 1, 0
    return count
