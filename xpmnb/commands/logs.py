"""``xpmnb log``: what a job printed, and prints."""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from collections.abc import Sequence

from xpmnb.records.following import TextFollower
from xpmnb.records.layout import JobLayout
from xpmnb.scheduler.elsewhere import Sight, look_at

from .display import label, outcome_words
from .locating import read_record

__all__ = ["print_log"]

_POLL_S = 0.2

# Of a file that has no newlines, not more than this is kept for `--lines`.
_MAX_KEPT_CHARS = 16 * 1024 * 1024


class _Printer:
    """Prints files by turns, with a heading where the file changes."""

    def __init__(self, paths: Sequence[str], *, headed: bool) -> None:
        self._followers = {path: TextFollower(path) for path in paths}
        self._headed = headed
        self._last: str | None = None
        self._at_line_start = True

    def print_last(self, lines: int) -> None:
        """Print the last lines of each file."""
        for path, follower in self._followers.items():
            self._print(path, _last_lines(follower, lines))

    def print_new(self) -> bool:
        """Print what is new in each file; tell whether there was anything."""
        found = False
        for path, follower in self._followers.items():
            while text := follower.read_new():
                self._print(path, text)
                found = True
        sys.stdout.flush()
        return found

    def _print(self, path: str, text: str) -> None:
        if not text:
            return
        # One that speaks alone needs no name, until another one does.
        if path != self._last and (self._headed or self._last is not None):
            end = "" if self._at_line_start else "\n"
            gap = "" if self._last is None else "\n"
            sys.stdout.write(f"{end}{gap}==> {os.path.basename(path)} <==\n")  # noqa: PTH119
        self._last = path
        sys.stdout.write(text)
        self._at_line_start = text.endswith("\n")


def print_log(
    layout: JobLayout, *, follow: bool, only_stderr: bool, lines: int | None = None
) -> int:
    """Print the output of a job; the exit code is 0.

    Parameters
    ----------
    layout
        The job; one that waits has printed nothing yet.
    follow
        Go on until the job has ended and all that it printed is here.
    only_stderr
        Leave standard output out.
    lines
        Begin with the last lines of each file; None for all.
    """
    paths = [layout.stderr] if only_stderr else [layout.stdout, layout.stderr]
    printer = _Printer(paths, headed=sum(map(_has_content, paths)) > 1)
    if lines is not None:
        printer.print_last(lines)
    if follow:
        _follow(layout, printer)
    else:
        printer.print_new()
    return 0


def _follow(layout: JobLayout, printer: _Printer) -> None:
    while True:
        # Before reading: what is printed before the end is then read after it.
        ended = _has_ended(layout)
        printed = printer.print_new()
        if ended:
            break
        if not printed:
            time.sleep(_POLL_S)
    record = read_record(layout)
    print(f"{label(layout.task, layout.identifier)}: {outcome_words(record)}", file=sys.stderr)


def _has_ended(layout: JobLayout) -> bool:
    sight = look_at(layout)
    if sight is not Sight.ABANDONED:
        return sight is Sight.ENDED
    # Nobody runs it and it has no end: it waits, or its kernel is gone.
    return read_record(layout).state.is_final


def _has_content(path: str) -> bool:
    try:
        return os.stat(path).st_size > 0  # noqa: PTH116 (a str, as all names of files)
    except OSError:
        return False


def _last_lines(follower: TextFollower, lines: int) -> str:
    """Give the last lines of what a follower has to read."""
    kept: deque[str] = deque(maxlen=lines)
    torn = ""
    while text := follower.read_new():
        *whole, torn = (torn + text).split("\n")
        kept.extend(f"{line}\n" for line in whole)
        torn = torn[-_MAX_KEPT_CHARS:]
    if torn:
        kept.append(torn)
    return "".join(kept)
