"""Turns: a courtesy among threads, which nobody waits long for."""

import threading
from collections.abc import Iterator

import pytest

from xpmnb import turns
from xpmnb.turns import Turn, own_turn

DEADLINE_S = 10.0


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Return the time in seconds."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return the clock by which pauses are measured, which stands still."""
    clock = Clock()
    monkeypatch.setattr(turns, "monotonic", clock)
    return clock


@pytest.fixture(autouse=True)
def line(monkeypatch: pytest.MonkeyPatch) -> Iterator[turns._Line]:
    """Return a line of the test's own, which is free again at the end."""
    line = turns._Line()
    monkeypatch.setattr(turns, "_line", line)
    yield line
    assert line.holder is None
    assert not line.lock.locked()


def test_a_turn_is_given_on() -> None:
    """Who has waited gets the turn when it is given back; giving twice gives once."""
    first, second = Turn(), Turn()
    first.take()
    first.give()
    first.give()
    second.take()
    third = Turn()
    third.take()
    third.give()  # it had none to give: the second still has it
    second.give()
    first.take()
    first.give()


def test_nobody_waits_for_ever() -> None:
    """A thread whose turn does not come goes on without."""
    holder = Turn()
    holder.take()
    went_on = threading.Event()

    def other() -> None:
        turn = Turn()
        turn.take()
        turn.give()
        went_on.set()

    thread = threading.Thread(target=other)
    thread.start()
    assert went_on.wait(DEADLINE_S)
    thread.join(DEADLINE_S)
    holder.give()


def test_a_turn_is_kept_over_a_short_pause(clock: Clock, line: turns._Line) -> None:
    """Who needs it again in a moment still has it; nobody else got it meanwhile."""
    first, second = Turn(), Turn()
    first.take()
    first.pause()
    second.take()
    assert line.holder is first
    first.take()
    clock.now += 60
    second.take()  # the first needs it, for however long
    assert line.holder is first
    first.give()


def test_a_long_pause_leaves_the_turn_to_others(clock: Clock, line: turns._Line) -> None:
    """What a task does for long keeps nobody from the turn, and its thread comes after them."""
    first, second = Turn(), Turn()
    first.take()
    first.pause()
    clock.now += 60
    second.take()
    assert line.holder is second
    first.take()
    first.give()  # it had none
    assert line.holder is second
    second.give()


def test_a_thread_that_waits_gets_the_turn_at_once(
    line: turns._Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Giving the turn wakes who waits for it."""
    monkeypatch.setattr(turns, "_PATIENCE_S", DEADLINE_S * 2)
    first, second = Turn(), Turn()
    first.take()
    thread = threading.Thread(target=second.take)
    thread.start()
    first.give()
    thread.join(DEADLINE_S)
    assert line.holder is second
    second.give()


def test_each_thread_has_one_turn() -> None:
    """The same at each call, and another one in another thread."""
    others: list[Turn] = []
    thread = threading.Thread(target=lambda: others.append(own_turn()))
    thread.start()
    thread.join(DEADLINE_S)
    assert own_turn() is own_turn()
    assert others[0] is not own_turn()
