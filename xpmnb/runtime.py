"""What the code of a task talks to while it runs: progress, metrics, and the current job.

Everything here may be called from any thread that the task starts, and does nothing outside a
job, so that the same code runs when a person tries it in a cell.
"""

from __future__ import annotations

import math
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from xpmnb import ownership
from xpmnb.records.events import Event, Metrics, Notice, Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from xpmnb.records.journal import JournalWriter
    from xpmnb.streams import JobStream

# At most this often is progress written to the journal; what a panel shows is always the newest.
_PROGRESS_INTERVAL_S = 0.25

Number = float | int | str | bool


class JobContext:
    """What the threads of one attempt share. Any thread.

    Parameters
    ----------
    journal : JournalWriter
        Where events are written.
    attempt : int
        Number of the attempt, from 1.
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
        "metrics",
        "progress",
        "stderr",
        "stdout",
    )

    def __init__(
        self,
        journal: JournalWriter,
        attempt: int,
        stdout: JobStream,
        stderr: JobStream,
        changed: Callable[[], None],
    ) -> None:
        self._journal = journal
        self.attempt = attempt
        self.stdout = stdout
        self.stderr = stderr
        self._changed = changed
        self._steps = 0
        self._written_at = -math.inf
        self.bars: list[Any] = []
        """Progress bars of the task that are open, outermost first."""
        self.progress: list[tuple[float | None, str]] = []
        """Newest progress of each level: fraction done (None if unknown) and words."""
        self.metrics: dict[str, Number] = {}
        """Last value of each metric."""

    def write(self, event: Event) -> None:
        """Append an event to the journal of the job.

        A full disk loses the event, not the job; so does a journal closed by the end of the job,
        when a thread that it left behind still reports.
        """
        with suppress(OSError, ValueError):
            self._journal.append(event.to_json())

    def set_progress(self, value: float | None, level: int, description: str) -> None:
        """Take the newest progress of a level; deeper levels end."""
        entry = (value, description)
        self.progress = [
            *self.progress[:level],
            *[(None, "")] * (level - len(self.progress)),
            entry,
        ]
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
        self._changed()
        self.write(Metrics(time.time(), self.attempt, step, values))

    def add_notice(self, text: str) -> None:
        """Write something that a person should read."""
        self.write(Notice(time.time(), self.attempt, text))


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
    if level < 0:
        message = f"progress(level={level}): levels count from 0"
        raise ValueError(message)
    context = current_context()
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
