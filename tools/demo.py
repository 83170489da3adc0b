"""Execute the notebooks for real and show what they left behind.

``make demo`` executes the first one and prints the table of its jobs; ``make notebooks``
(``--store``) executes all and writes them back into the checkout, cleaned. Nothing of the package
lives here.
"""

import argparse
import logging
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

import xpmnb

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
FIRST = NOTEBOOKS / "01_first_experiment.ipynb"
EXECUTED = ROOT / "build" / "notebooks"
CELL_TIMEOUT_S = 300
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


def execute(source: Path, target: Path) -> nbformat.NotebookNode:
    """Execute `source` in a new kernel and write it with its outputs to `target`.

    The kernel starts in the notebook's folder and knows the notebook's path, as in JupyterLab: the
    classes that the cells declare have the same names there and here, and both find the same jobs.

    Raises
    ------
    CellExecutionError
        A cell raised. `target` then holds the outputs up to that cell.
    """
    notebook: nbformat.NotebookNode = nbformat.read(source, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT_S,
        kernel_name="python3",
        # The kernel's remarks about its connection are no news for a demo.
        extra_arguments=["--log-level=ERROR"],
        resources={"metadata": {"path": str(source.parent)}},
        # With stored widgets a saved page would ask the network for the script that draws them.
        store_widget_state=False,
        # Times would make each execution another file.
        record_timing=False,
    )
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        client.execute(env={**os.environ, "JPY_SESSION_NAME": str(source)})
    finally:
        nbformat.write(notebook, target)
    return notebook


def clean(notebook: nbformat.NotebookNode, folder: Path) -> None:
    """Reduce the outputs of `notebook` to what reads the same for everybody.

    Views of live widgets go, where a plain form of the same output stays, and so do the paths of
    `folder`, where it was executed, and what the kernel says about this Python.
    """
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", []):
            data: dict[str, Any] = output.get("data", {})
            if "text/html" in data:
                data.pop(WIDGET_VIEW, None)
            for kind, content in data.items():
                if isinstance(content, str):
                    data[kind] = content.replace(f"{folder}{os.sep}", "")
    notebook.metadata.pop("widgets", None)
    notebook.metadata.pop("signature", None)
    notebook.metadata["language_info"] = {"name": "python"}


def show(workspace: Path) -> bool:
    """Print the jobs of the first notebook, best first, and return whether all are done."""
    jobs = xpmnb.workspace(workspace).jobs()
    # The other notebooks have their jobs in the same folder.
    jobs = jobs[jobs["task"].astype(str).str.startswith(f"{FIRST.stem}.")]
    columns = ["state", "params.lr", "params.l2", "result.accuracy", "duration_s"]
    print(jobs.sort_values("result.accuracy", ascending=False)[columns].to_string(index=False))
    return bool((jobs["state"] == "done").all())


def demonstrate() -> bool:
    """Execute the first notebook where it lies, and tell whether all its jobs are done."""
    print(f"Executing {FIRST.relative_to(ROOT)} ...", flush=True)
    target = EXECUTED / FIRST.name
    execute(FIRST, target)
    complete = show(NOTEBOOKS / "runs")
    print(f"\nThe executed notebook: {target.relative_to(ROOT)}")
    print("Open it and change it in JupyterLab: make lab")
    if not complete:
        print("Not all jobs are done: see the table above.", file=sys.stderr)
    return complete


def store(path: Path) -> None:
    """Execute a notebook in an empty folder and write it back, cleaned."""
    print(f"Executing {path.relative_to(ROOT)} ...", flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        source = Path(shutil.copy(path, folder))
        notebook = execute(source, source)
        # Some chapters fail and stop jobs on purpose: what a person should know is how many.
        states = xpmnb.workspace(folder / "runs").jobs()["state"].value_counts()
    clean(notebook, folder)
    nbformat.write(notebook, path)
    said = ", ".join(f"{count} {state}" for state, count in states.items() if count)
    print(f"  stored with its outputs; jobs: {said}")


def main() -> int:
    """Execute the notebooks, show their jobs, and return the exit code of the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--store", action="store_true", help="write all executed notebooks back, cleaned"
    )
    arguments = parser.parse_args()
    # nbclient's own log lines are no news here: a cell that fails is reported below.
    logging.getLogger("traitlets").setLevel(logging.ERROR)
    try:
        if not arguments.store:
            return 0 if demonstrate() else 1
        for path in sorted(NOTEBOOKS.glob("*.ipynb")):
            store(path)
    except CellExecutionError as error:
        print(error, file=sys.stderr)
        print("A cell failed; make lab shows the notebook.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
