"""When panels open, what is painted, and when they settle."""

import logging
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.notebook.fake_jobs import FakeJob
from xpmnb.notebook import board as board_module
from xpmnb.notebook import feed as feed_module
from xpmnb.notebook.cell_panel import BEAT_S
from xpmnb.notebook.commands import CLOSED, Saying
from xpmnb.notebook.feed import PanelFeed
from xpmnb.notebook.outlook import Outlook
from xpmnb.notebook.panel_view import Face, OnMessage
from xpmnb.notebook.rows import Row
from xpmnb.notebook.watched import row_of

DEADLINE_S = 10.0


class FakeView:
    """Records what it is told to draw."""

    def __init__(self, rows: list[Row], on_message: OnMessage, face: Face) -> None:
        self.rows = rows
        self.first = list(rows)
        self.hear = on_message
        self.face = face
        self.mark = "xpm-mount-here"
        self.log: list[str] = []
        self.sent: list[list[Row]] = []
        self.messages: list[dict[str, Any]] = []
        self.html = ""
        self.threads: list[str] = []
        self.was_settled = threading.Event()
        self.broken = False
        self.packed: list[Row] = []
        self.note = ""

    def click(self, action: str, *keys: str) -> None:
        self.hear({"action": action, "keys": list(keys)})

    def said(self) -> list[str]:
        return [each["text"] for message in self.messages for each in message.get("said", ())]

    def show(self, html: str, plain: str) -> None:
        self.log.append("show")
        self.html = f"{plain}\n{html}"

    def send(self, message: dict[str, Any]) -> None:
        if self.broken:
            raise RuntimeError("the page is gone")
        self.log.append("send")
        self.messages.append(message)
        self.sent.append(message["changed"])
        self.threads.append(threading.current_thread().name)

    def publish(self, html: str, plain: str, *, final: bool) -> None:
        self.log.append("settle" if final else "publish")
        self.html = f"{plain}\n{html}"
        if final:
            self.was_settled.set()

    def annotate(self, words: str) -> None:
        self.note = words

    def pack(self) -> None:
        self.log.append("pack")
        self.packed = list(self.rows)
        self.rows.clear()

    def unpack(self) -> None:
        self.log.append("unpack")
        self.rows[:] = self.packed

    def close(self) -> None:
        self.log.append("close")


class Notebook:
    """A feed over fake views, in a cell that the test names."""

    def __init__(self) -> None:
        self.cell: str | None = "cell 1"
        self.place: str | None = None
        self.views: list[FakeView] = []
        self.feed = PanelFeed(
            self.open_view, cell=lambda: self.cell, place=lambda: self.place, note="A note."
        )

    def open_view(self, rows: list[Row], on_message: OnMessage, face: Face) -> FakeView:
        self.views.append(FakeView(rows, on_message, face))
        return self.views[-1]

    def submit(self, *numbers: int) -> list[FakeJob]:
        jobs = [FakeJob(number) for number in numbers]
        for job in jobs:
            self.feed.submitted(job)
        return jobs

    def finish_clicks(self) -> None:
        """Wait until what was clicked is carried out."""
        done = threading.Event()
        self.feed._commands.add(done.set)
        assert done.wait(DEADLINE_S)

    def finish_late(self) -> None:
        """Wait until what pages asked for after the end of the run is painted."""
        done = threading.Event()
        self.feed._late.add(done.set)
        assert done.wait(DEADLINE_S)

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


def test_the_first_row_is_there_before_the_view(notebook: Notebook) -> None:
    """A page that begins with the model has the first row, and so knows where it stands."""
    jobs = notebook.submit(0, 1)
    notebook.feed.flush()
    assert [row["key"] for row in notebook.views[0].first] == [jobs[0].id]


def test_rows_stand_in_the_order_of_submission(notebook: Notebook) -> None:
    """Whatever news come first, and in whatever order, rows stand as the jobs were submitted."""
    jobs = [FakeJob(number) for number in range(50)]
    for job in jobs:
        notebook.feed._board.join(job, "")
    for job in reversed(jobs):
        notebook.tell(job, job.run)
    notebook.feed.submitted(jobs[0])
    notebook.feed.flush()
    assert [row["key"] for row in notebook.views[0].rows] == [job.id for job in jobs]


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
    [panel] = notebook.feed._board.panels
    panel.publishing.heard = True
    before = len(notebook.views[0].sent)
    assert panel.paint() == 0
    panel._sent_at -= BEAT_S
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
    assert notebook.views[0].log[-3:] == ["send", "settle", "pack"]
    assert "1 job: 1 done" in notebook.views[0].html
    assert "settle" not in notebook.views[1].log


