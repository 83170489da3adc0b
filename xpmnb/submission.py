"""From a task to its job: what is checked and set when a task is submitted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xpmnb.core.model import Task
from xpmnb.core.paths import generate_paths
from xpmnb.core.state import is_configuration, state_of
from xpmnb.core.tags import tags
from xpmnb.core.values import seal
from xpmnb.core.walk import iter_graph
from xpmnb.document import flatten, readable
from xpmnb.errors import ParameterError, SubmissionError
from xpmnb.identifiers import identifier
from xpmnb.scheduler.jobs import Job

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from xpmnb.core.types import DependentMarker
    from xpmnb.records.layout import WorkspaceLayout
    from xpmnb.scheduler.launcher import Launcher


def make_job(
    task: Any,
    workspace: WorkspaceLayout,
    launcher: Launcher,
    *,
    cancel: Callable[[Job], None],
    record: Callable[[Job], None],
) -> tuple[Job, Any]:
    """Seal a task and make its job, which is the task's from now on.

    Where this raises, the caller gives the task its earlier job back.

    Parameters
    ----------
    task
        The configuration of a task; its values are final afterwards.
    workspace : WorkspaceLayout
        Where the job directory will be.
    launcher : Launcher
        Where the job will run.
    cancel : callable
        What asks for the end of a job.
    record : callable
        What notes the submission; it refuses values that are not JSON.

    Returns
    -------
    job : Job
        The job, which is the task's from now on.
    outputs
        What ``task_outputs`` returned.

    Raises
    ------
    SubmissionError
        If the task has no ``execute``, or a task in the values was not submitted.
    ConfigError, IdentifierError
        If the values are not fit for it.
    """
    if type(task).execute is Task.execute:
        message = f"{type(task).__qualname__} has no execute(): define def execute(self)"
        raise SubmissionError(message)
    dependencies = _dependencies(task)
    seal(task)
    layout = workspace.job(type(task).__xpm_name__, identifier(task))
    job = Job(layout, task, {k: readable(v) for k, v in tags(task).items()}, launcher, cancel)
    job.params = flatten(task)
    job.dependencies = dependencies
    state = state_of(task)
    before, state.job = state.job, job
    outputs = _outputs(task, job, before)
    _record(job, record)
    return job, outputs


def _record(job: Job, record: Callable[[Job], None]) -> None:
    try:
        record(job)
    except (TypeError, ValueError) as error:  # an int of thousands of digits, say
        message = f"{job.task!r} or its tags hold a value that cannot go on record: {error}"
        raise ParameterError(message) from None


def _outputs(task: Any, job: Job, before: Job | None) -> Any:
    """Set the paths that follow from a task's new job, and return the outputs."""
    if before is not None:
        _forget_paths(task, before)
    for name, path in _own_paths(task, job).items():
        task.__dict__[name] = path
    return task.task_outputs(_marker(task))


def _forget_paths(task: Any, before: Job) -> None:
    """Take back the paths that an earlier submission, perhaps elsewhere, generated."""
    for name in _own_paths(task, before):
        task.__dict__.pop(name, None)


def _own_paths(task: Any, job: Job) -> dict[str, Path]:
    """Return the paths that are generated for the task itself, by parameter."""
    found = generate_paths(task, job.layout.path, job.layout.workspace.partials)
    return {name: path for (owner, name), path in found.items() if owner == id(task)}


def _marker(task: Any) -> DependentMarker:
    """Return the function that marks what a task makes."""

    def dep(config: Any, /) -> Any:
        if not is_configuration(config):
            message = f"dep() marks configurations, got {type(config).__qualname__}"
            raise TypeError(message)
        if config is not task:
            state_of(config).producer = task
        return config

    return dep


def _dependencies(task: Any) -> tuple[Job, ...]:
    """Return the jobs that must be done before a task.

    Raises
    ------
    SubmissionError
        If a task in the values was not submitted.
    """
    found: dict[Job, None] = {}

    def look(config: Any) -> bool:
        state = state_of(config)
        source = config if config is not task and isinstance(config, Task) else state.producer
        if source is None:
            return True
        if state_of(source).job is None:
            message = f"{task!r} uses {source!r}, which was not submitted: call its submit() first"
            raise SubmissionError(message)
        found[state_of(source).job] = None
        return source is not config

    for each in (task, *state_of(task).dependencies):
        for _ in iter_graph(each, enter=look):
            pass
    return tuple(found)
