"""experiment: opens a workspace, and submits tasks to the scheduler.

The class has a lower-case name, like a function, because that is how it reads:
``with experiment("runs", "digits") as xp``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Self

from xpmnb import current, seam, streams
from xpmnb.analysis.workspace import Workspace
from xpmnb.core.options import PLAIN, SubmitOptions
from xpmnb.core.state import state_of
from xpmnb.errors import FailedExperiment, SubmissionError
from xpmnb.experiment_bounds import find_bounds
from xpmnb.records.states import JobState
from xpmnb.run_control import RunControl
from xpmnb.scheduler.runs import Lane, Run
from xpmnb.scheduler.scheduler import Scheduler
from xpmnb.scheduler.tokens import Token, declare_token
from xpmnb.scheduler.waiting import wait_until
from xpmnb.submission import Place, launcher_of, line_of, make_job

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from types import TracebackType

    from xpmnb.core.options import CodePolicy
    from xpmnb.scheduler.jobs import Job
    from xpmnb.scheduler.launcher import Launcher

_scheduler = Scheduler()
# Experiments that set no bound of their own share the cores of the machine.
_shared_lane = Lane(Lane.default_limit())

# How long a cell that waited for its jobs may take to bring the panel up to date.
_FLUSH_TIMEOUT_S = 2.0


class experiment(RunControl):  # noqa: N801 (reads like the verb that it is)
    """Runs tasks in a workspace, as one run of a named experiment.

    Use it as a context manager, which waits for the jobs on leaving, or call :meth:`start` and,
    when you are done, :meth:`close`. Leaving does not raise when jobs failed: look at
    :attr:`failed`, or call ``wait(check=True)``.

    Starting an experiment that is still open in this kernel begins a new run that takes over its
    live jobs: nothing is waited for, cancelled, or run twice.

    Parameters
    ----------
    workdir : str or Path
        The workspace: a directory, made if needed, or the id of one in the settings file. Several
        experiments and kernels may share it.
    name : str
        Name of the experiment.
    launcher : Launcher or str, optional
        Where the jobs run: ``"thread"`` (the default) or ``"process"``.
    max_jobs : int, optional
        How many jobs of this experiment run at a time. By default all experiments of the kernel
        together run as many as there are cores.
    max_retries : int, optional
        How often a resumable task is run again when its time runs out; 3 by default.
    on_code_change : {"warn", "rerun", "error", "ignore"}
        What to do when a task is submitted that is done already, but by other code than it has
        now: take the result and say so (the default), run it again (the old result goes to the
        trash), raise :class:`~xpmnb.errors.CodeChangedError`, or take no notice.

    What is not given is taken from the settings of the workspace, where there are some.

    Raises
    ------
    WorkspaceError
        On start, if the workspace cannot be made, or the name is no name for a folder.
    TypeError
        If the name is no string, or the workspace neither a string nor a Path.
    ValueError
        If ``max_jobs`` is less than 1, ``max_retries`` less than 0, or the launcher is unknown.
    SettingsError
        If the settings file is wrong.

    Notes
    -----
    Any thread. The experiment that was started last is the current one of the kernel, which
    ``submit()`` uses.
    """

    def __init__(
        self,
        workdir: str | Path,
        name: str,
        *,
        launcher: Launcher | str | None = None,
        max_jobs: int | None = None,
        max_retries: int | None = None,
        on_code_change: CodePolicy = "warn",
    ) -> None:
        if not isinstance(name, str):
            message = f"experiment(..., {name!r}): the name of an experiment is a string"
            raise TypeError(message)
        self.name = name
        self._bounds = find_bounds(workdir, launcher, max_jobs, max_retries, on_code_change)
        self.workspace = Workspace(self._bounds.workdir)
        max_jobs = self._bounds.max_jobs
        self._lane = _shared_lane if max_jobs is None else Lane(max_jobs)
        self._run: Run | None = None
        self._successor: experiment | None = None
        self._note = ""

    def __repr__(self) -> str:
        """Return name, workspace, and how many jobs live."""
        run = self._run
        if run is None:
            words = "not started"
        elif run.closing:
            words = "closed"
        else:
            words = f"{len(run.live)} jobs running or waiting, {len(run.failed)} failed"
        return f"<experiment {self.name!r} in {self.workdir}: {words}>"

    @property
    def workdir(self) -> Path:
        """The directory of the workspace, absolute."""
        return self.workspace.path

    @property
    def run(self) -> str:
        """The name of this run, which sorts by time."""
        return self._started().layout.run

    def start(self) -> Self:
        """Begin a run, and make this the current experiment of the kernel.

        Returns
        -------
        Self
            The same object.

        Raises
        ------
        WorkspaceError
            If the workspace or the run cannot be made.
        SubmissionError
            If this object was started before, or a job's program imports the script to run it.
        """
        if self._run is not None:
            message = f"{self!r} was started before; make a new one: experiment(...).start()"
            raise SubmissionError(message)
        if seam.script_being_imported is not None:
            message = (
                f"{seam.script_being_imported} starts an experiment when it is imported, which is "
                "done to run a job of its classes: put that part under "
                'if __name__ == "__main__":'
            )
            raise SubmissionError(message)
        self.workspace.create()
        layout = self.workspace.create_run(self.name)
        observers = seam.attach_observers(self._note, layout)
        run = Run(layout, self._lane, observers, self._as_current, self._submit_again)
        with current.lock:
            self._run = run
            before = current.enter(self._key, self)
            if before is not None:
                run.lane = self._lane = self._lane_after(before)
            _scheduler.open_run(run)
        if before is not None:
            before._successor = self  # noqa: SLF001 (of the same class)
            _scheduler.take_over(before._started(), run)  # noqa: SLF001 (of the same class)
            _scheduler.refill(run.lane)
        return self

    def _lane_after(self, before: experiment) -> Lane:
        """Return the lane of an experiment whose live jobs are taken over: they count as well."""
        max_jobs = self._bounds.max_jobs
        if max_jobs is None or before._bounds.max_jobs is None:
            return self._lane
        before._lane.limit = max_jobs
        return before._lane

    def close(self) -> None:
        """Wait for the jobs, and end the run: no thread of it is left.

        Closing again does nothing. Ctrl-C ends the waiting; the experiment is then still open.
        """
        run = self._started()
        if not run.closing:
            self.wait()
        self._leave()
        run.closed.wait()
        run.callbacks.close()
        _scheduler.join()

    def __enter__(self) -> Self:
        """Start."""
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        place: TracebackType | None,
    ) -> None:
        """Wait for the jobs and close; after an error, leave them running and let it through."""
        if error is None:
            self.close()
        else:
            self._leave()

    def _leave(self) -> None:
        """Let the run end by itself as soon as its jobs have ended."""
        current.leave(self._key, self)
        run = self._started()
        if not run.closing:
            _scheduler.close_run(run)

    @property
    def _key(self) -> current.Key:
        return str(self.workdir), self.name

    def _as_current(self) -> AbstractContextManager[None]:
        """Let what a callback submits go here."""
        return current.submitting_to(self)

    def wait(self, timeout: float | None = None, *, check: bool = False) -> None:
        """Wait until every job of this run has ended, and every callback has returned.

        What callbacks submit is waited for, too. Ctrl-C ends the waiting, not the jobs.

        Parameters
        ----------
        timeout : float, optional
            Seconds; by default as long as it takes.
        check : bool
            Raise if jobs failed.

        Raises
        ------
        TimeoutError
            If the time runs out first; the message counts the jobs that are left.
        FailedExperiment
            If ``check`` is set and jobs failed, with one line for each.
        RuntimeError
            In a callback, which would wait for itself.
        """
        run = self._started()
        if run.callbacks.is_callback_thread():
            message = "a callback cannot wait for its experiment, which waits for the callback"
            raise RuntimeError(message)
        streams.renew()
        run.forget_submissions()  # one that was interrupted
        _scheduler.settle()
        ended = wait_until(lambda: run.is_over or run.closed.is_set(), timeout)
        run.flush()
        run.refresh(_FLUSH_TIMEOUT_S)
        if not ended:
            raise TimeoutError(f"{len(run.live)} jobs have not ended after {timeout} s")
        if check and run.failed:
            lines = "\n".join(f"  {job!r}: {job.message}" for job in run.failed.values())
            message = f"{len(run.failed)} jobs of {self.name!r} failed:\n{lines}"
            raise FailedExperiment(message)

    def token(self, name: str, count: int) -> Token:
        """Declare how many of something the jobs of this workspace share, in all kernels.

        For ``submit(tokens={"gpu": 1})``; see :func:`~xpmnb.scheduler.tokens.declare_token`.
        """
        return declare_token(self.workspace.layout, name, count)

    def _tabled(self) -> tuple[Workspace, str, str]:
        _scheduler.settle()
        self._started().flush()
        return self.workspace, self.name, self.run

    def submit_task(self, task: Any, options: SubmitOptions = PLAIN) -> Any:
        """Submit a task to this experiment, and return its outputs; ``task.submit()`` calls it.

        Raises
        ------
        SubmissionError
            If the experiment is closed, a task used by this one was not submitted, or what it
            asks for cannot be had.
        ConfigError, IdentifierError, LauncherError
            If the values are not fit for it, or jobs cannot be run there.
        """
        run = self._started()
        state = state_of(task)
        before = state.job
        try:
            if not run.enter():
                if self._successor is not None:  # a callback was under way when it was taken over
                    return self._successor.submit_task(task, options)
                self._refuse()
            place = Place(
                self.workspace.layout,
                launcher_of(task, options, self._bounds.launcher),
                self._bounds.max_retries,
                self._bounds.on_code_change,
                cancel=_scheduler.cancel,
            )
            job, outputs = make_job(task, place, options)
            job.origin = run.name
            run.use(job.live_launcher)
            state.job = _scheduler.submit(job, run, line_of(job))
            run.attend(state.job, task)
        except BaseException:  # Ctrl-C, too: no handle may stay that nobody moves
            state.job = before
            raise
        finally:
            run.leave()
            _scheduler.rouse(state.job)
            if run.closing:
                _scheduler.close_run(run)  # it may have waited for this submission
        return outputs

    def _submit_again(self, job: Job) -> Job:
        """Submit the task of a failed job once more, and before it what it waited for in vain."""
        newest: Job = state_of(job.task).job
        if newest is not job and newest.state != JobState.ERROR:
            return newest  # submitted again already
        for needed in job.dependencies:
            if needed.state == JobState.ERROR and needed.task is not None:
                self._submit_again(needed)
        self.submit_task(job.task, job.options)
        again: Job = state_of(job.task).job
        return again

    def _refuse(self) -> NoReturn:
        message = f"{self!r} takes no tasks any more: start it again"
        raise SubmissionError(message)

    def _started(self) -> Run:
        if self._run is None:
            raise SubmissionError(f"{self!r}: call .start() first, or use it in a with statement")
        return self._run
