"""Equal values have equal identifiers, everywhere and for ever; different ones have not.

The pinned identifiers are written by::

    python -m tests.support.identifier_cases > tests/golden/identifiers.json

Adding a case needs nothing else. A *changed* line means that every result of every user would be
computed again: it needs a new ``FORMAT`` in ``xpmnb/identifiers.py``.
"""

import enum
import json
import math
import os
import random
import subprocess
import sys
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import xpmnb
from tests.support import identifier_cases as cases
from tests.support.declaring import loose
from tests.support.identifier_cases import Anything, Model, Node, Three, Weights
from xpmnb import Config, InstanceConfig, Meta, Param, PathGenerator, field, param_group, setmeta
from xpmnb.core.metaclass import ConfigMeta
from xpmnb.core.state import state_of
from xpmnb.errors import IdentifierError
from xpmnb.identifiers import FORMAT, encode, identifier
from xpmnb.partials import Partial

GOLDEN = Path(__file__).parent / "golden" / "identifiers.json"
ROOT = Path(__file__).parent.parent
PINNED: dict[str, str] = json.loads(GOLDEN.read_text(encoding="utf-8"))


def other_pythons() -> list[str]:
    """Return the Pythons that pyenv keeps for the user and that xpmnb supports, and this one."""
    found = Path.home().glob(".pyenv/versions/3.1[1-9].*/bin/python")
    return [sys.executable, *sorted(map(str, found))]


# --- pinned


@pytest.mark.parametrize("name", PINNED)
def test_identifiers_are_pinned(name: str) -> None:
    """An identifier never changes; if it has to, FORMAT changes with it (see the module's text)."""
    assert FORMAT == "xpmnb-identifier-1"
    assert cases.identifiers()[name] == PINNED[name]


def test_every_case_is_pinned_and_no_two_are_equal() -> None:
    """There are enough cases, all in the golden file, and all different."""
    assert cases.identifiers().keys() == PINNED.keys()
    assert len(PINNED) >= 25
    assert len(set(PINNED.values())) == len(PINNED)
    assert all(len(each) == 64 and int(each, 16) for each in PINNED.values())


@pytest.mark.parametrize("python", other_pythons())
@pytest.mark.parametrize("hash_seed", ["0", "1", "4242"])
def test_another_process_computes_the_same(python: str, hash_seed: str) -> None:
    """Another process, with another hash seed or another Python, computes the same identifiers."""
    places = [str(ROOT), str(Path(xpmnb.__file__).parent.parent)]
    environ = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(places)}
    done = subprocess.run(
        [python, "-W", "error", "-m", "tests.support.identifier_cases"],
        cwd=ROOT,
        env={**environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stderr == ""
    assert json.loads(done.stdout) == PINNED


# --- the encoding

ATOMS: list[st.SearchStrategy[Any]] = [
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(st.characters(exclude_categories=()), max_size=4),
    st.sampled_from(["", "s1:a", "N", "i1:1", "1", "True", "l0:"]),
    st.sampled_from([0, 1, -1, 0.0, -0.0, 1.0, math.nan, "1", True, False]),
    st.sampled_from([Path("a"), Path("a/b"), cases.Color.RED, cases.Color.BLUE]),
]
HASHABLE: st.SearchStrategy[Any] = st.recursive(
    st.one_of(ATOMS),
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.frozensets(inner, max_size=3),
    max_leaves=6,
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    HASHABLE,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=3).map(tuple)
        | st.sets(HASHABLE, max_size=3)
        | st.dictionaries(HASHABLE, inner, max_size=4)
    ),
    max_leaves=12,
)


def form(value: Any) -> Hashable:
    """Return what a value means, as an object that is equal exactly for equal values.

    It is the definition to which the encoding is held: written without it.
    """
    kind = type(value).__name__
    if isinstance(value, float):
        return ("float", "nan" if math.isnan(value) else repr(value + 0.0))
    if isinstance(value, (list, tuple)):
        return (kind, tuple(map(form, value)))
    if isinstance(value, (set, frozenset)):
        return ("set", counted(form(item) for item in value))
    if isinstance(value, dict):
        return (kind, counted((form(key), form(item)) for key, item in value.items()))
    return (kind, value)


def counted(items: Any) -> Hashable:
    """Return how often each item occurs."""
    result: dict[Hashable, int] = {}
    for item in items:
        result[item] = result.get(item, 0) + 1
    return frozenset(result.items())


