"""The inbox: one message at a time, handled by whoever is there to do it."""

import threading

from xpmnb.scheduler.inbox import Inbox

DEADLINE_S = 10.0


def test_a_helper_handles_what_comes_first_and_is_for_it() -> None:
    """It leaves what comes after a message for another handler, and all that is behind it."""
    handled: list[str] = []
    inbox = Inbox(lambda: None)

    def take(word: str) -> None:
        handled.append(word)

    def other(word: str) -> None:
        handled.append(f"other {word}")

    for handler, word in ((take, "a"), (take, "b"), (other, "c"), (take, "d")):
        inbox.leave(handler, word)
    inbox.help(take)
    assert handled == ["a", "b"]
    inbox.sleep(DEADLINE_S)  # it was woken for the rest
    inbox.work_off()
    assert handled == ["a", "b", "other c", "d"]


def test_a_helper_waits_for_nobody() -> None:
    """While a message is handled elsewhere, it leaves all to the thread that sleeps."""
    begun, go_on = threading.Event(), threading.Event()
    handled: list[str] = []
    inbox = Inbox(lambda: None)

    def slow() -> None:
        begun.set()
        assert go_on.wait(DEADLINE_S)

    thread = threading.Thread(target=inbox.bring, args=(slow,))
    thread.start()
    assert begun.wait(DEADLINE_S)
    inbox.leave(handled.append, "a")
    inbox.help(handled.append)
    assert handled == []
    go_on.set()
    thread.join(DEADLINE_S)
    inbox.sleep(DEADLINE_S)
    inbox.work_off()
    assert handled == ["a"]


def test_a_helper_does_what_was_brought_meanwhile() -> None:
    """Who brings a message while a helper handles one leaves it to the helper."""
    handled: list[str] = []
    inbox = Inbox(lambda: None)

    def take(word: str) -> None:
        handled.append(word)
        thread = threading.Thread(target=inbox.bring, args=(handled.append, "brought"))
        thread.start()
        thread.join(DEADLINE_S)

    inbox.leave(take, "posted")
    inbox.help(take)
    assert handled == ["posted", "brought"]


def test_what_is_left_can_be_looked_at() -> None:
    """Messages for one handler are told, in their order, and stay."""
    handled: list[str] = []
    inbox = Inbox(lambda: None)
    inbox.leave(handled.append, "a")
    inbox.leave(handled.clear)
    inbox.leave(handled.append, "b")
    assert inbox.left_for(handled.append) == [("a",), ("b",)]
    assert len(inbox) == 3


def test_a_helper_leaves_what_comes_meanwhile() -> None:
    """It has work of its own soon, and whoever goes on posting does not keep it from that."""
    handled: list[int] = []
    inbox = Inbox(lambda: None)

    def take(number: int) -> None:
        handled.append(number)
        if number < 3:
            inbox.leave(take, number + 1)

    inbox.leave(take, 0)
    inbox.help(take)
    assert handled == [0]
    inbox.sleep(DEADLINE_S)
    inbox.work_off()
    assert handled == [0, 1, 2, 3]


def test_who_handles_a_message_sees_to_what_was_left_meanwhile() -> None:
    """So nobody has to be woken for what is left while the inbox is busy."""
    begun, go_on, done = threading.Event(), threading.Event(), threading.Event()
    handled: list[str] = []
    inbox = Inbox(lambda: None)

    def slow() -> None:
        begun.set()
        assert go_on.wait(DEADLINE_S)

    def sleep_and_work() -> None:
        inbox.sleep(DEADLINE_S * 2)
        inbox.work_off()
        done.set()

    threads = [
        threading.Thread(target=sleep_and_work),
        threading.Thread(target=inbox.bring, args=(slow,)),
    ]
    for thread in threads:
        thread.start()
    assert begun.wait(DEADLINE_S)
    assert inbox.is_busy
    inbox.leave(handled.append, "a")
    go_on.set()
    assert done.wait(DEADLINE_S)
    assert handled == ["a"]
    assert not inbox.is_busy
    for thread in threads:
        thread.join(DEADLINE_S)
