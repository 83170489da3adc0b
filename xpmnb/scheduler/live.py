"""What a job of another process reports while it runs, followed in its journal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xpmnb.records.following import JournalFollower
from xpmnb.records.job_events import (
    AttemptEnded,
    Event,
    Metrics,
    Notice,
    Progress,
    Scalar,
    Started,
    event_from_json,
)
from xpmnb.trails import Trails, follow

if TYPE_CHECKING:
    from xpmnb.records.layout import JobLayout

# Deeper ones are no loops of a task, but damage.
_MAX_LEVELS = 100


class LiveView:
    """The newest of what a job that runs elsewhere wrote into its journal.

    One thread updates it. Its lists and dictionaries are replaced, never changed, so that others
    may read them meanwhile.

    Parameters
    ----------
    layout : JobLayout
        The job; its directory may appear later.
    """

    __slots__ = (
        "_follower",
        "_restarts",
        "ended",
        "metrics",
        "notices",
        "progress",
        "started",
        "steps",
        "trails",
    )

    def __init__(self, layout: JobLayout) -> None:
        self._follower = JournalFollower(layout.events)
        self._restarts = 0
        self.started: Started | None = None
        """How the last attempt began: when, where, in which process; None before."""
        self.ended: AttemptEnded | None = None
        """How the last attempt ended, if another one is due."""
        self.progress: list[tuple[float | None, str]] = []
        """Newest progress of each level of the last attempt: fraction done (None if unknown) and
        words."""
        self.metrics: dict[str, Scalar] = {}
        """Last value of each metric."""
        self.trails: Trails = {}
        """The course of each metric; changed in place, as one reads it for a glance only."""
        self.steps: dict[str, int] = {}
        """The step of the last value of each metric that has one."""
        self.notices: list[str] = []
        """What a person should know, of the last attempt."""

    @property
    def started_at(self) -> float | None:
        """Start of the last attempt, in seconds since the epoch; None before it."""
        return None if self.started is None else self.started.time

    @property
    def attempt(self) -> int:
        """Number of the last attempt, from 1; 0 before the first."""
        return 0 if self.started is None else self.started.attempt

    def update(self) -> bool:
        """Read what was written since the last call; never raises.

        Returns
        -------
        bool
            True if something is new.
        """
        entries = self._follower.read_new()
        is_another = self._follower.restarts != self._restarts
        if is_another:
            self._restarts = self._follower.restarts
            self._forget()
        if not entries:
            return is_another
        self.progress = list(self.progress)
        self.metrics = dict(self.metrics)
        self.steps = dict(self.steps)
        self.notices = list(self.notices)
        for entry in entries:
            event = event_from_json(entry)
            if event is not None:
                self._take(event)
        return True

    def _forget(self) -> None:
        """Begin anew: the job was run again from an empty directory."""
        self.started = self.ended = None
        self.progress, self.metrics, self.steps, self.notices = [], {}, {}, []
        self.trails = {}

    def _take(self, event: Event) -> None:
        if isinstance(event, Progress):
            self._take_progress(event)
        elif isinstance(event, Metrics):
            self.metrics.update(event.values)
            follow(self.trails, event.values)
            if event.step is not None:
                self.steps.update(dict.fromkeys(event.values, event.step))
        elif isinstance(event, Notice):
            self.notices.append(event.text)
        elif isinstance(event, Started):
            self.started, self.ended = event, None
            self.progress, self.notices = [], []
        else:
            self.ended = event

    def _take_progress(self, event: Progress) -> None:
        """Take the newest progress of a level; deeper levels end, as in ``runtime.py``."""
        if 0 <= event.level < _MAX_LEVELS:
            above = self.progress[: event.level]
            unknown: list[tuple[float | None, str]] = [(None, "")] * (event.level - len(above))
            self.progress = [*above, *unknown, (event.value, event.description)]
