"""``xpmnb show``: everything that is known of one job."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from xpmnb.records.events import JobRecord, Progress
from xpmnb.records.job_directory import read_job
from xpmnb.records.layout import JobLayout
from xpmnb.scheduler.stopping import read_stop_request

from .display import (
    duration_of,
    escaped,
    json_text,
    local_time,
    record_json,
    shown_value,
    state_words,
    to_duration,
)
from .locating import remembered

__all__ = ["description", "iter_files", "show_job"]

_MAX_FILES = 200
_KILO = 1000


def show_job(layout: JobLayout, *, as_json: bool) -> int:
    """Print what is known of a job; the exit code is 0.

    Parameters
    ----------
    layout
        The job.
    as_json
        Print a JSON object instead of text.
    """
    known = remembered(layout)
    record = read_job(layout, known.submission, run_alive=known.run_alive)
    request = read_stop_request(layout)
    now = time.time()
    files = list(iter_files(layout.path))
    if as_json:
        content = {
            **record_json(record, now),
            "runs": known.runs,
            "stop_requested_by": request.by if request is not None else None,
            "files": [{"path": name, "size_bytes": size} for name, size in files],
        }
        sys.stdout.write(json_text(content))
        return 0
    facts = _facts(record, now)
    if request is not None and not record.state.is_final:
        facts["asked to stop by"] = request.by
    facts["submitted by"] = ", ".join(known.runs)
    sys.stdout.write(description(record, facts, files))
    return 0


def iter_files(folder: str) -> Iterator[tuple[str, int]]:
    """Give the files below a folder by their path in it, with their sizes in bytes.

    Those of the folder itself come first; symbolic links are not followed, and what cannot be read
    is left out.
    """
    for root, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = f"{root}/{name}"
            try:
                size = os.lstat(path).st_size
            except OSError:  # a job that runs makes and removes files
                continue
            yield path[len(folder) + 1 :], size


def _facts(record: JobRecord, now: float) -> dict[str, str]:
    """Give the lines of the head by their names; empty ones are not shown."""
    process = "" if record.pid is None else str(record.pid)
    if process and record.host:
        process += f" on {record.host}"
    return {
        "state": state_words(record),
        "message": record.message or "",
        "place": record.place or "",
        "problem": record.problem or "",
        "directory": record.path,
        "submitted": local_time(record.submitted),
        "started": local_time(record.started),
        "ended": local_time(record.ended),
        "duration": to_duration(duration_of(record, now)),
        "attempts": str(record.attempts or ""),
        "launcher": record.launcher or "",
        "process": process,
    }


def description(
    record: JobRecord, facts: Mapping[str, str], files: Sequence[tuple[str, int]]
) -> str:
    """Give what is known of a job as text: a head, then a section for each kind of values.

    Parameters
    ----------
    record
        The job.
    facts
        The lines of the head, by name.
    files
        Its files and their sizes in bytes.
    """
    result = {} if record.result is None else {"": record.result}
    sections = [
        "".join(_pairs(facts)),
        _section("parameters", _pairs(_values(record.params))),
        _section("tags", _pairs(_values(record.tags))),
        _section("metrics", _pairs(_values(record.metrics))),
        _section("progress", (f"{_progress(each)}\n" for each in record.progress or ())),
        _section("result", (f"{shown_value(value)}\n" for value in result.values())),
        _section("traceback", _lines(record.traceback or "")),
        _section("files", _file_lines(files)),
    ]
    head = f"{escaped(record.task)} {escaped(record.identifier)}\n"
    return head + "\n".join(section for section in sections if section)


def _section(title: str, lines: Iterator[str]) -> str:
    body = "".join(f"  {line}" for line in lines)
    return f"{title}\n{body}" if body else ""


def _values(values: Mapping[str, Any]) -> dict[str, str]:
    return {name: shown_value(value) for name, value in values.items()}


def _pairs(values: Mapping[str, str]) -> Iterator[str]:
    shown = {escaped(name): escaped(value) for name, value in values.items() if value}
    width = max(map(len, shown), default=0)
    for name, value in shown.items():
        yield f"{name:{width}}  {value}\n"


def _progress(news: Progress) -> str:
    share = "?" if news.value is None else f"{news.value:.0%}"
    return f"{'  ' * max(0, news.level)}{share} {escaped(news.description)}".rstrip()


def _lines(text: str) -> Iterator[str]:
    for line in text.splitlines():
        yield f"{escaped(line)}\n"


def _file_lines(files: Sequence[tuple[str, int]]) -> Iterator[str]:
    shown = files[:_MAX_FILES]
    sizes = [_size(size) for _, size in shown]
    width = max(map(len, sizes), default=0)
    for (name, _), size in zip(shown, sizes, strict=True):
        yield f"{size:>{width}}  {escaped(name)}\n"
    if len(files) > len(shown):
        yield f"and {len(files) - len(shown)} more\n"


def _size(size_bytes: int) -> str:
    """Give a size as a person reads it: ``12 B``, ``3.4 kB``."""
    size = float(size_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if size < _KILO:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= _KILO
    return f"{size:.1f} TB"
