"""Setting, checking, sealing and copying the values of a configuration."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.declaring import loose
from xpmnb import Config, Param, Task, setmeta, tag
from xpmnb.core.state import state_of
from xpmnb.errors import (
    ConfigError,
    DeclarationError,
    MissingParameterError,
    ParameterError,
    SealedError,
    UnknownParameterError,
)


class Model(Config):
    layers: Param[int]
    name: Param[str] = "m"


class Train(Task):
    lr: Param[float]
    model: Param[Model]
    sizes: Param[list[list[int]]] = [[1]]  # noqa: RUF012 (a default that is copied)
    names: Param[dict[str, list[int]]] = {"a": [1]}  # noqa: RUF012
    kinds: Param[set[str]] = {"k"}  # noqa: RUF012
    pairs: Param[tuple[list[int], ...]] = ([1],)

    def execute(self) -> None:
        pass


class Node(Config):
    value: Param[int] = 0
    next: Param["Node | None"] = None
    others: Param[list["Node"]] = []  # noqa: RUF012


def train() -> Train:
    """Return a configuration with all its values."""
    return Train.C(lr=1, model=Model.C(layers=1))


@pytest.mark.parametrize("use", [lambda v: Train.C(**v), lambda v: train().copy(**v)])
def test_an_unknown_name_is_refused_with_the_nearest(use: Callable[[Any], Any]) -> None:
    """A misspelt parameter is an error that says which one was probably meant."""
    with pytest.raises(UnknownParameterError, match=r"Train has no parameter 'lrr'.*mean 'lr'"):
        use({"lrr": 0.1})
    listing = "its parameters: lr, model, sizes, names, kinds, pairs"
    with pytest.raises(UnknownParameterError, match=listing):
        use({"zzzzzz": 0.1})


def test_setting_an_unknown_attribute_is_refused() -> None:
    """A misspelt attribute is refused when it is set, deleted and read."""
    config: Any = train()
    with pytest.raises(AttributeError, match="mean 'model'"):
        config.modle = config.model
    with pytest.raises(AttributeError, match="modle"):
        _ = config.modle
    with pytest.raises(AttributeError, match="cannot be deleted"):
        del config.lr


def test_values_are_checked_when_they_are_set() -> None:
    """A wrong value is refused by an assignment, too, and the old one is kept."""
    config: Any = train()
    with pytest.raises(ParameterError, match=r"Train\.lr = 'x': expected float, got str"):
        config.lr = "x"
    assert config.lr == 1.0


def test_configurations_are_built_by_name_from_c() -> None:
    """Calling the class itself, or giving values without names, says how it is done."""
    with pytest.raises(DeclarationError, match=r"build a configuration with Model\.C\(\.\.\.\)"):
        loose(Model)(layers=1)
    with pytest.raises(TypeError, match=r"by name: Model\.C\(layers=\.\.\., name=\.\.\.\)"):
        loose(Model).C(1)


def test_a_missing_value_is_reported_when_it_is_read() -> None:
    """Reading a required parameter that was not given says so."""
    with pytest.raises(AttributeError, match=r"Model\.layers has no value yet"):
        _ = loose(Model).C().layers


def test_all_missing_values_are_named() -> None:
    """Sealing names every missing value of the whole graph, with path and type."""
    nodes = loose(Train).C(model=loose(Model).C())
    with pytest.raises(MissingParameterError) as caught:
        nodes.seal()
    message = "Train misses the values of model.layers (int), lr (float); give them in Train.C(...)"
    assert str(caught.value) == message


def test_a_missing_value_in_a_list_is_found_by_its_place() -> None:
    """A missing value of a configuration in a list is named with the index."""

    class Ensemble(Config):
        models: Param[list[Model]]

    ensemble = Ensemble.C(models=[Model.C(layers=1), loose(Model).C()])
    with pytest.raises(MissingParameterError, match=r"models\.1\.layers \(int\)"):
        ensemble.seal()


def test_nothing_is_sealed_when_something_is_missing() -> None:
    """A configuration that could not be sealed can still be completed."""
    config = loose(Train).C(model=Model.C(layers=1))
    with pytest.raises(ConfigError):
        config.seal()
    config.lr = 0.1
    config.model.layers = 2
    assert config.seal().model.layers == 2


def test_a_sealed_configuration_cannot_be_changed() -> None:
    """After sealing no value can be set, tagged or added to, however deep; a copy is offered."""
    config: Any = train().seal()
    with pytest.raises(SealedError, match=r"change a copy: config\.copy\(lr=\.\.\.\)"):
        config.lr = 0.2
    with pytest.raises(SealedError):
        config.model.layers = 2
    with pytest.raises(SealedError):
        config.tag("a", 1)
    with pytest.raises(SealedError):
        setmeta(config.model)
    with pytest.raises(SealedError):
        config.add_dependencies(train())
    assert (config.lr, config.model.layers) == (1.0, 1)


def _multiply(values: list[Any]) -> None:
    values *= 2


def _merge(values: dict[str, Any]) -> None:
    values |= {"b": 1}


def _unite(values: set[str]) -> None:
    values |= {"b"}


def _intersect(values: set[str]) -> None:
    values &= {"b"}


CHANGES: list[Callable[[Any], Any]] = [
    lambda c: c.sizes.append([2]),
    lambda c: c.sizes.extend([[2]]),
    lambda c: c.sizes.insert(0, [2]),
    lambda c: c.sizes.pop(),
    lambda c: c.sizes.remove([1]),
    lambda c: c.sizes.clear(),
    lambda c: c.sizes.sort(),
    lambda c: c.sizes.reverse(),
    lambda c: c.sizes.__setitem__(0, [2]),
    lambda c: c.sizes.__delitem__(0),
    lambda c: c.sizes.__iadd__([[2]]),
    lambda c: _multiply(c.sizes),
    lambda c: c.sizes[0].append(2),
    lambda c: c.names.update(b=[1]),
    lambda c: c.names.setdefault("b", [1]),
    lambda c: c.names.pop("a"),
    lambda c: c.names.popitem(),
    lambda c: c.names.clear(),
    lambda c: c.names.__setitem__("b", [1]),
    lambda c: c.names.__delitem__("a"),
    lambda c: _merge(c.names),
    lambda c: c.names["a"].append(2),
    lambda c: c.kinds.add("b"),
    lambda c: c.kinds.discard("k"),
    lambda c: c.kinds.remove("k"),
    lambda c: c.kinds.pop(),
    lambda c: c.kinds.clear(),
    lambda c: c.kinds.update({"b"}),
    lambda c: c.kinds.difference_update({"k"}),
    lambda c: c.kinds.symmetric_difference_update({"k"}),
    lambda c: c.kinds.intersection_update(set()),
    lambda c: _unite(c.kinds),
    lambda c: _intersect(c.kinds),
    lambda c: c.kinds.__isub__({"k"}),
    lambda c: c.kinds.__ixor__({"k"}),
    lambda c: c.pairs[0].append(2),
]


@pytest.mark.parametrize("change", CHANGES)
def test_sealed_containers_cannot_be_changed(change: Callable[[Any], Any]) -> None:
    """Lists, dicts and sets of a sealed configuration refuse every change, however deep."""
    config = train().seal()
    before = config.__identifier__()
    with pytest.raises(SealedError, match="belongs to a submitted configuration"):
        change(config)
    assert (config.sizes, config.names, config.kinds) == ([[1]], {"a": [1]}, {"k"})
    assert config.pairs == ([1],)
    assert config.copy().__identifier__() == before


def test_sealed_containers_read_as_ever() -> None:
    """A sealed list is a list: equal, indexable, and joined to a new list that is open."""
    config = train().seal()
    assert isinstance(config.sizes, list)
    assert sorted(config.kinds | {"a"}) == ["a", "k"]
    joined = config.sizes + [[2]]  # noqa: RUF005 (the operator is meant)
    joined.append([3])
    assert joined == [[1], [2], [3]]
    assert repr((config.sizes, config.names, config.kinds)) == "([[1]], {'a': [1]}, {'k'})"


def test_what_was_changed_in_place_is_checked_again() -> None:
    """A wrong value that was appended to a list is found when the configuration is sealed."""
    config = loose(train())
    config.sizes.append(["x"])
    with pytest.raises(ParameterError, match=r"Train\.sizes = .* holds 'x' \(str\) where int"):
        config.seal()
    config.sizes.pop()
    config.sizes.append([2])
    assert config.seal().sizes == [[1], [2]]


def test_sealing_twice_is_sealing_once() -> None:
    """A sealed configuration can be sealed again, as part of another one too."""
    model = Model.C(layers=1).seal()
    assert model.seal() is model
    config = Train.C(lr=1, model=model).seal()
    assert config.model is model


def test_validation_comes_innermost_first_and_sees_values() -> None:
    """`__validate__` is called on every configuration before sealing, inner ones first."""
    seen = []

    class Inner(Config):
        low: Param[int]
        high: Param[int]

        def __validate__(self) -> None:
            seen.append("inner")
            if self.low > self.high:
                message = "low is above high"
                raise ValueError(message)

    class Outer(Config):
        inner: Param[Inner]

        def __validate__(self) -> None:
            seen.append("outer")

    Outer.C(inner=Inner.C(low=1, high=2)).seal()
    assert seen == ["inner", "outer"]
    bad = Outer.C(inner=Inner.C(low=2, high=1))
    with pytest.raises(ValueError, match="low is above high") as caught:
        bad.seal()
    assert caught.value.__notes__ == [f"raised by __validate__ of {bad.inner!r}"]
    bad.inner.low = 0
    bad.seal()


def test_validation_may_complete_values() -> None:
    """`__validate__` may still set values: it runs before the configuration is sealed."""

    class Model(Config):
        size: Param[int] = 1
        double: Param[int] = 0

        def __validate__(self) -> None:
            self.double = 2 * self.size

    assert Model.C(size=3).seal().double == 6


def test_a_copy_is_open_and_shares_what_is_inside() -> None:
    """A copy of a sealed configuration can be changed, and its configurations are the same ones."""
    config = train().seal()
    changed = config.copy(lr=0.2)
    assert (changed.lr, config.lr) == (0.2, 1.0)
    assert changed.model is config.model
    changed.sizes[0].append(2)
    changed.names["a"].append(2)
    changed.kinds.add("b")
    assert (config.sizes, config.names, config.kinds) == ([[1]], {"a": [1]}, {"k"})


def test_a_copy_keeps_tags_but_those_of_changed_values() -> None:
    """The tag of a value that is changed in a copy is gone; a new tagged value has a new one."""
    config = Train.C(lr=tag(0.1), model=Model.C(layers=1)).tag("note", "x")
    assert config.copy().tags() == {"lr": 0.1, "note": "x"}
    assert config.copy(lr=0.2).tags() == {"note": "x"}
    assert config.copy(lr=tag(0.2)).tags() == {"lr": 0.2, "note": "x"}
    assert config.tags() == {"lr": 0.1, "note": "x"}


def test_cycles_can_be_sealed_copied_and_shown() -> None:
    """Configurations that hold each other are sealed and shown without end."""
    one, two = Node.C(value=1), Node.C(value=2)
    one.next, two.next = two, one
    one.others.append(one)
    assert repr(two) == "Node.C(value=2, next=..., others=[])"
    assert repr(one).startswith("Node.C(value=1, next=..., others=[")
    one.seal()
    assert two.__identifier__() != one.__identifier__()
    with pytest.raises(SealedError):
        two.value = 3
    assert one.copy(value=5).next is two


def test_methods_of_configurations_refuse_instances() -> None:
    """Sealing, copying or identifying what `execute` sees says that it is no configuration."""
    instance: Any = Model.C(layers=1).instance()
    for use in (
        instance.seal,
        instance.copy,
        instance.instance,
        instance.__identifier__,
        instance.tags,
        lambda: state_of(3),
    ):
        with pytest.raises(TypeError, match="this needs a configuration"):
            use()


def test_a_long_value_is_cut_where_a_configuration_is_shown() -> None:
    """The repr is the call that builds the configuration, with long values cut."""
    assert repr(Model.C(layers=1)) == "Model.C(layers=1, name='m')"
    assert len(repr(Model.C(layers=1, name="x" * 1000))) < 100
