"""The notebooks for people, as they are stored: executed, clean, and the same for everybody.

``make notebooks`` stores them; nbval executes them again. Nothing is executed here.
"""

import re
from pathlib import Path

import nbformat
import pytest

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
TUTORIALS = sorted(FOLDER.glob("*.ipynb"))
# Folders in which somebody may work, on any system.
MACHINE_PATH = re.compile(r"(?<![\w.<])/(?:home|root|tmp|Users|var|work|usr|opt|mnt)/|[A-Z]:\\")

pytestmark = pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)


def read(path: Path) -> nbformat.NotebookNode:
    """Read a stored notebook as it is, not brought up to date."""
    notebook: nbformat.NotebookNode = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    return notebook


def outputs(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    """Return the outputs of all cells, in order."""
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def texts(notebook: nbformat.NotebookNode) -> list[str]:
    """Return all that a reader sees of the outputs, but for images."""
    found = [output.text for output in outputs(notebook) if output.output_type == "stream"]
    for output in outputs(notebook):
        data = output.get("data", {})
        found += [text for kind, text in data.items() if kind.startswith("text/")]
    return [re.sub(r"<style.*?</style>", "", text, flags=re.DOTALL) for text in found]


def test_it_is_a_valid_notebook(path: Path) -> None:
    """Each has the present format, with its cells named."""
    notebook = read(path)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) >= (4, 5)


def test_it_was_executed_from_top_to_bottom(path: Path) -> None:
    """Its cells were executed in a fresh kernel, one after the other, and none failed."""
    notebook = read(path)
    counts = [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"]
    assert counts == list(range(1, len(counts) + 1))
    assert outputs(notebook)
    assert not [output for output in outputs(notebook) if output.output_type == "error"]


def test_its_panels_are_final_tables(path: Path) -> None:
    """No output needs a kernel or a script, and no job is shown that had not ended."""
    notebook = read(path)
    kinds = {kind for output in outputs(notebook) for kind in output.get("data", {})}
    assert kinds <= {"text/plain", "text/html", "image/png"}
    assert "widgets" not in notebook.metadata
    panels = [text for text in texts(notebook) if "xpm-panel" in text]
    assert panels
    for panel in panels:
        assert not re.search(r"xpm-is-(running|waiting)|<script", panel)


def test_it_tells_nothing_of_the_machine(path: Path) -> None:
    """No output names a folder of the machine that executed it."""
    for text in texts(read(path)):
        assert not MACHINE_PATH.search(text)
