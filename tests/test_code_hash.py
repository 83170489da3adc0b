"""The code of a task: what changes its hash, and what does not."""

import contextlib
import gc
import importlib
import json
import os
import shutil
import subprocess
import sys
import textwrap
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import xpmnb
from tests.support.declaring import Cells
from tests.support.exporting import output_of
from xpmnb import Task
from xpmnb.code import Code
from xpmnb.code_hash import code_of
from xpmnb.core.options import set_init_tasks
from xpmnb.program import program_of

BASE = """
import enum
import functools
import math
from collections import OrderedDict
from xpmnb import Config, Param, Task
SCALE = 2
TABLE = {"a": [1, 2]}
---
def deep(x):
    return math.sqrt(x) + 1
---
def helper(x, power=2):
    # Nothing to see here.
    return deep(x) ** power * SCALE
---
class Color(enum.Enum):
    RED = 1
---
class Model(Config):
    layers: Param[int] = 2
    def size(self):
        return self.layers
---
class Base(Task):
    def more(self):
        return 1
---
def decorate(method):
    @functools.wraps(method)
    def inner(*args):
        return method(*args)
    return inner
---
class Train(Base):
    x: Param[int] = 1
    model: Param[Model]
    color: Param[Color] = Color.RED
    kind = OrderedDict
    @decorate
    def execute(self):
        "Return a number."
        return (helper(self.x) + self.more(), TABLE, [n for n in range(3)], lambda: 1)
---
task = Train.C(model=Model.C())
"""


def code_in(text: str) -> Code:
    """Return the code of the task that cells set."""
    with Cells("hashed") as cells:
        for cell in text.split("\n---\n"):
            cells.run(cell)
        return code_of(cells.module.task.seal())


@pytest.fixture(scope="module")
def base() -> Code:
    """Return the code of the cells that all others are compared with."""
    return code_in(BASE)


SAME = {
    "comment": ("# Nothing to see here.", "# Something."),
    "docstring": ('"Return a number."', "'''Return\n        another.'''"),
    "no docstring": ('        "Return a number."\n', ""),
    "new docstring": ("def deep(x):\n", 'def deep(x):\n    """Return more."""\n\n'),
    "class docstring": ("class Model(Config):\n", "class Model(Config):\n    'A model.'\n"),
    "blank lines": ("\n    def size", "\n\n\n    def size"),
    "parentheses": ("return deep(x) ** power * SCALE", "return ((deep(x) ** power) * (SCALE))"),
    "line breaks": ("return self.layers", "return (\n            self.layers\n        )"),
    "quotes": ('{"a": [1, 2]}', "{'a': [1,\n  2,],}"),
    "order of imports": ("import enum\nimport functools\n", "import functools, enum\n"),
    "way of computing a constant": ("SCALE = 2", "SCALE = 1 + 1"),
    "what is not used": ("SCALE = 2", "SCALE = 2\nunused = 3\ndef other(): pass"),
    "import that is not used": ("import math", "import math, json"),
    "a cell run again": (
        "\n---\nclass Color",
        "\n---\ndef deep(x):\n    return math.sqrt(x) + 1\n---\nclass Color",
    ),
    "former name": (
        "class Train(Base):",
        "from xpmnb import deprecate\n@deprecate('old.train')\nclass Train(Base):",
    ),
    "text below a parameter": (
        "x: Param[int] = 1",
        "x: Param[int] = 1\n    'How many.'",
    ),
    "cells joined": ("\n---\ndef helper", "\n\n\ndef helper"),
}


@pytest.mark.parametrize("name", SAME)
def test_what_does_nothing_does_not_change_the_hash(name: str, base: Code) -> None:
    """Comments, docstrings, layout, the order and the repetition of cells are not code."""
    before, after = SAME[name]
    assert before in BASE
    assert code_in(BASE.replace(before, after)).digest == base.digest


