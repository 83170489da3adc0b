"""Which panels there are, and which of them show which jobs.

When they are painted is decided in ``feed.py``; what they show in ``cell_panel.py``.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from weakref import WeakSet

from xpmnb.notebook.cell_panel import Painter, Panel
from xpmnb.notebook.outlook import Outlook
from xpmnb.notebook.panel_view import Face, OnMessage, OpenView, PanelView
from xpmnb.notebook.rows import Row
from xpmnb.notebook.watched import WatchedJob, row_of

# A loop that submits and waits in turn would otherwise publish its table again and again.
GRACE_S = 2.0

# Runs that are closed still have panels, whose cells may be run again.
_boards: WeakSet[Board] = WeakSet()
_boards_lock = threading.Lock()

Told = Callable[[], str | None]


class Board:
    """The panels of a run: one for each execution of a cell that submitted, and overviews of all.

    Submissions of the main thread go to their cell's panel, those of other threads (callbacks) to
    the latest one, those of a click to the panel that was clicked. A job that failed is shown in
    every panel that showed it when it is submitted again.

    Threads: any; what the painter alone calls says so.

    Parameters
    ----------
    open_view : callable
        Makes the view of a panel.
    cell : callable
        Returns the key of the running execution of a cell, or None.
    place : callable
        Returns which cell of the notebook that is, or None.
    painter : Painter
        Paints them.
    """

    def __init__(self, open_view: OpenView, cell: Told, place: Told, painter: Painter) -> None:
        self._open_view = open_view
        self._cell = cell
        self._place = place
        self._painter = painter
        self._lock = threading.Lock()
        self._outlook = Outlook()
        self._clicked: dict[int, Panel] = {}
        self._closed = False
        self.panels: list[Panel] = []
        """All panels; replaced as a whole where one goes."""
        self._panels_of: dict[str, list[Panel]] = {}
        with _boards_lock:
            _boards.add(self)

    def join(self, job: WatchedJob, note: str) -> bool:
        """Show a job where it belongs, in a new panel if need be; false once it is closed.

        In the thread that submits: a display goes to the cell of its thread.
        """
        with self._lock:
            if self._closed:
                return False
            panel = self._panel_here()
            if panel is None:
                # The row is there before any page is: in the thread of the cell, which reads no
                # files to tell how long the job will take.
                panel = self._open([row_of(job)], Face(note=note), self._cell() or "")
            # Overviews show all; and a job that failed elsewhere is shown there as well.
            others = [each for each in self.panels if each.cell is None]
            for each in dict.fromkeys([panel, *others, *self._panels_of.get(job.id, ())]):
                if not each.dead:
                    self._watch(each, job)
        return True

    def open_overview(
        self, rows: list[Row], jobs: Iterable[WatchedJob], face: Face
    ) -> Panel | None:
        """Display a panel that shows what any cell submits; None once it is closed."""
        with self._lock:
            if self._closed:
                return None
            panel = self._open(rows, face)
            # What was submitted since somebody looked for jobs is in another panel already.
            others = [job for other in self.panels for job in list(other.jobs.values())]
            for job in [*jobs, *others]:
                self._watch(panel, job)
            panel.begin_to_settle()
        return panel

    def panels_of(self, key: str) -> Iterable[Panel]:
        """Return the panels that show a job."""
        return self._panels_of.get(key, ())

    def close(self) -> None:
        """Open no panels any more, and take no jobs."""
        with self._lock:
            self._closed = True

    def _open(self, rows: list[Row], face: Face, cell: str | None = None) -> Panel:
        """Display a new panel, of a cell or of all; the lock is held."""

        def open_view(on_message: OnMessage) -> PanelView:
            return self._open_view(rows, on_message, face)

        panel = Panel(open_view, face, self._painter, self._outlook)
        panel.place = self._place()
        panel.cell = cell
        with _boards_lock:
            boards = list(_boards)
        for board in boards:
            board.close_replaced(panel)
        panel.show()
        self.panels.append(panel)
        return panel

    def close_replaced(self, new: Panel) -> None:
        """Close the panels of earlier executions of a cell: its output is replaced. Any thread."""
        for panel in self.panels:
            is_replaced = panel.place is not None and panel.place == new.place
            if is_replaced and (panel.cell is None or panel.cell != new.cell):
                panel.is_replaced = True
                self._painter.heed(panel)

    def _watch(self, panel: Panel, job: WatchedJob) -> None:
        panel.add(job)
        watching = self._panels_of.setdefault(job.id, [])
        if panel not in watching:
            watching.append(panel)

    def _panel_here(self) -> Panel | None:
        """Return the panel that a submission of this thread belongs to; None for a new one."""
        clicked = self._clicked.get(threading.get_ident())
        if clicked is not None and not clicked.is_replaced:
            return clicked
        panels = [each for each in self.panels if each.cell is not None and not each.is_replaced]
        cell = None
        if threading.current_thread() is threading.main_thread():
            cell = self._cell()
        if cell is None:
            return panels[-1] if panels else None
        return next((panel for panel in reversed(panels) if panel.cell == cell), None)

    @contextmanager
    def clicking(self, panel: Panel) -> Iterator[None]:
        """Let what this thread submits go to the panel that was clicked."""
        thread = threading.get_ident()
        self._clicked[thread] = panel
        try:
            yield
        finally:
            del self._clicked[thread]

    def forget(self, panel: Panel) -> None:
        """Draw a panel no more. The painter."""
        panel.dead = True
        with self._lock:
            panel.release(for_good=True)
            self._unlink(panel, list(self._panels_of))

    def release(self, panel: Panel, *, urgent: bool, closing: bool) -> list[WatchedJob] | None:
        """Return the jobs of a panel that is to settle now, which it lets go; None for another.

        The painter.
        """
        # Locked, so that no submission gets in between the look and the release.
        with self._lock:
            if not closing:
                since = panel.final_since
                if panel.settled or since is None:
                    return None
                if not urgent and time.monotonic() - since < GRACE_S:
                    return None
                if panel.live or not all(job.state.is_final for job in panel.jobs.values()):
                    return None
            elif panel.settled:
                return None
            jobs = panel.release(for_good=closing)
            # What failed may be submitted again.
            self._unlink(panel, [job.id for job in jobs if job.id not in panel.jobs])
            return jobs

    def retire(self, panel: Panel) -> None:
        """Let go of the failed jobs of a settled panel, since the run is closed. The painter."""
        with self._lock:
            jobs = panel.release(for_good=True)
            self._unlink(panel, [job.id for job in jobs])

    def _unlink(self, panel: Panel, keys: list[str]) -> None:
        """Stop bringing news of these jobs to a panel, and forget it once its output is gone."""
        for key in keys:
            watching = self._panels_of.get(key, [])
            # A new list: the painter may be reading the old one.
            others = [other for other in watching if other is not panel]
            if others:
                self._panels_of[key] = others
            else:
                self._panels_of.pop(key, None)
                self._outlook.forget(key)
        # The others stay: pages may look at them more closely, and a broken one is not replaced.
        self.panels = [other for other in self.panels if not (other.dead and other.is_replaced)]
