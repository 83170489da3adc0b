"""The saved table of a panel: complete HTML that needs no script, kernel or network; pure.

What a row says is in ``rows.py``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from time import localtime, strftime

from xpmnb.markup import AS_TEXT, safe, shown, style
from xpmnb.notebook.failures import MAX_FAILURES, FailureWords, failure_html
from xpmnb.notebook.rows import TONES, Row, elapsed, headline
from xpmnb.notebook.sparkline import course, sparkline_svg

# A page of more rows is too heavy for a browser and for a saved notebook; the note says so.
MAX_ROWS = 2_000
# In a long table lines are coarser and names have no colour: together they are half of its weight.
MANY_ROWS = 200
_FEWER_POINTS = 12

# Blanks and commas are for pages that drop the style, such as GitHub's; elsewhere none is seen.
_COMMA = "<i>,</i> "

_CHANGED = (
    "The result was made by other code than the task has now: job.code_diff() shows the change."
)


def table_html(
    rows: Sequence[Row],
    *,
    note: str = "",
    now: float | None = None,
    mark: str = "",
    failures: Mapping[str, FailureWords] | None = None,
) -> str:
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
    mark : str
        A class of the outermost element, by which a page finds the panel; none where empty.
    failures : mapping, optional
        What is known of failures, by the key of the row; the first fifty are shown.
    """
    return (
        f"<style>{static_stylesheet()}</style>"
        f"{opening(mark)}"
        f"{table_body(rows, note=note, now=now, failures=failures)}</div></div>"
    )


def opening(mark: str) -> str:
    """Return the beginning of a saved panel, two elements deep: pages find it by its mark."""
    classes = escape(f"xpm-panel xpm-static {AS_TEXT} {mark}".strip())
    return f'<div class="{classes}"><div class="xpm-still">'


def table_body(
    rows: Sequence[Row],
    *,
    note: str = "",
    now: float | None = None,
    failures: Mapping[str, FailureWords] | None = None,
) -> str:
    """Return what stands inside a panel: headline, table and note; as :func:`table_html` does."""
    visible, hidden = _visible(rows)
    said = escape(headline(rows))
    notes = "".join(
        f'<p class="xpm-note">{escape(shown(each))}</p>' for each in _notes(rows, note, now, hidden)
    )
    return (
        f'<div class="xpm-head">{_overall_html(rows)}<span>{said}</span></div>'
        f'<div class="xpm-scroll" tabindex="0" role="region" aria-label="{said}">'
        f"{rows_html(visible, now, failures or {})}</div>{notes}"
    )


def rows_html(rows: Sequence[Row], now: float | None, failures: Mapping[str, FailureWords]) -> str:
    """Return the table alone, as :func:`table_html` does."""
    columns = {
        "state": True,
        "task": True,
        "tags": any(row["tags"] for row in rows),
        "progress": any(row["progress"] or row["message"] for row in rows),
        "metrics": any(row["metrics"] or row["spark"] for row in rows),
        "time": True,
    }
    names = [name for name, used in columns.items() if used]
    head = "".join(f'<th scope="col" class="xpm-{name}">{name.capitalize()}</th>' for name in names)
    is_long = len(rows) > MANY_ROWS
    told = _told(rows, failures)
    body = "".join(
        _row_html(row, names, now, is_long=is_long)
        + _more_html(told.get(row["key"], ""), len(names))
        for row in rows
    )
    return f'<table class="xpm-table"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def static_stylesheet() -> str:
    """Return the style of saved panels, without its comments."""
    return style(
        "theme.css", "notebook/page/panel.css", "notebook/table.css", "notebook/static.css"
    )


def _visible(rows: Sequence[Row]) -> tuple[list[Row], int]:
    """Return the rows to show, failures first of all where not all fit, and how many are left."""
    if len(rows) <= MAX_ROWS:
        return list(rows), 0
    by_need = sorted(range(len(rows)), key=lambda place: rows[place]["tone"] != "failed")
    return [rows[place] for place in sorted(by_need[:MAX_ROWS])], len(rows) - MAX_ROWS


