"""When panels open, what is painted, and when they settle."""

import logging
import threading
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from tests.notebook.fake_jobs import FakeJob
from xpmnb.notebook import feed as feed_module
from xpmnb.notebook.cell_panel import BEAT_S, OnAction
from xpmnb.notebook.feed import PanelFeed
from xpmnb.notebook.rows import Row

DEADLINE_S = 10.0


class FakeView:
    """Records what it is told to draw."""

    def __init__(self, rows: list[Row], on_action: OnAction) -> None:
        self.rows = rows
        self.click = on_action
        self.log: list[str] = []
        self.sent: list[list[Row]] = []
        self.html = ""
        self.threads: list[str] = []
        self.was_settled = threading.Event()
        self.broken = False

    def show(self) -> None:
        self.log.append("show")

    def send_rows(self, changed: list[Row]) -> None:
        if self.broken:
            raise RuntimeError("the page is gone")
        self.log.append("send")
        self.sent.append(changed)
        self.threads.append(threading.current_thread().name)

    def settle(self, html: str, plain: str) -> None:
        self.log.append("settle")
        self.html = f"{plain}\n{html}"
        self.was_settled.set()


class Notebook:
    """A feed over fake views, in a cell that the test names."""

    def __init__(self) -> None:
        self.cell: str | None = "cell 1"
        self.views: list[FakeView] = []
        self.feed = PanelFeed(self.open_view, cell=lambda: self.cell)

    def open_view(self, rows: list[Row], on_action: OnAction) -> FakeView:
        self.views.append(FakeView(rows, on_action))
        return self.views[-1]

    def submit(self, *numbers: int) -> list[FakeJob]:
        jobs = [FakeJob(number) for number in numbers]
        for job in jobs:
            self.feed.submitted(job)
        return jobs

    def tell(self, job: FakeJob, change: Callable[[], None]) -> None:
        change()
        self.feed.changed(job)


@pytest.fixture
def notebook() -> Iterator[Notebook]:
    """Return a notebook whose feed is closed at the end."""
    notebook = Notebook()
    yield notebook
    notebook.feed.closed()


def in_thread(function: Callable[[], object]) -> None:
    """Call a function in another thread and wait for it."""
    thread = threading.Thread(target=function)
    thread.start()
    thread.join()


def test_one_panel_for_all_submissions_of_a_cell(notebook: Notebook) -> None:
    """A thousand submissions of one cell make one view, in the order of submission."""
    jobs = notebook.submit(*range(1_000))
    notebook.feed.flush()
    assert len(notebook.views) == 1
    assert [row["key"] for row in notebook.views[0].rows] == [job.id for job in jobs]
    assert notebook.views[0].log[0] == "show"


def test_each_execution_has_its_panel(notebook: Notebook) -> None:
    """The next execution of a cell opens a panel of its own."""
    notebook.submit(0)
    notebook.cell = "cell 2"
    notebook.submit(1)
    assert len(notebook.views) == 2


def test_callbacks_join_the_latest_panel(notebook: Notebook) -> None:
    """A submission of another thread goes to the latest panel, whatever cell runs."""
    notebook.submit(0)
    notebook.cell = "cell 2"
    in_thread(lambda: notebook.submit(1))
    notebook.feed.flush()
    assert [len(view.rows) for view in notebook.views] == [2]


def test_only_changed_rows_are_sent(notebook: Notebook) -> None:
    """After the first painting a message holds the rows with news alone, at their newest."""
    jobs = notebook.submit(*range(10))
    for job in jobs:
        job.run()
    notebook.feed.flush()
    view = notebook.views[0]
    # A flush looks at all live jobs again; done ones are left alone.
    for job in jobs[1:]:
        notebook.tell(job, job.finish)
    notebook.feed.flush()
    before = len(view.sent)
    jobs[0].progress = [(0.5, "half")]
    notebook.feed.changed(jobs[0])
    notebook.feed.flush()
    assert [row["key"] for message in view.sent[before:] for row in message] == [jobs[0].id]
    assert view.sent[-1][0]["progress"] == [(0.5, "half")]


def test_thousands_of_news_become_few_messages(notebook: Notebook) -> None:
    """News between two paintings cost one message, however many they are."""
    (job,) = notebook.submit(0)
    job.run()
    notebook.feed.flush()
    view = notebook.views[0]
    before = len(view.sent)
    for number in range(20_000):
        job.metrics = {"step": number}
        notebook.feed.changed(job)
    notebook.feed.flush()
    assert view.rows[0]["metrics"] == [("step", "19999")]
    assert len(view.sent) - before <= 20


