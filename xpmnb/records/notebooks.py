"""The notebooks that runs keep: written once per content, and shared by runs of a workspace.

Bytes in, files out: what a notebook looks like is decided by ``notebook/ipynb.py``.
"""

from __future__ import annotations

import os
import stat
import sys
import threading
from contextlib import suppress
from heapq import nlargest
from typing import TYPE_CHECKING

from .files import read_bytes, write_atomic

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .layout import RunLayout

__all__ = ["write_notebook"]

_LOOKED_AT = 100
"""How many other runs are looked at, the newest first: what is equal was run lately."""

# Two runs of this process that write the same at the same time: the second finds the first.
_turn = threading.Lock()


def write_notebook(layout: RunLayout, data: bytes) -> None:
    """Create or replace the notebook of a run; nothing is written where it is there already.

    Of two runs of a workspace with equal notebooks, the second one's is a hard link to the first
    one's, where the file system has such. The file is made read-only: it is a record, and an
    editor that changes it in place would change it for all runs.

    Parameters
    ----------
    layout
        The run; its directory exists.
    data
        The whole notebook.

    Raises
    ------
    OSError
        The directory is missing or read-only, or the disk is full; the old content is kept.
    """
    path = layout.notebook
    with _turn:
        if _holds(path, data):
            return
        if any(_holds(other, data) and _link(other, path) for other in _others(layout)):
            return
        write_atomic(path, data)
        if sys.platform != "win32":  # where what is read-only cannot be replaced either
            with suppress(OSError):  # it is kept all the same
                os.chmod(path, stat.S_IMODE(os.stat(path).st_mode) & ~0o222)


def _holds(path: str, data: bytes) -> bool:
    """Tell whether a file, which may be missing or anything, has a content."""
    try:
        found = os.lstat(path)
        if not stat.S_ISREG(found.st_mode) or found.st_size != len(data):
            return False
        return read_bytes(path, limit_bytes=len(data)) == data
    except OSError:
        return False


def _link(other: str, path: str) -> bool:
    """Put another name for a file in the place of a path; False where that cannot be done."""
    aside = f"{path}.{os.getpid()}-{threading.get_ident()}~"
    try:
        os.link(other, aside)
        os.replace(aside, path)
    except OSError:  # no links here, too many of this file, or not of somebody else's
        return False
    finally:
        # A rename leaves it where both are names of one file already.
        with suppress(OSError):
            os.unlink(aside)
    return True


def _others(layout: RunLayout) -> Iterator[str]:
    """Give the notebooks of other runs of the workspace, the newest run first."""
    experiments = os.path.dirname(os.path.dirname(layout.path))
    own = (layout.run, layout.experiment)
    runs = (
        (run, experiment)
        for experiment in _names(experiments)
        for run in _names(f"{experiments}/{experiment}")
    )
    for run, experiment in nlargest(_LOOKED_AT, (each for each in runs if each != own)):
        yield type(layout)(f"{experiments}/{experiment}/{run}").notebook


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:  # not a folder, or not for us: nothing to share there
        return []
