"""What the open card of a job shows, whatever lies in its directory."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.notebook.fake_jobs import FakeJob
from tests.notebook.made_rows import made_row
from xpmnb.notebook import cards
from xpmnb.notebook.cards import (
    PAIRS_LIMIT,
    TEXT_LIMIT,
    Card,
    broken_card,
    card_of,
    failing_line,
    failure_of,
    link_to,
    look_up,
    look_up_end,
)
from xpmnb.notebook.rows import Row
from xpmnb.notebook.watched import WatchedJob, row_of
from xpmnb.records.events import JobRecord
from xpmnb.records.layout import JobLayout
from xpmnb.records.states import JobState

TRACEBACK = """Traceback (most recent call last):
  Cell In[3], line 5, in Train.execute
    return self.helper()
  File "/home/me/model.py", line 12, in helper
    return 1 / 0
ZeroDivisionError: division by zero

The same with all frames:

Traceback (most recent call last):
  File "/lib/python/inner.py", line 1, in call
    other()
"""


def job_directory(tmp_path: Path) -> JobLayout:
    """Make a job directory that has ended well, after one retry."""
    path = tmp_path / "jobs" / "digits.train" / ("ab" * 32)
    (path / "__xpm__").mkdir(parents=True)
    layout = JobLayout(str(path))
    described = {"format": 1, "params": {"lr": 0.1, "model.layers": 3}, "tags": {"lr": 0.1}}
    Path(layout.params).write_text(json.dumps(described))
    events = [
        {"event": "started", "time": 1, "attempt": 1, "launcher": "thread", "pid": 7, "host": "a"},
        {"event": "notice", "time": 1, "attempt": 1, "text": "of the first attempt"},
        {"event": "attempt-ended", "time": 2, "attempt": 1, "reason": "timeout"},
        {"event": "started", "time": 3, "attempt": 2, "launcher": "process", "pid": 8, "host": "b"},
        {"event": "metrics", "time": 4, "attempt": 2, "step": 0, "values": {"loss": 2.0}},
        {"event": "metrics", "time": 5, "attempt": 2, "step": 1, "values": {"loss": 1.0}},
        {"event": "notice", "time": 5, "attempt": 2, "text": "mind\x07 this"},
    ]
    Path(layout.events).write_text("".join(f"{json.dumps(each)}\n" for each in events))
    marker = {"format": 1, "state": "done", "started": 3.0, "ended": 6.0, "attempt": 2}
    Path(layout.done).write_text(json.dumps(marker))
    Path(layout.result).write_text(json.dumps({"accuracy": 0.9}))
    return layout


def row_at(layout: JobLayout, tone: str = "done", **changes: Any) -> Row:
    """Return the row of a job that lies somewhere."""
    return made_row("ab" * 32, tone, path=layout.path, **changes)


def card_at(
    layout: JobLayout, tone: str = "done", job: WatchedJob | None = None, **changes: Any
) -> Card:
    """Return the card of a job that lies somewhere."""
    row = row_at(layout, tone, **changes)
    return card_of(row, *look_up(row), job)


def test_a_card_tells_all_of_a_job(tmp_path: Path) -> None:
    """Values, tags, metrics with their course, facts, notices and result come from the record."""
    card = card_at(job_directory(tmp_path))
    assert card["params"] == [("lr", "0.1"), ("model.layers", "3")]
    assert card["tags"] == [("lr", "0.1")]
    assert card["metrics"] == [("loss", "1", [100, 0])]
    assert card["notices"] == ["mind\\x07 this"]
    assert json.loads(card["result"]) == {"accuracy": 0.9}
    facts = dict(card["facts"])
    assert facts["attempts"] == "2"
    assert facts["launcher"] == "process"
    assert facts["process"] == "8 on b"
    assert facts["ran for"] == "2.0 s"
    assert card["failure"] is None
    assert card["problem"] == ""
    json.dumps(card, allow_nan=False)


def test_a_job_that_waits_has_a_card(tmp_path: Path) -> None:
    """Before there is a directory the card shows what the handle knows, and no damage."""
    job = FakeJob(1, lr=0.1)
    job.params = {"lr": 0.1, "n": 3}
    card = card_at(JobLayout(str(tmp_path / "none" / "yet")), "waiting", job, submitted_at=1.0)
    assert card["params"] == [("lr", "0.1"), ("n", "3")]
    assert card["tags"] == [("lr", "0.1")]
    assert [name for name, _ in card["facts"]] == ["identifier", "submitted"]
    assert (card["metrics"], card["result"], card["problem"]) == ([], "", "")


def test_a_job_that_waits_shows_nothing_of_an_earlier_run(tmp_path: Path) -> None:
    """What an earlier run left, and the next one throws away, is not taken for the new run's."""
    layout = job_directory(tmp_path)
    card = card_at(layout, "waiting", FakeJob())
    assert [name for name, _ in card["facts"]] == ["identifier"]
    assert (card["metrics"], card["notices"], card["result"]) == ([], [], "")
    between = card_at(layout, "waiting", retries="1 retry")
    assert dict(between["facts"])["attempts"] == "2"


