"""The journal of a run: an index of the jobs it submitted, which makes tables fast.

It is a cache. An entry about an end counts only while the job's end marker is the very file that it
tells of; everything in it, but submissions that never began, is also in the job directories.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .events import JobRecord
from .files import is_locked
from .job_directory import Submission, read_job
from .journal import JournalWriter, read_journal
from .json_values import as_integer, as_mapping, as_text, as_time, encode, number, quoted
from .layout import END_SUFFIXES, JobLayout, RunLayout, task_name
from .names import is_name
from .states import FailureReason, JobState

__all__ = ["RunIndex", "RunJournal", "indexed_records", "read_index"]

MAX_ENTRY_BYTES = 64 * 1024
"""A longer entry (by a large result) is not kept: the job directory has it all."""

_ERRORS: dict[str, JobState] = {reason.value: JobState.error(reason) for reason in FailureReason}


def submission_line(
    time: float,
    task: str,
    identifier: str,
    params: Mapping[str, Any],
    tags: Mapping[str, Any],
    code: str | None = None,
) -> bytes:
    """Give the line that tells of a submission.

    Parameters
    ----------
    time
        Seconds since the epoch.
    task
        Qualified name of the task.
    identifier
        Identifier of the task and its values.
    params
        Parameters by dotted name, JSON values.
    tags
        Tags by name, JSON values.
    code
        Hash of its code.

    Raises
    ------
    TypeError, ValueError
        A value is not JSON.
    """
    return (
        f'{{"event":"submitted","time":{number(time)},"task":{quoted(task)},'
        f'"identifier":{quoted(identifier)},"params":{encode(params)},"tags":{encode(tags)},'
        f'"code":{quoted(code)}}}\n'
    ).encode("ascii")


class RunJournal:
    """Writes the journal of one run; only the kernel of the run has one.

    Parameters
    ----------
    layout
        The run; its directory exists.
    autoflush
        Write each entry at once. Otherwise entries are kept until :meth:`flush`, which writes
        them together: that is an index that lags a little, and a job that costs less.

    Raises
    ------
    OSError
        The directory is missing or read-only, or the disk is full.

    Notes
    -----
    Thread line: any thread.
    """

    __slots__ = ("_autoflush", "_flushing", "_kept", "_writer", "layout")

    def __init__(self, layout: RunLayout, *, autoflush: bool = True) -> None:
        self.layout = layout
        self._autoflush = autoflush
        self._kept: deque[bytes] = deque()
        self._flushing = threading.Lock()
        self._writer = JournalWriter(layout.journal)
        self.note("run-started", time=time.time(), pid=os.getpid())

    def submitted(
        self,
        time: float,
        task: str,
        identifier: str,
        params: Mapping[str, Any],
        tags: Mapping[str, Any],
    ) -> None:
        """Note that a job was submitted; see :func:`submission_line`.

        Raises
        ------
        TypeError, ValueError
            A value is not JSON; nothing is written.
        OSError
            The disk is full; the job is then found by its directory alone.
        """
        self.keep(submission_line(time, task, identifier, params, tags))

    def keep(self, line: bytes) -> None:
        """Note what :func:`submission_line` gave; raises OSError as :meth:`submitted` does."""
        self._kept.append(line)
        if self._autoflush:
            self.flush()

    def ended(self, record: JobRecord, marker_mtime_ns: int | None) -> None:
        """Note how a job ended, without repeating what its submission says.

        Parameters
        ----------
        record
            The job, in a final state.
        marker_mtime_ns
            Modification time of the end marker, in nanoseconds; None for a job that never began,
            and so has no marker.

        Raises
        ------
        OSError
            The disk is full; the job is then read from its directory.
        """
        reason = record.state.failure_reason
        parts = [
            f'{{"event":"ended","task":{quoted(record.task)}',
            f'"identifier":{quoted(record.identifier)},"state":"{record.state.value}"',
        ]
        for key, text in (
            ("reason", reason),
            ("message", record.message),
            ("launcher", record.launcher),
            ("host", record.host),
            ("problem", record.problem),
            ("code", record.code),
            ("newest_code", record.submitted_code),
        ):
            if text is not None:
                parts.append(f'"{key}":{quoted(text)}')
        for key, value in (
            ("started", record.started),
            ("ended", record.ended),
            ("attempts", record.attempts),
            ("pid", record.pid),
            ("marker_mtime_ns", marker_mtime_ns),
        ):
            if value is not None:
                parts.append(f'"{key}":{number(value)}')
        if record.result is not None:
            parts.append(f'"result":{encode(record.result)}')
        metrics = encode(record.metrics) if record.metrics else "{}"
        parts.append(f'"metrics":{metrics}}}\n')
        line = ",".join(parts).encode("ascii")
        if len(line) <= MAX_ENTRY_BYTES:
            self.keep(line)

    def flush(self) -> None:
        """Write the entries that were kept, and wait for what another thread is writing.

        Raises
        ------
        OSError
            The disk is full: the kept entries are lost, and found by their directories.
        """
        # Locked, since whoever flushes will read: not before another thread has written its part.
        with self._flushing:
            lines = []
            while self._kept:
                lines.append(self._kept.popleft())
            if lines:
                self._writer.append_line(b"".join(lines))

    def note(self, kind: str, **values: Any) -> None:
        """Note anything else about the run; readers of the index pass over it.

        Parameters
        ----------
        kind
            The word of the entry, for example ``"run-closed"``.
        **values
            JSON values.
        """
        self.flush()
        self._writer.append({"event": kind, **values})

    def close(self) -> None:
        """Note the end of the run and close the file. Closing again does nothing."""
        if not self._writer.closed:
            self.note("run-closed", time=time.time())
            self._writer.close()


@dataclass(slots=True)
class RunIndex:
    """What the journal of a run tells of its jobs, as it stands there.

    Keys are ``<task>/<identifier>``: strings cost the garbage collector nothing, where a pair for
    each of 10,000 jobs would be counted again and again.

    Thread line: a plain value, any thread.
    """

    alive: bool
    """The run is open."""
    submitted: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The last submission of each job, in the order of the first ones."""
    ended: dict[str, dict[str, Any]] = field(default_factory=dict)
    """How jobs ended."""
    problem: str | None = None
    """What is damaged, in words."""


