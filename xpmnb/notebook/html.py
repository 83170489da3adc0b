"""Rows of a status panel as words and as static HTML: pure functions, no widget and no clock.

What a row says is decided here once, for the live panel and for the saved page alike.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape
from typing import TypedDict

from xpmnb.markup import safe, shown, style

# A page of more rows is too heavy for a browser and for a saved notebook; the note says so.
MAX_ROWS = 2_000

MINUTE_S = 60
HOUR_S = 3_600
DAY_S = 86_400
TENTHS_BELOW_S = 10

# Tones are the five things that a colour tells; the words beside it tell the rest.
TONES = ("done", "running", "failed", "cancelled", "waiting")
_TONE_OF_STATE = {"done": "done", "running": "running", "error": "failed"}
_WORD_OF_FAILURE = {
    "error": "failed",
    "timeout": "timed out",
    "cancelled": "cancelled",
    "dependency": "dependency failed",
    "memory": "out of memory",
    "lost": "lost",
}


class Row(TypedDict):
    """One job as a panel shows it: JSON values only, all text safe to show.

    Times are seconds since the epoch; ``progress`` holds (fraction or None, text) from the
    outermost level inwards; ``tags`` and ``metrics`` hold (name, value) as text.
    """

    key: str
    name: str
    path: str
    state: str
    word: str
    tone: str
    stopping: bool
    final: bool
    message: str
    tags: list[tuple[str, str]]
    progress: list[tuple[float | None, str]]
    metrics: list[tuple[str, str]]
    retries: str
    started_at: float | None
    ended_at: float | None


def state_word(state: str, failure: str | None, *, stopping: bool) -> str:
    """Return the word that a person reads for a state, such as ``timed out``.

    Parameters
    ----------
    state : str
        The job's state in lower case.
    failure : str or None
        Why it failed, in lower case; None where it did not.
    stopping : bool
        Whether the job was asked to stop and has not ended yet.
    """
    if state == "error":
        return _WORD_OF_FAILURE.get(failure or "error", shown(failure or "failed"))
    if stopping and state != "done":
        return "stopping"
    # To a person both wait, one for other jobs and one for a free place.
    return "waiting" if state == "ready" else shown(state)


def retries_word(count: int) -> str:
    """Return how often a job was run again: ``2 retries``; empty where it never was."""
    return "" if count < 1 else "1 retry" if count == 1 else f"{count:,} retries"


def state_tone(state: str, failure: str | None) -> str:
    """Return which of `TONES` colours a state."""
    if state == "error" and failure == "cancelled":
        return "cancelled"
    return _TONE_OF_STATE.get(state, "waiting")


def summary(rows: Sequence[Row]) -> str:
    """Return how many rows are in which state: ``12 done, 3 running, 1 failed``."""
    counts = Counter(row["tone"] for row in rows)
    return ", ".join(f"{counts[tone]:,} {tone}" for tone in TONES if counts[tone])


def headline(rows: Sequence[Row]) -> str:
    """Return the panel's first line: ``16 jobs: 12 done, 3 running, 1 failed``."""
    jobs = "1 job" if len(rows) == 1 else f"{len(rows):,} jobs"
    return f"{jobs}: {summary(rows)}" if rows else jobs


def format_duration(seconds: float) -> str:
    """Return a duration as a person reads it: ``0.4 s``, ``12 s``, ``3 min 05 s``, ``2 h 03 min``.

    Parameters
    ----------
    seconds : float
        The duration in seconds; a negative one (a clock that was set back) counts as zero.
    """
    seconds = max(0.0, seconds)
    if round(seconds, 1) < TENTHS_BELOW_S:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < MINUTE_S:
        return f"{whole} s"
    if whole < HOUR_S:
        return f"{whole // MINUTE_S} min {whole % MINUTE_S:02d} s"
    if whole < DAY_S:
        return f"{whole // HOUR_S} h {whole % HOUR_S // MINUTE_S:02d} min"
    return f"{whole // DAY_S} d {whole % DAY_S // HOUR_S:02d} h"


