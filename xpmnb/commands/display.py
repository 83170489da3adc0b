"""Records as text for a terminal and as JSON for programs: pure functions.

Whatever comes from a record may hold control characters, which must not reach the terminal.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from xpmnb.records.events import JobRecord
from xpmnb.records.states import FailureReason, JobState

__all__ = [
    "duration_of",
    "escaped",
    "json_text",
    "label",
    "local_time",
    "outcome_words",
    "record_json",
    "shown_value",
    "state_words",
    "table",
    "to_duration",
]

SHORT_ID = 8
"""As many characters of an identifier are shown, or more where several begin alike."""

_MINUTE_S = 60
_HOUR_S = 3_600
_DAY_S = 86_400
_TENTHS_BELOW_S = 60

# Controls, halves of surrogate pairs, and the marks that turn the direction of what follows.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff]"
)
_ELLIPSIS = "…"
_GAP = "  "


def escaped(text: str) -> str:
    r"""Give a text in one line, with control characters written out: ``\n``, ``\x1b``."""
    return _UNSAFE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def shown_value(value: Any) -> str:
    """Give a JSON value as a person writes it: strings without quotes, all else as JSON."""
    if isinstance(value, str):
        return escaped(value)
    return escaped(json.dumps(value, ensure_ascii=False, default=str))


def local_time(time: float | None) -> str:
    """Give a time in the zone of the reader, to the second: ``2025-01-31 12:00:00+01:00``."""
    if time is None:
        return ""
    return datetime.fromtimestamp(time, UTC).astimezone().isoformat(" ", "seconds")


def to_duration(seconds: float | None) -> str:
    """Give a duration in few characters: ``0.4s``, ``3m05s``, ``2h03m``, ``1d02h``."""
    if seconds is None:
        return ""
    seconds = max(0.0, seconds)  # a clock may have been set back
    if round(seconds, 1) < _TENTHS_BELOW_S:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < _HOUR_S:
        return f"{whole // _MINUTE_S}m{whole % _MINUTE_S:02d}s"
    if whole < _DAY_S:
        return f"{whole // _HOUR_S}h{whole % _HOUR_S // _MINUTE_S:02d}m"
    return f"{whole // _DAY_S}d{whole % _DAY_S // _HOUR_S:02d}h"


def duration_of(record: JobRecord, now: float) -> float | None:
    """Give how long the last attempt took, or takes so far, in seconds; None if none began."""
    if record.started is None:
        return None
    if record.ended is not None:
        return record.ended - record.started
    return now - record.started if record.state == JobState.RUNNING else None


def state_words(record: JobRecord) -> str:
    """Give the state and, where it is not a plain error, the reason: ``error (timeout)``."""
    reason = record.state.failure_reason
    if reason is None or reason is FailureReason.ERROR:
        return record.state.value
    return f"{record.state.value} ({reason.value})"


def outcome_words(record: JobRecord) -> str:
    """Give the state and, of a job that failed, why: ``error (cancelled): asked to stop``."""
    words = state_words(record)
    return f"{words}: {escaped(record.message)}" if record.message else words


def label(task: str, identifier: str) -> str:
    """Give the few words by which a message names a job: ``train 0123abcd``."""
    return escaped(f"{task.rpartition('.')[2]} {identifier[:SHORT_ID]}")


def table(rows: Sequence[Sequence[str]], flexible: Sequence[int], width: int | None) -> str:
    """Give rows of cells as lines in columns.

    Parameters
    ----------
    rows
        The header and the rows, of equal length; cells are escaped here.
    flexible
        The columns that may be cut, those that are cut first at the beginning.
    width
        Width of the terminal in columns; None for as wide as it takes.

    Returns
    -------
    str
        Each line ends with a newline; empty columns are left out.
    """
    cells = [[escaped(cell) for cell in row] for row in rows]
    widths = [max(map(_width, column)) for column in zip(*cells, strict=True)]
    kept = [place for place in range(len(widths)) if any(row[place] for row in cells[1:])]
    if width is not None:
        excess = sum(widths[place] + len(_GAP) for place in kept) - len(_GAP) - width
        for place in flexible:
            if excess > 0 and place in kept:
                least = min(widths[place], max(SHORT_ID, _width(cells[0][place])))
                cut = min(excess, widths[place] - least)
                widths[place] -= cut
                excess -= cut
    lines = (_GAP.join(_fitted(row[place], widths[place]) for place in kept) for row in cells)
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _width(text: str) -> int:
    """Give how many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(map(_character_width, text))


def _character_width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _fitted(text: str, width: int) -> str:
    """Cut or fill a text to a width."""
    missing = width - _width(text)
    if missing >= 0:
        return text + " " * missing
    used, kept = 0, []
    for character in text:
        used += _character_width(character)
        if used > width - 1:
            break
        kept.append(character)
    cut = "".join(kept) + _ELLIPSIS
    return cut + " " * (width - _width(cut))


def record_json(record: JobRecord, now: float) -> dict[str, Any]:
    """Give all of a record as JSON values; times are ISO texts in UTC, durations seconds."""
    reason = record.state.failure_reason
    levels = None
    if record.progress is not None:
        levels = [
            {"level": each.level, "value": each.value, "description": each.description}
            for each in record.progress
        ]
    return {
        "task": record.task,
        "identifier": record.identifier,
        "path": record.path,
        "state": record.state.value,
        "failure": reason.value if reason is not None else None,
        "message": record.message,
        "place": record.place,
        "traceback": record.traceback,
        "params": record.params,
        "tags": record.tags,
        "result": record.result,
        "metrics": record.metrics,
        "progress": levels,
        "submitted": _utc(record.submitted),
        "started": _utc(record.started),
        "ended": _utc(record.ended),
        "duration_s": duration_of(record, now),
        "attempts": record.attempts,
        "launcher": record.launcher,
        "pid": record.pid,
        "host": record.host,
        "problem": record.problem,
        "run": record.run,
        "code": record.code,
        "submitted_code": record.submitted_code,
    }


def _utc(time: float | None) -> str | None:
    return None if time is None else datetime.fromtimestamp(time, UTC).isoformat()


def json_text(value: Any) -> str:
    """Give a value as JSON that every program reads, in ASCII, with a newline at its end.

    Numbers that JSON lacks become the texts ``"NaN"``, ``"Infinity"`` and ``"-Infinity"``.
    """
    return json.dumps(_finite(value), indent=2, allow_nan=False) + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return {str(name): _finite(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return value