def shuffled(value: Any, order: random.Random) -> Any:
    """Return an equal value whose dicts and sets were filled in another order."""
    if isinstance(value, (list, tuple)):
        return type(value)(shuffled(item, order) for item in value)
    if isinstance(value, (set, frozenset)):
        items = [shuffled(item, order) for item in value]
        order.shuffle(items)
        return type(value)(items)
    if isinstance(value, dict):
        pairs = [(shuffled(k, order), shuffled(v, order)) for k, v in value.items()]
        order.shuffle(pairs)
        return dict(pairs)
    return value


@given(VALUES, st.randoms(use_true_random=False))
def test_order_does_not_matter(value: Any, order: random.Random) -> None:
    """Dicts and sets filled in another order have the same bytes and the same identifier."""
    other = shuffled(value, order)
    assert encode(other) == encode(value)
    assert identifier(Anything.C(x=other)) == identifier(Anything.C(x=value))


@given(VALUES, VALUES)
def test_bytes_are_equal_exactly_for_equal_values(one: Any, other: Any) -> None:
    """No two different values share their bytes, and no value has two encodings."""
    assert (encode(one) == encode(other)) == (form(one) == form(other))


@given(st.lists(VALUES, max_size=3), st.lists(VALUES, max_size=3))
def test_bytes_delimit_themselves(one: list[Any], other: list[Any]) -> None:
    """Encodings that follow one another cannot be cut differently."""
    joined = b"".join(map(encode, one)), b"".join(map(encode, other))
    assert (joined[0] == joined[1]) == (form(one) == form(other))


DIFFERENT: list[Any] = [
    *(None, "None", "N", False, True, 0, 1, -1, 10, 0.0, 1.0, 10.0, "", "0", "1", "True", "1.0"),
    *(math.nan, "nan", math.inf, -math.inf, 5e-324, 2**53, 2.0**53, 2**53 + 1),
    *("a", "a\0", "\0a", "\ud800", "\ud800\udc00", "\U00010000", "é", "e\u0301"),
    *([], (), {}, set(), [[]], [()], ([],), [{}], {"": {}}, [None], [[], []], [[[]]], "[]"),
    *(["ab"], ["a", "b"], ["", "ab"], ["a", "", "b"], "ab", [["a"], "b"], [["a", "b"]]),
    *(["s1:a"], ["a", "s1:a"], "s1:a", "s4:s1:a"),
    *({"a": 1}, {"a": "1"}, {"a": 1.0}, {1: "a"}, {"1": "a"}, {True: "a"}, [("a", 1)]),
    *({"a": {"b": 1}}, {"a": {}, "b": 1}, {1}, {1.0}, {True}, {"1"}, {(1,)}, {1, 2}, {(1, 2)}),
    *([1, [2]], [[1], 2], [[1, 2]], [1, 2], (1, 2), [(1, 2)], [1, 2, 0]),
    *([Path("a")], ["Path('a')"], cases.Color.RED, "RED", "red", ["a"]),
]


def test_look_alikes_are_different() -> None:
    """Values that print alike, nest alike or compare equal in Python have different identifiers."""
    made = {identifier(Anything.C(x=value)): value for value in DIFFERENT}
    assert len(made) == len(DIFFERENT)


def test_one_zero_and_one_nan() -> None:
    """Negative zero is zero, and every NaN is the same one; a frozen set is a set."""
    assert encode(-0.0) == encode(0.0)
    assert encode(-math.nan) == encode(math.nan) == encode(float("nan") * 2)
    assert encode(frozenset({1})) == encode({1})


class Anonymous(enum.Flag):
    A = 1
    B = 2


@pytest.mark.parametrize(
    "value",
    [object(), b"bytes", 1j, len, range(3), Anonymous(0), 10**5000, [1, {"a": {3: b""}}]],
    # A number of 5,000 digits cannot be printed.
    ids=lambda value: type(value).__name__,
)
def test_what_cannot_be_encoded_is_refused_by_name(value: Any) -> None:
    """A value without canonical bytes is an error that names class and parameter."""
    with pytest.raises(IdentifierError, match=r"^(Anything\.x: |an int of)"):
        identifier(Anything.C(x=value))


def test_values_nested_too_deeply_are_refused() -> None:
    """A value nested beyond what Python can walk is an error, not a crash."""
    node = Node.C()
    for _ in range(5000):
        node = Node.C(next=node)
    with pytest.raises(IdentifierError, match="Node: values nested too deeply"):
        identifier(node)


