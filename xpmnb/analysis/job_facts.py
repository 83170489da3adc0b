"""All that is on record of one job, read from its directory, its run and its code.

Never raises for what lies on the disk: what is missing or damaged is said in words.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from xpmnb.code import Code
from xpmnb.errors import WorkspaceError
from xpmnb.records.codes import read_code
from xpmnb.records.environments import read_environment
from xpmnb.records.events import JobRecord
from xpmnb.records.files import read_bytes
from xpmnb.records.job_directory import (
    MAX_DOCUMENT_BYTES,
    Submission,
    read_job,
    submitter_of,
)
from xpmnb.records.json_values import as_mapping, as_text, as_time
from xpmnb.records.layout import JobLayout, RunLayout
from xpmnb.records.run_index import read_index
from xpmnb.records.workspace import WorkspaceRecords

__all__ = ["JobFacts", "read_description", "read_facts", "runs_newest_first"]


@dataclass(frozen=True, slots=True)
class JobFacts:
    """What is on record of one job. Immutable; any thread."""

    record: JobRecord
    document: Mapping[str, Any] | None = None
    """The document of the task; None where it is not on record."""
    code: Code | None = None
    """The code that ran; without parts where only its hash is on record, None without that."""
    environment: Mapping[str, Any] = field(default_factory=dict)
    """What the run that submitted the job remembers of its surroundings."""
    missing: tuple[str, ...] = ()
    """What is missing or damaged, in sentences without a subject."""

    @property
    def label(self) -> str:
        """The job in a few words: ``train 3f2a91c0``."""
        return f"{JobLayout(self.record.path).name} {self.record.identifier[:8]}"


def read_facts(
    layout: JobLayout, submission: Submission | None = None, *, run_alive: bool = False
) -> JobFacts:
    """Read all that is on record of a job.

    Parameters
    ----------
    layout
        The job; its directory may be missing or damaged.
    submission, run_alive
        What a run remembers of it, as :func:`xpmnb.records.job_directory.read_job` takes it.
    """
    record = read_job(layout, submission, run_alive=run_alive)
    description = read_description(layout)
    missing = [record.problem] if record.problem else []
    document = as_mapping(description.get("document"))
    if not _describes_objects(document) and not record.problem:
        missing.append("its parameters are on record without their types")
    code = _code(layout, as_text(description.get("code")))
    run = submitter_of(layout, as_text(description.get("run"))) or _run_of(layout, record.started)
    environment = _environment(run, missing)
    return JobFacts(record, document, code, environment, tuple(missing))


def read_description(layout: JobLayout) -> dict[str, Any]:
    """Read ``params.json`` of a job; empty where it is missing or damaged."""
    try:
        data = read_bytes(layout.params, limit_bytes=MAX_DOCUMENT_BYTES)
        return as_mapping(json.loads(data)) or {}
    except (OSError, ValueError, RecursionError):
        return {}


def _describes_objects(document: Mapping[str, Any] | None) -> bool:
    objects = None if document is None else document.get("objects")
    return type(objects) is list and all(type(each) is dict for each in objects)


def _code(layout: JobLayout, digest: str | None) -> Code | None:
    if digest is None:
        return None  # the difference says so
    code = read_code(layout.workspace, digest)
    return Code(digest, {}) if code is None else code


def _environment(run: RunLayout | None, missing: list[str]) -> Mapping[str, Any]:
    environment = None if run is None else read_environment(run)
    if environment is None:
        missing.append("the environment is not on record")
    return environment or {}


def _run_of(layout: JobLayout, started: float | None) -> RunLayout | None:
    """Find the run in which a job ran: the last that submitted it before it began.

    Later ones found it done.
    """
    key = f"{layout.task}/{layout.identifier}"
    for run in runs_newest_first(WorkspaceRecords(layout.workspace.root)):
        entry = read_index(run).submitted.get(key)
        if entry is not None:
            time = as_time(entry.get("time"))
            if started is None or time is None or time <= started:
                return run
    return None


def runs_newest_first(records: WorkspaceRecords) -> Iterator[RunLayout]:
    """Yield the runs of all experiments of a workspace, the newest first."""
    runs = [(run, name) for name in records.experiments() for run in records.runs(name)]
    for run, name in sorted(runs, reverse=True):
        try:
            yield records.layout.run(name, run)
        except WorkspaceError:  # a folder that no run made
            continue
