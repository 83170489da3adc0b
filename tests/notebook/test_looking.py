"""What those are told who look at jobs more closely: cards, logs and pictures."""

import json
import logging
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.notebook.fake_jobs import FakeJob
from xpmnb.notebook import looking as looking_module
from xpmnb.notebook.cards import card_of
from xpmnb.notebook.looking import (
    CARD_PERIOD_S,
    LOG_PERIOD_S,
    MAX_CARDS,
    MAX_VIEWS,
    PICTURE_PERIOD_S,
    LinkFinder,
    Looking,
)
from xpmnb.notebook.rows import Row
from xpmnb.notebook.watched import row_of
from xpmnb.records.layout import JobLayout


class Bench:
    """Jobs with directories, and what is told of them."""

    def __init__(self, folder: Path, count: int = 2) -> None:
        self.jobs = {}
        self.rows: dict[str, Row] = {}
        self.drawn: list[str] = []
        self.looking = Looking({"timeline": self.draw, "graph": self.draw})
        for number in range(count):
            job = FakeJob(number)
            job.path = folder / "jobs" / "train" / job.id
            job.path.mkdir(parents=True)
            self.jobs[job.id] = job
            self.renew(job)

    def draw(self, rows: list[Row]) -> str:
        self.drawn.append("picture")
        return f"<svg>{len(rows)} {[row['word'] for row in rows]}</svg>"

    def renew(self, job: FakeJob) -> None:
        self.rows[job.id] = row_of(job)

    def print(self, job: FakeJob, text: str) -> None:
        with Path(JobLayout(str(job.path)).stdout).open("a") as file:
            file.write(text)

    def look(self, *jobs: FakeJob, view: str = "a", drawings: tuple[str, ...] = ()) -> None:
        self.looking.look(view, [job.id for job in jobs], drawings)

    def news(self) -> dict[str, Any]:
        if not self.looking.is_active:
            return {}
        return self.looking.news(self.rows, self.jobs, LinkFinder(self.rows))

    def let_time_pass(self, seconds: float) -> None:
        """Make all that was sent so much older."""
        for card in self.looking._cards.values():
            card.at -= seconds
            if card.read_until is not None:
                card.read_until -= seconds
        for picture in self.looking._pictures.values():
            picture.at -= seconds


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Return two jobs that wait."""
    return Bench(tmp_path)


def texts(news: dict[str, Any], stream: str = "out") -> list[tuple[bool, str]]:
    """Return what is told of logs."""
    return [(each["start"], each["text"]) for each in news["logs"] if each["stream"] == stream]


def test_nothing_is_told_to_nobody(bench: Bench) -> None:
    """While no view shows anything open, nothing is read, drawn or waited for."""
    assert not bench.looking.is_active
    assert bench.looking.period_s() is None
    bench.looking.note_rows()
    assert not bench.drawn


def test_an_open_card_comes_once_with_its_logs(bench: Bench) -> None:
    """A card and the ends of both logs are sent when it is opened, and then only what is new."""
    job, _ = bench.jobs.values()
    job.run()
    bench.renew(job)
    bench.print(job, "one\n")
    bench.look(job)
    news = bench.news()
    assert list(news["cards"]) == [job.id]
    assert texts(news) == [(True, "one\n")]
    assert texts(news, "err") == [(True, "")]
    for _ in range(5):
        bench.let_time_pass(CARD_PERIOD_S)
        assert bench.news() == {}
    bench.print(job, "two\n")
    news = bench.news()
    assert list(news) == ["logs"]
    assert texts(news) == [(False, "two\n")]


def test_logs_wake_nobody_unless_a_job_runs(bench: Bench) -> None:
    """Only the open card of a running job is a reason to look again and again."""
    job, other = bench.jobs.values()
    other.run()
    bench.renew(other)
    bench.look(job)
    bench.news()
    assert bench.looking.period_s() is None
    bench.look(job, other)
    bench.news()
    assert bench.looking.period_s() == LOG_PERIOD_S
    bench.look(job)
    bench.news()
    assert bench.looking.period_s() is None


def test_the_last_words_of_a_job_are_read(bench: Bench) -> None:
    """What reaches a log just after the end is shown; some seconds later nobody looks any more."""
    job, _ = bench.jobs.values()
    job.run()
    bench.renew(job)
    bench.look(job)
    bench.news()
    job.finish()
    bench.renew(job)
    assert bench.news()["cards"][job.id]["facts"]
    assert bench.looking.period_s() == LOG_PERIOD_S
    bench.print(job, "bye\n")
    assert texts(bench.news()) == [(False, "bye\n")]
    bench.let_time_pass(10)
    assert bench.news() == {}
    assert bench.looking.period_s() is None


def test_a_retry_is_followed_again(bench: Bench) -> None:
    """The card of a job that ended follows its logs again once the job runs again."""
    job, _ = bench.jobs.values()
    job.run()
    job.fail()
    bench.renew(job)
    bench.print(job, "old\n")
    bench.look(job)
    bench.news()
    bench.let_time_pass(10)
    bench.news()
    job.state, job.ended_at, job.failure_reason = FakeJob().state, None, None
    bench.renew(job)
    bench.news()
    Path(JobLayout(str(job.path)).stdout).unlink()
    job.run()
    bench.renew(job)
    bench.let_time_pass(CARD_PERIOD_S)
    bench.print(job, "of the second run\n")
    news = bench.news()
    assert texts(news) == [(True, "of the second run\n")]
    assert bench.looking.period_s() == LOG_PERIOD_S


def test_a_card_that_changes_all_the_time_is_sent_seldom(bench: Bench) -> None:
    """A busy job has a new card twice a second at most, and the last change is never lost."""
    job, _ = bench.jobs.values()
    bench.look(job)
    bench.news()
    job.log(loss=1.0)
    bench.renew(job)
    assert "cards" not in bench.news()
    left = bench.looking.period_s()
    assert left is not None
    assert 0 <= left <= CARD_PERIOD_S
    bench.let_time_pass(CARD_PERIOD_S)
    assert bench.news()["cards"][job.id]["metrics"][0][:2] == ("loss", "1")
    assert bench.looking.period_s() is None
    job.finish()
    bench.renew(job)
    assert "cards" in bench.news()


def test_a_second_page_gets_all_and_doubles_nothing(bench: Bench) -> None:
    """When a page begins, cards, logs and pictures come anew; logs say that they begin."""
    job, _ = bench.jobs.values()
    bench.print(job, "one\ntwo\n")
    bench.look(job, drawings=("graph",))
    first = bench.news()
    bench.looking.begin_anew()
    bench.look(job, view="b", drawings=("graph",))
    again = bench.news()
    assert again["cards"] == first["cards"]
    assert texts(again) == texts(first) == [(True, "one\ntwo\n")]
    bench.let_time_pass(PICTURE_PERIOD_S)
    assert again.get("drawings", bench.news().get("drawings")) == first["drawings"]
    assert bench.news() == {}


def test_closing_one_view_leaves_what_another_shows(bench: Bench) -> None:
    """A card is followed while any view shows it, and forgotten with the last."""
    job, _ = bench.jobs.values()
    bench.look(job)
    bench.look(job, view="b")
    bench.news()
    bench.look()
    bench.news()
    assert list(bench.looking._cards) == [job.id]
    bench.look(view="b")
    bench.news()
    assert not bench.looking.is_active
    assert not bench.looking._cards


def test_views_and_cards_have_a_bound(tmp_path: Path) -> None:
    """Pages that vanished without a word, or ask for everything, cost a bounded memory."""
    bench = Bench(tmp_path, MAX_CARDS + 10)
    for number in range(3 * MAX_VIEWS):
        bench.looking.look(f"{number}" * 10_000, list(bench.jobs), ["graph", "nonsense"])
    bench.looking.look("last", [*bench.jobs, "unknown"], [])
    news = bench.news()
    assert len(bench.looking._views) == MAX_VIEWS
    assert max(map(len, bench.looking._views)) <= 100
    assert len(news["cards"]) == MAX_CARDS
    assert list(news["drawings"]) == ["graph"]


def test_no_look_is_lost_between_threads(bench: Bench) -> None:
    """Messages of several pages that come at once are all heard."""
    barrier = threading.Barrier(8)
    job, _ = bench.jobs.values()

    def look(view: int) -> None:
        barrier.wait(10)
        for _ in range(200):
            bench.look(job, view=f"view {view}")

    threads = [threading.Thread(target=look, args=(view,)) for view in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(bench.looking._views) == 8


def test_an_unknown_job_has_no_card(bench: Bench) -> None:
    """A key that no row has, yet, is passed over; its card comes with its row."""
    late = FakeJob(7)
    bench.looking.look("a", [late.id], [])
    assert bench.news() == {}
    bench.renew(late)
    assert list(bench.news()["cards"]) == [late.id]


def test_pictures_are_drawn_when_rows_changed(bench: Bench) -> None:
    """A picture is drawn at once, then seldom, and sent only if it is another."""
    job, _ = bench.jobs.values()
    bench.look(drawings=("timeline",))
    assert "2 ['waiting', 'waiting']" in bench.news()["drawings"]["timeline"]
    assert bench.looking.period_s() is None
    bench.looking.note_rows()
    assert bench.news() == {}
    left = bench.looking.period_s()
    assert left is not None
    assert 0 < left <= PICTURE_PERIOD_S
    bench.let_time_pass(PICTURE_PERIOD_S)
    assert bench.news() == {}
    assert len(bench.drawn) == 2
    job.run()
    bench.renew(job)
    bench.looking.note_rows()
    bench.let_time_pass(PICTURE_PERIOD_S)
    assert "running" in bench.news()["drawings"]["timeline"]


def test_a_picture_that_takes_long_is_drawn_seldom(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The share of time that is spent on drawing has a bound."""
    clock = [100.0]
    monkeypatch.setattr(looking_module, "time", SimpleNamespace(monotonic=lambda: clock[0]))

    def draw(_: list[Row]) -> str:
        clock[0] += 3.0
        return "<svg/>"

    looking = Looking({"graph": draw})
    looking.look("a", [], ["graph"])
    looking.news(bench.rows, bench.jobs, LinkFinder(bench.rows))
    looking.note_rows()
    period = looking.period_s()
    assert period is not None
    assert period == pytest.approx(57.0)