OTHER = {
    "method": ("(helper(self.x) +", "(helper(self.x) -"),
    "helper": ("** power", "// power"),
    "helper of a helper": ("sqrt(x) + 1", "sqrt(x) + 2"),
    "base class": ("return 1\n---\ndef decorate", "return 2\n---\ndef decorate"),
    "constant": ("SCALE = 2", "SCALE = 3"),
    "type of a constant": ("SCALE = 2", "SCALE = 2.0"),
    "item of a constant": ("[1, 2]}", "[1, 3]}"),
    "order of a dict": ('{"a": [1, 2]}', '{"b": 0, "a": [1, 2]}'),
    "default of an argument": ("power=2", "power=3"),
    "default of a parameter": ("x: Param[int] = 1", "x: Param[int] = 2"),
    "type of a parameter": ("layers: Param[int]", "layers: Param[float]"),
    "new parameter": ("x: Param[int] = 1", "x: Param[int] = 1\n    y: Param[int] = 1"),
    "decorator": ("return method(*args)", "return method(*args) * 2"),
    "no decorator": ("    @decorate\n", ""),
    "enum": ("RED = 1", "RED = 1\n    BLUE = 2"),
    "nested configuration": ("return self.layers", "return self.layers + 1"),
    "import": (
        "from collections import OrderedDict",
        "from collections import Counter as OrderedDict",
    ),
    "import of a module": ("import math", "import cmath as math"),
    "comprehension": ("range(3)", "range(4)"),
    "lambda": ("lambda: 1", "lambda: 2"),
    "helper hides a built-in": ("def deep", "def range(n):\n    return [n]\ndef deep"),
}


def test_the_order_of_cells_is_not_in_the_hash(base: Code) -> None:
    """Cells that can be run in another order have the same code in that order."""
    first, deep, helper, color, model, parent, decorate, *last = BASE.split("\n---\n")
    order = [first, decorate, model, color, parent, helper, deep, *last]
    assert code_in("\n---\n".join(order)).digest == base.digest


@pytest.mark.parametrize("name", OTHER)
def test_what_does_something_changes_the_hash(name: str, base: Code) -> None:
    """A change in anything that the task uses is noticed."""
    before, after = OTHER[name]
    assert before in BASE
    assert code_in(BASE.replace(before, after)).digest != base.digest


def test_every_change_has_a_hash_of_its_own(base: Code) -> None:
    """No two changes of code are taken for one another."""
    digests = [code_in(BASE.replace(*each)).digest for each in OTHER.values()]
    assert len({*digests, base.digest}) == len(OTHER) + 1


def test_parts_are_there_to_be_read(base: Code) -> None:
    """Each part has its source as it was written, under its own name."""
    names = ["Base", "Color", "Model", "SCALE", "TABLE", "Train", "decorate", "deep", "helper"]
    assert list(base.parts) == [*names, "imports"]
    assert base.parts["SCALE"] == "SCALE = 2"
    assert base.parts["deep"] == "def deep(x):\n    return math.sqrt(x) + 1"
    assert "# Nothing to see here." in base.parts["helper"]
    assert base.parts["imports"].splitlines()[0] == "from collections import OrderedDict"
    assert "import math" in base.parts["imports"].splitlines()


def test_the_notebook_is_not_in_the_hash(base: Code) -> None:
    """A notebook under another name has the same code."""
    with Cells("another_notebook") as cells:
        for cell in BASE.split("\n---\n"):
            cells.run(cell)
        assert code_of(cells.module.task.seal()).digest == base.digest


def test_the_same_code_is_given_while_nothing_changed() -> None:
    """Code is computed once for each version of what the task uses."""
    with Cells("kept") as cells:
        for cell in BASE.split("\n---\n"):
            cells.run(cell)
        task = cells.module.task.seal()
        first = code_of(task)
        assert code_of(task) is first
        assert code_of(task, program_of(task)) is first
        cells.run("unrelated = 1")
        assert code_of(task) is first
        cells.run("def deep(x):\n    return 0\n")
        second = code_of(task)
        assert second.digest != first.digest
        cells.run("def deep(x):\n    return math.sqrt(x) + 1  # as before\n")
        assert code_of(task).digest == first.digest


def test_init_tasks_have_code_too() -> None:
    """The code of a task has the classes of its init tasks."""
    with Cells("initialised") as cells:
        for cell in BASE.split("\n---\n"):
            cells.run(cell)
        cells.run("class Loader(Config):\n    def execute(self):\n        pass\n")
        task = cells.module.task.seal()
        assert "Loader" not in code_of(task).parts
        set_init_tasks(task, (cells.module.Loader.C().seal(),))
        assert "Loader" in code_of(task).parts


