"""All jobs of a run in one panel: what an experiment shows when a cell ends with it."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from IPython.display import publish_display_data

from xpmnb.notebook.cells import in_kernel
from xpmnb.notebook.experiment_page import experiment_html
from xpmnb.notebook.feed import PanelFeed
from xpmnb.notebook.recorded import row_of_record
from xpmnb.notebook.rows import Row, headline
from xpmnb.notebook.watched import row_of
from xpmnb.records.job_directory import read_job
from xpmnb.records.layout import JobLayout

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from xpmnb.records.events import JobRecord
    from xpmnb.scheduler.jobs import Job
    from xpmnb.scheduler.runs import Run


def show_run(title: str, run: Run, records: Iterable[JobRecord]) -> bool:
    """Display the jobs of a run in the output of the running cell: live while the run is open.

    Parameters
    ----------
    title : str
        The name of the experiment.
    run : Run
        The run.
    records : iterable of JobRecord
        Those of its jobs, in the order of submission.

    Returns
    -------
    bool
        False where this process is no kernel, so that nothing is shown.
    """
    if not in_kernel():
        return False
    handles = {job.id: job for job in [*run.failed.copy().values(), *run.live.copy()]}
    rows = [_row(each, run, handles) for each in records]
    feeds = [each for each in run.observers if isinstance(each, PanelFeed)]
    if not any(feed.show_all(rows, handles.values(), title) for feed in feeds):
        publish_display_data(  # type: ignore[no-untyped-call] # IPython
            {
                "text/html": experiment_html(title, rows, time.time()),
                "text/plain": headline(rows),
            }
        )
    return True


def _row(record: JobRecord, run: Run, handles: Mapping[str, Job]) -> Row:
    """Return the row of a job; a handle that somebody still holds knows more than the index."""
    handle = run.handles.get(record.identifier)
    if handle is not None and handle.state.is_final:
        return row_of(handle)
    newest = _newest(record, run, handles)
    return row_of_record(newest, run.needs.get(record.identifier, ()))


def _newest(record: JobRecord, run: Run, handles: Mapping[str, Job]) -> JobRecord:
    """Return a record that is not out of date for ever: of a job that nobody tells of any more."""
    if record.state.is_final or record.identifier in handles:
        return record
    # It ended after the records were read, and before somebody asked for the live jobs.
    job = run.handles.get(record.identifier)
    if job is not None and not job.state.is_final:
        return record
    newest = read_job(JobLayout(record.path), run_alive=not run.closed.is_set())
    return replace(newest, params=record.params, tags=record.tags, submitted=record.submitted)
