"""Keeps the cells of a kernel, as they were executed, beside the run that they submitted to."""

from __future__ import annotations

import logging
import platform
import threading
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from xpmnb.notebook.executed import executed_session
from xpmnb.notebook.ipynb import notebook_text
from xpmnb.records.notebooks import write_notebook
from xpmnb.version import __version__

if TYPE_CHECKING:
    from pathlib import Path

    from xpmnb.notebook.executed import Session
    from xpmnb.records.layout import RunLayout
    from xpmnb.scheduler.jobs import Job

_logger = logging.getLogger("xpmnb")


def attach_snapshot(layout: RunLayout, notebook: Path | None) -> Snapshot | None:
    """Return what keeps the cells of a new run; None where this process is no kernel.

    Parameters
    ----------
    layout : RunLayout
        The run.
    notebook : Path or None
        The notebook's own file, where it is known.
    """
    session = executed_session()
    return None if session is None else Snapshot(layout, session, notebook)


@dataclass(frozen=True, slots=True)
class _Wish:
    """What the writer is asked for."""

    count: int
    """How many cells the notebook is to have."""
    written: threading.Event | None = None
    """Set once they are on disk, or cannot be written."""
    is_last: bool = False


class Snapshot:
    """Observes a run, and keeps the cells that were executed up to its last submission.

    They are written at the first submission of each execution of a cell, and when somebody waits
    for the run, as who closes it does; so a kernel that is killed in the midst of a cell has left
    that cell, too. Who submits only counts the cells: a thread of its own writes them. It starts
    with the first submission, at the latest with :meth:`closed`, which joins it. Cells that cannot
    be written are told of once, and harm nothing.

    Threads: every method may be called from any thread.

    Parameters
    ----------
    layout : RunLayout
        The run.
    session : Session
        What the kernel executes.
    notebook : Path or None
        The notebook's own file, where it is known.
    """

    def __init__(self, layout: RunLayout, session: Session, notebook: Path | None) -> None:
        self._layout = layout
        self._session = session
        # Nothing of the run: runs with the same cells share one file.
        self._metadata = _metadata(notebook)
        self._asked = len(session.cells)
        """How many cells the notebook is to have."""
        self._written = -1
        """How many it has; none at all before the first writing."""
        self._has_failed = False
        self._wishes: SimpleQueue[_Wish] = SimpleQueue()
        self._writing = threading.Lock()
        self._is_closing = False
        self._writer: threading.Thread | None = None

    def submitted(self, _: Job) -> None:
        """Have the cells written, if these are the first news of an execution."""
        if self._session.unrecorded is not None:
            self._session.record()
        count = len(self._session.cells)
        if count != self._asked or self._writer is None:
            self._ask(_Wish(count))

    def changed(self, _: Job) -> None:
        """Do nothing: jobs are none of its business."""

    def flush(self, timeout_s: float) -> None:
        """Have the cells written that were executed since, and wait for it."""
        written = threading.Event()
        self._ask(_Wish(len(self._session.cells), written))
        written.wait(timeout_s)

    def closed(self) -> None:
        """See to it that there is a notebook, and end the writer."""
        # Not what was executed since: when a run ends by itself, the kernel is somewhere else.
        self._ask(_Wish(self._asked, is_last=True))
        writer = self._writer
        if writer is not None:
            writer.join()

    def _ask(self, wish: _Wish) -> None:
        # Without a lock, which a Ctrl-C may leave taken. Two threads that ask for the first time
        # at once start two writers, which do no harm.
        if self._is_closing:
            if wish.written is not None:
                wish.written.set()
            return
        if wish.is_last:
            self._is_closing = True
        if self._writer is None:
            # A daemon: leaving the kernel does not wait for a disk.
            writer = threading.Thread(target=self._work, name="xpmnb-snapshot", daemon=True)
            writer.start()
            self._writer = writer
        # Not before, so that the new thread lets this one go on.
        self._wishes.put(wish)
        self._asked = max(self._asked, wish.count)

    def _work(self) -> None:
        """Write until the run is closed: the writer's body."""
        is_over = False
        while not is_over:
            wishes = [self._wishes.get()]
            with suppress(Empty):
                while True:
                    wishes.append(self._wishes.get_nowait())
            with self._writing:
                count = max(wish.count for wish in wishes)
                if count > self._written:
                    self._write(count)
            for wish in wishes:
                if wish.written is not None:
                    wish.written.set()
                if wish.is_last:
                    is_over = True
                    # For a second writer, if there is one: a Ctrl-C may hide the first.
                    self._wishes.put(wish)

    def _write(self, count: int) -> None:
        try:
            write_notebook(self._layout, notebook_text(self._session.texts(count), self._metadata))
            self._written = count
        except Exception as error:
            # The border of observers: what is kept beside the jobs never stops them.
            if not self._has_failed:
                self._has_failed = True
                _logger.warning(
                    "the cells of run %s cannot be kept in its notebook: %s",
                    self._layout.path,
                    error,
                    exc_info=not isinstance(error, OSError),
                )


def _metadata(notebook: Path | None) -> dict[str, Any]:
    """Return what a notebook says of itself."""
    return {
        "kernelspec": {
            "display_name": "Python 3 (ipykernel)",
            "language": "python",
            "name": "python3",
        },
        "language_info": {
            "file_extension": ".py",
            "mimetype": "text/x-python",
            "name": "python",
            "nbconvert_exporter": "python",
            "pygments_lexer": "ipython3",
            "version": platform.python_version(),
        },
        "xpmnb": {
            "format": 1,
            "notebook": None if notebook is None else str(notebook),
            "version": __version__,
        },
    }
