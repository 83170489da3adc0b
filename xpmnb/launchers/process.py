"""Runs each job in a process of its own, which outlives the kernel.

How processes come to be is for ``nursery.py`` and ``interpreters.py``; here, jobs meet them.
"""

from __future__ import annotations

import importlib.util
import itertools
import json
import logging
import math
import os
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from numbers import Real
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from xpmnb.conclusion import record_death
from xpmnb.errors import ExportError, LauncherError
from xpmnb.launchers.deaths import explain
from xpmnb.launchers.interpreters import Interpreters
from xpmnb.launchers.nursery import Nursery, Order
from xpmnb.records.files import read_bytes
from xpmnb.records.states import FailureReason, JobState
from xpmnb.scheduler.launcher import Outcome
from xpmnb.work import request_of, terms_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from xpmnb.endings import Ending
    from xpmnb.records.layout import JobLayout
    from xpmnb.scheduler.jobs import Job
    from xpmnb.scheduler.launcher import Listener
    from xpmnb.scheduler.requests import JobRequest, Terms

_logger = logging.getLogger("xpmnb")

_RESULT_LIMIT_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class JobSide:
    """What a launcher is told by those who know what a job is. Immutable."""

    entry: str
    """What a process calls, ``"module:function"``, with the request and a way to report."""
    request_of: Callable[[Job, str, float], JobRequest]
    """Given the job, the launcher's word and the grace in seconds: what its process is told."""
    locks_of: Callable[[Job], Sequence[int]]
    """Descriptors that the process holds for as long as it lives."""
    record_death: Callable[[JobLayout, Ending, Terms, float], Outcome]
    """Records what a process died of, if it did not record the end of the job itself."""


def _request_of(job: Job, launcher: str, grace_s: float) -> JobRequest:
    return request_of(job, terms_of(job, launcher, grace_s))


def _locks_of(job: Job) -> Sequence[int]:
    return job.holding.fds() if job.holding is not None else ()


@dataclass(slots=True, eq=False)
class _Running:
    """A job that was started, and who wants to hear of it."""

    job: Job
    layout: JobLayout
    listener: Listener
    terms: Terms
    home: _Home
    asked_at: float
    has_begun: bool = False


class _Home(Protocol):
    """Where processes come from."""

    def start(self, order: Order) -> bool: ...

    def stop(self, key: int, grace_s: float) -> None: ...

    def close(self) -> None: ...


