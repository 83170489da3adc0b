"""A workspace as a person sees it: its jobs, and what they did, as DataFrames."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from xpmnb import seam
from xpmnb.errors import WorkspaceError
from xpmnb.records.events import JobRecord
from xpmnb.records.job_directory import read_events
from xpmnb.records.layout import JobLayout
from xpmnb.records.task_outputs import read_outputs
from xpmnb.records.workspace import WorkspaceRecords

from .frames import JobEvents, events_frame, jobs_frame, metrics_frame
from .outputs import outputs_frame

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Workspace", "workspace"]


_MAX_LISTED = 8


class Workspace(WorkspaceRecords):
    """The jobs of a workspace as tables, with no experiment running and no class importable.

    Every call reads the files anew; nothing is kept. Take :func:`workspace` to open one.

    Parameters
    ----------
    root
        The workspace directory; nothing is created or read yet.

    Notes
    -----
    Thread line: any thread; the object holds nothing but names.
    """

    @property
    def path(self) -> Path:
        """The workspace directory, absolute."""
        return Path(self.layout.root)

    def jobs(
        self, experiment: str | None = None, runs: str | Sequence[str] = "all"
    ) -> pd.DataFrame:
        """Give a table of the jobs.

        Parameters
        ----------
        experiment
            Only jobs that this experiment submitted; the default is every job of the workspace.
        runs
            Which runs of the experiment: ``"all"``, ``"latest"``, one name or several names.

        Returns
        -------
        DataFrame
            One row per job, as :func:`xpmnb.analysis.frames.jobs_frame` describes.

        Raises
        ------
        WorkspaceError
            There is no such experiment or run.
        """
        return jobs_frame(self.records(experiment, runs))

    def metrics(
        self, experiment: str | None = None, runs: str | Sequence[str] = "all"
    ) -> pd.DataFrame:
        """Give a table of what the jobs logged.

        Parameters and errors are those of :meth:`jobs`.

        Returns
        -------
        DataFrame
            One row per ``log()`` call, as :func:`xpmnb.analysis.frames.metrics_frame` describes.
        """
        return metrics_frame(self._with_events(self.records(experiment, runs)))

    def events(
        self, experiment: str | None = None, runs: str | Sequence[str] = "all"
    ) -> pd.DataFrame:
        """Give a table of what happened to the jobs.

        Parameters and errors are those of :meth:`jobs`.

        Returns
        -------
        DataFrame
            One row per event, as :func:`xpmnb.analysis.frames.events_frame` describes.
        """
        return events_frame(self._with_events(self.records(experiment, runs)))

    def outputs(
        self, experiment: str | None = None, runs: str | Sequence[str] = "all"
    ) -> pd.DataFrame:
        """Give a table of what the tasks registered while they ran.

        Parameters and errors are those of :meth:`jobs`.

        Returns
        -------
        DataFrame
            One row per output, as :func:`xpmnb.analysis.outputs.outputs_frame` describes.
        """
        records = self.records(experiment, runs)
        return outputs_frame((record, read_outputs(JobLayout(record.path))) for record in records)

    def records(
        self, experiment: str | None = None, runs: str | Sequence[str] = "all"
    ) -> list[JobRecord]:
        """Give the jobs as plain values; parameters and errors are those of :meth:`jobs`."""
        if experiment is None:
            if runs != "all":
                raise WorkspaceError(
                    f"runs={runs!r} needs the name of an experiment; there are: "
                    f"{_listed(self.experiments())}"
                )
            return self.all_records()
        known = self.runs(experiment)
        if not known:
            raise WorkspaceError(
                f"the workspace {self.layout.root} has no experiment {experiment!r}; "
                f"there are: {_listed(self.experiments())}"
            )
        if runs == "all":
            wanted: Sequence[str] = known
        elif runs == "latest":
            wanted = known[-1:]
        else:
            wanted = [runs] if isinstance(runs, str) else runs
        unknown = [run for run in wanted if run not in known]
        if unknown:
            raise WorkspaceError(
                f"the experiment {experiment!r} has no run {_listed(unknown)}; "
                f"there are: {_listed(known)}"
            )
        return self.run_records(experiment, wanted)

    def _with_events(self, records: list[JobRecord]) -> list[JobEvents]:
        return [(record, read_events(JobLayout(record.path))) for record in records]

    def __repr__(self) -> str:
        """Give the call that opens it."""
        return f"Workspace({self.layout.root!r})"

    def _repr_html_(self) -> str | None:
        """Return a summary, for the end of a cell."""
        return seam.html_of(self)


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[-_MAX_LISTED:])
    return f"..., {shown}" if len(names) > _MAX_LISTED else shown or "none"


def workspace(path: str | os.PathLike[str]) -> Workspace:
    """Open a workspace that exists.

    Parameters
    ----------
    path
        The workspace directory.

    Returns
    -------
    Workspace
        Its tables: ``jobs()``, ``metrics()``, ``events()`` and ``outputs()``.

    Raises
    ------
    WorkspaceError
        There is no such directory, or it is no workspace.
    TypeError
        It is neither a string nor a Path.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"workspace({path!r}): give the directory, as a string or Path")
    found = Workspace(path)
    if found.exists():
        return found
    root = found.layout.root
    if not found.path.is_dir():
        raise WorkspaceError(
            f"there is no directory {root}; give the path of a workspace, which "
            f"experiment(path, name) creates (the current directory is {Path.cwd()})"
        )
    raise WorkspaceError(
        f"{root} is no workspace: it has no folder {Path(found.layout.jobs).name}; give the "
        "directory that was given to experiment(path, name)"
    )