USING = """
from xpmnb import Task
import io
class Net:
    depth = 1
def made(n):
    return io.StringIO("x" * n)
---
%s
---
class Work(Task):
    def execute(self):
        return str(data)
task = Work.C()
"""
MADE = {
    "by a call": ("data = made(3)", "data = made(4)"),
    "as an instance": ("data = Net()", "data = [Net()]"),
    "by an unpacking": ("data, _ = made(1), 2", "data, _ = made(2), 2"),
    "by a loop": ("for data in [made(1)]:\n    print()", "for data in [made(2)]:\n    print()"),
    "by a context": ("with made(1) as data:\n    1", "with made(2) as data:\n    1"),
    "as a generator": ("data = (n for n in [1])", "data = (n for n in [2])"),
    "as a lambda of a function": (
        "def f(n):\n    return lambda: n\ndata = f(1)",
        "def f(n):\n    return lambda: n\ndata = f(2)",
    ),
}


WRAPPED = """
import functools
from xpmnb import Task
def slow(x):
    return x
---
%s
---
class Work(Task):
    def execute(self):
        return used(1)
task = Work.C()
"""


@pytest.mark.parametrize("name", ["slow", "used"])
def test_what_wraps_a_function_later_is_code(name: str) -> None:
    """A function that a statement wraps has the code of that statement, under any name."""
    text = WRAPPED.replace("used", name)
    wrapped = [f"{name} = functools.lru_cache(maxsize={size})(slow)" for size in (1, 2)]
    first, second = (code_in(text % each) for each in wrapped)
    assert first.digest != second.digest
    assert "def slow" in "".join(first.parts.values())


DISPATCHED = """
from functools import singledispatch
from xpmnb import Task
@singledispatch
def told(value):
    return 0
@told.register
def _(value: int):
    return 1
class Work(Task):
    def execute(self):
        return told(1)
task = Work.C()
"""


def test_what_is_registered_by_type_is_code() -> None:
    """What cells register with a function that dispatches by type belongs to it, at once."""
    with Cells("dispatched") as cells:
        task = cells.run(DISPATCHED).task.seal()
        digests = [code_of(task).digest]
        for kind, result in (("int", 2), ("int", 3), ("str", 3)):
            cells.run(f"@told.register\ndef _(value: {kind}):\n    return {result}")
            digests.append(code_of(task).digest)
    assert len({*digests}) == len(digests)


@pytest.mark.parametrize("name", MADE)
def test_what_cannot_be_written_has_the_hash_of_what_made_it(name: str) -> None:
    """Code that uses a model or a table has a hash: of the statement that made it."""
    one, other = MADE[name]
    first = code_in(USING % one)
    assert code_in(USING % f"# A comment.\n{one}").digest == first.digest
    assert code_in(USING % other).digest != first.digest


def test_what_made_a_value_is_followed() -> None:
    """When the class of a model that a task uses is changed, the code of the task is changed."""
    first = code_in(USING % "data = Net()")
    assert "Net" in first.parts
    changed = code_in(USING.replace("depth = 1", "depth = 2") % "data = Net()")
    assert changed.digest != first.digest


def test_the_body_of_a_loop_is_not_code() -> None:
    """What a cell does with a value that cannot be written does not belong to the task."""
    one, other = "with made(1) as data:\n    print(1)", "with made(1) as data:\n    print(2)"
    assert code_in(USING % one).digest == code_in(USING % other).digest


def test_an_address_is_not_code() -> None:
    """What has no source is in the hash by its name: two processes agree on it."""
    with Cells("anew") as cells:
        cells.run(
            "from xpmnb import Task\nclass Work(Task):\n    def execute(self): data; made()\n"
        )
        task = cells.module.Work.C().seal()
        codes = []
        for value in (object(), iter([])):
            vars(cells.module)["data"] = [value]
            exec("def made(): return 1", vars(cells.module))  # noqa: S102
            codes.append(code_of(task))
        keep = vars(cells.module)["data"]
        vars(cells.module)["data"] = [iter([])]
        codes.append(code_of(task))
    assert keep
    assert codes[1] is not codes[2]
    assert codes[1].digest == codes[2].digest


