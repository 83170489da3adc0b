"""Values are checked against the declared type, and converted where they mean the same."""

import enum
import math
import re
import typing
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, Optional, Union

import numpy as np
import pytest

from tests.support.declaring import declare, loose
from xpmnb import Choices, Config, Param
from xpmnb.core.checkers import same_value
from xpmnb.errors import DeclarationError, ParameterError


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Shade(enum.StrEnum):
    DARK = "dark"


class Model(Config):
    layers: Param[int] = 2


class BigModel(Model):
    pass


class Other(Config):
    pass


MODEL = Model.C(layers=3)
BIG = BigModel.C()

ACCEPTED: list[tuple[Any, Any, Any]] = [
    (str, "a", "a"),
    (str, "\ud800", "\ud800"),
    (str, np.str_("a"), "a"),
    (int, 3, 3),
    (int, -(10**50), -(10**50)),
    (int, np.int64(3), 3),
    (int, np.uint8(3), 3),
    (float, 0.5, 0.5),
    (float, 1, 1.0),
    (float, np.float32(0.5), 0.5),
    (float, np.float64(0.5), 0.5),
    (float, np.int64(1), 1.0),
    (float, math.inf, math.inf),
    (float, math.nan, math.nan),
    (bool, True, True),
    (bool, np.bool_(True), True),
    (Path, "a/b", Path("a/b")),
    (Path, PurePosixPath("a"), Path("a")),
    (Color, Color.RED, Color.RED),
    (Literal["a", 1], 1, 1),
    (Literal[Color.RED], Color.RED, Color.RED),
    (Literal["a"] | None, None, None),
    (None, None, None),
    (Any, {"a": [1]}, {"a": [1]}),
    (object, 3, 3),
    (list, [1, "a"], [1, "a"]),
    (list[int], [], []),
    (list[float], [1, 2.5], [1.0, 2.5]),
    (typing.List[int], [1], [1]),  # noqa: UP006 (both spellings)
    (tuple[int, str], (1, "a"), (1, "a")),
    (tuple[float, ...], (1, 2), (1.0, 2.0)),
    (tuple[int, ...], (), ()),
    (tuple[()], (), ()),
    (tuple, (1, "a"), (1, "a")),
    (typing.Tuple, (1, "a"), (1, "a")),  # noqa: UP006 (both spellings)
    (set[int], {1, 2}, {1, 2}),
    (set[int], frozenset({1}), {1}),
    (frozenset[str], {"a"}, frozenset({"a"})),
    (dict[str, float], {"a": 1}, {"a": 1.0}),
    (dict[int, list[bool]], {1: [True]}, {1: [True]}),
    (dict, {1: 2}, {1: 2}),
    (int | None, None, None),
    (Optional[int], 3, 3),  # noqa: UP045 (both spellings)
    (Union[int, str], "a", "a"),  # noqa: UP007 (both spellings)
    (float | int, 1, 1),
    (int | float, 1.0, 1.0),
    (float | int, np.int64(1), 1),
    (int | float, np.float32(0.5), 0.5),
    (bool | int, 1, 1),
    (int | bool, True, True),
    (str | Path, "a", "a"),
    (Path | str, "a", "a"),
    (Path | None, "a", Path("a")),
    (list[int] | dict[str, int], {"a": 1}, {"a": 1}),
    (list[int | None], [1, None], [1, None]),
    (Model, MODEL, MODEL),
    (Model, BIG, BIG),
    (Model | None, None, None),
    (Model | Other, MODEL, MODEL),
    (list[Model], [MODEL, BIG], [MODEL, BIG]),
    (dict[str, tuple[Model, float]], {"a": (MODEL, 1)}, {"a": (MODEL, 1.0)}),
    (list[dict[str, set[int] | None]], [{"a": {1}, "b": None}], [{"a": {1}, "b": None}]),
    (Annotated[int, "a note"], 3, 3),
    (Annotated[str, Choices("a", "b")], "a", "a"),
    (Annotated[float, Choices(1, 2)], 1, 1.0),
    (Annotated[float, Choices(math.nan)], math.nan, math.nan),
    (list[Annotated[str, Choices(["a", "b"])]], ["a"], ["a"]),
]

