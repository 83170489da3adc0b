"""Filter, order and groups of many jobs."""

from playwright.sync_api import expect

from tests.browser.conftest import OpenNotebook
from tests.browser.notebooks import TASKS
from tests.browser.page import NotebookPage
from tests.browser.panel import PanelOnPage

SUBMIT = """
for name in ("ada", "bob", "eve", "joe", "kim"):
    for lr in (0.5, 0.25):
        Train.C(name=tag(name), lr=tag(lr)).submit()
Broken.C(name=tag("leo")).submit()
xp.wait()
"""
NUMBERED = """
for name in (1, 10, 11, 2, 20, 21, 3, 30, 31, 4, 5, "two words"):
    Train.C(name=tag(str(name))).submit()
xp.wait()
"""
ALL = "11 jobs: 10 done, 1 failed"


def run_sweep(notebook: NotebookPage, ended: str = ALL) -> PanelOnPage:
    """Run the cells, and return the panel of the second when all is over."""
    notebook.run_all()
    panel = PanelOnPage(notebook.page, notebook.output(1))
    panel.await_headline(ended)
    return panel


def test_jobs_are_filtered(open_notebook: OpenNotebook) -> None:
    """Text and state each leave the jobs that have them; the headline goes on to count all."""
    panel = run_sweep(open_notebook(TASKS, SUBMIT))
    panel.filter("name=bob")
    expect(panel.rows).to_have_count(2)
    panel.filter("name=bob lr=0.5")
    expect(panel.rows).to_have_count(1)
    panel.filter("nobody")
    expect(panel.root.get_by_text("No job matches the filter")).to_be_visible()
    panel.filter("")
    panel.filter_state("failed")
    expect(panel.rows).to_have_count(1)
    expect(panel.rows).to_contain_text("leo")
    panel.filter_state("failed")
    expect(panel.rows).to_have_count(11)
    panel.await_headline(ALL)


def test_a_value_is_found_as_a_whole(open_notebook: OpenNotebook) -> None:
    """``n=1`` finds neither ``n=10`` nor ``n=21``; a star finds beginnings, quotes hold blanks."""
    panel = run_sweep(open_notebook(TASKS, NUMBERED), "12 jobs: 12 done")
    found = {
        "name=1": ["name=1"],
        "NAME=1.0": ["name=1"],
        "=1": ["name=1"],
        "name=1*": ["name=1", "name=10", "name=11"],
        'name="two words"': ["name=two words"],
        "name=two": [],
        "ame=1": [],
        "loss=0.025 name=10": ["name=10"],
        "loss=0.02": [],
        "two": ["name=two words"],
    }
    for words, names in found.items():
        panel.filter(words)
        expect(panel.rows).to_have_count(len(names))
        panel.await_rows(*names)
    for words in ("name=", "loss=0.025", "me=", "loss=0*"):
        panel.filter(words)
        expect(panel.rows).to_have_count(0 if words == "me=" else 12)


def test_jobs_are_sorted(open_notebook: OpenNotebook) -> None:
    """A click on a heading sorts, a second one the other way, a third one not at all."""
    panel = run_sweep(open_notebook(TASKS, SUBMIT))
    panel.filter("lr=0.5")
    names = ("ada", "bob", "eve", "joe", "kim")
    panel.await_rows(*names)
    panel.sort("Tags")
    panel.await_rows(*names)
    panel.sort("Tags")
    panel.await_rows(*reversed(names))
    panel.sort("Tags")
    panel.await_rows(*names)


def test_jobs_are_grouped(open_notebook: OpenNotebook) -> None:
    """Grouped by a tag, the jobs of each value stand under a head that counts and folds them."""
    panel = run_sweep(open_notebook(TASKS, SUBMIT))
    panel.group_by("lr")
    expect(panel.groups).to_contain_text(
        ["lr=0.25", "lr=0.5", "no lr"],
    )
    expect(panel.groups.first).to_contain_text("5 jobs: 5 done")
    panel.fold("lr=0.25")
    panel.fold("lr=0.5")
    expect(panel.rows).to_have_count(1)
    assert panel.violations() == []
