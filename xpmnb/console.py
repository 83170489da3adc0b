"""Log lines instead of panels, outside notebooks."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from xpmnb.scheduler.jobs import Job

_logger = logging.getLogger("xpmnb")


class _UnlessConfigured(logging.StreamHandler[TextIO]):
    """Prints lines to standard error, as long as the program has not configured logging."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter("%(asctime)s xpmnb: %(message)s", "%H:%M:%S"))

    def emit(self, record: logging.LogRecord) -> None:
        """Print a line."""
        if not logging.getLogger().handlers:
            super().emit(record)


class ConsoleObserver:
    """Writes a line to the log ``xpmnb`` when a job starts, ends, or fails. Any thread.

    Lines about starts and good ends are of level INFO, failures of level WARNING. A program that
    configures logging decides what becomes of them; in one that does not, they are printed to
    standard error. ``logging.getLogger("xpmnb").setLevel("WARNING")`` leaves the failures.
    """

    def __init__(self) -> None:
        if not _logger.handlers:
            _logger.addHandler(_UnlessConfigured())
            if _logger.level == logging.NOTSET:
                _logger.setLevel(logging.INFO)
        self._told: dict[str, str] = {}
        self._lock = threading.Lock()

    def submitted(self, job: Job) -> None:
        """Say where its result is likely to be, if that is another place; states come later."""
        if job.note:
            _logger.info("%s %s: %s", job.name, job.id[:8], job.note)

    def changed(self, job: Job) -> None:
        """Write a line if the state is new."""
        word = job.state.value
        if word not in ("running", "done", "error"):
            return
        if word != "error" and not job.message and not _logger.isEnabledFor(logging.INFO):
            return  # who wants to see failures alone pays nothing for the others
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