# --- configurations


def same(one: Any, other: Any) -> bool:
    """Tell whether two configurations have one identifier, before and after sealing."""
    result = bool(identifier(one) == identifier(other))
    one.seal()
    other.seal()
    assert (identifier(one) == identifier(other)) is result
    return result


def test_equal_configurations_have_one_identifier() -> None:
    """What was given, in which order, and whether it is the default makes no difference."""
    assert same(Model.C(layers=2), Model.C())
    assert same(Model.C(rate=1, layers=3), Model.C(layers=3, rate=1.0))
    assert not same(Model.C(layers=3), Model.C())
    assert not same(cases.BigModel.C(), Model.C())


def test_shared_and_copied_configurations_are_the_same() -> None:
    """Using one Config twice is the same as using two equal ones."""
    model = Model.C(layers=3)
    assert same(Three.C(a=model, b=model), Three.C(a=Model.C(layers=3), b=Model.C(layers=3)))


def test_position_matters() -> None:
    """The same configuration as the value of another parameter is another configuration."""
    assert not same(Three.C(a=Model.C()), Three.C(b=Model.C()))


def test_shared_configurations_are_hashed_once() -> None:
    """A graph in which everything is shared is walked once, not once for each way through it."""
    top: Any = Model.C()
    for _ in range(60):
        top = Three.C(a=top, b=top, c=top)
    assert len(identifier(top)) == 64
    top.seal()
    assert len(identifier(top)) == 64
    shared: Any = Weights.C()
    for _ in range(60):
        shared = Three.C(a=shared, b=shared, c=Weights.C())
    assert len(identifier(shared)) == 64


def test_cycles_have_identifiers() -> None:
    """Rings are told apart by their values, length and starting point, and by nothing else."""
    ring = cases.ring
    assert same(ring(1, 2), ring(1, 2))
    assert not same(ring(1, 2), ring(2, 1))
    assert not same(ring(1), Node.C(value=1))
    assert not same(ring(1), ring(1, 1))
    assert not same(ring(1, 2, 3), ring(1, 3, 2))
    inside = Node.C(value=0, next=ring(1, 2))
    assert same(inside, Node.C(value=0, next=ring(1, 2)))


def test_a_ring_gives_the_same_whatever_was_asked_before() -> None:
    """Asking one member of a sealed ring first does not change what another one answers."""
    ring = cases.ring(1, 2, 3).seal()
    expected = identifier(cases.ring(2, 3, 1))
    identifier(ring)
    assert identifier(ring.next) == expected
    assert same(
        Three.C(a=ring, b=ring.next),
        Three.C(a=cases.ring(1, 2, 3), b=cases.ring(2, 3, 1)),
    )


def test_instance_configurations_are_told_apart() -> None:
    """Sharing one InstanceConfig is not the same as using two equal ones, and who shares counts."""
    one, two = cases.weights()
    made = {
        "aa": Three.C(a=one, b=one),
        "ab": Three.C(a=one, b=two),
        "aaa": Three.C(a=one, b=one, c=one),
        "aab": Three.C(a=one, b=one, c=two),
        "aba": Three.C(a=one, b=two, c=one),
        "abb": Three.C(a=one, b=two, c=two),
    }
    assert len({identifier(each) for each in made.values()}) == len(made)
    assert same(made["ab"], Three.C(a=two, b=one))
    assert same(made["abb"], Three.C(a=two, b=one, c=one))


def test_instance_configurations_are_told_apart_through_others() -> None:
    """Which InstanceConfig is used counts through shared and copied configurations alike."""
    one, two = cases.weights()

    def holder(value: Any) -> Any:
        return Three.C(a=value)

    first, second = holder(one), holder(two)
    aab = Three.C(a=first, b=first, c=second)
    abb = Three.C(a=first, b=second, c=second)
    assert not same(aab, abb)
    assert same(aab, Three.C(a=holder(one), b=holder(one), c=holder(two)))
    assert same(Three.C(a=first, b=first), Three.C(a=holder(one), b=holder(one)))
    assert not same(Three.C(a=first, b=first), Three.C(a=first, b=second))


