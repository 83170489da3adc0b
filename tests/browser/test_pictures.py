"""The experiment as a cell shows it: all jobs of the run, and the kernel's drawings of them."""

from playwright.sync_api import expect

from tests.browser.conftest import OpenNotebook
from tests.browser.notebooks import TASKS, release
from tests.browser.panel import PanelOnPage

SUBMIT = """
for name in ("ada", "bob"):
    Train.C(name=tag(name), held="jobs").submit()
"""


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
