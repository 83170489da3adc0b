"""A panel as a person meets it on a page: by roles, names and words, not by its classes.

What the page is made of is known here only, so that another page costs changes in one file.
"""

import re
from importlib.resources import files

from playwright.sync_api import Locator, Page, expect

from tests.browser.page import DEADLINE_S

# The outermost one: what is drawn live may lie inside the saved form of the same panel.
PANEL = ".xpm-panel:not(.xpm-panel .xpm-panel)"
SERIOUS = ("serious", "critical")
GONE = re.compile("kernel (has stopped|does not answer)", re.IGNORECASE)

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
        """The rows of jobs that are drawn."""
        return self.root.locator("tbody").get_by_role("row").filter(visible=True)

    def row(self, words: str) -> Locator:
        """Return the rows that say something."""
        return self.rows.filter(has_text=words)

    @property
    def headline(self) -> Locator:
        """The line that says how many jobs are in which state."""
        return self.root.get_by_text(re.compile(r"^[\d,]+ jobs?\b")).filter(visible=True)

    def text(self) -> str:
        """Return all that can be read."""
        return self.root.inner_text()

    def await_headline(self, words: str) -> None:
        """Wait until the headline says something, such as ``3 jobs: 1 done, 2 running``."""
        expect(self.headline).to_contain_text(words)

    def await_row(self, words: str, state: str) -> None:
        """Wait until the row that says something is in a state."""
        expect(self.row(words)).to_contain_text(state)

    def await_gone(self) -> None:
        """Wait until it says that the kernel is no more, and offers nothing that needs one."""
        expect(self.root.get_by_text(GONE).filter(visible=True).first).to_be_visible()
        for button in self.stop_buttons.all():
            expect(button).to_be_disabled()

    # --- what a person does

    @property
    def stop_buttons(self) -> Locator:
        """The buttons that stop a job, one a row."""
        return self.rows.get_by_role("button", name=re.compile("^Stop "))

    def stop(self, words: str) -> None:
        """Press the stop button of the row that says something."""
        self.row(words).get_by_role("button", name=re.compile("^Stop ")).click()

    # --- what it is made of

    def is_live(self) -> bool:
        """Tell whether it can be acted on: a saved table has no buttons."""
        return self.root.get_by_role("button").count() > 0

    def violations(self) -> list[str]:
        """Return what axe-core finds serious, each with the elements that it is about."""
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
