"""Rows as words and as static HTML."""

import re
from html.parser import HTMLParser
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.notebook.fake_jobs import FakeJob
from tests.support.pages import Page
from xpmnb.markup import shown
from xpmnb.notebook import table
from xpmnb.notebook.failures import FailureWords
from xpmnb.notebook.rows import (
    Row,
    elapsed,
    format_duration,
    headline,
    state_tone,
    state_word,
    summary,
)
from xpmnb.notebook.table import table_html
from xpmnb.notebook.watched import row_of

HOSTILE = "</td><script>alert(1)</script>\"'&\x1b[31m\x07\u202etxt.exe\ud800"


def rows_in(*states: str) -> list[Row]:
    """Return one row per state."""
    rows = []
    for number, state in enumerate(states):
        job = FakeJob(number)
        if state != "waiting":
            job.run()
        if state == "done":
            job.finish()
        elif state in {"error", "cancelled"}:
            job.fail(state)
        rows.append(row_of(job))
    return rows


class Elements(HTMLParser):
    """Collects tags and text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        assert not [name for name, _ in attrs if name.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_summary_counts_by_what_became_of_the_jobs() -> None:
    """The summary names each kind that is there, in a fixed order."""
    rows = rows_in("running", "done", "error", "cancelled", "waiting", "done")
    assert summary(rows) == "2 done, 1 running, 1 failed, 1 cancelled, 1 waiting"
    assert headline(rows).startswith("6 jobs: 2 done")
    assert headline(rows[:1]) == "1 job: 1 running"
    assert headline([]) == "0 jobs"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "0.0 s"),
        (0.42, "0.4 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (185, "3 min 05 s"),
        (7380, "2 h 03 min"),
        (3 * 86400 + 4 * 3600, "3 d 04 h"),
    ],
)
def test_durations_read_well(seconds: float, text: str) -> None:
    """A duration shows two units at most, and never 60 of one."""
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("state", "failure", "word", "tone"),
    [
        ("ready", None, "waiting", "waiting"),
        ("running", None, "running", "running"),
        ("error", "error", "failed", "failed"),
        ("error", "timeout", "timed out", "failed"),
        ("error", "cancelled", "cancelled", "cancelled"),
        ("error", "dependency", "dependency failed", "failed"),
        ("error", "some new reason", "some new reason", "failed"),
    ],
)
def test_states_have_words(state: str, failure: str | None, word: str, tone: str) -> None:
    """The word says why a job failed, the tone only what kind of end it is."""
    assert state_word(state, failure, stopping=False) == word
    assert state_tone(state, failure) == tone


def test_a_job_that_was_asked_to_stop_says_so() -> None:
    """A job that still runs is stopping; one that ended all the same is done."""
    assert state_word("running", None, stopping=True) == "stopping"
    assert state_word("done", None, stopping=True) == "done"


def test_what_hides_becomes_visible() -> None:
    """Controls, direction marks and lone surrogates become escapes; terminal colours go."""
    assert shown("a\x1b[31mb\x1b[0m\x07\u202e\ud800\r\n\tc") == "ab\\x07\\u202e\\ud800\n\tc"
    assert shown("abcdef", 4) == "abc…"


def test_nothing_of_a_user_becomes_markup() -> None:
    """Hostile names, tags, texts, metrics, paths and notes appear as text and encode as UTF-8."""
    job = FakeJob(0, **{HOSTILE: HOSTILE})
    job.name = HOSTILE
    job.path = job.path / HOSTILE
    job.metrics = {HOSTILE: HOSTILE}
    job.progress = [(0.5, HOSTILE)]
    failed = FakeJob(1)
    failed.fail("error", HOSTILE)
    page = table_html([row_of(job), row_of(failed)], note=HOSTILE)
    page.encode()
    elements = Elements(page)
    assert "script" not in elements.tags
    assert sum("<script>alert(1)</script>" in text for text in elements.text) >= 5
    assert not re.search("[\x00-\x08\x0b-\x1f\u202e]", page)


def test_empty_columns_are_left_out() -> None:
    """Columns that no row fills do not appear; state, task and time always do."""
    rows = rows_in("done")
    assert [text for text in Elements(table_html(rows)).text if text.istitle()] == [
        "State",
        "Task",
        "Time",
    ]
    job = FakeJob(0, lr=0.1)
    job.metrics = {"loss": 0.123456}
    job.progress = [(0.999, "epoch 1"), (None, "batch")]
    page = table_html([row_of(job)])
    assert re.findall(r'scope="col" class="xpm-(\w+)"', page) == [
        "state",
        "task",
        "tags",
        "progress",
        "metrics",
        "time",
    ]
    assert "0.1235" in page
    assert "99 %" in page
    assert "epoch 1 › batch" in page


def test_too_many_rows_keep_the_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page holds a bounded number of rows, failures first of all, and says what it leaves out."""
    monkeypatch.setattr(table, "MAX_ROWS", 3)
    page = table_html(rows_in("done", "done", "done", "done", "error"))
    assert re.findall(r"xpm-row xpm-is-(\w+)", page) == ["done", "done", "failed"]
    assert "2 more jobs are not shown" in page
    assert "5 jobs: 4 done, 1 failed" in page


def test_time_is_what_the_job_took() -> None:
    """An ended job shows its duration, a running one what passed until now, others nothing."""
    waiting, running, done = rows_in("waiting", "running", "done")
    assert elapsed(waiting, 1_010.0) == ""
    assert elapsed(running, 1_010.0) == "10 s"
    assert elapsed(running, None) == ""
    assert elapsed(done, 1_010.0) == "2.5 s"


