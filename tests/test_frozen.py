"""Frozen dataclasses that are quick to make: they differ in nothing else."""

import inspect
import pickle
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from xpmnb.frozen import quick_to_make


def declare(name: str) -> Any:
    """Return a dataclass with all kinds of fields, as it stands under a name of this module."""

    @dataclass(frozen=True, slots=True)
    class Declared:
        name: str
        count: int = 3
        items: list[int] = field(default_factory=list)
        length: int = field(init=False, default=0)
        flag: bool = field(default=False, kw_only=True)
        hidden: str = field(default="", compare=False, repr=False)

        def __post_init__(self) -> None:
            if not self.name:
                message = "a name, please"
                raise ValueError(message)

    Declared.__qualname__ = Declared.__name__ = name
    return Declared


Plain = declare("Plain")
Quick = quick_to_make(declare("Quick"))


@pytest.mark.parametrize(
    ("args", "given"),
    [(("a",), {}), (("a", 4, [1]), {"flag": True}), ((), {"name": "b", "hidden": "s"})],
)
def test_it_is_made_as_before(args: tuple[Any, ...], given: dict[str, Any]) -> None:
    """Places, names, defaults and what is not shown are those of the usual class."""
    plain, quick = Plain(*args, **given), Quick(*args, **given)
    assert repr(quick) == repr(plain).replace("Plain", "Quick")
    assert quick.hidden == plain.hidden
    assert pickle.loads(pickle.dumps(quick)) == quick  # noqa: S301 (just made)
    assert replace(quick, count=9).count == 9
    assert quick == replace(quick, hidden="other")


def test_defaults_are_made_anew() -> None:
    """Two objects share no list."""
    assert Quick("a").items is not Quick("a").items


def test_it_has_a_hash_and_slots() -> None:
    """It is a key where its values are, and takes no other attributes."""

    @quick_to_make
    @dataclass(frozen=True, slots=True)
    class Point:
        x: int

    assert {Point(1): "one"}[Point(1)] == "one"
    with pytest.raises(AttributeError):
        Point(1).y = 2  # type: ignore[attr-defined]


@pytest.mark.parametrize("cls", [Plain, Quick])
def test_mistakes_are_told_as_before(cls: Any) -> None:
    """Missing and unknown arguments, and what __post_init__ refuses."""
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'name'"):
        cls()
    with pytest.raises(TypeError, match="unexpected keyword argument 'length'"):
        cls("a", length=2)
    with pytest.raises(ValueError, match="a name, please"):
        cls("")


def test_the_signature_names_the_same_parameters() -> None:
    """Help and editors show what can be given."""
    assert list(inspect.signature(Quick).parameters) == list(inspect.signature(Plain).parameters)
