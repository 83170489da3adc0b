"""Read the entries that were added to a journal since it was last read."""

from __future__ import annotations

import os
from typing import Any

from .journal import parse_journal

__all__ = ["JournalFollower"]


class JournalFollower:
    """Reads a journal as it grows.

    Parameters
    ----------
    path
        The journal; it need not exist yet.

    Notes
    -----
    Thread line: one thread at a time.
    """

    __slots__ = ("_inode", "_offset", "behind", "path", "restarts")

    def __init__(self, path: str) -> None:
        self.path = path
        self.behind = False
        """Whether there is more to be read at once."""
        self.restarts = 0
        """How often the file was replaced or cut."""
        self._offset = 0
        self._inode = 0

    def read_new(self) -> list[dict[str, Any]]:
        """Give the entries of the whole lines that were added since the last call."""
        try:
            fd = os.open(self.path, os.O_RDONLY)
        except OSError:
            return []
        try:
            found = os.fstat(fd)
            if found.st_ino != self._inode or found.st_size < self._offset:
                self.restarts += bool(self._offset)
                self._inode, self._offset = found.st_ino, 0
            data = os.pread(fd, found.st_size - self._offset, self._offset)
        finally:
            os.close(fd)
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        return parse_journal(whole).entries if whole else []