def test_one_thread_paints(notebook: Notebook) -> None:
    """All messages are sent by the painter, also when several threads bring news and flush."""
    jobs = notebook.submit(0, 1)
    for job in jobs:
        in_thread(partial(notebook.feed.changed, job))
    in_thread(notebook.feed.flush)
    notebook.feed.flush()
    assert set(notebook.views[0].threads) == {"xpmnb-panels"}


def test_the_painter_sleeps_while_nothing_changes(notebook: Notebook) -> None:
    """With nothing new the painter waits for the next sign of life, and with no job for ever."""
    (job,) = notebook.submit(0)
    job.run()
    notebook.feed.flush()
    left = notebook.feed._time_left()
    assert left is not None
    assert BEAT_S - 2 < left <= BEAT_S
    assert not notebook.feed._dirty
    job.finish()
    notebook.feed.flush()
    assert notebook.feed._time_left() is None


def test_a_panel_with_unfinished_jobs_shows_signs_of_life(notebook: Notebook) -> None:
    """Where nothing changes, an empty message tells the page every few seconds that all is well."""
    (job,) = notebook.submit(0)
    job.run()
    notebook.feed.flush()
    [panel] = notebook.feed._panels
    before = len(notebook.views[0].sent)
    assert panel.paint() == 0
    panel.sent_at -= BEAT_S
    assert panel.paint() == 1
    assert notebook.views[0].sent[before:] == [[]]
    assert panel.paint() == 0


def test_flush_settles_what_has_ended(notebook: Notebook) -> None:
    """When flush returns, panels whose jobs have all ended are plain tables; others are live."""
    (done,) = notebook.submit(0)
    notebook.cell = "cell 2"
    (running,) = notebook.submit(1)
    running.run()
    # Not even told: flush looks for itself.
    done.finish()
    notebook.feed.flush()
    assert notebook.views[0].log[-2:] == ["send", "settle"]
    assert "1 job: 1 done" in notebook.views[0].html
    assert "settle" not in notebook.views[1].log


