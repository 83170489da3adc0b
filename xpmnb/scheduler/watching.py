"""Looks, a few times a second, at jobs that run in other processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xpmnb.endings import Ending
from xpmnb.records.states import FailureReason
from xpmnb.scheduler.elsewhere import Sight, look_at
from xpmnb.scheduler.live import LiveView
from xpmnb.scheduler.stopping import ask_to_stop, read_stop_request

if TYPE_CHECKING:
    from collections.abc import Callable

    from xpmnb.scheduler.entries import Entry
    from xpmnb.scheduler.stopping import Stopping

# Up to so many jobs of other processes are shown with progress: each look reads their journals.
_SHOWN_LIVE = 50


class Watcher:
    """The jobs of a kernel that run in other processes. Messages of the scheduler only.

    Some were started by this kernel: their launcher tells their end, and only their progress is
    read. The others have another runner: their end is seen on disk.

    Parameters
    ----------
    ended : callable
        Told an entry whose job has an end marker.
    abandoned : callable
        Told an entry whose runner is gone and left no end; and how it ended, where that is
        known: it was asked to stop.
    """

    def __init__(
        self, ended: Callable[[Entry], None], abandoned: Callable[[Entry, Ending | None], None]
    ) -> None:
        self._ended = ended
        self._abandoned = abandoned
        self._own: dict[Entry, LiveView] = {}
        self._foreign: dict[Entry, LiveView] = {}
        self._stopping: dict[Entry, Stopping] = {}

    def __bool__(self) -> bool:
        """Tell whether there is anything to look at."""
        return bool(self._own or self._foreign)

    def follow(self, entry: Entry) -> None:
        """Read the progress of a job until :meth:`let_go`."""
        self._own[entry] = LiveView(entry.job.layout)

    def watch(self, entry: Entry) -> None:
        """Look for the end of a job that has another runner."""
        self._own.pop(entry, None)
        self._foreign[entry] = LiveView(entry.job.layout)

    def let_go(self, entry: Entry) -> None:
        """Look at a job for the last time: what it wrote since the last look counts, too."""
        view = self._own.get(entry)
        if view is not None and view.update():
            entry.job.take_view(view)
        self.forget(entry)

    def forget(self, entry: Entry) -> None:
        """Look at a job no more."""
        self._own.pop(entry, None)
        self._foreign.pop(entry, None)
        self._stopping.pop(entry, None)

    def is_foreign(self, entry: Entry) -> bool:
        """Tell whether another runner has the job."""
        return entry in self._foreign

    def stop(self, entry: Entry) -> str:
        """Ask the runner of a job to stop it; return, in words, what was done."""
        stopping = ask_to_stop(entry.job.layout)
        self._stopping[entry] = stopping
        return stopping.words

    def look(self) -> None:
        """Look at all of them."""
        for entry in list(self._foreign):
            if entry in self._foreign:  # not ended meanwhile, as what follows from another's end
                self._look_for_end(entry)
        shown = [*self._own.items(), *self._foreign.items()]
        for entry, view in shown[:_SHOWN_LIVE]:
            if view.update():
                entry.job.take_view(view)
                if entry in self._foreign:
                    entry.job.retry_count = max(0, view.attempt - 1)
                entry.changed()

    def _look_for_end(self, entry: Entry) -> None:
        try:
            sight = look_at(entry.job.layout)
        except OSError:  # no descriptor left, a file system away: look again later
            return
        stopping = self._stopping.get(entry)
        if stopping is not None and sight is Sight.RUNNING:
            stopping.kill_if_due()
            return
        if sight is Sight.RUNNING:
            return
        death = None if stopping is None else stopping.death
        self.forget(entry)
        if sight is Sight.ENDED:
            self._ended(entry)
            return
        request = read_stop_request(entry.job.layout)
        if death is None and request is not None:
            message = f"it was stopped by {request.by}"
            death = Ending(reason=FailureReason.CANCELLED, message=message)
        self._abandoned(entry, death)