REFUSED: list[tuple[Any, Any, str]] = [
    (str, 1, "expected str, got int"),
    (str, b"a", "expected str, got bytes"),
    (str, None, "expected str, got NoneType"),
    (str, Path("a"), "expected str, got "),
    (str, Shade.DARK, "expected str, got Shade"),
    (int, True, "expected int, got bool"),
    (int, 1.0, "expected int, got float"),
    (int, "1", "expected int, got str"),
    (int, np.float64(1), "expected int, got float64"),
    (int, np.bool_(True), "expected int, got bool"),
    (float, True, "expected float, got bool"),
    (float, "0.1", "expected float, got str"),
    (float, 1j, "expected float, got complex"),
    (float, 10**400, "expected float, got int"),
    (bool, 1, "expected bool, got int"),
    (bool, "True", "expected bool, got str"),
    (Path, 1, "expected Path, got int"),
    (Color, "red", "expected Color, got str"),
    (Color, Shade.DARK, "expected Color, got Shade"),
    (Literal["a", 1], "b", "expected Literal['a', 1], got str"),
    (Literal["a", 1], True, "expected Literal['a', 1], got bool"),
    (Literal["a", 1], 1.0, "expected Literal['a', 1], got float"),
    (list[int], (1,), "expected list[int], got tuple"),
    (list[int], [1, "b"], "expected list[int], but it holds 'b' (str) where int is expected"),
    (list[int], [True], "expected list[int], but it holds True (bool) where int is expected"),
    (tuple[int, str], (1,), "expected tuple[int, str], got tuple"),
    (tuple[int, ...], (1, "a"), "but it holds 'a' (str) where int is expected"),
    (tuple[()], (1,), "expected tuple[()], got tuple"),
    (set[int], [1], "expected set[int], got list"),
    (set[int], {"a"}, "but it holds 'a' (str) where int is expected"),
    (dict[str, int], {1: 1}, "but it holds 1 (int) where str is expected"),
    (dict[str, int], {"a": "b"}, "but it holds 'b' (str) where int is expected"),
    (dict[str, int], [("a", 1)], "expected dict[str, int], got list"),
    (int | None, "a", "expected int | None, got str"),
    (None | int | str, 1.5, "expected int | str | None, got float"),
    (list[int] | None, ["a"], "expected list[int] | None, got list"),
    (Model, Other.C(), "expected Model, got Other"),
    (BigModel, MODEL, "expected BigModel, got Model"),
    (Model, Model, "expected Model, got ConfigMeta"),
    (Model, {"layers": 2}, "expected Model, got dict"),
    (Annotated[str, Choices("a", "b")], "c", "expected one of 'a', 'b', got str"),
    (Annotated[int, Choices(1, 2)], True, "expected one of 1, 2 (int), got bool"),
]


@pytest.mark.parametrize(("hint", "given", "expected"), ACCEPTED, ids=repr)
def test_fitting_values_are_accepted(hint: Any, given: Any, expected: Any) -> None:
    """A value of the declared type is kept, as exactly that type, in whatever nesting."""
    value = declare(hint).C(x=given).x
    assert type(value) is type(expected)
    assert value == expected or (math.isnan(value) and math.isnan(expected))
    if isinstance(expected, (list, tuple)):
        assert [type(item) for item in value] == [type(item) for item in expected]


@pytest.mark.parametrize(("hint", "given", "message"), REFUSED, ids=repr)
def test_other_values_are_refused(hint: Any, given: Any, message: str) -> None:
    """A value of another type is refused, and the error says what was expected and what came."""
    with pytest.raises(ParameterError, match=re.escape(message)) as caught:
        declare(hint).C(x=given)
    assert str(caught.value).startswith("Holder.x = ")


def test_an_error_names_class_parameter_value_and_type() -> None:
    """The message of a wrong value is all that is needed to put it right."""
    with pytest.raises(ParameterError) as caught:
        loose(Model).C(layers="three")
    assert str(caught.value) == "Model.layers = 'three': expected int, got str"


def test_a_wrong_value_is_a_type_error_and_a_value_error() -> None:
    """Code that catches the errors of Python's own checks catches those of parameters."""
    with pytest.raises(TypeError):
        loose(Model).C(layers="three")
    with pytest.raises(ValueError, match="three"):
        loose(Model).C(layers="three")


def test_a_long_value_is_cut_in_the_error() -> None:
    """An error about a large value stays readable."""
    with pytest.raises(ParameterError) as caught:
        declare(int).C(x="a" * 1000)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    "hint", [complex, bytes, typing.Callable[[], int], type, range, np.ndarray, list[bytes]]
)
def test_other_types_cannot_be_declared(hint: Any) -> None:
    """A type that no identifier can hold is refused where it is declared, with those that can."""
    with pytest.raises(
        DeclarationError, match=r"Holder\.x: .* is no type for a parameter: use str"
    ):
        declare(hint)


def test_choices_may_stand_outside() -> None:
    """Choices may stand inside of `Param[...]`, or around it in `Annotated[Param[str], ...]`."""

    class Train(Config):
        optimizer: Annotated[Param[str], Choices("a", "b")]
        other: Param[Annotated[str, Choices("a", "b")]] = "a"

    assert Train.C(optimizer="b").optimizer == "b"
    for name in ("optimizer", "other"):
        with pytest.raises(ParameterError, match=f"Train.{name} = 'c': expected one of 'a', 'b'"):
            loose(Train).C(**{"optimizer": "a", name: "c"})


def test_choices_of_another_type_are_refused() -> None:
    """Choices that the type itself would refuse are a mistake of the declaration."""
    with pytest.raises(DeclarationError, match=r"Holder\.x: Choices\('a'\) holds 'a'.*no int"):
        declare(Annotated[int, Choices("a")])


def test_containers_are_the_configurations_own() -> None:
    """Changing a list after it was given changes no configuration."""
    layers = [[1], [2]]
    config = declare(list[list[int]]).C(x=layers)
    layers[0].append(3)
    layers.append([4])
    assert config.x == [[1], [2]]


def test_an_instance_is_no_parameter() -> None:
    """What `execute` sees is refused where a configuration is expected, with the way out."""
    with pytest.raises(
        ParameterError, match=r"instance of Model.*give the configuration, Model\.C"
    ):
        declare(list[Model]).C(x=[Model.C().instance()])


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (1, 1, True),
        (1, 1.0, False),
        (1, True, False),
        (math.nan, math.nan, True),
        (math.nan, 1.0, False),
        ("a", "a", True),
    ],
)
def test_the_same_value_is_of_the_same_type(one: object, other: object, same: bool) -> None:
    """Equal numbers of different types are different values, and a NaN is itself."""
    assert same_value(one, other) is same
