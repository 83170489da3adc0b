"""``xpmnb list``: the jobs of a workspace."""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from xpmnb.records.events import JobRecord
from xpmnb.records.states import FailureReason
from xpmnb.records.workspace import WorkspaceRecords

from .display import (
    SHORT_ID,
    duration_of,
    json_text,
    local_time,
    record_json,
    shown_value,
    state_words,
    table,
    to_duration,
)
from .locating import known_runs

__all__ = ["Filter", "list_jobs", "listing"]

_HEADER = ("ID", "TASK", "STATE", "STARTED", "DURATION", "TAGS", "PROBLEM")
# First what is longest and said elsewhere too: problems, tags, names of tasks.
_FLEXIBLE = (6, 5, 1)
# A message may be a page: as much as is shown of it where the width has no bounds.
_MESSAGE_WIDTH = 60


@dataclass(frozen=True, slots=True)
class Filter:
    """Which jobs are wanted; what is empty or None lets all pass."""

    experiment: str | None = None
    """Name of the experiment that submitted them."""
    states: tuple[str, ...] = ()
    """Words of states and of reasons of failure: ``running``, ``timeout``."""
    task: str | None = None
    """Qualified or short name of the task; upper and lower case are the same."""

    def passes(self, record: JobRecord) -> bool:
        """Tell whether a job is wanted, its experiment apart."""
        reason = record.state.failure_reason
        words = {record.state.value, *([reason.value] if reason is not None else [])}
        if self.states and words.isdisjoint(self.states):
            return False
        if self.task is None:
            return True
        return self.task.lower() in (record.task.lower(), record.task.lower().rpartition(".")[2])


def list_jobs(
    records: WorkspaceRecords, wanted: Filter, *, as_json: bool, width: int | None
) -> int:
    """Print the jobs of a workspace, the newest last.

    Parameters
    ----------
    records
        The workspace.
    wanted
        Which of its jobs.
    as_json
        Print a JSON array instead of a table.
    width
        Width of the terminal in columns; None for as wide as it takes.

    Returns
    -------
    int
        The exit code: 0.

    Raises
    ------
    WorkspaceError
        There is no experiment of the wanted name.
    """
    found = [record for record in _records(records, wanted.experiment) if wanted.passes(record)]
    found.sort(key=_age)
    now = time.time()
    if as_json:
        sys.stdout.write(json_text([record_json(record, now) for record in found]))
    elif found:
        sys.stdout.write(listing(found, now, width))
    else:
        print(f"no such jobs in {records.layout.root}", file=sys.stderr)
    return 0


def _records(records: WorkspaceRecords, experiment: str | None) -> list[JobRecord]:
    if experiment is None:
        return records.all_records()
    return records.run_records(experiment, known_runs(records, experiment))


def _age(record: JobRecord) -> tuple[float, str, str]:
    begun = record.started if record.started is not None else record.submitted
    return (0.0 if begun is None else begun, record.task, record.identifier)


def listing(records: Sequence[JobRecord], now: float, width: int | None) -> str:
    """Give the table of some jobs, in their order.

    Parameters
    ----------
    records
        The jobs.
    now
        The time, seconds since the epoch.
    width
        Width of the terminal in columns; None for as wide as it takes.
    """
    length = _unambiguous_length({record.identifier for record in records})
    rows = [
        (
            record.identifier[:length],
            record.task,
            state_words(record),
            local_time(record.started),
            to_duration(duration_of(record, now)),
            " ".join(f"{name}={shown_value(value)}" for name, value in record.tags.items()),
            record.problem or _failure_words(record),
        )
        for record in records
    ]
    return table([_HEADER, *rows], _FLEXIBLE, width)


def _failure_words(record: JobRecord) -> str:
    """Say why a job failed, in one line; ``xpmnb show`` has the whole."""
    if record.state.failure_reason is FailureReason.LOST and record.started is None:
        return "lost: never began"
    first = next(iter((record.message or "").splitlines()), "")
    return first if len(first) <= _MESSAGE_WIDTH else f"{first[: _MESSAGE_WIDTH - 1]}…"


def _unambiguous_length(identifiers: Iterable[str]) -> int:
    """Give how many characters tell the identifiers apart, `SHORT_ID` at least."""
    ordered = sorted(identifiers)
    length = SHORT_ID
    for one, other in itertools.pairwise(ordered):
        while one[:length] == other[:length]:
            length += 1
    return length
