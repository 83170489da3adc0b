"""Values of constants as source."""

import ast
import math
import threading
from collections import deque
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpmnb.export.literals import UnwritableError, written

ATOMS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.complex_numbers()
    | st.decimals(allow_nan=False)
    | st.fractions()
    | st.dates()
    | st.datetimes()
    | st.timedeltas()
    | st.uuids()
)
KEYS = st.none() | st.booleans() | st.integers() | st.text() | st.binary()
VALUES = st.recursive(
    ATOMS,
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(KEYS, inner)
        | st.tuples(inner, inner)
        | st.sets(KEYS)
        | st.frozensets(KEYS)
    ),
    max_leaves=20,
)


def refer(names: dict[str, Any]) -> Any:
    """Return what tells the name of a class, and remembers it for the evaluation."""

    def of(value: Any) -> str:
        name = f"_{value.__name__}"
        names[name] = value
        return name

    return of


@given(VALUES)
def test_source_gives_an_equal_value(value: Any) -> None:
    """What is evaluated again is of the same types and has the same content."""
    names: dict[str, Any] = {}
    text = written(value, refer(names))
    again = eval(text, names)  # noqa: S307 (it is what is tested)
    assert written(again, refer({})) == text
    assert type(again) is type(value)
    if not any(
        isinstance(each, ast.Name) and each.id == "float" for each in ast.walk(ast.parse(text))
    ):
        assert again == value


def test_odd_floats_are_kept() -> None:
    """NaN, infinities and the sign of zero come back."""
    text = written([math.nan, math.inf, -math.inf, -0.0, complex(-0.0, math.nan)], refer({}))
    again = eval(text)  # noqa: S307
    assert repr(again) == "[nan, inf, -inf, -0.0, (-0+nanj)]"


def test_long_values_are_wrapped() -> None:
    """Many items take lines of bounded length; entries of dictionaries have lines of their own."""
    text = written({"a": list(range(100)), "b": {"c" * 90: 1}, "d": "x"}, refer({}))
    assert max(map(len, text.split("\n"))) < 110
    assert text.count("\n") < 20
    assert ast.literal_eval(text)["a"] == list(range(100))


DTYPES = ["?", "b", "B", "h", "H", "i", "I", "q", "Q", "e", "f", "d", "F", "D", ">i2", ">f8"]


@given(st.sampled_from(DTYPES), st.binary(max_size=64), st.sampled_from(["C", "F"]), st.data())
def test_small_arrays_are_kept(dtype: str, content: bytes, order: Any, data: Any) -> None:
    """Arrays of numbers come back with type, shape, and every element."""
    numpy = pytest.importorskip("numpy")
    if dtype == "?":
        content = bytes(each % 2 for each in content)
    size = numpy.dtype(dtype).itemsize
    flat = numpy.frombuffer(content[: len(content) // size * size], dtype)
    sides = [each for each in range(1, flat.size + 1) if flat.size % each == 0] or [0]
    side = data.draw(st.sampled_from(sides))
    shape = (side, flat.size // side if side else data.draw(st.integers(0, 3)))
    value = numpy.asarray(flat.reshape(shape), order=order)
    text = written(value, lambda _: "np")
    again = eval(text, {"np": numpy})  # noqa: S307
    assert (again.dtype, again.shape) == (value.dtype, value.shape)
    assert again.flags.fnc == value.flags.fnc
    assert numpy.array_equal(again, value, equal_nan=True)
    assert written(again, lambda _: "np") == text


class Plain:
    """Is nothing that can be written."""


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (Plain(), ""),
        ([{"a": Plain()}], "it holds a value of type"),
        (threading.Lock(), ""),
        (iter([]), ""),
        (lambda: 1, ""),
        ("x" * 2_000_000, "larger than a megabyte"),
        (list(range(200_000)), "100,000 items"),
    ],
    ids=["instance", "inside", "lock", "iterator", "lambda", "text", "items"],
)
def test_other_values_are_refused(value: Any, why: str) -> None:
    """What has no source is refused, and what is inside is named."""

    def none(_: Any) -> str:
        raise UnwritableError

    with pytest.raises(UnwritableError) as raised:
        written(value, none)
    assert why in raised.value.why


def test_a_repr_that_lies_is_not_believed() -> None:
    """A value whose repr makes another value cannot be written."""

    class Point:
        def __repr__(self) -> str:
            return "Path('a')"

    with pytest.raises(UnwritableError):
        written(Point(), refer({}))
    assert written(Path("a"), refer({})) == "_Path('a')"


def test_values_nested_too_deeply_are_refused() -> None:
    """Neither loops nor towers of lists hang or crash."""
    loop: list[Any] = []
    loop.append(loop)
    tower: list[Any] = []
    for _ in range(100_000):
        tower = [tower]
    for value, why in ((loop, "contains itself"), (tower, "nested too deeply")):
        with pytest.raises(UnwritableError) as raised:
            written(value, refer({}))
        assert why in raised.value.why
    while tower:  # taken apart from outside: freeing it at once is deep as well
        tower = tower.pop()


def test_the_order_of_a_set_in_another_container_is_not_written() -> None:
    """Equal sets give the same source also where the repr of a container shows them."""
    one, other = {0, 8}, {8, 0}
    assert list(one) != list(other)
    texts = {written(deque([each]), lambda kind: kind.__name__) for each in (one, other)}
    assert len(texts) == 1
