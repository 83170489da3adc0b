"""Old jobs of a task in a workspace, and which of them are nearest to given parameters.

Reads names and the indexes of runs, and the files of as few jobs as it can: there may be thousands.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xpmnb.records.collector import collector_paused
from xpmnb.records.json_values import as_mapping, as_time
from xpmnb.records.layout import JobLayout
from xpmnb.records.names import is_name
from xpmnb.records.run_index import read_index

from .documents import same
from .job_facts import read_description, runs_newest_first

if TYPE_CHECKING:
    from xpmnb.records.workspace import WorkspaceRecords

__all__ = ["OldJob", "nearest_first", "old_jobs", "tasks_called"]


@dataclass(frozen=True, slots=True)
class OldJob:
    """What finding the nearest job needs of an old one. Immutable; any thread."""

    layout: JobLayout
    params: Mapping[str, Any]
    """Parameters by dotted name."""
    time: float
    """When it was submitted last, or else made: seconds since the epoch."""


def old_jobs(records: WorkspaceRecords, task: str) -> list[OldJob]:
    """Give the jobs of a task that have a directory, the newest first.

    Parameters
    ----------
    records
        The workspace.
    task
        Qualified name of the task.
    """
    folder = f"{records.layout.jobs}/{task}"
    present = set(_names_in(folder)) if is_name(task) else set()
    found: list[OldJob] = []
    with collector_paused():
        for run in runs_newest_first(records):
            if not present:
                break
            for entry in read_index(run).submitted.values():
                name = entry.get("identifier")
                if entry.get("task") != task or name not in present:
                    continue
                present.discard(name)
                layout = JobLayout(f"{folder}/{name}")
                params = as_mapping(entry.get("params")) or {}
                found.append(OldJob(layout, params, as_time(entry.get("time")) or 0.0))
        found += (_unindexed(JobLayout(f"{folder}/{name}")) for name in present)
    return sorted(found, key=lambda job: (job.time, job.layout.path), reverse=True)


def _unindexed(layout: JobLayout) -> OldJob:
    try:
        made = os.stat(layout.params).st_mtime  # noqa: PTH116 (a str; of thousands of jobs)
    except OSError:
        made = 0.0
    return OldJob(layout, as_mapping(read_description(layout).get("params")) or {}, made)


def _names_in(folder: str) -> list[str]:
    """Give the names of the jobs in the folder of a task."""
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries if is_name(entry.name) and _is_folder(entry)]
    except OSError:  # there is none, as a rule
        return []


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a symbolic link to itself
        return False


def tasks_called(records: WorkspaceRecords, task: str, name: str) -> dict[str, int]:
    """Give the tasks of the same name that were declared elsewhere, and how many jobs they have.

    Parameters
    ----------
    records
        The workspace.
    task
        Qualified name of the task, which is not among those that are found.
    name
        Name of its class, in lower case, with those of the classes around it: ``train``.
    """
    jobs = records.layout.jobs
    others = [
        each
        for each in sorted(_names_in(jobs))
        if each != task and (each == name or each.endswith(f".{name}"))
    ]
    counts = {each: len(_names_in(f"{jobs}/{each}")) for each in others}
    return {each: count for each, count in counts.items() if count}


def nearest_first(
    jobs: Sequence[OldJob],
    wanted: Mapping[str, Any],
    counts: Callable[[str], bool],
    is_left_out: Callable[[str], bool],
) -> list[OldJob]:
    """Sort jobs by how many of their parameters differ from given ones.

    Parameters
    ----------
    jobs
        The jobs, in the order in which equally near ones are to be.
    wanted
        The parameters that are compared with, by dotted name.
    counts
        Tells of the name of a parameter whether it is compared.
    is_left_out
        Tells of a name whether an old job that lacks it does not differ by that.
    """
    known: dict[str, bool] = {}

    def counted(name: str) -> bool:
        found = known.get(name)
        if found is None:
            found = known[name] = counts(name)
        return found

    compared = [(name, value, not is_left_out(name)) for name, value in wanted.items()]
    compared = [each for each in compared if counted(each[0])]

    def distance(job: OldJob) -> int:
        params = job.params
        total = 0
        for name, value, is_missed in compared:
            if name in params:
                total += not same(params[name], value)
            else:
                total += is_missed
        return total + sum(name not in wanted and counted(name) for name in params)

    return sorted(jobs, key=distance)
