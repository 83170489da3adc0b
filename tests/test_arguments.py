"""Arguments of outputs come back as they were, and what would not is refused."""

import enum
import json
import math
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpmnb import Config
from xpmnb.arguments import arguments_from_json, arguments_to_json
from xpmnb.errors import DocumentError


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Style(enum.Flag):
    BOLD = 1
    WIDE = 2


class Level(enum.IntEnum):
    LOW = 1


class Thing(Config):
    pass


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.sampled_from([*Color, *Level, Style.BOLD])
    | st.sampled_from([Path("a/b"), Path("/a"), Path()])
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(scalars, inner, max_size=3)
        | st.sets(scalars, max_size=3)
        | st.frozensets(scalars, max_size=3)
    ),
    max_leaves=8,
)


def back(value: Any) -> Any:
    """Return what becomes of a value on its way through the file."""
    text = json.dumps(arguments_to_json([value], {"x": value}))
    args, kwargs = arguments_from_json(*json.loads(text))
    assert list(kwargs) == ["x"]
    assert same(args[0], kwargs["x"])
    return args[0]


def same(one: Any, other: Any) -> bool:
    """Tell whether values are equal and of one type, all through; paths may be of any kind."""
    if isinstance(one, Path):
        return bool(one == other)
    if isinstance(one, float):  # NaN is not equal to itself
        return repr(one) == repr(other)
    if type(one) is not type(other):
        return False
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return one == other and all(same(one[key], other[key]) for key in one)
    return bool(one == other)


@given(values)
def test_plain_values_come_back(value: Any) -> None:
    """Whatever is accepted is the same again in the callback, its types included."""
    assert same(back(value), value)


def test_floats_that_json_lacks_come_back() -> None:
    """NaN, infinities and the negative zero are kept."""
    found = back([math.nan, math.inf, -math.inf, -0.0])
    assert math.isnan(found[0])
    assert found[1:3] == [math.inf, -math.inf]
    assert math.copysign(1, found[3]) == -1


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.array(2), 2),
        (np.str_("a"), "a"),
        ([{"a": (np.int8(1),)}], [{"a": (1,)}]),
        ({np.int64(1): np.float64(2)}, {1: 2.0}),
    ],
)
def test_scalars_of_numpy_become_numbers(value: object, plain: object) -> None:
    """A step counted by numpy is a step."""
    assert same(back(value), plain)


def circle() -> list[Any]:
    """Return a list that contains itself."""
    value: list[Any] = []
    value.append(value)
    return value


def deep() -> Any:
    """Return lists in one another, more than any argument needs."""
    value: Any = 1
    for _ in range(200):
        value = [value]
    return value


class Local:
    """Has an Enum that is not found by its name."""

    @staticmethod
    def member() -> enum.Enum:
        class Inner(enum.Enum):
            A = 1

        return Inner.A


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (object(), "of type object has no JSON form; allowed are numbers"),
        (b"x", "bytes"),
        (1j, "complex"),
        (np.arange(2), "ndarray"),
        (np.datetime64("2020-01-01"), "date"),
        (Thing.C(), "Thing"),
        ([1, {"a": Thing.C()}], "Thing"),
        (lambda: None, "function"),
        pytest.param(10**5000, "digits", id="a huge int"),
        (Style.BOLD | Style.WIDE, "has no name"),
        (Local.member(), "inside a function"),
        (circle(), "contains itself"),
        (deep(), "too deeply"),
    ],
)
def test_what_is_not_plain_is_refused_by_name(value: object, words: str) -> None:
    """The error names the argument, by place or by name, and what is wrong with it."""
    with pytest.raises(TypeError, match=rf"the argument 1 .*{words}"):
        arguments_to_json([0, value], {})
    with pytest.raises(TypeError, match=rf"the argument best .*{words}"):
        arguments_to_json([], {"best": value})


@pytest.mark.parametrize(
    "encoded",
    [
        {"$newer": 1},
        {"a": 1, "b": 2},
        {"$ref": 0},
        {"$path": 1},
        {"$enum": [{"module": "no.such.module", "qualname": "A", "file": None}, "A"]},
        {"$enum": [{"module": __name__, "qualname": "Color"}, "GREEN"]},
        {"$enum": [{"module": "__main__", "qualname": "a.b"}, "A"]},
        {"$tuple": 1},
    ],
)
def test_damage_is_one_error(encoded: object) -> None:
    """A value that cannot be read is a DocumentError, whatever is wrong with it."""
    with pytest.raises(DocumentError):
        arguments_from_json([encoded], {})


def test_an_enum_of_a_cell_is_the_kernels_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What a job's own program declared is found in the session; the program is not imported."""
    session = ModuleType("__main__")
    session.Color = Color  # type: ignore[attr-defined]  # as a cell does
    monkeypatch.setitem(sys.modules, "__main__", session)
    program = tmp_path / "learn.py"
    program.write_text("raise SystemExit")
    place = {"module": "__main__", "qualname": "Color", "file": str(program)}
    encoded = {"$tuple": [{"$enum": [place, "BLUE"]}]}
    assert arguments_from_json([encoded], {}) == ([(Color.BLUE,)], {})
