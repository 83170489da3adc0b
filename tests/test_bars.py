"""Progress bars: reported in jobs, drawn outside."""

import io
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from xpmnb import ownership, tqdm
from xpmnb.records.journal import JournalWriter
from xpmnb.records.layout import JobLayout
from xpmnb.runtime import JobContext
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


def test_outside_jobs_a_bar_is_drawn() -> None:
    """In a cell or a script the bar is tqdm's own."""
    drawn = io.StringIO()
    assert list(tqdm(range(3), file=drawn, desc="cells")) == [0, 1, 2]
    assert "cells: 100%" in drawn.getvalue()
    assert "3/3" in drawn.getvalue()


def test_in_a_job_a_bar_is_progress(
    context: JobContext, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a job nothing is drawn; fraction, description and count are its progress."""
    bar = tqdm(total=4, desc="epochs", mininterval=0)
    bar.update(1)
    assert context.progress == [(0.25, "epochs 1/4")]
    bar.set_postfix(loss=0.5)
    assert context.progress == [(0.25, "epochs 1/4 loss=0.5")]
    bar.update(3)
    bar.close()
    assert context.progress[0][0] == 1
    captured = capsys.readouterr()
    assert captured.out + captured.err == ""


def test_a_fast_loop_ends_complete(context: JobContext) -> None:
    """The end of a loop is always reported, however fast it was."""
    for _ in tqdm(range(1000)):
        pass
    assert context.progress == [(1.0, "1000/1000")]
    assert context.bars == []


def test_a_loop_without_a_length_has_no_fraction(context: JobContext) -> None:
    """Where the total is not known, the count is told and no fraction."""
    for _ in tqdm(iter(range(5))):
        pass
    assert context.progress == [(None, "5")]


def test_an_empty_loop_is_no_error(context: JobContext) -> None:
    """A loop over nothing is reported without a fraction."""
    assert list(tqdm([])) == []
    assert context.bars == []


def test_an_inner_bar_is_a_level_below(context: JobContext) -> None:
    """Bars inside bars are levels; the inner ones end with the outer one."""
    for _ in tqdm(range(2), desc="outer", mininterval=0):
        for _ in tqdm(range(3), desc="inner", mininterval=0):
            assert len(context.bars) == 2
        assert len(context.bars) == 1
    assert context.bars == []
    assert context.progress[0] == (1.0, "outer 2/2")


def test_a_bar_that_is_left_early_frees_its_level(context: JobContext) -> None:
    """A loop left by break or by an error gives its level back."""
    for each in tqdm(range(10)):
        if each == 3:
            break
    tqdm(range(3)).close()
    for _ in tqdm(range(2), mininterval=0):
        assert len(context.bars) == 1
    assert context.progress[0] == (1.0, "2/2")


def test_a_disabled_bar_reports_nothing(context: JobContext) -> None:
    """``disable=True`` counts nothing and takes no level."""
    for _ in tqdm(range(3), disable=True):
        pass
    assert context.progress == []
    assert context.bars == []


def test_a_bar_may_count_beyond_its_total(context: JobContext) -> None:
    """A total that was too small is no error."""
    bar = tqdm(total=2, mininterval=0)
    bar.update(5)
    bar.close()
    assert context.progress == [(1.0, "5/2")]


def test_bars_start_no_thread(context: JobContext) -> None:
    """No monitor thread of tqdm is left by a bar."""
    assert context is not None
    before = set(threading.enumerate())
    for _ in tqdm(range(10)):
        pass
    assert set(threading.enumerate()) == before
