"""Append lines of JSON to a journal, and read a journal that may be torn, foreign or huge.

What the lines mean belongs to ``events.py`` (of a job) and ``run_index.py`` (of a run).
"""

from __future__ import annotations

import errno
import json
import os
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .files import read_bytes
from .json_values import as_mapping

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Journal", "JournalWriter", "encode_line", "read_journal"]

MAX_JOURNAL_BYTES = 512 * 1024 * 1024
"""A longer journal is not read: it is no journal, or would fill the memory of the reader."""

MAX_LINE_CHARS = 8 * 1024 * 1024
"""A longer line is skipped."""

# ASCII, because paths may hold lone surrogates, which UTF-8 refuses.
_encode = json.JSONEncoder(separators=(",", ":")).encode


def encode_line(entry: Mapping[str, Any]) -> bytes:
    """Give one entry as one line.

    Raises
    ------
    TypeError, ValueError
        A value is not JSON.
    """
    return f"{_encode(entry)}\n".encode("ascii")


class JournalWriter:
    """Appends entries to a journal, each with one write, so that lines of writers never mix.

    Parameters
    ----------
    path
        The journal; opened by the first :meth:`append`.

    Notes
    -----
    Thread line: any thread.
    """

    __slots__ = ("_closed", "_fd", "_mutex", "_torn", "path")

    def __init__(self, path: str) -> None:
        self.path = path
        self._fd: int | None = None
        self._torn = False
        self._closed = False
        self._mutex = threading.Lock()

    @property
    def closed(self) -> bool:
        """True after :meth:`close`."""
        return self._closed

    def append(self, entry: Mapping[str, Any]) -> None:
        """Add one entry at the end.

        Parameters
        ----------
        entry
            JSON values; NaN and infinities are kept as the tokens that Python's ``json`` reads.

        Raises
        ------
        TypeError
            A value is not JSON; nothing is written.
        ValueError
            The journal is closed, or the entry contains itself; nothing is written.
        OSError
            The disk is full or the directory is gone; the entry is lost, the earlier ones are kept
            and a later one is not harmed by what may have been written of this one.
        """
        self.append_line(encode_line(entry))

    def append_line(self, line: bytes) -> None:
        """Add one line made by :func:`encode_line`; raises as :meth:`append` does."""
        with self._mutex:
            fd = self._fd
            if fd is None:
                fd = self._open()
            if self._torn:
                line = b"\n" + line
            self._torn = True
            if os.write(fd, line) != len(line):
                raise OSError(errno.ENOSPC, "the disk took a part of a line only", self.path)
            self._torn = False

    def close(self) -> None:
        """Close the file; entries after that are refused. Closing again does nothing."""
        with self._mutex:
            fd, self._fd, self._closed = self._fd, None, True
            if fd is not None:
                os.close(fd)

    def _open(self) -> int:
        if self._closed:
            raise ValueError(f"the journal {self.path} is closed")
        # For reading too: a killed writer may have left a torn line, which would swallow ours.
        fd = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
        size = os.fstat(fd).st_size
        if size:
            os.lseek(fd, size - 1, os.SEEK_SET)
            self._torn = os.read(fd, 1) != b"\n"
        self._fd = fd
        return fd


@dataclass(slots=True)
class Journal:
    """What could be read of a journal.

    Thread line: a plain value, any thread.
    """

    entries: list[dict[str, Any]] = field(default_factory=list)
    """The entries, in the order of writing."""
    skipped: int = 0
    """Number of lines that are no entries: torn in the middle of the file, foreign or too long. A
    torn *last* line is not counted: its writer may be writing it now."""
    problem: str | None = None
    """What is wrong, in words; None if nothing is."""


def read_journal(path: str, *, limit_bytes: int = MAX_JOURNAL_BYTES) -> Journal:
    """Read a journal, whatever it holds.

    Parameters
    ----------
    path
        The journal; a missing one has no entries.
    limit_bytes
        A longer journal is not read.

    Returns
    -------
    Journal
        Its entries, and what is wrong with it. A file that cannot be read has no entries and a
        problem; nothing is raised.
    """
    try:
        data = read_bytes(path, limit_bytes=limit_bytes)
    except FileNotFoundError:
        return Journal()
    except OSError as error:
        return Journal(problem=f"{os.path.basename(path)} cannot be read: {error.strerror}")
    journal = parse_journal(data)
    if journal.skipped:
        lines = "1 line" if journal.skipped == 1 else f"{journal.skipped} lines"
        journal.problem = f"{os.path.basename(path)} has {lines} that cannot be read"
    return journal


def parse_journal(data: bytes) -> Journal:
    """Take the entries out of the bytes of a journal."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return _parse_lines(data.split(b"\n"))
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    return _parse_whole(lines) or _parse_lines(lines)


def _parse_whole(lines: list[str]) -> Journal | None:
    # One array of all lines decodes a third faster than the lines, and keeps each key once. The
    # count tells of torn lines that would merge into one.
    if max(map(len, lines), default=0) > MAX_LINE_CHARS:
        return None
    try:
        entries = json.loads(f"[{','.join(lines)}]")
    except (ValueError, RecursionError):
        return None
    if len(entries) != len(lines) or set(map(type, entries)) - {dict}:
        return None
    return Journal(entries)


def _parse_lines(lines: Sequence[str | bytes]) -> Journal:
    journal = Journal()
    last = len(lines) - 1
    for number, line in enumerate(lines):
        entry = _parse_line(line)
        if entry is not None:
            journal.entries.append(entry)
        elif number != last and line.strip():
            journal.skipped += 1
    return journal


def _parse_line(line: str | bytes) -> dict[str, Any] | None:
    if len(line) > MAX_LINE_CHARS:
        return None
    try:
        return as_mapping(json.loads(line if isinstance(line, str) else line.decode()))
    except (ValueError, RecursionError):
        return None
