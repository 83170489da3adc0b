"""Requests to stop a thread: raised in the stretch that allows it, and never outside."""

import sys
import threading
from collections.abc import Iterator

import pytest

from xpmnb import TaskCancelled
from xpmnb.interruption import Interrupter

DEADLINE_S = 20.0

# Raised in the middle of coverage's own code, TaskCancelled would leave its lock taken.
pytestmark = pytest.mark.no_cover


@pytest.fixture
def fast_switching() -> Iterator[None]:
    """Let threads take turns as often as the interpreter can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def close(interrupter: Interrupter) -> None:
    """Close as its user must: once more, if a request comes just then."""
    try:
        interrupter.close()
    except TaskCancelled:
        interrupter.close()


def test_a_request_before_the_beginning_is_raised_there() -> None:
    """open() raises when the request came first."""
    interrupter = Interrupter()
    interrupter.request()
    assert interrupter.requested
    with pytest.raises(TaskCancelled):
        interrupter.open()
    interrupter.close()


def test_a_request_after_the_end_is_only_noted() -> None:
    """After close() nothing is raised in the thread."""
    interrupter = Interrupter()
    interrupter.open()
    interrupter.close()
    interrupter.request()
    for _ in range(1000):
        pass
    assert interrupter.requested


def test_a_running_loop_is_interrupted() -> None:
    """A request from another thread is raised inside the stretch."""
    interrupter = Interrupter()
    begun = threading.Event()
    ended: list[str] = []

    def work() -> None:
        try:
            try:
                interrupter.open()
                begun.set()
                while True:
                    pass
            finally:
                close(interrupter)
        except TaskCancelled:
            ended.append("cancelled")

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    assert begun.wait(DEADLINE_S)
    interrupter.request()
    thread.join(DEADLINE_S)
    assert ended == ["cancelled"]


@pytest.mark.parametrize("requests", [1, 5])
@pytest.mark.usefixtures("fast_switching")
def test_nothing_is_raised_after_the_stretch(requests: int) -> None:
    """However requests fall around the end of the stretch, none is raised after it."""
    wrong: list[str] = []
    for turns in range(500):
        interrupter = Interrupter()
        ready = threading.Event()

        def work(turns: int = turns, ready: threading.Event = ready) -> None:
            try:
                try:
                    try:
                        ready.set()
                        interrupter.open()  # noqa: B023 (the thread ends in this turn)
                        for _ in range(turns % 60):
                            pass
                    finally:
                        close(interrupter)  # noqa: B023
                except TaskCancelled:
                    close(interrupter)  # noqa: B023
                for _ in range(100):
                    pass
            except BaseException as error:  # noqa: BLE001 (whatever it is, it is wrong)
                wrong.append(repr(error))

        thread = threading.Thread(target=work)
        thread.start()
        ready.wait(DEADLINE_S)
        for _ in range(requests):
            interrupter.request()
        thread.join(DEADLINE_S)
        assert not thread.is_alive()
    assert wrong == []


def test_what_is_pending_is_taken_back() -> None:
    """A request that has not reached the thread at the end of the stretch never does."""
    interrupter = Interrupter()
    raised = 0
    for _ in range(200):
        interrupter = Interrupter()
        try:
            interrupter.open()
            interrupter.request()
        except TaskCancelled:
            raised += 1
        finally:
            close(interrupter)
        for _ in range(10):
            pass
    assert raised <= 200
