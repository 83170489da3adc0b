"""Read one job directory, whatever state it is in, into a record.

Never raises for what lies in the directory: damage becomes the record's ``problem``. The index of a
run, which saves these reads, belongs to ``run_index.py``.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from xpmnb.errors import WorkspaceError
from xpmnb.frozen import quick_to_make

from .events import EndMarker, Event, History, JobRecord, event_from_json, fold
from .files import is_locked, read_bytes
from .journal import read_journal
from .json_values import as_mapping, as_text
from .layout import JobLayout, RunLayout
from .moving import moved_to
from .states import FailureReason, JobState

__all__ = [
    "Submission",
    "read_events",
    "read_job",
    "read_ran_code",
    "read_submitter",
    "submitter_of",
]

MAX_DOCUMENT_BYTES = 16 * 1024 * 1024
"""A larger parameter file, result or end marker is not read."""

_ABSENT = object()


@quick_to_make
@dataclass(frozen=True, slots=True)
class Submission:
    """What a run remembers of a job that it submitted.

    Thread line: a plain value, any thread.
    """

    time: float | None
    """Last submission, seconds since the epoch."""
    params: Mapping[str, Any]
    """Parameters by dotted name."""
    tags: Mapping[str, Any]
    """Tags by name."""
    end: Mapping[str, Any] | None = None
    """The entry that tells how the job ended, as ``run_index.py`` writes it."""
    code: str | None = None
    """Hash of the code of the submission."""
    run: str | None = None
    """``<experiment>/<run>``, where the directory tells it."""


@dataclass(slots=True)
class _Reader:
    """Reads the files of one directory and collects what is wrong with them."""

    problems: list[str] = field(default_factory=list)
    journal_limit_bytes: int | None = None

    def document(self, path: str) -> Any:
        """Give the JSON value of a file, or `_ABSENT`."""
        try:
            return json.loads(read_bytes(path, limit_bytes=MAX_DOCUMENT_BYTES))
        except FileNotFoundError:
            return _ABSENT
        except OSError as error:
            self.problems.append(f"{os.path.basename(path)} cannot be read: {error.strerror}")
        except (ValueError, RecursionError):
            self.problems.append(f"{os.path.basename(path)} is not JSON")
        return _ABSENT

    def mapping(self, path: str) -> dict[str, Any] | None:
        """Give the JSON object of a file; None where there is none."""
        value = self.document(path)
        if value is _ABSENT:
            return None
        found = as_mapping(value)
        if found is None:
            self.problems.append(f"{os.path.basename(path)} is not a JSON object")
        return found

    def marker(self, path: str, state: str) -> EndMarker | None:
        """Give an end marker; its existence counts even if its content is damaged."""
        try:
            found = os.stat(path)
        except OSError:
            return None
        if not stat.S_ISREG(found.st_mode):
            self.problems.append(f"{os.path.basename(path)} is not a file")
            return None
        content = self.mapping(path)
        if content is None:
            return EndMarker.from_json(
                {"ended": found.st_mtime, "message": self.problems[-1]}, state
            )
        return EndMarker.from_json(content, state)

    def events(self, layout: JobLayout) -> list[Event]:
        """Give the events of the journal; none of one that is longer than is asked for."""
        if self._is_too_long(layout.events):
            return []
        journal = read_journal(layout.events)
        if journal.problem is not None:
            self.problems.append(journal.problem)
        parsed = map(event_from_json, journal.entries)
        return [event for event in parsed if event is not None]

    def _is_too_long(self, path: str) -> bool:
        if self.journal_limit_bytes is None:
            return False
        try:
            return os.stat(path).st_size > self.journal_limit_bytes
        except OSError:
            return False

    def markers(self, layout: JobLayout) -> list[EndMarker]:
        """Give the end markers that exist: none, one, or by a fault both."""
        found = (self.marker(layout.done, "done"), self.marker(layout.failed, "error"))
        return [marker for marker in found if marker is not None]

    def locked(self, layout: JobLayout) -> bool:
        """Tell whether somebody runs the job."""
        try:
            return is_locked(layout.lock)
        except OSError as error:
            self.problems.append(f"lock cannot be read: {error.strerror}")
            return False


def read_events(layout: JobLayout, *, journal_limit_bytes: int | None = None) -> list[Event]:
    """Read the events of a job; entries that this version does not know are left out.

    Parameters
    ----------
    layout
        The job.
    journal_limit_bytes
        A longer journal is left unread, which is no problem: for who wants little, and soon.

    Returns
    -------
    list of Event
        In the order of writing; empty where the journal is missing, unreadable or too long.
    """
    return _Reader(journal_limit_bytes=journal_limit_bytes).events(layout)


def read_job(
    layout: JobLayout,
    submission: Submission | None = None,
    *,
    run_alive: bool = False,
    journal_limit_bytes: int | None = None,
) -> JobRecord:
    """Read a job directory.

    Parameters
    ----------
    layout
        The job; its directory may be missing, damaged or not a job directory at all.
    submission
        What a run remembers of it: its parameters and tags go before those of the directory.
    run_alive
        That run is open.
    journal_limit_bytes
        A longer journal is left unread, which is no problem: the record then lacks what stands
        there alone, such as metrics, and of a job that has no end marker its state.

    Returns
    -------
    JobRecord
        With a ``problem`` where something is damaged; nothing is raised.
    """
    reader = _Reader(journal_limit_bytes=journal_limit_bytes)
    _check_directory(layout, submission, reader)
    markers = reader.markers(layout)
    events = reader.events(layout)
    alive = not markers and reader.locked(layout)
    if not markers and not alive:
        # It may have ended since the first look, and must not be taken for lost.
        markers = reader.markers(layout)
        if markers:
            events = reader.events(layout)
    history = fold(events, markers, alive=alive, run_alive=run_alive)
    content = _described(layout, reader, is_known=submission is not None)
    if submission is None:
        submission = _own_submission(content, reader)
    elif not history.attempts and not markers and submission.end is not None:
        if submission.end.get("marker_mtime_ns") is None:
            history = _never_began(submission.end, history)
        elif not os.path.isdir(layout.path):
            history = _deleted()
            reader.problems.append("the job directory is gone")
    result = reader.document(layout.result) if history.state is JobState.DONE else _ABSENT
    if history.problem is not None:
        reader.problems.append(history.problem)
    record = _record(layout, history, submission, None if result is _ABSENT else result, reader)
    return replace(record, code=as_text(content.get("code")))


def read_submitter(layout: JobLayout) -> RunLayout | None:
    """Read which run submitted the attempt that ran last; None where that is not on record."""
    document = _Reader().mapping(layout.params)
    return None if document is None else submitter_of(layout, as_text(document.get("run")))


def read_ran_code(layout: JobLayout) -> str | None:
    """Read the hash of the code that a job runs, or ran, with; None where it is not on record."""
    document = _Reader().mapping(layout.params)
    return None if document is None else as_text(document.get("code"))


def submitter_of(layout: JobLayout, run: str | None) -> RunLayout | None:
    """Give the run of a job's workspace that ``<experiment>/<run>`` names; None if none can be."""
    experiment, _, name = (run or "").partition("/")
    try:
        return layout.workspace.run(experiment, name)
    except WorkspaceError:  # somebody else wrote the record
        return None


