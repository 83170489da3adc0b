"""What the buttons do: they ask before what cannot be undone, and say what came of it."""

from playwright.sync_api import expect

from tests.browser.conftest import OpenNotebook
from tests.browser.notebooks import TASKS, release
from tests.browser.panel import PanelOnPage

SUBMIT = """
for name in ("ada", "bob", "eve"):
    Train.C(name=tag(name), held="jobs").submit()
"""
FICKLE = """
class Fickle(Task):
    name: Param[str]

    def execute(self):
        if not (HERE / "mended.go").exists():
            raise ValueError(f"{self.name} is not mended")


for name in ("ada", "bob", "eve"):
    Fickle.C(name=tag(name)).submit()
"""


def test_stopping_is_asked_for(open_notebook: OpenNotebook) -> None:
    """A question stands before a job is stopped; ``No`` and Escape leave it alone."""
    notebook = open_notebook(TASKS, SUBMIT)
    notebook.run_all()
    panel = PanelOnPage(notebook.page, notebook.output(1))
    panel.await_headline("3 running")
    for way in ("No", "Escape"):
        panel.stop_button("bob").click()
        expect(panel.question()).to_contain_text("Stop this job?")
        if way == "No":
            panel.question().get_by_role("button", name="No", exact=True).click()
        else:
            assert panel.violations() == []
            notebook.page.keyboard.press("Escape")
        expect(panel.question()).to_have_count(0)
        expect(panel.stop_button("bob")).to_be_enabled()
    panel.await_headline("3 running")


def test_all_jobs_are_stopped(open_notebook: OpenNotebook) -> None:
    """``Stop all`` stops every job that has not ended, and the panel says so."""
    notebook = open_notebook(TASKS, SUBMIT)
    notebook.run_all()
    panel = PanelOnPage(notebook.page, notebook.output(1))
    panel.await_headline("3 running")
    panel.stop_all()
    expect(panel.status).to_contain_text("Asked 3 jobs to stop.")
    panel.await_headline("3 jobs: 3 cancelled")
    expect(panel.stop_buttons.filter(visible=True)).to_have_count(0)


def test_failed_jobs_are_run_again(open_notebook: OpenNotebook) -> None:
    """One failed job is run again by its button, the others by ``Retry failed``."""
    notebook = open_notebook(TASKS, FICKLE)
    notebook.run_all()
    panel = PanelOnPage(notebook.page, notebook.output(1))
    panel.await_headline("3 jobs: 3 failed")
    panel.await_row("bob", "bob is not mended")
    release(notebook.path.parent, "mended")
    panel.retry("bob")
    panel.await_headline("3 jobs: 1 done, 2 failed")
    panel.await_row("bob", "done")
    panel.retry_failed()
    panel.await_headline("3 jobs: 3 done")
    expect(panel.status).to_contain_text("2 jobs submitted again.")


def test_a_closed_run_says_how_to_go_on(open_notebook: OpenNotebook) -> None:
    """After its end no job of a run is run again by a button; a line says what to do instead."""
    notebook = open_notebook(TASKS, FICKLE, "xp.close()")
    notebook.run_cell(0)
    notebook.run_cell(1)
    panel = PanelOnPage(notebook.page, notebook.output(1))
    panel.await_headline("3 jobs: 3 failed")
    line = panel.root.get_by_text("open it again and submit").filter(visible=True)
    expect(panel.root.get_by_role("button", name="Retry failed")).to_be_enabled()
    expect(line).to_have_count(0)
    notebook.run_cell(2)
    assert notebook.cell_errors() == []
    expect(line).to_have_count(1)
    expect(panel.root.get_by_role("button", name="Retry")).to_have_count(0)
