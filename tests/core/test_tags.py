"""Tags name what an experiment varies; setmeta takes a configuration out of identifiers."""

import enum
import math
from typing import Any

import pytest

from tests.support.declaring import loose
from xpmnb import Config, LightweightTask, Param, setmeta, tag, tags, tagspath
from xpmnb.core.state import state_of
from xpmnb.errors import ParameterError


class Color(enum.Enum):
    RED = 1


class Model(Config):
    lr: Param[float] = 0.0
    name: Param[str] = "m"


class Train(Config):
    lr: Param[float] = 0.0
    first: Param[Model | None] = None
    second: Param[Model | None] = None
    models: Param[list[Model]] = []  # noqa: RUF012 (a default that is copied)


def test_a_tag_is_beside_the_value() -> None:
    """A tagged value is stored as the plain, checked value, and is no part of the identifier."""
    train = Train.C(lr=tag(1))
    assert type(train.lr) is float
    assert train.tags() == tags(train) == {"lr": 1.0}
    assert train.__identifier__() == Train.C(lr=1.0).__identifier__()
    with pytest.raises(ParameterError, match=r"Train\.lr = 'x': expected float"):
        Train.C(lr=loose(tag)("x"))


def test_tags_can_be_set_by_name() -> None:
    """`config.tag(name, value)` adds a tag of any name, and returns the configuration."""
    train = Train.C().tag("note", "a b").tag("fold", 3)
    assert train.tags() == {"note": "a b", "fold": 3}
    for name, value in ((1, "a"), ("a", [1]), ("a", None)):
        with pytest.raises(TypeError, match="a tag is a name with a string, a number or a bool"):
            loose(train).tag(name, value)


def test_inner_tags_are_collected_and_the_outer_name_wins() -> None:
    """An inner tag keeps its short name where it is free, and is named by its path elsewhere."""
    train = Train.C(lr=tag(0.1), first=Model.C(lr=tag(0.2), name=tag("a")))
    assert train.tags() == {"lr": 0.1, "name": "a", "first.lr": 0.2}
    same = Train.C(lr=tag(0.1), first=Model.C(lr=tag(0.1)))
    assert same.tags() == {"lr": 0.1}


def test_the_first_of_two_equal_names_is_the_short_one() -> None:
    """Of two inner tags of one name the first has the short name, and none is lost."""
    train = Train.C(first=Model.C(lr=tag(1)), second=Model.C(lr=tag(2)))
    assert train.tags() == {"lr": 1.0, "second.lr": 2.0}
    many = Train.C(models=[Model.C(lr=tag(value)) for value in (1, 2, 3)])
    assert many.tags() == {"lr": 1.0, "models.1.lr": 2.0, "models.2.lr": 3.0}


def test_a_tag_that_is_no_number_is_itself() -> None:
    """A NaN that is tagged twice is one tag."""
    train = Train.C(lr=tag(math.nan), first=Model.C(lr=tag(math.nan)))
    assert list(train.tags()) == ["lr"]


def test_tags_of_the_makers_count() -> None:
    """The tags of a task that made a value count as that value's."""
    learner = Train.C(lr=tag(0.5))
    model = Model.C()
    state_of(model).producer = learner
    assert Train.C(first=model).tags() == {"lr": 0.5}
    assert Train.C(lr=tag(0.1), first=model).tags() == {"lr": 0.1, "first.lr": 0.5}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ""),
        ({"lr": 0.1, "epochs": 20}, "epochs=20_lr=0.1"),
        ({"lr": 1e-05}, "lr=1e-05"),
        ({"path": "../a/b"}, "path=..%2Fa%2Fb"),
        ({"a/b": "c d"}, "a%2Fb=c%20d"),
        ({"a": "\0\n\\:"}, "a=%00%0A%5C%3A"),
        ({"a": "é\ud800"}, "a=%C3%A9%ED%A0%80"),
        ({"b": True, "a": "x=y"}, "a=x%3Dy_b=True"),
    ],
)
def test_tagspath_is_one_safe_name(given: dict[str, Any], expected: str) -> None:
    """The tags in one file name are sorted, and whatever is special is percent-encoded."""
    train = Train.C()
    for name, value in given.items():
        train.tag(name, value)
    assert tagspath(train) == expected
    assert "/" not in expected


def test_setmeta_takes_configurations_only() -> None:
    """`setmeta` returns its configuration, and refuses everything else."""
    model = Model.C()
    assert setmeta(model) is model
    for other in (3, Model, Model.C().instance(), [model]):
        with pytest.raises(TypeError, match=r"setmeta\(\) takes a configuration"):
            setmeta(other)


def test_tags_of_init_tasks_count() -> None:
    """Init tasks add their tags; where a name is taken, it is that of their place."""

    class Load(LightweightTask):
        lr: Param[float] = 0.0
        model: Param[Model | None] = None

    model = Model.C(lr=tag(0.5))
    train = Train.C(lr=tag(0.1), first=model)
    loads = (Load.C(model=model).tag("from", "a"), Load.C(lr=tag(0.3)))
    state_of(train).init_tasks = loads
    expected = {"lr": 0.1, "first.lr": 0.5, "from": "a", "init_tasks.1.lr": 0.3}
    assert train.tags() == expected
    learner = Train.C()
    state_of(learner).init_tasks = loads
    made = Model.C()
    state_of(made).producer = learner
    assert Train.C(first=made).tags() == {"from": "a", "lr": 0.5, "first.init_tasks.1.lr": 0.3}


@pytest.mark.parametrize("value", [{"a": 1}, {1}, frozenset({1})])
def test_what_names_nothing_is_no_tag(value: Any) -> None:
    """A dict or a set is refused as a tag at once, in words."""
    with pytest.raises(TypeError, match=r"^tag\(.*a tag is a short name for one value"):
        tag(value)