def _check_directory(layout: JobLayout, submission: Submission | None, reader: _Reader) -> None:
    path = layout.path
    # A job that was moved to another name is as good under the old one.
    if os.path.islink(path) and moved_to(layout) is None:
        reader.problems.append(f"the job directory is a symbolic link to {os.path.realpath(path)}")
    if submission is None and not os.path.isdir(layout.hidden):
        reader.problems.append("it is not a job directory: it has no folder __xpm__")


def _described(layout: JobLayout, reader: _Reader, *, is_known: bool) -> dict[str, Any]:
    """Give what the directory says of its job; a run that knows it needs no such file."""
    looker = _Reader() if is_known else reader
    content = looker.mapping(layout.params)
    if content is None and not looker.problems:
        looker.problems.append("params.json is missing")
    return content or {}


def _own_submission(document: Mapping[str, Any], reader: _Reader) -> Submission:
    if not document:
        return Submission(None, {}, {})
    params, tags = as_mapping(document.get("params")), as_mapping(document.get("tags"))
    if params is None or tags is None:
        reader.problems.append("params.json has no parameters or no tags")
    return Submission(None, params or {}, tags or {}, run=as_text(document.get("run")))


def _never_began(end: Mapping[str, Any], history: History) -> History:
    # Only a job whose directory could not be written ended without a marker.
    if end.get("state") != "error":
        return history
    return fold((), (EndMarker.from_json(end, "error"),), alive=False, run_alive=False)


def _deleted() -> History:
    message = "it had ended, and its directory was deleted since"
    marker = EndMarker("error", FailureReason.LOST, message)
    return fold((), (marker,), alive=False, run_alive=False)


def _record(
    layout: JobLayout, history: History, submission: Submission, result: Any, reader: _Reader
) -> JobRecord:
    return JobRecord(
        task=layout.task,
        identifier=layout.identifier,
        path=layout.path,
        state=history.state,
        message=history.message,
        traceback=history.traceback,
        place=history.place,
        params=submission.params,
        tags=submission.tags,
        result=result,
        metrics=history.metrics,
        trails=history.trails,
        progress=history.progress,
        run=submission.run,
        submitted=submission.time,
        started=history.started,
        ended=history.ended,
        attempts=history.attempts,
        launcher=history.launcher,
        pid=history.pid,
        host=history.host,
        problem="; ".join(dict.fromkeys(reader.problems)) or None,
        submitted_code=submission.code,
    )
