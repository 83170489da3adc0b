"""Cells that are run in a real IPython shell, and the programs made of what they declare.

Executed as a script it reads cases as JSON: ``export`` takes ``{name: [cell, ...]}`` and runs each
in a shell of its own; ``load`` takes ``{name: program}`` and runs each job in a forked child. Both
write what came of it, as JSON, to the given folder.
"""

import inspect
import json
import linecache
import os
import pickle
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

import xpmnb
from xpmnb import seam
from xpmnb.code_hash import code_of
from xpmnb.core.paths import generate_paths
from xpmnb.document import from_document, to_document
from xpmnb.program import load_program, needs_program, program_of

ROOT = Path(__file__).parents[2]


def read_cases(file: str) -> dict[str, tuple[list[str], list[str]]]:
    """Return the cells of each case in a file of ``tests/cells``, and the words expected of it."""
    text = (ROOT / "tests" / "cells" / file).read_text(encoding="utf-8")
    cases = {}
    for part in text.split("\n=== ")[1:]:
        name, _, rest = part.partition("\n")
        body, _, words = rest.partition("\n... ")
        cells = [cell.strip("\n") for cell in body.split("\n---\n")]
        cases[name] = (cells, [word.strip() for word in words.split("|")])
    return cases


def output_of(script: str, *arguments: str) -> str:
    """Return what a script prints that runs in another process without an error."""
    path = os.pathsep.join([str(Path(xpmnb.__file__).parent.parent), str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def job_directory(root: Path, task: Any) -> Path:
    """Return the program in a directory with what a job has before it runs."""
    name = type(task).__xpm_name__
    folder: Path = root / "jobs" / name / task.__identifier__()
    (folder / "__xpm__").mkdir(parents=True)
    document = to_document(task, generate_paths(task, str(folder), str(root / "partials")))
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

    A case gives ``text`` (the program), ``problems``, ``program`` (its path in a job directory),
    ``digest`` (of its code), and ``result`` (what ``execute`` returns in the shell).
    """
    return _driven("export", cases, folder)


def load_programs(programs: dict[str, str], folder: Path) -> dict[str, Any]:
    """Run the jobs of programs in forked children; return for each what ``execute`` returned."""
    return _driven("load", programs, folder)


def _driven(what: str, cases: Any, folder: Path) -> dict[str, Any]:
    path = os.pathsep.join([str(Path(xpmnb.__file__).parent.parent), str(ROOT)])
    home = {"IPYTHONDIR": str(folder / "ipython"), "PYTHONPATH": path}
    subprocess.run(
        [sys.executable, "-m", "tests.support.exporting", what, str(folder)],
        input=json.dumps(cases),
        env={**os.environ, **home},
        check=True,
        text=True,
        timeout=120,
        stdout=subprocess.DEVNULL,
    )
    given: dict[str, Any] = json.loads((folder / f"{what}.json").read_text(encoding="utf-8"))
    for name, each in given.items():
        assert "error" not in each, f"{name}: {each['error']}"
    return given


def _export(name: str, cells: list[str], folder: Path) -> dict[str, Any]:
    from IPython.core.interactiveshell import InteractiveShell  # noqa: PLC0415 (heavy)

    InteractiveShell.clear_instance()
    for file in [file for file in linecache.cache if file.startswith("<ipython")]:
        del linecache.cache[file]
    shell: Any = InteractiveShell.instance()
    shell.register_magic_function(lambda _: None, magic_name="matplotlib")  # no kernel, no figures
    seam.in_notebook = lambda: True
    seam.notebook_stem = lambda: name
    for cell in cells:
        shell.run_cell(cell, store_history=True).raise_error()
    task = shell.user_ns["task"].seal()
    program = program_of(task)
    given = {"text": program.text.decode(), "problems": program.problems}
    assert program_of(task) is program, "it was made twice"
    code = code_of(task)
    assert code_of(task, program) is code, "it was made twice"
    given["digest"] = code.digest
    given["program"] = str(job_directory(folder / name, task))
    if not program.problems:
        given["result"] = json.loads(json.dumps(task.copy().instance().execute()))
    return given


def _load(name: str, program: str, folder: Path) -> dict[str, Any]:
    """Run a job as a child of the fork server does: its program is given as text."""
    path = folder / f"{name}.json"
    child = os.fork()
    if child == 0:
        try:
            text = Path(program).read_text(encoding="utf-8")
            document = json.loads((Path(program).parent / "__xpm__" / "params.json").read_bytes())
            assert needs_program(document["document"])
            load_program(text, "/not/written/yet.py")
            config = from_document(document["document"])
            assert to_document(config) == document["document"]
            task = config.instance()
            cls = type(task)
            assert pickle.loads(pickle.dumps(cls)) is cls  # noqa: S301 (what was just made)
            assert inspect.getsource(cls.execute).strip() in text
            given = {"result": json.loads(json.dumps(task.execute()))}
        except BaseException:  # noqa: BLE001 (the test tells of it)
            given = {"error": traceback.format_exc()}
        path.write_text(json.dumps(given), encoding="utf-8")
        os._exit(0)
    os.waitpid(child, 0)
    result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return result


def _main() -> None:
    what, folder = sys.argv[1], Path(sys.argv[2])
    run: Any = {"export": _export, "load": _load}[what]
    given = {}
    for name, each in json.load(sys.stdin).items():
        try:
            given[name] = run(name, each, folder)
        except Exception:  # noqa: BLE001 (the test tells of it)
            given[name] = {"error": traceback.format_exc()}
    (folder / f"{what}.json").write_text(json.dumps(given), encoding="utf-8")


if __name__ == "__main__":
    _main()
