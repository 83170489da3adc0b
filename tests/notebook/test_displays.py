"""Jobs, workspaces and experiments as they are shown in a cell."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.notebook.made_rows import made_row
from tests.support.pages import Page
from xpmnb import Param, Task, experiment, workspace
from xpmnb.notebook import workspace_display
from xpmnb.notebook.displays import html_of
from xpmnb.notebook.experiment_page import experiment_html
from xpmnb.notebook.facts import facts_html, grid_html, json_words, time_words

# Where a browser begins a new line or cell.
BLOCK = re.compile("<(?=/?(?:li|ul|p|td|th|tr|summary|caption|pre)[ >])")
HOSTILE = "</td><script>alert(1)</script>\x1b[31m\x07\u202e"


class Square(Task):
    x: Param[int]
    text: Param[str] = ""

    def execute(self) -> dict[str, Any]:
        """Return the square, or fail for a negative number."""
        if self.x < 0:
            raise ValueError(self.text)
        return {"square": self.x**2, "text": self.text}


def text_of(value: Any) -> str:
    """Return what a person reads of an object, in one line, of a page that is whole."""
    page = value if isinstance(value, str) else html_of(value)
    assert page is not None
    page.encode()
    return " ".join(Page(BLOCK.sub(" <", page)).text.split())


@pytest.fixture
def ran(tmp_path: Path) -> experiment:
    """Return an experiment with two jobs that are done and one that failed."""
    with experiment(tmp_path / "runs", "squares") as xp:
        for x in (2, 3, -1):
            Square.C(x=x, text=HOSTILE).tag("lr", 0.5).submit()
    return xp


def handle(xp: experiment, state: str) -> Any:
    """Return the handle of a job in a state."""
    frame = xp.jobs()
    return xp.job(frame[frame["state"] == state]["id"].iloc[0])


def test_a_job_is_shown_with_what_is_on_record(ran: experiment) -> None:
    """A job that is done shows its row, directory, times and result."""
    job = handle(ran, "done")
    text = text_of(job)
    assert "lr=0.5" in text
    assert str(job.path) in text
    assert '{"square": ' in text
    assert all(word in text for word in ("launcher thread", "started 2", "ended 2"))
    assert job._repr_html_() is not None
    assert repr(job).startswith("<Job ")


def test_a_failed_job_shows_why(ran: experiment) -> None:
    """A job that failed shows its message, the place, and the traceback to unfold."""
    page = html_of(handle(ran, "error"))
    assert page is not None
    assert "details" in Page(page).tags
    assert "in Square.execute" in text_of(page)
    assert "ValueError" in text_of(page)


def test_a_job_whose_directory_is_gone_is_shown(ran: experiment) -> None:
    """A handle outlives its directory: what it knows is shown, and what is wrong."""
    job = handle(ran, "done")
    shutil.rmtree(job.path)
    assert str(job.path) in text_of(job)


def test_a_workspace_is_summed_up(ran: experiment) -> None:
    """Tasks and states, the newest jobs, and the experiments with their runs are shown."""
    text = text_of(workspace(ran.workdir))
    assert f"Workspace {ran.workdir}" in text
    assert "task done failed" in text
    assert "square 2 1" in text
    assert re.search(r"squares 1 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d 20\d+T\d+-\w+ 3", text)
    assert "lr=0.5" in text
    assert workspace(ran.workdir)._repr_html_() is not None


def test_a_workspace_of_many_runs_is_bounded(
    ran: experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest runs are read, and it is said how many jobs there are on disk."""
    with experiment(ran.workdir, "more"):
        Square.C(x=7).submit()
    monkeypatch.setattr(workspace_display, "MAX_SUBMISSIONS", 1)
    text = text_of(workspace(ran.workdir))
    assert "square 1 " in text
    assert "on disk there are 4 jobs" in text


def test_an_empty_workspace_is_shown(tmp_path: Path) -> None:
    """A workspace without jobs, or without a directory, says so."""
    xp = experiment(tmp_path / "runs", "t")
    assert "There is no workspace yet." in text_of(xp.workspace)
    with xp:
        pass
    assert "none that a run remembers" in text_of(xp.workspace)


def test_what_is_nothing_of_ours_has_no_display() -> None:
    """Any other object is shown as text."""
    assert html_of(object()) is None


def test_an_experiment_is_a_page() -> None:
    """Headline, table, timeline and graph stand below one another, as far as there is any."""
    rows = [made_row("a"), made_row("b", "running", needs=["a"]), made_row("c", "waiting")]
    page = experiment_html(HOSTILE, rows, 20.0, note="a note", mark="xpm-mount-1")
    assert 'class="xpm-panel xpm-static mathjax_ignore xpm-mount-1"><div class="xpm-still">' in page
    assert page.count("<img") == 2
    text = text_of(page)
    assert text.startswith("</td><script>alert(1)</script>")
    assert all(word in text for word in ("3 jobs: ", "a note", "Timeline", "Dependencies"))
    waiting = experiment_html("t", [made_row("c", "waiting")], 20.0)
    assert "<img" not in waiting


def test_tables_of_words_leave_out_what_is_empty() -> None:
    """Facts without words, and tables without rows, are not there."""
    assert facts_html([("a", "")]) == grid_html("t", ["a"], []) == ""
    assert text_of(facts_html([("a", "b"), ("c", "")])) == "a b"
    assert "0" not in text_of(grid_html("t", ["a", "b"], [["x", 0]], "more"))
    assert time_words(None) == time_words(1e300) == json_words(None, 9) == ""
    assert json_words({"a": "x" * 99}, 9) == '{"a": "x…'
