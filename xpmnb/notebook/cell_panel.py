"""One panel: the jobs that it shows, which of its rows are out of date, and who looks closer.

How it is drawn is the view's affair: nothing here knows widgets. When it is painted is decided by
``feed.py``.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol

from xpmnb.notebook.cards import failure_of, look_up_end
from xpmnb.notebook.commands import ACTIONS, CLOSED, Saying, carry_out
from xpmnb.notebook.experiment_page import experiment_html
from xpmnb.notebook.failures import MAX_FAILURES, FailureWords
from xpmnb.notebook.looking import LinkFinder, Looking
from xpmnb.notebook.outlook import Outlook
from xpmnb.notebook.panel_view import Face, OnMessage, PanelView
from xpmnb.notebook.pictures import PICTURES
from xpmnb.notebook.publishing import Publishing, Repeating
from xpmnb.notebook.rows import Row, headline
from xpmnb.notebook.table import table_html
from xpmnb.notebook.watched import WatchedJob, row_of

# A page takes a panel with unfinished jobs for dead when it hears nothing for three of these: a
# front end tells nobody that its kernel was shut down.
BEAT_S = 5.0


class Painter(Protocol):
    """Paints panels, and carries out what a person asks for. Any thread."""

    def heed(self, panel: Panel) -> None:
        """Paint a panel soon: somebody looks at it, or something was said."""
        ...

    def enqueue(self, panel: Panel, command: Callable[[], None]) -> bool:
        """Carry out a click on a panel soon, in another thread; false if it is too late."""
        ...


class Panel:
    """Jobs that are shown together, and the view that shows them.

    Threads: `add` and `release` under the feed's lock, `hear` anywhere, all else by the painter.

    Parameters
    ----------
    view : callable
        Makes the view from what pages are to call.
    face : Face
        What it says of itself.
    painter : Painter
        Is told when there is something to paint or to do.
    outlook : Outlook
        Expects the ends of jobs.
    """

    def __init__(
        self,
        view: Callable[[OnMessage], PanelView],
        face: Face,
        painter: Painter,
        outlook: Outlook,
    ) -> None:
        self.face = face
        self.cell: str | None = None
        """The execution of a cell that it belongs to; None for an overview."""
        self.place: str | None = None
        """The cell in whose output it is, where that is known."""
        self.jobs: dict[str, WatchedJob] = {}
        """The handles of jobs that have not ended, or failed; of others until it is settled."""
        # Keys of the jobs that had not ended when they were last looked at.
        self.live: dict[str, None] = {}
        # Keys of jobs that came in and have not been painted: rows stand in this order.
        self._arrived: dict[str, None] = {}
        self.dead = False
        self.is_replaced = False
        """Whether its cell was run again, so that its output is gone."""
        self.settled = False
        self.final_since: float | None = None
        self.publishing = Publishing()
        self.repeating = Repeating()
        self.looking = Looking(PICTURES)
        self._sent_at = time.monotonic()
        self._painter = painter
        self._outlook = outlook
        self._pending: dict[str, None] = {}
        self._sayings: deque[Saying] = deque()
        self._failures: list[tuple[str, float | None, FailureWords]] = []
        self._resync = False
        self._packed = False
        self.view = view(self.hear)
        self._places = self._find_places()

    def show(self) -> None:
        """Display it; in the thread of the cell."""
        self.view.show(*self._page())

    def add(self, job: WatchedJob) -> None:
        """Take one more job in, or the newest submission of one that is there."""
        self.jobs[job.id] = job
        self.live[job.id] = None
        self._arrived[job.id] = None

    def begin_to_settle(self) -> None:
        """Begin to wait for more jobs, where none is live; before the painter knows of it."""
        if not self.live:
            self.final_since = time.monotonic()

    def note(self, key: str) -> None:
        """Remember that a job's row is out of date."""
        self._pending[key] = None

    def note_live(self) -> None:
        """Look again at every job that has not ended, news or none."""
        self._pending.update(dict.fromkeys(list(self.live)))

    def paint(self) -> int:
        """Send what is new: rows, what is looked at, what was said; return the messages sent."""
        arrived = list(self._arrived)
        for key in arrived:
            del self._arrived[key]
        pending, self._pending = self._pending, {}
        # News of jobs come in any order, also of such that arrived this moment.
        keys = dict.fromkeys([*arrived, *pending])
        jobs = [self.jobs[key] for key in keys if key in self.jobs]
        message = self._changes(jobs)
        message.update(self._looked_at())
        self._pack_if_idle()
        sayings = [self._sayings.popleft() for _ in range(len(self._sayings))]
        if sayings:
            message["said"] = [{"text": each.text, "tone": each.tone} for each in sayings]
        if not message and self.beat_due() > time.monotonic():
            return self._publish_if_due()
        self.view.send({"changed": [], "now": time.time(), **message})
        self._sent_at = time.monotonic()
        return 1 + self._publish_if_due()

    def _changes(self, jobs: list[WatchedJob]) -> dict[str, Any]:
        """Bring rows up to date; return those that changed, or all for a page that asks."""
        resync = self._resync or self.repeating.is_due
        if resync:  # not else: a page may ask just now
            self._resync = False
        if jobs or (self._packed and (resync or self.looking.is_active)):
            self._unpack()
        if jobs:
            self.settled = False
            before = len(self.view.rows)
            now = time.time()
            # Whoever waits looks at all that runs: what is as it was is not sent.
            put = [self._put(job, now) for job in jobs]
            changed = [row for row in put if row is not None]
            if changed:
                self.publishing.note_change(grown=len(self.view.rows) > before)
                self.looking.note_rows()
            self.final_since = None if self.live else self.final_since or time.monotonic()
        if resync:
            self.repeating.note_sent(len(self.view.rows))
            return {"changed": list(self.view.rows)}
        return {"changed": changed} if jobs and changed else {}

    def _looked_at(self) -> dict[str, Any]:
        if not self.looking.is_active:
            return {}
        rows = {row["key"]: row for row in self.view.rows}
        return self.looking.news(rows, self.jobs, LinkFinder(rows))

    def _publish_if_due(self) -> int:
        due = self.publishing.due_at()
        if due is None or due > time.monotonic() or self.settled:
            return 0
        self._publish(final=False)
        return 1

    def publish_now(self) -> None:
        """Renew what a page without kernel shows, where no live page was heard of."""
        if self.publishing.due_at() is not None and not self.publishing.heard:
            self._publish(final=False)

    def _publish(self, *, final: bool, end: str = "") -> None:
        html, plain = self._page(end)
        self.view.publish(html, plain, final=final)
        self.publishing.note_published(html)

    def _page(self, end: str = "") -> tuple[str, str]:
        rows = self.view.rows
        note = f"{self.face.note} {end}".strip()
        failures = self._read_failures(rows)
        page = partial(experiment_html, self.face.title) if self.face.title else table_html
        html = page(rows, now=time.time(), note=note, mark=self.view.mark, failures=failures)
        return html, headline(rows)

    def _read_failures(self, rows: list[Row]) -> dict[str, FailureWords]:
        """Return what the table tells of failures; each is read once."""
        failed = [row for row in rows if row["state"] == "error"][:MAX_FAILURES]
        known = {(key, end): words for key, end, words in self._failures}
        self._failures = [
            (row["key"], row["ended_at"], words)
            for row in failed
            if (
                words := known.get((row["key"], row["ended_at"]))
                or failure_of(row, look_up_end(row))
            )
        ]
        return {key: words for key, _, words in self._failures}

    def beat_due(self) -> float:
        """Return when the next sign of life is due, on the monotonic clock; never if all ended."""
        return self._sent_at + BEAT_S if self.live and not self.dead else math.inf

    def due_at(self) -> float:
        """Return when the panel has something to do by the clock, on the monotonic clock."""
        if self.dead:
            return math.inf
        looks = self.looking.period_s() if self.looking.is_active else None
        publish = None if self.settled else self.publishing.due_at()
        return min(
            self.beat_due(),
            self.repeating.due_at(),
            math.inf if looks is None else time.monotonic() + looks,
            math.inf if publish is None else publish,
        )

    def release(self, *, for_good: bool = False) -> list[WatchedJob]:
        """Let the jobs go that are done, and return all; the panel is settled from now on.

        Parameters
        ----------
        for_good : bool
            Whether those that failed go, too: nobody can have them run again any more.
        """
        jobs = list(self.jobs.values())
        self.jobs = {job.id: job for job in jobs if job.can_retry and not for_good}
        self.settled = True
        self.final_since = None
        return jobs

    def settle(self, jobs: list[WatchedJob]) -> None:
        """Send all rows once more, now or soon, publish the final table, and keep little."""
        now = time.time()
        changed = [row for job in jobs if (row := self._put(job, now)) is not None]
        changed += self._withdraw_retries()
        self.repeating.want()
        if self.repeating.is_due:
            changed = list(self.view.rows)
            self.repeating.note_sent(len(changed))
        unfinished = sum(not row["final"] for row in self.view.rows)
        self.view.send({"changed": changed, "now": now, **self._looked_at()})
        end = f"The run was closed before {unfinished:,} of them ended." if unfinished else ""
        self._publish(final=True, end=end)
        self._pack_if_idle()

    def retire(self) -> None:
        """Offer no retries any more, in a panel that is settled: its run is closed."""
        self._unpack()
        changed = self._withdraw_retries()
        if changed:
            self.view.send({"changed": changed, "now": time.time()})
        self._pack_if_idle()

    def say(self, saying: Saying) -> None:
        """Show for some seconds what came of an action. Any thread."""
        self._sayings.append(saying)
        self._painter.heed(self)

    def hear(self, message: Mapping[str, Any]) -> None:
        """Take what a page says, without waiting. Any thread."""
        action = message.get("action")
        if not isinstance(action, str):
            return
        if action == "sync":
            # A page that begins to listen late has missed messages.
            self.publishing.heard = True
            self._resync = True
            self.looking.begin_anew()
            self._painter.heed(self)
        elif action == "look":
            view, cards, drawings = (message.get(name) for name in ("view", "cards", "drawings"))
            if isinstance(view, str):
                self.looking.look(view, _texts(cards), _texts(drawings), message.get("turn"))
                self._painter.heed(self)
        elif action in ACTIONS:
            keys = _texts(message.get("keys"))
            jobs = list(self.jobs.values())
            if not self._painter.enqueue(self, lambda: self.say(carry_out(action, keys, jobs))):
                self.say(Saying(CLOSED, "failed"))

    def _withdraw_retries(self) -> list[Row]:
        """Offer no retry of jobs whose handles are gone; return the rows that this changes."""
        changed = []
        for place, row in enumerate(self.view.rows):
            if row["retry_words"] and row["key"] not in self.jobs:
                self.view.rows[place] = {**row, "retry_words": ""}
                changed.append(self.view.rows[place])
        if changed:
            self.view.annotate(CLOSED)
        return changed

    def _put(self, job: WatchedJob, now: float) -> Row | None:
        """Bring the row of a job up to date; return it if it changed."""
        row = row_of(job, self._outlook, now)
        place = self._places.setdefault(job.id, len(self.view.rows))
        before = self.view.rows[place : place + 1]
        if before != [row]:
            self.view.rows[place : place + 1] = [row]
        if not row["final"]:
            self.live[job.id] = None
        elif self.live.pop(job.id, job) is None:
            self._outlook.learn(job)
        return None if before == [row] else row

    def _find_places(self) -> dict[str, int]:
        return {row["key"]: place for place, row in enumerate(self.view.rows)}

    def _pack_if_idle(self) -> None:
        if self.settled and not self._packed and not self.looking.is_active:
            self.view.pack()
            self._packed = True
            self._places = {}
            self._failures = []

    def _unpack(self) -> None:
        if self._packed:
            self.view.unpack()
            self._packed = False
            self._places = self._find_places()


def _texts(value: object) -> list[str]:
    """Return the strings of a list that a page sent."""
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
