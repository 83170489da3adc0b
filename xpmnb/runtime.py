"""What the code of a task talks to while it runs: progress, metrics, and the current job.

Everything here may be called from any thread that the task starts, and does nothing outside a
job, so that the same code runs when a person tries it in a cell.
"""

from __future__ import annotations

import inspect
import math
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from xpmnb import ownership
from xpmnb.arguments import arguments_to_json
from xpmnb.records.events import Event, Metrics, Notice, Progress, Started
from xpmnb.records.task_outputs import TaskOutput
from xpmnb.trails import Trails, follow

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from xpmnb.records.journal import JournalWriter
    from xpmnb.records.layout import JobLayout, WorkspaceLayout
    from xpmnb.streams import JobStream

# At most this often is progress written to the journal; what a panel shows is always the newest.
_PROGRESS_INTERVAL_S = 0.25

MAX_LEVELS = 100
"""More nested loops than this are a mistake, and each would be a line that is drawn."""

Number = float | int | str | bool


class JobContext:
    """What the threads of one attempt share. Any thread.

    Parameters
    ----------
    layout : JobLayout
        The files of the job.
    journal : JournalWriter
        Where events are written.
    attempt : int
        Number of the attempt, from 1.
    stdout, stderr : JobStream
        Where ``sys.stdout`` and ``sys.stderr`` of the job's threads lead.
    changed : callable
        Told, from any thread, that progress or metrics are new; must be quick.
    """

    __slots__ = (
        "_changed",
        "_journal",
        "_steps",
        "_written_at",
        "attempt",
        "bars",
        "deadline",
        "is_resumable",
        "layout",
        "metrics",
        "outputs",
        "places",
        "progress",
        "stderr",
        "stdout",
        "trails",
    )

    def __init__(
        self,
        layout: JobLayout,
        journal: JournalWriter,
        attempt: int,
        stdout: JobStream,
        stderr: JobStream,
        changed: Callable[[], None],
    ) -> None:
        self.layout = layout
        self._journal = journal
        self.attempt = attempt
        self.stdout = stdout
        self.stderr = stderr
        self._changed = changed
        self.deadline: float | None = None
        """When the time of the attempt runs out, on the monotonic clock; None if never."""
        self._steps = 0
        self._written_at = -math.inf
        self.bars: list[Any] = []
        """Progress bars of the task that are open, outermost first."""
        self.progress: list[tuple[float | None, str]] = []
        """Newest progress of each level: fraction done (None if unknown) and words."""
        self.metrics: dict[str, Number] = {}
        """Last value of each metric."""
        self.trails: Trails = {}
        """The course of each metric."""
        self.places: dict[int, tuple[object, tuple[str, ...]]] = {}
        """The task's objects by ``id``, each with the path to it, once they are built."""
        self.is_resumable = False
        """Whether the task is a ResumableTask."""
        self.outputs: JournalWriter | None = None
        """Where registered outputs are written; closed when the job ends."""

    draws_bars = False
    """Whether bars of tqdm are drawn on standard error, since no panel shows them."""

    @property
    def workspace(self) -> WorkspaceLayout:
        """The workspace of the job."""
        return self.layout.workspace

    def remaining_time(self) -> float | None:
        """Return how long the attempt may still run, in seconds; None if there is no limit."""
        deadline = self.deadline
        return None if deadline is None else max(0.0, deadline - time.monotonic())

    def write(self, event: Event) -> None:
        """Append an event to the journal of the job.

        A full disk loses the event, not the job; so does a journal closed by the end of the job,
        when a thread that it left behind still reports.
        """
        with suppress(OSError, ValueError):
            self._journal.append(event.to_json())

    def write_start(self, event: Started) -> None:
        """Append the first event of the attempt, as :meth:`write` does."""
        with suppress(OSError, ValueError):
            self._journal.append_line(event.to_line())

    def close(self) -> None:
        """Write nothing any more: the directory may soon belong to another attempt."""
        self._journal.close()
        if self.outputs is not None:
            self.outputs.close()

    def set_progress(self, value: float | None, level: int, description: str) -> None:
        """Take the newest progress of a level; deeper levels end."""
        entry = (value, description)
        if not level:  # the usual case, which some tasks are in a million times
            self.progress = [entry]
        else:
            above = self.progress[:level]
            self.progress = [*above, *[(None, "")] * (level - len(above)), entry]
        self._changed()
        now = time.monotonic()
        # The end is always written: it is what a record shows when all is over.
        if now - self._written_at >= _PROGRESS_INTERVAL_S or (level == 0 and value == 1):
            self._written_at = now
            self.write(Progress(time.time(), self.attempt, level, value, description))

    def add_metrics(self, values: dict[str, Number], step: int | None) -> None:
        """Write metrics, numbering the calls where the task gives no step."""
        if step is None:
            step = self._steps
        self._steps = step + 1
        self.metrics.update(values)
        follow(self.trails, values)
        self._changed()
        self.write(Metrics(time.time(), self.attempt, step, values))

    def add_notice(self, text: str) -> None:
        """Write something that a person should read."""
        self.write(Notice(time.time(), self.attempt, text))

    def register_output(self, method: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Write down an output, for the callbacks that watch its method.

        Parameters
        ----------
        method : bound method
            The method of one of the task's objects that makes the output.
        args, kwargs
            What it is called with, besides ``dep``.

        Raises
        ------
        TypeError
            If the task is no ResumableTask, the method is none of its objects', it does not take
            these arguments, or a value is not plain.
        RuntimeError
            If the job has ended.
        OSError
            If it cannot be written: an output is never lost without a word.
        """
        name = getattr(method, "__name__", repr(method))
        if not self.is_resumable:
            message = (
                f"register_task_output({name}): only a ResumableTask registers outputs; derive "
                f"{self._task_name()} from it"
            )
            raise TypeError(message)
        path = self._path_to(method, name)
        try:
            _check_fits(method, args, kwargs)
            encoded = arguments_to_json(args, kwargs)
        except TypeError as error:
            message = f"register_task_output({name}): {error}"
            raise TypeError(message) from None
        output = TaskOutput(path, name, *encoded, time.time(), self.attempt)
        try:
            if self.outputs is not None:
                return self.outputs.append(output.to_json())
        except ValueError:  # closed: a thread that the job left behind
            pass
        message = f"register_task_output({name}): the job has ended"
        raise RuntimeError(message)

    def _path_to(self, method: Any, name: str) -> tuple[str, ...]:
        """Return the path to the object whose method this is."""
        owner = getattr(method, "__self__", None)
        found, path = self.places.get(id(owner), (None, ()))
        if owner is None or found is not owner:
            message = (
                f"register_task_output({name}) needs a method of the task or of an object in its "
                f"parameters, such as self.validation.checkpoint; {method!r:.200} is none of "
                f"{self._task_name()}"
            )
            raise TypeError(message)
        if getattr(owner, name, None) != method:
            message = (
                f"register_task_output({name}): {type(owner).__qualname__} has no such method "
                f"under the name {name!r}, by which it is found again"
            )
            raise TypeError(message)
        return path

    def _task_name(self) -> str:
        roots = (owner for owner, path in self.places.values() if not path)
        return type(next(roots, self)).__qualname__


def _check_fits(method: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Refuse arguments with which the kernel could not call a method, after ``dep``."""
    try:
        signature = inspect.signature(method, follow_wrapped=False)
    except ValueError:  # some built-in functions do not tell
        return
    try:
        signature.bind(None, *args, **kwargs)
    except TypeError as error:
        message = f"{error}; the method is called as {method.__name__}(dep, ...) with what is given"
        raise TypeError(message) from None


def current_context() -> JobContext | None:
    """Return the context of the job that the current thread works for; None outside jobs."""
    return ownership.owner()  # type: ignore[no-any-return]


def progress(value: float | None, *, level: int = 0, description: str = "") -> None:
    """Report how far the task is.

    Parameters
    ----------
    value : float or None
        Fraction done, from 0 to 1; None if it is not known.
    level : int
        0 for the outermost loop, 1 for a loop inside it, and so on.
    description : str
        What is being done.

    Raises
    ------
    ValueError
        If the fraction or the level is out of range.
    """
    if value is not None and not 0 <= value <= 1:
        message = f"progress({value!r}): give the fraction that is done, from 0 to 1, or None"
        raise ValueError(message)
    if not 0 <= level < MAX_LEVELS:
        message = f"progress(level={level}): levels count from 0, to {MAX_LEVELS - 1} at most"
        raise ValueError(message)
    context: JobContext | None = ownership.owner()
    if context is not None:
        context.set_progress(None if value is None else float(value), level, description)


def log(
    values: Mapping[str, Any] | None = None, /, *, step: int | None = None, **metrics: Any
) -> None:
    """Keep metrics of the task: the panel shows the last ones, ``xp.metrics()`` all.

    Parameters
    ----------
    values : dict, optional
        Metrics by name, for names that are no Python words.
    step : int, optional
        What the values belong to, an epoch or a batch; by default the calls are counted from 0.
    **metrics
        Numbers, strings or bools by name; scalars of numpy and the like are converted.

    Raises
    ------
    TypeError
        If a value is none of these.
    """
    given = {**(values or {}), **metrics}
    scalars = {str(name): _scalar(name, value) for name, value in given.items()}
    context = current_context()
    if context is not None:
        context.add_metrics(scalars, None if step is None else int(step))


def _scalar(name: str, value: Any) -> Number:
    if type(value) in (float, int, str, bool):
        return value  # type: ignore[no-any-return]
    if hasattr(value, "item") and getattr(value, "size", 1) == 1:
        value = value.item()
    if isinstance(value, (float, int, str)):
        return value
    message = f"log({name}={value!r:.80}): a metric is one number, string or bool"
    raise TypeError(message)