def test_an_attribute_that_is_set_later_is_code() -> None:
    """What a cell sets on a class after its declaration belongs to the code, at once."""
    with Cells("later") as cells:
        cells.run("from xpmnb import Task\nclass Work(Task):\n    n = 1\ntask = Work.C()")
        task = cells.module.task.seal()
        digests = [code_of(task).digest]
        for cell in ("Work.n = 2", "Work.n = 3", "Work.m = 1", "def f(self): 1\nWork.m = f"):
            cells.run(cell)
            digests.append(code_of(task).digest)
        assert "Work.n = 3" in code_of(task).parts["Work"]
        assert "f" in code_of(task).parts
    assert len({*digests}) == len(digests)


RUN_AGAIN = """
import dataclasses
import enum
from xpmnb import Param, Task
class Kind(enum.Enum):
    A = 1
@dataclasses.dataclass
class Options:
    n: int = 1
def helper():
    return 1
---
HELD = [Options(2), Kind.A, helper]
class Work(Task):
    kind: Param[Kind] = Kind.A
    def execute(self):
        return HELD
task = Work.C()
"""


def test_a_cell_that_is_run_again_changes_no_code() -> None:
    """Classes and functions that are declared again as before are the same code, held or not."""
    first, second = RUN_AGAIN.split("---")
    with Cells("again") as cells:
        cells.run(first)
        cells.run(second)
        task = cells.module.task.seal()
        before = code_of(task)
        cells.run(first)
        program = program_of(task)
        assert not program.problems
        assert code_of(task).digest == before.digest
        cells.run(first.replace("return 1", "return 2"))
        assert code_of(task).digest != before.digest


def test_an_attribute_of_a_function_is_code() -> None:
    """What a cell sets on a function after its declaration belongs to the code, at once."""
    with Cells("functions") as cells:
        cells.run(
            "from xpmnb import Task\ndef helper():\n    return helper.n\n"
            "class Work(Task):\n    def execute(self):\n        return helper()\n"
            "task = Work.C()"
        )
        task = cells.module.task.seal()
        digests = [code_of(task).digest]
        for cell in ("helper.n = 1", "helper.n = 2", "helper.m = 2"):
            cells.run(cell)
            digests.append(code_of(task).digest)
        assert "helper.n = 2" in code_of(task).parts["helper"]
    assert len({*digests}) == len(digests)


HIDDEN = """
from xpmnb import Task
def declare():
    class Work(Task):
        n = %d
    return Work
task = declare().C()
"""


def test_a_hidden_class_has_code() -> None:
    """A class that a function declares has the code of that function."""
    one, other = code_in(HIDDEN % 1), code_in(HIDDEN % 2)
    assert "declare" in one.parts
    assert one.digest != other.digest


STATEFUL = """
from xpmnb import Task
COUNT = 0
SEEN = {}
KNOWN = SEEN
def more(x):
    global COUNT
    COUNT += 1
    SEEN[x] = KNOWN.setdefault(x, COUNT)
---
class Work(Task):
    def execute(self):
        more(1)
task = Work.C()
"""


def test_counters_and_caches_are_no_code() -> None:
    """What functions change while they run counts as it was made: a run changes no code."""
    with Cells("stateful") as cells:
        for cell in STATEFUL.split("\n---\n"):
            cells.run(cell)
        task = cells.module.task.seal()
        first = code_of(task)
        cells.module.more(1)
        assert cells.module.COUNT == 1
        assert code_of(task).digest == first.digest
    assert code_in(STATEFUL.replace("COUNT = 0", "COUNT = 5")).digest != first.digest
    assert code_in(STATEFUL.replace("SEEN = {}", "SEEN = {2: 2}")).digest != first.digest


def test_no_value_is_kept_alive() -> None:
    """A large value that code uses is not kept by what is remembered of the code."""

    class Large:
        pass

    with Cells("large") as cells:
        cells.run(
            "from xpmnb import Task\nclass Work(Task):\n    def execute(self):\n        data\n"
        )
        task = cells.module.Work.C().seal()
        value = Large()
        vars(cells.module)["data"] = value
        code_of(task)
        gone = weakref.ref(value)
        del value
        delattr(cells.module, "data")
        gc.collect()
        assert gone() is None