@pytest.mark.parametrize("fails", ["picture", "card"])
def test_what_cannot_be_drawn_harms_nothing_else(
    bench: Bench,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    fails: str,
) -> None:
    """A picture or card that raises is logged once and says so; the others are shown."""
    job, other = bench.jobs.values()

    def refuse(*_: object) -> Any:
        raise RuntimeError("no")

    if fails == "picture":
        bench.looking._draw = {"timeline": bench.draw, "graph": refuse}
    else:
        bench.jobs[job.id].metrics = {"loss": 1}
        monkeypatch.setattr(
            looking_module,
            "card_of",
            lambda row, *more: refuse() if row["key"] == job.id else card_of(row, *more),
        )
    bench.look(job, other, drawings=("graph", "timeline"))
    with caplog.at_level(logging.ERROR, "xpmnb"):
        news = bench.news()
        for _ in range(3):
            bench.let_time_pass(10)
            bench.looking.note_rows()
            bench.renew(job)
            bench.news()
    assert list(news["cards"]) == [job.id, other.id]
    assert set(news["drawings"]) == {"timeline", "graph"}
    assert len(caplog.records) == 1
    if fails == "picture":
        assert "cannot be drawn" in news["drawings"]["graph"]
    else:
        assert "cannot be shown" in news["cards"][job.id]["problem"]


