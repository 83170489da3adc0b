"""Job: the handle that the user holds of a submitted task."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from xpmnb.core.options import PLAIN
from xpmnb.core.walk import forget_whole
from xpmnb.records.states import JobState, check_move
from xpmnb.scheduler.afterwards import Afterwards
from xpmnb.scheduler.demands import NO_DEMANDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from xpmnb.program import Program
    from xpmnb.records.claims import Holding
    from xpmnb.records.events import JobRecord
    from xpmnb.records.layout import JobLayout
    from xpmnb.runtime import JobContext
    from xpmnb.scheduler.launcher import Launcher
    from xpmnb.scheduler.live import LiveView
    from xpmnb.scheduler.runs import Run
    from xpmnb.trails import Trails

_INTERNAL = frozenset(
    (
        *("announce", "awaited", "begin", "call_when_final", "code_before", "demands"),
        *("dependents", "holding", "layout", "live_launcher", "move", "on_completed", "origin"),
        *("program", "ran_code", "run", "settle", "submitted_code"),
        *("take_record", "take_view", "task", "watch_output"),
    )
)


class Job(Afterwards):
    """One task with its values, in its directory. Made by ``submit()``, never by hand.

    A handle shows the state as its scheduler knows it; it changes until it is final, and then
    never again: submitting once more makes a new handle. Any thread may use it.
    """

    __slots__ = (
        "__weakref__",
        "_cancel",
        "_context",
        "_environ",
        "_metrics",
        "_progress",
        "_trails",
        "awaited",
        "demands",
        "dependencies",
        "dependents",
        "ended_at",
        "holding",
        "launcher",
        "needs",
        "options",
        "params",
        "program",
        "recognised",
        "retry_count",
        "run",
        "stopping",
        "submitted_at",
        "tags",
        "task",
    )

    def __init__(
        self,
        layout: JobLayout,
        task: Any,
        tags: dict[str, Any],
        launcher: Launcher | None,
        cancel: Callable[[Job], None] | None,
    ) -> None:
        super().__init__(layout)
        self._cancel: Callable[[Job], None] | None = cancel
        self._context: JobContext | None = None
        self._metrics: dict[str, Any] | None = None
        self._trails: Trails | None = None
        self._progress: list[tuple[float | None, str]] = []
        self._environ: dict[str, str] | None = None
        self.demands = NO_DEMANDS
        """What it was submitted with besides its values."""
        self.options = PLAIN
        """What ``submit`` was told; given up when the job is done."""
        self.task: Any = task
        """The submitted configuration; given up when the job is done."""
        self.launcher: Launcher | None = launcher
        """Where it runs; given up when the job has ended."""
        self.holding: Holding | None = None
        """What it holds of what it claims, while it runs."""
        self.dependencies: tuple[Job, ...] = ()
        """Jobs that must be done first; given up when the job is done."""
        self.needs: tuple[str, ...] = ()
        """Their identifiers."""
        self.awaited = 0  # how many of them have not ended
        self.dependents: list[Job] = []
        """Jobs that wait for this one."""
        self.tags = tags
        """The tags of the task, as it was submitted last."""
        self.params: dict[str, Any] = {}
        """The parameters by dotted name, as they go on record."""
        self.program: Program | None = None
        """Its program, as it was when the task was submitted; given up when the job has ended."""
        self.recognised = False
        """Whether it was done before, so that nothing was run for this submission."""
        self.stopping = False
        """Whether it was asked to stop and has not ended yet."""
        self.run: Run | None = None
        """The run that it was submitted in last, whose callbacks wait for it."""
        self.retry_count = 0
        """How often it was run again after its first attempt."""
        self.submitted_at: float | None = time.time()
        """Seconds since the epoch."""
        self.ended_at: float | None = None
        """Seconds since the epoch; None before it has ended."""

    def __dir__(self) -> list[str]:
        """Return what is for users; the rest is for the scheduler."""
        return [name for name in super().__dir__() if name not in _INTERNAL]

    @property
    def live_launcher(self) -> Launcher:
        """Where a job runs that has not ended. Scheduler only."""
        assert self.launcher is not None, f"{self!r} has ended"  # noqa: S101 (a mistake of ours)
        return self.launcher

    @property
    def environ(self) -> dict[str, str]:
        """Environment variables that its process gets besides the kernel's; for submit hooks."""
        if self._environ is None:
            self._environ = {}
        return self._environ

    @property
    def progress(self) -> list[tuple[float | None, str]]:
        """Fraction done (None if unknown) and words for each level, outermost first."""
        context = self._context
        return self._progress if context is None else context.progress

    @property
    def metrics(self) -> dict[str, Any]:
        """The last value of each metric, as far as this kernel knows."""
        context = self._context
        return (self._metrics or {}) if context is None else context.metrics

    @property
    def trails(self) -> Trails:
        """The course of each metric in few points, as far as this kernel knows."""
        context = self._context
        return (self._trails or {}) if context is None else context.trails

    def cancel(self) -> bool:
        """Ask the job to stop, and return at once.

        A job that waits ends as cancelled. In a job that runs, ``TaskCancelled`` is raised; it
        cannot break into a blocking call, and until it ends ``stopping`` is true.

        Returns
        -------
        bool
            False if the job had ended already.
        """
        cancel = self._cancel
        if self.state.is_final or cancel is None:
            return False
        cancel(self)
        return True

    def on_completed(self, callback: Callable[..., object], task: Any) -> None:
        """Call a function once the job is done; what ``task.on_completed`` calls afterwards."""
        if self.run is not None:
            self.run.callbacks.on_completed(self, callback, task)

    def watch_output(self, watcher: tuple[Any, str, Callable[[Any], object]], task: Any) -> None:
        """Call a function with each output; what ``task.watch_output`` calls afterwards."""
        if self.run is not None:
            self.run.watch(self, task, watcher)

    @property
    def submitted_code(self) -> str | None:
        """Hash of its code, for who wants to know when it changes; None for who does not."""
        if self.code is None or self.demands.on_code_change == "ignore":
            return None
        return self.code.digest

    def move(self, state: JobState) -> None:
        """Take the next state. Scheduler only.

        Raises
        ------
        ValueError
            If no job goes from the present state to that one: a mistake of ours.
        """
        if state is not self.state and state != self.state:
            check_move(self.state, state)
        self.state = state

    def begin(self, context: JobContext | None, started_at: float | None) -> None:
        """Take the news that the job runs. Its launcher, or the scheduler, before the end."""
        self._context = context
        self.started_at = started_at
        self.move(JobState.RUNNING)

    def take_record(self, record: JobRecord) -> None:
        """Take what a record tells of a job that runs, or ran, elsewhere. Scheduler only."""
        self.begin(None, record.started or self.started_at)
        self.retry_count = max(0, record.attempts - 1)
        self._metrics = dict(record.metrics)
        self._trails = record.trails
        self._progress = [(each.value, each.description) for each in record.progress or ()]

    def take_view(self, view: LiveView) -> None:
        """Take what a look at a job that runs in another process told. Scheduler only."""
        self.started_at = view.started_at or self.started_at
        self._metrics = dict(view.metrics)
        self._trails = view.trails
        self._progress = list(view.progress)

    def settle(self, state: JobState, message: str = "") -> None:
        """Take the final state, and let go of what only a live job needs. Scheduler only."""
        self._metrics = dict(self.metrics) or None
        self._trails = self.trails or None
        self._progress = []
        self._context = self._cancel = None
        if self.task is not None:
            forget_whole(self.task)
        self.launcher = self.program = None
        self.demands = NO_DEMANDS
        if state is JobState.DONE:  # one that failed may be run again
            self.task = None
            self.options = PLAIN
            self.dependencies = ()
        self.message = message
        self.stopping = False
        self.move(state)
