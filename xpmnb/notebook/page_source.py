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
_BLANKS_AND_COMMENTS = re.compile(r"^(?://.*|\s+)+", re.MULTILINE)
_STYLES = (
    "theme.css",
    "notebook/page/panel.css",
    "notebook/page/live.css",
    "notebook/page/card.css",
)


@cache
def script() -> str:
    """Return the script of live panels: one ES module that needs nothing else.

    Without indents and the lines that are comments: it is sent with every panel.
    """
    page = files("xpmnb.notebook").joinpath("page")
    whole = "\n".join(page.joinpath(name).read_text(encoding="utf-8") for name in _SCRIPTS)
    return _BLANKS_AND_COMMENTS.sub("", whole)


def style_files() -> tuple[str, ...]:
    """Return the names of the styles of live panels, for :func:`xpmnb.markup.style`."""
    return _STYLES
