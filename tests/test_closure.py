"""Classes of cells run in other processes: their source, and all it needs."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.exporting import export_cases, run_program

START = "from xpmnb import Config, Param, Task, field"
TASK = "class Work(Task):\n    def execute(self):\n        return {}\ntask = Work.C()"

# Each case is run in cells of a real shell; the last line of each returns what is compared.
CASES: dict[str, list[str]] = {
    "one_class": [START, TASK.format("[self.__class__.__name__, 1]")],
    "two_in_a_cell": [
        START,
        "class Model(Config):\n    n: Param[int] = 2\n    def size(self):\n        return self.n\n"
        "class Work(Task):\n    model: Param[Model]\n    def execute(self):\n"
        "        return self.model.size()\ntask = Work.C(model=Model.C(n=5))",
    ],
    "helper_in_other_cell": [START, "def double(x):\n    return 2 * x", TASK.format("double(4)")],
    "helper_redeclared": [
        START,
        "def value():\n    return 'old'",
        TASK.format("value()"),
        "def value():\n    return 'new'",
    ],
    "helper_redeclared_as_before": [
        START,
        "def value():\n    return 'first'",
        "def value():\n    return 'second'",
        "def value():\n    return 'first'",
        TASK.format("value()"),
    ],
    "plain_class_redeclared_as_before": [
        START,
        "class Options:\n    a = 1",
        "class Options:\n    a = 2",
        "class Options:\n    a = 1",
        TASK.format("Options.a"),
    ],
    "class_redeclared": [START, TASK.format("'old'"), TASK.format("'new'")],
    "base_in_other_cell": [
        START,
        "class Base(Task):\n    n: Param[int] = 3\n    def more(self):\n        return self.n + 1",
        "class Work(Base):\n    def execute(self):\n        return [self.more(), self.n]\n"
        "task = Work.C(n=8)",
    ],
    "nested_configuration": [
        START,
        "class Outer(Config):\n    class Inner(Config):\n        n: Param[int] = 1\n"
        "    inner: Param[Inner]",
        "class Work(Task):\n    outer: Param[Outer]\n    def execute(self):\n"
        "        return self.outer.inner.n\n"
        "task = Work.C(outer=Outer.C(inner=Outer.Inner.C(n=7)))",
    ],
    "shared_configuration": [
        START,
        "class Leaf(Config):\n    pass\nclass Pair(Config):\n    a: Param[Leaf]\n    b: Param[Leaf]\n"
        "class Work(Task):\n    pair: Param[Pair]\n    leaf: Param[Leaf]\n    def execute(self):\n"
        "        return [self.pair.a is self.leaf, self.pair.b is self.leaf]\n"
        "leaf = Leaf.C()\ntask = Work.C(leaf=leaf, pair=Pair.C(a=leaf, b=Leaf.C()))",
    ],
    "enum_in_values": [
        START + "\nimport enum",
        "class Color(enum.Enum):\n    RED = 1\n    BLUE = 2",
        "class Work(Task):\n    colors: Param[list[Color]]\n    def execute(self):\n"
        "        return [each.name for each in self.colors if each is not Color.RED]\n"
        "task = Work.C(colors=[Color.BLUE, Color.RED])",
    ],
    "enum_made_by_a_call": [
        START + "\nfrom enum import Enum",
        "Color = Enum('Color', 'RED BLUE')",
        TASK.format("[each.name for each in Color]"),
    ],
    "dataclass": [
        START + "\nfrom dataclasses import dataclass, field as part",
        "@dataclass(slots=True)\nclass Point:\n    x: int\n    y: list = part(default_factory=list)",
        "ORIGIN = Point(0, [1])",
        TASK.format("[Point(1).x, ORIGIN.y, repr(ORIGIN)]"),
    ],
    "named_tuple": [
        START + "\nfrom typing import NamedTuple\nfrom collections import namedtuple",
        "class Point(NamedTuple):\n    x: int\n    y: int = 3\nPair = namedtuple('Pair', 'a b')",
        "AT = Point(4)\nPAIR = Pair(1, AT)",
        TASK.format("[AT, PAIR.b.x, Point(1)]"),
    ],
    "decorator": [
        START + "\nimport functools",
        "def twice(function):\n    @functools.wraps(function)\n    def inner(*args):\n"
        "        return 2 * function(*args)\n    return inner",
        "@twice\n@functools.lru_cache(maxsize=None)\ndef value(x):\n    return x",
        TASK.format("[value(3), value.__name__]"),
    ],
    "decorator_that_hides": [
        START + "\nADD = 5",
        "def adding(function):\n    def inner(*args):\n        return ADD + function(*args)\n"
        "    return inner",
        "@adding\ndef value(x):\n    return x",
        TASK.format("value(3)"),
    ],
    "decorator_with_arguments": [
        START,
        "LABEL = 'a'\ndef label(text):\n    def decorate(cls):\n        cls.label = text\n"
        "        return cls\n    return decorate",
        "@label(LABEL)\nclass Work(Task):\n    def execute(self):\n        return self.label\n"
        "task = Work.C()",
    ],
    "decorated_methods": [
        START + "\nimport functools",
        "def loud(method):\n    @functools.wraps(method)\n    def inner(self):\n"
        "        return method(self).upper()\n    return inner",
        "class Work(Task):\n    @property\n    def a(self):\n        return 'a'\n    @staticmethod\n"
        "    def b():\n        return 'b'\n    @loud\n    def c(self):\n        return 'c'\n"
        "    @classmethod\n    def d(cls):\n        return cls.__name__\n    def execute(self):\n"
        "        return [self.a, self.b(), self.c(), self.d()]\ntask = Work.C()",
    ],
    "lambda": [
        START + "\nOFFSET = 3",
        "square = lambda x: x * x + OFFSET; other = 1",
        TASK.format("square(4)"),
    ],
    "lambda_in_an_if": [
        START,
        "if True:\n    square = lambda x: (\n        x * x\n    )",
        TASK.format("square(4)"),
    ],
    "comprehensions": [
        START + "\nNS = [1, 2]\nK = 2",
        "class Work(Task):\n    table = {n: [m * n for m in NS] for n in NS if n}\n"
        "    def execute(self):\n"
        "        return [n * K for n in NS] + [len({n for n in self.table}), sum(x for x in NS)]\n"
        "task = Work.C()",
    ],
    "imports": [
        "import numpy as np\nimport xml.dom.minidom\nimport os.path\nimport json as j\n"
        "from math import sqrt as root\nfrom collections import abc\nfrom os import *\n" + START,
        TASK.format(
            "[root(4), float(np.linalg.norm([3, 4])), os.path.basename('a/b'), sep,\n"
            "            xml.dom.minidom.parseString('<a/>').toxml(), j.dumps({}),\n"
            "            isinstance([], abc.Sequence), np.float64(2).item()]"
        ),
    ],
    "conditional_import": [
        "try:\n    import there_is_no_such_module as missing\nexcept ImportError:\n    missing = None\n"
        "try:\n    import json\nexcept ImportError:\n    json = None\n" + START,
        TASK.format("[missing, json.dumps(1)]"),
    ],
    "import_inside": [
        START,
        TASK.format("len(__import__('json').dumps(1))").replace(
            "        return",
            "        import math\n        from os import path as p\n        return",
        ),
    ],
    "constants": [
        START + "\nimport datetime, enum, re\nfrom datetime import timedelta\n"
        "from decimal import Decimal\nfrom fractions import Fraction\nfrom pathlib import Path\n"
        "from collections import Counter, OrderedDict, deque\nfrom types import SimpleNamespace\n"
        "import functools, logging, uuid",
        "class Mode(enum.Flag):\n    A = 1\n    B = 2\n"
        "def double(x):\n    return 2 * x\n"
        "ALL = {'none': None, 'int': 2**70, 'float': [0.1, float('nan'), float('-inf'), -0.0],\n"
        "  'bytes': b'\\x00a', 'complex': complex(1, -0.0), 'tuple': ((), (1,), (1, 2)),\n"
        "  'sets': (set(), {3, 1, 2}, frozenset(), frozenset({'a'})), 'path': Path('/a b'),\n"
        "  'flag': Mode.A | Mode.B, 'mode': Mode.A, 'range': range(1, 9, 2), 'fraction': Fraction(1, 3),\n"
        "  'decimal': Decimal('1.10'), 'when': datetime.datetime(2020, 1, 2, tzinfo=datetime.timezone.utc),\n"
        "  'delta': timedelta(seconds=3), 'day': datetime.date(2020, 1, 2), 'text': 'a\\n\"\\'é{x}',\n"
        "  'counter': Counter('aab'), 'ordered': OrderedDict(a=1), 'deque': deque([1], maxlen=2),\n"
        "  'pattern': re.compile('a+', re.I), 'space': SimpleNamespace(a=1), 'max': max, 'type': int,\n"
        "  'double': double, 'partial': functools.partial(double, 4), 'uuid': uuid.UUID(int=3),\n"
        "  'dots': ..., 'lists': [[1, [2]], []], 'long': list(range(50))}\n"
        "logger = logging.getLogger('mine')\nSENTINEL = object()\nDEBUG = False",
        TASK.format(
            "[repr(ALL), ALL['partial'](), logger.name, DEBUG, type(SENTINEL).__name__,\n"
            "            ALL['double'](3)]"
        ).replace(
            "repr(ALL)", "repr({k: v for k, v in ALL.items() if k not in ('double', 'partial')})"
        ),
    ],
    "names_taken": [
        START + "\nfrom datetime import datetime\nimport pathlib",
        "WHEN = datetime(2020, 1, 2)\nPath = 'not a class'\nWHERE = pathlib.Path('a')",
        TASK.format("[WHEN.isoformat(), Path, str(WHERE)]"),
    ],
    "one_list_two_names": [
        START,
        "A = []\nB = A\ndef add():\n    A.append(1)",
        TASK.format("[add(), B]"),
    ],
    "constant_changed_in_place": [
        START,
        "CONFIG = {'a': 1}",
        "CONFIG['a'] = 2",
        TASK.format("CONFIG"),
    ],
    "configuration_as_constant": [
        START,
        "class Model(Config):\n    n: Param[int] = 1\n    path: Param[list[int]] = [1]",
        "DEFAULT = Model.C(n=5)",
        "class Work(Task):\n    model: Param[Model] = DEFAULT\n    def execute(self):\n"
        "        return [self.model.n, self.model.path]\ntask = Work.C()",
    ],
    "mutual_recursion": [
        START,
        "def even(n):\n    return n == 0 or odd(n - 1)",
        "def odd(n):\n    return n != 0 and even(n - 1)",
        TASK.format("[even(4), odd(4)]"),
    ],
    "recursion_while_declared": [
        START,
        "def even(n):\n    return n == 0 or odd(n - 1)",
        "def odd(n):\n    return n != ZERO and even(n - 1)",
        "ZERO = 0\nclass Work(Task):\n    known = even(4)\n    def execute(self):\n"
        "        return self.known\ntask = Work.C()",
    ],
    "classes_that_name_each_other": [
        START,
        "class A:\n    def other(self):\n        return B()\nclass B(A):\n    def name(self):\n"
        "        return [A.__name__, type(self.other()).__name__]",
        TASK.format("B().name()"),
    ],
    "super": [
        START,
        "class Base(Task):\n    def __post_init__(self):\n        self.seen = ['base']\n"
        "    def execute(self):\n        return self.seen",
        "class Work(Base):\n    def __post_init__(self):\n        super().__post_init__()\n"
        "        self.seen.append('work')\n    def execute(self):\n"
        "        return [*super().execute(), __class__.__name__]\ntask = Work.C()",
    ],
    "class_without_methods": [
        START,
        "class Empty: pass\nclass Options:\n    '''Options.'''\n    size: int = 3",
        TASK.format("[Options.size, Options.__doc__, Empty.__name__]"),
    ],
    "class_level_constants": [
        START + "\nSIZE = 3",
        "class Work(Task):\n    size = SIZE\n    double = size * 2\n    SIZE = SIZE + 1\n"
        "    def execute(self):\n        return [self.size, self.double, self.SIZE, SIZE]\n"
        "task = Work.C()",
    ],
    "annotations_of_other_cells": [
        START + "\nfrom typing import Optional",
        "class Model(Config):\n    n: Param[int] = 1",
        "class Work(Task):\n    a: Param['Model']\n    b: Param[Optional[Model]] = None\n"
        "    c: Param[list['Later']] = []\n    def help(self, m: 'Model') -> Model:\n"
        "        x: Unknown = m\n        return x\n"
        "    def execute(self):\n        return self.help(self.a).n + len(self.c)\n",
        "class Later(Config):\n    pass\ntask = Work.C(a=Model.C(n=4), c=[Later.C()])",
    ],
    "future_annotations": [
        "from __future__ import annotations\n" + START,
        "class Work(Task):\n    model: Param[Model | None] = None\n    def execute(self) -> Nowhere:\n"
        "        return type(self).execute.__annotations__",
        "class Model(Config):\n    n: Param[int] = 1\ntask = Work.C(model=Model.C())",
    ],
    "future_annotations_in_some_cells": [
        START + "\nN = 3\ndef plain(x: N, y: 'N' = 1) -> [N]:\n    def inner(z: N): pass\n"
        "    return [plain.__annotations__, inner.__annotations__]",
        "class Options:\n    a: N = 1\n    b: 'str' = 'b'",
        "from __future__ import annotations",
        "def lazy(x: Nowhere, y: dict[str,\n        Nowhere] = 1, *z: 'N') -> [N]: # é\n"
        "    def inner(é: N, *, z: Nowhere = 'a'): pass\n"
        "    return [lazy.__annotations__, inner.__annotations__]",
        "class Lazy:\n    a: N = 1",
        TASK.format("[plain(1), lazy(1), str(Options.__annotations__), str(Lazy.__annotations__)]"),
    ],
    "magics": [
        "%time 1 + 1\n!ls > /dev/null\n" + START + "\nfiles = !echo hello",
        "x = 5\n%time y = 6",
        "%%time\ndef helper():\n    return [x, y]\nclass Options:\n    a = 1\n"
        + TASK.format("[helper(), Options.a]"),
    ],
    "time_redeclared": [
        START,
        "%%time\n" + TASK.format("'old'"),
        "%%time\n" + TASK.format("'new'"),
    ],
    "captured": [START, "%%capture out\ndef f():\n    return 1\n" + TASK.format("f()")],
    "await": [
        START + "\nimport asyncio\nawait asyncio.sleep(0)\ndef helper():\n    return 1",
        "await asyncio.sleep(0)\nasync def later(x):\n    await asyncio.sleep(0)\n    return x",
        TASK.format("[helper(), asyncio.run(later(3))]").replace("task = Work.C()", "")
        + "await asyncio.sleep(0)\ntask = Work.C()",
    ],
    "under_an_if": [
        START,
        "if 1 > 2:\n    def text():\n        return 'no'\nelse:\n    def text():\n        return '''a\n  b'''",
        "try:\n    class Options:\n        x = 1\n\n        def get(self):\n            return self.x\nfinally:\n    pass",
        TASK.format("[text(), Options().get()]"),
    ],
    "aliases": [
        START,
        "def value():\n    return 1",
        "old_value = value",
        "def value():\n    return old_value() + 1",
        "class Model(Config):\n    n: Param[int] = 1\n    @staticmethod\n    def three():\n        return 3",
        "M = Model\nthree = Model.three",
        TASK.format("[value(), old_value(), M.__name__, three()]"),
    ],
    "alias_of_what_is_gone": [
        START,
        "def value():\n    return 1\nother = value\ndel value",
        TASK.format("[other(), 'value' in globals()]"),
    ],
    "types": [
        START + "\nfrom typing import Any, Callable, Generic, Literal, TypeVar",
        "T = TypeVar('T')\nVector = list[float]\nWord = Literal['a', 'Work']\nEither = int | str",
        "class Box(Generic[T]):\n    def __init__(self, x: T) -> None:\n        self.x = x\n"
        "def first(f: Callable[[int], T], v: Vector) -> T:\n    return f(int(v[0]))",
        "class Work(Task):\n    word: Param[Word] = 'a'\n    either: Param[Either] = 1\n"
        "    def execute(self):\n        return [first(Box, [3.0]).x, self.word]\ntask = Work.C()",
    ],
    "globals": [
        START + "\ncount = 0\ndef more():\n    global count\n    count += 1\n    return count",
        TASK.format("[more() >= 1]"),
    ],
    "local_names": [
        START + "\ndata = open('/dev/null'); data.close()\nxs = data",
        "def helper(data):\n    xs = [data for data in [data]]\n    try:\n        raise ValueError(1)\n"
        "    except ValueError as error:\n        y = error.args\n    match y:\n"
        "        case [first, *others]:\n            pass\n"
        "    return [xs, first, (lambda data: data)(others), self_of(1).data]\n"
        "class self_of:\n    data = 3\n    def __init__(self, x):\n        self.data = x",
        TASK.format("helper(7)"),
    ],
    "shell_names": [
        START,
        "def read(path):\n    with open(path) as file:\n        return file.read()",
        TASK.format("[read('/dev/null'), get_ipython() is None or True]"),
    ],
    "formatted": [START + "\nA = 1\nB = 2", TASK.format("f'{A:>{B}} {A!r}'")],
    "named_by_hand": [
        START,
        "class Work(Task):\n    __xpmid__ = 'mine.work'\n    def execute(self):\n        return 1\n"
        "task = Work.C()",
    ],
}


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what each case gives, made by one process."""
    return export_cases(CASES, tmp_path_factory.mktemp("exported"))


@pytest.mark.parametrize("name", CASES)
def test_cells_give_a_program_that_runs(name: str, exported: dict[str, Any]) -> None:
    """The program of a job runs from a shell, and gives the result that the notebook gives."""
    given = exported[name]
    assert given["problems"] == [], given["text"]
    program = Path(given["program"])
    done = run_program(program)
    assert (done.returncode, done.stderr) == (0, ""), f"{done.stdout}\n{given['text']}"
    result = program.parent / "__xpm__" / "result.json"
    text = result.read_text(encoding="utf-8") if result.exists() else "null"
    assert json.loads(text) == given["result"], given["text"]
