"""The end of a job's log, as a pane that follows it wants it: whole lines, and what comes next."""

from __future__ import annotations

from typing import TypedDict

from xpmnb.markup import shown
from xpmnb.records.following import TextFollower

TAIL_BYTES = 64 * 1024
"""So much of a log is shown at first, and at most so much more at each look."""

LINE_LIMIT = 10_000
"""Characters of a line; of a longer one the beginning is shown."""


class LogNews(TypedDict):
    """What is new in one stream of a job: JSON values, all text safe to show."""

    key: str
    """The job."""
    stream: str
    """``out`` or ``err``."""
    start: bool
    """Whether what was shown of the stream before is to be forgotten."""
    text: str
    """New lines, whole, each with its end."""
    partial: str
    """The last line as far as it is there; takes the place of the last such."""
    skipped: int
    """How many bytes were left out before the text."""


class LogTail:
    """Follows the end of one stream. One thread at a time.

    Parameters
    ----------
    key : str
        The job.
    stream : str
        ``out`` or ``err``.
    path : str
        The file; it may appear later.
    """

    def __init__(self, key: str, stream: str, path: str) -> None:
        self._key = key
        self._stream = stream
        self._path = path
        self._follower = TextFollower(path, step_bytes=TAIL_BYTES, tail_bytes=TAIL_BYTES)
        self._partial = ""
        self._restarts = 0
        self._skipped_bytes = 0
        self._told = False

    def again(self) -> LogTail:
        """Return one that begins anew: for a page that knows nothing yet."""
        return LogTail(self._key, self._stream, self._path)

    def read_news(self) -> LogNews | None:
        """Return what is new since the last call; None for nothing. Never raises."""
        text = self._follower.read_new()
        start = not self._told or self._follower.restarts != self._restarts
        if not text and not start:
            return None
        self._told, self._restarts = True, self._follower.restarts
        skipped = self._follower.skipped_bytes - self._skipped_bytes
        self._skipped_bytes = self._follower.skipped_bytes
        whole = text if start else self._partial + text
        if skipped:
            # The first line lacks its beginning.
            whole = text.partition("\n")[2] or text
        *lines, partial = whole.split("\n")
        self._partial = _kept(partial)
        return LogNews(
            key=self._key,
            stream=self._stream,
            start=start,
            text="".join(f"{line_text(line)}\n" for line in lines),
            partial=line_text(self._partial),
            skipped=skipped,
        )


def _kept(partial: str) -> str:
    r"""Return as much of an unfinished line as decides how it looks, whatever is appended to it."""
    body = partial.rstrip("\r")
    # A \r at the end hides the line only once something else comes.
    end = "\r" if len(body) < len(partial) else ""
    # One character more than is shown tells that there is more.
    return body.rpartition("\r")[2][: LINE_LIMIT + 1] + end


def line_text(line: str) -> str:
    r"""Return a line as a terminal would leave it on the screen: after the last ``\r``."""
    return shown(line.rstrip("\r").rpartition("\r")[2], LINE_LIMIT)
