"""The identifier that a configuration had when its classes had other names."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.declaring import Cells
from tests.support.identifier_cases import CASES
from xpmnb.core.state import state_of
from xpmnb.errors import IdentifierError
from xpmnb.former_identifiers import FormerIdentifiers

CELL = """
import enum
from xpmnb import Config, InstanceConfig, LightweightTask, Param, Task, field

class Color(enum.Enum):
    RED = 1
    BLUE = 2

class Part(InstanceConfig):
    size: Param[int] = 1

class Model(Config):
    color: Param[Color] = Color.RED
    parts: Param[list[Part]] = field(default_factory=list)
    best: Param[Part] = Part.C(size=3)

class Load(LightweightTask):
    model: Param[Model]
    def execute(self):
        pass

class Weights(Config):
    model: Param[Model]

class Train(Task):
    model: Param[Model]
    def task_outputs(self, dep):
        return dep(Weights.C(model=self.model))
    def execute(self):
        pass

class Score(Task):
    weights: Param[Weights]
    options: Param[dict[str, Model]]
    def execute(self):
        pass
"""


@pytest.fixture
def notebooks() -> Iterator[tuple[Any, Any]]:
    """Return the same cell in two notebooks."""
    with Cells("old") as old, Cells("new") as new:
        yield old.run(CELL), new.run(CELL)


def score(cells: Any) -> Any:
    """Return a task with all that an identifier may hold."""
    part = cells.Part.C(size=2)
    model = cells.Model.C(color=cells.Color.BLUE, parts=[part, part, cells.Part.C(size=2)])
    train = cells.Train.C(model=model)
    state_of(train).init_tasks = (cells.Load.C(model=model),)
    weights = cells.Weights.C(model=model)
    state_of(weights).producer = train
    plain = cells.Model.C(best=cells.Part.C(size=3))
    return cells.Score.C(weights=weights, options={"a": plain, "b": cells.Model.C()})


def renamed(name: str) -> str:
    """Return what a class of the new notebook was called in the old one."""
    return name.replace("new.", "old.")


def test_other_names_give_the_other_identifiers(notebooks: tuple[Any, Any]) -> None:
    """Under the names of another notebook it is the identifier that it has there."""
    old, new = map(score, notebooks)
    was = old.__identifier__()
    assert new.__identifier__() != was
    assert FormerIdentifiers(renamed).of(new) == was
    new.seal()
    is_now = new.__identifier__()
    assert FormerIdentifiers(renamed).of(new) == was
    assert new.__identifier__() == is_now  # nothing of it is kept


def test_every_name_is_asked_for(notebooks: tuple[Any, Any]) -> None:
    """Classes of values, of defaults, of tasks that make values, and of Enums are asked for."""
    asked: set[str] = set()

    def ask(name: str) -> str:
        asked.add(name)
        return name

    FormerIdentifiers(ask).of(score(notebooks[1]))
    names = ("color", "load", "model", "part", "score", "train", "weights")
    assert asked == {f"new.{name}" for name in names}


@pytest.mark.parametrize("name", CASES)
def test_the_same_names_give_the_same_identifiers(name: str) -> None:
    """Where no class had another name, it is the identifier."""
    config = CASES[name]()
    assert FormerIdentifiers(lambda each: each).of(config) == config.__identifier__()


def test_what_was_read_from_a_record_has_no_other_name(notebooks: tuple[Any, Any]) -> None:
    """A record does not say which tasks made the values, so that nothing is guessed."""
    model = notebooks[1].Model.C()
    state_of(model).known_identifier = "f" * 64
    with pytest.raises(IdentifierError, match="one name only"):
        FormerIdentifiers(renamed).of(model)
