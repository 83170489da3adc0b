"""Waiting: who waits is woken by what it waits for, and by nothing else."""

import threading

import pytest

from xpmnb.scheduler.waiting import announce_change, wait_until

DEADLINE_S = 10.0


class Watched:
    """A condition that knows which threads asked for it, and can be waited for."""

    def __init__(self) -> None:
        self.is_so = False
        self.asked: list[int] = []
        self.result: bool | None = None
        self._asleep = threading.Event()
        self.thread = threading.Thread(target=self._wait)

    def __call__(self) -> bool:
        """Tell whether it is so."""
        self.asked.append(threading.get_ident())
        if len(self.asked) > 1:  # once before it is known as a waiter, and once after
            self._asleep.set()
        return self.is_so

    def begin(self) -> None:
        """Let a thread wait for it; return when it is about to sleep."""
        self.thread.start()
        assert self._asleep.wait(DEADLINE_S)

    def _wait(self) -> None:
        self.result = wait_until(self, DEADLINE_S)


def test_a_thread_sleeps_through_what_it_does_not_wait_for() -> None:
    """News that somebody does not wait for are looked at by who brings them, and wake nobody."""
    watched = Watched()
    watched.begin()
    before = watched.asked.count(watched.thread.ident or 0)
    for _ in range(5):
        announce_change()
    assert watched.asked.count(threading.get_ident()) == 5
    assert watched.asked.count(watched.thread.ident or 0) == before
    watched.is_so = True
    announce_change()
    watched.thread.join(DEADLINE_S)
    assert watched.result is True


def test_each_of_several_is_woken_by_its_own_news() -> None:
    """One who waits for more does not keep another from being woken."""
    first, second = Watched(), Watched()
    first.begin()
    second.begin()
    second.is_so = True
    announce_change()
    second.thread.join(DEADLINE_S)
    assert not second.thread.is_alive()
    assert first.thread.is_alive()
    first.is_so = True
    announce_change()
    first.thread.join(DEADLINE_S)
    assert first.result is True


def test_an_error_of_the_question_goes_to_who_asked() -> None:
    """A predicate that raises raises where somebody waits, not where the news come from."""
    broken, asked = threading.Event(), threading.Event()
    raised: list[str] = []

    def question() -> bool:
        if broken.is_set():
            message = "no answer"
            raise LookupError(message)
        asked.set()
        return False

    def wait() -> None:
        with pytest.raises(LookupError) as caught:
            wait_until(question, DEADLINE_S)
        raised.append(str(caught.value))

    thread = threading.Thread(target=wait)
    thread.start()
    assert asked.wait(DEADLINE_S)
    broken.set()
    announce_change()
    thread.join(DEADLINE_S)
    assert raised == ["no answer"]


@pytest.mark.parametrize("timeout", [0, -1, 0.01])
def test_the_time_runs_out(timeout: float) -> None:
    """Who waits in vain is told so when the time is over."""
    assert wait_until(lambda: False, timeout) is False


def test_a_very_long_time_is_no_error() -> None:
    """A time that no lock could wait for is as good as for ever."""
    assert wait_until(lambda: True, 1e300)
    is_so = threading.Event()

    def bring() -> None:
        is_so.set()
        announce_change()

    bringer = threading.Timer(0.01, bring)
    bringer.start()
    assert wait_until(is_so.is_set, 1e300)
    bringer.join(DEADLINE_S)
