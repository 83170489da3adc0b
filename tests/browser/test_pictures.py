"""The experiment as a cell shows it: all jobs of the run, and the kernel's drawings of them."""

import re

from playwright.sync_api import Locator, expect

from tests.browser.conftest import OpenNotebook
from tests.browser.notebooks import TASKS, release
from tests.browser.panel import PanelOnPage

SUBMIT = """
for name in ("ada", "bob"):
    Train.C(name=tag(name), held="jobs").submit()
"""


WITHIN = """(node) => {
  const right = (element) => element.getBoundingClientRect().right;
  const [box] = node.getElementsByTagName("rect");
  return [...node.getElementsByTagName("text")].every((words) => right(words) <= right(box));
}"""
LINKED = """
class Sum(Task):
    left: Param[Train]
    right: Param[Train]

    def execute(self):
        hold("jobs")


ada, bob = (Train.C(name=tag(name), held="jobs") for name in ("ada", "bob"))
ada.submit()
bob.submit()
Sum.C(left=ada, right=bob).submit()
"""


def top_of(what: Locator) -> float:
    """Return how far down the page something is."""
    top: float = what.evaluate("(element) => element.getBoundingClientRect().top")
    return top


def test_an_experiment_shows_all_its_jobs(open_notebook: OpenNotebook) -> None:
    """``xp`` at the end of a cell shows every job, in step with the panels, and as drawings."""
    notebook = open_notebook(TASKS, SUBMIT, "Broken.C(name='no such file').submit();", "xp")
    notebook.run_all()
    panel, run = (PanelOnPage(notebook.page, notebook.output(cell)) for cell in (1, 3))
    run.await_headline("3 jobs: 2 running, 1 failed")
    run.stop("bob")
    for each in (panel, run):
        each.await_row("bob", "cancelled")
    release(notebook.path.parent, "jobs")
    run.await_headline("3 jobs: 1 done, 1 failed, 1 cancelled")
    for view in ("Timeline", "Graph"):
        run.view(view)
        expect(run.picture(view)).to_be_visible()
        assert run.violations() == []
    run.view("Jobs")
    expect(run.rows).to_have_count(3)
    assert notebook.errors == []


def test_the_keyboard_goes_from_job_to_job(open_notebook: OpenNotebook) -> None:
    """A picture is one stop of Tab; arrows go to the jobs around, and Enter opens the card."""
    notebook = open_notebook(TASKS, LINKED)
    notebook.run_all()
    panel = PanelOnPage(notebook.page, notebook.output(1))
    panel.await_headline("3 jobs: 2 running, 1 waiting")
    # Renewing the output takes the focus for a moment: what is pressed then goes to the notebook.
    notebook.await_saved_text("3 jobs: 2 running, 1 waiting")
    ada, bob, total = (re.compile(words) for words in ("^train .*ada", "^train .*bob", "^sum "))
    ways = {
        "Timeline": ("", ada, bob, re.compile("train ?name=bob")),
        "Graph": ("ArrowRight", bob, total, re.compile("sum ?name=ada")),
    }
    for view, (arrow, first, second, row) in ways.items():
        panel.view(view)
        start, end = panel.drawn_job(view, first), panel.drawn_job(view, second)
        expect(start).to_have_accessible_name(re.compile("train .*name=.*: running"))
        # Which of two jobs began first is chance.
        key = arrow or ("ArrowDown" if top_of(start) < top_of(end) else "ArrowUp")
        start.focus()
        expect(panel.tab_stops(view)).to_have_count(1)
        start.press(key)
        expect(end).to_be_focused()
        assert panel.outline(end) > 0
        assert panel.violations() == []
        end.press("Enter")
        expect(panel.toggle(row)).to_be_focused()
        expect(panel.toggle(row)).to_have_attribute("aria-expanded", "true")
    # Words stay in their box, beyond which a long name would cover the lines.
    panel.view("Graph")
    assert panel.drawn_job("Graph", total).evaluate(WITHIN)
    panel.view("Timeline")
    chosen = panel.drawn_job("Timeline", bob)
    chosen.focus()
    release(notebook.path.parent, "jobs")
    expect(chosen).to_have_accessible_name(re.compile("bob.*: done"))
    expect(chosen).to_be_focused()
