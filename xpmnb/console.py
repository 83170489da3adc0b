"""Log lines instead of panels, outside notebooks."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xpmnb.scheduler.jobs import Job

_logger = logging.getLogger("xpmnb")


class ConsoleObserver:
    """Writes a line to the log ``xpmnb`` when a job starts, ends, or fails. Any thread.

    Lines about starts and good ends are of level INFO, failures of level WARNING, which Python
    prints to standard error when nothing was configured.
    """

    def __init__(self) -> None:
        self._told: dict[str, str] = {}
        self._lock = threading.Lock()

    def submitted(self, job: Job) -> None:
        """Say nothing: the next state will."""

    def changed(self, job: Job) -> None:
        """Write a line if the state is new."""
        word = job.state.value
        if word not in ("running", "done", "error"):
            return
        with self._lock:
            if self._told.get(job.id) == word:
                return
            if job.state.is_final:
                self._told.pop(job.id, None)
            else:
                self._told[job.id] = word
        label = f"{job.name} {job.id[:8]}"
        if job.failure_reason is not None:
            reason = job.failure_reason.value
            place = job.place_of_failure
            _logger.warning("%s failed (%s): %s; see %s", label, reason, job.message, place)
        elif job.state.is_final and job.message:
            _logger.warning("%s is done, but: %s", label, job.message)
        else:
            _logger.info("%s is %s", label, word)

    def flush(self, timeout_s: float) -> None:
        """Do nothing: lines are written at once."""

    def closed(self) -> None:
        """Do nothing: there is no thread."""
