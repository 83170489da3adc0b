"""A copy of a job directory in which a failed job can run again, with the real one untouched.

It is what a new attempt would find: the files of a resumable task, and nothing of other tasks.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
import time
from dataclasses import dataclass
from typing import Any

from xpmnb.errors import DebugError
from xpmnb.records.files import read_bytes, write_new
from xpmnb.records.job_directory import MAX_DOCUMENT_BYTES
from xpmnb.records.layout import JobLayout, WorkspaceLayout

_Generated = tuple[dict[str, Any], str, str]
"""The values of an object in a document, the name of one that is a generated path, and the path."""


# Of a workspace in which no folder can be made: it is somebody else's, or something is in the way.
_NO_FOLDER = (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EEXIST)


@dataclass(frozen=True, slots=True)
class DebugCopy:
    """A copy of a job directory, and what is known of the job. Immutable; any thread."""

    layout: JobLayout
    """The copy."""
    program: str
    """The content of ``[NAME].py``."""
    document: dict[str, Any]
    """The task and its values; generated paths lie in the copy."""
    tags: dict[str, Any]
    """The tags of the task."""
    is_resumable: bool
    """Whether the task found the files of its last attempt."""

    @property
    def partials(self) -> str:
        """The folder that stands for that of the workspace for what jobs share."""
        return f"{self.layout.hidden}/partials"


def copy_of(layout: JobLayout) -> DebugCopy:
    """Copy what a new attempt at a job would find.

    Parameters
    ----------
    layout : JobLayout
        The job. Nothing in its directory is changed, and its lock is not taken.

    Returns
    -------
    DebugCopy
        In ``WORKSPACE/debug``, or in a temporary folder where none can be made in the
        workspace. Whoever asked for it deletes it.

    Raises
    ------
    DebugError
        If the job cannot be read, or not be copied.
    """
    program, record, generated = _read(layout)
    try:
        copy = JobLayout(_make_folder(layout))
        result = DebugCopy(
            copy, program, record["document"], record["tags"], record.get("resumable") is True
        )
        if result.is_resumable:
            endings = (".py", ".sh", ".out", ".err", ".done", ".failed")
            xpmnb_files = {"__xpm__", *(f"{layout.name}{each}" for each in endings)}
            _copy_folder(layout.path, copy.path, (layout.path, copy.path), xpmnb_files)
        os.makedirs(copy.hidden, exist_ok=True)  # noqa: PTH103 (a str)
        _move_paths(result, layout, generated)
        write_new(copy.script, program.encode())
        write_new(copy.params, json.dumps(record).encode())
    except OSError as error:
        message = f"the job directory {layout.path} cannot be copied: {error}"
        raise DebugError(message) from error
    return result


def _read(layout: JobLayout) -> tuple[str, dict[str, Any], list[_Generated]]:
    """Return the program and the record of a job, and where generated paths stand in it."""
    try:
        program = read_bytes(layout.script, limit_bytes=MAX_DOCUMENT_BYTES).decode()
        record = json.loads(read_bytes(layout.params, limit_bytes=MAX_DOCUMENT_BYTES))
        generated = _generated_in(record["document"])
        if isinstance(record["tags"], dict):
            return program, record, generated
        words = "it has no tags"
    except OSError as error:
        words = str(error)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        words = f"{type(error).__name__}: {error}"
    message = (
        f"the record of the job in {layout.path} cannot be read ({words}): submit the task again"
    )
    raise DebugError(message)


def _make_folder(layout: JobLayout) -> str:
    """Return a new folder, whose grandparent's parent counts as the workspace of the job."""
    stamp = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{time.time_ns() % 10**9:09d}"
    name = f"{layout.task}/{layout.identifier}-{stamp}"
    path = f"{layout.workspace.debug}/{name}"
    try:
        os.makedirs(path)  # noqa: PTH103 (a str)
    except OSError as error:
        if error.errno not in _NO_FOLDER:
            raise
        path = f"{WorkspaceLayout(tempfile.mkdtemp(prefix='xpmnb-')).debug}/{name}"
        os.makedirs(path)  # noqa: PTH103
    return path


def _copy_folder(
    source: str, target: str, moved: tuple[str, str], left_out: frozenset[str] | set[str]
) -> None:
    """Copy files and folders, not what links lead to; links into the job lead into the copy."""
    os.makedirs(target, exist_ok=True)  # noqa: PTH103 (a str)
    with os.scandir(source) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        place = f"{target}/{entry.name}"
        try:
            if entry.name in left_out:
                continue
            if entry.is_symlink():
                link = os.readlink(entry.path)  # noqa: PTH115 (a str)
                os.symlink(_moved(link, *moved) or link, place)  # noqa: PTH211
            elif entry.is_dir():
                _copy_folder(entry.path, place, moved, frozenset())
            elif entry.is_file():
                # Never a hard link: the task may write into what it finds.
                shutil.copy2(entry.path, place)
        except FileNotFoundError:  # another kernel runs the job meanwhile
            continue


def _moved(path: str, before: str, after: str) -> str | None:
    """Return where a path lies after a folder was moved; None if it did not lie in it."""
    return f"{after}{path[len(before) :]}" if f"{path}/".startswith(f"{before}/") else None


def _move_paths(copy: DebugCopy, layout: JobLayout, generated: list[_Generated]) -> None:
    """Let the generated paths of a document lie in the copy, with what shared folders hold."""
    for values, name, path in generated:
        moved = _moved(path, layout.path, copy.layout.path)
        if moved is None and (shared := _moved(path, layout.partials, copy.partials)) is not None:
            moved = shared
            _copy_shared(path, layout.partials, copy.partials)
        if moved is not None:
            values[name] = {"$path": moved}


def _generated_in(document: dict[str, Any]) -> list[_Generated]:
    """Return where generated paths stand in a document."""
    return [
        (each["values"], name, str(each["values"][name]["$path"]))
        for each in document["objects"]
        for name in each.get("generated", ())
    ]


def _copy_shared(path: str, before: str, after: str) -> None:
    """Copy the folder that jobs share in which a path lies, once."""
    parts = path[len(before) + 1 :].split("/")[:3]  # class, group, identifier
    source, target = "/".join((before, *parts)), "/".join((after, *parts))
    if os.path.isdir(source) and not os.path.exists(target):  # noqa: PTH110, PTH112 (a str)
        _copy_folder(source, target, (before, after), {"__xpm__"})