FILES = {
    "__init__.py": "from .models import Model\n",
    "models.py": """
        from __future__ import annotations
        import math
        from typing import TYPE_CHECKING
        from xpmnb import Config, Param
        from .tools import numbers, shapes as forms
        from .constants import *
        if TYPE_CHECKING:
            from .later import Later
        try:
            import tomllib as reader
        except ImportError:
            reader = None

        class Part(Config):
            n: Param[int] = 1

        class Model(Config):
            part: Param[Part]
            def size(self, later: Later | None = None):
                from .inner import deep
                import apackage.inner as whole
                return forms.area(WIDTH) + numbers.half(2) + deep() + whole.deeper(), reader

        def unused():
            pass
        """,
    "tools/__init__.py": "",
    "tools/numbers.py": "def half(x):\n    return x / 2\ndef unused_there():\n    return 1\n",
    "tools/shapes.py": "import math\nPI = math.pi\ndef area(x):\n    return PI * x\nPI = PI + 0\n",
    "constants.py": "WIDTH = 3\nHEIGHT = 4\n",
    "inner.py": """
        from . import constants
        def deep():
            return constants.HEIGHT
        def deeper():
            return 1
        """,
    "later.py": "class Later:\n    n = 1\n",
    "train.py": """
        from apackage import Model
        from xpmnb import Param, Task
        import beside

        SCALE = 2

        def helper():
            return SCALE

        class Train(Task):
            model: Param[Model]
            def execute(self):
                return helper() + self.model.size() + beside.far()
        Train.extra = 1
        """,
}
BESIDE = "def far():\n    return 1\ndef not_used():\n    return 2\n"


def write_package(folder: Path, files: dict[str, str] = FILES) -> None:
    """Write the package, and a module beside it."""
    for name, text in files.items():
        path = folder / "apackage" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
    (folder / "beside.py").write_text(BESIDE, encoding="utf-8")
    importlib.invalidate_caches()


