"""From a task to its job: what is checked and set when a task is submitted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xpmnb.adoption import take_over_former
from xpmnb.code_hash import code_of
from xpmnb.core.hooks import hooks_of
from xpmnb.core.model import Task
from xpmnb.core.options import execute_fault, outputs_fault, set_init_tasks
from xpmnb.core.paths import generate_paths, has_own_paths, partial_directories
from xpmnb.core.state import is_configuration, state_of
from xpmnb.core.tags import tags
from xpmnb.core.values import seal
from xpmnb.core.walk import ATOMS, has_no_children, is_alone, iter_inside, iter_values
from xpmnb.errors import ParameterError, SubmissionError
from xpmnb.flat import flatten, readable
from xpmnb.frozen import quick_to_make
from xpmnb.identifiers import identifier
from xpmnb.launchers.choice import default_launcher, find_launcher
from xpmnb.program import program_of
from xpmnb.records.run_index import submission_line
from xpmnb.scheduler.changes import complete_note, keep_on_record, refuse_other_code
from xpmnb.scheduler.demands import NO_DEMANDS, Demands
from xpmnb.scheduler.jobs import Job
from xpmnb.scheduler.tokens import directory_claim, token_claims
from xpmnb.work import is_resumable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from xpmnb.core.options import CodePolicy, SubmitOptions
    from xpmnb.core.types import DependentMarker
    from xpmnb.records.layout import WorkspaceLayout
    from xpmnb.scheduler.launcher import Launcher


@quick_to_make
@dataclass(frozen=True, slots=True)
class Place:
    """Where a task is submitted to. Immutable; any thread."""

    workspace: WorkspaceLayout
    """Where the job directory will be."""
    launcher: Launcher
    """Where the job will run, unless a submit hook says otherwise."""
    max_retries: int
    """How often a resumable task is run again, unless its submission says otherwise."""
    on_code_change: CodePolicy
    """What to do if it is done, by other code; unless its submission says otherwise."""
    cancel: Callable[[Job], None]
    """What asks for the end of a job."""


def make_job(task: Any, place: Place, options: SubmitOptions) -> tuple[Job, Any]:
    """Seal a task and make its job, which is the task's from now on.

    Where this raises, the caller gives the task its earlier job back.

    Parameters
    ----------
    task
        The configuration of a task; its values are final afterwards.
    place : Place
        Where it is submitted to.
    options : SubmitOptions
        What ``submit`` was told.

    Returns
    -------
    job : Job
        The job, which is the task's from now on.
    outputs
        What ``task_outputs`` returned.

    Raises
    ------
    SubmissionError
        If the task has no ``execute`` that a job can call, a task in the values was not
        submitted, or what is asked for cannot be had.
    ConfigError, IdentifierError
        If the values are not fit for it.
    """
    fault = execute_fault(type(task))
    if fault is not None:
        raise SubmissionError(fault)
    set_init_tasks(task, options.init_tasks)
    dependencies = _dependencies(task)
    seal(task)
    layout = place.workspace.job(type(task).__xpm_name__, identifier(task))
    shown = {name: readable(value) for name, value in tags(task).items()}
    job = Job(layout, task, shown, place.launcher, place.cancel)
    job.note = take_over_former(task, layout)
    job.params = flatten(task)
    job.options = options
    if dependencies:
        job.dependencies = dependencies
        job.needs = tuple([each.id for each in dependencies])
    if options.environ:
        job.environ.update(options.environ)
    state = state_of(task)
    before, state.job = state.job, job
    job.demands = _demands(task, place, options)
    outputs = _outputs(task, job, before)
    job.program = program_of(task)
    job.code = code_of(task, job.program)
    keep_on_record(job)
    complete_note(job)
    if job.demands.on_code_change == "error":
        refuse_other_code(job)
    _apply_hooks(job)
    job.live_launcher.check(job)
    return job, outputs


def launcher_of(task: Any, options: SubmitOptions, usual: Launcher | None) -> Launcher:
    """Return where a task runs: the more special choice wins.

    Parameters
    ----------
    task
        The configuration of a task; its class may choose.
    options : SubmitOptions
        What ``submit`` was told.
    usual : Launcher or None
        What the experiment says.
    """
    name = type(task).__qualname__
    if options.launcher is not None:
        return find_launcher(options.launcher, f"{name}.submit()")
    if task.__launcher__ is not None:
        return find_launcher(task.__launcher__, f"{name}.__launcher__")
    return usual or default_launcher()


def _demands(task: Any, place: Place, options: SubmitOptions) -> Demands:
    """Return what is asked for besides the values."""
    retries = place.max_retries if options.max_retries is None else options.max_retries
    claims = token_claims(place.workspace, options.tokens) if options.tokens else ()
    shared = partial_directories(task, place.workspace.partials)
    claims += tuple(directory_claim(directory) for directory in shared)
    if not is_resumable(task):
        retries = 0
    policy = options.on_code_change or place.on_code_change
    if not retries and options.walltime_s is None and not claims and policy == "warn":
        return NO_DEMANDS
    return Demands(retries, options.walltime_s, policy, claims)


def _apply_hooks(job: Job) -> None:
    """Let submit hooks change the environment and the launcher of a job."""
    for hook in hooks_of(job.task):
        hook.process(job, job.live_launcher)
        if isinstance(job.launcher, str):
            job.launcher = find_launcher(job.launcher, f"{hook!r}")


def line_of(job: Job) -> bytes:
    """Return what the journal of a run says of a submission.

    Raises
    ------
    ParameterError
        If a value of the task, or a tag, is not JSON.
    """
    layout = job.layout
    try:
        return submission_line(
            job.submitted_at or 0.0,
            layout.task,
            layout.identifier,
            job.params,
            job.tags,
            job.submitted_code,
        )
    except (TypeError, ValueError) as error:  # an int of thousands of digits, say
        message = f"{job.task!r} or its tags hold a value that cannot go on record: {error}"
        raise ParameterError(message) from None


def _outputs(task: Any, job: Job, before: Job | None) -> Any:
    """Set the paths that follow from a task's new job, and return the outputs."""
    if before is not None:
        _forget_paths(task, before)
    for name, path in _own_paths(task, job).items():
        task.__dict__[name] = path
    if type(task).task_outputs is Task.task_outputs:
        return task
    fault = outputs_fault(type(task))
    if fault is not None:
        raise SubmissionError(fault)
    outputs = task.task_outputs(_marker(task))
    if outputs is None:
        message = (
            f"{type(task).__qualname__}.task_outputs returned None: let it return what others "
            "use, marked by dep(...), or self"
        )
        raise SubmissionError(message)
    return outputs


