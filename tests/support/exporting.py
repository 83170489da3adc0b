"""Cells that are run in a real IPython shell, and the programs made of what they declare.

Executed as a script it reads cases as JSON (``{name: [cell, ...]}``; the last cell sets ``task``), runs
each in a shell of its own, and writes what came of it, as JSON, to the given folder.
"""

import json
import linecache
import os
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

import xpmnb
from xpmnb import seam
from xpmnb.core.objects import generate_paths
from xpmnb.document import to_document
from xpmnb.program import program_of

ROOT = Path(__file__).parents[2]


def job_directory(root: Path, task: Any) -> Path:
    """Return the program in a directory with what a job has before it runs."""
    name = type(task).__xpm_name__
    folder: Path = root / "jobs" / name / task.__identifier__()
    (folder / "__xpm__").mkdir(parents=True)
    document = to_document(task, generate_paths(task, str(folder)))
    record = {"params": {}, "tags": {}, "document": document}
    (folder / "__xpm__" / "params.json").write_text(json.dumps(record), encoding="utf-8")
    program = folder / f"{name.rpartition('.')[2]}.py"
    program.write_bytes(program_of(task).text)
    return program


def run_program(program: Path) -> "subprocess.CompletedProcess[str]":
    """Run a program as from a shell in another directory, with only xpmnb itself installed."""
    environ = {**os.environ, "PYTHONPATH": str(Path(xpmnb.__file__).parent.parent)}
    return subprocess.run(
        [sys.executable, str(program)],
        cwd=program.parents[3],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def export_cases(cases: dict[str, list[str]], folder: Path) -> dict[str, Any]:
    """Run cells in another process; return what each case gave.

    A case gives ``text`` (the program), ``problems``, ``result`` (what ``execute`` returns in the shell)
    and ``program`` (its path in a job directory).
    """
    path = os.pathsep.join([str(Path(xpmnb.__file__).parent.parent), str(ROOT)])
    home = {"IPYTHONDIR": str(folder / "ipython"), "PYTHONPATH": path}
    subprocess.run(
        [sys.executable, "-m", "tests.support.exporting", str(folder)],
        input=json.dumps(cases),
        env={**os.environ, **home},
        check=True,
        text=True,
        timeout=120,
        stdout=subprocess.DEVNULL,
    )
    given: dict[str, Any] = json.loads((folder / "given.json").read_text(encoding="utf-8"))
    for name, each in given.items():
        assert "error" not in each, f"{name}: {each['error']}"
    return given


def _export(name: str, cells: list[str], folder: Path) -> dict[str, Any]:
    from IPython.core.interactiveshell import InteractiveShell  # noqa: PLC0415 (heavy)

    InteractiveShell.clear_instance()
    for file in [file for file in linecache.cache if file.startswith("<ipython")]:
        del linecache.cache[file]
    shell = InteractiveShell.instance()
    seam.in_notebook = lambda: True
    seam.notebook_stem = lambda: name
    for cell in cells:
        shell.run_cell(cell, store_history=True).raise_error()
    task = shell.user_ns["task"].seal()
    program = program_of(task)
    given = {"text": program.text.decode(), "problems": program.problems}
    assert program_of(task) is program, "it was made twice"
    given["program"] = str(job_directory(folder / name, task))
    if not program.problems:
        given["result"] = json.loads(json.dumps(task.copy().instance().execute()))
    return given


def _main() -> None:
    folder = Path(sys.argv[1])
    given = {}
    for name, cells in json.load(sys.stdin).items():
        try:
            given[name] = _export(name, cells, folder)
        except Exception:  # noqa: BLE001 (the test tells of it)
            given[name] = {"error": traceback.format_exc()}
    (folder / "given.json").write_text(json.dumps(given), encoding="utf-8")


if __name__ == "__main__":
    _main()
