"""The card that a row opens to: what it says, and that it stays as a person left it."""

from playwright.sync_api import expect

from tests.browser.conftest import OpenNotebook
from tests.browser.notebooks import TASKS, release
from tests.browser.panel import PanelOnPage

SUBMIT = """
for name in ("ada", "bob"):
    Train.C(name=tag(name), held="jobs").submit()
Broken.C(name="no such file").submit()
"""


def test_a_card_follows_its_job(open_notebook: OpenNotebook) -> None:
    """An open card has values, metrics and the log, stays open, and shows the result at the end."""
    notebook = open_notebook(TASKS, SUBMIT)
    notebook.run_all()
    panel = PanelOnPage(notebook.page, notebook.output(1))
    panel.await_headline("2 running, 1 failed")
    card = panel.open_card("bob")
    expect(card.get_by_role("group", name="Parameters")).to_contain_text("lr0.1")
    expect(card.get_by_role("group", name="Metrics")).to_contain_text("loss")
    expect(card.get_by_role("tabpanel")).to_contain_text("bob holds at 2")
    release(notebook.path.parent, "jobs")
    panel.await_headline("2 done, 1 failed")
    expect(card.get_by_role("region", name="Result")).to_contain_text("accuracy")
    expect(card.get_by_role("tabpanel")).to_contain_text("bob is done")
    assert panel.violations() == []
    assert notebook.errors == []


def test_a_few_rows_scroll_with_the_page(open_notebook: OpenNotebook) -> None:
    """Among few rows a card is seen whole; of many, the table scrolls, and brings a log in view."""
    many = "for number in range(40):\n    Train.C(name=tag(f'job-{number:02d}')).submit()"
    notebook = open_notebook(TASKS, SUBMIT, many)
    notebook.run_cell(0)
    notebook.run_cell(1)
    few = PanelOnPage(notebook.page, notebook.output(1))
    few.await_headline("2 running, 1 failed")
    card = few.open_card("broken")
    expect(card.get_by_role("region", name="Traceback")).to_be_visible()
    expect(few.card("broken").get_by_role("tabpanel")).to_be_attached()
    assert few.hidden_height() == 0
    few.show_log("bob")
    expect(few.card("bob").get_by_role("tabpanel")).to_be_in_viewport(ratio=0.9)
    assert few.hidden_height() == 0
    release(notebook.path.parent, "jobs")
    notebook.run_cell(2)
    long = PanelOnPage(notebook.page, notebook.output(2))
    long.await_headline("40 jobs: 40 done")
    assert long.hidden_height() > 0
    long.show_log("job-12")
    expect(long.card("job-12").get_by_role("tabpanel")).to_be_in_viewport(ratio=0.9)


def test_the_card_of_a_failure_names_the_line(open_notebook: OpenNotebook) -> None:
    """The card of a failed job has the message, the failing line of its code, and the traceback."""
    notebook = open_notebook(TASKS, SUBMIT)
    notebook.run_all()
    panel = PanelOnPage(notebook.page, notebook.output(1))
    panel.await_headline("1 failed")
    card = panel.open_card("broken")
    expect(card).to_contain_text("ValueError: no such file")
    expect(card).to_contain_text("raise ValueError(self.name)")
    expect(card).to_contain_text("Broken.execute")
    expect(card.get_by_role("region", name="Traceback")).to_contain_text("ValueError")
    panel.close_card("broken")
    expect(panel.card("broken")).to_have_count(0)


def test_the_keyboard_opens_and_closes_cards(open_notebook: OpenNotebook) -> None:
    """Arrows go from row to row, Enter opens a card and closes it; no shortcut is run."""
    notebook = open_notebook(TASKS, SUBMIT)
    notebook.run_all()
    panel = PanelOnPage(notebook.page, notebook.output(1))
    # Renewing the output takes the focus for a moment: what is pressed then goes to the notebook.
    notebook.await_saved_text("3 jobs: 2 running, 1 failed")
    keyboard = notebook.page.keyboard
    below = panel.rows.nth(1).inner_text().splitlines()
    name = next(line for line in below if line.startswith("name="))
    panel.rows.first.get_by_role("button", expanded=False).focus()
    keyboard.press("ArrowDown")
    expect(panel.toggle(name)).to_be_focused()
    keyboard.press("Enter")
    expect(panel.toggle(name)).to_have_attribute("aria-expanded", "true")
    panel.toggle(name).press("Enter")
    expect(panel.toggle(name)).to_have_attribute("aria-expanded", "false")
    # Shortcuts of a notebook, which delete, insert and cut cells in its command mode.
    for key in ("d", "d", "b", "x"):
        keyboard.press(key)
    assert notebook.do("return panel.content.widgets.length;") == 2