def test_links_go_both_ways(bench: Bench) -> None:
    """A card names what its job needs and who needs it; of another cell's job only its key."""
    job, other = bench.jobs.values()
    other.needs = (job.id, "f" * 64)
    bench.renew(other)
    bench.look(job, other)
    cards = bench.news()["cards"]
    assert [link[0] for link in cards[job.id]["needed_by"]] == [other.id]
    assert [link[0] for link in cards[other.id]["needs"]] == [job.id, "f" * 64]
    assert cards[other.id]["needs"][1][1] == "f" * 8


def test_binary_logs_are_text(bench: Bench) -> None:
    """Whatever bytes a job prints, what is told of them is strict JSON."""
    job, _ = bench.jobs.values()
    Path(JobLayout(str(job.path)).stdout).write_bytes(bytes(range(256)) * 1_000)
    bench.look(job)
    news = bench.news()
    text = json.dumps(news, allow_nan=False)
    assert len(text) < 1_000_000
    assert "\\\\x00" in text


def test_what_a_view_said_before_is_no_news(bench: Bench) -> None:
    """A message that another one of its view has overtaken changes nothing, opened or closed."""
    first, second = bench.jobs
    bench.looking.look("a", [first], [], 2)
    bench.looking.look("a", [], [], 1)
    bench.looking.look("b", [second], [], 1)
    assert set(bench.news()["cards"]) == {first, second}
    bench.looking.look("a", [], [], 3)
    bench.looking.look("a", [first], [], 2)
    assert list(bench.looking._views) == ["b"]
