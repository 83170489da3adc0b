"""Handles on jobs that this kernel holds no handle of any more, made from their records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xpmnb.errors import SubmissionError
from xpmnb.records.job_directory import read_job
from xpmnb.scheduler.jobs import Job

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from xpmnb.records.layout import JobLayout

_SHOWN = 5


def recall(layout: JobLayout) -> Job:
    """Return a handle on a job that has ended.

    Raises
    ------
    SubmissionError
        If it has not ended: only who submits the task again can follow it.
    """
    record = read_job(layout)
    if not record.state.is_final:
        message = (
            f"{layout.task} {layout.identifier[:8]} is {record.state.value}, and not for this run: "
            "submit the task again to follow it"
        )
        raise SubmissionError(message)
    job = Job(layout, None, dict(record.tags), None, None)
    job.params = dict(record.params)
    job.take_record(record)
    job.submitted_at = record.submitted
    job.ended_at = record.ended
    job.settle(record.state, record.message or "")
    return job


def find_identifier(wanted: str, known: Iterable[str]) -> str:
    """Return the one identifier that begins with some digits.

    Raises
    ------
    LookupError
        If there is none, or more than one; the message lists them.
    TypeError
        If it is no string.
    """
    if not isinstance(wanted, str):
        message = f"job({wanted!r:.80}): give the first digits of an identifier, as a string"
        raise TypeError(message)
    found = sorted({each for each in known if each.startswith(wanted)}) if wanted else []
    if wanted in found:
        return wanted
    if len(found) == 1:
        return found[0]
    if not found:
        message = f"no job has an identifier that begins with {wanted!r}"
    else:
        listing = ", ".join(each[:12] for each in found[:_SHOWN])
        message = f"{len(found)} jobs have identifiers that begin with {wanted!r}: {listing}"
    raise LookupError(message)


def find_job(wanted: str, handles: Mapping[str, Job], layouts: Iterable[JobLayout]) -> Job:
    """Return the handle of a job, by its identifier or the beginning of it.

    Parameters
    ----------
    wanted : str
        The first digits of the identifier.
    handles : dict
        The handles that are there, by identifier.
    layouts : iterable of JobLayout
        The jobs on disk.

    Raises
    ------
    LookupError
        If there is none, or more than one.
    SubmissionError
        If there is no handle, and the job has not ended.
    """
    places = {layout.identifier: layout for layout in layouts}
    found = find_identifier(wanted, [*handles, *places])
    handle = handles.get(found)
    return recall(places[found]) if handle is None else handle
