"""A partial identifier leaves out some parameters, by their groups."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.declaring import loose
from xpmnb import Config, Param, PathGenerator, field, param_group, partial
from xpmnb.errors import DeclarationError
from xpmnb.identifiers import identifier

A, B = param_group("a"), param_group("b")


class Inner(Config):
    plain: Param[int] = field(default=0)
    of_a: Param[int] = field(default=0, groups=[A])


class Outer(Config):
    plain: Param[int] = field(default=0)
    of_a: Param[int] = field(default=0, groups=[A])
    of_b: Param[int] = field(default=0, groups=[B])
    of_both: Param[int] = field(default=0, groups=[A, B])
    inner: Param[Inner | None] = field(default=None, groups=[B])


CHANGES: dict[str, dict[str, Any]] = {
    "plain": {"plain": 1},
    "a": {"of_a": 1},
    "b": {"of_b": 1},
    "both": {"of_both": 1},
    "inner plain": {"inner": Inner.C(plain=1)},
    "inner a": {"inner": Inner.C(of_a=1)},
}


@pytest.mark.parametrize(
    ("given", "left_out"),
    [
        ({}, set()),
        ({"exclude_groups": [A]}, {"a", "both", "inner a"}),
        ({"exclude_groups": [A, B]}, {"a", "b", "both", "inner plain", "inner a"}),
        ({"exclude_no_group": True}, {"plain"}),
        ({"exclude_all": True}, {"plain", "a", "b", "both", "inner plain", "inner a"}),
        ({"exclude_all": True, "include_groups": [B]}, {"plain", "a"}),
        ({"exclude_groups": [A], "include_groups": [B]}, {"a", "inner a"}),
        ({"exclude_no_group": True, "exclude_groups": [A]}, {"plain", "a", "both", "inner a"}),
    ],
)
def test_what_is_left_out(given: dict[str, Any], left_out: set[str]) -> None:
    """Groups decide; what is included wins, and what is inside stays whole but for its groups."""
    chosen = partial(**given)
    before = identifier(Outer.C(inner=Inner.C()), partial=chosen)
    found = {
        name
        for name, changes in CHANGES.items()
        if identifier(Outer.C(**{"inner": Inner.C(), **changes}), partial=chosen) == before
    }
    assert found == left_out


def test_the_repr_is_the_call() -> None:
    """The text of a partial identifier is the call that makes it."""
    chosen = partial(exclude_groups=[B, A], exclude_all=True)
    text = "partial(exclude_groups=[param_group('a'), param_group('b')], exclude_all=True)"
    assert repr(chosen) == text
    assert repr(PathGenerator("x", partial=chosen)) == f"PathGenerator('x', partial={text})"
    assert repr(partial(include_groups=[A])) == "partial(include_groups=[param_group('a')])"


def test_the_class_attribute_gives_the_name() -> None:
    """The first attribute that holds it names it."""

    class Named(Config):
        first = partial()
        second = first

    assert (Named.first.name, Named.second.name, partial().name) == ("first", "first", "partial")


@pytest.mark.parametrize("wrong", [A, "a", ["a"], [None]])
def test_only_groups_are_taken(wrong: Any) -> None:
    """What is no list of groups is refused."""
    with pytest.raises(DeclarationError, match=r"exclude_groups=.*give a list of groups"):
        partial(exclude_groups=wrong)
    with pytest.raises(DeclarationError, match=r"include_groups=.*give a list of groups"):
        partial(include_groups=wrong)


def test_a_generator_takes_what_partial_returned() -> None:
    """An empty path needs a partial identifier, which must be one."""
    with pytest.raises(DeclarationError, match="give a relative path"):
        PathGenerator()
    with pytest.raises(DeclarationError, match=r"give what partial\(...\) returned"):
        PathGenerator("x", partial=loose("checkpoints"))
    for path in ("..", "/x", "a/../b"):
        with pytest.raises(DeclarationError, match="stays in the job directory"):
            PathGenerator(path, partial=partial())


@pytest.mark.parametrize("name", ["", 3, None])
def test_a_group_has_a_name(name: Any) -> None:
    """A group without a name is refused when it is made."""
    with pytest.raises(DeclarationError, match=r"^param_group\(.*give a name"):
        param_group(name)


@pytest.mark.parametrize("path", [3, None, Path("x")])
def test_a_generated_path_is_given_as_a_string(path: Any) -> None:
    """A PathGenerator of anything else is refused when it is made."""
    with pytest.raises(DeclarationError, match=r"^PathGenerator\(.*give a string"):
        PathGenerator(path)
