"""Defaults belong to the configuration that got them, and `field` is checked where it stands."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.declaring import declare, loose
from xpmnb import Config, Meta, Param, PathGenerator, field, param_group
from xpmnb.core.sealed import SealedList
from xpmnb.errors import DeclarationError, ParameterError


class Model(Config):
    layers: Param[list[int]] = [1, 2]  # noqa: RUF012 (a default that is copied)


@pytest.mark.parametrize(
    ("hint", "default"),
    [
        (list[int], [1]),
        (dict[str, list[int]], {"a": [1]}),
        (set[int], {1}),
        (tuple[list[int], ...], ([1],)),
        (Any, [[1]]),
    ],
    ids=repr,
)
@pytest.mark.parametrize("as_field", [False, True])
def test_mutable_defaults_are_not_shared(hint: Any, default: Any, as_field: bool) -> None:
    """Each configuration has containers of its own, although the class names one default."""
    holder = declare(hint, x=field(default=default) if as_field else default)
    one, other = holder.C(), holder.C()
    assert one.x == other.x == default
    inner = one.x["a"] if isinstance(one.x, dict) else one.x
    if isinstance(inner, tuple):
        inner = inner[0]
    inner.add(9) if isinstance(inner, set) else inner.append(9)
    assert one.x != other.x
    assert other.x == holder.C().x == default


def test_default_configurations_are_not_shared() -> None:
    """A configuration that is a default is copied, with all inside it, for each configuration."""

    class Block(Config):
        model: Param[Model] = Model.C(layers=[7])

    class Train(Config):
        block: Param[Block] = Block.C()
        blocks: Param[list[Block]] = field(default=[Block.C()])

    one, other = Train.C(), Train.C()
    assert one.block is not other.block
    assert one.block.model is not other.block.model
    assert one.blocks[0] is not other.blocks[0]
    one.block.model.layers = [8]
    assert other.block.model.layers == Train.C().block.model.layers == [7]


def test_a_default_keeps_its_own_sharing() -> None:
    """A configuration used twice in a default is one configuration in each copy, too."""
    shared = Model.C()

    class Pair(Config):
        a: Param[Model]
        b: Param[Model]

    class Train(Config):
        pair: Param[Pair] = Pair.C(a=shared, b=shared)

    train = Train.C()
    assert train.pair.a is train.pair.b
    assert train.pair.a is not shared


def test_a_sealed_default_gives_open_copies() -> None:
    """A default that was sealed by another use can be changed in the configurations that get it."""
    sealed = Model.C().seal()

    class Train(Config):
        model: Param[Model] = sealed

    train = Train.C()
    train.model.layers.append(3)
    assert train.model.layers == [1, 2, 3]
    assert type(train.model.layers) is list
    assert type(sealed.layers) is SealedList


def test_a_factory_is_called_each_time() -> None:
    """A default factory makes a new value for each configuration, which is checked."""

    class Train(Config):
        model: Param[Model] = field(default_factory=Model.C)
        names: Param[list[str]] = field(default_factory=list)

    assert Train.C().model is not Train.C().model
    assert Train.C().names == []
    with pytest.raises(ParameterError, match=r"Holder\.x = 'a': expected int"):
        declare(int, x=field(default_factory=lambda: "a")).C()


def test_a_field_without_default_is_required() -> None:
    """A field that only describes leaves its parameter required."""

    class Train(Config):
        lr: Param[float] = field(groups=[param_group("g")], help="learning rate")

    with pytest.raises(ValueError, match=r"lr \(float\)"):
        loose(Train).C().seal()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"default": 1, "default_factory": int}, "not both"),
        ({"default_factory": 3}, "give a function or PathGenerator"),
        ({"ignore_default": True}, "there is no default to ignore"),
    ],
)
def test_a_contradictory_field_is_refused(options: dict[str, Any], message: str) -> None:
    """A field that cannot be meant is refused in the class body."""
    with pytest.raises(DeclarationError, match=message):
        loose(field)(**options)


@pytest.mark.parametrize("path", ["", ".", "/", "/etc/x", "..", "a/../b", "a\0b"])
def test_generated_paths_stay_inside(path: str) -> None:
    """A PathGenerator refuses a path that is empty or leaves the job directory."""
    with pytest.raises(DeclarationError, match="relative path that stays in the job directory"):
        PathGenerator(path)


def test_a_generated_path_is_not_known_yet() -> None:
    """Before submission a generated path is no missing value, and reading it says when it comes."""

    class Train(Config):
        weights: Meta[Path] = field(default_factory=PathGenerator("w.pth"))

    train = Train.C().seal()
    with pytest.raises(AttributeError, match=r"weights is a path that is generated when"):
        _ = train.weights
    assert Train.C(weights=Path("x")).weights == Path("x")


def test_representations_can_be_read() -> None:
    """Groups and generators show the call that makes them."""
    assert repr(param_group("g")) == "param_group('g')"
    assert repr(PathGenerator("a/b")) == "PathGenerator('a/b')"
