"""Classes out of the program of a job, beside those that the kernel declares."""

import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.declaring import Cells
from xpmnb.classes_beside import classes_beside
from xpmnb.core import registry
from xpmnb.document import from_document
from xpmnb.errors import DebugError

PROGRAM = """
import enum

from xpmnb import Config, Param, Task

__xpm_notebook__ = "beside"


class Color(enum.Enum):
    RED = 1


class Model(Config):
    layers: Param[int] = 2

    def words(self):
        return "of the program"


class Paint(Task):
    model: Param[Model]
    color: Param[Color]

    def execute(self):
        return self.model.words(), self.color is Color.RED


if __name__ == "__main__":
    raise SystemExit("not to be run")
"""


def place(name: str, **values: Any) -> dict[str, Any]:
    """Return where a class of the notebook was declared, as documents say it."""
    return {"module": "__main__", "qualname": name, **values}


DOCUMENT: dict[str, Any] = {
    "format": 1,
    "root": 1,
    "objects": [
        place("Model", type="beside.model", values={"layers": 3}),
        place(
            "Paint",
            type="beside.paint",
            values={"model": {"$ref": 0}, "color": {"$enum": [place("Color"), "RED"]}},
        ),
    ],
}


@pytest.mark.parametrize("_again", [1, 2])
def test_classes_live_as_long_as_they_are_needed(tmp_path: Path, _again: int) -> None:
    """The task can be made and run; afterwards no name and no module is left."""
    with classes_beside(DOCUMENT, PROGRAM, str(tmp_path / "paint.py")) as document:
        task = from_document(document).instance()
        assert task.execute() == ("of the program", True)
        module = type(task).__module__
        assert module in sys.modules
        assert module != "__main__"
    assert registry.find("beside.paint") is None
    assert registry.find("beside.model") is None
    assert module not in sys.modules


def test_what_the_kernel_declares_stays_the_newest(tmp_path: Path) -> None:
    """Where the kernel has a class of the name, that one is used, and is so afterwards."""
    with Cells("beside_notebook") as cells:
        kernel = cells.run(
            "from xpmnb import Config, Param\n__xpm_notebook__ = 'beside'\n"
            "class Model(Config):\n    layers: Param[int] = 2\n"
            "    def words(self):\n        return 'of the kernel'\n"
        )
        with classes_beside(DOCUMENT, PROGRAM, str(tmp_path / "paint.py")) as document:
            assert from_document(document).instance().execute() == ("of the kernel", True)
        assert registry.find("beside.model") is kernel.Model
        registry.forget("beside_notebook")


def test_nothing_is_executed_where_nothing_is_missing(tmp_path: Path) -> None:
    """The program of a task of a module is not executed."""
    document = {"objects": [{"type": "a.b", "module": "a", "qualname": "B", "values": {}}]}
    with classes_beside(document, "raise SystemExit('no')", str(tmp_path / "b.py")) as same:
        assert same is document


def test_a_program_that_runs_in_its_notebook_alone_says_so(tmp_path: Path) -> None:
    """The refusal of a program is passed on, with the classes whose cells must be run."""
    program = "raise SystemExit('paint cannot run outside its notebook: an open file')"
    with (
        pytest.raises(DebugError, match=r"an open file.*declare Color, Model, Paint first"),
        classes_beside(DOCUMENT, program, str(tmp_path / "paint.py")),
    ):
        pass
    assert [name for name in sys.modules if name.startswith("xpmnb_debugged")] == []


def test_an_error_of_the_source_is_raised(tmp_path: Path) -> None:
    """What the cells raise when they are executed again, such as a missing module, is raised."""
    with (
        pytest.raises(ModuleNotFoundError, match="no_such_module"),
        classes_beside(DOCUMENT, "import no_such_module", str(tmp_path / "paint.py")),
    ):
        pass
    assert registry.find("beside.paint") is None
