"""What a person asks for with buttons, and the thread that carries it out."""

import logging
import sys
import threading
from functools import partial

import pytest

from tests.notebook.fake_jobs import FakeJob
from xpmnb.notebook import commands
from xpmnb.notebook.commands import CommandThread, Saying, carry_out

DEADLINE_S = 10.0


def make_jobs(count: int) -> list[FakeJob]:
    """Return jobs that have begun."""
    jobs = [FakeJob(number) for number in range(count)]
    for job in jobs:
        job.run()
    return jobs


def test_stop_asks_those_that_are_named() -> None:
    """Named jobs that have not ended are asked, the newest first; others are left alone."""
    jobs = make_jobs(4)
    jobs[1].finish()
    asked: list[int] = []
    for number, job in enumerate(jobs):
        job.on_cancel = partial(asked.append, number)
    keys = [job.id for job in jobs[:3]]
    assert carry_out("stop", [*keys, "unknown"], jobs) == Saying("Asked 2 jobs to stop.")
    assert asked == [2, 0]
    assert carry_out("stop", [jobs[1].id], jobs).text.startswith("Nothing to stop")


def test_stop_all_needs_no_names() -> None:
    """The button of the head is for all jobs that the panel has."""
    jobs = make_jobs(1_234)
    assert carry_out("stop-all", [], jobs).text == "Asked 1,234 jobs to stop."
    assert all(job.stopping for job in jobs)


def test_retry_submits_what_failed() -> None:
    """Jobs that failed are submitted again; those that run or are done are not."""
    jobs = make_jobs(3)
    jobs[0].fail()
    jobs[1].finish()
    assert carry_out("retry-failed", [], jobs) == Saying("1 job submitted again.")
    assert "none of them has failed" in carry_out("retry", [jobs[2].id], jobs).text
    said = carry_out("retry", ["of an earlier session"], jobs)
    assert said.tone == "failed"
    assert "run the cell" in said.text


class _MuteError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ValueError("the \x1b[31mdisk\x07 is full"), "the disk\\x07 is full"),
        (_MuteError(), "_MuteError"),
        (SystemExit(), "SystemExit"),
        (ValueError("x" * 10_000), "xxx"),
    ],
)
def test_whatever_a_submission_raises_is_said(
    error: BaseException, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Code of the user runs in a submission: its errors are words, and the other jobs go on."""
    jobs = make_jobs(2)

    def refuse() -> None:
        raise error

    for job in jobs:
        job.fail()
    jobs[0].on_retry = refuse
    with caplog.at_level(logging.WARNING, "xpmnb"):
        said = carry_out("retry-failed", [], jobs)
    assert said.tone == "failed"
    assert said.text.startswith("1 job submitted again. train was not run again: ")
    assert words in said.text
    assert len(said.text) < 400


def test_commands_are_carried_out_in_order_in_one_thread() -> None:
    """Clicks of many threads are carried out one after the other, and the thread ends."""
    clicks = CommandThread()
    done: list[tuple[int, str]] = []
    ended = threading.Event()
    for number in range(100):
        assert clicks.add(
            lambda number=number: done.append((number, threading.current_thread().name))  # type: ignore[misc] # inferred
        )
    assert clicks.add(ended.set)
    assert ended.wait(DEADLINE_S)
    assert done == [(number, "xpmnb-clicks") for number in range(100)]
    clicks.close()
    assert clicks._thread is None or not clicks._thread.is_alive()


@pytest.mark.parametrize("kind", [ValueError, SystemExit, KeyboardInterrupt])
def test_a_command_that_fails_ends_no_thread(
    kind: type[BaseException], caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever a command raises is logged, and the next click is heard."""
    clicks = CommandThread()

    def fail() -> None:
        raise kind

    heard = threading.Event()
    with caplog.at_level(logging.ERROR, "xpmnb"):
        clicks.add(fail)
        clicks.add(heard.set)
        assert heard.wait(DEADLINE_S)
    clicks.close()
    assert len(caplog.records) == 1


def test_no_command_is_lost_between_two_threads() -> None:
    """A click that comes just as the thread ends starts the next thread."""
    clicks = CommandThread()
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(300):
            heard = threading.Event()
            clicks.add(heard.set)
            assert heard.wait(DEADLINE_S)
    finally:
        sys.setswitchinterval(interval)
    clicks.close()


def test_close_waits_for_what_was_taken_and_takes_no_more() -> None:
    """What was clicked before the end of a run is carried out; what comes later is refused."""
    clicks = CommandThread()
    begun, go, done = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        go.wait(DEADLINE_S)
        done.set()

    clicks.add(work)
    assert begun.wait(DEADLINE_S)
    closer = threading.Thread(target=clicks.close)
    closer.start()
    go.set()
    closer.join(DEADLINE_S)
    assert done.is_set()
    assert not clicks.add(work)


def test_a_command_that_hangs_holds_up_nobody_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hook that waits for the end of the run is not waited for by the end of the run."""
    monkeypatch.setattr(commands, "_CLOSE_TIMEOUT_S", 0.0)
    clicks = CommandThread()
    go = threading.Event()

    def hang() -> None:
        go.wait(DEADLINE_S)

    clicks.add(hang)
    clicks.close()
    assert not go.is_set()
    go.set()
