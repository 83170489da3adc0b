"""The jobs of one run of an experiment: those that failed, one of them, and stopping them all."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from xpmnb import seam
from xpmnb.analysis.run_tables import RunTables
from xpmnb.environment import EnvironmentKeeper
from xpmnb.errors import SubmissionError
from xpmnb.records.environments import read_environment
from xpmnb.scheduler.recalled import find_job

if TYPE_CHECKING:
    from xpmnb.analysis.workspace import Workspace
    from xpmnb.scheduler.jobs import Job
    from xpmnb.scheduler.runs import Run


class RunControl(RunTables):
    """Gives the jobs of a run, and stops them. Any thread."""

    workspace: Workspace

    @abstractmethod
    def _started(self) -> Run:
        """Return the run; an error if there is none yet."""

    @property
    def failed(self) -> list[Job]:
        """The jobs of this run that failed, in the order of their failing."""
        return list(self._started().failed.values())

    @property
    def environment(self) -> dict[str, Any] | None:
        """What this run runs in: Python, packages, the git commit, as the run has it on record.

        None where it could not be written; :func:`xpmnb.environment.collect_environment` lists the
        keys.
        """
        run = self._started()
        for each in run.observers:
            if isinstance(each, EnvironmentKeeper):
                each.wait()
        return read_environment(run.layout)

    def job(self, identifier: str) -> Job:
        """Return the handle of a job of this workspace, by its identifier.

        Parameters
        ----------
        identifier : str
            The identifier, or the first digits of it.

        Raises
        ------
        LookupError
            If there is no such job, or more than one.
        SubmissionError
            If it is run for somebody else and has not ended.
        """
        return find_job(identifier, self._started().handles, self.workspace.iter_job_layouts())

    def retry_failed(self) -> list[Job]:
        """Submit the tasks of all failed jobs of this run once more, and return at once.

        As :meth:`Job.retry` does for each; what others wait for comes first.

        Returns
        -------
        list of Job
            The handles of the new runs, in the order in which the jobs had failed.

        Raises
        ------
        SubmissionError
            If the experiment is closed.
        """
        return [job.retry() for job in self.failed]

    def _ipython_display_(self) -> None:
        """Show all jobs of the run, live while it is open; in a notebook, once it is started."""
        if not seam.in_notebook():
            raise NotImplementedError  # IPython then shows the text
        try:
            run = self._started()
        except SubmissionError:
            raise NotImplementedError from None
        workspace, name, layout = self._tabled()
        seam.show_run(name, run, workspace.run_records(name, layout))

    def cancel(self) -> int:
        """Ask all jobs of this run that have not ended to stop, and return at once.

        As :meth:`Job.cancel` does for each; :meth:`wait` waits for their ends. The experiment
        stays open: tasks that are submitted later are run.

        Returns
        -------
        int
            How many were asked.
        """
        # The newest first: what waits for another ends as cancelled, before the other dooms it.
        live = sorted(
            self._started().live.copy(), key=lambda job: job.submitted_at or 0.0, reverse=True
        )
        return sum([job.cancel() for job in live])


def run_of(control: RunControl) -> Run:
    """Return the run of an experiment, for rooms that show it.

    Raises
    ------
    SubmissionError
        If it was not started.
    """
    return control._started()  # noqa: SLF001 (of this room)
