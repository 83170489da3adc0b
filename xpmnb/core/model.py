"""Tasks: what a person derives classes from that can be run.

Config, of which a task is one, is in ``config.py``; what ``submit`` is told in ``options.py``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Never, Self

from xpmnb import seam
from xpmnb.core.callbacks import completion, watched_output
from xpmnb.core.config import Config, InstanceConfig
from xpmnb.core.options import PLAIN, SubmitOptions
from xpmnb.core.state import is_configuration, state_of
from xpmnb.core.walk import iter_graph
from xpmnb.errors import SealedError, SubmissionError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

    from xpmnb.core.options import CodePolicy
    from xpmnb.core.types import DependentMarker

__all__ = ["Config", "InstanceConfig", "LightweightTask", "ResumableTask", "Running", "Task"]


class Running(NamedTuple):
    """What an instance of a task knows of the job that it runs in; set by the worker."""

    directory: str
    tags: dict[str, Any]


def _running(task: Any, name: str) -> Running:
    running: Running | None = vars(task).get("__xpm_running__")
    if running is None:
        message = f"{type(task).__qualname__}.{name} is there only while execute() runs in a job"
        raise AttributeError(message)
    return running


class _AtWork:
    """Gives objects that run in a job what they may ask of it."""

    # Properties, not annotations: those would be parameters to a type checker.
    @property
    def __taskdir__(self) -> Path:
        """The job directory, while ``execute`` runs.

        Raises
        ------
        AttributeError
            Outside a job.
        """
        return Path(_running(self, "__taskdir__").directory)

    @property
    def __maintaskdir__(self) -> Path:
        """The directory of the main task, while ``execute`` runs: here, the job directory."""
        return Path(_running(self, "__maintaskdir__").directory)

    @property
    def __tags__(self) -> dict[str, Any]:
        """The tags of the task, while ``execute`` runs."""
        return _running(self, "__tags__").tags


class LightweightTask(_AtWork, Config):
    """Is a Config that prepares the objects of a task: it loads a model, say.

    Give it to ``submit(init_tasks=[...])`` of a task: its ``execute`` runs in the same job,
    before that of the task, on the same objects. It has no job of its own::

        class LoadModel(LightweightTask):
            model: Param[Model]
            path: Meta[Path]

            def execute(self):
                self.model.load(self.path)

    It has ``__taskdir__``, ``__maintaskdir__`` and ``__tags__``, as the task has.
    """

    __xpm_lightweight__ = True
    """Tells ``submit`` that this may be an init task."""

    def execute(self) -> Any:
        """Prepare the objects; what is returned is not kept."""
        message = f"{type(self).__qualname__} has no execute(): define def execute(self)"
        raise NotImplementedError(message)


class Task(_AtWork, Config):
    """Is a Config that can be run: submit it, and ``execute`` runs once in its job directory.

    While ``execute`` runs, the working directory is the job directory, and ``self`` has
    ``__taskdir__`` (its path), ``__maintaskdir__`` and ``__tags__`` (a dict).
    """

    __launcher__: ClassVar[Any] = None
    """Where tasks of this class run unless ``submit(launcher=...)`` says otherwise: a name or a
    Launcher. None leaves it to the experiment."""

    __xpm_resumable__ = False
    """Whether it goes on in the directory of an earlier run; see :class:`ResumableTask`."""

    def execute(self) -> Any:
        """Do the work. What is returned, if it is JSON, is the result of the job."""
        message = f"{type(self).__qualname__} has no execute(): define def execute(self)"
        raise NotImplementedError(message)

    def task_outputs(self, dep: DependentMarker) -> Any:
        """Return what ``submit()`` returns, outputs that depend on the task marked by ``dep``.

        Parameters
        ----------
        dep : DependentMarker
            Marks a configuration: whoever uses it runs after this task.

        Returns
        -------
        Any
            By default the task itself.
        """
        return dep(self)

    def submit(  # noqa: PLR0913 (one keyword each is what people know from other schedulers)
        self,
        *unnamed: Never,
        launcher: Any = None,
        init_tasks: Sequence[LightweightTask] = (),
        max_retries: int | None = None,
        walltime: float | None = None,
        tokens: Mapping[str, int] | None = None,
        environ: Mapping[str, str] | None = None,
        on_code_change: CodePolicy | None = None,
    ) -> Any:
        """Submit the task to the current experiment; returns at once.

        Parameters
        ----------
        launcher : str or Launcher, optional
            Where it runs. By default where :attr:`__launcher__` or else the experiment says.
        init_tasks : sequence of configurations of LightweightTask
            Run in this order before ``execute``, on the objects that it sees: a configuration
            that the task and an init task share is one object. They are part of the identifier.
        max_retries : int, optional
            How many runs may follow the first one; only the timeout of a :class:`ResumableTask`
            takes one. By default what the settings say for the workspace, or else 3.
        walltime : float, optional
            Seconds that each run may take; it is stopped then, and fails with the reason
            ``timeout``. By default as long as it takes.
        tokens : dict, optional
            How many of which tokens the job holds while it runs: ``{"gpu": 1}``.
        environ : dict, optional
            Environment variables that are added to those of the job.
        on_code_change : {"warn", "rerun", "error", "ignore"}, optional
            What to do if the task is done already, but by other code than it has now: take the
            result and say so, run it again (the old result goes to the trash), raise, or take no
            notice. By default what the experiment says.

        Returns
        -------
        Any
            What :meth:`task_outputs` returns: by default this task.

        Raises
        ------
        SubmissionError
            If no experiment is open (outside notebooks), a task used here was not submitted, or
            its code changed (:class:`~xpmnb.errors.CodeChangedError`) and that is an error.
        ConfigError
            If values are missing or do not fit, or one of these options does not.
        TypeError
            If something is given without the name of its option.
        """
        state_of(self)
        if unnamed:
            message = (
                f"submit({unnamed[0]!r:.80}): options are given by name: submit(launcher="
                '"process") for example'
            )
            raise TypeError(message)
        given = (launcher, init_tasks, max_retries, walltime, tokens, environ, on_code_change)
        options = PLAIN if given == _NOTHING_GIVEN else _options(*given)
        return seam.current_submitter().submit_task(self, options)

    if not TYPE_CHECKING:

        @property
        def remaining_time(self) -> None:
            """Say which tasks have this method."""
            kind = type(self).__qualname__
            message = f"{kind} has no remaining_time(): derive {kind} from ResumableTask"
            raise AttributeError(message)

    def on_completed(self, callback: Callable[..., object]) -> Self:
        """Call a function once the job of this task has ended well.

        Each call adds a callback, before or after ``submit()``. A callback is called once for
        each submission, also if the job was done before, in a thread of its own that may submit
        more tasks.

        Parameters
        ----------
        callback : callable
            Called with this task if it needs an argument, and with nothing else.

        Returns
        -------
        Self
            This task.

        Raises
        ------
        TypeError
            If it cannot be called so.
        """
        state = state_of(self)
        completion(callback, self)  # refuses what cannot be called so
        state.on_completed.append(callback)
        if state.job is not None:
            state.job.on_completed(callback, self)
        return self

    def watch_output(self, method: Callable[..., Any], callback: Callable[[Any], object]) -> Self:
        """Call a function with each output that the running task registers for a method.

        Each call adds a callback, before or after ``submit()``. Outputs that were registered
        before are told as well, each once.

        Parameters
        ----------
        method : callable
            A bound method of a configuration in this task, which the task gives to
            ``register_task_output``: ``validation.checkpoint``.
        callback : callable
            Called with what the method returns, in a thread of its own that may submit more
            tasks.

        Returns
        -------
        Self
            This task.

        Raises
        ------
        TypeError
            If this is no ResumableTask, or the method is no bound method of a configuration.
        ValueError
            If the configuration is not inside this task.
        """
        state = state_of(self)
        watched = watched_output(self, method, callback)
        state.watched.append(watched)
        if state.job is not None:
            state.job.watch_output(watched, self)
        return self

    def add_dependencies(self, *tasks: Any) -> Self:
        """Make other tasks run first, though no parameter uses them.

        Parameters
        ----------
        *tasks
            Submitted tasks, or values that ``dep`` marked.

        Returns
        -------
        Self
            This task.

        Raises
        ------
        SealedError
            If this task was submitted already.
        TypeError
            If something is no task, was made by none, and holds nothing of the kind.
        """
        state = state_of(self)
        if state.sealed:
            message = "add_dependencies(): this task was submitted already"
            raise SealedError(message)
        for task in tasks:
            if not is_configuration(task) or not _has_task(task):
                message = f"add_dependencies({task!r:.80}): give tasks, or values that dep marked"
                raise TypeError(message)
        state.dependencies.extend(tasks)
        return self

    @property
    def job(self) -> Any:
        """The job of the submitted task.

        Raises
        ------
        SubmissionError
            If the task was not submitted.
        """
        job = state_of(self).job
        if job is None:
            message = f"{self!r} was not submitted: call .submit() first"
            raise SubmissionError(message)
        return job

    @property
    def jobpath(self) -> Path:
        """The job directory."""
        return self.job.path  # type: ignore[no-any-return]

    def wait(self, timeout: float | None = None) -> Any:
        """Wait for the end of the job and return its state; see ``Job.wait``."""
        return self.job.wait(timeout)

    def __await__(self) -> Generator[Any, None, Any]:
        """Wait for the end of the job in a coroutine, and return its state."""
        return self.job.__await__()  # type: ignore[no-any-return]

    def stdout(self) -> Path:
        """Return the file with what the job printed."""
        return self.job.stdout  # type: ignore[no-any-return]

    def stderr(self) -> Path:
        """Return the file with what the job wrote to standard error."""
        return self.job.stderr  # type: ignore[no-any-return]


def _has_task(config: Any) -> bool:
    """Tell whether a configuration has a task in it, or something that a task made."""
    graph = (each for _, each in iter_graph(config))
    return any(isinstance(each, Task) or state_of(each).producer is not None for each in graph)


_NOTHING_GIVEN = (None, (), None, None, None, None, None)


def _options(
    launcher: Any, init_tasks: Any, max_retries: Any, walltime: Any, *others: Any
) -> SubmitOptions:
    tokens, environ, on_code_change = others
    return SubmitOptions(
        launcher,
        tuple(init_tasks) if isinstance(init_tasks, list) else init_tasks,
        max_retries,
        walltime,
        {} if tokens is None else tokens,
        {} if environ is None else environ,
        on_code_change,
    )


class ResumableTask(Task):
    """Is a Task that goes on where an earlier run of it stopped.

    Its directory is kept when it runs again, so write checkpoints, and look for them when
    ``execute`` begins. A run whose time is over (see ``submit(walltime=...)``), or that raises
    :class:`~xpmnb.GracefulTimeout`, is followed by another one, up to ``max_retries``; whatever
    else makes it fail does not. It may register outputs while it runs, see
    :meth:`register_task_output`.
    """

    __xpm_resumable__ = True

    def remaining_time(self) -> float | None:
        """Return how long this run may still take.

        Returns
        -------
        float or None
            Seconds, 0 if the time is over; None if there is no limit, or outside a job.
        """
        context = seam.current_context()
        return None if context is None else context.remaining_time()
