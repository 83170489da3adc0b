"""The script and the styles of live panels: many small files, sent to the page as one each."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

__all__ = ["script", "style_files"]

# The order in which they stand in the one module: what is used while it loads comes first.
_SCRIPTS = (
    "elements.js",
    "logs.js",
    "tally.js",
    "store.js",
    "order.js",
    "window.js",
    "asking.js",
    "widths.js",
    "row.js",
    "log.js",
    "card.js",
    "head.js",
    "toolbar.js",
    "table.js",
    "pictures.js",
    "keeping.js",
    "view.js",
    "mounting.js",
    "main.js",
)
_INDENTS_AND_COMMENTS = re.compile(r"^(?://.*|\s+)+", re.MULTILINE)
_AROUND_SIGNS = re.compile(r" ?([=<>*?:&|!,;{}()\[\]]+) ?")
_STYLES = (
    "theme.css",
    "notebook/page/panel.css",
    "notebook/page/live.css",
    "notebook/page/card.css",
)


@cache
def script() -> str:
    """Return the script of live panels: one ES module that needs nothing else.

    Without comments and needless blanks: it is sent with every panel.
    """
    page = files("xpmnb.notebook").joinpath("page")
    whole = "\n".join(page.joinpath(name).read_text(encoding="utf-8") for name in _SCRIPTS)
    return "\n".join(map(_squeezed, _INDENTS_AND_COMMENTS.sub("", whole).split("\n")))


def style_files() -> tuple[str, ...]:
    """Return the names of the styles of live panels, for :func:`xpmnb.markup.style`."""
    return _STYLES


def _squeezed(line: str) -> str:
    # Strings in double quotes stay; templates and expressions would need a parser.
    if any(mark in line for mark in "'`/\\"):
        return line
    parts = line.split('"')
    return '"'.join(
        part if place % 2 else _AROUND_SIGNS.sub(r"\1", part) for place, part in enumerate(parts)
    )
