"""How the page tells what is left: steady, and in round numbers; without a kernel."""

from collections.abc import Iterator
from importlib.resources import files

import pytest
from playwright.sync_api import Browser, Page

SECONDS = """(lefts) => {
  let known = null;
  return lefts.map((left, now) => {
    known = steadied(known, left, 100, now);
    return known && known.end - now;
  });
}"""


@pytest.fixture
def blank(browser: Browser) -> Iterator[Page]:
    """Return an empty page that has the parts of the panel's script that need none."""
    page = browser.new_page()
    folder = files("xpmnb.notebook").joinpath("page")
    for name in ("elements.js", "tally.js"):
        page.add_script_tag(content=folder.joinpath(name).read_text(encoding="utf-8"))
    yield page
    page.close()


def test_what_is_left_of_a_cell_is_steady(blank: Page) -> None:
    """Jobs that begin and end make guesses leap; what is told changes by little."""
    # Of 400 seconds of work in four lanes, one or two lanes are free now and then.
    lanes = (1, 4, 4, 3, 4, 2, 4, 4, 3, 4) * 9
    work = [400 - 4 * second for second in range(len(lanes))]
    guesses = [left / lane for left, lane in zip(work, lanes, strict=True)]
    told = blank.evaluate(SECONDS, guesses)
    for second in range(10, 85):
        assert abs(told[second] - told[second - 1] + 1) < 0.2 * told[second - 1] + 1
        assert 0.6 < told[second] / (100 - second) < 2


def test_a_moment_without_a_guess_is_passed_over(blank: Page) -> None:
    """A job of which nothing is known yet takes away nothing; one that stays so does."""
    told = blank.evaluate(SECONDS, [100, 99, None, None, 96, *[None] * 8])
    assert told[:5] == [100, 99, 98, 97, 96]
    assert told[-1] is None


def test_guesses_are_told_in_round_numbers(blank: Page) -> None:
    """The longer it takes, the coarser it is told."""
    words = {
        0.2: "1 s",
        7.4: "7 s",
        43: "45 s",
        58: "1 min",
        200: "3 min",
        569: "9 min",
        570: "10 min",
        1_400: "25 min",
        3_449: "55 min",
        3_450: "1 h",
        4_300: "1 h 10 min",
        10_600: "3 h",
        80_000: "22 h",
        85_000: "1 d",
        300_000: "3 d",
    }
    assert blank.evaluate("(all) => all.map(roughDuration)", list(words)) == list(words.values())
