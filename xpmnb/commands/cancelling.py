"""``xpmnb cancel``: stop jobs, and see that they have stopped."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence

from xpmnb.conclusion import record_death
from xpmnb.records.files import is_locked
from xpmnb.records.job_directory import read_job
from xpmnb.records.layout import JobLayout
from xpmnb.records.states import JobState
from xpmnb.records.workspace import WorkspaceRecords
from xpmnb.scheduler.requests import Terms
from xpmnb.scheduler.stopping import Stopping, Way, ask_to_cancel, ask_to_stop, take_back

from .display import label, outcome_words
from .locating import known_runs, read_record

__all__ = ["cancel_jobs", "unended_jobs"]

_POLL_S = 0.05

# After the grace, a kill needs a moment; a kernel looks for requests twice a second.
_PATIENCE_S = 5.0


def unended_jobs(records: WorkspaceRecords, experiment: str) -> list[JobLayout]:
    """Give the jobs of the newest run of an experiment that have not ended, the newest first.

    In this order, what waits for another job is stopped before the other.

    Parameters
    ----------
    records
        The workspace.
    experiment
        Name of the experiment.

    Raises
    ------
    WorkspaceError
        There is no experiment of that name.
    """
    newest = known_runs(records, experiment)[-1]
    found = records.run_records(experiment, newest)
    return [JobLayout(record.path) for record in reversed(found) if not record.state.is_final]


def cancel_jobs(layouts: Sequence[JobLayout], *, grace_s: float, wait: bool) -> int:
    """Stop jobs, and say what came of it.

    Parameters
    ----------
    layouts
        The jobs.
    grace_s
        Seconds between SIGTERM and SIGKILL for a job in a process of its own.
    wait
        Wait for the ends. Otherwise jobs are only asked to stop, and none is killed.

    Returns
    -------
    int
        0 if no job runs any more or, without waiting, all were asked; 1 otherwise.
    """
    waiting = dict.fromkeys(layout for layout in layouts if _waits(layout))
    others = [layout for layout in layouts if layout not in waiting]
    # What waits goes first, until it is cancelled: it would take the place of what ends.
    asked = [layout for layout in waiting if _ask_kernel(layout)]
    failures = len(waiting) - len(asked)
    if wait:
        left, begun = _await_kernel(asked)
        failures += left
        others += begun
    stoppings: list[Stopping] = []
    for layout in others:
        try:
            stopping = ask_to_stop(layout, grace_s=grace_s)
        except OSError as error:
            failures += 1
            _complain(layout, f"cannot be asked to stop: {error}")
            continue
        _say(layout, stopping.words)
        if stopping.way is not Way.NOTHING:
            stoppings.append(stopping)
    if wait:
        failures += _await_ends(stoppings, grace_s)
    return 1 if failures else 0


def _waits(layout: JobLayout) -> bool:
    """Tell whether a job waits for its turn in a kernel that lives."""
    try:
        return not is_locked(layout.lock) and read_record(layout).state == JobState.WAITING
    except OSError:
        return False


def _ask_kernel(layout: JobLayout) -> bool:
    """Let the kernel of a job that waits cancel it. Return whether it could be asked."""
    try:
        ask_to_cancel(layout)
    except OSError as error:
        _complain(layout, f"cannot be asked to stop: {error}")
        return False
    _say(layout, "waits for its turn: asked its kernel to cancel it")
    return True


def _await_kernel(asked: list[JobLayout]) -> tuple[int, list[JobLayout]]:
    """Wait until kernels have cancelled what waits for its turn.

    Returns
    -------
    int, list of JobLayout
        How many jobs are left, and the jobs that have begun instead.
    """
    begun = []
    deadline = time.monotonic() + _PATIENCE_S
    while asked and time.monotonic() < deadline:
        left = []
        for layout in asked:
            # What the runs remember is slow to read, and not needed for this.
            state = read_job(layout).state
            if state == JobState.RUNNING:
                begun.append(layout)
            elif os.path.exists(layout.failed) or os.path.exists(layout.done):  # noqa: PTH110
                _say(layout, outcome_words(read_record(layout)))
                deadline = time.monotonic() + _PATIENCE_S  # there may be thousands of them
            else:
                left.append(layout)
        asked = left
        if asked:
            time.sleep(_POLL_S)
    failures = 0
    for layout in asked:
        record = read_record(layout)
        if record.state.is_final:  # its kernel has died, or cannot write there
            _say(layout, outcome_words(record))
        else:
            failures += 1
            take_back(layout)
            _complain(layout, "its kernel has not cancelled it")
    return failures, begun


def _await_ends(waiting: list[Stopping], grace_s: float) -> int:
    """Wait until jobs have ended; kill those whose time is over. Return how many go on."""
    deadline = time.monotonic() + grace_s + _PATIENCE_S
    while waiting and time.monotonic() < deadline:
        going_on = []
        for stopping in waiting:
            if stopping.kill_if_due():
                _say(stopping.layout, stopping.words)
            if stopping.ended:
                _finish(stopping)
            else:
                going_on.append(stopping)
        waiting = going_on
        if waiting:
            time.sleep(_POLL_S)
    for stopping in waiting:
        _complain(stopping.layout, f"{stopping.words}, but it still runs")
    return len(waiting)


def _finish(stopping: Stopping) -> None:
    death = stopping.death
    layout = stopping.layout
    if death is not None:
        record_death(layout, death, Terms(), stopping.asked_at, taken_over=True)
    _say(layout, outcome_words(read_record(layout)))


def _say(layout: JobLayout, words: str) -> None:
    print(f"{label(layout.task, layout.identifier)}: {words}", flush=True)


def _complain(layout: JobLayout, words: str) -> None:
    print(f"xpmnb: {label(layout.task, layout.identifier)}: {words}", file=sys.stderr)