def _truncate(path: str) -> None:
    Path(path).write_bytes(b'{"format": 1, "sta')


def _fill(path: str) -> None:
    Path(path).write_bytes(bytes(range(256)) * 100)


def _nest(path: str) -> None:
    Path(path).write_text("[" * 100_000)


def _fold(path: str) -> None:
    Path(path).unlink()
    Path(path).mkdir()


def _link(path: str) -> None:
    Path(path).unlink()
    Path(path).symlink_to("/dev/zero")


def _grow(path: str) -> None:
    with Path(path).open("ab") as file:
        file.truncate(1 << 31)


@pytest.mark.parametrize("name", ["params", "events", "done", "result", "lock"])
@pytest.mark.parametrize("damage", [_truncate, _fill, _nest, _fold, _link, _grow])
def test_a_damaged_directory_has_a_card(
    tmp_path: Path, name: str, damage: Callable[[str], None]
) -> None:
    """A file that is torn, binary, deep, huge or no file is a sentence at most, never an error."""
    layout = job_directory(tmp_path)
    path = getattr(layout, name)
    Path(path).touch()
    damage(path)
    card = card_at(layout)
    json.dumps(card, allow_nan=False)
    assert card["label"] == "train abababab"
    assert len(json.dumps(card)) < 20_000


def test_a_foreign_directory_is_no_job(tmp_path: Path) -> None:
    """A folder of somebody else gives an empty card."""
    (tmp_path / "train.done").write_text("hello")
    card = card_at(JobLayout(str(tmp_path)))
    assert (card["params"], card["metrics"], card["result"]) == ([], [], "")


