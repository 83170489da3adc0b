"""A thousand jobs of one cell: the page stays usable, and what it costs is reported."""

import time
from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.conftest import OpenNotebook
from tests.browser.notebooks import TASKS, release
from tests.browser.panel import PanelOnPage

COUNT = 1_000
# The summary of the run prints the properties of this name.
FIGURES = "figures"
SUBMIT = f"""
for number in range({COUNT}):
    Train.C(name=tag(f"job {{number:04d}}"), held="jobs").submit()
"""
PAINTED = f"""() => {{
  const found = [...document.querySelectorAll(".xpm-panel")]
    .some((panel) => panel.innerText.includes("{COUNT:,} jobs"));
  return found ? performance.now() : 0;
}}"""
# The time from a wanted frame to the frame that the page gives: long where it stalls.
WATCH = """() => {
  window.xpmLongest = 0;
  let before = performance.now();
  const look = (now) => {
    window.xpmLongest = Math.max(window.xpmLongest, now - before);
    before = now;
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}"""


def test_a_thousand_submissions(
    open_notebook: OpenNotebook, record_property: Callable[[str, object], None]
) -> None:
    """A thousand rows appear, move and can be acted on; time, stalls and memory are reported."""
    notebook = open_notebook(TASKS, SUBMIT)
    page = notebook.page
    notebook.run_cell(0)
    heap = notebook.heap_bytes()
    page.evaluate(WATCH)
    start = page.evaluate("performance.now()")
    run = notebook.begin_cell(1)
    painted = page.wait_for_function(PAINTED).json_value() - start
    notebook.finish(run)
    panel = PanelOnPage(page, notebook.output(1))
    panel.await_headline(f"{COUNT:,} jobs: 4 running, 996 waiting")
    panel.await_row("job 0001", "50 %")
    begun = time.monotonic()
    panel.stop("job 0001")
    panel.await_row("job 0001", "cancelled")
    latency = time.monotonic() - begun
    grown = notebook.heap_bytes() - heap
    longest = page.evaluate("window.xpmLongest")
    begun = time.monotonic()
    release(notebook.path.parent, "jobs")
    panel.await_headline("999 done, 1 cancelled")
    record_property(
        FIGURES,
        f"{COUNT:,} submissions: all on the page after {painted:,.0f} ms, a stop shown after "
        f"{1000 * latency:,.0f} ms, heap of the page +{grown / 1e6:.1f} MB, longest frame "
        f"{longest:,.0f} ms; all shown done {time.monotonic() - begun:.1f} s later",
    )
    expect(panel.row("job 0001")).to_contain_text("cancelled")
    assert notebook.errors == []
