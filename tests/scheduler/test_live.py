"""What is shown of a job that runs in another process."""

from pathlib import Path

import pytest

from xpmnb.records.job_events import (
    AttemptEnded,
    Event,
    Metrics,
    Notice,
    Progress,
    Started,
)
from xpmnb.records.journal import JournalWriter
from xpmnb.records.layout import JobLayout, WorkspaceLayout
from xpmnb.scheduler.live import LiveView


@pytest.fixture
def layout(tmp_path: Path) -> JobLayout:
    """Return a job whose directory is there."""
    found = WorkspaceLayout(tmp_path).job("m.train", "0" * 64)
    Path(found.hidden).mkdir(parents=True)
    return found


def write(layout: JobLayout, *events: Event) -> None:
    """Append events to the journal of a job."""
    writer = JournalWriter(layout.events)
    for event in events:
        writer.append(event.to_json())
    writer.close()


def started(attempt: int) -> Started:
    """Return the beginning of an attempt."""
    return Started(100.0 * attempt, attempt, "process", 7, "host")


def test_a_job_that_does_not_exist_shows_nothing(tmp_path: Path) -> None:
    """Without a directory nothing is new, and nothing is wrong."""
    view = LiveView(WorkspaceLayout(tmp_path).job("m.train", "0" * 64))
    assert not view.update()
    assert (view.started_at, view.attempt, view.progress, view.metrics) == (None, 0, [], {})


def test_news_are_taken_once(layout: JobLayout) -> None:
    """Each look takes what was written since the one before, and tells whether there was any."""
    view = LiveView(layout)
    write(layout, started(1), Progress(1.0, 1, 0, 0.25, "epochs"))
    assert view.update()
    assert (view.started_at, view.attempt) == (100.0, 1)
    assert view.progress == [(0.25, "epochs")]
    assert not view.update()
    write(layout, Metrics(2.0, 1, 3, {"loss": 0.5}), Notice(2.0, 1, "look here"))
    assert view.update()
    write(layout, Metrics(3.0, 1, 4, {"acc": 0.9}))
    assert view.update()
    assert view.metrics == {"loss": 0.5, "acc": 0.9}
    assert view.steps == {"loss": 3, "acc": 4}
    assert view.notices == ["look here"]


def test_an_outer_loop_ends_its_inner_loops(layout: JobLayout) -> None:
    """Progress of a level ends what was deeper, as in the kernel that runs the job."""
    view = LiveView(layout)
    write(layout, started(1), Progress(1.0, 1, 1, 0.5, "inner"))
    view.update()
    assert view.progress == [(None, ""), (0.5, "inner")]
    write(layout, Progress(1.0, 1, 0, 0.1, "outer"))
    view.update()
    assert view.progress == [(0.1, "outer")]


def test_another_attempt_begins_its_progress_anew(layout: JobLayout) -> None:
    """A retry resets progress and notices, and keeps the metrics, as the record of the job does."""
    view = LiveView(layout)
    write(
        layout,
        started(1),
        Progress(1.0, 1, 0, 0.5),
        Metrics(1.0, 1, 1, {"loss": 1.0}),
        AttemptEnded(2.0, 1, "timeout", "its time ran out"),
    )
    view.update()
    assert view.ended is not None
    assert view.ended.message == "its time ran out"
    write(layout, started(2))
    view.update()
    assert (view.attempt, view.started_at) == (2, 200.0)
    assert view.ended is None
    assert view.progress == []
    assert view.metrics == {"loss": 1.0}


def test_a_job_that_began_from_an_empty_directory_forgets(layout: JobLayout) -> None:
    """When the journal is another file, nothing of the earlier one is shown."""
    view = LiveView(layout)
    write(layout, started(1), Metrics(1.0, 1, 1, {"loss": 1.0}), Notice(1.0, 1, "old"))
    view.update()
    Path(layout.events).unlink()
    assert not view.update()
    write(layout, started(1), Progress(1.0, 1, 0, 0.5))
    assert view.update()
    assert (view.metrics, view.notices, view.progress) == ({}, [], [(0.5, "")])


def test_damage_is_passed_over(layout: JobLayout) -> None:
    """Foreign lines, unknown events and absurd levels change nothing and raise nothing."""
    view = LiveView(layout)
    write(layout, started(1), Progress(1.0, 1, 10**9, 0.5), Progress(1.0, 1, -1, 0.5))
    with Path(layout.events).open("ab") as file:
        file.write(b'{"event": "news", "time": 1, "attempt": 1}\n\xff\xff\n[]\n')
    write(layout, Progress(1.0, 1, 0, 0.5))
    assert view.update()
    assert view.progress == [(0.5, "")]


def test_what_was_read_before_stays_as_it_was(layout: JobLayout) -> None:
    """Another thread that holds what the view showed sees no changes in it."""
    view = LiveView(layout)
    write(layout, started(1), Metrics(1.0, 1, 1, {"loss": 1.0}), Progress(1.0, 1, 0, 0.5))
    view.update()
    metrics, progress = view.metrics, view.progress
    write(layout, Metrics(1.0, 1, 2, {"loss": 0.5}), Progress(1.0, 1, 0, 0.6))
    view.update()
    assert (metrics, progress) == ({"loss": 1.0}, [(0.5, "")])
    assert view.metrics == {"loss": 0.5}
