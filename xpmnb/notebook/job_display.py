"""A job as it is shown in a cell: its row, and what is on record of it. Reads its directory."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from xpmnb.markup import AS_TEXT, style
from xpmnb.notebook.cards import failure_of
from xpmnb.notebook.facts import facts_html, json_words, time_words
from xpmnb.notebook.table import rows_html, static_stylesheet
from xpmnb.notebook.watched import row_of
from xpmnb.records.job_directory import read_job

if TYPE_CHECKING:
    from xpmnb.scheduler.jobs import Job

_RESULT_LIMIT = 2_000


def job_html(job: Job) -> str:
    """Return a job as HTML that needs no script, kernel or network.

    Parameters
    ----------
    job : Job
        Its handle; the directory is read, and may be missing or damaged.
    """
    row = row_of(job)
    record = read_job(job.layout)
    facts = [
        ("task", job.layout.task),
        ("identifier", job.id),
        ("directory", str(job.path)),
        ("submitted", time_words(job.submitted_at)),
        ("started", time_words(job.started_at)),
        ("ended", time_words(job.ended_at)),
        ("launcher", record.launcher or ""),
        ("result", json_words(record.result, _RESULT_LIMIT) if row["tone"] == "done" else ""),
        ("damaged", record.problem or ""),
    ]
    failure = failure_of(row, record)
    table = rows_html([row], time.time(), {job.id: failure} if failure else {})
    return (
        f"<style>{static_stylesheet()} {style('notebook/displays.css')}</style>"
        f'<div class="xpm-panel xpm-static xpm-still xpm-display {AS_TEXT}">'
        f'<div class="xpm-scroll">'
        f"{table}</div>{facts_html(facts)}</div>"
    )