def read_index(layout: RunLayout) -> RunIndex:
    """Read the journal of a run.

    Parameters
    ----------
    layout
        The run.

    Returns
    -------
    RunIndex
        Empty where the journal is missing or unreadable; nothing is raised.
    """
    journal = read_journal(layout.journal)
    index = RunIndex(_is_alive(layout), problem=journal.problem)
    submitted, ended = index.submitted, index.ended
    for entry in journal.entries:
        key = f"{entry.get('task')}/{entry.get('identifier')}"
        kind = entry.get("event")
        if kind == "ended":
            ended[key] = entry
            if key in submitted and "newest_code" in entry:
                # It began with newer code than it had been submitted with.
                submitted[key]["code"] = entry["newest_code"]
        elif kind == "submitted":
            submitted[key] = entry
            # An end without a marker was the end of that submission only.
            if key in ended and ended[key].get("marker_mtime_ns") is None:
                del ended[key]
    return index


def _is_alive(layout: RunLayout) -> bool:
    try:
        return is_locked(layout.lock)
    except OSError:
        return False


def indexed_records(jobs: str, newest_first: Sequence[RunIndex]) -> dict[str, JobRecord]:
    """Give the records of submitted jobs, from the indexes where the disk confirms them.

    Parameters
    ----------
    jobs
        The folder of the jobs.
    newest_first
        The indexes of runs; of a job that several submitted, the newest tells.

    Returns
    -------
    dict
        Records by ``<task>/<identifier>``. Those without a known end, or whose end marker is not
        the file that the index tells of, are read from their directories; nothing is raised.
    """
    records: dict[str, JobRecord] = {}
    stems: dict[Any, str | None] = {}
    for position, index in enumerate(newest_first):
        older = newest_first[position + 1 :]
        for key, submitted in index.submitted.items():
            if key in records:
                continue
            task, identifier = submitted.get("task"), submitted.get("identifier")
            # A journal is a file that anyone may have written: no name may lead out of the folder.
            if type(task) is not str or type(identifier) is not str or not is_name(identifier):
                continue
            if task not in stems:
                stems[task] = f"/{task_name(task)}" if is_name(task) else None
            if (stem := stems[task]) is None:
                continue
            path = f"{jobs}/{key}"
            end = index.ended.get(key)
            if end is None and older:
                end = _end_in(older, key)
            state = None if end is None else _confirmed(path + stem, end)
            if state is None or end is None:
                records[key] = _read(path, key, newest_first[position:])
            else:
                records[key] = _record(path, state, submitted, end)
    return records


def _end_in(older: Sequence[RunIndex], key: str) -> dict[str, Any] | None:
    # The newer run may have been killed before it noted the end, or may have found the job done.
    return next((index.ended[key] for index in older if key in index.ended), None)


def _confirmed(stem: str, end: Mapping[str, Any]) -> JobState | None:
    """Give the final state that an index tells, if the end marker is the file that it tells of."""
    word = end.get("state")
    if word == "done":
        state = JobState.DONE
    elif word == "error":
        state = _ERRORS.get(as_text(end.get("reason")) or "", _ERRORS["error"])
    else:
        return None
    try:
        # One stat for each job is what the table may cost beside decoding its journal.
        mtime_ns = os.stat(stem + END_SUFFIXES[word]).st_mtime_ns
    except OSError:
        return None
    return state if mtime_ns == end.get("marker_mtime_ns") else None


def _read(path: str, key: str, newest_first: Sequence[RunIndex]) -> JobRecord:
    newest = newest_first[0]
    submitted = newest.submitted[key]
    submission = Submission(
        as_time(submitted.get("time")),
        as_mapping(submitted.get("params")) or {},
        as_mapping(submitted.get("tags")) or {},
        newest.ended.get(key),
        as_text(submitted.get("code")),
    )
    alive = any(index.alive and key in index.submitted for index in newest_first)
    return read_job(JobLayout(path), submission, run_alive=alive)


def _record(
    path: str, state: JobState, submitted: Mapping[str, Any], end: Mapping[str, Any]
) -> JobRecord:
    # By position: names would cost a tenth of the time of a large table.
    return JobRecord(
        submitted["task"],
        submitted["identifier"],
        path,
        state,
        as_text(end.get("message")),
        None,
        as_mapping(submitted.get("params")) or {},
        as_mapping(submitted.get("tags")) or {},
        end.get("result"),
        as_mapping(end.get("metrics")) or {},
        None,
        as_time(submitted.get("time")),
        as_time(end.get("started")),
        as_time(end.get("ended")),
        as_integer(end.get("attempts")) or 0,
        as_text(end.get("launcher")),
        as_integer(end.get("pid")),
        as_text(end.get("host")),
        as_text(end.get("problem")),
        as_text(end.get("code")),
        as_text(submitted.get("code")),
    )
