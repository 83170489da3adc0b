"""Create a workspace, list its jobs, experiments and runs, and read their records.

Reading decides nothing: states come from ``events.py``, trust in an index from ``run_index.py``.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

from xpmnb.errors import WorkspaceError

from .aliases import add_alias, is_called, jobs_called, normal_name, remove_alias
from .collector import collector_paused
from .events import JobRecord
from .job_directory import Submission, read_events, read_job
from .layout import JobLayout, RunLayout, WorkspaceLayout
from .moving import moved_to, origin_of, restore_link
from .run_index import RunJournal, indexed_records, read_index

__all__ = ["RunJournal", "Submission", "WorkspaceRecords", "read_events", "read_job"]


class WorkspaceRecords:
    """The records of a workspace, read from its files whenever they are asked for.

    Parameters
    ----------
    root
        The workspace directory; nothing is created or read yet.

    Notes
    -----
    Thread line: any thread; the object holds nothing but names.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.layout = WorkspaceLayout(root)

    def create(self) -> None:
        """Make the folders of the workspace that do not exist yet.

        Raises
        ------
        WorkspaceError
            A folder cannot be made: the place is read-only, or a file has its name.
        """
        layout = self.layout
        try:
            for path in (layout.jobs, layout.experiments):
                os.makedirs(path, exist_ok=True)
        except OSError as error:
            raise WorkspaceError(
                f"the workspace {layout.root} cannot be created: {error.strerror} "
                f"({error.filename}); choose a directory that you may write to"
            ) from error

    def exists(self) -> bool:
        """Tell whether the directory is a workspace: whether it has the folder of the jobs."""
        return os.path.isdir(self.layout.jobs)

    def create_run(self, experiment: str) -> RunLayout:
        """Make the directory of a new run.

        Parameters
        ----------
        experiment
            Name of the experiment.

        Returns
        -------
        RunLayout
            Its name is the time (UTC) with a fraction of the second in hexadecimal digits, so that
            later runs sort after earlier ones.

        Raises
        ------
        WorkspaceError
            The name cannot be a folder of the workspace, or the directory cannot be made.
        """
        folder = self.layout.experiment(experiment)
        try:
            os.makedirs(folder, exist_ok=True)
            while True:
                layout = RunLayout(f"{folder}/{_run_name(time.time())}")
                try:
                    os.mkdir(layout.path)
                except FileExistsError:
                    continue  # two kernels in the same 15 us: the next name is free
                return layout
        except OSError as error:
            raise WorkspaceError(
                f"no run of the experiment {experiment!r} can be created in {folder}: "
                f"{error.strerror}; choose a workspace that you may write to"
            ) from error

    def experiments(self) -> list[str]:
        """Give the names of all experiments, sorted."""
        return sorted(_folders(self.layout.experiments))

    def runs(self, experiment: str) -> list[str]:
        """Give the names of the runs of an experiment, the oldest first.

        Raises
        ------
        WorkspaceError
            The name cannot be an experiment's.
        """
        return sorted(_folders(self.layout.experiment(experiment)))

    def iter_job_layouts(self) -> Iterator[JobLayout]:
        """Give the layouts of all job directories, sorted by task and identifier."""
        jobs = self.layout.jobs
        for task in sorted(_folders(jobs)):
            folder = f"{jobs}/{task}"
            for identifier in sorted(_folders(folder, is_row=_is_job)):
                yield JobLayout(f"{folder}/{identifier}")

    def read_job(
        self, layout: JobLayout, submission: Submission | None = None, *, run_alive: bool = False
    ) -> JobRecord:
        """Read one job directory; see :func:`xpmnb.records.job_directory.read_job`."""
        return read_job(layout, submission, run_alive=run_alive)

    def run_records(self, experiment: str, run: str | Iterable[str]) -> list[JobRecord]:
        """Give the records of the jobs that one run, or several, submitted.

        Parameters
        ----------
        experiment
            Name of the experiment.
        run
            Name of a run, or several names.

        Returns
        -------
        list of JobRecord
            One for each job, in the order of submission; of several runs the newest tells. Empty
            where there is no such run.

        Raises
        ------
        WorkspaceError
            A name cannot be an experiment's or a run's.
        """
        names = [run] if isinstance(run, str) else sorted(run)
        layouts = [self.layout.run(experiment, name) for name in reversed(names)]
        with collector_paused():
            indexes = [read_index(layout) for layout in layouts]
            records = self._once(list(indexed_records(self.layout.jobs, indexes).values()))
        for index in indexes:
            if index.problem is not None:
                warnings.warn(
                    f"jobs may be missing from a run of {experiment!r}: {index.problem}; "
                    "the records of the whole workspace have them",
                    stacklevel=2,
                )
        return records

    def all_records(self) -> list[JobRecord]:
        """Give the records of all jobs of the workspace.

        Returns
        -------
        list of JobRecord
            One for each job directory, and for each job that a run submitted and that never began:
            first those that a run remembers, the newest run first, then the others.
        """
        with collector_paused():
            indexes = [read_index(layout) for layout in self._run_layouts()]
            known = indexed_records(self.layout.jobs, indexes)
            others = (
                layout
                for layout in self.iter_job_layouts()
                if f"{layout.task}/{layout.identifier}" not in known
            )
            return self._once([*known.values(), *map(read_job, others)])

    def _once(self, records: list[JobRecord]) -> list[JobRecord]:
        """Leave out what is there under its present name as well, in the order that there is."""
        jobs = self.layout.jobs
        # One look at each folder: a question for each of 10,000 jobs would be felt.
        links = {
            f"{jobs}/{task}/{name}"
            for task in {record.task for record in records}
            for name in _folders(f"{jobs}/{task}", is_row=_is_moved)
        }
        if not links:
            return records
        present = {record.path for record in records}
        return [
            record
            for record in records
            if record.path not in links
            or (home := moved_to(JobLayout(record.path))) is None
            or home.path not in present
        ]

    def adopt(self, old: str, new: str) -> int:
        """Record that what is called `new` now was called `old` before, and keep its results.

        Finished jobs are found under the old name when they are submitted again, and are moved to
        the new one instead of being run.

        Parameters
        ----------
        old, new
            The full name of a class (``digits.train``), or a notebook or module, for all that is
            declared there (``digits``).

        Returns
        -------
        int
            How many jobs have the old name, or use it.

        Raises
        ------
        WorkspaceError
            A name is none, both are one, one is that of a class and the other that of a notebook
            or module, no job has the old one, or `new` is known as a former name of `old`.
        """
        old, new = normal_name(old), normal_name(new).lower()
        layouts = list(self.iter_job_layouts())
        old, count = jobs_called(layouts, old)
        _refuse_mixture(layouts, old, new)
        add_alias(self.layout, old, new)
        for layout in layouts:
            # What was killed in the midst of a move may lack its link.
            origin = origin_of(layout) if is_called(layout.task, new) else None
            if origin is not None:
                with suppress(OSError):
                    restore_link(origin, layout)
        return count

    def forget(self, old: str, new: str) -> None:
        """Take back what :meth:`adopt` recorded; what was moved since then stays where it is.

        Raises
        ------
        WorkspaceError
            It is not recorded.
        """
        remove_alias(self.layout, normal_name(old), normal_name(new).lower())

    def _run_layouts(self) -> list[RunLayout]:
        found = [
            (run, experiment) for experiment in self.experiments() for run in self.runs(experiment)
        ]
        experiments = self.layout.experiments
        return [RunLayout(f"{experiments}/{name}/{run}") for run, name in sorted(found)[::-1]]