def _notes(rows: Sequence[Row], note: str, now: float | None, hidden: int) -> list[str]:
    notes = [note] if note else []
    if hidden:
        notes.append(f"{hidden:,} more jobs are not shown; xp.jobs() lists all.")
    if now is not None and not all(row["final"] for row in rows):
        notes.append(strftime("As it was on %Y-%m-%d at %H:%M:%S.", localtime(now)))
    return notes


def _told(rows: Iterable[Row], failures: Mapping[str, FailureWords]) -> dict[str, str]:
    """Return what is told of the first failures, by key."""
    known = [row for row in rows if row["key"] in failures][:MAX_FAILURES]
    return {
        row["key"]: failure_html(failures[row["key"]], with_message=not row["message"])
        for row in known
    }


def _overall_html(rows: Sequence[Row]) -> str:
    counts = Counter(row["tone"] for row in rows)
    parts = "".join(
        f'<span class="xpm-part xpm-is-{tone}" style="flex-grow:{counts[tone]}"></span>'
        for tone in TONES
        if counts[tone]
    )
    return f'<span class="xpm-overall" aria-hidden="true">{parts}</span>'


def _row_html(row: Row, names: Sequence[str], now: float | None, *, is_long: bool) -> str:
    cells = {
        "state": _state_html(row),
        "task": f'<span title="{safe(row["path"])}">{safe(row["name"])}</span>',
        "tags": _list_html(_tags_html(row, is_long=is_long), " "),
        "progress": _progress_html(row),
        "metrics": _list_html(_metrics_html(row, is_long=is_long), _COMMA),
        "time": elapsed(row, now),
    }
    inside = "".join(f'<td class="xpm-{name}">{cells[name]}</td>' for name in names)
    return f'<tr class="xpm-row xpm-is-{safe(row["tone"])}">{inside}</tr>'


def _more_html(told: str, columns: int) -> str:
    """Return a row of its own for what is told of the job above."""
    if not told:
        return ""
    # Jupyter draws cells to the right where it drops the style.
    return f'<tr class="xpm-more"><td colspan="{columns}"><div align="left">{told}</div></td></tr>'


def _state_html(row: Row) -> str:
    retries = ""
    if row["retries"]:
        retries = f'{_COMMA}<span class="xpm-retries">{safe(row["retries"])}</span>'
    word = safe(row["word"])
    if row["code_changed"]:
        # Also where styles are dropped, browsers underline it.
        word = f'<abbr class="xpm-changed" title="{_CHANGED}">{word}</abbr>'
    return f'<span class="xpm-dot"></span>{word}{retries}'


def _list_html(items: Iterable[str], between: str) -> str:
    text = between.join(items)
    return f'<span class="xpm-list">{text}</span>' if text else ""


def _tags_html(row: Row, *, is_long: bool) -> Iterable[str]:
    for name, value in row["tags"]:
        yield f'<span class="xpm-tag">{_key_html(name, is_long=is_long)}={safe(value)}</span>'


def _metrics_html(row: Row, *, is_long: bool) -> Iterable[str]:
    metric, heights = row["spark"] or ("", [])
    line = sparkline_svg(course(heights, _FEWER_POINTS) if is_long else heights)
    pairs = list(row["metrics"])
    if line and metric not in dict(pairs):
        pairs.append((metric, ""))
    for name, value in pairs:
        # A page that drops pictures keeps the value.
        drawn = line if name == metric else ""
        key = _key_html(name, is_long=is_long)
        yield f'<span class="xpm-metric">{key} {safe(value)}{drawn}</span>'


def _key_html(name: str, *, is_long: bool) -> str:
    return safe(name) if is_long else f'<span class="xpm-key">{safe(name)}</span>'


def _progress_html(row: Row) -> str:
    message = ""
    if row["message"]:
        text = safe(row["message"])
        message = f'<span class="xpm-message">{text}</span>'
    if not row["progress"] or (message and row["final"]):
        return message
    value = row["progress"][0][0]
    words = safe(" › ".join(text for _, text in row["progress"] if text))
    said = f'<span class="xpm-text">{words}</span>' if words else ""
    if value is not None:
        percent = int(100 * value)
        bar = f'<span class="xpm-bar"><span style="width:{percent}%"></span></span>'
        said = f'{bar}<span class="xpm-percent">{percent} %</span> {said}'
    steps = f'<span class="xpm-steps">{said}</span>'
    return f"{steps} {message}" if message else steps
