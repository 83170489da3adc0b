"""What a handle knows of a job without asking anybody: its names and places."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xpmnb.records.layout import JobLayout


class JobFiles:
    """Names and places of a job. Any thread.

    Parameters
    ----------
    layout : JobLayout
        The files of the job.
    """

    __slots__ = ("_layout", "id", "name", "note")

    def __init__(self, layout: JobLayout) -> None:
        self._layout = layout
        # Kept, not computed from the path: they are read again and again while a job runs.
        self.id: str = layout.identifier
        """The identifier: 64 hexadecimal digits."""
        self.name: str = layout.name
        """The short name of the task: ``train``."""
        self.note = ""
        """Where its result came from, or is likely to be, if that is under another name."""

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
