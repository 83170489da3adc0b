"""Runs jobs in background threads of this process: a thread exists only while jobs run.

A job's thread has its own working directory and its own streams; it sees the objects of the
notebook's modules, and starts in a fraction of a millisecond.
"""

from __future__ import annotations

import logging
import os
import time
from typing import TYPE_CHECKING

from xpmnb import streams
from xpmnb.errors import SubmissionError
from xpmnb.launchers.pool import ThreadPool
from xpmnb.records.states import FailureReason, JobState
from xpmnb.scheduler.changes import take_newest_code
from xpmnb.scheduler.launcher import Outcome
from xpmnb.surroundings import ThreadSurroundings
from xpmnb.work import terms_of, work_of
from xpmnb.worker import Attempt

if TYPE_CHECKING:
    from collections.abc import Callable

    from xpmnb.scheduler.jobs import Job
    from xpmnb.scheduler.launcher import Listener

_logger = logging.getLogger("xpmnb")


class ThreadLauncher:
    """Runs each job in a thread of the kernel.

    Parameters
    ----------
    shared_cwd : bool
        Let jobs run in the working directory of the kernel, where the system refuses a thread
        its own. Jobs then find their directory in ``self.__taskdir__``.

    Raises
    ------
    TypeError
        If ``shared_cwd`` is no bool.

    Notes
    -----
    Any thread.
    """

    name = "thread"

    def __init__(self, *, shared_cwd: bool = False) -> None:
        if type(shared_cwd) is not bool:
            message = f"ThreadLauncher(shared_cwd={shared_cwd!r}): give True or False"
            raise TypeError(message)
        self._enter = _stay if shared_cwd else streams.enter_private_directory
        self._shared_cwd = shared_cwd
        self._attempts: dict[Job, Attempt] = {}
        self._pool = ThreadPool()

    def __repr__(self) -> str:
        """Return the call that makes this object."""
        return "ThreadLauncher(shared_cwd=True)" if self._shared_cwd else "ThreadLauncher()"

    def open(self) -> None:
        """Give the threads of jobs their own streams.

        Raises
        ------
        LauncherError
            If this system refuses a thread its own directory.
        """
        if not self._shared_cwd:
            streams.check_private_directories()
        streams.install()

    def close(self) -> None:
        """Put the streams back, and end the threads that have nothing to do."""
        self._pool.dismiss()
        streams.uninstall()

    def check(self, job: Job) -> None:
        """Refuse a job that needs an environment of its own.

        Raises
        ------
        SubmissionError
            If it needs variables that the kernel does not have.
        """
        wanted = {n: v for n, v in job.environ.items() if os.environ.get(n) != v}
        if wanted:
            message = (
                f"{job.name} needs the environment variables {', '.join(sorted(wanted))}, and a "
                "thread has those of the kernel: submit it with launcher='process', or set them "
                "with os.environ for all jobs"
            )
            raise SubmissionError(message)

    def start(self, job: Job, listener: Listener) -> None:
        """Run a job in a thread of its own."""
        streams.renew()
        enter = self._enter
        if self._shared_cwd and streams.has_private_directory():
            # This is the thread of another launcher's job: ours would share its directory.
            enter = streams.enter_home_directory
        take_newest_code(job)
        attempt = Attempt(work_of(job), terms_of(job, self.name), ThreadSurroundings(enter))
        self._attempts[job] = attempt
        self._pool.run(
            f"xpmnb-{job.name}-{job.id[:8]}",
            lambda: self._run(job, attempt, listener),
            listener.finished,
        )

    def lend(self, errand: Callable[[], None]) -> bool:
        """Have the thread of a job that has just ended run an errand; False if there is none."""
        return self._pool.lend(errand)

    def cancel(self, job: Job) -> None:
        """Raise TaskCancelled in the thread of a job."""
        attempt = self._attempts.get(job)
        if attempt is not None:
            attempt.cancel()

    def abandon(self) -> None:
        """Record the running jobs as lost."""
        for attempt in list(self._attempts.values()):
            attempt.abandon()

    def _run(self, job: Job, attempt: Attempt, listener: Listener) -> Outcome:
        try:
            return attempt.run(listener.begun, listener.changed)
        except BaseException as error:
            # The border around launchers: whatever it was, the job must come to an end.
            _logger.exception("xpmnb could not run %r", job)
            state = JobState.error(FailureReason.ERROR)
            return Outcome(state, f"xpmnb could not run it: {error!r}", None, time.time())
        finally:
            self._attempts.pop(job, None)


def _stay(_directory: str) -> None:
    """Keep the working directory of the process."""