class ProcessLauncher:
    """Runs each job in a process of its own, which outlives the kernel.

    Processes are forked from a small server that has imported what every job needs, so that they
    start in milliseconds. The server is started with the first job, and ends with the last
    :meth:`close` or with the kernel; processes go on.

    Parameters
    ----------
    preload : sequence of str
        Modules that the server imports, once for all jobs: ``["torch"]``.
    grace_s : float
        Seconds between the request to stop (SIGTERM) and the kill; 10 by default.
    fork : bool, optional
        False for a fresh interpreter for each job, without the server: slower, for libraries
        that do not bear a fork. By default, processes are forked where the system can do that.

    Raises
    ------
    ValueError
        If the grace is negative or without end, or modules are to be preloaded and nothing is
        forked.
    TypeError
        If the modules are no names, the grace is no number, or ``fork`` is no bool.

    Notes
    -----
    Any thread. News are told in the thread ``xpmnb-processes``, which ends with the server.
    """

    name = "process"
    side: ClassVar[JobSide] = JobSide(
        "xpmnb.job_process:run_job", _request_of, _locks_of, record_death
    )

    def __init__(
        self, *, preload: Sequence[str] = (), grace_s: float = 10.0, fork: bool | None = None
    ) -> None:
        self._preload = _checked_modules(preload)
        _check_grace(grace_s)
        if fork is not None and type(fork) is not bool:
            raise TypeError(f"ProcessLauncher(fork={fork!r}): give True or False, or leave it out")
        self._grace_s = grace_s
        self._fork = fork
        self._forks = hasattr(os, "fork") if fork is None else fork
        if self._forks and not hasattr(os, "fork"):
            raise ValueError("this system cannot fork: leave fork=True out")
        if fork is False and preload:
            raise ValueError(
                "preload imports modules into the server that processes are forked from; with "
                "fork=False there is none: leave one of the two out"
            )
        self._lock = threading.Lock()
        self._users = 0
        self._home: _Home | None = None
        self._keys = itertools.count(1)
        self._running: dict[int, _Running] = {}
        self._key_of: dict[Job, int] = {}

    def __repr__(self) -> str:
        """Return the call that makes this object."""
        words = []
        if self._preload:
            words.append(f"preload={list(self._preload)!r}")
        if self._grace_s != 10.0:  # noqa: PLR2004 (the default)
            words.append(f"grace_s={self._grace_s!r}")
        if self._fork is not None:
            words.append(f"fork={self._fork!r}")
        return f"ProcessLauncher({', '.join(words)})"

    def open(self) -> None:
        """Prepare for jobs; the server is started with the first of them.

        Raises
        ------
        LauncherError
            If a module to preload does not exist.
        """
        for module in self._preload:
            _check_module(module)
        with self._lock:
            self._users += 1

    def close(self) -> None:
        """End the server, with the last user; processes that still run go on."""
        with self._lock:
            self._users = max(0, self._users - 1)
            home = None if self._users else self._home
            if home is not None:
                self._home = None
        if home is not None:
            home.close()

    def check(self, job: Job) -> None:
        """Refuse a job whose classes cannot be given to another process.

        Raises
        ------
        ExportError
            If a class that was declared in a cell uses what cannot be written as source.
        """
        problems = job.program.problems if job.program is not None else ()
        if problems:
            raise ExportError("\n".join([f"{job.name} cannot run in a process:", *problems]))

    def start(self, job: Job, listener: Listener) -> None:
        """Run a job in a process, and return.

        Raises
        ------
        LauncherError
            If this interpreter does not know how to start another.
        """
        request = self.side.request_of(job, self.name, self._grace_s)
        terms = request.terms
        limit_s = None if terms.walltime_s is None else terms.walltime_s + self._grace_s
        key = next(self._keys)
        order = Order(
            key,
            request.to_bytes(),
            request.environ,
            limit_s,
            self._grace_s,
            tuple(self.side.locks_of(job)),
        )
        is_started = False
        while not is_started:
            home = self._open_home()
            with self._lock:
                self._running[key] = _Running(job, job.layout, listener, terms, home, time.time())
                self._key_of[job] = key
            try:
                is_started = home.start(order)
            except BaseException:
                self._take(key)
                raise
            if not is_started:
                with self._lock:
                    if self._home is home:
                        self._home = None
                if self._take(key) is None:
                    return  # its end was told already, with the end of its home

    def cancel(self, job: Job) -> None:
        """Ask the process of a job to end; after the grace it is killed."""
        with self._lock:
            key = self._key_of.get(job)
            running = self._running.get(key) if key is not None else None
        if key is not None and running is not None:
            running.home.stop(key, self._grace_s)

    def abandon(self) -> None:
        """Do nothing to the jobs, which outlive this process; end the server."""
        with self._lock:
            self._running.clear()
            self._key_of.clear()
            home, self._home = self._home, None
        if home is not None:
            home.close()

    def heard(self, report: dict[str, Any]) -> None:
        """Take a report of a process."""
        key, event = report.get("key"), report["event"]
        running = self._running.get(key) if isinstance(key, int) else None
        if key is None or running is None:  # it ended before
            return
        try:
            if event == "begun":
                running.has_begun = True
                running.listener.begun(None, report["time"])
            elif event == "ended":
                self._finish(key, _outcome_of(report, running.layout))
            elif event == "exited":
                self._finish(key, self._record_death(running, report))
            elif event == "refused":
                message = f"the system refused its process: {report['message']}"
                self._finish(key, _failure(message))
        except Exception as error:
            # The border around launchers: whatever it was, the job must come to an end.
            _logger.exception("xpmnb could not take a report of %r", running.job)
            self._finish(key, _failure(f"xpmnb could not read what its process said: {error!r}"))

    def ended(self, nursery: object, problem: str) -> None:
        """Take the news that nothing more will be heard from a home of processes."""
        with self._lock:
            if self._home is nursery:
                self._home = None
            left = [key for key, each in self._running.items() if each.home is nursery]
        for key in left:
            # Their processes may run: whoever watches the job's lock will see.
            self._finish(key, _failure(problem) if problem else Outcome(None))

    def _open_home(self) -> _Home:
        """Return where processes come from, made if needed."""
        with self._lock:
            if self._home is None:
                if self._forks:
                    self._home = Nursery(self.side.entry, self._preload, self)
                else:
                    self._home = Interpreters(self.side.entry, self)
            return self._home

    def _take(self, key: int) -> _Running | None:
        """Take a running job out; None if somebody has done so."""
        with self._lock:
            running = self._running.pop(key, None)
            if running is not None and self._key_of.get(running.job) == key:
                del self._key_of[running.job]
            return running

    def _finish(self, key: int, outcome: Outcome) -> None:
        """Tell the end of a job, once."""
        running = self._take(key)
        if running is None:
            return
        try:
            running.listener.finished(outcome)
        except Exception:
            _logger.exception("what follows from the end of %r failed", running.job)

    def _record_death(self, running: _Running, report: dict[str, Any]) -> Outcome:
        """Record the end of a job whose process is gone, if it did not do so itself."""
        ending = explain(
            report["code"],
            asked=report["asked"],
            waited_s=report["waited_s"],
            oom=report["oom"],
            memory_bytes=report["memory_bytes"],
        )
        if not running.has_begun and report.get("log"):
            ending = replace(ending, message=ending.message + report["log"])
        return self.side.record_death(running.layout, ending, running.terms, running.asked_at)