def table_html(rows: Sequence[Row], *, note: str = "", now: float | None = None) -> str:
    """Return all rows as one complete HTML table that needs no script, kernel or network.

    Parameters
    ----------
    rows : sequence of Row
        The jobs in the order of their submission.
    note : str
        A sentence below the table; none where empty.
    now : float or None
        The present in seconds since the epoch, for the time of jobs that have not ended; without it
        their time stays empty.
    """
    visible, hidden = _visible(rows)
    if hidden:
        note = f"{note} {hidden:,} more jobs are not shown; xp.jobs() lists all.".strip()
    columns = {
        "state": True,
        "task": True,
        "tags": any(row["tags"] for row in rows),
        "progress": any(row["progress"] or row["message"] for row in rows),
        "metrics": any(row["metrics"] for row in rows),
        "time": True,
    }
    names = [name for name, used in columns.items() if used]
    head = "".join(f'<th scope="col" class="xpm-{name}">{name.capitalize()}</th>' for name in names)
    body = "".join(_row_html(row, names, now) for row in visible)
    note_html = f'<p class="xpm-note">{escape(shown(note))}</p>' if note else ""
    return (
        f"<style>{stylesheet()}</style>"
        '<div class="xpm-panel xpm-static">'
        f'<div class="xpm-head">{_overall_html(rows)}<span>{escape(headline(rows))}</span></div>'
        f'<div class="xpm-scroll"><table class="xpm-table"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>{note_html}</div>"
    )


def stylesheet() -> str:
    """Return the style of panels, live and saved, without its comments."""
    return style("theme.css", "notebook/panel.css")


def _visible(rows: Sequence[Row]) -> tuple[list[Row], int]:
    """Return the rows to show, failures first of all where not all fit, and how many are left."""
    if len(rows) <= MAX_ROWS:
        return list(rows), 0
    by_need = sorted(range(len(rows)), key=lambda place: rows[place]["tone"] != "failed")
    return [rows[place] for place in sorted(by_need[:MAX_ROWS])], len(rows) - MAX_ROWS


def _overall_html(rows: Sequence[Row]) -> str:
    counts = Counter(row["tone"] for row in rows)
    parts = "".join(
        f'<span class="xpm-part xpm-is-{tone}" style="flex-grow:{counts[tone]}"></span>'
        for tone in TONES
        if counts[tone]
    )
    return f'<span class="xpm-overall" aria-hidden="true">{parts}</span>'


def _row_html(row: Row, names: Sequence[str], now: float | None) -> str:
    cells = {
        "state": _state_html(row),
        "task": f'<span title="{safe(row["path"])}">{safe(row["name"])}</span>',
        "tags": _list_html(_pair_html("tag", name, f"={value}") for name, value in row["tags"]),
        "progress": _progress_html(row),
        "metrics": _list_html(
            _pair_html("metric", name, f" {value}") for name, value in row["metrics"]
        ),
        "time": elapsed(row, now),
    }
    inside = "".join(f'<td class="xpm-{name}">{cells[name]}</td>' for name in names)
    return f'<tr class="xpm-row xpm-is-{safe(row["tone"])}">{inside}</tr>'


def _state_html(row: Row) -> str:
    retries = f' <span class="xpm-retries">{safe(row["retries"])}</span>' if row["retries"] else ""
    return f'<span class="xpm-dot" aria-hidden="true"></span>{safe(row["word"])}{retries}'


def _list_html(items: Iterable[str]) -> str:
    # The blanks are for pages that drop the style, such as GitHub's.
    return f'<span class="xpm-list">{" ".join(items)}</span>'


def _pair_html(kind: str, name: str, said: str) -> str:
    return f'<span class="xpm-{kind}"><span class="xpm-key">{safe(name)}</span>{safe(said)}</span>'


def _progress_html(row: Row) -> str:
    if row["message"]:
        text = safe(row["message"])
        return f'<span class="xpm-message" title="{text}">{text}</span>'
    if not row["progress"]:
        return ""
    value = row["progress"][0][0]
    words = safe(" › ".join(text for _, text in row["progress"] if text))
    said = f'<span class="xpm-text" title="{words}">{words}</span>'
    if value is None:
        return f'<span class="xpm-steps">{said}</span>'
    percent = int(100 * value)
    bar = f'<span class="xpm-bar"><span style="width:{percent}%"></span></span>'
    number = f'<span class="xpm-percent">{percent} %</span>'
    return f'<span class="xpm-steps">{bar}{number} {said}</span>'


def elapsed(row: Row, now: float | None) -> str:
    """Return how long a job ran, or has been running at `now`; empty where it did not start."""
    end = row["ended_at"] if row["final"] else now
    if row["started_at"] is None or end is None:
        return ""
    return format_duration(end - row["started_at"])
