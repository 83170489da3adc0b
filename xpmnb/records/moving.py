"""Give the directory of a finished job another name, at no moment in danger of losing it.

Where results were found under a former name of their task, the whole directory moves to the
present one. What it was called leads there by a symbolic link, so that old paths stay good. Which
directory is moved where is decided elsewhere.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress

from .files import PathLock, is_locked, read_bytes, write_atomic
from .json_values import as_mapping
from .layout import JobLayout

__all__ = ["MoveError", "move_job", "moved_to", "origin_of", "restore_link", "set_code"]

_SUFFIXES = (".py", ".sh", ".out", ".err", ".done")  # the end marker is the last to be named anew
_MAX_RECORD_BYTES = 64 * 1024 * 1024
_PATIENCE_S = 2.0
"""How long to wait for who has the lock of a finished job: its runner, who is about to leave, or
another kernel that moves it."""
_AGAIN_S = 0.005


class MoveError(Exception):
    """Is raised when a job cannot be moved; it stays where it is, whole."""


def moved_to(layout: JobLayout) -> JobLayout | None:
    """Tell where a job is now whose directory is a link to another one of the same workspace.

    Returns
    -------
    JobLayout or None
        None if it is no link, or leads nowhere or out of the folder of the jobs.
    """
    if not os.path.islink(layout.path):
        return None
    jobs = layout.workspace.jobs
    try:
        real, inside = os.path.realpath(layout.path), os.path.realpath(jobs)
    except OSError:  # a link to itself
        return None
    below = real.removeprefix(f"{inside}{os.sep}")
    if below == real or below.count(os.sep) != 1 or not os.path.isdir(real):
        return None
    return JobLayout(f"{jobs}/{below.replace(os.sep, '/')}")


def move_job(old: JobLayout, new: JobLayout, trash: str) -> bool:
    """Move a finished job to another name, and leave a link.

    Each step is atomic, and all but the last leave what can be done again from the start:

    1. In the old directory, the files ``[OLD].*`` get second names ``[NEW].*``, where these
       differ: a reader finds them under either.
    2. ``params.json`` is replaced by one that says the new names, and ``adopted_from``.
    3. The directory is renamed. From here on it is the new job.
    4. A link is made in the old place. Without it old paths lead nowhere; see
       :func:`restore_link`.

    Parameters
    ----------
    old
        The job, in its real directory.
    new
        Where it is to be. An attempt there that is neither done nor running makes room.
    trash
        Where that attempt is moved: a path that does not exist.

    Returns
    -------
    bool
        False if there is no finished job, or the new place has one that is done or running:
        nothing was moved.

    Raises
    ------
    MoveError
        Somebody has the lock of the job and does not give it back, a file of the task has one of
        the new names, or the system refuses a step.
    """
    if not os.path.isfile(old.done):
        return False
    lock = PathLock(old.lock)
    try:
        if not _acquire(lock, old):
            return False
        try:
            # Who held the lock may have moved the directory, or run the job again.
            if os.path.islink(old.path) or not os.path.isfile(old.done):
                return False
            _name_files(old, new)
            _describe(old, new)
            if os.path.isdir(new.path) and not _set_aside(new, trash):
                return False
            os.makedirs(os.path.dirname(new.path), exist_ok=True)
            try:
                os.rename(old.path, new.path)
            finally:  # also where Ctrl-C comes just now
                if os.path.isdir(new.hidden):
                    _link(old, new)
        finally:
            lock.release()
    except OSError as error:
        if not os.path.isdir(old.path) or is_locked(new.lock):  # another kernel was quicker
            return False
        raise MoveError(f"{error.strerror} ({error.filename})") from error
    return True


def restore_link(old: JobLayout, new: JobLayout) -> bool:
    """Make the link from what a moved job was called, unless something is there.

    Returns
    -------
    bool
        Whether there was none.

    Raises
    ------
    OSError
        It cannot be made.
    """
    if os.path.lexists(old.path):
        return False
    os.makedirs(os.path.dirname(old.path), exist_ok=True)
    with suppress(FileExistsError):
        # Relative, so that a workspace may be moved as a whole.
        os.symlink(f"../{new.task}/{new.identifier}", old.path, target_is_directory=True)
        return True
    return False


def origin_of(layout: JobLayout) -> JobLayout | None:
    """Read what a moved job was called; None for one that was not moved."""
    record = _read_record(layout)
    task, separator, identifier = str((record or {}).get("adopted_from", "")).partition("/")
    if not separator:
        return None
    try:
        return layout.workspace.job(task, identifier)
    except OSError:  # no name of a folder: somebody else wrote it
        return None


def set_code(layout: JobLayout, digest: str) -> None:
    """Record the hash that the code of a moved job has under its present names.

    Raises
    ------
    OSError
        It cannot be written.
    """
    record = _read_record(layout)
    if record is not None:
        write_atomic(layout.params, json.dumps({**record, "code": digest}).encode())


def _link(old: JobLayout, new: JobLayout) -> None:
    # The job is found from now on; a link that cannot be made is no reason to run it again.
    with suppress(OSError):
        restore_link(old, new)


def _acquire(lock: PathLock, old: JobLayout) -> bool:
    """Take the lock of a finished job; False if the job is gone."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            if lock.acquire():
                return True
        except FileNotFoundError:
            if os.path.islink(old.path) or not os.path.isdir(old.path):
                return False
            raise
        if time.monotonic() > deadline:
            raise MoveError("somebody has its lock, as if it were running")
        time.sleep(_AGAIN_S)


def _set_aside(layout: JobLayout, trash: str) -> bool:
    """Move an unfinished attempt to the trash; False if it is done, or somebody runs it."""
    lock = PathLock(layout.lock)
    os.makedirs(layout.hidden, exist_ok=True)
    if not lock.acquire():
        return False
    try:
        if os.path.exists(layout.done):
            return False
        os.makedirs(os.path.dirname(trash), exist_ok=True)
        os.rename(layout.path, trash)
    finally:
        lock.release()
    return True


def _name_files(old: JobLayout, new: JobLayout) -> None:
    if old.name == new.name:
        return
    for suffix in _SUFFIXES:
        source, target = f"{old.path}/{old.name}{suffix}", f"{old.path}/{new.name}{suffix}"
        if not os.path.lexists(source):
            continue
        try:
            try:
                os.link(source, target)
            except FileExistsError:
                raise
            except OSError:  # a file system without hard links
                os.symlink(os.path.basename(source), target)
        except FileExistsError:
            if not os.path.samefile(source, target):
                name = os.path.basename(target)
                raise MoveError(f"the task itself made a file {name}, which is needed") from None


def _describe(old: JobLayout, new: JobLayout) -> None:
    record = _read_record(old)
    if record is None:  # readers say that it is damaged, there as here
        return
    # Program and document stay as they are: they belong together, and tell what made the result.
    record["task"], record["identifier"] = new.task, new.identifier
    record["adopted_from"] = f"{old.task}/{old.identifier}"
    write_atomic(old.params, json.dumps(record).encode())


def _read_record(layout: JobLayout) -> dict[str, object] | None:
    try:
        return as_mapping(json.loads(read_bytes(layout.params, limit_bytes=_MAX_RECORD_BYTES)))
    except (OSError, ValueError, RecursionError):
        return None
