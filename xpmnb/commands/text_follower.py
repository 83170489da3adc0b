"""Stands in for ``records/following.py`` until that is there."""

from __future__ import annotations

import codecs
import os
from contextlib import suppress

_CHUNK_BYTES = 1 << 20


class TextFollower:
    """Reads what is new in a text file, which may be missing, growing or replaced.

    Parameters
    ----------
    path
        The file.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._fd: int | None = None
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def read_new(self) -> str:
        """Give what was appended since the last call; empty if nothing was."""
        if self._fd is None:
            with suppress(FileNotFoundError):
                self._fd = os.open(self.path, os.O_RDONLY)
            if self._fd is None:
                return ""
        return self._decoder.decode(os.read(self._fd, _CHUNK_BYTES))

    def close(self) -> None:
        """Close the file."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