@contextlib.contextmanager
def importable(folder: Path) -> Iterator[None]:
    """Let modules be imported from a folder, and forget them."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in [
            each for each in sys.modules if each.partition(".")[0] in ("apackage", "beside")
        ]:
            del sys.modules[name]


def package_task() -> Any:
    """Return a task of the package, which is imported."""
    train = importlib.import_module("apackage.train")
    models = importlib.import_module("apackage.models")
    return train.Train.C(model=models.Model.C(part=models.Part.C())).seal()


def package_code(folder: Path, files: dict[str, str] = FILES) -> Code:
    """Return the code of a task of the package, written into a folder."""
    write_package(folder, files)
    with importable(folder):
        return code_of(package_task())


TOLD = {
    "a registry": (
        "REG = {}\ndef reg(f):\n    REG[f.__name__] = f\n    return f\n"
        "@reg\ndef a():\n    return 1\n"
    ),
    "dispatch by type": (
        "from functools import singledispatch\n@singledispatch\ndef reg(x):\n    return 0\n"
        "@reg.register\ndef _(x: int):\n    return 1\n"
    ),
    "a table that a function fills": (
        "def fill(t, n):\n    t.append(n)\nREG = []\nfill(REG, 1)\ndef reg():\n    return REG\n"
    ),
    "an attribute": "class REG:\n    pass\ndef reg():\n    return REG.k\nsetattr(REG, 'k', 1)\n",
    "a list of what derives": (
        "class REG:\n    all = []\n    def __init_subclass__(cls):\n        REG.all.append(cls)\n"
        "class Derived(REG):\n    n = 1\ndef reg():\n    return REG.all[0].n\n"
    ),
}


@pytest.mark.parametrize("name", TOLD)
def test_what_modules_fill_by_calling_counts(name: str, tmp_path: Path) -> None:
    """What a module registers, fills or sets by a call is code of who uses the register."""
    register = "REG" if "REG = {}" in TOLD[name] else "reg"
    train = f"""
        from .told import *
        from xpmnb import Task
        class Train(Task):
            def execute(self):
                return {register}
        """
    files = {"__init__.py": "", "train.py": train}
    digests = set()
    for number, text in enumerate((TOLD[name], TOLD[name].replace("1", "2"))):
        folder = tmp_path / str(number)
        write_package(folder, {**files, "told.py": text})
        with importable(folder):
            module = importlib.import_module("apackage.train")
            digests.add(code_of(module.Train.C().seal()).digest)
    assert len(digests) == 2


def test_modules_are_followed_within_their_package(tmp_path: Path) -> None:
    """The code of a class of a module is all that it uses of its package, and of modules beside."""
    code = package_code(tmp_path)
    assert [*code.parts] == [
        "apackage.constants:HEIGHT",
        "apackage.constants:WIDTH",
        "apackage.inner:deep",
        "apackage.inner:deeper",
        "apackage.later:Later",
        "apackage.models:Model",
        "apackage.models:Part",
        "apackage.models:reader",
        "apackage.tools.numbers:half",
        "apackage.tools.shapes:PI",
        "apackage.tools.shapes:area",
        "apackage.train:SCALE",
        "apackage.train:Train",
        "apackage.train:helper",
        "beside:far",
        "imports",
    ]
    assert "Train.extra = 1" in code.parts["apackage.train:Train"]


CHANGES = {
    "train.py": [
        ("SCALE = 2", "SCALE = 3"),
        ("return helper()", "return -helper()"),
        ("extra = 1", "extra = 2"),
    ],
    "models.py": [
        ("n: Param[int] = 1", "n: Param[int] = 2"),
        ("import tomllib as", "import json as"),
        ("numbers, shapes as forms", "shapes as numbers, numbers as forms"),
    ],
    "tools/numbers.py": [("x / 2", "x // 2")],
    "tools/shapes.py": [("PI * x", "PI + x"), ("PI + 0", "PI + 1")],
    "constants.py": [("WIDTH = 3", "WIDTH = 5"), ("HEIGHT = 4", "HEIGHT = 5")],
    "inner.py": [("return 1", "return 2")],
    "later.py": [("n = 1", "n = 2")],
}


def test_each_change_in_a_package_is_noticed(tmp_path: Path) -> None:
    """A changed definition anywhere in the package changes the hash, each to another."""
    digests = [package_code(tmp_path / "base").digest]
    for number, (file, change) in enumerate((f, c) for f, cs in CHANGES.items() for c in cs):
        changed = FILES[file].replace(*change)
        assert changed != FILES[file]
        digests.append(package_code(tmp_path / str(number), {**FILES, file: changed}).digest)
    assert len({*digests}) == len(digests)


NUMBERS = '''
"""Numbers."""

def another():
    pass

def half(x):
    """Halve."""
    return (x / 2)  # exactly
'''


def test_what_does_nothing_in_a_package_is_not_noticed(tmp_path: Path) -> None:
    """Where a package lies, comments, unused definitions and their order are not code."""
    first = package_code(tmp_path / "one")
    changed = dict(FILES)
    changed["tools/numbers.py"] = NUMBERS
    changed["constants.py"] = "HEIGHT = 4\nWIDTH = 3\n"
    second = package_code(tmp_path / "elsewhere" / "two", changed)
    assert second.digest == first.digest


OF_A_PACKAGE = """
import sys
sys.path[:0] = sys.argv[1:]
from tests.test_code_hash import package_task
from xpmnb.code_hash import code_of
print(code_of(package_task()).digest)
"""


def test_another_process_finds_the_same_hash(tmp_path: Path) -> None:
    """The hash of a class of a module is that of all processes."""
    code = package_code(tmp_path)
    assert output_of(OF_A_PACKAGE, str(tmp_path)).strip() == code.digest


def test_a_file_counts_when_it_is_loaded(tmp_path: Path) -> None:
    """An edited file changes the code of a task when its module is loaded anew, and not before."""
    write_package(tmp_path)
    with importable(tmp_path):
        task = package_task()
        first = code_of(task)
        assert code_of(task) is first
        path = tmp_path / "apackage" / "tools" / "numbers.py"
        path.write_text("def half(x):\n    return x * 0.5 + 0\n", encoding="utf-8")
        assert code_of(task) is first
        importlib.reload(sys.modules["apackage.tools.numbers"])
        assert code_of(task).digest != first.digest


def test_autoreload_is_noticed(tmp_path: Path) -> None:
    """A function that is given another code in place, as autoreload does it, is another one."""
    write_package(tmp_path)
    with importable(tmp_path):
        task = package_task()
        first = code_of(task)
        numbers: Any = sys.modules["apackage.tools.numbers"]
        path = tmp_path / "apackage" / "tools" / "numbers.py"
        path.write_text("def half(x):\n    return x * 0.5 + 0\n", encoding="utf-8")
        old = numbers.half
        importlib.reload(numbers)
        old.__code__ = numbers.half.__code__
        numbers.half = old
        assert code_of(task).digest != first.digest


@pytest.mark.parametrize("source", ["def half(x: oops", "\0", ""])
def test_a_module_without_source_stops_nothing(tmp_path: Path, source: str) -> None:
    """A module whose source is gone, or no Python any more, is in the hash by its names."""
    write_package(tmp_path)
    with importable(tmp_path):
        task = package_task()
        (tmp_path / "apackage" / "tools" / "numbers.py").write_text(source, encoding="utf-8")
        code = code_of(task)
    assert code.parts["apackage.tools.numbers:half"] == "# half: not found"


def test_compiled_modules_stop_nothing(tmp_path: Path) -> None:
    """A module of which there is only compiled code is in the hash by its names."""
    write_package(tmp_path)
    folder = tmp_path / "apackage" / "tools"
    compiled = output_of(
        "import py_compile, sys; print(py_compile.compile(sys.argv[1]))", str(folder / "shapes.py")
    )
    shutil.move(compiled.strip(), folder / "shapes.pyc")
    (folder / "shapes.py").unlink()
    with importable(tmp_path):
        code = code_of(package_task())
    assert "source not available" in code.parts["apackage.tools.shapes:area"]


CELL_OF_MODULES = """
import beside
from xpmnb import Task
from apackage.tools import numbers
class Work(Task):
    def execute(self):
        import apackage.constants as constants
        return beside.far() + numbers.half(1) + constants.WIDTH