def test_a_panel_settles_by_itself(notebook: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some time after its last job ended a panel becomes a plain table, with nobody waiting."""
    monkeypatch.setattr(feed_module, "GRACE_S", 0.0)
    (job,) = notebook.submit(0)
    notebook.tell(job, job.finish)
    assert notebook.views[0].was_settled.wait(DEADLINE_S)


def test_a_settled_panel_comes_back(notebook: Notebook) -> None:
    """A later submission of the same execution brings the panel back with all its rows."""
    (first,) = notebook.submit(0)
    first.finish()
    notebook.feed.flush()
    (second,) = notebook.submit(1)
    notebook.feed.flush()
    view = notebook.views[0]
    assert len(notebook.views) == 1
    assert view.log.count("show") == 2
    assert [row["word"] for row in view.rows] == ["done", "waiting"]
    notebook.tell(second, second.fail)
    notebook.feed.flush()
    assert "2 jobs: 1 done, 1 failed" in view.html


def test_a_panel_about_to_come_back_is_not_forgotten(
    notebook: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A settled panel with a new job outlives another panel's end, though it is not the latest."""
    (first,) = notebook.submit(0)
    first.finish()
    notebook.feed.flush()
    # The painter rests from here on until somebody waits for it.
    monkeypatch.setattr(feed_module, "PERIOD_S", DEADLINE_S)
    notebook.feed.flush()
    notebook.submit(1)
    notebook.cell = "cell 2"
    notebook.submit(2)
    notebook.feed._unlink(notebook.feed._panels[-1], [])
    notebook.feed.flush()
    assert [row["word"] for row in notebook.views[0].rows] == ["done", "waiting"]
    assert notebook.views[0].log[-2:] == ["show", "send"]


def test_the_same_job_again_has_one_row(notebook: Notebook) -> None:
    """Submitting a failed job again in the same cell updates its row."""
    (job,) = notebook.submit(0)
    notebook.tell(job, job.fail)
    notebook.feed.flush()
    (again,) = notebook.submit(0)
    notebook.tell(again, again.run)
    notebook.feed.flush()
    assert [row["word"] for row in notebook.views[0].rows] == ["running"]


def test_a_job_of_two_cells_is_shown_in_both(notebook: Notebook) -> None:
    """A running job that a later cell submits again moves in both panels."""
    (job,) = notebook.submit(0)
    notebook.cell = "cell 2"
    notebook.feed.submitted(job)
    notebook.tell(job, job.run)
    notebook.feed.flush()
    assert [view.rows[0]["word"] for view in notebook.views] == ["running", "running"]


def test_settled_panels_release_their_jobs(notebook: Notebook) -> None:
    """Of a panel that settled nothing is kept once another cell has submitted."""
    (job,) = notebook.submit(0)
    job.finish()
    notebook.feed.flush()
    assert not notebook.feed._panels_of
    notebook.cell = "cell 2"
    (other,) = notebook.submit(1)
    other.finish()
    notebook.feed.flush()
    assert [panel.cell for panel in notebook.feed._panels] == ["cell 2"]
    assert not notebook.feed._panels[0].jobs


def test_clicks_only_ask(notebook: Notebook) -> None:
    """The stop button cancels its job; unknown keys and actions do nothing."""
    (job,) = notebook.submit(0)
    view = notebook.views[0]
    asked: list[str] = []
    job.on_cancel = lambda: asked.append("stop")
    view.click("stop", "no such key")
    view.click("explode", job.id)
    assert asked == []
    view.click("stop", job.id)
    assert asked == ["stop"]
    notebook.feed.flush()
    assert view.rows[0]["word"] == "stopping"


def test_a_late_page_gets_all_rows(notebook: Notebook) -> None:
    """A page that asks is sent every row, changed or not."""
    jobs = notebook.submit(0, 1, 2)
    notebook.tell(jobs[0], jobs[0].finish)
    notebook.feed.flush()
    notebook.views[0].click("sync", "")
    notebook.feed.flush()
    assert [row["key"] for row in notebook.views[0].sent[-1]] == [job.id for job in jobs]


def test_closed_paints_the_end_and_leaves_no_thread() -> None:
    """After closed the last states are on the page, unfinished ones named, and the painter gone."""
    notebook = Notebook()
    jobs = notebook.submit(0, 1)
    jobs[0].finish()
    painter = notebook.feed._painter
    assert painter is not None
    notebook.feed.closed()
    assert not painter.is_alive()
    html = notebook.views[0].html
    assert "1 done, 1 waiting" in html
    assert "The run was closed before 1 of them ended." in html
    notebook.feed.closed()
    notebook.feed.flush()
    notebook.submit(2)
    assert len(notebook.views) == 1


def test_a_feed_without_jobs_has_no_thread() -> None:
    """A run that submits nothing starts no painter."""
    notebook = Notebook()
    notebook.feed.flush()
    notebook.feed.closed()
    assert notebook.feed._painter is None


def test_a_dead_panel_stops_nothing(notebook: Notebook, caplog: pytest.LogCaptureFixture) -> None:
    """A view that raises is logged once with its traceback; other panels go on."""
    (job,) = notebook.submit(0)
    notebook.feed.flush()
    notebook.views[0].broken = True
    with caplog.at_level(logging.ERROR, "xpmnb"):
        for _ in range(3):
            notebook.feed.changed(job)
            notebook.feed.flush()
        notebook.submit(3)
    assert len(caplog.records) == 1
    assert caplog.records[0].exc_info
    notebook.cell = "cell 2"
    (other,) = notebook.submit(1)
    other.finish()
    notebook.feed.flush()
    assert "1 done" in notebook.views[1].html


def test_a_view_that_cannot_open_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """Where no view can be made, submissions go on and one message is logged."""

    def refuse(_: list[Row], __: OnAction) -> FakeView:
        raise RuntimeError("no comm")

    feed = PanelFeed(refuse, cell=lambda: "cell")
    with caplog.at_level(logging.ERROR, "xpmnb"):
        for number in range(3):
            feed.submitted(FakeJob(number))
    feed.closed()
    assert len(caplog.records) == 1


def test_many_panels_share_the_budget(notebook: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    """One tick sends a bounded number of messages, and the panels left out come first next time."""
    monkeypatch.setattr(feed_module, "MESSAGES_PER_TICK", 2)
    jobs = []
    for number in range(5):
        notebook.cell = f"cell {number}"
        jobs += notebook.submit(number)
    notebook.feed.flush()
    for job in jobs:
        notebook.tell(job, job.run)
    seen = {view: len(view.sent) for view in notebook.views}
    notebook.feed.closed()
    assert all(len(view.sent) > seen[view] for view in notebook.views)
