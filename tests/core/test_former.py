"""Former names of classes, as declarations tell them."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.declaring import Cells
from xpmnb import Config, Param, Task, deprecate
from xpmnb.core import former, registry
from xpmnb.core.former import former_names, has_former_names
from xpmnb.errors import DeclarationError

CELL = """
from xpmnb import Config, Param, Task, deprecate

class Train(Task):
    lr: Param[float] = 0.1
    def execute(self):
        return self.lr

class Uses(Config):
    train: Param[Train]
"""
OLD = """
@deprecate
class OldTrain(Train):
    pass
"""


@pytest.fixture(autouse=True)
def _forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_newest", dict(registry._newest))
    monkeypatch.setattr(former, "_told", {})
    monkeypatch.setattr(former, "_any", False)


@pytest.fixture
def cells() -> Iterator[Cells]:
    """Return a notebook with a task."""
    with Cells("here") as made:
        made.run(CELL)
        yield made


def test_names_are_added_above_a_class(cells: Cells) -> None:
    """A class knows what it was called, the latest first; others do not."""
    assert not has_former_names()
    assert former_names("here.train") == ()
    cells.run("@deprecate('old.a')\n@deprecate('old.b', 'old.c')\nclass Fit(Train):\n    pass")
    assert has_former_names()
    assert former_names("here.fit") == ("old.a", "old.b", "old.c")
    assert former_names("here.train") == former_names("nobody") == ()
    cells.run("class Fit(Train):\n    pass")
    assert former_names("here.fit") == ()  # the newest definition counts


def test_an_old_class_stands_for_its_base(cells: Cells) -> None:
    """Its configurations have the identifiers of the base, and become configurations of it."""
    module = cells.run(OLD)
    old, new = module.OldTrain.C(lr=0.3), module.Train.C(lr=0.3)
    assert old.__identifier__() == new.__identifier__()
    assert former_names("here.train") == ("here.oldtrain",)
    assert registry.find("here.oldtrain") is None
    assert module.Uses.C(train=old).train is old
    old.seal()
    assert type(old) is type(new)
    assert old.copy().instance().execute() == 0.3


def test_an_old_class_may_be_declared_again(cells: Cells) -> None:
    """Running either cell again changes nothing."""
    cells.run(OLD)
    cells.run(CELL)
    module = cells.run(OLD)
    assert former_names("here.train") == ("here.oldtrain",)
    assert module.OldTrain.C().__identifier__() == module.Train.C().__identifier__()


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("deprecate('')", "give the full name that the class had"),
        ("deprecate('a..b')", "give the full name"),
        ("deprecate('../a')", "give the full name"),
        ("deprecate('old.a', 5)", "give the full name"),
        ("deprecate(5)", "give the full name"),
        ("@deprecate('here.train')\nclass Train(Task):\n    pass", "is called now"),
        ("@deprecate('old.a')\nclass A:\n    pass", "is no Config and no Task"),
        ("@deprecate\nclass A:\n    pass", "is no Config and no Task"),
        ("@deprecate\nclass A(Task):\n    pass", "the class that replaces it alone"),
        ("@deprecate\nclass A(Train, Uses):\n    pass", "the class that replaces it alone"),
        ("@deprecate\nclass A(Train):\n    x: Param[int] = 1", "class A has x"),
        ("@deprecate\nclass A(Train):\n    lr = 5", "class A has lr"),
        ("@deprecate\nclass A(Train):\n    def execute(self): pass", "class A has execute"),
        ("@deprecate\nclass A(Train):\n    def __init__(self): pass", "class A has __init__"),
    ],
)
def test_what_cannot_be_deprecated(cells: Cells, cell: str, words: str) -> None:
    """The error says what is wrong, and how it is done."""
    with pytest.raises(DeclarationError, match=words):
        cells.run(cell)


def test_types_are_kept() -> None:
    """The decorated class is the class."""

    @deprecate("old.thing")
    class Thing(Config):
        x: Param[int]

    @deprecate
    class OldThing(Thing):
        """It was called so."""

    made: Any = Thing.C(x=1)
    assert made.x == OldThing.C(x=1).x
    assert issubclass(OldThing, Thing)
    assert not issubclass(Thing, Task)