task = Work.C()
"""


def test_cells_use_modules_of_the_person(tmp_path: Path) -> None:
    """A helper in a file beside the notebook is code of the task, also before it is imported."""
    write_package(tmp_path)
    with importable(tmp_path):
        first = code_in(CELL_OF_MODULES)
        importlib.import_module("apackage.constants")
        assert code_in(CELL_OF_MODULES).digest == first.digest
    assert [*first.parts] == [
        "Work",
        "apackage.constants:WIDTH",
        "apackage.tools.numbers:half",
        "beside:far",
        "imports",
    ]
    for file, change in [("constants.py", ("3", "4")), ("tools/numbers.py", ("/", "//"))]:
        write_package(tmp_path, {**FILES, file: FILES[file].replace(*change)})
        with importable(tmp_path):
            assert code_in(CELL_OF_MODULES).digest != first.digest


def test_a_reloaded_module_is_noticed_by_cells(tmp_path: Path) -> None:
    """A task of a cell has other code once a module that it uses was loaded anew."""
    write_package(tmp_path)
    with importable(tmp_path), Cells("reloading") as cells:
        cells.run(CELL_OF_MODULES)
        task = cells.module.task.seal()
        first = code_of(task)
        assert code_of(task) is first
        (tmp_path / "beside.py").write_text("def far():\n    return 1000\n", encoding="utf-8")
        assert code_of(task) is first
        importlib.reload(sys.modules["beside"])
        assert code_of(task).digest != first.digest


SCRIPT = """
import json, sys
from xpmnb import Param, Task
from xpmnb.code_hash import code_of
def helper():
    return 1
class Train(Task):
    x: Param[int] = 1
    def execute(self):
        return helper()
if __name__ == "__main__":
    unused = %d
    code = code_of(Train.C().seal())
    print(json.dumps([code.digest, list(code.parts)]))
"""


def test_a_script_is_followed(tmp_path: Path) -> None:
    """The code of a class in a script is what it uses there, not what the script does when run."""
    found = []
    for number, text in enumerate(
        [SCRIPT % 1, SCRIPT % 2, SCRIPT.replace("return 1", "return 2") % 1]
    ):
        script = tmp_path / str(number) / "my_script.py"
        script.parent.mkdir()
        script.write_text(text, encoding="utf-8")
        environ = {**os.environ, "PYTHONPATH": str(Path(xpmnb.__file__).parent.parent)}
        done = subprocess.run(
            [sys.executable, str(script)],
            env=environ,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        found.append(json.loads(done.stdout))
    assert found[0][1] == ["imports", "my_script:Train", "my_script:helper"]
    assert found[0] == found[1]
    assert found[2][0] != found[0][0]


def test_a_class_in_a_function_of_a_module_has_code() -> None:
    """A class that only a function makes has the code of that function."""

    class Hidden(Task):
        pass

    code = code_of(Hidden.C().seal())
    assert [*code.parts] == [
        "imports",
        f"{__name__}:test_a_class_in_a_function_of_a_module_has_code",
    ]
