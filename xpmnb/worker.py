"""The only code that runs user code: prepare a job directory, execute, record the end.

An :class:`Attempt` runs one job once, in the thread that calls it; launchers decide which thread
or process that is.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xpmnb import ownership, streams
from xpmnb.core.model import Running
from xpmnb.core.objects import instantiate
from xpmnb.core.paths import generate_paths
from xpmnb.document import from_document, to_document
from xpmnb.endings import Ending, ending_of, result_json
from xpmnb.errors import XpmnbError
from xpmnb.interruption import Interrupter
from xpmnb.program import program_text
from xpmnb.records.events import EndMarker, Started
from xpmnb.records.files import PathLock, write_atomic, write_new
from xpmnb.records.journal import JournalWriter
from xpmnb.records.layout import JobLayout, WorkspaceLayout
from xpmnb.records.states import FailureReason, JobState
from xpmnb.runtime import JobContext
from xpmnb.scheduler.launcher import Outcome
from xpmnb.turns import Turn
from xpmnb.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable

from xpmnb.core.paths import GeneratedPaths

HOST = os.uname().nodename if hasattr(os, "uname") else ""
"""The name of this machine, as records show it."""


class Attempt:
    """One try to run a job, in whatever thread calls :meth:`run`.

    Parameters
    ----------
    layout : JobLayout
        The job directory; made if needed.
    task
        The sealed configuration.
    params, tags : dict
        The flat parameters and tags that go on record.
    launcher : str
        The word for where this runs.
    enter : callable
        Makes the job directory the working directory; given its path.

    Notes
    -----
    :meth:`run` is called once. The others may be called by any thread at any time.
    """

    def __init__(
        self,
        layout: JobLayout,
        task: Any,
        params: dict[str, Any],
        tags: dict[str, Any],
        *,
        launcher: str,
        enter: Callable[[str], None],
    ) -> None:
        self.layout = layout
        self._task = task
        self._params = params
        self._tags = tags
        self._launcher = launcher
        self._enter = enter
        self._interrupter = Interrupter()
        self._claim = threading.Lock()
        self._turn = Turn()
        self._started_at: float | None = None

    def cancel(self) -> None:
        """Ask the task to stop: TaskCancelled is raised in its thread."""
        self._interrupter.request()

    def abandon(self) -> None:
        """Record the job as lost, unless it has ended: its process is about to end."""
        if self._started_at is not None and self._claim.acquire(blocking=False):
            ending = Ending(reason=FailureReason.LOST, message="its kernel ended while it ran")
            # Without a marker a reader finds the same by the lock that nobody holds.
            with suppress(OSError):
                self._write_end(ending, time.time())

    def run(
        self,
        begun: Callable[[JobContext, float], None],
        changed: Callable[[], None],
    ) -> Outcome:
        """Run the job to its end.

        Parameters
        ----------
        begun : callable
            Told the context and the time, once the job is this attempt's to run.
        changed : callable
            Told when progress or metrics are new.

        Returns
        -------
        Outcome
            How it ended. Errors of the task are recorded, not raised; an unusable directory is
            an outcome too.
        """
        lock = PathLock(self.layout.lock)
        self._turn.take()
        try:
            fresh = self._make_directory()
            if not lock.acquire():
                return Outcome(None)
            try:
                # Only now: another runner may have come and gone before the lock was ours.
                if not self._make_ready(fresh=fresh):
                    return Outcome(None)
                return self._run_locked(begun, changed)
            finally:
                lock.release()
        except OSError as error:
            message = f"the job directory {self.layout.path} cannot be used: {error}"
            state = JobState.error(FailureReason.ERROR)
            return Outcome(state, message, self._started_at, time.time())
        finally:
            self._turn.give()

    def record_unstarted(self, reason: FailureReason, message: str) -> Outcome:
        """Record that the job failed before it could begin.

        Returns
        -------
        Outcome
            Without a state if another runner has the job, or has done it.
        """
        lock = PathLock(self.layout.lock)
        now = time.time()
        try:
            fresh = self._make_directory()
            if not lock.acquire():
                return Outcome(None)
            try:
                if not self._make_ready(fresh=fresh):
                    return Outcome(None)
                self._prepare()
                return self._write_end(Ending(reason=reason, message=message), now)
            finally:
                lock.release()
        except OSError as error:
            return Outcome(JobState.error(reason), f"{message} ({error})", None, now)

    def _make_directory(self) -> bool:
        """Make the job directory, as others may do at the same time; tell whether it is new."""
        path, hidden = self.layout.path, self.layout.hidden
        try:
            os.mkdir(path)  # noqa: PTH102 (the hot path of every job)
            os.mkdir(hidden)  # noqa: PTH102
        except (FileExistsError, FileNotFoundError):
            os.makedirs(hidden, exist_ok=True)  # noqa: PTH103
            return False
        return True

    def _make_ready(self, *, fresh: bool) -> bool:
        """Empty the locked directory for a new attempt; tell whether one is needed."""
        if fresh and not os.path.exists(self.layout.params):  # noqa: PTH110 (a str; hot)
            return True
        if os.path.exists(self.layout.done):  # noqa: PTH110
            return False
        empty_directory(self.layout)
        return True

    def _prepare(self) -> GeneratedPaths:
        """Write what is known before the job runs, in a directory that is empty."""
        paths = generate_paths(self._task, self.layout.path, self.layout.workspace.partials)
        write_new(self.layout.script, program_text(self._task))
        record = {
            "format": 1,
            "xpmnb": __version__,
            "task": self.layout.task,
            "identifier": self.layout.identifier,
            "params": self._params,
            "tags": self._tags,
            "document": to_document(self._task, paths),
        }
        write_new(self.layout.params, json.dumps(record).encode())
        return paths

    def _run_locked(
        self, begun: Callable[[JobContext, float], None], changed: Callable[[], None]
    ) -> Outcome:
        paths = self._prepare()
        journal = JournalWriter(self.layout.events)
        stdout = streams.JobStream(self.layout.stdout)
        stderr = streams.JobStream(self.layout.stderr)
        context = JobContext(journal, 1, stdout, stderr, changed)
        self._started_at = started_at = time.time()
        try:
            context.write(Started(started_at, 1, self._launcher, os.getpid(), HOST))
            begun(context, started_at)
            self._turn.give()  # the task's own code needs none
            ending = self._execute(context, paths)
            self._turn.take()
            if ending.traceback:
                stderr.write(ending.traceback)
            result, refusal = self._keep_result(context, ending.value)
            if refusal:
                ending = replace(ending, message=refusal)
            if not self._claim.acquire(blocking=False):  # the process is ending: recorded as lost
                return Outcome(JobState.error(FailureReason.LOST), "its kernel ended while it ran")
            return self._write_end(ending, time.time(), result)
        finally:
            stdout.close()
            stderr.close()
            journal.close()

    def _execute(self, context: JobContext, paths: GeneratedPaths) -> Ending:
        """Run the task's own code; the first of the three borders where all errors are caught."""
        ownership.bind(context)
        interrupter = self._interrupter
        try:
            try:
                for path in paths.values():
                    path.parent.mkdir(parents=True, exist_ok=True)
                self._enter(self.layout.path)
                interrupter.open()
                instance = instantiate(self._task, paths)
                instance.__dict__["__xpm_running__"] = Running(self.layout.path, dict(self._tags))
                value = instance.execute()
            finally:
                interrupter.close()
                ownership.bind(None)
                streams.restore_umask()
        except BaseException as error:  # noqa: BLE001 (user code may raise anything)
            # Once more: a request can reach the thread between `finally` and the call after it.
            interrupter.close()
            ownership.bind(None)
            streams.restore_umask()
            return ending_of(error)
        if interrupter.requested:
            message = "the job was asked to stop, and went on to its end"
            return Ending(reason=FailureReason.CANCELLED, message=message)
        return Ending(value)

    def _keep_result(self, context: JobContext, value: Any) -> tuple[Any, str]:
        """Write the returned value, if it is JSON.

        Returns
        -------
        result
            The value as JSON gives it back.
        refusal : str
            Why it was not kept; empty if it was.
        """
        if value is None:
            return None, ""
        try:
            data = result_json(value)
        except Exception as error:  # noqa: BLE001 (user code: the value's own methods)
            kind = type(value).__qualname__
            refusal = (
                f"execute() returned {kind}, which is not kept as the result: {error}. Return "
                "JSON values (numbers, strings, lists, dicts), and save others to a file."
            )
            context.add_notice(refusal)
            return None, refusal
        write_new(self.layout.result, data)
        return json.loads(data), ""

    def _write_end(self, ending: Ending, ended_at: float, result: Any = None) -> Outcome:
        """Write the end marker: the one fact of how the job ended."""
        attempt = int(self._started_at is not None)
        failed = ending.reason is not None
        marker = EndMarker(
            "error" if failed else "done",
            ending.reason,
            ending.message or None,
            ending.traceback or None,
            self._started_at,
            ended_at,
            ending.exit_code,
            attempt,
        )
        path = self.layout.failed if failed else self.layout.done
        write_atomic(path, json.dumps(marker.to_json()).encode())
        state = JobState.DONE if ending.reason is None else JobState.error(ending.reason)
        mtime = os.stat(path).st_mtime_ns  # noqa: PTH116 (a str; hot)
        return Outcome(state, ending.message, self._started_at, ended_at, attempt, mtime, result)


