"""diff(a, b): from what a person calls a job to what differs between two of them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xpmnb import current
from xpmnb.analysis.difference import Difference, compare
from xpmnb.analysis.job_facts import JobFacts, read_facts
from xpmnb.commands.locating import find_job, remembered
from xpmnb.core.state import is_configuration, is_declared, state_of
from xpmnb.default_experiment import current_workspace
from xpmnb.errors import SubmissionError
from xpmnb.records.layout import JobLayout
from xpmnb.records.states import FailureReason
from xpmnb.scheduler.job_files import JobFiles

if TYPE_CHECKING:
    from collections.abc import Callable

_WANTED = (
    "give jobs (task.job, xp.job(id)), submitted tasks, job directories, identifiers, or rows of "
    "xp.jobs()"
)


def diff(a: Any, b: Any) -> Difference:
    """Tell what differs between two jobs: parameters, tags, code, environment, and results.

    It reads records alone: the jobs may be of different tasks and workspaces, and no class has to
    be importable. What is missing or damaged is said in :attr:`Difference.notes`.

    Parameters
    ----------
    a, b
        The old job and the new one. Each is a ``Job``, a submitted task, a job directory (a string
        or Path), the beginning of an identifier in the current workspace, or a row of a table of
        jobs (``xp.jobs().iloc[0]``).

    Returns
    -------
    Difference
        False when nothing differs. Its ``params``, ``tags``, ``environment`` and ``results`` are
        dicts of old and new values by name, its ``code`` shows how the code differs.

    Raises
    ------
    TypeError
        If something stands for no job.
    SubmissionError
        If a task was not submitted; :func:`why_new` compares one that was not.
    WorkspaceError
        If there is no such job directory or identifier.
    """
    old, new = _layout_of(a), _layout_of(b)
    write_down()
    return compare(_facts(old), _facts(new), (Path(old.path), Path(new.path)))


def write_down() -> None:
    """Let what the current experiment keeps for its records be written."""
    opened = current.current()
    if opened is not None and opened._run is not None:  # noqa: SLF001 (it is asked for a table)
        opened._tabled()  # noqa: SLF001


def _facts(layout: JobLayout) -> JobFacts:
    """Read a job; the runs are asked where its directory alone does not tell its state."""
    facts = read_facts(layout)
    if facts.record.state.is_final and facts.record.state.failure_reason is not FailureReason.LOST:
        return facts
    known = remembered(layout)
    if known.submission is None:
        return facts
    return read_facts(layout, known.submission, run_alive=known.run_alive)


def _layout_of(job: Any) -> JobLayout:
    if isinstance(job, JobFiles):
        return job.layout
    if is_declared(job):
        return _layout_of_task(job)
    if isinstance(job, str | os.PathLike):
        return _layout_of_name(os.fspath(job))
    return _layout_of_row(job)


def _layout_of_task(task: Any) -> JobLayout:
    if is_configuration(task) and state_of(task).job is not None:
        return state_of(task).job.layout  # type: ignore[no-any-return]
    words = "was not submitted: submit it, or ask why_new(task), which compares it with old jobs"
    raise SubmissionError(f"diff(): {task!r} {words}")


def _layout_of_name(name: str | bytes) -> JobLayout:
    if not isinstance(name, str):
        raise TypeError(f"diff({name!r:.80}): {_WANTED}")
    # A damaged job directory is one as well, by its place.
    path = Path(os.path.abspath(Path(name).expanduser()))  # noqa: PTH100 (`..` must be resolved)
    if path.parent.parent.name == "jobs" and path.is_dir():
        return JobLayout(path.as_posix())
    return find_job(name, _workspace())


def _workspace() -> str | None:
    found = current_workspace()
    return found if found is not None and Path(found).is_dir() else None


def _layout_of_row(row: Any) -> JobLayout:
    """Find the job of a row: a Series, a mapping, a named tuple or a record with a ``path``."""
    if getattr(row, "ndim", 1) > 1:
        raise TypeError(
            f"diff(): this is a table of {len(row)} rows; take one row of it: jobs.iloc[0]"
        )
    path = None
    if isinstance(row, Mapping) or hasattr(row, "iloc"):
        get: Callable[[str], Any] = row.get
        path = get("path")
    else:
        path = getattr(row, "path", None)
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"diff(): {row!r:.80} stands for no job; {_WANTED}")
    text = os.fspath(path)
    layout = JobLayout(os.path.abspath(text)) if isinstance(text, str) else None  # noqa: PTH100
    if layout is None or Path(layout.path).parent.parent.name != "jobs":
        raise TypeError(f"diff(): {path!r:.80} is the path of no job; {_WANTED}")
    return layout
