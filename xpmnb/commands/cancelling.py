"""``xpmnb cancel``: stop jobs, and see that they have stopped."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from xpmnb.conclusion import record_death
from xpmnb.records.layout import JobLayout
from xpmnb.records.states import JobState
from xpmnb.scheduler.requests import Terms
from xpmnb.scheduler.stopping import Stopping, Way, ask_to_cancel, ask_to_stop, take_back

from .display import label, outcome_words
from .locating import read_record

__all__ = ["cancel_jobs"]

_POLL_S = 0.05

# After the grace, a kill needs a moment; a kernel looks for requests twice a second.
_PATIENCE_S = 5.0


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
    failures = 0
    waiting: list[Stopping] = []
    for layout in layouts:
        try:
            stopping = ask_to_stop(layout, grace_s=grace_s)
        except OSError as error:
            failures += 1
            _complain(layout, f"cannot be asked to stop: {error}")
            continue
        if stopping.way is not Way.NOTHING:
            _say(layout, stopping.words)
            waiting.append(stopping)
        elif read_record(layout).state == JobState.WAITING:
            failures += _cancel_waiting(layout, wait=wait)
        else:
            _say(layout, stopping.words)
    if wait:
        failures += _await_ends(waiting, grace_s)
    return 1 if failures else 0


def _cancel_waiting(layout: JobLayout, *, wait: bool) -> int:
    """Let the kernel of a job that waits cancel it. Return whether it did not."""
    try:
        ask_to_cancel(layout)
    except OSError as error:
        _complain(layout, f"cannot be asked to stop: {error}")
        return 1
    _say(layout, "waits for its turn: asked its kernel to cancel it")
    deadline = time.monotonic() + _PATIENCE_S
    while wait and not (record := read_record(layout)).state.is_final:
        if time.monotonic() > deadline:
            take_back(layout)
            _complain(layout, "its kernel has not cancelled it")
            return 1
        time.sleep(_POLL_S)
    if wait:
        _say(layout, outcome_words(record))
    return 0


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
