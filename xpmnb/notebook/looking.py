"""What pages look at more closely: open cards with their logs, and pictures of all jobs.

Nothing is read or drawn for what nobody looks at. What is sent, and when, is decided by the panel.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from xpmnb.notebook.cards import Card, Link, broken_card, card_of, link_to, look_up
from xpmnb.notebook.drawing import SOFT, picture, text_at
from xpmnb.notebook.log_tail import LogNews, LogTail
from xpmnb.notebook.rows import Row
from xpmnb.notebook.watched import WatchedJob
from xpmnb.records.events import JobRecord
from xpmnb.records.layout import JobLayout

# Pages that were closed without a word are forgotten, the oldest first; so are cards beyond count.
MAX_VIEWS = 16
MAX_CARDS = 40
MAX_TURNS = 64
_MAX_NAME = 100

CARD_PERIOD_S = 0.5
LOG_PERIOD_S = 0.25
PICTURE_PERIOD_S = 2.0
# A picture of thousands of jobs takes long; it is drawn so seldom that this share of time is spent.
_PICTURE_SHARE = 0.05
# What a job printed last may reach its files a moment after its end is known.
_LOG_GRACE_S = 2.0

_log = logging.getLogger("xpmnb")

Draw = Callable[[list[Row]], str]


@dataclass
class _OpenCard:
    """A card that somebody looks at."""

    logs: tuple[LogTail, ...]
    row: Row | None = None
    record: JobRecord | None = None
    notices: list[str] = field(default_factory=list)
    sent: Card | None = None
    at: float = -1e9
    is_late: bool = False
    """Whether there is a newer row, which waits for its time."""
    read_until: float | None = None
    is_read: bool = False
    """Whether its logs are read to the end, as far as its row tells."""
    is_broken: bool = False


@dataclass
class _Picture:
    """A picture that somebody looks at."""

    sent: str = ""
    at: float = -1e9
    period_s: float = PICTURE_PERIOD_S
    is_due: bool = True
    is_broken: bool = False


class Looking:
    """Tells what is new for those who look at the jobs of one panel.

    Threads: `look` and `begin_anew` anywhere; all else by the painter.

    Parameters
    ----------
    draw : dict
        Functions from all rows to a picture as SVG, by its name.
    """

    def __init__(self, draw: Mapping[str, Draw]) -> None:
        self._draw = draw
        self._views: dict[str, tuple[list[str], list[str]]] = {}
        self._turns: dict[str, float] = {}
        self._cards: dict[str, _OpenCard] = {}
        self._pictures: dict[str, _Picture] = {}
        self._anew = False
        self._lock = threading.Lock()

    def look(
        self, view: str, cards: Iterable[str], drawings: Iterable[str], turn: object = None
    ) -> None:
        """Take what one view shows open now, instead of what it showed before.

        Parameters
        ----------
        view : str
            The view.
        cards, drawings : iterable of str
            All that it shows open: keys of jobs, and names of pictures.
        turn : object
            Grows with each message of a page. A kernel hears pages on several threads, while a
            cell runs and after it: what a view said before is no news.
        """
        view = view[:_MAX_NAME]
        wanted = list(cards)[:MAX_CARDS], [each for each in drawings if each in self._draw]
        with self._lock:
            if isinstance(turn, (int, float)):
                if turn < self._turns.get(view, turn):
                    return
                self._turns.pop(view, None)
                self._turns[view] = turn
                self._turns = dict(list(self._turns.items())[-MAX_TURNS:])
            views = dict(self._views)
            views.pop(view, None)
            if any(wanted):
                views[view] = wanted
            # Replaced as a whole: the painter may be reading it.
            self._views = dict(list(views.items())[-MAX_VIEWS:])

    def begin_anew(self) -> None:
        """Send everything once more: a new page asks. Any thread."""
        self._anew = True

    def _forget_sent(self) -> None:
        self._anew = False
        for key, card in self._cards.items():
            self._cards[key] = _OpenCard(tuple(each.again() for each in card.logs))
        for seen in self._pictures.values():
            seen.sent, seen.is_due = "", True

    def note_rows(self) -> None:
        """Take the news that rows changed: pictures of them are out of date."""
        for seen in self._pictures.values():
            seen.is_due = True

    def period_s(self) -> float | None:
        """Return after how many seconds to look again; None if only for news."""
        if any(not card.is_read for card in self._cards.values()):
            return LOG_PERIOD_S
        due = [each.at + each.period_s for each in self._pictures.values() if each.is_due]
        due += [card.at + CARD_PERIOD_S for card in self._cards.values() if card.is_late]
        return max(0.0, min(due) - time.monotonic()) if due else None

    @property
    def is_active(self) -> bool:
        """Whether anybody looks at anything."""
        return bool(self._views or self._cards or self._pictures)

    def news(
        self, rows: Mapping[str, Row], jobs: Mapping[str, WatchedJob], links: LinkFinder
    ) -> dict[str, Any]:
        """Return what is new, as parts of a message; empty for nothing.

        Parameters
        ----------
        rows : dict
            The rows of the panel by key.
        jobs : dict
            The handles that are there, by key.
        links : LinkFinder
            Finds which jobs need which.
        """
        if self._anew:
            self._forget_sent()
        self._open(rows)
        now = time.monotonic()
        message: dict[str, Any] = {}
        cards = {key: self._card(key, rows[key], jobs.get(key), links, now) for key in self._cards}
        changed = {key: card for key, card in cards.items() if card is not None}
        if changed:
            message["cards"] = changed
        logs = [news for key in self._cards for news in self._logs(key, now)]
        if logs:
            message["logs"] = logs
        drawings = self._drawings(list(rows.values()), now) if self._pictures else {}
        if drawings:
            message["drawings"] = drawings
        return message

    def _wanted_cards(self) -> dict[str, None]:
        return dict.fromkeys(key for cards, _ in self._views.values() for key in cards)

    def _open(self, rows: Mapping[str, Row]) -> None:
        wanted = self._wanted_cards()
        for key in [key for key in self._cards if key not in wanted]:
            del self._cards[key]
        for key in wanted:
            if key not in self._cards and key in rows:
                layout = JobLayout(rows[key]["path"])
                paths = {"out": layout.stdout, "err": layout.stderr}
                logs = tuple(LogTail(key, name, path) for name, path in paths.items())
                self._cards[key] = _OpenCard(logs)
        pictures = {name for _, names in self._views.values() for name in names}
        self._pictures = {name: self._pictures.get(name, _Picture()) for name in pictures}

    def _card(
        self, key: str, row: Row, job: WatchedJob | None, links: LinkFinder, now: float
    ) -> Card | None:
        """Return a card if it is new."""
        card = self._cards[key]
        if row is card.row:
            return None
        # The last change of all is never put off.
        card.is_late = now - card.at < CARD_PERIOD_S and not row["final"]
        if card.is_late:
            return None
        before, card.row, card.at = card.row, row, now
        if not row["final"] or before is None or not before["final"]:
            card.read_until, card.is_read = None, False
        if card.is_broken:
            return None
        try:
            if card.record is None or before is None or _has_moved(before, row):
                card.record, card.notices = look_up(row)
            new = card_of(row, card.record, card.notices, job, links.of(key))
        except Exception:  # noqa: BLE001 - the border of panels: the rows and other cards go on
            card.is_broken = True
            _log.exception("The card of %s %s cannot be drawn.", row["name"], key[:8])
            new = broken_card(row)
        if new == card.sent:
            return None
        card.sent = new
        return new

    def _logs(self, key: str, now: float) -> list[LogNews]:
        card = self._cards[key]
        if card.is_read:
            return []
        if card.row is None or not card.row["final"]:
            # A job that does not run prints nothing: one look is enough.
            card.is_read = card.row is not None and card.row["state"] != "running"
        else:
            card.read_until = card.read_until or now + _LOG_GRACE_S
            card.is_read = now >= card.read_until
        found = [log.read_news() for log in card.logs]
        return [news for news in found if news is not None]

    def _drawings(self, rows: list[Row], now: float) -> dict[str, str]:
        drawn = {}
        for name, seen in self._pictures.items():
            if not seen.is_due or now - seen.at < seen.period_s:
                continue
            began = time.monotonic()
            seen.at, seen.is_due = now, False
            svg = seen.sent if seen.is_broken else self._drawn(name, rows, seen)
            seen.period_s = max(PICTURE_PERIOD_S, (time.monotonic() - began) / _PICTURE_SHARE)
            if svg != seen.sent:
                seen.sent = drawn[name] = svg
        return drawn

    def _drawn(self, name: str, rows: list[Row], seen: _Picture) -> str:
        """Return a picture; of one that cannot be drawn, a picture that says so."""
        try:
            return self._draw[name](rows)
        except Exception:  # noqa: BLE001 - the border of panels: the rows and other pictures go on
            seen.is_broken = True
            _log.exception("The %s of a panel cannot be drawn; its jobs are not affected.", name)
            words = "This picture cannot be drawn; the log of the kernel says why."
            return picture(400, 40, words, text_at(10, 24, words, more=f'fill="{SOFT}"'))


class LinkFinder:
    """Finds which jobs of a panel need which. The painter.

    Parameters
    ----------
    rows : dict
        The rows of the panel by key.
    """

    def __init__(self, rows: Mapping[str, Row]) -> None:
        self._rows = rows
        self._needed_by: dict[str, list[str]] | None = None

    def of(self, key: str) -> tuple[list[Link], list[Link]]:
        """Return links to the jobs that a job needs, and to those that need it."""
        if self._needed_by is None:
            self._needed_by = {}
            for row in self._rows.values():
                for need in row["needs"]:
                    self._needed_by.setdefault(need, []).append(row["key"])
        needs = self._rows[key]["needs"]
        return self._links(needs), self._links(self._needed_by.get(key, ()))

    def _links(self, keys: Iterable[str]) -> list[Link]:
        # A job that was submitted in another cell has no row here.
        return [
            link_to(self._rows[key]) if key in self._rows else (key, key[:8], "", "waiting")
            for key in keys
        ]


def _has_moved(before: Row, row: Row) -> bool:
    """Tell whether what is on record may differ: another state, attempt or message."""
    return _record_of(before) != _record_of(row)


def _record_of(row: Row) -> tuple[object, ...]:
    return row["state"], row["started_at"], row["ended_at"], row["retries"], row["message"]