def test_instance_configurations_outside_do_not_count() -> None:
    """An InstanceConfig that is no part of the identifier is not counted either."""
    one, two = cases.weights()
    three = setmeta(Weights.C())
    assert same(Three.C(a=one, b=three), Three.C(a=two))
    group = param_group("g")

    class Grouped(Config):
        a: Param[Weights]
        b: Param[Weights | None] = field(groups=[group])

    excluded = Partial(frozenset({"g"}))
    distinct, shared = Grouped.C(a=one, b=two), Grouped.C(a=one, b=one)
    assert identifier(distinct) != identifier(shared)
    assert identifier(distinct, partial=excluded) == identifier(shared, partial=excluded)


def test_instance_configurations_in_containers() -> None:
    """Lists and dicts tell InstanceConfigs apart by place; where nothing does, they are refused."""
    one, two = cases.weights()
    assert not same(Anything.C(x=[one, one, two]), Anything.C(x=[one, two, two]))
    assert not same(Anything.C(x={"a": one, "b": one}), Anything.C(x={"a": one, "b": two}))
    assert same(Anything.C(x={"a": one, "b": two}), Anything.C(x={"b": one, "a": two}))
    assert same(Anything.C(x={one, Weights.C(size=2)}), Anything.C(x={Weights.C(size=2), two}))
    for ambiguous in ({one, two}, {one: 1, two: 1}):
        with pytest.raises(IdentifierError, match="nothing says which is which; use a list"):
            identifier(Anything.C(x=ambiguous))


def test_meta_and_paths_are_outside() -> None:
    """Meta, Path and generated parameters change no identifier, in whatever container."""

    class Job(Config):
        verbose: Meta[bool] = False
        model: Meta[Model | None] = None
        data: Param[Path] = Path("a")
        many: Param[list[Path]] = []  # noqa: RUF012 (a default that is copied)
        maybe: Param[Path | None] = None
        named: Param[dict[str, Path]] = {}  # noqa: RUF012
        out: Param[Path] = field(default_factory=PathGenerator("out"))

    changes: dict[str, Any] = {
        "verbose": True,
        "model": Model.C(),
        "data": "b",
        "many": ["c"],
        "maybe": "d",
        "named": {"a": "b"},
        "out": "e",
    }
    for name, value in changes.items():
        assert same(loose(Job).C(**{name: value}), Job.C())


def test_meta_needs_no_encoding() -> None:
    """A Meta value may be anything: it is never encoded."""

    class Job(Config):
        callback: Meta[Any] = None

    assert same(Job.C(callback=print), Job.C())


def test_setmeta_moves_a_configuration_out_or_in() -> None:
    """`setmeta` decides for a configuration against the declaration, also in lists and dicts."""

    class Job(Config):
        inside: Param[Model] = field(default_factory=Model.C)
        outside: Meta[Model] = field(default_factory=Model.C)

    assert same(Job.C(inside=setmeta(Model.C(layers=9))), Job.C(inside=setmeta(Model.C())))
    assert not same(Job.C(inside=setmeta(Model.C())), Job.C())
    assert not same(Job.C(outside=setmeta(Model.C(), flag=False)), Job.C())
    assert not same(
        Job.C(outside=setmeta(Model.C(), flag=False)),
        Job.C(outside=setmeta(Model.C(layers=3), flag=False)),
    )
    outside = [setmeta(Model.C(layers=9)) for _ in range(2)]
    assert same(Anything.C(x=[Model.C(), outside[0]]), Anything.C(x=[Model.C()]))
    assert same(Anything.C(x={"a": outside[1]}), Anything.C(x={}))


def test_defaults_are_ignored_where_the_declaration_says_so() -> None:
    """Adding a parameter with a bare default keeps old identifiers; with `field(default=)` not."""

    def declared(**namespace: Any) -> Any:
        body = {
            "__annotations__": dict.fromkeys(namespace, loose(Param)[Any]),
            "__module__": __name__,
            "__qualname__": "Grown",
            "__xpmid__": "grown",
        }
        return ConfigMeta("Grown", (Config,), {**body, **namespace})

    old = identifier(declared().C())
    assert identifier(declared(a=1).C()) == old
    assert identifier(declared(a=field(default=1, ignore_default=True)).C()) == old
    assert identifier(declared(a=field(default_factory=list, ignore_default=True)).C()) == old
    assert identifier(declared(a=Model.C()).C()) == old
    assert identifier(declared(a=1).C(a=2)) != old
    assert identifier(declared(a=1).C(a=1.0)) != old
    assert identifier(declared(a=field(default=1)).C()) != old
    assert identifier(declared(a=field(default_factory=list)).C()) != old


