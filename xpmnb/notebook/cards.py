"""What the open card of a job shows: values, metrics, failure and facts, as plain JSON.

Words are made here, once; the page draws them. Files are read by `look_up`, and only there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, TypedDict

from xpmnb.markup import shown
from xpmnb.notebook.facts import time_words
from xpmnb.notebook.failures import FailureWords
from xpmnb.notebook.rows import Row, elapsed
from xpmnb.notebook.sparkline import course
from xpmnb.notebook.values import value_text
from xpmnb.notebook.watched import WatchedJob
from xpmnb.records.events import JobRecord, Notice
from xpmnb.records.job_directory import read_events, read_job
from xpmnb.records.layout import JobLayout
from xpmnb.trails import Trails

# A card is read, not searched: what is more is in the tables, and in the files.
PAIRS_LIMIT = 200
LINKS_LIMIT = 50
NOTICES_LIMIT = 20
VALUE_LIMIT = 300
TEXT_LIMIT = 30_000
SPARK_POINTS = 96
# A longer journal takes a second to read, for which every thread of the kernel would wait.
JOURNAL_LIMIT_BYTES = 16 * 1024 * 1024

_FRAME = re.compile(r"^\s+(?:File .*, line \d+|Cell In\[\d+\], line \d+)")

_NOTHING: Mapping[str, Any] = {
    **dict.fromkeys(("started", "launcher", "pid", "host", "result", "problem")),
    "attempts": 0,
    "metrics": {},
    "trails": {},
}

Link = tuple[str, str, str, str]
"""Another job: its key, what it is called, the word for its state, and its tone."""


class Card(TypedDict):
    """One job as its open card shows it: JSON values only, all text safe to show."""

    key: str
    path: str
    label: str
    facts: list[tuple[str, str]]
    params: list[tuple[str, str]]
    tags: list[tuple[str, str]]
    metrics: list[tuple[str, str, list[int]]]
    needs: list[Link]
    needed_by: list[Link]
    failure: FailureWords | None
    notices: list[str]
    result: str
    problem: str


def look_up(row: Row) -> tuple[JobRecord, list[str]]:
    """Read what is on record of the job of a row, and the notices of its last attempt."""
    layout = JobLayout(row["path"])
    limit = JOURNAL_LIMIT_BYTES
    record = read_job(layout, run_alive=True, journal_limit_bytes=limit)
    texts = [
        event.text
        for event in read_events(layout, journal_limit_bytes=limit)
        if isinstance(event, Notice) and event.attempt == record.attempts
    ]
    return record, texts[-NOTICES_LIMIT:]


def look_up_end(row: Row) -> JobRecord:
    """Read how the job of a row ended: what its end marker tells, and nothing that may be long."""
    return read_job(JobLayout(row["path"]), run_alive=True, journal_limit_bytes=0)


def card_of(
    row: Row,
    record: JobRecord,
    notices: Iterable[str] = (),
    job: WatchedJob | None = None,
    links: tuple[list[Link], list[Link]] = ([], []),
) -> Card:
    """Return the card of a job.

    Parameters
    ----------
    row : Row
        What the panel shows of it.
    record : JobRecord
        What is on record of it; nothing yet of a job that waits.
    notices : iterable of str
        What a person should know of it.
    job : WatchedJob or None
        Its handle, which knows what is newest while the job lives.
    links : tuple of two lists
        The jobs that it needs, and those that need it.
    """
    if row["started_at"] is None and not row["final"] and not row["retries"]:
        # What lies in the directory is of an earlier run, and about to be thrown away.
        record = replace(record, **_NOTHING)
        notices = ()
    has_record = bool(record.params) or record.started is not None
    params: Mapping[str, object] = job.params if job is not None and job.params else record.params
    tags: Mapping[str, object] = job.tags if job is not None else record.tags
    values, trails = _metrics(record, job)
    return Card(
        key=row["key"],
        path=row["path"],
        label=f"{row['name']} {row['key'][:8]}",
        facts=_facts(row, record),
        params=_pairs(params),
        tags=_pairs(tags),
        metrics=[
            (shown(name, VALUE_LIMIT), value_text(value), _heights(trails, name))
            for name, value in list(values.items())[:PAIRS_LIMIT]
        ],
        needs=links[0][:LINKS_LIMIT],
        needed_by=links[1][:LINKS_LIMIT],
        failure=failure_of(row, record),
        notices=[shown(text, VALUE_LIMIT) for text in (*notices, *_hint(job)) if text],
        result="" if record.result is None else _json_text(record.result),
        problem=shown(record.problem or "", TEXT_LIMIT) if has_record else "",
    )


def broken_card(row: Row) -> Card:
    """Return the card of a job whose card cannot be made."""
    record = replace(look_up_end(row), params={}, tags={}, **_NOTHING)
    card = card_of(row, record)
    card["problem"] = "Its details cannot be shown; the log of the kernel says why."
    return card


def link_to(row: Row) -> Link:
    """Return a link to the job of a row; its tags tell it from others of its task."""
    words = ", ".join(f"{name}={value}" for name, value in row["tags"][:3])
    label = f"{row['name']} {row['key'][:8]}"
    return row["key"], f"{label} ({words})" if words else label, row["word"], row["tone"]


def failing_line(traceback: str) -> str:
    """Return the line of code that stands at the deepest of the task's own frames.

    Parameters
    ----------
    traceback : str
        As `xpmnb.tracebacks.traceback_text` writes it, the own frames first.
    """
    own = traceback.partition("\nThe same with all frames")[0].split("\n")
    frames = [place for place, line in enumerate(own) if _FRAME.match(line)]
    if not frames or frames[-1] + 1 >= len(own):
        return ""
    after = own[frames[-1] + 1]
    return after.strip() if after.startswith("    ") else ""


def _hint(job: WatchedJob | None) -> tuple[str, ...]:
    """Return where a result is likely to be: the row says it only where it says nothing else."""
    return (job.note,) if job is not None and job.message else ()


def _facts(row: Row, record: JobRecord) -> list[tuple[str, str]]:
    process = "" if record.pid is None else f"{record.pid} on {record.host or 'this machine'}"
    attempts = "" if record.attempts < 2 else f"{record.attempts:,}"  # noqa: PLR2004 - one is usual
    found = {
        "identifier": row["key"],
        "submitted": time_words(row["submitted_at"]),
        "started": time_words(row["started_at"] or record.started),
        "ended": time_words(row["ended_at"]) if row["final"] else "",
        "ran for": elapsed(row, None) if row["final"] else "",
        "attempts": attempts,
        "launcher": record.launcher or "",
        "process": process,
        "code": "other than the task has now" if row["code_changed"] else "",
    }
    return [(name, shown(text, VALUE_LIMIT)) for name, text in found.items() if text]


def _metrics(record: JobRecord, job: WatchedJob | None) -> tuple[Mapping[str, object], Trails]:
    if job is not None and (job.metrics or not record.metrics):
        return job.metrics, job.trails
    return record.metrics, record.trails


def _heights(trails: Trails, name: str) -> list[int]:
    trail = trails.get(name)
    return [] if trail is None else course(trail.points, SPARK_POINTS)


def failure_of(row: Row, record: JobRecord) -> FailureWords | None:
    """Return why the job of a row failed, and where; None of one that did not."""
    if row["state"] != "error":
        return None
    traceback = record.traceback or ""
    return FailureWords(
        message=shown(record.message or row["message"], TEXT_LIMIT),
        place=shown(record.place or "", VALUE_LIMIT),
        source=shown(failing_line(traceback), VALUE_LIMIT),
        traceback=shown(traceback, TEXT_LIMIT),
    )


def _pairs(values: Mapping[str, object]) -> list[tuple[str, str]]:
    return [
        (shown(str(name), VALUE_LIMIT), value_text(value, VALUE_LIMIT, digits=10))
        for name, value in list(values.items())[:PAIRS_LIMIT]
    ]


def _json_text(value: object) -> str:
    parts: list[str] = []
    length = 0
    try:
        # As far as it is shown: the whole of a large one takes seconds.
        for part in _ENCODER.iterencode(value):
            parts.append(part)
            length += len(part)
            if length > TEXT_LIMIT:
                break
    except (TypeError, ValueError, RecursionError):
        return value_text(value, TEXT_LIMIT)
    return shown("".join(parts), TEXT_LIMIT)


_ENCODER = json.JSONEncoder(ensure_ascii=False, indent=1)
