"""What a handle knows of a job without asking anybody: its names and places, and its notebook."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from xpmnb.records.job_directory import read_submitter, submitter_of
from xpmnb.records.states import JobState

if TYPE_CHECKING:
    from xpmnb.records.layout import JobLayout
    from xpmnb.scheduler.runs import Run

# How long who asks for a notebook waits for what is being written.
_WRITE_TIMEOUT_S = 2.0


class JobFiles:
    """Names and places of a job. Any thread.

    Parameters
    ----------
    layout : JobLayout
        The files of the job.
    """

    __slots__ = ("_layout", "id", "name", "origin")

    state: JobState
    run: Run | None

    def __init__(self, layout: JobLayout) -> None:
        self._layout = layout
        # Kept, not computed from the path: they are read again and again while a job runs.
        self.id: str = layout.identifier
        """The identifier: 64 hexadecimal digits."""
        self.name: str = layout.name
        """The short name of the task: ``train``."""
        self.origin: str | None = None
        """The run that submitted it, ``<experiment>/<run>``; None for a job of earlier sessions."""

    @property
    def layout(self) -> JobLayout:
        """The names of all files of the job."""
        return self._layout

    @property
    def path(self) -> Path:
        """The job directory. A job that still waits may have none yet."""
        return Path(self._layout.path)

    @property
    def stdout(self) -> Path:
        """The file with what the job printed."""
        return Path(self._layout.stdout)

    @property
    def stderr(self) -> Path:
        """The file with what the job wrote to standard error."""
        return Path(self._layout.stderr)

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
