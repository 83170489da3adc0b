"""The panel in other front ends than JupyterLab."""

from tests.browser.conftest import OpenNotebook
from tests.browser.notebooks import TASKS, release
from tests.browser.panel import PanelOnPage

SUBMIT = """
for name in ("ada", "bob", "eve"):
    Train.C(name=tag(name), held="jobs").submit()
"""
BUSY = "hold('cell')"


def test_notebook_7(open_notebook: OpenNotebook) -> None:
    """In Notebook 7 the panel is live, and a job is stopped while a cell is busy."""
    notebook = open_notebook(TASKS, SUBMIT, BUSY, front="notebook")
    folder = notebook.path.parent
    notebook.run_cell(0)
    notebook.run_cell(1)
    busy = notebook.begin_cell(2)
    panel = PanelOnPage(notebook.page, notebook.output(1))
    panel.await_headline("3 running")
    panel.stop("bob")
    panel.await_row("bob", "cancelled")
    assert not notebook.is_finished(busy)
    release(folder, "jobs")
    release(folder, "cell")
    panel.await_headline("2 done, 1 cancelled")
    notebook.finish(busy)


def test_voila(open_voila: OpenNotebook) -> None:
    """In Voila, which shows no code, the panel is live and its buttons work."""
    notebook = open_voila(TASKS, SUBMIT)
    panel = PanelOnPage(notebook.page)
    panel.await_headline("3 running")
    panel.stop("bob")
    panel.await_row("bob", "cancelled")
    release(notebook.path.parent, "jobs")
    panel.await_headline("2 done, 1 cancelled")
