"""What a comparison says, as plain values, as text for a terminal and as HTML: pure functions.

Knows nothing of jobs and of code: ``code_diff.py`` and ``analysis/`` say what is compared.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xpmnb.markup import AS_TEXT, one_line, safe, shown, style

__all__ = ["ABSENT", "Pair", "Section", "Sheet", "pairs_of", "sheet_html", "sheet_text"]

MAX_VALUE = 160
"""A longer value is cut where it is shown; the object that shows it has it whole."""

_CONTEXT = 30
"""So many characters stand before the first difference of two long values."""

MAX_PAIRS = 500
"""More rows of one section are counted, not shown."""

_CLASS_OF_SIGN = {"+": "added", "-": "removed", "@": "place"}


class _Absent(enum.Enum):
    """The type of :data:`ABSENT`; an enum, so that there is one object and a copy is it, too."""

    ABSENT = "absent"

    def __repr__(self) -> str:
        return "ABSENT"

    def __str__(self) -> str:
        return "absent"

    def __bool__(self) -> bool:
        return False


ABSENT = _Absent.ABSENT
"""Stands where one side has no such value, which is not the same as the value None. It is false."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two values of one name, in words. Immutable; any thread."""

    name: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Section:
    """One part of a comparison: pairs of values, lines of a difference, or both."""

    heading: str
    pairs: tuple[Pair, ...] = ()
    lines: tuple[str, ...] = ()
    """Each begins with ``+``, ``-``, a blank, or ``@`` for the place of what follows."""
    more: str = ""
    """What stands beside the heading: ``changed``."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A whole comparison. Immutable; any thread."""

    title: str
    sides: tuple[str, str] = ("old", "new")
    """What the two columns are called."""
    sections: tuple[Section, ...] = ()
    notes: tuple[str, ...] = ()
    """Sentences at the end."""


def pairs_of(values: Mapping[str, tuple[Any, Any]]) -> tuple[Pair, ...]:
    """Return two values for each name, as words that tell them apart.

    Parameters
    ----------
    values
        Name to the old and the new JSON value; `ABSENT` where one is not there.
    """
    return tuple(Pair(name, *_words(old, new)) for name, (old, new) in values.items())


def _words(old: Any, new: Any) -> tuple[str, str]:
    """Return two values in words, as short as they can be told apart."""
    a, b = _plain(old), _plain(new)
    if a == b:
        exact = _exact(old), _exact(new)
        a, b = (a, b) if exact[0] == exact[1] else exact
    differ = next((at for at, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), 0)
    start = differ - _CONTEXT if differ + _CONTEXT > MAX_VALUE else 0
    return _cut(a, start), _cut(b, start)


def _plain(value: Any) -> str:
    if value is ABSENT:
        return "absent"
    return value if isinstance(value, str) else _exact(value)


def _exact(value: Any) -> str:
    if value is ABSENT:
        return "absent"
    return json.dumps(value, ensure_ascii=False, default=repr)


def _cut(text: str, start: int) -> str:
    if start > 0 and len(text) > MAX_VALUE:
        text = "…" + text[start:]
    return one_line(text, MAX_VALUE)


def sheet_text(sheet: Sheet) -> str:
    """Return a comparison for a terminal, without a newline at its end."""
    lines = [one_line(sheet.title)] if sheet.title else []
    for section in sheet.sections:
        more = f": {section.more}" if section.more else ""
        lines.append(f"{one_line(section.heading)}{more}")
        lines += _pair_lines(section.pairs)
        lines += map(shown, section.lines)
    lines += map(shown, sheet.notes)
    return "\n".join(lines)


def _pair_lines(pairs: Sequence[Pair]) -> Iterable[str]:
    width = max((len(pair.name) for pair in pairs), default=0)
    for pair in pairs[:MAX_PAIRS]:
        values = f"{pair.old} -> {pair.new}" if pair.old != pair.new else f"{pair.old} (both)"
        yield f"  {one_line(pair.name):<{width}}  {values}"
    if len(pairs) > MAX_PAIRS:
        yield f"  {_left_out(pairs)}"


def _left_out(pairs: Sequence[Pair]) -> str:
    return f"{len(pairs) - MAX_PAIRS:,} more are not shown"


def sheet_html(sheet: Sheet) -> str:
    """Return a comparison as HTML that needs no script, kernel or network."""
    parts = [f'<p class="xpm-title">{safe(sheet.title)}</p>'] if sheet.title else []
    tabled = [section for section in sheet.sections if section.pairs]
    if tabled:
        parts.append(_table_html(tabled, sheet.sides))
    parts += [_lines_html(section) for section in sheet.sections if not section.pairs]
    parts += [f'<p class="xpm-note">{safe(note)}</p>' for note in sheet.notes]
    return (
        f"<style>{style('theme.css', 'comparison.css')}</style>"
        f'<div class="xpm-panel xpm-sheet {AS_TEXT}">{"".join(parts)}</div>'
    )


def _table_html(sections: Sequence[Section], sides: tuple[str, str]) -> str:
    heads = "".join(f'<th scope="col">{safe(side)}</th>' for side in sides)
    bodies = "".join(map(_body_html, sections))
    return f'<table class="xpm-sides"><thead><tr><td></td>{heads}</tr></thead>{bodies}</table>'


def _body_html(section: Section) -> str:
    head = ""
    if section.heading:
        head = (
            '<tr><th class="xpm-group" scope="rowgroup" colspan="3">'
            f"{safe(section.heading)}</th></tr>"
        )
    rows = "".join(map(_pair_html, section.pairs[:MAX_PAIRS]))
    if len(section.pairs) > MAX_PAIRS:
        rows += f'<tr><td colspan="3">{_left_out(section.pairs)}</td></tr>'
    return f"<tbody>{head}{rows}</tbody>"


def _pair_html(pair: Pair) -> str:
    cells = "".join(map(_value_html, (pair.old, pair.new)))
    return f'<tr><th scope="row">{safe(one_line(pair.name))}</th>{cells}</tr>'


def _value_html(text: str) -> str:
    kind = ' class="xpm-absent"' if text == "absent" else ""
    return f"<td{kind}>{safe(text)}</td>"


def _lines_html(section: Section) -> str:
    more = f" {safe(section.more)}" if section.more else ""
    head = f'<p class="xpm-part"><b>{safe(one_line(section.heading))}</b>{more}</p>'
    if not section.lines:
        return head
    # The line ends are for pages that drop the style, and for what is copied from the page.
    lines = "\n".join(map(_line_html, section.lines))
    return f'{head}<pre class="xpm-lines"><code>{lines}</code></pre>'


def _line_html(line: str) -> str:
    kind = _CLASS_OF_SIGN.get(line[:1])
    shade = f" xpm-{kind}" if kind else ""
    return f'<span class="xpm-line{shade}">{safe(line)}</span>'
