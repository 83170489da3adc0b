"""The configurations whose identifiers are pinned, and a program that prints their identifiers.

It imports nothing but xpmnb, so that any Python that can import xpmnb can run it.
"""

import enum
import json
import math
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from xpmnb import (
    Config,
    Constant,
    InstanceConfig,
    Meta,
    Param,
    PathGenerator,
    field,
    param_group,
    setmeta,
    tag,
)
from xpmnb.core.state import state_of
from xpmnb.identifiers import identifier
from xpmnb.partials import Partial

SEARCH = param_group("search")


class Color(enum.Enum):
    __xpmid__ = "cases.color"
    RED = "red"
    BLUE = "blue"


class Empty(Config):
    __xpmid__ = "cases.empty"


class Model(Config):
    __xpmid__ = "cases.model"
    layers: Param[int] = 2
    rate: Param[float] = field(default=0.5)


class BigModel(Model):
    __xpmid__ = "cases.big-model"


class Weights(InstanceConfig):
    __xpmid__ = "cases.weights"
    size: Param[int] = 1


class Anything(Config):
    __xpmid__ = "cases.anything"
    x: Param[Any]


class Three(Config):
    __xpmid__ = "cases.three"
    a: Param[Config | None] = None
    b: Param[Config | None] = None
    c: Param[Config | None] = None


class Node(Config):
    __xpmid__ = "cases.node"
    value: Param[int] = 0
    next: Param["Node | None"] = None


class Train(Config):
    __xpmid__ = "cases.train"
    lr: Param[float] = field(groups=[SEARCH])
    model: Param[Model]
    epochs: Param[int] = 100
    color: Param[Color] = Color.RED
    version: Constant[int] = 2
    names: Param[dict[str, list[int]]] = field(default_factory=dict, groups=[SEARCH])
    verbose: Meta[bool] = False
    data: Param[Path] = Path("data")
    out: Meta[Path] = field(default_factory=PathGenerator("out"))


def train(**changes: Any) -> Any:
    """Return a configuration of Train with its required values."""
    return Train.C(**{"lr": 0.1, "model": Model.C(layers=3), **changes})


def ring(*values: int) -> Node:
    """Return the first of some nodes that form a ring."""
    nodes = [Node.C(value=value) for value in values]
    for one, other in zip(nodes, nodes[1:] + nodes[:1], strict=True):
        one.next = other
    return nodes[0]


def made_by(value: Any, task: Any) -> Any:
    """Return a value, marked as made by a task."""
    state_of(value).producer = task
    return value


def prepared(task: Any, *init_tasks: Any) -> Any:
    """Return a task with init tasks."""
    state_of(task).init_tasks = init_tasks
    return task


def weights() -> tuple[Weights, Weights]:
    """Return two distinct but equal ones."""
    return Weights.C(), Weights.C()


def _pairs() -> dict[str, Callable[[], Any]]:
    one, two = weights()
    return {
        "instances shared": lambda: Three.C(a=one, b=one),
        "instances distinct": lambda: Three.C(a=one, b=two),
        "instances a a b": lambda: Three.C(a=one, b=one, c=two),
        "instances a b b": lambda: Three.C(a=one, b=two, c=two),
        "instances in shared holders": lambda: Three.C(
            a=(first := Three.C(a=one)), b=first, c=Three.C(a=two)
        ),
    }


VALUES: dict[str, Any] = {
    "None": None,
    "True": True,
    "1": 1,
    "1.0": 1.0,
    "'1'": "1",
    "''": "",
    "-0.0": -0.0,
    "nan": math.nan,
    "-inf": -math.inf,
    "large int": -(10**40),
    "surrogate": "\ud800",
    "unicode": "naïve \U0001f600",
    "path in a list": [Path("a/b")],
    "enum": Color.BLUE,
    "[]": [],
    "[[]]": [[]],
    "()": (),
    "{}": {},
    "set()": set(),
    "nested": {"a": [1, (2, {3, 4}), {5: None}], 1: {"b": 0.5}},
}

CASES: dict[str, Callable[[], Any]] = {
    "no parameters": Empty.C,
    "defaults": Model.C,
    "another default": lambda: Model.C(layers=3),
    "a subclass": BigModel.C,
    "train": train,
    "train with all": lambda: train(
        lr=tag(1), epochs=3, color=Color.BLUE, names={"b": [1], "a": []}, verbose=True, data="x"
    ),
    "train without its model": lambda: train(model=setmeta(Model.C())),
    "ring of one": lambda: ring(1),
    "ring of three": lambda: ring(1, 2, 3),
    "made by a task": lambda: Three.C(a=made_by(Model.C(), train())),
    "with an init task": lambda: prepared(train(), Three.C(a=Model.C())),
    "a set of configurations": lambda: Anything.C(x={Model.C(), Model.C(layers=3)}),
    "configurations as keys": lambda: Anything.C(x={Model.C(): 1}),
    **{f"value {name}": partial(Anything.C, x=x) for name, x in VALUES.items()},
    **_pairs(),
}
"""What makes each pinned configuration, by name."""


def identifiers() -> dict[str, str]:
    """Return the identifier of each case, and a partial one."""
    result = {name: identifier(make()) for name, make in CASES.items()}
    pinned = identifier(train(lr=9), partial=Partial(frozenset({"search"})))
    return {**result, "train without the group search": pinned}


if __name__ == "__main__":
    json.dump(identifiers(), sys.stdout, indent=2)
    sys.stdout.write("\n")
