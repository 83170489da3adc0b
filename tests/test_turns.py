"""Turns: a courtesy among threads, which nobody waits long for."""

import threading

from xpmnb.turns import Turn

DEADLINE_S = 10.0


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
