"""What draws a panel, as the panel sees it, and what the panel says of itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from xpmnb.notebook.pictures import PICTURES
from xpmnb.notebook.rows import Row


@dataclass(frozen=True, slots=True)
class Face:
    """What a panel says of itself. Immutable; any thread."""

    title: str = ""
    """What it shows; empty for the jobs of a cell."""
    note: str = ""
    """What stands below the table."""
    views: tuple[str, ...] = ("jobs", *PICTURES)
    """What it can show of its jobs."""


PLAIN_FACE = Face()
"""That of the jobs of a cell."""


class PanelView(Protocol):
    """Draws one panel. Only the thread of the feed calls it, but for `show`."""

    @property
    def rows(self) -> list[Row]:
        """The list of all rows, which the panel keeps up to date in place."""
        ...

    @property
    def mark(self) -> str:
        """The class of the elements in which pages draw the live panel."""
        ...

    def show(self, html: str, plain: str) -> None:
        """Display the panel in the output of the running cell."""
        ...

    def send(self, message: dict[str, Any]) -> None:
        """Send a message to all pages."""
        ...

    def publish(self, html: str, plain: str, *, final: bool) -> None:
        """Renew what a page without kernel shows; `final` once all jobs have ended."""
        ...

    def annotate(self, words: str) -> None:
        """Say something below the table from now on, behind the note of its face."""
        ...

    def pack(self) -> None:
        """Keep the rows in little room."""
        ...

    def unpack(self) -> None:
        """Have the rows in their list again."""
        ...

    def close(self) -> None:
        """Give up the panel: its output is gone."""
        ...


# Called with what a page says; from any thread.
OnMessage = Callable[[Mapping[str, Any]], None]
OpenView = Callable[[list[Row], OnMessage, Face], PanelView]
