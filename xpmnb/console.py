"""Log lines instead of panels, outside notebooks."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from xpmnb.scheduler.jobs import Job

_logger = logging.getLogger("xpmnb")
_CLOCK = "%H:%M:%S"


class _UnlessConfigured(logging.StreamHandler[TextIO]):
    """Prints lines to standard error, as long as the program has not configured logging."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter("%(asctime)s xpmnb: %(message)s", _CLOCK))

    def emit(self, record: logging.LogRecord) -> None:
        """Print a line."""
        if not logging.getLogger().handlers:
            super().emit(record)

    def write(self, text: str) -> None:
        """Print a line without a record, at a tenth of what that costs. Any thread."""
        line = f"{time.strftime(_CLOCK)} xpmnb: {text}{self.terminator}"
        # Nobody reads it, or it is closed, or there is none.
        with self.lock or nullcontext(), suppress(OSError, ValueError, AttributeError):
            self.stream.write(line)
            self.stream.flush()


def _tell(level: int, words: str, *about: str) -> None:
    """Write a line to the log."""
    if not _logger.isEnabledFor(level):
        return
    terminal = _only_terminal()
    if terminal is None:
        _logger.log(level, words, *about)
    else:
        terminal.write(words % about)


def _only_terminal() -> _UnlessConfigured | None:
    """Return our handler if all that is logged reaches it as it is, and nobody else."""
    if _logger.filters or logging.getLogger().handlers or len(_logger.handlers) != 1:
        return None
    handler = _logger.handlers[0]
    is_ours = type(handler) is _UnlessConfigured and not (handler.level or handler.filters)
    return handler if is_ours else None  # type: ignore[return-value]


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
            _tell(logging.INFO, "%s %s: %s", job.name, job.id[:8], job.note)

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
        short = job.id[:8]
        if job.failure_reason is not None:
            about = job.failure_reason.value, job.message, str(job.place_of_failure)
            _tell(logging.WARNING, "%s %s failed (%s): %s; see %s", job.name, short, *about)
        elif job.state.is_final and job.message:
            _tell(logging.WARNING, "%s %s is done, but: %s", job.name, short, job.message)
        else:
            _tell(logging.INFO, "%s %s is %s", job.name, short, word)

    def flush(self, timeout_s: float) -> None:
        """Do nothing: lines are written at once."""

    def closed(self) -> None:
        """Do nothing: there is no thread."""
