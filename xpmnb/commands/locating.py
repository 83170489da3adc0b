"""From what a person types to a workspace and to a job."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from xpmnb.errors import WorkspaceError
from xpmnb.records.events import JobRecord
from xpmnb.records.job_directory import Submission, read_job
from xpmnb.records.json_values import as_mapping, as_time
from xpmnb.records.layout import JobLayout
from xpmnb.records.names import is_name
from xpmnb.records.run_index import RunIndex, read_index
from xpmnb.records.workspace import WorkspaceRecords
from xpmnb.settings import Settings, load_settings

__all__ = ["Remembered", "find_job", "find_workspace", "known_runs", "read_record", "remembered"]

DEFAULT_WORKSPACE = "xpm-workspace"

MIN_PREFIX = 4
"""Fewer characters of an identifier are a slip of the keyboard, not a name."""

_MAX_CANDIDATES = 8


@dataclass(frozen=True, slots=True)
class Remembered:
    """What the runs of a workspace remember of one job."""

    submission: Submission | None
    """The last submission; None where no run submitted the job."""
    run_alive: bool
    """Whether a run is open that submitted it."""
    runs: tuple[str, ...]
    """The runs that submitted it, the newest first: ``digits/20250131T120000-8f3a``."""


def find_workspace(named: str | None) -> WorkspaceRecords:
    """Give the workspace that a person means.

    Parameters
    ----------
    named
        A directory, or an id of the settings; None for the current directory, else
        ``xpm-workspace`` in it, else the first workspace of the settings that exists.

    Raises
    ------
    WorkspaceError
        There is no such workspace; the message says where was looked.
    SettingsError
        The settings were needed, and are wrong.
    """
    if named is not None:
        return _named_workspace(named)
    for folder in (Path.cwd(), Path.cwd() / DEFAULT_WORKSPACE):
        records = WorkspaceRecords(folder)
        if records.exists():
            return records
    settings = load_settings()
    for workspace in settings.workspaces:
        records = WorkspaceRecords(workspace.path)
        if records.exists():
            return records
    raise WorkspaceError(
        f"there is no workspace here: neither {Path.cwd()} nor its {DEFAULT_WORKSPACE} is one, "
        f"and {_told(settings)}; name one: its directory, or an id of the settings"
    )


def _named_workspace(named: str) -> WorkspaceRecords:
    records = WorkspaceRecords(Path(named).expanduser())
    if records.exists():
        return records
    settings = load_settings()
    workspace = settings.find(named)
    if workspace is not None:
        records = WorkspaceRecords(workspace.path)
        if records.exists():
            return records
        raise WorkspaceError(
            f"the workspace {named} has no jobs yet: {workspace.path} has no folder jobs"
        )
    if records.layout.root and Path(records.layout.root).is_dir():
        raise WorkspaceError(f"{records.layout.root} is no workspace: it has no folder jobs")
    raise WorkspaceError(
        f"{named!r} is neither a directory nor an id of the settings: {_told(settings)}"
    )


def _told(settings: Settings) -> str:
    """Say which workspaces the settings name."""
    if settings.workspaces:
        names = ", ".join(workspace.id for workspace in settings.workspaces)
        return f"the settings {settings.path} name {names}"
    if settings.path.exists():
        return f"the settings {settings.path} name none"
    return f"there are no settings ({settings.path})"


def find_job(named: str, workspace: str | None) -> JobLayout:
    """Give the job that a person means.

    Parameters
    ----------
    named
        A job directory, a file in it, or the beginning of an identifier, with or without the
        name of its task before it: ``train/0123abcd``.
    workspace
        Where identifiers are looked for; as for :func:`find_workspace`.

    Raises
    ------
    WorkspaceError
        There is no such job, or there are several: then the message lists them.
    """
    found = _job_of_path(named)
    if found is not None:
        return found
    task, _, prefix = named.rpartition("/")
    other = _other_words(named)
    if len(prefix) < MIN_PREFIX:
        if other:
            raise WorkspaceError(other)
        what = f"no job directory, and less than {MIN_PREFIX} characters of an identifier"
        raise WorkspaceError(f"{named!r} is {what}")
    try:
        records = find_workspace(workspace)
    except WorkspaceError as error:
        raise WorkspaceError(other or str(error)) from None
    matching = [
        layout
        for layout in _known_jobs(records)
        if layout.identifier.startswith(prefix) and task in ("", layout.task, layout.name)
    ]
    if len(matching) == 1:
        return matching[0]
    if not matching:
        raise WorkspaceError(
            other
            or f"{named!r} is no job directory, and begins no identifier in the workspace "
            f"{records.layout.root}"
        )
    shown = [f"{layout.task}/{layout.identifier}" for layout in matching[:_MAX_CANDIDATES]]
    more = f", and {len(matching) - len(shown)} more" if len(matching) > len(shown) else ""
    raise WorkspaceError(f"{named!r} begins {len(matching)} jobs: {', '.join(shown)}{more}")


def known_runs(records: WorkspaceRecords, experiment: str) -> list[str]:
    """Give the runs of an experiment, the oldest first.

    Raises
    ------
    WorkspaceError
        There is no such experiment; the message names those that there are.
    """
    runs = records.runs(experiment)
    if not runs:
        names = ", ".join(records.experiments()) or "none"
        raise WorkspaceError(
            f"the workspace {records.layout.root} has no experiment {experiment!r}; "
            f"there are: {names}"
        )
    return runs


def _other_words(named: str) -> str:
    """Say what a place is that is there and is no job; nothing if there is none."""
    path = Path(named).expanduser()
    if not named or not path.exists():
        return ""
    if WorkspaceRecords(path).exists():
        return f"{named!r} is a workspace, and no job: use xpmnb list {shlex.quote(named)}"
    return f"{named!r} is no job directory" + ("" if path.is_dir() else ", nor a file in one")


def _job_of_path(named: str) -> JobLayout | None:
    path = Path(os.path.abspath(Path(named).expanduser()))  # noqa: PTH100 (`..` must be resolved)
    for given in dict.fromkeys((path, path.resolve())):
        for folder in (given, *given.parents):
            if folder.parent.parent.name == "jobs" and (folder / "__xpm__").is_dir():
                return JobLayout(folder.as_posix())
    # A job that waits has no directory yet.
    layout = JobLayout(path.as_posix())
    is_place = path.parent.parent.name == "jobs" and not path.exists()
    return layout if is_place and remembered(layout).submission is not None else None


def _known_jobs(records: WorkspaceRecords) -> list[JobLayout]:
    """Give the jobs that have a directory, and those that a run submitted and that wait."""
    known = {layout.path: layout for layout in records.iter_job_layouts()}
    for _, index in _indexes(records):
        for entry in index.submitted.values():
            task, identifier = entry.get("task"), entry.get("identifier")
            if type(task) is str and type(identifier) is str and is_name(task):
                if not is_name(identifier):
                    continue
                layout = records.layout.job(task, identifier)
                known.setdefault(layout.path, layout)
    return sorted(known.values(), key=lambda layout: layout.path)


def remembered(layout: JobLayout) -> Remembered:
    """Read what the runs of its workspace remember of a job.

    Parameters
    ----------
    layout
        The job; its directory may be missing.
    """
    key = f"{layout.task}/{layout.identifier}"
    records = WorkspaceRecords(layout.workspace.root)
    found = [(run, index) for run, index in _indexes(records) if key in index.submitted]
    submission = None
    if found:
        newest = found[0][1]
        entry = newest.submitted[key]
        submission = Submission(
            as_time(entry.get("time")),
            as_mapping(entry.get("params")) or {},
            as_mapping(entry.get("tags")) or {},
            newest.ended.get(key),
        )
    alive = any(index.alive for _, index in found)
    return Remembered(submission, alive, tuple(run for run, _ in found))


def _indexes(records: WorkspaceRecords) -> Iterator[tuple[str, RunIndex]]:
    """Give the index of each run, the newest run first."""
    runs = [(run, name) for name in records.experiments() for run in records.runs(name)]
    for run, name in sorted(runs)[::-1]:
        yield f"{name}/{run}", read_index(records.layout.run(name, run))


def read_record(layout: JobLayout) -> JobRecord:
    """Read the record of one job, with what its runs remember of it."""
    known = remembered(layout)
    return read_job(layout, known.submission, run_alive=known.run_alive)
