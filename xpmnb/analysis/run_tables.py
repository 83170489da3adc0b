"""The tables of one run of an experiment."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from xpmnb.analysis.workspace import Workspace


class RunTables(ABC):
    """Gives the tables of a run; each call reads the files anew. Any thread."""

    @abstractmethod
    def _tabled(self) -> tuple[Workspace, str, str]:
        """Return workspace, name of the experiment and name of the run, all on disk."""

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
        workspace, name, run = self._tabled()
        return workspace.jobs(name, runs or run)

    def metrics(self, runs: str | None = None) -> pd.DataFrame:
        """Return a table with a row for each ``log()`` call of the jobs; see :meth:`jobs`."""
        workspace, name, run = self._tabled()
        return workspace.metrics(name, runs or run)

    def events(self, runs: str | None = None) -> pd.DataFrame:
        """Return a table with a row for each event of the jobs; see :meth:`jobs`."""
        workspace, name, run = self._tabled()
        return workspace.events(name, runs or run)

    def outputs(self, runs: str | None = None) -> pd.DataFrame:
        """Return a table with a row for each output that jobs registered; see :meth:`jobs`."""
        workspace, name, run = self._tabled()
        return workspace.outputs(name, runs or run)
