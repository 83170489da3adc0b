"""Classes of cells run in other processes: their source, and all it needs."""

import ast
import gc
import json
import weakref
from pathlib import Path
from typing import Any

import pytest

from tests.support.declaring import Cells
from tests.support.exporting import export_cases, load_programs, read_cases, run_program
from xpmnb.closure import closure_of

CASES = {name: cells for name, (cells, _) in read_cases("exported.txt").items()}
REFUSED = read_cases("refused.txt")


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what each case gives, made by one process."""
    return export_cases(CASES, tmp_path_factory.mktemp("exported"))


@pytest.fixture(scope="module")
def loaded(exported: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what each job returns in a process that was given its program as text."""
    programs = {name: each["program"] for name, each in exported.items()}
    return load_programs(programs, tmp_path_factory.mktemp("loaded"))


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what each refused case gives, made by one process."""
    cases = {name: cells for name, (cells, _) in REFUSED.items()}
    return export_cases(cases, tmp_path_factory.mktemp("refused"))


@pytest.mark.parametrize("name", CASES)
def test_cells_are_declared_in_another_process(
    name: str, exported: dict[str, Any], loaded: dict[str, Any]
) -> None:
    """A process that is given the program as text runs the job, and can pickle its classes."""
    assert loaded[name]["result"] == exported[name]["result"]


@pytest.mark.parametrize("name", CASES)
def test_cells_give_a_program_that_runs(name: str, exported: dict[str, Any]) -> None:
    """The program of a job runs from a shell, and gives the result that the notebook gives."""
    given = exported[name]
    assert given["problems"] == [], given["text"]
    program = Path(given["program"])
    done = run_program(program)
    assert (done.returncode, done.stderr) == (0, ""), f"{done.stdout}\n{given['text']}"
    result = (program.parent / "__xpm__" / "result.json").read_text(encoding="utf-8")
    assert json.loads(result) == given["result"], given["text"]


@pytest.fixture(scope="module")
def rewritten(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what the cases of both kinds give in another process, written in another way."""
    every = {**CASES, **{name: cells for name, (cells, _) in REFUSED.items()}}
    cases = {name: [rewrite(cell) for cell in cells] for name, cells in every.items()}
    return export_cases(cases, tmp_path_factory.mktemp("rewritten"))


def rewrite(cell: str) -> str:
    """Return a cell that does the same, with other layout, comments and docstrings."""
    try:
        tree = ast.parse(cell)
    except SyntaxError:  # it has magics
        return f"{cell}\n\n\n# A comment.\n"
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            if ast.get_docstring(node, clean=False) is not None:
                del node.body[0]
            node.body.insert(0, ast.Expr(ast.Constant("A docstring.")))
    return "# A comment.\n\n" + ast.unparse(tree).replace("\n\n", "\n\n\n\n")


@pytest.mark.parametrize("name", [*CASES, *REFUSED])
def test_cells_written_in_another_way_have_the_same_code(
    name: str, exported: dict[str, Any], refused: dict[str, Any], rewritten: dict[str, Any]
) -> None:
    """In another process, with other comments, docstrings and layout, the code is the same."""
    assert rewritten[name]["digest"] == {**exported, **refused}[name]["digest"]


def test_all_cells_have_code_of_their_own(
    exported: dict[str, Any], refused: dict[str, Any]
) -> None:
    """Different cells have different code, also those that cannot be exported."""
    # These two differ in a magic only.
    every = {name: each for name, each in exported.items() if name != "time_redeclared"}
    digests = [each["digest"] for each in (*every.values(), *refused.values())]
    assert len({*digests}) == len(digests) >= 66 + 15


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_written_is_refused_in_words(name: str, refused: dict[str, Any]) -> None:
    """A refusal names the user, the variable, what it is and the way out; nothing is pickled."""
    [problem] = refused[name]["problems"]
    for word in REFUSED[name][1]:
        assert word in problem
    ast.parse(refused[name]["text"])


def test_a_refused_program_says_why_in_a_shell(refused: dict[str, Any]) -> None:
    """The program is there to be read, and tells a person who runs it why it does not work."""
    given = refused["data_frame"]
    done = run_program(Path(given["program"]))
    assert done.returncode == 1
    assert "data_frame.work cannot run outside its notebook" in done.stderr
    assert "pandas.DataFrame" in done.stderr
    assert "Traceback" not in done.stderr
    assert "\n# class Work uses the variable data" in given["text"]
    assert "        return len(data)" in given["text"]


READABLE = '''

import math
from pathlib import Path

import numpy as np
from xpmnb import Task

WIDTH = 3
FOLDER = Path('a')


def area(side: float) -> int:
    """Return an area."""
    return math.floor(side**2)  # rounded


class Work(Task):
    # A comment of the person.
    def execute(self) -> list[int]:
        return [area(WIDTH), str(FOLDER), int(np.sign(3))]


if __name__ == "__main__":
    from xpmnb.job_process import main

    raise SystemExit(main(__file__))
'''


def test_a_program_is_readable(exported: dict[str, Any]) -> None:
    """The program has sections: imports, constants, and what people wrote, as they wrote it."""
    text = exported["readable"]["text"]
    begin = '"""A job of xpmnb: readable.work, declared in the notebook readable.\n\n'
    assert text.startswith(begin)
    # Then where modules are found, unless that is where every Python looks.
    assert '"""\n\nfrom __future__ import annotations\n' in text
    assert text.endswith("\n__xpm_notebook__ = 'readable'" + READABLE)


DECLARE = """
from xpmnb import Param, Task
SCALE = 2
OPTIONS = {"a": [1]}
def helper(x):
    return SCALE * x
class Work(Task):
    x: Param[int] = 1
    def execute(self):
        return helper(self.x), OPTIONS, data
"""


def test_the_same_closure_is_given_while_nothing_changed() -> None:
    """A closure is made again when a name that it depends on has another meaning, and only then."""
    with Cells("watched") as cells:
        cells.run(DECLARE)
        cls = cells.module.Work

        def current() -> Any:
            closure = closure_of([cls])
            assert closure_of([cls]) is closure
            return closure

        first = current()
        cells.run("unrelated = 3")
        assert current() is first
        cells.module.OPTIONS["a"].append(2)
        assert "OPTIONS = {'a': [1, 2]}" in current().source
        cells.run("SCALE = 3")
        assert "SCALE = 3" in current().source
        cells.run("def helper(x):\n    return 'new'\n")
        assert "'new'" in current().source
        cells.run("data = 1.5")
        assert "data = 1.5" in current().source
        cells.run("def print(x):\n    pass\ndef helper(x):\n    print(1)\n")
        assert "def print" in current().source
        cells.run("del print")
        assert "def print" not in current().source
        before = current()
        cells.run(DECLARE)
        assert current() is not before


def test_a_problem_keeps_no_value_alive() -> None:
    """A large value that cannot be written is not kept by the closure that refused it."""

    class Large:
        pass

    with Cells("large") as cells:
        cells.run(DECLARE)
        names = vars(cells.module)
        names["data"] = value = Large()
        gone = weakref.ref(value)
        [problem] = closure_of([cells.module.Work]).problems
        assert "the variable data: a value of type" in problem
        del value
        delattr(cells.module, "data")
        gc.collect()
        assert gone() is None
        assert closure_of([cells.module.Work]).problems == ()


def test_the_same_classes_give_the_same_source(exported: dict[str, Any]) -> None:
    """Sets, the order of cells' history and hash seeds do not change the text."""
    assert "frozenset({'a'})" in exported["constants"]["text"]
    assert "{1, 2, 3}" in exported["constants"]["text"]
