"""A saved notebook that a colleague opens without trusting it: front ends take much HTML away."""

from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenNotebook
from tests.browser.notebooks import KERNEL
from tests.notebook.made_rows import made_row
from xpmnb.notebook.experiment_page import experiment_html


def write_foreign(path: Path) -> None:
    """Write a notebook whose outputs no Jupyter of this machine has signed."""
    rows = [
        made_row("a", "running", retries="1 retry", metrics=[("loss", "0.5"), ("acc", "0.9")]),
        made_row("b", "failed", message="ValueError: no such file", needs=["a"]),
    ]
    html = experiment_html("sweep", rows, 100.0)
    output = nbformat.v4.new_output("display_data", data={"text/html": html})
    cell = nbformat.v4.new_code_cell("xp", outputs=[output])
    notebook = nbformat.v4.new_notebook(cells=[cell], metadata={"kernelspec": KERNEL})
    nbformat.write(notebook, path)


@pytest.mark.parametrize("front", ["lab", "notebook"])
def test_an_untrusted_notebook_can_be_read(
    open_notebook: OpenNotebook, tmp_path: Path, front: str
) -> None:
    """Without trust, styles and drawings are gone; the table reads well and pictures are whole."""
    write_foreign(tmp_path / "page.ipynb")
    notebook = open_notebook(front=front)
    output = notebook.output(0)
    # This is what it is without trust: the test would else prove nothing.
    expect(output.locator("style, svg.xpm-spark")).to_have_count(0)
    cells = output.get_by_role("row").nth(1).get_by_role("cell")
    expect(cells).to_have_text(["running, 1 retry", "train", "", "loss 0.5, acc 0.9", "1 min 30 s"])
    failed = output.get_by_role("row").nth(2).get_by_role("cell")
    expect(failed).to_have_text(["failed", "train", "ValueError: no such file", "", "2.0 s"])
    for name in ("Timeline of 2 jobs", "Dependencies of 2 jobs"):
        picture = output.get_by_role("img", name=name)
        expect(picture).to_be_visible()
        assert picture.evaluate("(image) => image.complete && image.naturalWidth > 100")
    # The words of drawings are not left behind.
    expect(output.get_by_text("00:00:10")).to_have_count(0)
