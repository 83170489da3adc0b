"""A workspace as it is shown in a cell: tasks and states, the newest jobs, experiments.

It reads the journals of the newest runs; job directories only of jobs that have no end there.
"""

from __future__ import annotations

import time
from calendar import timegm
from collections import Counter
from typing import TYPE_CHECKING

from xpmnb.analysis.job_facts import runs_newest_first
from xpmnb.errors import WorkspaceError
from xpmnb.markup import AS_TEXT, one_line, safe, style
from xpmnb.notebook.facts import facts_html, grid_html, time_words
from xpmnb.notebook.rows import format_duration, state_word
from xpmnb.notebook.values import value_text
from xpmnb.records.run_index import RunIndex, indexed_records, read_index

if TYPE_CHECKING:
    from xpmnb.analysis.workspace import Workspace
    from xpmnb.records.events import JobRecord
    from xpmnb.records.layout import RunLayout

MAX_SUBMISSIONS = 5_000
"""Runs are read from the newest on, until they have submitted so many jobs."""
MAX_RUNS = 200

_TASKS = 30
_JOBS = 10
_EXPERIMENTS = 20
_TAGS = 6
_WORDS = ("done", "running", "waiting", "scheduled", "failed")


def workspace_html(workspace: Workspace) -> str:
    """Return a workspace as HTML that needs no script, kernel or network.

    Parameters
    ----------
    workspace : Workspace
        Its directory may be missing.
    """
    runs = _read_runs(workspace)
    records = list(
        indexed_records(workspace.layout.jobs, [index for _, index in runs.read]).values()
    )
    now = time.time()
    others = sum(1 for _ in workspace.iter_job_layouts()) if runs.left else None
    parts = [
        f'<p class="xpm-title">Workspace {safe(one_line(str(workspace.path)))}</p>',
        "" if workspace.exists() else '<p class="xpm-note">There is no workspace yet.</p>',
        _tasks_html(records),
        _jobs_html(records, now),
        _experiments_html(workspace, runs),
    ]
    if others is not None:
        words = f"Only the newest runs are counted; on disk there are {others:,} jobs."
        parts.append(f'<p class="xpm-note">{words}</p>')
    if not records:
        parts.append(facts_html([("jobs", "none that a run remembers; workspace.jobs() has all")]))
    return (
        f"<style>{style('theme.css', 'notebook/displays.css')}</style>"
        f'<div class="xpm-panel xpm-display {AS_TEXT}">{"".join(parts)}</div>'
    )


class _Runs:
    """The newest runs, as far as they were read."""

    def __init__(self) -> None:
        self.read: list[tuple[RunLayout, RunIndex]] = []
        self.left = False


def _read_runs(workspace: Workspace) -> _Runs:
    runs = _Runs()
    submissions = 0
    for layout in runs_newest_first(workspace):
        if submissions >= MAX_SUBMISSIONS or len(runs.read) >= MAX_RUNS:
            runs.left = True
            break
        index = read_index(layout)
        submissions += len(index.submitted)
        runs.read.append((layout, index))
    return runs


def _word(record: JobRecord) -> str:
    reason = record.state.failure_reason
    return state_word(record.state.value, reason.value if reason else None, stopping=False)


def _tasks_html(records: list[JobRecord]) -> str:
    counts: dict[str, Counter[str]] = {}
    for record in records:
        counts.setdefault(record.task, Counter())[_word(record)] += 1
    words = sorted(
        {word for each in counts.values() for word in each},
        key=lambda word: (_WORDS.index(word) if word in _WORDS else len(_WORDS), word),
    )
    by_size = sorted(counts, key=lambda task: (-counts[task].total(), task))
    rows: list[list[str | int]] = [
        [task, *(counts[task][word] for word in words)] for task in by_size[:_TASKS]
    ]
    left = len(by_size) - len(rows)
    return grid_html(
        "Tasks", ["task", *words], rows, f"{left:,} more tasks are not shown" if left else ""
    )


def _jobs_html(records: list[JobRecord], now: float) -> str:
    newest = sorted(records, key=lambda record: record.submitted or 0.0, reverse=True)[:_JOBS]
    rows = [
        [
            _word(record),
            f"{record.task.rpartition('.')[2]} {record.identifier[:8]}",
            ", ".join(
                f"{name}={value_text(value)}" for name, value in list(record.tags.items())[:_TAGS]
            ),
            time_words(record.submitted),
            _duration(record, now),
            record.message or record.problem or "",
        ]
        for record in newest
    ]
    return grid_html("Newest jobs", ["state", "job", "tags", "submitted", "time", ""], rows)


def _duration(record: JobRecord, now: float) -> str:
    end = record.ended if record.state.is_final else now
    if record.started is None or end is None:
        return ""
    return format_duration(end - record.started)


def _experiments_html(workspace: Workspace, runs: _Runs) -> str:
    newest: dict[str, tuple[RunLayout, RunIndex]] = {}
    for layout, index in runs.read:
        newest.setdefault(layout.experiment, (layout, index))
    rows: list[list[str | int]] = []
    for name, (layout, index) in list(newest.items())[:_EXPERIMENTS]:
        try:
            count = len(workspace.runs(name))
        except WorkspaceError:
            continue  # a folder that no experiment made
        words = "open" if index.alive else ""
        rows.append([name, count, _start_of(layout.run), layout.run, len(index.submitted), words])
    left = len(newest) - len(rows)
    return grid_html(
        "Experiments",
        ["experiment", "runs", "newest", "its name", "its jobs", ""],
        rows,
        f"{left:,} more experiments are not shown" if left else "",
    )


def _start_of(run: str) -> str:
    """Return when a run was started, by its name, which is that time in UTC."""
    try:
        return time_words(timegm(time.strptime(run.partition("-")[0], "%Y%m%dT%H%M%S")))
    except ValueError:
        return ""