def _run_name(now: float) -> str:
    fraction = int(now % 1 * 0x10000)
    return f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime(now))}-{fraction:04x}"


def _folders(path: str, is_row: Callable[[os.DirEntry[str]], bool] | None = None) -> list[str]:
    """Give the names of the folders in a folder; hidden ones belong to other programs."""
    wanted = is_row or _is_folder
    try:
        with os.scandir(path) as entries:
            return [entry.name for entry in entries if entry.name[0] != "." and wanted(entry)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        warnings.warn(
            f"{path} cannot be read: {error.strerror}; its rows are missing", stacklevel=4
        )
        return []


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a symbolic link to itself
        return False


def _is_job(entry: os.DirEntry[str]) -> bool:
    """Tell whether an entry is a job directory, and not what one was called before."""
    return _is_folder(entry) and not _is_moved(entry)


def _is_moved(entry: os.DirEntry[str]) -> bool:
    return entry.is_symlink() and moved_to(JobLayout(os.path.abspath(entry.path))) is not None


def _refuse_mixture(layouts: Iterable[JobLayout], old: str, new: str) -> None:
    """Refuse the name of a class for that of a notebook or module, and the other way round."""
    tasks = {layout.task for layout in layouts}
    classes = {task.rpartition(".")[2] for task in tasks if is_called(task, old) and task != old}
    if old in tasks and "." in old and "." not in new:
        name = old.rpartition(".")[2]
        message = f"{old} is a class, and {new} a notebook or module: give both, {new}.{name} say"
        raise WorkspaceError(message)
    if old not in tasks and (new in tasks or new.rpartition(".")[2] in classes):
        message = f"{old} is a notebook or module, and {new} a class: give two of a kind"
        raise WorkspaceError(message)
