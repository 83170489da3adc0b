"""When running jobs are likely to end: from their progress, and from how long others took."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from statistics import median

from xpmnb.notebook.pace import Pace, followed
from xpmnb.notebook.watched import WatchedJob, fraction_of
from xpmnb.records.durations import read_durations_s

_REMEMBERED = 50


class Outlook:
    """Expects the ends of jobs. One thread: the painter of panels.

    Parameters
    ----------
    read : callable
        Returns seconds that jobs in a folder took; asked once for each folder.
    """

    def __init__(self, read: Callable[[str], list[float]] = read_durations_s) -> None:
        self._read = read
        # By folder: when each job ended and how long it took; which job, of those seen here.
        self._durations: dict[str, deque[tuple[str, float, float]]] = {}
        # When the attempt of a job began, and what its progress told since.
        self._paces: dict[str, tuple[float, Pace]] = {}

    def learn(self, job: WatchedJob) -> None:
        """Take how long a job took that has ended."""
        self._paces.pop(job.id, None)
        start, end = job.started_at, job.ended_at
        if job.state.value != "done" or job.recognised or start is None or end is None:
            return
        known = self._known(job)
        took = (job.id, end, max(0.0, end - start))
        if took not in known:  # it may be shown in several panels
            known.append(took)

    def forget(self, key: str) -> None:
        """Let go of a job that no panel shows any more. Any thread."""
        self._paces.pop(key, None)

    def usual_s(self, job: WatchedJob) -> float | None:
        """Return how long jobs of the same task take, in seconds; None where none is known."""
        known = self._known(job)
        return median([seconds for _, _, seconds in known]) if known else None

    def expected_end(self, job: WatchedJob, now: float) -> float | None:
        """Return when a running job is likely to end, in seconds since the epoch.

        Its own progress counts once it tells something; before, and where there is none, the
        median of what other jobs of the task took. From the one to the other it goes by degrees.

        Parameters
        ----------
        job : WatchedJob
            The job.
        now : float
            The present, in seconds since the epoch.

        Returns
        -------
        float or None
            None where nothing is known, or it takes longer than all that is known.
        """
        start = job.started_at
        if job.state.value != "running" or start is None:
            return None
        usual = self.usual_s(job)
        usual_end = None if usual is None else start + usual
        end = self._own_end(job, start, now, usual_end)
        if end is not None:
            return end
        return usual_end if usual_end is not None and usual_end > now else None

    def _own_end(
        self, job: WatchedJob, start: float, now: float, usual_end: float | None
    ) -> float | None:
        """Return when a job ends by its own progress; None as long as that tells too little."""
        levels = job.progress
        fraction = fraction_of(levels[0][0]) if levels else None
        begun, pace = self._paces.get(job.id, (start, Pace(start)))
        if fraction is None:
            return None
        if begun != start:  # another attempt
            pace = Pace(start)
        pace = followed(pace, fraction, now, usual_end)
        self._paces[job.id] = (start, pace)
        return pace.end

    def _known(self, job: WatchedJob) -> deque[tuple[str, float, float]]:
        folder = os.path.dirname(job.path)  # noqa: PTH120 (a path is made for each row already)
        known = self._durations.get(folder)
        if known is None:
            read = [("", 0.0, seconds) for seconds in self._read(folder)]
            known = self._durations[folder] = deque(read, maxlen=_REMEMBERED)
        return known