def _forget_paths(task: Any, before: Job) -> None:
    """Take back the paths that an earlier submission, perhaps elsewhere, generated."""
    for name in _own_paths(task, before):
        task.__dict__.pop(name, None)


def _own_paths(task: Any, job: Job) -> dict[str, Path]:
    """Return the paths that are generated for the task itself, by parameter."""
    if not has_own_paths(task):
        return {}
    found = generate_paths(task, job.layout.path, job.layout.partials)
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
    state = state_of(task)
    if state.producer is None and not state.dependencies and is_alone(task):
        return ()
    found: dict[Job, None] = {}
    pending = [task, *state.init_tasks, *state.dependencies]
    seen = set(map(id, pending))
    for config in pending:  # it grows meanwhile
        job, is_whole = _job_behind(config, task)
        if job is not None:
            found[job] = None
        if is_whole or has_no_children(config):
            continue
        for _, value in iter_values(config):
            if type(value) not in ATOMS:
                for inner in iter_inside(value):
                    if id(inner) not in seen:
                        seen.add(id(inner))
                        pending.append(inner)
    return tuple(found)


def _job_behind(config: Any, task: Any) -> tuple[Job | None, bool]:
    """Return the job that a configuration needs, and whether that job needs all that is in it."""
    state = state_of(config)
    is_task = config is not task and Task in type(config).__mro__
    source = config if is_task else state.producer
    if source is None or state.is_available:
        return None, False
    job = state_of(source).job
    if job is None:
        message = f"{task!r} uses {source!r}, which was not submitted: call its submit() first"
        raise SubmissionError(message)
    return job, is_task
