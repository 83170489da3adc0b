"""What pictures of jobs have in common: colours, words, tooltips and legends, as SVG; pure.

A picture may stand alone in a saved page: colours that the page does not name have fallbacks.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from urllib.parse import quote

from xpmnb.markup import one_line, safe
from xpmnb.notebook.rows import TONES, Row, elapsed

TONE_COLOURS = {
    "done": "var(--xpm-done,#2e9b57)",
    "running": "var(--xpm-running,#2b7de0)",
    "failed": "var(--xpm-failed,#d9423a)",
    "cancelled": "var(--xpm-cancelled,#b98320)",
    "waiting": "var(--xpm-waiting,#9a9a9a)",
}
SOFT = "var(--xpm-soft,#767676)"
LINE = "var(--xpm-line,rgba(128,128,128,.3))"
FILL = "var(--xpm-fill,rgba(128,128,128,.16))"

SHORT_KEY = 8
_TITLE_LIMIT = 400
# No characters to XML, in which no escape may stand for them.
_UNNAMEABLE = str.maketrans({0xFFFE: "\\ufffe", 0xFFFF: "\\uffff"})
_FONT = "var(--jp-ui-font-family,system-ui,sans-serif)"
_PAPER = "color-scheme:light dark;background:Canvas;color:CanvasText"
_HEAD = re.compile(r' width="([^"]*)"[^>]* aria-label="([^"]*)"')
_TOOLTIP = re.compile("<title>.*?</title>", re.DOTALL)
# Beside letters and digits, what may stand in an address within an attribute.
_UNQUOTED = " =:/;,()'!*?@$"
# Of the widths of a letter in the mean: text is cut before it meets what stands beside it.
_LETTER = 0.56


def picture(width: float, height: float, label: str, inside: str) -> str:
    """Return a whole picture, which is as large as it is in pixels, and shrinks with the page.

    Parameters
    ----------
    width, height : float
        In pixels.
    label : str
        What it shows, in a sentence, for who does not see it.
    inside : str
        What is in it, as SVG.
    """
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}" role="img" '
        f'aria-label="{xml_safe(one_line(label))}" font-family="{_FONT}" font-size="11" '
        f'fill="currentColor">{inside}</svg>'
    )


def still(svg: str) -> str:
    """Return a picture as an image that holds all of itself, for pages that let no SVG through.

    Of SVG itself such pages would leave the words, run together. As an image it has a ground of
    its own, since it does not know the theme around it.

    Parameters
    ----------
    svg : str
        What :func:`picture` returned.
    """
    head = _HEAD.search(svg)
    width, label = head.groups() if head else ("", "")
    # An image has no tooltips.
    drawn = _TOOLTIP.sub("", svg).replace("<svg ", f'<svg style="{_PAPER}" ', 1)
    source = f"data:image/svg+xml,{quote(drawn, safe=_UNQUOTED)}"
    return f'<img width="{width}" alt="{label}" src="{source}">'


def xml_safe(text: str) -> str:
    """Return text as it may stand in SVG that is parsed as strictly as XML."""
    return safe(text.translate(_UNNAMEABLE))


def tooltip(text: str) -> str:
    """Return what is shown where the pointer rests."""
    return f"<title>{xml_safe(text)}</title>"


def text_at(x: float, y: float, words: str, *, anchor: str = "", more: str = "") -> str:
    """Return words at a place: the beginning, ``middle`` or ``end`` of their base line.

    Parameters
    ----------
    x, y : float
        In pixels.
    words : str
        Any text.
    anchor : str
        Which part of it is there; the beginning where empty.
    more : str
        More attributes.
    """
    at = f' text-anchor="{anchor}"' if anchor else ""
    extra = f" {more}" if more else ""
    return f'<text x="{x:g}" y="{y:g}"{at}{extra}>{xml_safe(one_line(words))}</text>'


def fitted(words: str, width: float, size: float = 11) -> str:
    """Return as much of a text as fits into so many pixels, by the mean width of a letter."""
    most = max(2, int(width / (size * _LETTER)))
    return words if len(words) <= most else f"{words[: most - 1]}…"


def text_width(words: str, size: float = 11) -> float:
    """Return about how wide a text is, in pixels."""
    return len(words) * size * _LETTER


def job_words(row: Row, now: float | None, *, with_word: bool = True) -> str:
    """Return a job in a line, for tooltips: ``train 3f2a91c0, lr=0.1: done, 3 min 05 s``."""
    tags = ", ".join(f"{name}={value}" for name, value in row["tags"])
    name = ", ".join(filter(None, (f"{row['name']} {row['key'][:SHORT_KEY]}", tags)))
    ending = [row["word"] if with_word else "", elapsed(row, now), row["message"]]
    words = ", ".join(filter(None, ending))
    return one_line(f"{name}: {words}" if words else name, _TITLE_LIMIT)


def tone_counts(rows: Iterable[Row]) -> list[tuple[str, int]]:
    """Return the tones that are there, in their order, with how many rows have them."""
    counts = Counter(row["tone"] for row in rows)
    return [(tone, counts[tone]) for tone in TONES if counts[tone]]


def legend(x: float, y: float, counts: Sequence[tuple[str, int]]) -> str:
    """Return a line that says which colour is what: squares, and words with numbers."""
    parts = []
    for tone, count in counts:
        words = f"{count:,} {tone}"
        parts.append(
            f'<rect x="{x:g}" y="{y - 9:g}" width="10" height="10" rx="2" '
            f'fill="{TONE_COLOURS[tone]}"/>{text_at(x + 15, y, words)}'
        )
        x += 15 + text_width(words) + 16
    return "".join(parts)
