"""Jobs, metrics and events as DataFrames, from records alone.

Reads no file: ``workspace.py`` does. What dtype a column of unknown values gets is decided in
``columns.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

from xpmnb.records.events import AttemptEnded, Event, JobRecord, Metrics, Notice, Progress
from xpmnb.records.layout import STDERR_SUFFIX, STDOUT_SUFFIX, task_name
from xpmnb.records.states import STATE_VALUES, FailureReason

from .columns import (
    booleans,
    categories,
    differences,
    fixed_categories,
    flatten,
    floats,
    frame_of,
    inferred,
    integers,
    spread,
    texts,
    times,
)

if TYPE_CHECKING:
    import pandas as pd

    from .columns import Column

__all__ = ["JobEvents", "events_frame", "jobs_frame", "metrics_frame"]

JobEvents = tuple[JobRecord, Sequence[Event]]
"""A job with all its events, in the order of writing."""

_REASONS = [reason.value for reason in FailureReason]
_EVENTS = [
    "submitted",
    "started",
    "progress",
    "metrics",
    "notice",
    "attempt-ended",
    "done",
    "error",
]


def jobs_frame(records: Iterable[JobRecord]) -> pd.DataFrame:
    """Give a table of jobs.

    Parameters
    ----------
    records
        The jobs, in the order of the rows.

    Returns
    -------
    DataFrame
        One row per job; the index numbers the rows. An empty table has the fixed columns, with the
        same dtypes. Fixed columns:

        =========================== ================== =====================================
        id                          string             identifier of the task and its values
        task                        category           qualified name of the task
        state                       ordered category   waiting, ready, scheduled, running, done,
                                                       error
        failure                     category           why it failed: error, timeout, cancelled,
                                                       dependency, memory, lost
        message                     string             one line on the failure
        submitted, started, ended   datetime64[ns,UTC] last submission; last attempt
        duration_s                  float64            seconds from started to ended
        retries                     int64              attempts after the first
        launcher, host              category           of the last attempt
        code                        category           hash of the code that it ran with
        code_changed                bool               whether it was submitted last with other code
                                                       (not so for who ignores it)
        path, stdout, stderr        string             the job directory and its output files
        problem                     string             what is damaged in the directory
        =========================== ================== =====================================

        Then ``params.*``, ``tags.*``, ``metrics.*`` (last values) and ``result.*`` (a mapping's
        values, nested ones with dots; any other result is the column ``result``), with dtypes as
        :func:`xpmnb.analysis.columns.inferred` finds them.
    """
    rows = list(records)
    columns = _fixed_columns(rows)
    columns.update(spread("params", [row.params for row in rows]))
    columns.update(spread("tags", [row.tags for row in rows]))
    columns.update(spread("metrics", [row.metrics for row in rows]))
    columns.update(_result_columns([row.result for row in rows]))
    return frame_of(columns, len(rows))


def _fixed_columns(rows: list[JobRecord]) -> dict[str, Column]:
    tasks = [row.task for row in rows]
    states = [row.state for row in rows]
    reasons = [state.failure_reason for state in states]
    starts = floats([row.started for row in rows])
    ends = floats([row.ended for row in rows])
    names = {task: task_name(task) for task in set(tasks)}
    files = [f"{row.path}/{names[row.task]}" for row in rows]
    return {
        "id": texts([row.identifier for row in rows]),
        "task": categories(tasks),
        "state": fixed_categories([state.value for state in states], STATE_VALUES, ordered=True),
        "failure": fixed_categories(reasons, _REASONS, ordered=False),
        "message": texts([row.message for row in rows]),
        "submitted": times([row.submitted for row in rows]),
        "started": times(starts),
        "ended": times(ends),
        "duration_s": differences(ends, starts),
        "retries": integers([max(row.attempts - 1, 0) for row in rows], missing=False),
        "launcher": categories([row.launcher for row in rows]),
        "host": categories([row.host for row in rows]),
        "code": categories([row.code for row in rows]),
        "code_changed": booleans([row.code_changed for row in rows]),
        "path": texts([row.path for row in rows]),
        "stdout": texts([file + STDOUT_SUFFIX for file in files]),
        "stderr": texts([file + STDERR_SUFFIX for file in files]),
        "problem": texts([row.problem for row in rows]),
    }


def _result_columns(results: list[Any]) -> dict[str, Column]:
    columns: dict[str, Column] = {}
    mappings: list[dict[str, Any]] = [result if type(result) is dict else {} for result in results]
    if any(type(result) is not dict and result is not None for result in results):
        columns["result"] = inferred(
            [None if type(result) is dict else result for result in results]
        )
    nested = dict in set(map(type, chain.from_iterable(map(dict.values, mappings))))
    columns.update(spread("result", list(map(flatten, mappings)) if nested else mappings))
    return columns


def metrics_frame(jobs: Iterable[JobEvents]) -> pd.DataFrame:
    """Give a table of what jobs logged.

    Parameters
    ----------
    jobs
        The jobs with their events.

    Returns
    -------
    DataFrame
        One row per ``log()`` call, job by job, in the order of the calls. Columns: ``id`` (string),
        ``task`` (category), ``time`` (datetime64[ns, UTC]), ``attempt`` (int64, from 1), ``step``
        (Int64, missing where a call had none), then ``metrics.*`` (missing where a call did not log
        that metric) and ``tags.*``. An empty table has the fixed columns, with the same dtypes.
    """
    rows = [
        (record, event) for record, events in jobs for event in events if isinstance(event, Metrics)
    ]
    columns = {
        "id": texts([record.identifier for record, _ in rows]),
        "task": categories([record.task for record, _ in rows]),
        "time": times([event.time for _, event in rows]),
        "attempt": integers([event.attempt for _, event in rows], missing=False),
        "step": integers([event.step for _, event in rows], missing=True),
    }
    columns.update(spread("metrics", [event.values for _, event in rows]))  # noqa: PD011 (no frame)
    columns.update(spread("tags", [record.tags for record, _ in rows]))
    return frame_of(columns, len(rows))


# One row of events: record, word, time, attempt, level, progress, step, text.
_Row = tuple[
    JobRecord, str, float | None, int | None, int | None, float | None, int | None, str | None
]


def events_frame(jobs: Iterable[JobEvents]) -> pd.DataFrame:
    """Give a table of what happened to jobs.

    Parameters
    ----------
    jobs
        The jobs with their events.

    Returns
    -------
    DataFrame
        One row per event, job by job, in the order of writing, with the last submission before and
        the end after. Columns: ``id`` (string), ``task`` (category), ``time`` (datetime64[ns, UTC];
        NaT for the end of a lost job), ``attempt`` (Int64; missing for submission and end),
        ``event`` (category: submitted, started, progress, metrics, notice, attempt-ended, done,
        error), ``level`` (Int64, 0 for the outermost loop) and ``progress`` (float64, 0 to 1) of a
        progress, ``step`` (Int64) of metrics, ``text`` (string: the description of a progress, the
        words of a notice, where an attempt runs or why it ended, the message of an error). An
        empty table has the same columns and dtypes.
    """
    rows = [row for record, events in jobs for row in _event_rows(record, events)]
    return frame_of(
        {
            "id": texts([row[0].identifier for row in rows]),
            "task": categories([row[0].task for row in rows]),
            "time": times([row[2] for row in rows]),
            "attempt": integers([row[3] for row in rows], missing=True),
            "event": fixed_categories([row[1] for row in rows], _EVENTS, ordered=False),
            "level": integers([row[4] for row in rows], missing=True),
            "progress": floats([row[5] for row in rows]),
            "step": integers([row[6] for row in rows], missing=True),
            "text": texts([row[7] for row in rows]),
        },
        len(rows),
    )


def _event_rows(record: JobRecord, events: Sequence[Event]) -> list[_Row]:
    rows: list[_Row] = []
    if record.submitted is not None:
        rows.append((record, "submitted", record.submitted, None, None, None, None, None))
    rows.extend(_event_row(record, event) for event in events)
    if record.state.is_final:
        word, message = record.state.value, record.message
        rows.append((record, word, record.ended, None, None, None, None, message))
    return rows


def _event_row(record: JobRecord, event: Event) -> _Row:
    time, attempt = event.time, event.attempt
    if isinstance(event, Metrics):
        return record, "metrics", time, attempt, None, None, event.step, None
    if isinstance(event, Progress):
        level, value, text = event.level, event.value, event.description
        return record, "progress", time, attempt, level, value, None, text
    if isinstance(event, Notice):
        return record, "notice", time, attempt, None, None, None, event.text
    if isinstance(event, AttemptEnded):
        text = f"{event.reason}: {event.message}"
        return record, "attempt-ended", time, attempt, None, None, None, text
    text = f"{event.launcher}, process {event.pid} on {event.host}"
    return record, "started", time, attempt, None, None, None, text
