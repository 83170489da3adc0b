"""What is recorded of an attempt whose process is gone."""

import time
from pathlib import Path

import pytest

from xpmnb import FailureReason, JobState
from xpmnb.conclusion import interrupted_attempts, record_death
from xpmnb.endings import Ending
from xpmnb.records.events import AttemptEnded, Event, Started
from xpmnb.records.journal import JournalWriter
from xpmnb.records.layout import JobLayout
from xpmnb.scheduler.requests import Terms

_TERMS = Terms("process", resumable=True, retries_left=2)
_CRASH = Ending(reason=FailureReason.ERROR, message="it crashed", exit_code=139)


def layout_with(folder: Path, *events: Event) -> JobLayout:
    """Make a job directory with a journal."""
    layout = JobLayout(str(folder / "runs" / "jobs" / "m.learn" / "a1"))
    Path(layout.hidden).mkdir(parents=True)
    journal = JournalWriter(layout.events)
    for event in events:
        journal.append(event.to_json())
    journal.close()
    return layout


def started(at: float, attempt: int = 1) -> Started:
    """Return the event of a beginning."""
    return Started(at, attempt, "process", 1, "host", 1.0)


def ended(at: float, attempt: int = 1) -> AttemptEnded:
    """Return the event of an end after which the job is due again."""
    return AttemptEnded(at, attempt, "timeout", "its time ran out")


def test_a_timeout_that_was_recorded_before_the_death_is_retried(tmp_path: Path) -> None:
    """An attempt that wrote its timeout, and was killed afterwards, is due again."""
    now = time.time()
    outcome = record_death(layout_with(tmp_path, started(now), ended(now + 1)), _CRASH, _TERMS, now)
    assert outcome.retry
    assert outcome.message == "its time ran out"


def test_the_timeout_of_an_earlier_attempt_does_not_hide_a_death(tmp_path: Path) -> None:
    """A process that died before its attempt began is told as what it died of."""
    now = time.time()
    layout = layout_with(tmp_path, started(now - 9), ended(now - 5))
    outcome = record_death(layout, _CRASH, _TERMS, now)
    assert not outcome.retry
    assert outcome.state == JobState.ERROR
    assert outcome.message == "it crashed"


@pytest.mark.parametrize(
    ("kinds", "count"),
    [("", 0), ("s", 0), ("se", 1), ("ses", 1), ("sese", 2), ("sess", 0), ("sesse", 1)],
)
def test_interrupted_attempts_are_those_in_a_row(tmp_path: Path, kinds: str, count: int) -> None:
    """Only the attempts since the last one that came to another end are counted."""
    events = [started(n) if kind == "s" else ended(n) for n, kind in enumerate(kinds)]
    assert interrupted_attempts(layout_with(tmp_path, *events)) == count
