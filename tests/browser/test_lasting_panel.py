"""The panel in documents without its kernel: saved, opened again, turned into a page."""

from pathlib import Path

import nbconvert
import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import OpenNotebook
from tests.browser.notebooks import TASKS, read_notebook, release
from tests.browser.panel import PanelOnPage

SUBMIT = """
for name in ("ada", "bob"):
    Train.C(name=tag(name)).submit()
Broken.C(name="no such file").submit()
xp.wait()
"""
HOLD = """
for name in ("ada", "bob"):
    Train.C(name=tag(name), held="jobs").submit()
"""
DONE = "3 jobs: 2 done, 1 failed"
# What a page says of a widget that it cannot draw.
DEAD_WIDGET = "Error displaying widget"


def test_the_saved_panel_is_complete_without_its_kernel(open_notebook: OpenNotebook) -> None:
    """A notebook that is saved and opened again shows the last table, and no dead widget."""
    notebook = open_notebook(TASKS, SUBMIT)
    notebook.run_all()
    panel = PanelOnPage(notebook.page, notebook.output(1))
    panel.await_headline(DONE)
    notebook.await_saved_text(DONE)
    notebook.shut_kernel_down()
    again = open_notebook(name="page")
    panel = PanelOnPage(again.page, again.output(1))
    panel.await_headline(DONE)
    panel.await_row("bob", "done")
    panel.await_row("name=no such file", "ValueError: no such file")
    expect(again.page.get_by_text(DEAD_WIDGET)).to_have_count(0)
    assert panel.overflow() == 0
    assert panel.violations() == []


def test_a_panel_saved_while_jobs_run_opens_again(open_notebook: OpenNotebook) -> None:
    """A notebook saved in the midst of a run shows, without its kernel, how far it was."""
    notebook = open_notebook(TASKS, HOLD)
    notebook.run_all()
    panel = PanelOnPage(notebook.page, notebook.output(1))
    panel.await_headline("2 running")
    notebook.await_saved_text("2 jobs: 2 running")
    notebook.shut_kernel_down()
    again = open_notebook(name="page")
    panel = PanelOnPage(again.page, again.output(1))
    panel.await_headline("2 jobs")
    expect(panel.stop_buttons).to_have_count(0)
    expect(again.page.get_by_text(DEAD_WIDGET)).to_have_count(0)


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_a_converted_page_shows_the_table(
    open_notebook: OpenNotebook, browser: Browser, tmp_path: Path, *, scripts: bool
) -> None:
    """The page that nbconvert makes shows the whole table, offline, with or without scripts."""
    notebook = open_notebook(TASKS, SUBMIT)
    notebook.run_all()
    PanelOnPage(notebook.page, notebook.output(1)).await_headline(DONE)
    notebook.await_saved_text(DONE)
    html, _ = nbconvert.HTMLExporter().from_filename(str(notebook.path))
    path = tmp_path / "page.html"
    path.write_text(html, encoding="utf-8")
    context = browser.new_context(java_script_enabled=scripts, offline=True)
    page = context.new_page()
    page.goto(path.as_uri(), wait_until="domcontentloaded")
    panel = PanelOnPage(page)
    panel.await_headline(DONE)
    panel.await_row("bob", "done")
    panel.await_row("name=no such file", "ValueError: no such file")
    expect(page.get_by_text(DEAD_WIDGET)).to_have_count(0)
    names = panel.root.locator("td.xpm-task > span").all()
    assert [name.inner_text() for name in names] == ["train", "train", "broken"]
    # On one line each, of 19 pixels.
    assert all(name.evaluate("(element) => element.clientHeight") < 30 for name in names)
    picture = tmp_path / "converted.png"
    picture.write_bytes(panel.root.screenshot())
    # A blank picture of this size is far smaller.
    assert picture.stat().st_size > 5_000
    context.close()


def test_the_saved_notebook_holds_no_widget(open_notebook: OpenNotebook) -> None:
    """The file holds HTML and one line of text for the panel, in JupyterLab as elsewhere."""
    notebook = open_notebook(TASKS, HOLD)
    notebook.run_all()
    panel = PanelOnPage(notebook.page, notebook.output(1))
    panel.await_headline("2 running")
    release(notebook.path.parent, "jobs")
    panel.await_headline("2 jobs: 2 done")
    notebook.await_saved_text("2 jobs: 2 done")
    (output,) = read_notebook(notebook.path).cells[1].outputs
    assert sorted(output.data) == ["text/html", "text/plain"]
    assert output.data["text/plain"] == "2 jobs: 2 done"