def test_constants_are_inside() -> None:
    """Another value of a Constant makes another identifier."""

    def declared(value: int) -> Any:
        class Job(Config):
            version: xpmnb.Constant[int] = value

        return Job

    assert identifier(declared(1).C()) != identifier(declared(2).C())


def test_partial_identifiers_leave_out_groups() -> None:
    """A partial identifier depends on everything but the parameters of the excluded groups."""
    excluded = Partial(frozenset({"search"}))

    def partial(config: Any) -> str:
        return identifier(config, partial=excluded)

    assert partial(cases.train(lr=1)) == partial(cases.train(lr=2, names={"a": [1]}))
    assert partial(cases.train(lr=1)) != partial(cases.train(lr=1, epochs=3))
    assert partial(cases.train(lr=1)) != identifier(cases.train(lr=1))
    assert partial(Three.C(a=cases.train(lr=1))) == partial(Three.C(a=cases.train(lr=2)))
    sealed = cases.train(lr=1).seal()
    whole = identifier(sealed)
    assert partial(sealed) == partial(cases.train(lr=2))
    assert identifier(sealed) == whole
    incomplete = loose(cases.Train).C(model=Model.C(layers=3))
    assert partial(incomplete) == partial(cases.train())


def test_what_a_task_makes_carries_its_identifier() -> None:
    """A value made by a task differs from the same value, and from that of another task."""

    def made(**changes: Any) -> Any:
        return Three.C(a=cases.made_by(Model.C(), cases.train(**changes)))

    assert same(made(), made())
    assert not same(made(), Three.C(a=Model.C()))
    assert not same(made(), made(lr=0.2))


def test_init_tasks_are_inside() -> None:
    """What prepares a task is part of its identifier, in its order."""
    first, second = Three.C(a=Model.C()), Three.C(b=Model.C())
    prepared = cases.prepared
    assert not same(prepared(cases.train(), first), cases.train())
    assert not same(prepared(cases.train(), first, second), prepared(cases.train(), second, first))
    one, two = cases.weights()
    shared = prepared(Three.C(a=one), Three.C(b=one))
    assert not same(shared, prepared(Three.C(a=one), Three.C(b=two)))


def test_a_submitted_task_keeps_its_identifier() -> None:
    """A submitted task answers with the identifier of its job."""
    train = cases.train().seal()
    expected = identifier(train)

    class Job:
        id = expected

    state_of(train).job = Job
    assert identifier(train) == expected
    assert identifier(Three.C(a=train)) == identifier(Three.C(a=cases.train()))


def test_a_missing_value_is_named() -> None:
    """A configuration without a required value has no identifier yet."""
    with pytest.raises(IdentifierError, match=r"Train\.lr has no value yet"):
        identifier(loose(cases.Train).C(model=Model.C()))


def test_an_unsealed_configuration_is_never_remembered() -> None:
    """Changing an open configuration, at any depth, changes its identifier at once."""
    model = Model.C()
    top = Three.C(a=Three.C(b=model))
    before = identifier(top)
    model.layers = 7
    assert identifier(top) != before
    model.layers = 2
    assert identifier(top) == before


@pytest.mark.parametrize("make", [Model.C, Weights.C, InstanceConfig.C])
def test_an_identifier_is_a_name_for_a_directory(make: Callable[[], Any]) -> None:
    """An identifier is 64 lower-case hexadecimal digits."""
    text = make().__identifier__()
    assert len(text) == 64
    assert set(text) <= set("0123456789abcdef")


def test_what_a_task_makes_has_its_identifier_alone_too() -> None:
    """Equal values that two tasks made have two identifiers, also where nothing holds them."""
    made = [identifier(cases.made_by(Model.C(), cases.train(lr=lr))) for lr in (0.1, 0.1, 0.2)]
    assert made[0] == made[1] != made[2]
    assert identifier(Model.C()) not in made
    pair = [identifier(cases.made_by(Weights.C(), cases.train(lr=lr))) for lr in (0.1, 0.2)]
    assert len(set(pair)) == 2


def test_a_known_identifier_is_taken() -> None:
    """A configuration whose document says its identifier answers with it; its users do not ask."""
    model = Model.C()
    whole, around = identifier(model), identifier(Three.C(a=model))
    state_of(model).known_identifier = "0" * 64
    assert identifier(model) == "0" * 64
    assert identifier(model, partial=Partial()) == whole
    assert identifier(Three.C(a=model)) == around