def test_a_huge_journal_is_left_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a job that logged millions of times the card shows the rest, without reading for long."""
    layout = job_directory(tmp_path)
    monkeypatch.setattr(cards, "JOURNAL_LIMIT_BYTES", 10)
    card = card_at(layout)
    assert (card["metrics"], card["notices"], card["problem"]) == ([], [], "")
    assert card["params"]
    assert card["result"]


def test_what_a_handle_knows_goes_before_the_record(tmp_path: Path) -> None:
    """While a job runs its handle has newer metrics than its files."""
    job = FakeJob()
    job.run()
    for loss in (3.0, 2.0, 1.5):
        job.log(loss=loss)
    card = card_at(job_directory(tmp_path), "running", job)
    assert card["metrics"] == [("loss", "1.5", [100, 33, 0])]


def test_a_large_result_is_shown_in_part(tmp_path: Path) -> None:
    """Of a result of megabytes the beginning is shown, and only as much is made."""
    layout = job_directory(tmp_path)
    Path(layout.result).write_text(json.dumps(list(range(300_000))))
    card = card_at(layout)
    assert card["result"].startswith("[\n 0,\n 1,")
    assert len(card["result"]) == TEXT_LIMIT


def test_a_result_that_is_too_deep_is_shown_as_far_as_can_be(tmp_path: Path) -> None:
    """A result that cannot be written as text breaks no card."""
    layout = job_directory(tmp_path)
    deep: Any = 1
    for _ in range(100_000):
        deep = [deep]
    row = row_at(layout)
    record = JobRecord("t", "ab" * 32, layout.path, JobState.DONE, result=deep)
    assert len(card_of(row, record)["result"]) <= TEXT_LIMIT
    while isinstance(deep, list):  # a deep list is not freed without recursion elsewhere
        deep = deep.pop()


def test_a_failure_has_its_place_and_line(tmp_path: Path) -> None:
    """A failed job shows message, place, the failing line of its own code, and the traceback."""
    layout = job_directory(tmp_path)
    Path(layout.done).unlink()
    marker = {"state": "error", "reason": "error", "message": "division by zero", "place": "Cell 3"}
    Path(layout.failed).write_text(json.dumps({**marker, "traceback": TRACEBACK}))
    failure = card_at(layout, "failed")["failure"]
    assert failure is not None
    assert failure["message"] == "division by zero"
    assert failure["place"] == "Cell 3"
    assert failure["source"] == "return 1 / 0"
    row = row_at(layout, "failed")
    assert failure_of(row, look_up_end(row)) == failure
    assert failure_of(row_at(layout, "running"), look_up_end(row)) is None


def test_the_end_is_read_without_the_journal(tmp_path: Path) -> None:
    """What the saved table tells of failures costs no reading of metrics."""
    record = look_up_end(row_at(job_directory(tmp_path)))
    assert record.ended == 6.0
    assert not record.metrics


@pytest.mark.parametrize(
    "traceback",
    ["", "nonsense", "  Cell In[3], line 5, in f", "  Cell In[3], line 5, in f\nValueError"],
)
def test_without_a_line_nothing_is_shown(traceback: str) -> None:
    """A traceback without source has no failing line."""
    assert failing_line(traceback) == ""


@given(st.dictionaries(st.text(max_size=10), st.floats() | st.text() | st.integers()), st.text())
def test_any_values_give_a_card_that_pages_can_read(values: dict[str, Any], words: str) -> None:
    """Hostile names and values of metrics, tags and parameters are text, and strict JSON."""
    job = FakeJob(0, **{name: value for name, value in values.items() if name != "number"})
    job.params = values
    job.metrics = values
    row = made_row("k", "running", name=words[:5])
    record = JobRecord("t", "k", "runs/jobs/t/k", JobState.RUNNING)
    card = card_of(row, record, [words], job, ([link_to(row)], []))
    text = json.dumps(card, allow_nan=False)
    # No halves of surrogate pairs, which no page can read.
    json.dumps(json.loads(text), ensure_ascii=False).encode()


def test_thousands_of_pairs_have_a_bound() -> None:
    """A job with thousands of parameters and metrics has a card of bounded size."""
    job = FakeJob()
    job.params = {f"p{number}": "x" * 1_000 for number in range(5_000)}
    job.metrics = dict(job.params)
    links = ([link_to(made_row("k"))] * 5_000, [link_to(made_row("k"))] * 5_000)
    card = card_of(made_row("k"), JobRecord("t", "k", "p", JobState.DONE), ["n"], job, links)
    assert len(card["params"]) == len(card["metrics"]) == PAIRS_LIMIT
    assert len(json.dumps(card)) < 200_000


def test_a_broken_card_says_so(tmp_path: Path) -> None:
    """Where a card cannot be made, one that says so takes its place."""
    card = broken_card(row_at(job_directory(tmp_path)))
    assert "cannot be shown" in card["problem"]
    assert card["path"]


def test_a_card_says_where_a_result_is_likely_to_be(tmp_path: Path) -> None:
    """Where the row tells why a job failed, the card tells what else is known of its result."""
    job = FakeJob()
    job.path = tmp_path / "jobs" / "train" / job.id
    job.note = "old.train has it"
    job.fail(message="no way")
    row = row_of(job)
    assert card_of(row, look_up(row)[0], (), job)["notices"] == ["old.train has it"]
