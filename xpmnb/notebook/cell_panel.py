"""The panel of one execution of a cell: which jobs it shows, and which rows are out of date.

How it is drawn is the view's affair: nothing here knows widgets. When it is painted is decided by
``feed.py``.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Protocol

from xpmnb.notebook.rows import Row, headline
from xpmnb.notebook.table import table_html
from xpmnb.notebook.watched import WatchedJob, row_of

# A page takes a panel with unfinished jobs for dead when it hears nothing for three of these: a
# front end tells nobody that its kernel was shut down.
BEAT_S = 5.0


class PanelView(Protocol):
    """Draws one panel. Only the thread of the feed calls it, but for the first `show`."""

    @property
    def rows(self) -> list[Row]:
        """The list of all rows, which the feed keeps up to date in place."""
        ...

    def show(self) -> None:
        """Display the live table, or bring it back in the place where it was settled."""
        ...

    def send_rows(self, changed: list[Row]) -> None:
        """Redraw these rows; `rows` holds them already."""
        ...

    def settle(self, html: str, plain: str) -> None:
        """Put a page without life in the live table's place, and keep little."""
        ...


# Called with the action and the row's key when a person clicks; from any thread.
OnAction = Callable[[str, str], None]
OpenView = Callable[[list[Row], OnAction], PanelView]


class Panel:
    """The jobs that one execution of a cell submitted, and the view that shows them.

    Threads: `add` and `release` under the feed's lock, `act` anywhere, all else by the painter.

    Parameters
    ----------
    cell : str or None
        The execution that the panel belongs to.
    open_view : callable
        Makes the view of given rows.
    first : WatchedJob
        The job whose submission opens the panel.
    wake : callable
        Wakes the painter.
    note : str
        What stands below the final table.
    """

    def __init__(
        self,
        cell: str | None,
        open_view: OpenView,
        first: WatchedJob,
        wake: Callable[[], None],
        *,
        note: str = "",
    ) -> None:
        self.cell = cell
        self._note = note
        self.jobs: dict[str, WatchedJob] = {}
        # Keys of the jobs that had not ended when they were last looked at.
        self.live: set[str] = set()
        self.dead = False
        self.settled = False
        self.final_since: float | None = None
        self.sent_at = time.monotonic()
        self._wake = wake
        self._places: dict[str, int] = {first.id: 0}
        self._pending: dict[str, None] = {}
        self._resync = False
        self.view = open_view([row_of(first)], self.act)

    def add(self, job: WatchedJob) -> None:
        """Take one more job in, or the newest submission of one that is there."""
        self.jobs[job.id] = job
        self.live.add(job.id)

    def note(self, key: str) -> None:
        """Remember that a job's row is out of date."""
        self._pending[key] = None

    def note_live(self) -> None:
        """Look again at every job that has not ended, news or none."""
        self._pending.update(dict.fromkeys(list(self.live)))

    def paint(self) -> int:
        """Bring the rows up to date and send those that changed; return the messages sent."""
        pending, self._pending = self._pending, {}
        jobs = [self.jobs[key] for key in pending if key in self.jobs]
        if not jobs and not self._resync:
            return self._beat()
        if self.settled:
            self.view.show()
            self._places = {row["key"]: place for place, row in enumerate(self.view.rows)}
            self.settled = False
        changed = [self._put(job) for job in jobs]
        self.final_since = None if self.live else self.final_since or time.monotonic()
        resync, self._resync = self._resync, False
        self.view.send_rows(list(self.view.rows) if resync else changed)
        self.sent_at = time.monotonic()
        return 1

    def _beat(self) -> int:
        """Send a sign of life if one is due; return the messages sent."""
        if self.beat_due() > time.monotonic():
            return 0
        self.view.send_rows([])
        self.sent_at = time.monotonic()
        return 1

    def beat_due(self) -> float:
        """Return when the next sign of life is due, on the monotonic clock; never if all ended."""
        return self.sent_at + BEAT_S if self.live and not self.dead else math.inf

    def release(self) -> list[WatchedJob]:
        """Let the jobs go and return them; the panel is settled from now on."""
        jobs = list(self.jobs.values())
        self.jobs = {}
        self.settled = True
        self.final_since = None
        return jobs

    def settle(self, jobs: list[WatchedJob]) -> None:
        """Send all rows once more, then put the final table in the live one's place."""
        for job in jobs:
            self._put(job)
        unfinished = sum(not row["final"] for row in self.view.rows)
        rows = list(self.view.rows)
        # A message that the server dropped on the way would leave a row behind for ever.
        self.view.send_rows(rows)
        end = f"The run was closed before {unfinished:,} of them ended." if unfinished else ""
        note = f"{self._note} {end}".strip()
        self.view.settle(table_html(rows, note=note, now=time.time()), headline(rows))
        self._places = {}

    def act(self, action: str, key: str) -> None:
        """Do what a click asks for, without waiting."""
        job = self.jobs.get(key)
        if action == "stop" and job is not None:
            job.cancel()
        elif action == "sync" and self.jobs:
            # A page that begins to listen late has missed messages.
            self._resync = True
            self._wake()

    def _put(self, job: WatchedJob) -> Row:
        row = row_of(job)
        place = self._places.setdefault(job.id, len(self.view.rows))
        self.view.rows[place : place + 1] = [row]
        if row["final"]:
            self.live.discard(job.id)
        else:
            self.live.add(job.id)
        return row
