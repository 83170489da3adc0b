"""What a person does with the handle of a job once it has ended."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from xpmnb import seam
from xpmnb.code import Code
from xpmnb.code_diff import CodeDiff, code_diff
from xpmnb.core.model import ResumableTask
from xpmnb.errors import SubmissionError
from xpmnb.records.codes import read_code
from xpmnb.records.job_directory import read_ran_code, read_submitter, submitter_of
from xpmnb.records.states import JobState
from xpmnb.scheduler.job_future import JobFuture

if TYPE_CHECKING:
    from xpmnb.records.layout import JobLayout
    from xpmnb.scheduler.jobs import Job
    from xpmnb.scheduler.runs import Run

# How long who asks for a notebook waits for what is being written.
_WRITE_TIMEOUT_S = 2.0


class Afterwards(JobFuture):
    """What can be asked of a job that has ended. Each method says in which thread.

    Parameters
    ----------
    layout : JobLayout
        The files of the job.
    """

    __slots__ = ("code", "code_before", "code_changed", "origin")

    run: Run | None
    task: Any

    def __init__(self, layout: JobLayout) -> None:
        super().__init__(layout)
        self.code: Code | None = None
        """Its code, as it was when the task was submitted."""
        self.code_before: str | None = None
        """Hash of the other code that it was done by before; None if there was none."""
        self.code_changed = False
        """Whether its result was made by other code than the task has now."""
        self.origin: str | None = None
        """The run that submitted it, ``<experiment>/<run>``; None for a job of earlier sessions."""

    @property
    def notebook(self) -> Path | None:
        """The cells as they were executed when the job was submitted: a notebook of Jupyter.

        It is that of the run that submitted the job; where the job was done before, or is run for
        somebody else, of the run that really started it. None for jobs of scripts and shells.
        """
        has_begun = self.state == JobState.RUNNING or self.state.is_final
        if has_begun or Path(self._layout.done).exists():  # submitted a moment ago, done long ago
            run = read_submitter(self._layout)
        else:  # what is on record may be of an earlier attempt
            run = submitter_of(self._layout, self.origin)
        if run is None:
            return None
        path = Path(run.notebook)
        if self.run is not None and not path.is_file():
            self.run.refresh(_WRITE_TIMEOUT_S)  # it may be about to be written
        return path if path.is_file() else None

    def debug(self) -> Any:
        """Run a failed job again in this kernel, and open the debugger where it fails.

        The job runs in the calling thread, on a copy of its directory: a resumable task goes on
        from its last checkpoint, any other begins in an empty directory. The job itself stays as
        it is. Classes are taken as the cells of this kernel declare them *now*, so that a mended
        one is tried; those that none declares come from the program of the job.

        Returns
        -------
        Any
            What ``execute`` returned, if the job did not fail this time. None after the debugger
            was left: the error is not raised again, and ``%debug`` opens it once more.

        Raises
        ------
        DebugError
            If the job has not failed, its files cannot be read, or it is called inside a job.
        """
        return seam.debug_job(self)

    def retry(self) -> Job:
        """Submit the task of a failed job once more, as it was submitted, and return at once.

        A resumable task goes on from its directory; of any other, what the failed run left goes
        to the trash. Failed jobs that it waits for are submitted before it. Any thread.

        Returns
        -------
        Job
            The handle of the new run; the live one, if the task was submitted again meanwhile.

        Raises
        ------
        SubmissionError
            If the job is done or has not ended, its experiment is closed, or it was not submitted
            in this kernel.
        """
        if self.state != JobState.ERROR:
            words = "is done" if self.state.is_final else "has not ended"
            message = f"{self!r} {words}: only a job that failed can be run again"
            raise SubmissionError(message)
        if self.run is None or self.run.resubmit is None or self.task is None:
            message = (
                f"{self!r} was not submitted in this kernel: run the cell that submits its task"
            )
            raise SubmissionError(message)
        return self.run.resubmit(self)

    def code_diff(self) -> CodeDiff:
        """Return how the code of the task differs from that of the result it was done by before.

        Returns
        -------
        CodeDiff
            From the older code to that of the last submission: text for ``print``, colours in a
            notebook, and false if there is no change. Of a job that was run again because its
            code changed, the change that was the reason.

        Raises
        ------
        SubmissionError
            If the task was not submitted in this kernel, so that its present code is not known.
        """
        if self.code is None:
            message = (
                f"{self!r} was not submitted in this kernel, so its code now is not known: submit "
                "the task, or compare two jobs with xpmnb.diff(a, b)"
            )
            raise SubmissionError(message)
        before = self.code_before or read_ran_code(self._layout)
        if before is None or before == self.code.digest:
            return code_diff(self.code, self.code)
        return code_diff(read_code(self._layout.workspace, before) or Code(before, {}), self.code)

    @property
    def can_retry(self) -> bool:
        """Whether it failed, and :meth:`retry` can submit it once more."""
        return self.state == JobState.ERROR and self.run is not None and self.task is not None

    @property
    def is_resumable(self) -> bool:
        """Whether its task is a ResumableTask; false of a handle that has no task any more."""
        return isinstance(self.task, ResumableTask)

    @property
    def ran_code(self) -> str | None:
        """Hash of the code that it runs, or ran, with."""
        if self.code_changed or self.code is None:
            return self.code_before
        return self.code.digest
