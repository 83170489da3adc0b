"""Small tables of words, for what is shown in a cell; pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from time import localtime, strftime
from typing import Any

from xpmnb.markup import one_line, safe, shown

CELL_LIMIT = 400


def facts_html(facts: Iterable[tuple[str, str]]) -> str:
    """Return a table of two columns: names, and what there is to say; without what is empty."""
    rows = "".join(
        f'<tr><th scope="row">{safe(one_line(name))}</th><td>{safe(shown(words))}</td></tr>'
        for name, words in facts
        if words
    )
    return f'<table class="xpm-facts"><tbody>{rows}</tbody></table>' if rows else ""


def grid_html(
    caption: str, heads: Sequence[str], rows: Iterable[Sequence[str | int]], left_out: str = ""
) -> str:
    """Return a table with a caption; nothing where it has no rows.

    Parameters
    ----------
    caption : str
        What it shows.
    heads : sequence of str
        Of each column.
    rows : iterable of sequence
        Words stand to the left, numbers to the right; a number of 0 is left out.
    left_out : str
        What is said of rows that are not there.
    """
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    if not body:
        return ""
    head = "".join(f'<th scope="col">{safe(each)}</th>' for each in heads)
    more = f'<tr><td colspan="{len(heads)}">{safe(left_out)}</td></tr>' if left_out else ""
    return (
        f'<table class="xpm-facts"><caption>{safe(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}{more}</tbody></table>"
    )


def _cell(value: str | int) -> str:
    if isinstance(value, int):
        return f'<td class="xpm-number">{f"{value:,}" if value else ""}</td>'
    return f"<td>{safe(one_line(value, CELL_LIMIT))}</td>"


def time_words(time: float | None) -> str:
    """Return date and time where this kernel runs; empty for none, and for nonsense."""
    if time is None:
        return ""
    try:
        return strftime("%Y-%m-%d %H:%M:%S", localtime(time))
    except (OverflowError, OSError, ValueError):
        return ""


def json_words(value: Any, limit: int) -> str:
    """Return a JSON value as text of bounded length; empty for None."""
    if value is None:
        return ""
    return shown(json.dumps(value, ensure_ascii=False), limit)
