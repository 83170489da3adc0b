"""Text that somebody else wrote: it shows as text, wherever it comes from."""

from playwright.sync_api import expect

from tests.browser.conftest import OpenNotebook
from tests.browser.notebooks import TASKS
from tests.browser.panel import PanelOnPage

MARKUP = "<img src=x onerror=window.hurt=1><script>window.hurt=2</script>"
SUBMIT = f"""
MARKUP = {MARKUP!r}
BACKWARDS = "\\u202eright to left\\u202c"


class Hostile(Task):
    name: Param[str]

    def execute(self):
        progress(0.5, description=MARKUP)
        log({{MARKUP: 1.5}})
        print(MARKUP, "\\x1b[31mred\\x1b[0m\\x00\\x07")
        raise ValueError(f"{{MARKUP}} {{BACKWARDS}} \\x00 {{'long' * 50_000}}")


for name in (MARKUP, BACKWARDS, "nul \\x00 bell \\x07", "\\ud800 alone", "long " * 20_000):
    Hostile.C(name=tag(name)).submit()
xp.wait()
"""


def test_hostile_strings_are_shown_as_text(open_notebook: OpenNotebook) -> None:
    """Markup in tags, metrics, progress and errors is text, live and saved."""
    notebook = open_notebook(TASKS, SUBMIT)
    notebook.run_all()
    panel = PanelOnPage(notebook.page, notebook.output(1))
    panel.await_headline("5 jobs: 5 failed")
    expect(panel.row(MARKUP).first).to_be_visible()
    notebook.await_saved_text("5 jobs: 5 failed")
    again = open_notebook(name="page")
    saved = PanelOnPage(again.page, again.output(1))
    saved.await_headline("5 jobs: 5 failed")
    expect(saved.row(MARKUP).first).to_be_visible()
    for page, shown in ((notebook.page, panel), (again.page, saved)):
        assert page.evaluate("window.hurt") is None
        expect(shown.root.locator("img, script, iframe")).to_have_count(0)
        assert shown.overflow() == 0
    assert notebook.errors == []
