"""A job directory made ready for an attempt: made, emptied or kept, and described."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from xpmnb.records.files import exists, write_atomic, write_new
from xpmnb.records.job_directory import read_ran_code
from xpmnb.records.moving import moved_to

if TYPE_CHECKING:
    from xpmnb.records.layout import JobLayout


def make_directory(layout: JobLayout, code: str | None = None) -> bool:
    """Make the job directory, as others may do at the same time; tell whether it is new.

    What leads to a job that was moved to another name leads there no more, unless it has the
    result: the attempt would otherwise empty the directory of that job.

    Parameters
    ----------
    layout : JobLayout
        The job.
    code : str, optional
        As in :func:`make_ready`.
    """
    try:
        os.mkdir(layout.path)  # noqa: PTH102 (the hot path of every job)
        os.mkdir(layout.hidden)  # noqa: PTH102
    except (FileExistsError, FileNotFoundError):
        if os.path.islink(layout.path) and moved_to(layout) and not _is_good(layout, code):  # noqa: PTH114
            with suppress(FileNotFoundError):
                os.unlink(layout.path)  # noqa: PTH108
        os.makedirs(layout.hidden, exist_ok=True)  # noqa: PTH103
        return False
    return True


def make_ready(layout: JobLayout, *, fresh: bool, keep: bool, code: str | None = None) -> bool:
    """Make a locked directory ready for a new attempt; tell whether one is needed.

    Parameters
    ----------
    layout : JobLayout
        The job, whose lock the caller holds.
    fresh : bool
        Whether the directory was just made.
    keep : bool
        Keep what the task left there, for it to go on: only the end of the earlier attempt goes
        to the trash. Otherwise all does.
    code : str, optional
        Hash of the code that what is there must have been made by: all that other code left goes
        to the trash.

    Returns
    -------
    bool
        False if the job is done.
    """
    if fresh and not exists(layout.params):
        return True
    if os.path.exists(layout.done):  # noqa: PTH110
        if _is_good(layout, code):
            return False
        keep = False
    elif keep and code is not None:
        # What other code left is nothing to go on from.
        keep = read_ran_code(layout) in (None, code)
    with suppress(FileNotFoundError):
        os.unlink(layout.stop_request)  # noqa: PTH108 (it was meant for the earlier attempt)
    if not keep:
        empty_directory(layout)
    elif os.path.exists(layout.failed):  # noqa: PTH110
        trash = trash_of(layout)
        trash.mkdir(parents=True)
        os.rename(layout.failed, trash / os.path.basename(layout.failed))  # noqa: PTH104, PTH119
    return True


def _is_good(layout: JobLayout, code: str | None) -> bool:
    """Tell whether a job is done, and by the code that is wanted, if any is."""
    if not os.path.exists(layout.done):  # noqa: PTH110
        return False
    return code is None or read_ran_code(layout) in (None, code)


def describe(layout: JobLayout, program: bytes, record: bytes, *, keep: bool) -> None:
    """Write what is known of a job before it runs."""
    write = write_atomic if keep else write_new
    write(layout.script, program)
    write(layout.params, record)


def empty_directory(layout: JobLayout) -> None:
    """Move what an earlier attempt left in a job directory to the trash of the workspace.

    The lock file stays: whoever calls this holds the lock on it. End markers go first: killed in
    the midst of this, it leaves no job that looks done and lacks its files.

    Raises
    ------
    OSError
        If something cannot be moved.
    """
    trash = trash_of(layout)
    for folder, keep in ((layout.path, "__xpm__"), (layout.hidden, "lock")):
        names = os.listdir(folder)  # noqa: PTH208
        for name in sorted(names, key=lambda each: not each.endswith((".done", ".failed"))):
            if name != keep:
                target = trash if folder == layout.path else trash / "__xpm__"
                target.mkdir(parents=True, exist_ok=True)
                os.rename(f"{folder}/{name}", target / name)  # noqa: PTH104


def trash_of(layout: JobLayout) -> Path:
    """Return a new folder in the trash; its name tells job and time."""
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
    name = f"{layout.identifier}-{stamp}-{time.time_ns() % 1_000_000_000:09d}"
    return Path(layout.workspace.trash) / layout.task / name
