"""What a person does with the handle of a job once it has ended."""

from __future__ import annotations

from typing import Any

from xpmnb import seam
from xpmnb.scheduler.job_files import JobFiles


class Afterwards(JobFiles):
    """What can be asked of a job that has ended. Each method says in which thread."""

    __slots__ = ()

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