def empty_directory(layout: JobLayout) -> None:
    """Move what an earlier attempt left in a job directory to the trash of the workspace.

    The lock file stays: whoever calls this holds the lock on it.

    Raises
    ------
    OSError
        If something cannot be moved.
    """
    trash = _trash_of(layout)
    for folder, keep in ((layout.path, "__xpm__"), (layout.hidden, "lock")):
        for name in os.listdir(folder):  # noqa: PTH208
            if name != keep:
                target = trash if folder == layout.path else trash / "__xpm__"
                target.mkdir(parents=True, exist_ok=True)
                os.rename(f"{folder}/{name}", target / name)  # noqa: PTH104


def _trash_of(layout: JobLayout) -> Path:
    """Return a new folder in the trash; its name tells job and time."""
    root = Path(layout.path).parents[2]
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
    name = f"{layout.identifier}-{stamp}-{time.time_ns() % 1_000_000_000:09d}"
    return Path(WorkspaceLayout(root).trash) / layout.task / name


def main(program: str) -> int:
    """Run the job whose ``[NAME].py`` is executed; the exit code is 0 if it is done.

    Parameters
    ----------
    program : str
        The path of that file.
    """
    layout = JobLayout(str(Path(program).absolute().parent))
    if Path(layout.done).exists():
        print(f"{layout.name} is done already: {layout.path}")
        return 0
    try:
        record = json.loads(Path(layout.params).read_bytes())
        task = from_document(record["document"])
    except (OSError, ValueError, XpmnbError) as error:
        print(f"{layout.name} cannot be run: {error}", file=sys.stderr)
        return 1
    attempt = Attempt(
        layout, task, record["params"], record["tags"], launcher="shell", enter=os.chdir
    )
    streams.install()
    try:
        outcome = attempt.run(lambda _context, _time: None, lambda: None)
    finally:
        streams.uninstall()
    if outcome.state is None:
        print(f"{layout.name} is being run by another process: {layout.path}", file=sys.stderr)
        return 1
    print(f"{layout.name}: {outcome.state.value} {outcome.message}".rstrip())
    return 0 if outcome.state is JobState.DONE else 1
