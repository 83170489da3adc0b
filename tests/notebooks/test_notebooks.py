"""Behaviour that only a real kernel shows: the notebooks beside this file, executed cell by cell.

The cells hold their own assertions; what only the saved document shows is asserted here.
"""

import os
import shutil
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

HERE = Path(__file__).parent
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
CELL_TIMEOUT_S = 60

pytestmark = pytest.mark.notebook


def execute(name: str, folder: Path) -> nbformat.NotebookNode:
    """Execute a copy of a notebook in a kernel of its own, started as JupyterLab starts it."""
    path = Path(shutil.copy(HERE / f"{name}.ipynb", folder))
    notebook: nbformat.NotebookNode = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT_S,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        store_widget_state=False,
    )
    client.execute(env={**os.environ, "JPY_SESSION_NAME": str(path)})
    return notebook


def outputs(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    """Return the outputs of all cells, in order."""
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def test_a_class_may_be_declared_again(tmp_path: Path) -> None:
    """Configurations older than their class declaration fit the new one and name the same job."""
    execute("redeclared_class", tmp_path)


def test_the_same_cells_cost_nothing_in_a_new_kernel(tmp_path: Path) -> None:
    """A notebook that runs again in a new kernel finds its finished jobs and runs none of them."""
    execute("run_again", tmp_path)
    execute("run_again", tmp_path)


def test_the_saved_panel_is_a_plain_table(tmp_path: Path) -> None:
    """The saved notebook shows the final state of every job as HTML that needs no kernel."""
    notebook = execute("saved_panel", tmp_path)
    html = "".join(
        output.data["text/html"]
        for output in outputs(notebook)
        if "text/html" in output.get("data", {})
    )
    assert html.count("<table") == 1
    assert html.count("done") >= 2
    assert "ZeroDivisionError" in html
    assert "<script" not in html
    assert not any(WIDGET_VIEW in output.get("data", {}) for output in outputs(notebook))


def test_jobs_write_to_their_own_files(tmp_path: Path) -> None:
    """What a job prints lands in its directory, not under a cell."""
    notebook = execute("saved_panel", tmp_path)
    assert [output.text for output in outputs(notebook) if output.output_type == "stream"] == []
    written = sorted(
        path.read_text() for path in tmp_path.glob("runs/jobs/saved_panel.invert/*/invert.out")
    )
    assert written == ["inverting 0.0\n", "inverting 0.5\n", "inverting 4.0\n"]
