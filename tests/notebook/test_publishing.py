"""When the saved table of a live panel is due."""

import math
import time

from xpmnb.notebook import publishing
from xpmnb.notebook.publishing import (
    GROWN_PERIOD_S,
    LIVE_BYTES_PER_S,
    LIVE_PERIOD_S,
    QUIET_S,
    REPEAT_PERIOD_S,
    STILL_BYTES_PER_S,
    STILL_PERIOD_S,
    Publishing,
    Repeating,
)


def due_in(panel: Publishing) -> float:
    """Return after how many seconds the table is due, from when it was published."""
    due = panel.due_at()
    assert due is not None
    return due - panel._at


def changed(*, html: str = "", heard: bool = False, grown: bool = False) -> Publishing:
    """Return what decides for a panel that was published, and changed then."""
    panel = Publishing()
    panel.heard = heard
    panel.note_published(html)
    panel.note_change(grown=grown)
    return panel


def test_nothing_is_due_while_nothing_changes() -> None:
    """A table is published once for each change, and then never."""
    panel = Publishing()
    assert panel.due_at() is None
    panel.note_change(grown=True)
    assert panel.due_at() is not None
    panel.note_published("<table>")
    assert panel.due_at() is None


def test_without_a_page_the_table_is_fresh() -> None:
    """Where the table is all that a person sees, it is renewed each second."""
    assert due_in(changed()) == STILL_PERIOD_S


def test_with_a_page_the_table_is_for_the_file() -> None:
    """Once a page draws the panel, the table is renewed seldom."""
    assert due_in(changed(heard=True)) == LIVE_PERIOD_S


def test_a_large_table_is_renewed_seldom() -> None:
    """The bytes of tables for each second have a bound, with a page and without."""
    html = "x" * 10_000_000
    assert due_in(changed(html=html)) == len(html) / STILL_BYTES_PER_S
    assert due_in(changed(html=html, heard=True)) == len(html) / LIVE_BYTES_PER_S


def test_what_a_cell_submitted_is_soon_in_the_file() -> None:
    """When submissions pause, the file gets all of the rows before the usual time."""
    panel = changed(heard=True, grown=True)
    assert GROWN_PERIOD_S <= due_in(panel) < LIVE_PERIOD_S
    panel.note_change(grown=False)
    assert GROWN_PERIOD_S <= due_in(panel) < LIVE_PERIOD_S


def test_a_cell_that_goes_on_submitting_is_waited_for() -> None:
    """While jobs are added again and again, the table is put off, up to its usual time."""
    panel = changed(heard=True, grown=True)
    panel._at = time.monotonic() - GROWN_PERIOD_S
    panel.note_change(grown=True)
    due = panel.due_at()
    assert due is not None
    assert panel._grown_at is not None
    assert due == panel._grown_at + QUIET_S
    panel._grown_at += publishing.LIVE_PERIOD_S
    assert panel.due_at() == panel._at + LIVE_PERIOD_S


def test_all_rows_are_sent_once_more_and_then_seldom() -> None:
    """The first end sends all rows at once; the next ones wait for a time that grows with rows."""
    repeating = Repeating()
    assert not repeating.is_due
    repeating.want()
    assert repeating.is_due
    repeating.note_sent(10_000)
    assert repeating.due_at() == math.inf
    repeating.want()
    assert not repeating.is_due
    assert repeating.due_at() - time.monotonic() > REPEAT_PERIOD_S
    repeating.hurry()
    assert repeating.is_due
