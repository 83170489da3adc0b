"""When the saved table of a live panel is renewed: seldom, and the seldomer the larger it is.

A notebook may be saved, or its kernel killed, at any moment: what it shows then is the last table
that was published. A page that draws the live panel needs none of them.
"""

from __future__ import annotations

import math
import time

# With a live page the table is for the file alone; without one it is all that a person sees.
LIVE_PERIOD_S = 20.0
STILL_PERIOD_S = 1.0
LIVE_BYTES_PER_S = 10_000
STILL_BYTES_PER_S = 200_000
# When submissions have paused for so long, the cell has probably submitted all of its jobs.
QUIET_S = 1.5
GROWN_PERIOD_S = 3.0
GROWN_BYTES_PER_S = 50_000

# All rows are sent once more so seldom: a loop that submits and waits ends again and again.
REPEAT_PERIOD_S = 2.0
REPEAT_ROWS_PER_S = 500


class Repeating:
    """Decides when a page is sent all rows once more, when all has ended. The painter.

    A message that a server dropped on the way would otherwise leave a row behind for ever.
    """

    def __init__(self) -> None:
        self._is_wanted = False
        self._next_at = -math.inf

    def want(self) -> None:
        """Have all rows sent once more, at once or soon."""
        self._is_wanted = True

    def hurry(self) -> None:
        """Put nothing off from now on: the run is about to be closed."""
        self._next_at = -math.inf

    def note_sent(self, rows: int) -> None:
        """Take the news that so many rows were sent, which were all."""
        self._is_wanted = False
        self._next_at = time.monotonic() + max(REPEAT_PERIOD_S, rows / REPEAT_ROWS_PER_S)

    def due_at(self) -> float:
        """Return when all rows are due, on the monotonic clock; never if they are not wanted."""
        return self._next_at if self._is_wanted else math.inf

    @property
    def is_due(self) -> bool:
        """Whether all rows are due now."""
        return self.due_at() <= time.monotonic()


class Publishing:
    """Decides when a panel's table is due. The painter; `heard` may be set by any thread."""

    def __init__(self) -> None:
        self.heard = False
        """Whether a page has said that it draws the live panel."""
        self._at = time.monotonic()
        self._bytes = 0
        self._is_stale = False
        self._grown_at: float | None = None

    def note_change(self, *, grown: bool) -> None:
        """Take the news that rows changed, or that there are more of them."""
        self._is_stale = True
        if grown:
            self._grown_at = time.monotonic()

    def note_published(self, html: str) -> None:
        """Take the news that the table is published."""
        self._at = time.monotonic()
        self._bytes = len(html)
        self._is_stale = False
        self._grown_at = None

    def due_at(self) -> float | None:
        """Return when the table is due, on the monotonic clock; None while nothing has changed."""
        if not self._is_stale:
            return None
        if not self.heard:
            return self._at + max(STILL_PERIOD_S, self._bytes / STILL_BYTES_PER_S)
        usual = self._at + max(LIVE_PERIOD_S, self._bytes / LIVE_BYTES_PER_S)
        if self._grown_at is None:
            return usual
        least = self._at + max(GROWN_PERIOD_S, self._bytes / GROWN_BYTES_PER_S)
        return min(usual, max(least, self._grown_at + QUIET_S))
