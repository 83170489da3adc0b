"""Read what others append to a journal or a log file, each time only what is new.

Nothing is raised: a file may be missing, damaged, replaced or huge, and whoever looks at it shows
what there is.
"""

from __future__ import annotations

import codecs
import os
import stat
from typing import Any

from .files import open_for_reading
from .journal import MAX_LINE_CHARS, parse_journal

__all__ = ["JournalFollower", "TextFollower"]

MAX_STEP_BYTES = 4 * 1024 * 1024
"""At most so much is read at once; the rest waits for the next time."""

# So much of what was read last is compared, to see whether it is still the same file. A new file
# may have the number (inode) of a deleted one, and be longer already.
_TAIL_BYTES = 256


class _Follower:
    """Gives the new bytes of a file that grows. One thread at a time."""

    __slots__ = (
        *("_offset", "_seen", "_step_bytes", "_tail", "_tail_bytes"),
        *("behind", "path", "restarts", "skipped_bytes"),
    )

    def __init__(
        self, path: str, *, step_bytes: int = MAX_STEP_BYTES, tail_bytes: int | None = None
    ) -> None:
        self.path = path
        self.skipped_bytes = 0
        """How much was left out so far, since only the end of the file is wanted."""
        self._tail_bytes = tail_bytes
        self.behind = False
        """Whether there is more to be read at once."""
        self.restarts = 0
        """How often the file was replaced or cut, so that it was read from its beginning again."""
        self._step_bytes = step_bytes
        self._offset = 0
        self._tail = b""
        self._seen: tuple[int, ...] | None = None

    def _read_bytes(self) -> bytes:
        """Read what is new, up to a bound; nothing if there is nothing, or no file."""
        try:
            # Most looks find nothing new, and cost no more than this.
            if not self.behind and _signature(os.stat(self.path)) == self._seen:
                return b""
            fd = open_for_reading(self.path)
            try:
                return self._read_from(fd)
            finally:
                os.close(fd)
        except OSError:
            return b""

    def _read_from(self, fd: int) -> bytes:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            return b""
        if not self._goes_on(fd, found):
            self._offset, self._tail = 0, b""
            self.restarts += 1
            self._restarted()
        self._catch_up(found.st_size)
        os.lseek(fd, self._offset, os.SEEK_SET)
        data = os.read(fd, min(self._step_bytes, max(0, found.st_size - self._offset)))
        self._offset += len(data)
        self._tail = (self._tail + data)[-_TAIL_BYTES:]
        self.behind = self._offset < found.st_size and bool(data)
        self._seen = _signature(found)
        return data

    def _goes_on(self, fd: int, found: os.stat_result) -> bool:
        """Tell whether it is the file that was read before, and was appended to only."""
        if not self._offset:
            return True
        if self._seen is None or self._seen[:2] != (found.st_dev, found.st_ino):
            return False
        if found.st_size < self._offset:
            return False
        os.lseek(fd, self._offset - len(self._tail), os.SEEK_SET)
        return os.read(fd, len(self._tail)) == self._tail

    def _catch_up(self, size: int) -> None:
        """Leave out what lies further before the end than is wanted."""
        if self._tail_bytes is not None and size - self._offset > self._tail_bytes:
            self.skipped_bytes += size - self._tail_bytes - self._offset
            self._offset, self._tail = size - self._tail_bytes, b""
            self._restarted()

    def _restarted(self) -> None:
        """Forget what was read and not given yet."""


def _signature(found: os.stat_result) -> tuple[int, ...]:
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


class JournalFollower(_Follower):
    """Gives the entries that are appended to a journal.

    Parameters
    ----------
    path
        The journal; it may appear later.
    step_bytes
        At most so many bytes are read by one call.

    Notes
    -----
    Thread line: one thread at a time. No file stays open.
    """

    __slots__ = ("_partial", "_skips")

    def __init__(self, path: str, *, step_bytes: int = MAX_STEP_BYTES) -> None:
        super().__init__(path, step_bytes=step_bytes)
        self._partial: list[bytes] = []
        self._skips = False

    def read_new(self) -> list[dict[str, Any]]:
        """Read the entries that were appended since the last call.

        Returns
        -------
        list of dict
            In the order of writing. A last line without its end is given once it has one; lines
            that are no entries are passed over. After the file was replaced or cut, all entries
            of what is there now (see ``restarts``).
        """
        data = self._read_bytes()
        if not data:
            return []
        end = data.rfind(b"\n") + 1
        if not end:
            self._keep(data)
            return []
        whole = b"".join([*self._partial, data[:end]])
        self._partial = []
        if self._skips:  # the end of a line whose beginning was thrown away
            self._skips = False
            whole = whole[whole.index(b"\n") + 1 :]
        self._keep(data[end:])
        return parse_journal(whole).entries

    def _keep(self, partial: bytes) -> None:
        """Keep the beginning of a line, unless it is too long to be an entry."""
        if partial and not self._skips:
            self._partial.append(partial)
        if sum(map(len, self._partial)) > MAX_LINE_CHARS:
            self._partial = []
            self._skips = True

    def _restarted(self) -> None:
        self._partial = []
        self._skips = False


class TextFollower(_Follower):
    """Gives the text that is appended to a log file.

    Parameters
    ----------
    path
        The file; it may appear later.
    step_bytes
        At most so many bytes are read by one call.
    tail_bytes
        Only what lies so many bytes before the end, or later, is given: what a person wants of a
        log that has a gigabyte, or grows faster than it is read. By default all is.

    Notes
    -----
    Thread line: one thread at a time. No file stays open.
    """

    __slots__ = ("_decoder",)

    def __init__(
        self, path: str, *, step_bytes: int = MAX_STEP_BYTES, tail_bytes: int | None = None
    ) -> None:
        super().__init__(path, step_bytes=step_bytes, tail_bytes=tail_bytes)
        self._decoder = _new_decoder()

    def read_new(self) -> str:
        r"""Read the text that was appended since the last call.

        Returns
        -------
        str
            Bytes that are no UTF-8 are written as ``\xff``; a character that is there in part
            only is given once it is whole. After the file was replaced or cut, what is there now.
        """
        data = self._read_bytes()  # which may begin with another decoder
        return self._decoder.decode(data)

    def _restarted(self) -> None:
        self._decoder = _new_decoder()


def _new_decoder() -> codecs.IncrementalDecoder:
    return codecs.getincrementaldecoder("utf-8")("backslashreplace")
