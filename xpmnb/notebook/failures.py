"""What a saved page tells of failures: place and traceback, folded away without a script; pure."""

from __future__ import annotations

from typing import TypedDict

from xpmnb.markup import safe, shown

MAX_FAILURES = 50
"""Tracebacks of more failures would make a saved notebook heavy: mostly they are all the same."""

_TRACEBACK_LIMIT = 4_000
_TEXT_LIMIT = 2_000


class FailureWords(TypedDict):
    """A failure as pages show it: text, in lines."""

    message: str
    """Why it failed."""
    place: str
    """Where in the task's own code: ``Cell In[3], line 5, in Train.execute``; may be empty."""
    source: str
    """The line of the task's own code that failed; may be empty."""
    traceback: str
    """The traceback, the task's own frames first; may be empty."""


def failure_html(failure: FailureWords, *, with_message: bool = False) -> str:
    """Return what is known of a failure, folded away below its place; empty if nothing is known.

    Parameters
    ----------
    failure : FailureWords
        What is known.
    with_message : bool
        Whether the message stands in it, too: where nothing else tells it.
    """
    message = shown(failure["message"], _TEXT_LIMIT) if with_message else ""
    place, source = (shown(failure[key], _TEXT_LIMIT) for key in ("place", "source"))
    traceback = _without_middle(shown(failure["traceback"]))
    head = f'<p class="xpm-message">{safe(message)}</p>' if message else ""
    if not (place or source or traceback):
        return head
    inside = f'<pre class="xpm-source">{safe(source.strip())}</pre>' if source.strip() else ""
    inside += f'<pre class="xpm-traceback">{safe(traceback)}</pre>' if traceback else ""
    if not inside:
        return f'{head}<p class="xpm-place">{safe(place)}</p>'
    return (
        f'{head}<details class="xpm-failure"><summary>{safe(place or "Traceback")}</summary>'
        f"{inside}</details>"
    )


def _without_middle(text: str) -> str:
    """Return a text of bounded length: its beginning and its end tell most."""
    text = text.strip("\n")
    if len(text) <= _TRACEBACK_LIMIT:
        return text
    half = _TRACEBACK_LIMIT // 2
    start, end = text[:half], text[-half:]
    # Whole lines, where they are not longer than that.
    start = start.rpartition("\n")[0] or start
    end = end.partition("\n")[2] or end
    left_out = len(text) - len(start) - len(end)
    return f"{start}\n… {left_out:,} characters are left out …\n{end}"
