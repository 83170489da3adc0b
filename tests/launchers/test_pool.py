"""Threads that take one piece of work after the other, and end when none comes."""

import contextvars
import threading
from collections.abc import Iterator

import pytest

from xpmnb.launchers.pool import ThreadPool

DEADLINE_S = 10.0


@pytest.fixture
def pool() -> Iterator[ThreadPool]:
    """Give a pool that is dismissed at the end."""
    made = ThreadPool()
    yield made
    made.dismiss()


def test_the_result_is_told_in_the_thread_of_the_work(pool: ThreadPool) -> None:
    """What follows the work runs in its thread, which bears its name meanwhile."""
    told: list[tuple[int, str]] = []
    done = threading.Event()

    def after(result: int) -> None:
        told.append((result, threading.current_thread().name))
        done.set()

    pool.run("work-1", lambda: 41 + 1, after)
    assert done.wait(DEADLINE_S)
    assert told == [(42, "work-1")]


def test_work_that_follows_is_done_by_the_same_thread(pool: ThreadPool) -> None:
    """A thread whose news bring new work does that work itself."""
    seen: list[int] = []
    done = threading.Event()

    def again(left: int) -> None:
        if left:
            pool.run(f"work-{left}", lambda: step(left - 1), again)
        else:
            done.set()

    def step(left: int) -> int:
        seen.append(threading.get_ident())
        return left

    pool.run("work", lambda: step(5), again)
    assert done.wait(DEADLINE_S)
    assert len(seen) == 6
    assert len(set(seen)) == 1


def test_work_never_waits_for_other_work(pool: ThreadPool) -> None:
    """Every piece of work begins at once, however many there are."""
    barrier = threading.Barrier(20)
    done = threading.Semaphore(0)
    for place in range(20):
        pool.run(f"work-{place}", lambda: barrier.wait(DEADLINE_S), lambda _: done.release())
    for _ in range(20):
        assert done.acquire(timeout=DEADLINE_S)


def test_each_work_has_an_empty_context(pool: ThreadPool) -> None:
    """A context variable that one piece of work sets is unknown to the next one in its thread."""
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")
    found: list[str | None] = []
    done = threading.Event()

    def body() -> None:
        found.append(variable.get(None))
        variable.set("set")

    pool.run("first", body, lambda _: pool.run("second", body, lambda _: done.set()))
    assert done.wait(DEADLINE_S)
    assert found == [None, None]


def test_threads_end_by_themselves(pool: ThreadPool) -> None:
    """A thread that finds no more work ends, without being told to."""
    threads: list[threading.Thread] = []
    done = threading.Event()
    pool.run("work", lambda: threads.append(threading.current_thread()), lambda _: done.set())
    assert done.wait(DEADLINE_S)
    threads[0].join(DEADLINE_S)
    assert not threads[0].is_alive()


def test_dismissing_leaves_no_thread() -> None:
    """After dismiss() no thread without work is left."""
    for _ in range(50):
        pool = ThreadPool()
        threads: list[threading.Thread] = []
        done = threading.Event()
        run_once(pool, threads, done)
        assert done.wait(DEADLINE_S)
        pool.dismiss()
        assert not threads[0].is_alive()


def run_once(pool: ThreadPool, threads: list[threading.Thread], done: threading.Event) -> None:
    """Let the pool note its thread, and say so."""
    pool.run("work", lambda: threads.append(threading.current_thread()), lambda _: done.set())


def test_an_errand_is_run_by_a_thread_with_nothing_to_do(pool: ThreadPool) -> None:
    """What an errand hands to the pool is done by the same thread; without one nothing is run."""
    seen: list[int] = []
    done = threading.Event()

    def see() -> None:
        seen.append(threading.get_ident())

    def errand() -> None:
        see()
        pool.run("work-2", see, lambda _: done.set())

    assert not pool.lend(errand)  # there is no thread yet
    ended = threading.Event()

    def lend_while_free(_: None) -> None:
        # This thread is free by now, and runs the errand once this has returned.
        assert pool.lend(errand)
        ended.set()

    pool.run("work-1", see, lend_while_free)
    assert ended.wait(DEADLINE_S)
    assert done.wait(DEADLINE_S)
    assert len(seen) == 3
    assert len(set(seen)) == 1


def test_a_thread_outlives_an_errand_that_fails(
    pool: ThreadPool, caplog: pytest.LogCaptureFixture
) -> None:
    """A mistake in an errand is told, and the work that comes next is done."""
    done = threading.Event()

    def fail() -> None:
        message = "a mistake"
        raise LookupError(message)

    def follow(_: None) -> None:
        pool.lend(fail)
        pool.run("work-2", lambda: None, lambda _: done.set())

    pool.run("work-1", lambda: None, follow)
    assert done.wait(DEADLINE_S)
    assert "a mistake" in caplog.text
