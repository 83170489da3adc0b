"""The live panel in the place of its saved form, wherever and whenever that is on the page."""

from playwright.sync_api import expect

from tests.browser.conftest import OpenNotebook
from tests.browser.notebooks import TASKS, release
from tests.browser.panel import PanelOnPage

SUBMIT = """
for number in range(12):
    Train.C(name=tag(f"job-{number:02d}"), held="jobs").submit()
"""
HTML = """
  const output = panel.content.widgets[1].model.outputs.get(0).toJSON();
  return output.data["text/html"];
"""


def test_what_a_person_chose_outlives_a_new_table(open_notebook: OpenNotebook) -> None:
    """When the kernel renews the saved table, open cards, typed text and focus stay as they are."""
    notebook = open_notebook(TASKS, SUBMIT)
    notebook.run_all()
    panel = PanelOnPage(notebook.page, notebook.output(1))
    panel.await_headline("4 running, 8 waiting")
    panel.filter("job-03")
    card = panel.open_card("job-03")
    expect(card.get_by_role("tabpanel")).to_contain_text("job-03 holds at 2")
    panel.search.focus()
    panel.mark()
    before = notebook.do(HTML)
    release(notebook.path.parent, "jobs")
    notebook.await_saved_text("12 jobs: 12 done")
    assert notebook.do(HTML) != before
    panel.await_headline("12 jobs: 12 done")
    assert panel.is_marked()
    expect(panel.search).to_have_value("job-03")
    expect(panel.search).to_be_focused()
    expect(panel.rows).to_have_count(1)
    expect(card.get_by_role("tabpanel")).to_contain_text("job-03 is done")
    assert panel.visible_tables() == 1


def test_the_saved_form_gives_way_at_once(open_notebook: OpenNotebook) -> None:
    """Of the saved and the live form one is seen, and jobs of two cells have a panel each."""
    notebook = open_notebook(TASKS, SUBMIT, "Train.C(name=tag('last')).submit()")
    notebook.run_all()
    first, second = (PanelOnPage(notebook.page, notebook.output(cell)) for cell in (1, 2))
    first.await_headline("12 jobs: 4 running, 8 waiting")
    second.await_headline("1 job: 1 waiting")
    assert first.visible_tables() == second.visible_tables() == 1
    release(notebook.path.parent, "jobs")
    first.await_headline("12 jobs: 12 done")
    second.await_headline("1 job: 1 done")


def test_a_cell_that_runs_again_has_one_panel(open_notebook: OpenNotebook) -> None:
    """The panel of a cell's new execution takes the place of the old one, which leaves the page."""
    notebook = open_notebook(TASKS, SUBMIT)
    notebook.run_all()
    release(notebook.path.parent, "jobs")
    panel = PanelOnPage(notebook.page, notebook.output(1))
    panel.await_headline("12 jobs: 12 done")
    notebook.run_cell(1)
    panel.await_headline("12 jobs: 12 done")
    expect(notebook.page.locator(".xpm-live")).to_have_count(1)
    assert notebook.errors == []