def failure(**words: str) -> FailureWords:
    """Return what is known of a failure."""
    known = FailureWords(message="", place="", source="", traceback="")
    return cast("FailureWords", {**known, **words})


def test_the_mark_finds_the_panel() -> None:
    """The outermost element has the mark as a class, and the table inside is what may be hidden."""
    page = table_html(rows_in("done"), mark="xpm-mount-3f2a")
    plain = 'class="xpm-panel xpm-static mathjax_ignore'
    assert f'{plain} xpm-mount-3f2a"><div class="xpm-still">' in page
    assert f'{plain}"><div class="xpm-still">' in table_html(rows_in("done"))
    Page(page)


def test_a_failure_is_folded_away_below_its_row() -> None:
    """Place, failing line and traceback of a failure can be opened without a script."""
    rows = rows_in("done", "error")
    known = failure(place="Cell In[3], line 5", source="x = 1 / 0", traceback="Traceback ...")
    page = Page(table_html(rows, failures={rows[1]["key"]: known}))
    assert page.tags.count("details") == page.tags.count("summary") == 1
    assert "Cell In[3], line 5" in page.text
    assert "x = 1 / 0" in page.text
    assert "Traceback ..." in page.text


def test_a_failure_without_a_traceback_shows_its_place() -> None:
    """Where there is nothing to open, nothing can be opened."""
    rows = rows_in("error", "error")
    told = {rows[0]["key"]: failure(place="in step()"), rows[1]["key"]: failure()}
    page = Page(table_html(rows, failures=told))
    assert "details" not in page.tags
    assert "in step()" in page.text


def test_tracebacks_are_bounded() -> None:
    """Fifty failures at most are told, each with the beginning and the end of its traceback."""
    rows = rows_in(*["error"] * 60)
    endless = "the first line\n" + "x" * 2_000_000 + "\nthe last line"
    page = table_html(rows, failures={row["key"]: failure(traceback=endless) for row in rows})
    assert page.count("<details") == 50
    assert page.count("the first line") == page.count("the last line") == 50
    assert "characters are left out" in page
    assert len(page) < 500_000


def test_a_metric_has_its_course_beside_its_value() -> None:
    """The line stands with the metric that it shows; the value stays where pictures are dropped."""
    (row,) = rows_in("running")
    row["metrics"], row["spark"] = [("acc", "0.5"), ("loss", "1.25")], ("loss", [0, 50, 100])
    page = table_html([row])
    Page(page)
    assert page.count("<svg") == 1
    assert page.index("loss</span> 1.25") < page.index("<svg")
    row["metrics"] = []
    assert "loss</span> <svg" in table_html([row])


def test_other_code_retries_and_messages_are_told() -> None:
    """A result of other code is marked and explained; retries and messages are words in the row."""
    (row,) = rows_in("done")
    row["code_changed"], row["word"], row["retries"] = True, "done, by other code", "2 retries"
    row["message"] = "found under another name"
    page = table_html([row])
    assert re.search(r"<abbr [^>]*title=[^>]*code_diff[^>]*>done, by other code</abbr>", page)
    text = Page(page).text
    assert "2 retries" in text
    assert "found under another name" in text


def test_a_running_job_shows_its_bar_and_its_message() -> None:
    """A message does not hide how far a job is; of a job that ended the message is enough."""
    (row,) = rows_in("running")
    row["progress"], row["message"] = [(0.5, "epoch 1")], "the disk is nearly full"
    text = Page(table_html([row])).text
    assert "50 %" in text
    assert "the disk is nearly full" in text


def test_a_table_of_unfinished_jobs_says_when_it_was_true() -> None:
    """What is not final has a date: a saved page does not pretend to be live."""
    rows = rows_in("running", "done")
    assert "As it was on" in table_html(rows, now=1_000_000.0)
    assert "As it was on" not in table_html(rows)
    assert "As it was on" not in table_html(rows_in("done"), now=1_000_000.0)


def test_a_thousand_rows_are_less_than_a_megabyte() -> None:
    """A saved notebook stays small: 1,000 rows with tags, metrics and lines are below 1 MB."""
    rows = rows_in(*["done"] * 1_000)
    for row in rows:
        row["path"] = f"/home/somebody/projects/digits/runs/jobs/digits.train/{row['key']}"
        row["tags"] = [("lr", "0.001"), ("depth", "12"), ("seed", "1234")]
        row["metrics"] = [("accuracy", "0.9312"), ("loss", "0.1235")]
        row["spark"] = ("loss", [(37 * n) % 101 for n in range(32)])
    assert len(table_html(rows).encode()) < 1_000_000


@given(st.text(), st.text(), st.text())
def test_any_text_is_text(one: str, two: str, three: str) -> None:
    """Whatever a name, a value or a traceback holds, the page stays whole and encodes as UTF-8."""
    (row,) = rows_in("error")
    row["name"], row["word"], row["path"], row["message"] = one, two, three, one
    row["tags"], row["metrics"] = [(one, two)], [(two, three)]
    row["spark"] = (one, [1, 2])
    told = failure(message=one, place=two, source=three, traceback=one)
    page = table_html([row], note=one, failures={row["key"]: told})
    page.encode()
    Page(page)


def test_dollars_are_no_mathematics() -> None:
    """What Jupyter would typeset stays as it is: all stands in a class that it leaves alone."""
    job = FakeJob(0, price="$5 to $6")
    page = table_html([row_of(job)])
    assert "$5 to $6" in page
    assert '<div class="xpm-panel xpm-static mathjax_ignore"><div class="xpm-still">' in page
