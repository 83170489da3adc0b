"""Carries news from the scheduler's threads to panels: coalesced, a few times a second.

Decides what is painted and when. What a panel shows is in ``cell_panel.py``.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterable

from xpmnb.notebook.board import GRACE_S, Board
from xpmnb.notebook.cell_panel import Panel
from xpmnb.notebook.cells import cell_place, current_cell
from xpmnb.notebook.commands import CommandThread
from xpmnb.notebook.panel_view import Face, OpenView
from xpmnb.notebook.rows import Row
from xpmnb.notebook.watched import WatchedJob

PERIOD_S = 0.25
# A notebook server silently drops what exceeds 1,000 messages a second, all widgets together.
MESSAGES_PER_TICK = 40

_log = logging.getLogger("xpmnb")


class PanelFeed:
    """Observes the jobs of a run and paints the panels that show them.

    One thread paints all panels; it sleeps while nothing changes and ends with `closed`. What pages
    ask for afterwards is painted in a thread that lives for just that. A panel that cannot be drawn
    is logged once and left alone.

    Threads: every method may be called from any thread.

    Parameters
    ----------
    open_view : callable
        Makes the view of a panel from its first rows, what to call when a page says something, and
        what the panel says of itself.
    cell : callable
        Returns the key of the running execution of a cell, or None.
    place : callable
        Returns which cell of the notebook that is, or None.
    note : str
        What stands below each table.
    """

    def __init__(
        self,
        open_view: OpenView,
        *,
        cell: Callable[[], str | None] = current_cell,
        place: Callable[[], str | None] = cell_place,
        note: str = "",
    ) -> None:
        self._note = note
        self._board = Board(open_view, cell, place, self)
        self._lock = threading.Lock()
        self._commands = CommandThread()
        self._dirty: dict[str, None] = {}
        self._awake = False
        self._wake = threading.Event()
        self._hurry = threading.Event()
        self._waiting: list[threading.Event] = []
        self._turn = 0
        self._closing = False
        self._is_over = False
        self._is_heeded = False
        self._broken = False
        self._painter: threading.Thread | None = None
        self._late = CommandThread("xpmnb-late-panels")

    def submitted(self, job: WatchedJob) -> None:
        """Show a job that was just submitted, in the panel of the cell that submitted it."""
        try:
            if not self._broken and self._board.join(job, self._note):
                self._start_painter()
        except Exception:  # noqa: BLE001 - the border of panels: no display stops a submission
            self._broken = True
            _log.exception("No status panels can be shown; the jobs are not affected.")
        self.changed(job)

    def changed(self, job: WatchedJob) -> None:
        """Remember that a job has news; costs well under a microsecond but for the first news."""
        # No lock: storing is atomic, and the painter lowers the flag before it reads the keys, so
        # that news is either read now or wakes it again.
        self._dirty[job.id] = None
        if not self._awake:
            self._rouse()
        elif self._is_over:  # nobody paints any more: keep nothing
            self._dirty.clear()

    def show_all(self, rows: list[Row], jobs: Iterable[WatchedJob], title: str) -> bool:
        """Display a panel of all jobs of the run in the output of the running cell.

        Parameters
        ----------
        rows : list of Row
            Those of the jobs so far, in the order of submission.
        jobs : iterable of WatchedJob
            The handles of jobs that have not ended, or have failed.
        title : str
            What the panel is called.

        Returns
        -------
        bool
            Whether it is shown; false once the run is closed.
        """
        face = Face(title=title, note=self._note)
        panel = None if self._broken else self._board.open_overview(rows, jobs, face)
        if panel is None:
            return False
        self._start_painter()
        self._dirty.update(dict.fromkeys(list(panel.jobs)))
        self._rouse()
        return True

    def flush(self, timeout_s: float = 5.0) -> None:
        """Paint what is pending, and settle panels whose jobs have all ended, before returning.

        Called at the end of a wait in a cell: what executes saved notebooks sees updates only while
        a cell runs.

        Parameters
        ----------
        timeout_s : float
            The longest time to wait for the painter, in seconds.
        """
        painted = threading.Event()
        with self._lock:
            if self._painter is None or self._closing:
                return
            self._waiting.append(painted)
        self._hurry.set()
        self._rouse()
        painted.wait(timeout_s)

    def closed(self) -> None:
        """Paint the last states, publish every panel's final table and end the threads."""
        self._commands.close()
        self._board.close()
        with self._lock:
            self._closing = True
            painter = self._painter
            self._is_over = painter is None
        self._hurry.set()
        self._rouse()
        if painter is not None:
            painter.join()

    def _start_painter(self) -> None:
        with self._lock:
            if self._painter is None and not self._closing:
                self._painter = threading.Thread(target=self._run, name="xpmnb-panels", daemon=True)
                self._painter.start()

    def _rouse(self) -> None:
        self._awake = True
        self._wake.set()

    def enqueue(self, panel: Panel, command: Callable[[], None]) -> bool:
        """Carry out a click on a panel soon, in another thread; false once the run is closed."""

        def carry_out() -> None:
            with self._board.clicking(panel):
                command()

        return self._commands.add(carry_out)

    def heed(self, panel: Panel) -> None:
        """Paint a panel soon: somebody looks at it, or something was said."""
        # First of all, so that the painter either sees it or has said that it is over.
        self._is_heeded = True
        self._rouse()
        if self._is_over:
            # A page may still look at cards and logs. Not here: this may be the kernel's thread.
            self._late.add(lambda: self._attend_late(panel))

    def _run(self) -> None:
        """Paint until the run is closed: the painter thread's body."""
        while not self._closing:
            self._wake.wait(self._time_left())
            self._tick()
            # Paces the painter, unless somebody waits for it.
            if not self._closing:
                self._hurry.wait(PERIOD_S)
        self._tick()
        self._is_over = True
        if self._is_heeded:  # somebody did not see that yet
            self._late.add(self._tick)

    def _tick(self) -> None:
        # Lowered before the look, so that who hurries from now on is met at the next tick.
        self._hurry.clear()
        with self._lock:
            closing = self._closing
            waiting, self._waiting = self._waiting, []
        self._awake = self._is_heeded = False
        self._wake.clear()
        self._spread_news()
        urgent = closing or bool(waiting)
        budget = MESSAGES_PER_TICK
        # Whoever had to stand back at the last tick comes first at this one.
        turn, self._turn = self._turn, 0
        panels = self._board.panels[turn:] + self._board.panels[:turn]
        for place, panel in enumerate(panels):
            if budget <= 0 and not urgent:
                self._turn = (turn + place) % len(panels)
                self._rouse()
                break
            budget -= self._attend(panel, urgent=urgent, closing=closing)
        for painted in waiting:
            painted.set()

    def _spread_news(self) -> None:
        for key in list(self._dirty):
            del self._dirty[key]
            for panel in self._board.panels_of(key):
                panel.note(key)

    def _attend(self, panel: Panel, *, urgent: bool, closing: bool) -> int:
        """Paint and settle one panel as is due; return the number of messages that it took."""
        try:
            if panel.is_replaced:
                self._board.forget(panel)
                panel.view.close()
                return 1
            if panel.dead:
                return 0
            if urgent:
                panel.note_live()
            if closing:
                panel.repeating.hurry()
            messages = panel.paint()
            jobs = self._board.release(panel, urgent=urgent, closing=closing)
            if jobs is not None:
                if closing:
                    panel.repeating.hurry()
                panel.settle(jobs)
                messages += 2
            elif closing and panel.jobs:
                self._board.retire(panel)
                panel.retire()
            elif urgent:
                panel.publish_now()
        except Exception:  # noqa: BLE001 - the border of panels: logged, and drawn no more
            _log.exception("A status panel cannot be drawn any more; its jobs are not affected.")
            self._board.forget(panel)
            return 0
        return messages

    def _attend_late(self, panel: Panel) -> None:
        self._attend(panel, urgent=False, closing=False)

    def _time_left(self) -> float | None:
        """Return the seconds until a panel has something due by the clock; None if none has."""
        panels = self._board.panels
        due = [panel.due_at() for panel in panels]
        due += [each.final_since + GRACE_S for each in panels if each.final_since is not None]
        first = min(due, default=math.inf)
        return None if first == math.inf else max(0.0, first - time.monotonic())