def test_a_panel_settles_by_itself(notebook: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some time after its last job ended a panel becomes a plain table, with nobody waiting."""
    monkeypatch.setattr(board_module, "GRACE_S", 0.0)
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
    assert view.log.count("unpack") == 1
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
    notebook.feed._board._unlink(notebook.feed._board.panels[-1], [])
    notebook.feed.flush()
    assert [row["word"] for row in notebook.views[0].rows] == ["done", "waiting"]
    assert "unpack" in notebook.views[0].log


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
    """A panel that settled keeps no handle of a job that is done."""
    (job,) = notebook.submit(0)
    job.finish()
    notebook.feed.flush()
    assert not notebook.feed._board._panels_of
    notebook.cell = "cell 2"
    (other,) = notebook.submit(1)
    other.finish()
    notebook.feed.flush()
    assert [panel.jobs for panel in notebook.feed._board.panels] == [{}, {}]
    assert [view.rows for view in notebook.views] == [[], []]


def test_clicks_only_ask(notebook: Notebook) -> None:
    """The stop button cancels its job; unknown keys and actions do nothing."""
    (job,) = notebook.submit(0)
    view = notebook.views[0]
    asked: list[str] = []
    job.on_cancel = lambda: asked.append("stop")
    view.click("stop", "no such key")
    view.click("explode", job.id)
    for odd in ({}, {"action": 3}, {"action": "stop", "keys": 7}, {"action": "look", "cards": {}}):
        view.hear(odd)
    notebook.finish_clicks()
    assert asked == []
    view.click("stop", job.id)
    notebook.finish_clicks()
    assert asked == ["stop"]
    notebook.feed.flush()
    assert view.rows[0]["word"] == "stopping"
    assert view.said()[-1] == "Asked 1 job to stop."


def test_a_late_page_gets_all_rows(notebook: Notebook) -> None:
    """A page that asks is sent every row, changed or not."""
    jobs = notebook.submit(0, 1, 2)
    notebook.tell(jobs[0], jobs[0].finish)
    notebook.feed.flush()
    notebook.views[0].click("sync")
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
        for number in range(3):
            notebook.tell(job, partial(setattr, job, "message", f"news {number}"))
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

    def refuse(_: list[Row], __: OnMessage, ___: Face) -> FakeView:
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


def test_a_panel_is_a_whole_table_from_the_beginning(notebook: Notebook) -> None:
    """What is displayed first shows the first job, without any page; flushing renews it."""
    notebook.submit(0)
    view = notebook.views[0]
    assert view.log[0] == "show"
    assert "1 job: 1 waiting" in view.html
    assert view.mark in view.html
    notebook.submit(1)
    notebook.feed.flush()
    assert "2 jobs: 2 waiting" in view.html
    assert "A note." in view.html


def test_a_page_that_draws_the_panel_needs_no_tables(notebook: Notebook) -> None:
    """Once a page has asked for the rows, flushing publishes no table until all has ended."""
    (job,) = notebook.submit(0)
    view = notebook.views[0]
    view.click("sync")
    notebook.feed.flush()
    before = view.log.count("publish")
    notebook.tell(job, job.run)
    notebook.feed.flush()
    assert view.log.count("publish") == before
    notebook.tell(job, job.finish)
    notebook.feed.flush()
    assert view.log.count("settle") == 1


def test_a_cell_that_runs_again_closes_its_earlier_panel(notebook: Notebook) -> None:
    """The output of the earlier execution is gone: its view is closed, and its jobs are let go."""
    notebook.place = "place"
    (job,) = notebook.submit(0)
    notebook.cell = "cell 1, again"
    again = notebook.submit(0)
    notebook.feed.flush()
    notebook.tell(again[0], again[0].run)
    notebook.feed.flush()
    assert notebook.views[0].log[-1] == "close"
    assert notebook.views[1].rows[0]["word"] == "running"
    assert [panel.view for panel in notebook.feed._board.panels] == [notebook.views[1]]
    assert len(notebook.feed._board._panels_of[job.id]) == 1


def test_a_failed_job_is_retried_in_its_panel(notebook: Notebook) -> None:
    """Whatever cell runs, a retried job is shown in its own row, in settled panels as well."""
    (job,) = notebook.submit(0)
    notebook.tell(job, job.fail)
    notebook.feed.flush()
    notebook.cell = "cell 2"
    (other,) = notebook.submit(1)
    notebook.tell(other, other.run)
    again = FakeJob(0)
    job.on_retry = lambda: notebook.feed.submitted(again)
    notebook.views[0].click("retry", job.id)
    notebook.finish_clicks()
    notebook.tell(again, again.run)
    notebook.feed.flush()
    assert [row["word"] for row in notebook.views[0].rows] == ["running"]
    assert [row["key"] for row in notebook.views[1].rows] == [other.id]
    assert "1 job submitted again." in notebook.views[0].said()


def test_all_failed_jobs_are_retried_and_all_others_stopped(notebook: Notebook) -> None:
    """The two buttons of the head are for all jobs of the panel that they concern."""
    jobs = notebook.submit(0, 1, 2, 3)
    called: list[str] = []
    for number, job in enumerate(jobs):
        job.on_retry = partial(called.append, f"retry {number}")
        job.on_cancel = partial(called.append, f"stop {number}")
    jobs[0].fail()
    jobs[1].finish()
    notebook.feed.flush()
    view = notebook.views[0]
    view.click("retry-failed")
    notebook.finish_clicks()
    assert called == ["retry 0"]
    view.click("stop-all")
    notebook.finish_clicks()
    assert called == ["retry 0", "stop 3", "stop 2"]


def test_a_retry_that_fails_is_said(notebook: Notebook, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever a submission raises stands in the panel, and the next click is heard."""
    (job,) = notebook.submit(0)
    notebook.tell(job, job.fail)
    notebook.feed.flush()

    def refuse() -> None:
        raise ValueError("the disk is full")

    job.on_retry = refuse
    with caplog.at_level(logging.WARNING, "xpmnb"):
        notebook.views[0].click("retry", job.id)
        notebook.finish_clicks()
    notebook.views[0].click("stop", job.id)
    notebook.finish_clicks()
    notebook.feed.flush()
    assert notebook.views[0].said() == [
        "train was not run again: the disk is full",
        "Nothing to stop: they have ended already.",
    ]


def test_an_overview_shows_all_cells(notebook: Notebook) -> None:
    """A panel of the whole run takes in what any cell submits, and has its own title."""
    (first,) = notebook.submit(0)
    assert notebook.feed.show_all([], [first], "digits")
    notebook.cell = "cell 2"
    notebook.submit(1)
    notebook.feed.flush()
    cell_1, overview, cell_2 = notebook.views
    assert overview.face.title == "digits"
    assert [len(view.rows) for view in (cell_1, overview, cell_2)] == [1, 2, 1]
    notebook.feed.closed()
    assert not notebook.feed.show_all([], [], "digits")


def test_a_closed_run_still_answers(tmp_path: Path) -> None:
    """Once the run is closed a page can still open cards; what asks for a run is refused."""
    notebook = Notebook()
    (job,) = notebook.submit(0)
    job.path = tmp_path
    (tmp_path / f"{tmp_path.parent.name}.out").write_text("printed\n")
    notebook.tell(job, job.fail)
    notebook.feed.closed()
    view = notebook.views[0]
    view.hear({"action": "look", "view": "a", "cards": [job.id], "drawings": []})
    notebook.finish_late()
    assert view.messages[-1]["cards"][job.id]["key"] == job.id
    view.click("retry", job.id)
    notebook.finish_late()
    assert view.said() == [CLOSED]


def look(view: FakeView, *keys: str, page: str = "a") -> None:
    """Open the cards of jobs in a page, and no others."""
    view.hear({"action": "look", "view": page, "cards": list(keys), "drawings": []})


def test_a_card_of_a_settled_panel_is_shown_and_packed_again(
    notebook: Notebook, tmp_path: Path
) -> None:
    """Rows of a settled panel are there while somebody looks, and packed once nobody does."""
    (job,) = notebook.submit(0)
    job.path = tmp_path
    job.finish()
    notebook.feed.flush()
    view = notebook.views[0]
    assert view.rows == []
    look(view, job.id)
    notebook.feed.flush()
    assert view.messages[-1]["cards"][job.id]["key"] == job.id
    assert len(view.rows) == 1
    look(view)
    notebook.feed.flush()
    assert view.rows == []
    assert view.log.count("settle") == 1


def test_no_request_of_a_page_is_lost(notebook: Notebook) -> None:
    """However pages ask while the panel is painted, each gets all rows after it asked."""
    jobs = notebook.submit(0, 1)
    view = notebook.views[0]
    stop = threading.Event()

    def report() -> None:
        while not stop.is_set():
            jobs[0].progress = [(None, "")]
            notebook.feed.changed(jobs[0])
            notebook.feed.flush()

    reporter = threading.Thread(target=report)
    reporter.start()
    try:
        for _ in range(50):
            before = len(view.sent)
            view.click("sync")
            notebook.feed.flush()
            assert any(len(rows) == len(jobs) for rows in view.sent[before:])
    finally:
        stop.set()
        reporter.join()


def test_every_word_is_said_once(notebook: Notebook) -> None:
    """Sayings of many threads reach the page, each once, while the panel is painted."""
    notebook.submit(0)
    [panel] = notebook.feed._board.panels

    def say(number: int) -> None:
        for turn in range(50):
            panel.say(Saying(f"{number} {turn}"))
            notebook.feed.flush()

    threads = [threading.Thread(target=say, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    notebook.feed.flush()
    assert sorted(notebook.views[0].said()) == sorted(
        f"{number} {turn}" for number in range(4) for turn in range(50)
    )


def test_a_flush_without_news_sends_nothing(notebook: Notebook) -> None:
    """Whoever waits in vain costs no message and no table, however often."""
    jobs = notebook.submit(*range(20))
    for job in jobs:
        job.run()
    view = notebook.views[0]
    view.click("sync")
    notebook.feed.flush()
    before = list(view.log)
    for _ in range(10):
        notebook.feed.flush()
    assert view.log == before


def test_bytes_grow_with_the_changes(notebook: Notebook) -> None:
    """Ten changes cost the same message among ten jobs and among a thousand."""
    sizes = []
    for count in (10, 1_000):
        notebook.cell = f"cell of {count}"
        jobs = notebook.submit(*range(count))
        for job in jobs:
            job.run()
        notebook.feed.flush()
        view = notebook.views[-1]
        before = len(view.messages)
        for job in jobs[:10]:
            job.progress = [(0.5, "half")]
            notebook.feed.changed(job)
        notebook.feed.flush()
        sizes.append(sum(len(rows) for rows in view.sent[before:]))
    assert sizes == [10, 10]


def test_pages_of_a_closed_run_are_answered_from_any_thread(tmp_path: Path) -> None:
    """Many pages at once look at a run that is closed: one thread answers all, and then ends."""
    notebook = Notebook()
    jobs = notebook.submit(*range(8))
    for job in jobs:
        job.path = tmp_path / job.id
        notebook.tell(job, job.finish)
    notebook.feed.closed()
    view = notebook.views[0]
    barrier = threading.Barrier(len(jobs))

    def open_card(number: int) -> None:
        barrier.wait(DEADLINE_S)
        view.click("sync")
        look(view, jobs[number].id, page=str(number))

    threads = [threading.Thread(target=open_card, args=(n,)) for n in range(len(jobs))]
    before = len(view.messages)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    notebook.finish_late()
    shown = {key for message in view.messages[before:] for key in message.get("cards", ())}
    assert shown == {job.id for job in jobs}
    assert set(view.threads[before:]) == {"xpmnb-late-panels"}
    notebook.feed._late.close()
    assert not any(each.name == "xpmnb-late-panels" for each in threading.enumerate())


def test_what_is_asked_while_a_run_closes_is_answered(tmp_path: Path) -> None:
    """A card that is opened just as the painter ends is shown all the same."""
    for _ in range(30):
        notebook = Notebook()
        (job,) = notebook.submit(0)
        job.path = tmp_path
        notebook.tell(job, job.finish)
        closer = threading.Thread(target=notebook.feed.closed)
        closer.start()
        look(notebook.views[0], job.id)
        closer.join()
        notebook.finish_late()
        messages = notebook.views[0].messages
        assert any(job.id in message.get("cards", ()) for message in messages)


def test_a_late_view_that_fails_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """After the end of a run, too, a panel that raises is logged once and left alone."""
    notebook = Notebook()
    (job,) = notebook.submit(0)
    notebook.tell(job, job.finish)
    notebook.feed.closed()
    notebook.views[0].broken = True
    with caplog.at_level(logging.ERROR, "xpmnb"):
        for _ in range(3):
            notebook.views[0].click("sync")
        notebook.finish_late()
    assert len(caplog.records) == 1


def test_a_closed_run_keeps_no_job(notebook: Notebook) -> None:
    """Once a run is closed its panels hold no handle, offer nothing that needs one, and say why."""
    (failed,) = notebook.submit(0)
    notebook.tell(failed, failed.fail)
    notebook.feed.flush()
    assert notebook.views[0].packed[0]["retry_words"]
    assert not notebook.views[0].note
    notebook.cell = "cell 2"
    (other,) = notebook.submit(1)
    notebook.tell(other, other.fail)
    notebook.submit(2)
    notebook.feed.closed()
    board = notebook.feed._board
    assert [panel.jobs for panel in board.panels] == [{}, {}]
    assert not board._panels_of
    for view in notebook.views:
        assert not any(row["retry_words"] for row in view.packed)
        newest = {row["key"]: row for rows in view.sent for row in rows}
        assert not any(row["retry_words"] for row in newest.values())
        assert "open it again and submit" in view.note
    for _ in range(3):
        notebook.feed.changed(failed)
    assert len(notebook.feed._dirty) <= 1


def test_a_cell_of_a_closed_run_that_runs_again_closes_its_panel() -> None:
    """The panel of an earlier run goes when its cell begins another run: its output is gone."""
    before, after = Notebook(), Notebook()
    for notebook in (before, after):
        notebook.place = "the cell of this test"
    (job,) = before.submit(0)
    before.tell(job, job.finish)
    before.feed.closed()
    after.cell = "cell 1, again"
    after.submit(0)
    before.finish_late()
    assert before.views[0].log[-1] == "close"
    assert not before.feed._board.panels
    after.feed.closed()
    assert "close" not in after.views[0].log


def test_an_overview_of_ended_jobs_settles(notebook: Notebook) -> None:
    """A panel of a run whose jobs have all ended becomes a plain table, and takes little room."""
    job = FakeJob(0)
    job.run()
    job.finish()
    assert notebook.feed.show_all([row_of(job)], [], "digits")
    notebook.feed.flush()
    view = notebook.views[0]
    assert view.log[-2:] == ["settle", "pack"]
    (late,) = notebook.submit(1)
    notebook.feed.flush()
    assert [row["key"] for row in view.rows] == [job.id, late.id]


def test_an_overview_misses_no_job(notebook: Notebook) -> None:
    """A job that was submitted after the handles were looked up is in the overview as well."""
    (job,) = notebook.submit(0)
    assert notebook.feed.show_all([], [], "digits")
    notebook.feed.flush()
    assert [row["key"] for row in notebook.views[1].rows] == [job.id]


def test_a_click_on_a_panel_that_is_gone_shows_elsewhere(notebook: Notebook) -> None:
    """What is retried in a panel whose cell ran again is shown in the newest panel."""
    notebook.place = "another place"
    (job,) = notebook.submit(0)
    notebook.tell(job, job.fail)
    notebook.feed.flush()
    [panel] = notebook.feed._board.panels
    notebook.cell = "cell 1, again"
    (other,) = notebook.submit(1)
    with notebook.feed._board.clicking(panel):
        notebook.feed.submitted(FakeJob(2))
    notebook.feed.flush()
    assert [row["key"] for row in notebook.views[1].rows] == [other.id, FakeJob(2).id]


def test_the_first_row_reads_no_files(notebook: Notebook) -> None:
    """The thread of the cell does not look for how long jobs took: the painter does."""
    threads: list[str] = []

    def read(_: str) -> list[float]:
        threads.append(threading.current_thread().name)
        return [7.0]

    notebook.feed._board._outlook = Outlook(read)
    notebook.submit(0)
    notebook.feed.flush()
    assert threads == ["xpmnb-panels"]
    assert notebook.views[0].rows[0]["usual_s"] == 7.0


def test_jobs_of_panels_that_are_gone_are_forgotten(notebook: Notebook) -> None:
    """What was expected of a job that no panel shows any more is let go."""
    notebook.place = "a third place"
    (job,) = notebook.submit(0)
    job.run()
    job.progress = [(0.5, "")]
    notebook.feed.flush()
    outlook = notebook.feed._board._outlook
    assert list(outlook._paces) == [job.id]
    notebook.cell = "cell 1, again"
    (other,) = notebook.submit(1)
    notebook.feed.flush()
    assert not outlook._paces
    assert list(notebook.feed._board._panels_of) == [other.id]


def test_a_loop_that_waits_sends_its_rows_once(notebook: Notebook) -> None:
    """Submitting and waiting in turn costs rows that grow with the jobs, and the end sends all."""
    jobs = []
    for number in range(30):
        jobs += notebook.submit(number)
        notebook.tell(jobs[-1], jobs[-1].finish)
        notebook.feed.flush()
    view = notebook.views[0]
    assert sum(map(len, view.sent)) < 5 * len(jobs)
    before = len(view.sent)
    notebook.feed.closed()
    assert any(len(rows) == len(jobs) for rows in view.sent[before:])
    assert [row["word"] for row in view.packed] == ["done"] * len(jobs)
