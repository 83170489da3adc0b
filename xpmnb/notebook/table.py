"""The saved table of a panel: complete HTML that needs no script, kernel or network; pure.

What a row says is in ``rows.py``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape

from xpmnb.markup import safe, shown, style
from xpmnb.notebook.rows import TONES, Row, elapsed, headline

# A page of more rows is too heavy for a browser and for a saved notebook; the note says so.
MAX_ROWS = 2_000


def table_html(
    rows: Sequence[Row],
    *,
    note: str = "",
    now: float | None = None,
    mark: str = "",
    title: str = "",
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
        f'<div class="xpm-panel xpm-static {mark}"><div class="xpm-still">'
        f'<div class="xpm-head">{_overall_html(rows)}<span>{escape(headline(rows))}</span></div>'
        f'<div class="xpm-scroll"><table class="xpm-table"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>{note_html}</div></div>"
    )


def stylesheet() -> str:
    """Return the style of panels, live and saved, without its comments."""
    return style("theme.css", "notebook/page/panel.css")


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
