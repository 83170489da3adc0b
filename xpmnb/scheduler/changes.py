"""Code that changed since a job was done: what is kept, compared, and said of it."""

from __future__ import annotations

import functools
import logging
import os
from typing import TYPE_CHECKING

from xpmnb.code_hash import code_of
from xpmnb.errors import CodeChangedError
from xpmnb.program import program_of
from xpmnb.records.codes import keep_code, read_code
from xpmnb.records.job_directory import read_ran_code
from xpmnb.records.moving import set_code
from xpmnb.records.states import JobState

if TYPE_CHECKING:
    from xpmnb.code import Code
    from xpmnb.records.layout import WorkspaceLayout
    from xpmnb.scheduler.jobs import Job

_logger = logging.getLogger("xpmnb")

_WAYS = "job.code_diff() shows what changed, submit(on_code_change='rerun') runs it again"
_RUNS_OTHER = "it runs with the code of an earlier submission"
_MAX_NAMED = 3
_MAX_KEPT = 1000

_kept: set[tuple[str, str]] = set()


def keep_on_record(job: Job) -> None:
    """Keep the code of a new job in its workspace, once per content. Submitting threads."""
    if job.code is None:
        return
    root = job.layout.path.rsplit("/", 3)[0]
    key = root, job.code.digest
    if key in _kept:
        return
    workspace = job.layout.workspace
    try:
        keep_code(workspace, job.code)
    except OSError as error:
        # The job itself will say that nothing can be written; a diff is all that is lost here.
        _logger.warning("the code of %s cannot be kept in %s: %s", job.name, workspace.root, error)
        return
    if len(_kept) >= _MAX_KEPT:  # classes declared again and again in a long session
        _kept.clear()
    _kept.add(key)


def complete_note(job: Job) -> None:
    """Say what a person should know of the code of a new job. Submitting threads."""
    if job.note and os.path.exists(job.layout.done):  # noqa: PTH110 (a str; after a move only)
        _take_over_code(job)
    closure = None if job.program is None else job.program.closure
    if closure is not None and closure.outdated:
        job.note = "; ".join(filter(None, (job.note, *closure.outdated[:_MAX_NAMED])))


def _take_over_code(job: Job) -> None:
    """Let a job that was found under a former name have the hash that its code has now.

    If its code is the same but for the names of modules: a class was moved, and not changed.
    """
    before = read_ran_code(job.layout)
    old = read_code(job.layout.workspace, before)
    if old is None or job.code is None or not is_other(before, job):
        return
    if old.is_same_elsewhere(job.code):
        set_code(job.layout, job.code.digest)


def refuse_other_code(job: Job) -> None:
    """Refuse a task that is done by other code.

    Raises
    ------
    CodeChangedError
        If its directory says so.
    """
    if not os.path.exists(job.layout.done):  # noqa: PTH110 (a str)
        return
    before = read_ran_code(job.layout)
    if is_other(before, job):
        message = (
            f"{job.name} {job.id[:8]} is done, by other code than it has "
            f"now{_parts_in_words(job, before)}: "
            "submit it with on_code_change='rerun' to run it again, or 'warn' to take the result"
        )
        raise CodeChangedError(message)


def is_to_be_rerun(job: Job) -> bool:
    """Tell whether a job that is done is to be run again, since its code changed."""
    if job.demands.on_code_change != "rerun":
        return False
    before = read_ran_code(job.layout)
    if not is_other(before, job):
        return False
    job.code_before = before
    return True


def note_change(job: Job, before: str | None) -> str:
    """Note that the result of a job was made by other code; return words on it, empty if not."""
    job.code_changed = job.submitted_code is not None and is_other(before, job)
    if not job.code_changed:
        return ""
    job.code_before = before
    return f"its code has changed since{_parts_in_words(job, before)}; {_WAYS}"


def take_newest_code(job: Job) -> None:
    """Let a job that begins in this kernel go on record with the code that it really runs.

    Its objects are made of the newest classes, which may have been declared anew since the job
    was submitted.
    """
    job.program = program_of(job.task)
    code = code_of(job.task, job.program)
    if code is not job.code or job.code_changed:  # submitted anew since its last attempt began
        job.code, job.code_changed = code, False
        keep_on_record(job)


def note_newer_code(live: Job, new: Job) -> None:
    """Note that a live job was submitted again, with other code than it has.

    One that has not begun takes the code of the new submission.
    """
    before = live.ran_code
    if new.code is None or new.submitted_code is None:
        return
    if not is_other(before, new):
        if live.code_changed:  # what it runs with is the newest again
            live.code, live.code_changed = new.code, False
        return
    if live.state in (JobState.WAITING, JobState.READY) and live.launcher is new.launcher:
        live.code, live.program = new.code, new.program  # what it is to begin with
        return
    live.code, live.code_before, live.code_changed = new.code, before, True
    if not live.state.is_final:
        live.message = _RUNS_OTHER


def note_running_code(job: Job) -> None:
    """Note that another kernel, perhaps a dead one, began a job with other code than it has."""
    before = read_ran_code(job.layout)
    if job.submitted_code is not None and is_other(before, job):
        job.code_before, job.code_changed = before, True
        job.message = _RUNS_OTHER


def is_other(before: str | None, job: Job) -> bool:
    """Tell whether a hash is known, and is not that of the code of a job."""
    return before is not None and job.code is not None and before != job.code.digest


def _parts_in_words(job: Job, before: str | None) -> str:
    """Return which parts of the code differ, in brackets; empty if that is not known."""
    return "" if job.code is None else _changed_parts(job.layout.workspace, before, job.code)


@functools.lru_cache(maxsize=32)  # all jobs of a sweep ask for the same
def _changed_parts(workspace: WorkspaceLayout, before: str | None, code: Code) -> str:
    old = read_code(workspace, before)
    if old is None:
        return ""
    names = old.changed_parts(code)
    more = f" and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else ""
    return f" ({', '.join(names[:_MAX_NAMED])}{more})" if names else ""
