"""When running jobs are likely to end: from their progress, and from how long others took."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from statistics import median

from xpmnb.notebook.watched import WatchedJob
from xpmnb.records.durations import read_durations_s

# Less than this of a job tells little of the rest.
_TELLING_FRACTION = 0.02
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
        # The fraction that a job had reached, and when it was first seen there.
        self._reached: dict[str, tuple[float, float]] = {}

    def learn(self, job: WatchedJob) -> None:
        """Take how long a job took that has ended."""
        self._reached.pop(job.id, None)
        start, end = job.started_at, job.ended_at
        if job.state.value != "done" or job.recognised or start is None or end is None:
            return
        known = self._known(job)
        took = (job.id, end, max(0.0, end - start))
        if took not in known:  # it may be shown in several panels
            known.append(took)

    def forget(self, key: str) -> None:
        """Let go of a job that no panel shows any more. Any thread."""
        self._reached.pop(key, None)

    def usual_s(self, job: WatchedJob) -> float | None:
        """Return how long jobs of the same task take, in seconds; None where none is known."""
        known = self._known(job)
        return median([seconds for _, _, seconds in known]) if known else None

    def expected_end(self, job: WatchedJob, now: float) -> float | None:
        """Return when a running job is likely to end, in seconds since the epoch.

        Its own progress counts once it tells something; before, and where there is none, the
        median of what other jobs of the task took.

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
        levels = job.progress
        fraction = (levels[0][0] if levels else None) or 0.0
        if fraction >= _TELLING_FRACTION:
            seen, at = self._reached.get(job.id, (0.0, now))
            if seen != fraction:
                at = now
                self._reached[job.id] = (fraction, at)
            return start + (at - start) / fraction
        usual = self.usual_s(job)
        return start + usual if usual is not None and start + usual > now else None

    def _known(self, job: WatchedJob) -> deque[tuple[str, float, float]]:
        folder = os.path.dirname(job.path)  # noqa: PTH120 (a path is made for each row already)
        known = self._durations.get(folder)
        if known is None:
            read = [("", 0.0, seconds) for seconds in self._read(folder)]
            known = self._durations[folder] = deque(read, maxlen=_REMEMBERED)
        return known
