"""Every file and folder name of a workspace, once.

Names only: nothing here touches the disk. Paths are strings built with f-strings, since they are
made several times for each job and ``pathlib`` would cost more than the file operation itself.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from xpmnb.frozen import quick_to_make

from .names import check_name

__all__ = [
    "END_SUFFIXES",
    "STDERR_SUFFIX",
    "STDOUT_SUFFIX",
    "JobLayout",
    "RunLayout",
    "WorkspaceLayout",
    "task_name",
    "token_census",
    "token_slot",
]

STDOUT_SUFFIX = ".out"
STDERR_SUFFIX = ".err"
END_SUFFIXES = {"done": ".done", "error": ".failed"}
"""What follows ``[NAME]`` in the end markers, by the state they stand for."""


def task_name(task: str) -> str:
    """Give the ``[NAME]`` of a job's files: the last dotted part of the task's qualified name."""
    return task.rpartition(".")[2] or task


def token_census(folder: str) -> str:
    """Give the file that says how many there are of a token, by the token's folder."""
    return f"{folder}/token.json"


def token_slot(folder: str, number: int) -> str:
    """Give the file that is locked by the holder of one of a token, counted from 0."""
    return f"{folder}/slot-{number}"


@quick_to_make
@dataclass(frozen=True, slots=True)
class JobLayout:
    """The files of one job.

    Parameters
    ----------
    path
        ``WORKSPACE/jobs/<task>/<identifier>``, absolute, without a slash at its end.

    Notes
    -----
    Thread line: immutable, any thread.
    """

    path: str
    stem: str = field(init=False, repr=False, compare=False)
    """What the names of the files of the task itself begin with."""

    def __post_init__(self) -> None:
        """Make the stem, which is asked for several times for each job."""
        object.__setattr__(self, "stem", f"{self.path}/{task_name(self.path.rsplit('/', 2)[1])}")

    @property
    def task(self) -> str:
        """Qualified name of the task."""
        return self.path.rsplit("/", 2)[1]

    @property
    def identifier(self) -> str:
        """Identifier of the task and its values."""
        return self.path.rpartition("/")[2]

    @property
    def name(self) -> str:
        """``[NAME]``: the last dotted part of the task's qualified name."""
        return self.stem.rpartition("/")[2]

    @property
    def script(self) -> str:
        """The code that is executed."""
        return f"{self.stem}.py"

    @property
    def batch(self) -> str:
        """The batch script, for launchers that need one."""
        return f"{self.stem}.sh"

    @property
    def stdout(self) -> str:
        """Standard output of the job."""
        return f"{self.stem}{STDOUT_SUFFIX}"

    @property
    def stderr(self) -> str:
        """Standard error of the job."""
        return f"{self.stem}{STDERR_SUFFIX}"

    @property
    def done(self) -> str:
        """The end marker of a job that succeeded."""
        return f"{self.stem}{END_SUFFIXES['done']}"

    @property
    def failed(self) -> str:
        """The end marker of a job that failed."""
        return f"{self.stem}{END_SUFFIXES['error']}"

    @property
    def hidden(self) -> str:
        """The folder of what xpmnb knows of the job."""
        return f"{self.path}/__xpm__"

    @property
    def params(self) -> str:
        """The task, its values and its tags."""
        return f"{self.path}/__xpm__/params.json"

    @property
    def events(self) -> str:
        """The journal of the job's attempts."""
        return f"{self.path}/__xpm__/events.jsonl"

    @property
    def result(self) -> str:
        """The value that ``execute`` returned."""
        return f"{self.path}/__xpm__/result.json"

    @property
    def outputs(self) -> str:
        """What the task registered while it ran: the journal of its dynamic outputs."""
        return f"{self.path}/__xpm__/task-outputs.jsonl"

    @property
    def stop_request(self) -> str:
        """Asks whoever runs the job to stop it; made by others than its runner."""
        return f"{self.path}/__xpm__/stop"

    @property
    def lock(self) -> str:
        """Locked by the one runner of the job, while it runs."""
        return f"{self.path}/__xpm__/lock"

    @property
    def partials(self) -> str:
        """The folder of the workspace for what jobs share."""
        return f"{self.path.rsplit('/', 3)[0]}/partials"

    @property
    def workspace(self) -> WorkspaceLayout:
        """The workspace of the job."""
        return WorkspaceLayout(self.path.rsplit("/", 3)[0])


