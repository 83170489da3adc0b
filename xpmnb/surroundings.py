"""Where an attempt runs: streams, working directory, and how its code is asked to stop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from xpmnb import ownership, streams
from xpmnb.interruption import Interrupter
from xpmnb.streams import JobStream

if TYPE_CHECKING:
    from collections.abc import Callable

    from xpmnb.records.layout import JobLayout
    from xpmnb.runtime import JobContext


class Stopper(Protocol):
    """Lets a request to stop reach the code of a task, and nothing else."""

    @property
    def requested(self) -> bool:
        """Whether the job was asked to stop."""
        ...

    def request(self, message: str) -> None:
        """Ask the job to stop, in words for the task. Any thread."""
        ...

    def open(self) -> None:
        """Begin the stretch that can be interrupted; raises TaskCancelled if it was asked to."""
        ...

    def close(self) -> None:
        """End the stretch."""
        ...


class Surroundings(Protocol):
    """What is different between a thread of the kernel and a process of the job's own."""

    @property
    def stopper(self) -> Stopper:
        """What lets a request to stop reach the task."""
        ...

    @property
    def process_started(self) -> float | None:
        """When the process began, if it is the job's own."""
        ...

    @property
    def ends_at_once(self) -> bool:
        """Whether the end is written as soon as the job is asked to stop: it may be killed soon."""
        ...

    def open_streams(self, layout: JobLayout, *, keep: bool) -> tuple[JobStream, JobStream]:
        """Return the streams for standard output and error; ``keep`` what is in the files."""
        ...

    def enter(self, directory: str, context: JobContext) -> None:
        """Make this the place of the job: its directory, its streams, its context."""
        ...

    def leave(self) -> None:
        """Undo :meth:`enter`, where somebody else goes on here."""
        ...


class ThreadSurroundings:
    """A thread of the kernel.

    Parameters
    ----------
    enter : callable
        Makes a directory, given by its path, the working directory of the thread.
    """

    __slots__ = ("_enter", "ends_at_once", "process_started", "stopper")

    def __init__(self, enter: Callable[[str], None]) -> None:
        self.stopper: Stopper = Interrupter()
        self.process_started: float | None = None
        # Nothing can be killed here: until the task ends, nothing pretends that it has.
        self.ends_at_once = False
        self._enter = enter

    def open_streams(self, layout: JobLayout, *, keep: bool) -> tuple[JobStream, JobStream]:
        """Open the files that ``sys.stdout`` and ``sys.stderr`` of the thread lead to."""
        return JobStream(layout.stdout, keep=keep), JobStream(layout.stderr, keep=keep)

    def enter(self, directory: str, context: JobContext) -> None:
        """Bind the thread to the job, and change its directory."""
        ownership.bind(context)
        self._enter(directory)

    def leave(self) -> None:
        """Free the thread."""
        ownership.bind(None)
        streams.restore_umask()
