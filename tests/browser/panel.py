"""A panel as a person meets it on a page: by roles, names and words, hardly by its classes.

What the page is made of is known here only, so that another page costs changes in one file.
"""

import re
from contextlib import suppress
from importlib.resources import files

from playwright.sync_api import Locator, Page, expect

from tests.browser.page import DEADLINE_S

# The outermost one: what is drawn live lies inside the saved form of the same panel.
PANEL = ".xpm-panel:not(.xpm-panel .xpm-panel)"
SERIOUS = ("serious", "critical")
GONE = re.compile("kernel (has stopped|does not answer)", re.IGNORECASE)
JOBS = re.compile(r"^[\d,]+ jobs?\b")
# The page takes no answer that comes sooner after its question: a double click is none.
READING_MS = 400
PRESSES = 3
PRESS_S = 5.0

# A text, or a pattern, that one row or card has.
Words = str | re.Pattern[str]

# Texts of a row that leave their cell, by whether an ellipsis and the title of the cell tell so.
CUT = """(row) => {
  const found = [[], []];
  const walker = document.createTreeWalker(row, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode;
    const cell = text.parentElement.closest("[role=cell]");
    const range = document.createRange();
    range.selectNodeContents(text);
    const shown = range.getBoundingClientRect();
    const box = cell.getBoundingClientRect();
    if (!shown.width || (shown.right <= box.right && shown.bottom <= box.bottom + 1)) continue;
    let holder = text.parentElement;
    while (holder !== cell && getComputedStyle(holder).textOverflow !== "ellipsis") {
      holder = holder.parentElement;
    }
    const isSigned = holder !== cell && holder.getBoundingClientRect().right <= box.right
      && (text.data === "…" || cell.title.includes(text.data.trim()));
    found[isSigned ? 0 : 1].push(text.data);
  }
  return found;
}"""

expect.set_options(timeout=DEADLINE_S * 1000)


