"""Notebooks that tests write: their cells, and the tasks in them."""

from pathlib import Path
from textwrap import dedent

import nbformat

# A front end asks for a kernel where the notebook names none.
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}

TASKS = '''
import time
from pathlib import Path

from xpmnb import Meta, Param, Task, experiment, log, progress, tag


HERE = Path.cwd()


def hold(name):
    """Wait until the test lets the job go on; a job that is to stop leaves it."""
    while not (HERE / f"{name}.go").exists():
        time.sleep(0.02)


class Train(Task):
    name: Param[str]
    lr: Param[float] = 0.1
    held: Meta[str] = ""

    def execute(self):
        for step in range(4):
            progress(step / 4, description=f"step {step}")
            log(step=step, loss=round(self.lr / (1 + step), 4))
            if step == 2 and self.held:
                print(f"{self.name} holds at {step}", flush=True)
                hold(self.held)
        print(f"{self.name} is done")
        return {"accuracy": 1 - self.lr}


class Broken(Task):
    name: Param[str]

    def execute(self):
        raise ValueError(self.name)


xp = experiment("runs", "page", max_jobs=4).start()  # more than a small machine has cores
'''


def write_notebook(path: Path, *cells: str) -> Path:
    """Write a notebook of code cells that asks for this Python, and return its path."""
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(dedent(cell).strip()) for cell in cells],
        metadata={"kernelspec": KERNEL},
    )
    nbformat.write(notebook, path)
    return path


def read_notebook(path: Path) -> nbformat.NotebookNode:
    """Read a saved notebook as it is."""
    notebook: nbformat.NotebookNode = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    return notebook


def release(folder: Path, name: str) -> None:
    """Let the jobs that hold at a name go on."""
    (folder / f"{name}.go").touch()