@dataclass(frozen=True, slots=True)
class RunLayout:
    """The files of one run of an experiment.

    Parameters
    ----------
    path
        ``WORKSPACE/experiments/<experiment>/<run>``, absolute, without a slash at its end.

    Notes
    -----
    Thread line: immutable, any thread.
    """

    path: str

    @property
    def experiment(self) -> str:
        """Name of the experiment."""
        return self.path.rsplit("/", 2)[1]

    @property
    def run(self) -> str:
        """Name of the run; a later run sorts after an earlier one."""
        return self.path.rpartition("/")[2]

    @property
    def journal(self) -> str:
        """Which jobs the run submitted, and how they ended: the index of the run."""
        return f"{self.path}/journal.jsonl"

    @property
    def lock(self) -> str:
        """Locked by the kernel of the run, until the run is closed."""
        return f"{self.path}/lock"

    @property
    def environment(self) -> str:
        """Python, packages and git commit of the run."""
        return f"{self.path}/environment.json"

    @property
    def notebook(self) -> str:
        """The cells of the run as they were really executed."""
        return f"{self.path}/notebook.ipynb"


@dataclass(frozen=True, slots=True, init=False)
class WorkspaceLayout:
    """The folders of a workspace.

    Parameters
    ----------
    root
        The workspace directory; made absolute, since jobs change directory.

    Notes
    -----
    Thread line: immutable, any thread.
    """

    root: str

    def __init__(self, root: str | os.PathLike[str]) -> None:
        object.__setattr__(self, "root", os.path.abspath(os.fspath(root)))

    @property
    def jobs(self) -> str:
        """One folder per task, with one folder per job inside."""
        return f"{self.root}/jobs"

    @property
    def experiments(self) -> str:
        """One folder per experiment, with one folder per run inside."""
        return f"{self.root}/experiments"

    @property
    def trash(self) -> str:
        """What was deleted or replaced, until it is cleaned."""
        return f"{self.root}/trash"

    @property
    def debug(self) -> str:
        """Copies of job directories in which failed jobs ran again, for ``job.debug()``."""
        return f"{self.root}/debug"

    @property
    def partials(self) -> str:
        """Folders shared by jobs that differ only in excluded parameters."""
        return f"{self.root}/partials"

    @property
    def cache(self) -> str:
        """Values kept by ``@cache``."""
        return f"{self.root}/cache"

    def code(self, digest: str) -> str:
        """Give the file of the code that jobs ran with, by its hash.

        Raises
        ------
        WorkspaceError
            The hash would leave the workspace or cannot be a file name.
        """
        return f"{self.root}/code/{check_name('code', digest, self.root)}.json"

    @property
    def aliases(self) -> str:
        """What classes, notebooks and modules were called before."""
        return f"{self.root}/aliases.json"

    @property
    def tokens(self) -> str:
        """Named resources shared by all kernels of the workspace."""
        return f"{self.root}/tokens"

    @property
    def token_queue(self) -> str:
        """Tickets of those who wait for tokens; hidden, so that no token can have its name."""
        return f"{self.root}/tokens/.queue"

    def token(self, name: str) -> str:
        """Give the folder of a token: ``token.json``, and a lock file ``slot-<i>`` for each.

        Raises
        ------
        WorkspaceError
            The name would leave the workspace or cannot be a folder name.
        """
        return f"{self.tokens}/{check_name('token', name, self.root)}"

    def cached(self, config: str, identifier: str) -> str:
        """Give the folder of the cached values of a configuration.

        Parameters
        ----------
        config
            Qualified name of its class.
        identifier
            Its identifier.

        Raises
        ------
        WorkspaceError
            One of the names would leave the workspace or cannot be a folder name.
        """
        check_name("configuration", config, self.root)
        check_name("identifier", identifier, self.root)
        return f"{self.cache}/{config}/{identifier}"

    def job(self, task: str, identifier: str) -> JobLayout:
        """Give the layout of a job.

        Parameters
        ----------
        task
            Qualified name of the task.
        identifier
            Identifier of the task and its values.

        Raises
        ------
        WorkspaceError
            One of the names would leave the workspace or cannot be a folder name.
        """
        root = self.root
        check_name("task", task, root)
        check_name("identifier", identifier, root)
        return JobLayout(f"{root}/jobs/{task}/{identifier}")

    def experiment(self, experiment: str) -> str:
        """Give the folder of an experiment.

        Raises
        ------
        WorkspaceError
            The name would leave the workspace or cannot be a folder name.
        """
        return f"{self.experiments}/{check_name('experiment', experiment, self.root)}"

    def run(self, experiment: str, run: str) -> RunLayout:
        """Give the layout of a run of an experiment.

        Raises
        ------
        WorkspaceError
            One of the names would leave the workspace or cannot be a folder name.
        """
        return RunLayout(f"{self.experiment(experiment)}/{check_name('run', run, self.root)}")