class PanelOnPage:
    """One panel that a page shows.

    Parameters
    ----------
    page : playwright.sync_api.Page
        The page.
    scope : Locator or None
        Where to look; the whole page by default.
    nth : int
        Which of the panels there, counted from 0.
    """

    def __init__(self, page: Page, scope: Locator | None = None, nth: int = 0) -> None:
        self.page = page
        place = page.locator(PANEL) if scope is None else scope.locator(PANEL)
        self.root = place.nth(nth)

    # --- what it says

    @property
    def rows(self) -> Locator:
        """The rows of jobs that are drawn, without headings, groups and cards."""
        return (
            self.root.get_by_role("row")
            .filter(has_not=self.page.get_by_role("columnheader"))
            .filter(has_not=self.page.get_by_role("button", name=re.compile("^Jobs with ")))
            .filter(has_not=self.page.get_by_role("tablist"))
        )

    def row(self, words: Words) -> Locator:
        """Return the rows that say something."""
        return self.rows.filter(has_text=words)

    @property
    def headline(self) -> Locator:
        """The line that says how many jobs are in which state."""
        return self.root.get_by_text(JOBS).filter(visible=True).first

    def await_headline(self, words: str) -> None:
        """Wait until the headline says something, such as ``3 jobs: 1 done, 2 running``."""
        expect(self.headline).to_contain_text(words)

    def await_row(self, words: Words, state: str) -> None:
        """Wait until the row that says something is in a state."""
        expect(self.row(words)).to_contain_text(state)

    def await_rows(self, *words: str) -> None:
        """Wait until the rows are these, in this order."""
        expect(self.rows).to_contain_text(list(words))

    def await_gone(self) -> None:
        """Wait until it says that the kernel is no more, and offers nothing that needs one."""
        expect(self.root.get_by_text(GONE).filter(visible=True).first).to_be_visible()
        needing = self.root.get_by_role("button", name=re.compile("^(Stop|Retry) "))
        for button in needing.all():
            expect(button).to_be_disabled()

    @property
    def status(self) -> Locator:
        """What is read aloud to those who do not see the panel."""
        return self.root.get_by_role("status")

    # --- what a person does

    @property
    def stop_buttons(self) -> Locator:
        """The buttons that stop a job, one a row."""
        return self.rows.get_by_role("button", name=re.compile("^Stop "))

    def stop_button(self, words: Words) -> Locator:
        """Return the button that stops the job of the row that says something."""
        return self.row(words).get_by_role("button", name=re.compile("^Stop "))

    def stop(self, words: Words) -> None:
        """Stop the job of the row that says something."""
        self.stop_button(words).click()
        self.answer("Stop")

    def stop_all(self) -> None:
        """Stop all jobs."""
        self.root.get_by_role("button", name="Stop all").click()
        self.answer("Stop all")

    def retry(self, words: Words) -> None:
        """Run the failed job of the row that says something once more."""
        self.row(words).get_by_role("button", name=re.compile("^Retry ")).click()
        self.answer("Retry")

    def retry_failed(self) -> None:
        """Run all failed jobs once more."""
        self.root.get_by_role("button", name=re.compile("^Retry failed")).click()
        self.answer("Retry")

    def question(self) -> Locator:
        """Return what the panel asks before it does what cannot be undone."""
        return self.root.get_by_role("group", name=re.compile(r"\?|\."))

    def answer(self, word: str) -> None:
        """Answer the panel's question."""
        question = self.question()
        button = question.get_by_role("button", name=word, exact=True)
        # A press during which the output is renewed is no click; a person then presses again.
        for _ in range(PRESSES):
            button.click(delay=READING_MS)
            with suppress(AssertionError):
                expect(question).to_have_count(0, timeout=PRESS_S * 1000)
                return
        expect(question).to_have_count(0)

    def open_card(self, words: Words) -> Locator:
        """Open the row that says something to a card, and return the card."""
        self.toggle(words).click()
        expect(self.toggle(words)).to_have_attribute("aria-expanded", "true")
        return self.card(words)

    def show_log(self, words: Words) -> None:
        """Open the card of the row that says something at its log."""
        self.row(words).get_by_role("button", name=re.compile("^Log of ")).click()

    def close_card(self, words: Words) -> None:
        """Close the card of the row that says something."""
        self.toggle(words).click()
        expect(self.toggle(words)).to_have_attribute("aria-expanded", "false")

    def toggle(self, words: Words) -> Locator:
        """Return the button that opens and closes the card of a row."""
        return self.row(words).get_by_role("button", name=re.compile("^Details of "))

    def card(self, words: Words) -> Locator:
        """Return the open card of the row that says something."""
        return self.row(words).locator("xpath=following-sibling::*")

    @property
    def search(self) -> Locator:
        """The field for the text to filter by."""
        return self.root.get_by_role("searchbox", name="Filter by text")

    def filter(self, text: str) -> None:
        """Show only the jobs that have a text."""
        self.search.fill(text)

    def filter_state(self, state: str) -> None:
        """Show only the jobs in a state; once more shows all."""
        self.root.get_by_role("button", name=re.compile(rf"^[\d,]+ {state}$")).click()

    def sort(self, column: str) -> None:
        """Sort by a column; once more sorts downwards, and a third time not at all."""
        self.root.get_by_role("columnheader").get_by_role("button", name=column).click()

    def group_by(self, tag: str) -> None:
        """Put the jobs that have one value of a tag together."""
        self.root.get_by_role("combobox", name="Group by").select_option(label=tag)

    @property
    def groups(self) -> Locator:
        """The heads of groups."""
        heads = self.page.get_by_role("button", name=re.compile("^Jobs with "))
        return self.root.get_by_role("row").filter(has=heads)

    def fold(self, label: str) -> None:
        """Fold or unfold a group."""
        self.groups.filter(has_text=label).get_by_role("button").click()

    def picture(self, view: str) -> Locator:
        """Return the picture of a view, such as ``Timeline``."""
        return self.root.get_by_role("region", name=view).locator("svg").first

    def drawn_job(self, view: str, words: Words) -> Locator:
        """Return the job in the picture of a view whose name says something."""
        jobs = self.root.get_by_role("region", name=view).get_by_role("button")
        return jobs.filter(has=self.page.locator("title", has_text=words))

    def tab_stops(self, view: str) -> Locator:
        """Return what the Tab key stops at in the picture of a view."""
        return self.root.get_by_role("region", name=view).locator("[tabindex='0']")

    def outline(self, what: Locator) -> float:
        """Return how wide the line is that shows the focus, in pixels."""
        width: float = what.evaluate(
            "(element) => parseFloat(getComputedStyle(element).outlineWidth)"
        )
        return width

    def view(self, name: str) -> None:
        """Show another view: ``Jobs``, ``Timeline`` or ``Graph``."""
        views = self.root.get_by_role("group", name="View")
        views.get_by_role("button", name=name, exact=True).click()

    # --- what it is made of

    def mark(self) -> None:
        """Mark what is drawn live, to tell it from what is drawn anew."""
        self.root.locator(".xpm-live").evaluate("(element) => { element.xpmMarked = true; }")

    def is_marked(self) -> bool:
        """Tell whether what is drawn live is what was marked."""
        live = self.root.locator(".xpm-live")
        return bool(live.evaluate("(element) => element.xpmMarked === true"))

    def visible_tables(self) -> int:
        """Return how many tables of jobs can be seen: live or saved."""
        return self.root.get_by_role("table").filter(visible=True).count()

    def violations(self) -> list[str]:
        """Return what axe-core finds serious, each with the element that it is about."""
        axe = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
        self.page.evaluate(axe)
        answer = self.root.evaluate(
            "(element) => axe.run(element, { resultTypes: ['violations'] })"
        )
        return [
            f"{violation['id']}: {node['html'][:200]} {node.get('failureSummary', '')}"
            for violation in answer["violations"]
            if violation["impact"] in SERIOUS
            for node in violation["nodes"]
        ]

    def cut_texts(self, words: Words) -> tuple[list[str], list[str]]:
        """Return the texts of a row that are cut: with an ellipsis and a title, and without."""
        signed, unsigned = self.row(words).evaluate(CUT)
        return signed, unsigned

    def space_after_first_metric(self, words: Words) -> float:
        """Return how far the first metric of a row ends before the edge of its cell, in pixels.

        An ellipsis for what follows takes twelve, and the padding eight.
        """
        cell = self.row(words).locator(".xpm-cell.xpm-metrics").bounding_box()
        metric = self.row(words).locator(".xpm-metric").first.bounding_box()
        assert cell is not None
        assert metric is not None
        return cell["x"] + cell["width"] - metric["x"] - metric["width"]

    def hidden_height(self) -> int:
        """Return how many pixels of the table must be scrolled to within it."""
        pane = self.root.get_by_role("table", name="Jobs").locator("xpath=..")
        found: int = pane.evaluate("(element) => element.scrollHeight - element.clientHeight")
        return found

    def overflow(self) -> int:
        """Return by how many pixels it is wider than its place."""
        found: int = self.root.evaluate(
            "(element) => element.getBoundingClientRect().right"
            " - element.parentElement.getBoundingClientRect().right"
        )
        return max(0, found)

    def darkness(self) -> float:
        """Return how dark the ground is that it stands on: 0 for white, 1 for black."""
        found: float = self.root.evaluate("""(element) => {
          for (let at = element; at; at = at.parentElement) {
            const shown = getComputedStyle(at).backgroundColor;
            const [red, green, blue, alpha = 1] = shown.match(/[\\d.]+/g).map(Number);
            if (alpha > 0) return 1 - (red + green + blue) / 765;
          }
          return 0;
        }""")
        return found
