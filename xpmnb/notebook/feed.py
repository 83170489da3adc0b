"""Carries news from the scheduler's threads to panels: coalesced, a few times a second.

Decides what is painted and when. What a panel shows is in ``cell_panel.py``.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable

from xpmnb.notebook.cell_panel import OpenView, Panel
from xpmnb.notebook.cells import current_cell
from xpmnb.notebook.watched import WatchedJob

PERIOD_S = 0.25
# A notebook server silently drops what exceeds 1,000 messages a second, all widgets together.
MESSAGES_PER_TICK = 40
# A loop that submits and waits in turn would otherwise swap its panel to and fro.
GRACE_S = 2.0

_log = logging.getLogger("xpmnb")


class PanelFeed:
    """Observes the jobs of a run and keeps one panel for each execution of a cell.

    Submissions of the main thread go to their cell's panel, those of other threads (callbacks) to
    the latest one. One thread paints all panels; it sleeps while nothing changes and ends with
    `closed`. A panel that cannot be drawn is logged once and left alone.

    Threads: every method may be called from any thread.

    Parameters
    ----------
    open_view : callable
        Makes the view of a panel from its first rows and what to call when a person clicks.
    cell : callable
        Returns the key of the running execution of a cell, or None.
    note : str
        What stands below each final table; live ones have it from ``open_view``.
    """

    def __init__(
        self,
        open_view: OpenView,
        *,
        cell: Callable[[], str | None] = current_cell,
        note: str = "",
    ) -> None:
        self._note = note
        self._open_view = open_view
        self._cell = cell
        self._lock = threading.Lock()
        self._panels: list[Panel] = []
        self._panels_of: dict[str, list[Panel]] = {}
        self._dirty: dict[str, None] = {}
        self._awake = False
        self._wake = threading.Event()
        self._hurry = threading.Event()
        self._waiting: list[threading.Event] = []
        self._turn = 0
        self._closing = False
        self._broken = False
        self._painter: threading.Thread | None = None

    def submitted(self, job: WatchedJob) -> None:
        """Show a job that was just submitted, in the panel of the cell that submitted it."""
        try:
            self._join(job)
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
        """Paint the last states, turn every panel into a plain table and end the painter."""
        with self._lock:
            self._closing = True
            painter = self._painter
        self._hurry.set()
        self._rouse()
        if painter is not None:
            painter.join()

    def _rouse(self) -> None:
        self._awake = True
        self._wake.set()

    def _join(self, job: WatchedJob) -> None:
        with self._lock:
            if self._closing or self._broken:
                return
            panel = self._panel_here()
            if panel is None:
                panel = Panel(self._cell(), self._open_view, job, self._rouse, note=self._note)
                # Here and not in the painter: a display goes to the cell of its thread.
                panel.view.show()
                self._panels.append(panel)
            if panel.dead:
                return
            panel.add(job)
            watching = self._panels_of.setdefault(job.id, [])
            if panel not in watching:
                watching.append(panel)
            if self._painter is None:
                self._painter = threading.Thread(target=self._run, name="xpmnb-panels", daemon=True)
                self._painter.start()

    def _panel_here(self) -> Panel | None:
        """Return the panel that a submission of this thread belongs to; None for a new one."""
        cell = None
        if threading.current_thread() is threading.main_thread():
            cell = self._cell()
        if cell is None:
            return self._panels[-1] if self._panels else None
        return next((panel for panel in reversed(self._panels) if panel.cell == cell), None)

    def _run(self) -> None:
        """Paint until the run is closed: the painter thread's body."""
        while not self._closing:
            self._wake.wait(self._time_left())
            self._tick()
            # Paces the painter, unless somebody waits for it.
            if not self._closing:
                self._hurry.wait(PERIOD_S)
        self._tick()

    def _tick(self) -> None:
        # Lowered before the look, so that who hurries from now on is met at the next tick.
        self._hurry.clear()
        with self._lock:
            closing = self._closing
            waiting, self._waiting = self._waiting, []
        self._awake = False
        self._wake.clear()
        self._spread_news()
        urgent = closing or bool(waiting)
        budget = MESSAGES_PER_TICK
        # Whoever had to stand back at the last tick comes first at this one.
        turn, self._turn = self._turn, 0
        panels = self._panels[turn:] + self._panels[:turn]
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
            for panel in self._panels_of.get(key, ()):
                panel.note(key)

    def _attend(self, panel: Panel, *, urgent: bool, closing: bool) -> int:
        """Paint and settle one panel as is due; return the number of messages that it took."""
        if panel.dead:
            return 0
        try:
            if urgent:
                panel.note_live()
            messages = panel.paint()
            jobs = self._release(panel, urgent=urgent, closing=closing)
            if jobs:
                panel.settle(jobs)
                messages += 2
        except Exception:  # noqa: BLE001 - the border of panels: logged, and drawn no more
            _log.exception("A status panel cannot be drawn any more; its jobs are not affected.")
            panel.dead = True
            with self._lock:
                self._unlink(panel, panel.release())
            return 0
        return messages

    def _release(self, panel: Panel, *, urgent: bool, closing: bool) -> list[WatchedJob]:
        """Return the jobs of a panel that is to settle now, which it lets go; none for another."""
        # Locked, so that no submission gets in between the look and the release.
        with self._lock:
            if panel.settled:
                return []
            if not closing:
                since = panel.final_since
                if since is None or not (urgent or time.monotonic() - since >= GRACE_S):
                    return []
                if panel.live or not all(job.state.is_final for job in panel.jobs.values()):
                    return []
            jobs = panel.release()
            self._unlink(panel, jobs)
            return jobs

    def _unlink(self, panel: Panel, jobs: list[WatchedJob]) -> None:
        """Stop bringing news of these jobs to a panel, and forget it once it is not the latest."""
        for job in jobs:
            watching = self._panels_of.get(job.id, [])
            # A new list: the painter may be reading the old one.
            others = [other for other in watching if other is not panel]
            if others:
                self._panels_of[job.id] = others
            else:
                self._panels_of.pop(job.id, None)
        # The latest one stays: callbacks and later lines of its cell may still add to it.
        latest = self._panels[-1:]
        self._panels = [
            other
            for other in self._panels
            if other in latest or not (other.dead or (other.settled and not other.jobs))
        ]

    def _time_left(self) -> float | None:
        """Return the seconds until a panel has something due by the clock; None if none has."""
        due = [panel.beat_due() for panel in self._panels]
        due += [each.final_since + GRACE_S for each in self._panels if each.final_since is not None]
        first = min(due, default=math.inf)
        return None if first == math.inf else max(0.0, first - time.monotonic())