def _failure(message: str) -> Outcome:
    return Outcome(JobState.error(FailureReason.ERROR), message, None, time.time())


def _outcome_of(report: dict[str, Any], layout: JobLayout) -> Outcome:
    """Return the outcome that a process reported, with what was too large for a report."""
    outcome = Outcome.from_json(report["outcome"])
    if report.get("truncated") and outcome.state == JobState.DONE:
        try:
            data = read_bytes(layout.result, limit_bytes=_RESULT_LIMIT_BYTES)
        except FileNotFoundError:
            return outcome
        except OSError as error:
            _logger.warning("the result of %s cannot be read: %s", layout.path, error)
            return outcome
        return replace(outcome, result=json.loads(data))
    return outcome


def _checked_modules(preload: Sequence[str]) -> tuple[str, ...]:
    """Return the names of modules; refuse what is no sequence of names."""
    expected = 'give a list with the names of modules, ["torch"]'
    if isinstance(preload, str):
        raise ValueError(  # noqa: TRY004 (a str is a sequence of str)
            f"ProcessLauncher(preload={preload!r}): give a list with the name, [{preload!r}]"
        )
    if not isinstance(preload, Iterable):
        raise TypeError(f"ProcessLauncher(preload={preload!r}): {expected}")
    modules = tuple(preload)
    for module in modules:
        if not isinstance(module, str):
            raise TypeError(f"ProcessLauncher(preload=...) has {module!r} in it: {expected}")
    return modules


def _check_grace(grace_s: float) -> None:
    message = f"ProcessLauncher(grace_s={grace_s!r}): give a number of seconds, not negative"
    if not isinstance(grace_s, Real) or isinstance(grace_s, bool):
        raise TypeError(message)
    if not 0 <= grace_s < math.inf:
        raise ValueError(message)


def _check_module(name: str) -> None:
    """Refuse to preload what does not exist.

    Only the first part of the name is looked for: finding the rest would import it here.
    """
    top = name.partition(".")[0]
    try:
        is_there = importlib.util.find_spec(top) is not None
    except (ImportError, ValueError):
        is_there = False
    if not is_there:
        raise LauncherError(
            f"the module {name!r} cannot be preloaded: Python finds no {top!r}; correct "
            "ProcessLauncher(preload=...), or install it"
        )
