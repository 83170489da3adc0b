"""What the code of a task reports: progress and metrics, inside jobs and outside."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.running import DEADLINE_S, gates, running
from xpmnb import JobState, Param, Task, log, ownership, progress, runtime
from xpmnb.records.events import Metrics, Notice, Progress, event_from_json
from xpmnb.records.journal import JournalWriter, read_journal
from xpmnb.records.layout import JobLayout
from xpmnb.runtime import JobContext, current_context
from xpmnb.streams import JobStream


@pytest.fixture
def context(tmp_path: Path) -> Iterator[JobContext]:
    """Make this thread work for a job."""
    streams = [JobStream(str(tmp_path / name)) for name in ("out", "err")]
    journal = JournalWriter(str(tmp_path / "events.jsonl"))
    made = JobContext(JobLayout(str(tmp_path)), journal, 1, streams[0], streams[1], lambda: None)
    ownership.bind(made)
    yield made
    ownership.bind(None)
    journal.close()
    for stream in streams:
        stream.close()


def written(tmp_path: Path, kind: type) -> list[Any]:
    """Return the events of one kind in the journal of the job."""
    entries = read_journal(str(tmp_path / "events.jsonl")).entries
    events = [event_from_json(entry) for entry in entries]
    return [event for event in events if isinstance(event, kind)]


def test_outside_jobs_nothing_happens() -> None:
    """The same code runs in a cell: progress and metrics are checked, and go nowhere."""
    assert current_context() is None
    progress(0.5)
    log(loss=1)
    with pytest.raises(ValueError, match="from 0 to 1"):
        progress(2)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: progress(1.01), "from 0 to 1"),
        (lambda: progress(-0.1), "from 0 to 1"),
        (lambda: progress(float("nan")), "from 0 to 1"),
        (lambda: progress(0.5, level=-1), "levels count from 0"),
        (lambda: progress(0.5, level=10**9), "to 99 at most"),
    ],
)
def test_impossible_progress_is_refused(call: Callable[[], None], words: str) -> None:
    """A fraction that is none, or a level below the first, is a clear error."""
    with pytest.raises(ValueError, match=words):
        call()


@pytest.mark.parametrize("value", [None, [1, 2], {"a": 1}, np.arange(2), object(), 1j])
def test_a_metric_that_is_no_scalar_is_refused(value: object) -> None:
    """A metric is one number, string or bool; the error names it."""
    with pytest.raises(TypeError, match=r"log\(loss="):
        log(loss=value)


def test_metrics_are_numbered_and_kept(context: JobContext, tmp_path: Path) -> None:
    """Each log() is an event; calls are counted, and go on from a step that was given."""
    log(loss=1.0)
    log(loss=0.5, note="fine", ok=True)
    log(step=10, loss=np.float32(0.25))
    log(loss=np.array([0.125]))
    found = written(tmp_path, Metrics)
    assert [each.step for each in found] == [0, 1, 10, 11]
    assert [each.values["loss"] for each in found] == [1.0, 0.5, 0.25, 0.125]
    assert context.metrics == {"loss": 0.125, "note": "fine", "ok": True}


def test_metrics_that_are_no_numbers_are_kept(context: JobContext, tmp_path: Path) -> None:
    """NaN and infinities are metrics like others."""
    log(loss=float("nan"), top=float("inf"))
    (event,) = written(tmp_path, Metrics)
    assert np.isnan(event.values["loss"])
    assert event.values["top"] == float("inf")
    assert context.metrics["top"] == float("inf")


def test_the_newest_progress_counts(context: JobContext) -> None:
    """Each level shows its newest progress; what is deeper ends when an outer level moves."""
    progress(0.1, description="outer")
    progress(0.5, level=1, description="inner")
    assert context.progress == [(0.1, "outer"), (0.5, "inner")]
    progress(0.2, description="outer")
    assert context.progress == [(0.2, "outer")]
    progress(None, level=2)
    assert context.progress == [(0.2, "outer"), (None, ""), (None, "")]


def test_progress_is_thinned_and_its_end_is_kept(context: JobContext, tmp_path: Path) -> None:
    """A fast loop writes few events, the last of them complete."""
    for each in range(1001):
        progress(each / 1000)
    found = written(tmp_path, Progress)
    assert len(found) < 100
    assert found[-1].value == 1
    assert context.progress == [(1.0, "")]


def test_a_notice_is_an_event(context: JobContext, tmp_path: Path) -> None:
    """What a person should read is in the journal."""
    context.add_notice("read this")
    assert [each.text for each in written(tmp_path, Notice)] == ["read this"]


def test_reports_after_the_end_are_dropped(context: JobContext, tmp_path: Path) -> None:
    """A thread that a job left behind may still report; nothing is written, nothing raised."""
    log(loss=1)
    context._journal.close()
    log(loss=2)
    progress(1)
    assert len(written(tmp_path, Metrics)) == 1


def test_threads_of_a_task_report_for_it(tmp_path: Path) -> None:
    """progress() and log() in threads that a task starts belong to its job, and to no other."""

    class Reports(Task):
        x: Param[int]

        def execute(self) -> None:
            workers = [threading.Thread(target=log, kwargs={"n": self.x}) for _ in range(8)]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
            progress(0.5, description="half")
            gates.hold(f"{self.x}")

    with running(tmp_path, max_jobs=2) as xp:
        jobs = [Reports.C(x=x).submit().job for x in (1, 2)]
        gates.await_begin("1", "2")
        assert [job.metrics for job in jobs] == [{"n": 1}, {"n": 2}]
        assert jobs[0].progress == [(0.5, "half")]
        gates.open("1", "2")
        xp.wait(DEADLINE_S)
        assert {job.state for job in jobs} == {JobState.DONE}
        assert sorted(xp.metrics()["metrics.n"]) == [1] * 8 + [2] * 8
        assert [job.metrics for job in jobs] == [{"n": 1}, {"n": 2}]


def test_the_current_job_is_that_of_the_thread(context: JobContext) -> None:
    """current_context() is the job that this very thread works for."""
    seen: list[object] = []
    thread = threading.Thread(target=lambda: seen.append(runtime.current_context()))
    thread.start()
    thread.join()
    assert seen == [None]
    assert current_context() is context
