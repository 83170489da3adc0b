"""Config and Task: what a person derives classes from.

The classes are thin: what a declaration does is in ``metaclass.py``, values are in ``values.py``,
objects in ``objects.py``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from xpmnb import seam
from xpmnb.core import values
from xpmnb.core.metaclass import ConfigMeta
from xpmnb.core.objects import instantiate
from xpmnb.core.state import state_of
from xpmnb.core.tags import add_tag, tags
from xpmnb.errors import SealedError, SubmissionError
from xpmnb.identifiers import identifier

if TYPE_CHECKING:
    from collections.abc import Generator

    from xpmnb.core.types import DependentMarker


class Config(metaclass=ConfigMeta):
    """Is the base of everything that is described by parameters.

    Declare parameters in the class body, build configurations with ``C``, and use the
    parameters as plain attributes::

        class Model(Config):
            layers: Param[int] = 2

        model = Model.C(layers=3)

    A *configuration* holds checked values and is shared by those that use it. ``execute`` sees
    *instances*: objects made by ``__init__()`` without arguments, given their attributes, and
    finished by ``__post_init__()``.

    A configuration is used by one thread at a time; once sealed, by any.
    """

    __xpm_distinct__ = False
    """Whether equal objects are told apart by identifiers; see :class:`InstanceConfig`."""

    def __validate__(self) -> None:
        """Check values against each other; called on the configuration before submission.

        Raise any error to refuse the configuration.
        """

    def __post_init__(self) -> None:
        """Finish an instance once its attributes are set."""

    def __identifier__(self) -> str:
        """Return the identifier: 64 hexadecimal digits that depend on the values alone.

        Raises
        ------
        IdentifierError
            If a required value is missing or a value has no canonical encoding.
        """
        return identifier(self)

    def seal(self) -> Self:
        """Check this configuration and all inside it, and make them unchangeable.

        Returns
        -------
        Self
            The same configuration.

        Raises
        ------
        MissingParameterError
            If required values are missing; all of them are named.
        """
        state_of(self)
        values.seal(self)
        return self

    def copy(self, **changes: Any) -> Self:
        """Return an unsealed copy with some values changed.

        Configurations inside are shared, not copied.

        Raises
        ------
        UnknownParameterError, ParameterError
            If a change does not fit.
        """
        state_of(self)
        return values.copy(self, changes)

    def instance(self) -> Self:
        """Seal the configuration and return the object that it describes, for use right here.

        Returns
        -------
        Self
            A new object at each call. Paths that only a job directory gives are not set.
        """
        self.seal()
        return instantiate(self)  # type: ignore[no-any-return]

    def tag(self, name: str, value: str | float) -> Self:
        """Set a tag of this configuration, and return it.

        Raises
        ------
        SealedError
            If it was submitted.
        """
        add_tag(self, name, value)
        return self

    def tags(self) -> dict[str, Any]:
        """Return the tags of this configuration and of all that it is made from."""
        return tags(self)


class InstanceConfig(Config):
    """Is a Config of which two equal objects count as two.

    A pair of two distinct but equal ones has another identifier than a pair that uses one
    twice: two models of the same shape are not one model with shared weights.
    """

    __xpm_distinct__ = True


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


class Task(Config):
    """Is a Config that can be run: submit it, and ``execute`` runs once in its job directory.

    While ``execute`` runs, the working directory is the job directory, and ``self`` has
    ``__taskdir__`` (its path), ``__maintaskdir__`` and ``__tags__`` (a dict).
    """

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

    def submit(self, *, launcher: Any = None) -> Any:
        """Submit the task to the current experiment; returns at once.

        Parameters
        ----------
        launcher : str or Launcher, optional
            Where it runs. By default where the experiment says.

        Returns
        -------
        Any
            What :meth:`task_outputs` returns: by default this task.

        Raises
        ------
        SubmissionError
            If no experiment is open (outside notebooks), or a task used here was not submitted.
        ConfigError
            If values are missing or do not fit.
        """
        state_of(self)
        return seam.current_submitter().submit_task(self, launcher=launcher)

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
            If something is no configuration.
        """
        state = state_of(self)
        if state.sealed:
            message = "add_dependencies(): this task was submitted already"
            raise SealedError(message)
        for task in tasks:
            state_of(task)
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
