"""What a person asks for with the buttons of a panel, carried out, and what came of it in words.

The words stand in the panel for some seconds. Nothing here waits for a job.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from xpmnb.markup import shown
from xpmnb.notebook.values import value_text
from xpmnb.notebook.watched import WatchedJob

_log = logging.getLogger("xpmnb")

ACTIONS = frozenset(("stop", "retry", "stop-all", "retry-failed"))

CLOSED = "The experiment is closed: to run jobs again, open it again and submit them."
"""What is said where a closed run has no button any more."""

_TEXT_LIMIT = 300
# Whoever ends a run waits no longer for a click: hooks of a submission are code of the user.
_CLOSE_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Saying:
    """What came of an action. Immutable; any thread."""

    text: str
    tone: str = "info"
    """``info``, or ``failed``."""


def carry_out(action: str, keys: Sequence[str], jobs: Iterable[WatchedJob]) -> Saying:
    """Do what a person asks for.

    Parameters
    ----------
    action : str
        One of `ACTIONS`.
    keys : sequence of str
        The jobs that it is for; those with ``all`` and ``failed`` need none.
    jobs : iterable of WatchedJob
        The handles that the panel has: of jobs that have not ended, or have failed.
    """
    known = list(jobs)
    if action in ("stop", "retry"):
        wanted = set(keys)
        known = [job for job in known if job.id in wanted]
    if action.startswith("stop"):
        return _stop(known)
    return _retry(known, missing=action == "retry" and not known)


def _stop(jobs: list[WatchedJob]) -> Saying:
    # The newest first: what waits for another ends as cancelled, before the other dooms it.
    asked = [job for job in reversed(jobs) if not job.state.is_final and job.cancel() is not False]
    if not asked:
        return Saying("Nothing to stop: they have ended already.")
    return Saying(f"Asked {_count(len(asked))} to stop.")


def _retry(jobs: list[WatchedJob], *, missing: bool) -> Saying:
    submitted, refused = 0, ""
    for job in jobs:
        if not job.can_retry:
            continue
        try:
            job.retry()
            submitted += 1
        except (Exception, SystemExit) as error:  # noqa: BLE001 - user code: hooks, task_outputs
            why = value_text(error, _TEXT_LIMIT) or type(error).__name__
            refused = f"{job.name} was not run again: {why}"
            _log.warning("%s %s was not run again", job.name, job.id[:8], exc_info=error)
    if refused:
        done = f"{_count(submitted)} submitted again. " if submitted else ""
        return Saying(shown(f"{done}{refused}", _TEXT_LIMIT), "failed")
    if missing:
        return Saying("It cannot be run again from here: run the cell that submits it.", "failed")
    if not submitted:
        return Saying("Nothing to run again: none of them has failed.")
    return Saying(f"{_count(submitted)} submitted again.".capitalize())


def _count(number: int) -> str:
    return "1 job" if number == 1 else f"{number:,} jobs"


class CommandThread:
    """Carries out one command after the other, in a thread that lives while there are any.

    The thread that brings a click may be the kernel's own: it must not wait for a disk.

    Threads: any; the last command is waited for by `close`, for some seconds.

    Parameters
    ----------
    name : str
        The name of the thread.
    """

    def __init__(self, name: str = "xpmnb-clicks") -> None:
        self._name = name
        self._commands: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = False

    def add(self, command: Callable[[], None]) -> bool:
        """Carry out a command soon; none, and false, after `close`."""
        with self._lock:
            if self._closed:
                return False
            self._commands.put(command)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
            return True

    def close(self) -> None:
        """Take no more commands, and wait for those that were taken, but not for ever."""
        with self._lock:
            self._closed = True
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(_CLOSE_TIMEOUT_S)

    def _run(self) -> None:
        while True:
            with self._lock:
                if self._commands.empty():
                    self._thread = None
                    return
            try:
                self._commands.get()()
            except BaseException:  # noqa: BLE001 - the border of panels: the next click is heard
                _log.exception("what was asked for in a panel failed")
