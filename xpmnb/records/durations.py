"""How long the jobs of a task took that are done already, read from their end markers."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from itertools import islice

from .files import read_bytes
from .json_values import as_mapping, as_time
from .layout import JobLayout

__all__ = ["read_durations_s"]

_LIMIT_BYTES = 256 * 1024
# A folder may hold many thousands of jobs, and the newest may all run or have failed; whoever
# asks wants a guess at once.
_MAX_FOLDERS = 2_000
_MAX_MARKERS = 200


def read_durations_s(folder: str, limit: int = 20) -> list[float]:
    """Read how long some of the jobs in a folder took.

    Parameters
    ----------
    folder
        The folder of one task in a workspace: ``WORKSPACE/jobs/<task>``.
    limit
        At most so many are given, of the newest of those that are looked at.

    Returns
    -------
    list of float
        Seconds from start to end of the last attempt of each job that is done; empty where there
        is none. Nothing is raised: what is damaged is passed over.
    """
    found = sorted(_folders(folder), reverse=True)[:_MAX_MARKERS]
    durations = (_duration_s(JobLayout(path)) for _, path in found)
    return list(islice((each for each in durations if each is not None), limit))


def _folders(folder: str) -> Iterator[tuple[float, str]]:
    """Yield the job directories, each with the time of its last change."""
    try:
        with os.scandir(folder) as entries:
            for entry in islice(entries, _MAX_FOLDERS):
                if entry.is_dir(follow_symlinks=False):
                    yield entry.stat().st_mtime, entry.path
    except OSError:  # there is none yet, or it cannot be read
        return


def _duration_s(layout: JobLayout) -> float | None:
    try:
        content = as_mapping(json.loads(read_bytes(layout.done, limit_bytes=_LIMIT_BYTES))) or {}
    except (OSError, ValueError, RecursionError):
        return None
    started, ended = as_time(content.get("started")), as_time(content.get("ended"))
    return None if started is None or ended is None else max(0.0, ended - started)
