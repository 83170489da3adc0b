"""experiment: opens a workspace, and submits tasks to the scheduler.

The class has a lower-case name, like a function, because that is how it reads:
``with experiment("runs", "digits") as xp``.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from xpmnb import seam, streams
from xpmnb.analysis.workspace import Workspace
from xpmnb.core.options import SubmitOptions, set_init_tasks
from xpmnb.core.state import state_of
from xpmnb.errors import FailedExperiment, SubmissionError
from xpmnb.launchers.thread import ThreadLauncher
from xpmnb.scheduler.jobs import wait_until
from xpmnb.scheduler.runs import Lane, Run, guarded
from xpmnb.scheduler.scheduler import Scheduler
from xpmnb.submission import make_job

if TYPE_CHECKING:
    from types import TracebackType

    import pandas as pd

    from xpmnb.scheduler.jobs import Job
    from xpmnb.scheduler.launcher import Launcher

_scheduler = Scheduler()
_thread_launcher = ThreadLauncher()
# Experiments that set no bound of their own share the cores of the machine.
_shared_lane = Lane(Lane.default_limit())

_lock = threading.Lock()
_open: dict[tuple[str, str], experiment] = {}
_current: experiment | None = None

_DEFAULT_WORKSPACE = "xpm-workspace"

# How long a cell that waited for its jobs may take to bring the panel up to date.
_FLUSH_TIMEOUT_S = 2.0


class experiment:  # noqa: N801 (reads like the verb that it is)
    """Runs tasks in a workspace, as one run of a named experiment.

    Use it as a context manager, which waits for the jobs on leaving, or call :meth:`start` and,
    when you are done, :meth:`close`. Leaving does not raise when jobs failed: look at
    :attr:`failed`, or call ``wait(check=True)``.

    Starting an experiment that is still open in this kernel begins a new run that takes over its
    live jobs: nothing is waited for, cancelled, or run twice.

    Parameters
    ----------
    workdir : str or Path
        The workspace: a directory, made if needed. Several experiments and kernels may share it.
    name : str
        Name of the experiment.
    launcher : Launcher or str, optional
        Where the jobs run; ``"thread"`` by default.
    max_jobs : int, optional
        How many jobs of this experiment run at a time. By default all experiments of the kernel
        together run as many as there are cores.

    Raises
    ------
    WorkspaceError
        On start, if the workspace cannot be made, or the name is no name for a folder.
    TypeError
        If the name is no string.
    ValueError
        If ``max_jobs`` is less than 1, or the launcher is unknown.

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
    ) -> None:
        if not isinstance(name, str):
            message = f"experiment(..., {name!r}): the name of an experiment is a string"
            raise TypeError(message)
        if max_jobs is not None and (not isinstance(max_jobs, int) or max_jobs < 1):
            message = f"experiment(max_jobs={max_jobs!r}): at least 1 job must be able to run"
            raise ValueError(message)
        self.name = name
        self.workspace = Workspace(Path(workdir).expanduser())
        self._launcher = _find_launcher(launcher) or _thread_launcher
        self._max_jobs = max_jobs
        self._lane = _shared_lane if max_jobs is None else Lane(max_jobs)
        self._run: Run | None = None
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

    @property
    def failed(self) -> list[Job]:
        """The jobs of this run that failed, in the order of their failing."""
        return list(self._started().failed.values())

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
        global _current  # noqa: PLW0603 (one experiment is current in a kernel)
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
        run = Run(layout, self._lane, seam.attach_observers(self._note))
        with _lock:
            self._run = run
            key = (str(self.workdir), self.name)
            before = _open.get(key)
            if before is not None:
                run.lane = self._lane = self._lane_after(before)
            _open[key] = self
            _current = self
            _scheduler.open_run(run)
        if before is not None:
            _scheduler.take_over(before._started(), run)  # noqa: SLF001 (of the same class)
            _scheduler.refill(run.lane)
        return self

    def _lane_after(self, before: experiment) -> Lane:
        """Return the lane of an experiment whose live jobs are taken over: they count as well."""
        if self._max_jobs is None or before._max_jobs is None:
            return self._lane
        before._lane.limit = self._max_jobs
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
        global _current  # noqa: PLW0603
        with _lock:
            key = (str(self.workdir), self.name)
            if _open.get(key) is self:
                del _open[key]
            if _current is self:
                _current = next(reversed(_open.values()), None)
        run = self._started()
        if not run.closing:
            _scheduler.close_run(run)

    def wait(self, timeout: float | None = None, *, check: bool = False) -> None:
        """Wait until every job of this run has ended. Ctrl-C ends the waiting, not the jobs.

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
        """
        run = self._started()
        streams.renew()
        _scheduler.wake()
        ended = wait_until(lambda: not run.live or run.closed.is_set(), timeout)
        run.flush()
        for observer in run.observers:
            guarded(observer.flush, _FLUSH_TIMEOUT_S)
        if not ended:
            message = f"{len(run.live)} jobs have not ended after {timeout} s"
            raise TimeoutError(message)
        if check and run.failed:
            lines = "\n".join(f"  {job!r}: {job.message}" for job in run.failed.values())
            message = f"{len(run.failed)} jobs of {self.name!r} failed:\n{lines}"
            raise FailedExperiment(message)

    def jobs(self, runs: str | None = None) -> pd.DataFrame:
        """Return a table with a row for each job that this run submitted.

        Parameters
        ----------
        runs : str, optional
            ``"all"`` for the jobs of every run of this experiment.

        Returns
        -------
        DataFrame
            As :meth:`Workspace.jobs` describes it.
        """
        self._started().flush()
        return self.workspace.jobs(self.name, runs or self.run)

    def metrics(self, runs: str | None = None) -> pd.DataFrame:
        """Return a table with a row for each ``log()`` call of the jobs; see :meth:`jobs`."""
        self._started().flush()
        return self.workspace.metrics(self.name, runs or self.run)

    def events(self, runs: str | None = None) -> pd.DataFrame:
        """Return a table with a row for each event of the jobs; see :meth:`jobs`."""
        self._started().flush()
        return self.workspace.events(self.name, runs or self.run)

    def submit_task(self, task: Any, options: SubmitOptions | None = None) -> Any:
        """Submit a task to this experiment; what ``task.submit()`` calls.

        Parameters
        ----------
        task
            The configuration of a task.
        options : SubmitOptions, optional
            How it is to be run.

        Returns
        -------
        Any
            What the task's ``task_outputs`` returns.

        Raises
        ------
        SubmissionError
            If the experiment is closed, or a task used by this one was not submitted.
        ConfigError, IdentifierError
            If the task's values are not fit for it.
        LauncherError
            If jobs cannot be run there.
        """
        run = self._started()
        if not run.enter():
            message = f"{self!r} takes no tasks any more: start it again"
            raise SubmissionError(message)
        state = state_of(task)
        before = state.job
        try:
            given = None if options is None else options.launcher
            place = _find_launcher(given) or _find_launcher(task.__launcher__) or self._launcher
            set_init_tasks(task, () if options is None else options.init_tasks)
            run.use(place)
            job, outputs = make_job(
                task,
                self.workspace.layout,
                place,
                cancel=_scheduler.cancel,
                record=run.write_submission,
            )
            state.job = _scheduler.submit(job, run)
        except BaseException:  # Ctrl-C, too: no handle may stay that nobody moves
            state.job = before
            raise
        finally:
            run.leave()
            if run.closing:
                _scheduler.close_run(run)  # it may have waited for this submission
        return outputs

    def _started(self) -> Run:
        if self._run is None:
            message = f"{self!r}: call .start() first, or use it in a with statement"
            raise SubmissionError(message)
        return self._run


