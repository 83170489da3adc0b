"""Hands jobs that are ready to their launchers, as there is room, and tokens are free."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from xpmnb.errors import WorkspaceError
from xpmnb.records.states import FailureReason, JobState
from xpmnb.scheduler.launcher import Outcome
from xpmnb.scheduler.reserving import Reservations
from xpmnb.scheduler.tokens import waiting_words

if TYPE_CHECKING:
    from collections.abc import Callable

    from xpmnb.scheduler.entries import Entry
    from xpmnb.scheduler.runs import Lane

_logger = logging.getLogger("xpmnb")


class Starter:
    """The jobs of a kernel that are ready or running. Messages of the scheduler only.

    Parameters
    ----------
    fail : callable
        Ends a job that cannot be started: told the entry, the reason, and words.
    """

    def __init__(self, fail: Callable[[Entry, FailureReason, str], None]) -> None:
        self._fail = fail
        self._running: set[Entry] = set()
        self._is_stopped = False
        self._reservations = Reservations()

    def __bool__(self) -> bool:
        """Tell whether a job runs, or waits for tokens."""
        return bool(self._running or self._reservations)

    def running(self) -> list[Entry]:
        """Return the jobs whose launcher was told to start them, and that have not finished."""
        return list(self._running)

    def is_running(self, entry: Entry) -> bool:
        """Tell whether a job is among those."""
        return entry in self._running

    def stop(self) -> None:
        """Start nothing more: the process is about to end. Any thread."""
        self._is_stopped = True

    def add(self, entry: Entry) -> None:
        """Let a job that is ready wait for room."""
        entry.lane.queue.append(entry)

    def withdraw(self, entry: Entry) -> None:
        """Let a job wait for tokens no more."""
        self._reservations.give_back(entry)

    def take_back(self, entry: Entry, *, has_ended: bool) -> None:
        """Free what a job had that its launcher is through with."""
        entry.lane.running -= 1
        self._running.discard(entry)
        if self._reservations.give_back(entry, has_ended=has_ended):
            self.start_waiting()

    def fill(self, lane: Lane) -> None:
        """Start what is ready while the lane has room."""
        while lane.queue and lane.running < lane.limit and not self._is_stopped:
            entry = lane.queue.popleft()
            if entry.job.state is JobState.READY:  # not cancelled while it queued
                self._start_if_free(entry)

    def start_waiting(self) -> None:
        """Start the jobs whose tokens have become free."""
        without_room: list[Entry] = []
        for entry in self._reservations.heads():
            if self._is_stopped:
                return
            if entry.lane.running < entry.lane.limit:
                self._start_if_free(entry)
            else:  # who stands in line holds up those behind
                self._reservations.give_back(entry)
                without_room.append(entry)
        for entry in reversed(without_room):  # so that the first in line is the first in the queue
            entry.lane.queue.appendleft(entry)

    def _start_if_free(self, entry: Entry) -> None:
        """Start a job, unless others hold what it needs: then it is tried again."""
        try:
            is_free = self._reservations.take(entry)
        except WorkspaceError as error:
            self._fail(entry, FailureReason.ERROR, str(error))
            return
        if is_free:
            self._start(entry)
        elif not entry.job.message:
            entry.job.message = waiting_words(entry.job.demands.claims)
            entry.changed()

    def _start(self, entry: Entry) -> None:
        """Hand a job to its launcher."""
        entry.lane.running += 1
        self._running.add(entry)
        entry.job.message = ""
        entry.job.move(JobState.SCHEDULED)
        entry.changed()
        try:
            entry.job.live_launcher.start(entry.job, entry)
        except Exception as error:
            # The border around launchers: theirs may be anybody's code.
            _logger.exception("the launcher of %r failed", entry.job)
            message = f"the launcher could not start it: {error!r}"
            state = JobState.error(FailureReason.ERROR)
            entry.finished(Outcome(state, message, None, time.time()))
