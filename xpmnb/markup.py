"""Text of users made safe to show, and the theme that panels and other HTML share; pure."""

from __future__ import annotations

import re
from functools import cache
from html import escape
from importlib.resources import files

__all__ = ["AS_TEXT", "minified", "one_line", "safe", "shown", "style"]

AS_TEXT = "mathjax_ignore"
"""A class for what holds text of users: Jupyter would typeset what stands between dollars."""

_TERMINAL_COLOURS = re.compile(r"\x1b\[[0-9;:]*[A-Za-z]")
# Controls, halves of surrogate pairs, and the marks that turn the direction of what follows.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff]"
)


def shown(text: str, limit: int | None = None) -> str:
    r"""Return text in which nothing hides, reorders or breaks what stands around it.

    Terminal colours are dropped; control characters, direction marks and halves of surrogate pairs
    become escapes such as ``\x07``. Tabs and line ends stay.

    Parameters
    ----------
    text : str
        Any text of a user.
    limit : int or None
        The greatest number of characters; a longer text ends with an ellipsis.
    """
    if limit is not None and len(text) > limit:
        text = text[: limit - 1] + "…"
    text = _TERMINAL_COLOURS.sub("", text.replace("\r\n", "\n"))
    return _UNSAFE.sub(_escaped, text)


def one_line(text: str, limit: int | None = None) -> str:
    r"""Return text as :func:`shown` does, in one line: line ends become ``\n``."""
    return shown(text, limit).replace("\n", "\\n")


def safe(text: str) -> str:
    """Return text as HTML: shown, and escaped."""
    return escape(shown(text))


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}"  # noqa: PLR2004 - one byte


@cache
def style(*names: str) -> str:
    """Return style sheets of this package, without comments: ``style("theme.css")``."""
    return " ".join(
        minified(files("xpmnb").joinpath(name).read_text(encoding="utf-8")) for name in names
    )


def minified(css: str) -> str:
    """Return a style sheet without its comments, and with single blanks."""
    return re.sub(r"\s+", " ", re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)).strip()