def _find_launcher(launcher: Launcher | str | None) -> Launcher | None:
    if launcher is None or not isinstance(launcher, str):
        return launcher
    if launcher == "thread":
        return _thread_launcher
    message = f"launcher {launcher!r} is unknown: use 'thread', or give a Launcher"
    raise ValueError(message)


def current_workspace() -> str | None:
    """Return the root of the current experiment's workspace; None if no experiment is open."""
    return None if _current is None else str(_current.workdir)


def current_experiment() -> experiment:
    """Return the current experiment; in a notebook that has none, open one.

    It is named after the notebook, in ``./xpm-workspace``.

    Raises
    ------
    SubmissionError
        In a script that has no experiment open.
    """
    if _current is not None:
        return _current
    if not seam.in_notebook():
        message = (
            "no experiment is open: submit inside `with experiment('runs', 'name'):`, or after "
            "`xp = experiment('runs', 'name').start()`"
        )
        raise SubmissionError(message)
    opened = experiment(_DEFAULT_WORKSPACE, seam.notebook_stem() or "notebook")
    opened._note = (  # noqa: SLF001 (same file)
        f"No experiment was open: this is {opened.name!r} in {opened.workdir}. "
        "Choose your own with experiment(workspace, name).start()."
    )
    return opened.start()
