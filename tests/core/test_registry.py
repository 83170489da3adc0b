"""Classes live in cells: a class whose cell is run again is still the same class."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.declaring import Cells
from xpmnb.errors import ParameterError, UnknownParameterError

IMPORTS = """
import enum
from xpmnb import Config, Constant, InstanceConfig, Meta, Param, Task, field
"""
MODEL = """
class Model(Config):
    layers: Param[int] = 2
    def size(self):
        return self.layers
"""
TRAIN = """
class Train(Task):
    model: Param[Model]
    lr: Param[float] = 0.1
    def execute(self):
        return self.model.size()
"""
COLOR = """
class Color(enum.Enum):
    RED = 1
    BLUE = 2
"""


@pytest.fixture
def cells() -> Iterator[Cells]:
    """Return a module with one cell of imports and one each that declares Model and Train."""
    with Cells("my_notebook") as made:
        made.run(IMPORTS)
        made.run(MODEL)
        made.run(TRAIN)
        yield made


def test_an_old_configuration_fits_the_new_class(cells: Cells) -> None:
    """Running a cell again does not give "expected Model, got Model", in either direction."""
    old = cells.module.Model.C(layers=3)
    old_train = cells.module.Train
    cells.run(MODEL)
    assert cells.module.Train.C(model=old).model is old
    cells.run(TRAIN)
    new = cells.module.Model.C(layers=4)
    assert cells.module.Train.C(model=old).model is old
    assert old_train.C(model=new).model is new


def test_the_newest_definition_wins(cells: Cells) -> None:
    """An object made after the cell was run again has the methods of the new class."""
    train = cells.module.Train.C(model=cells.module.Model.C(layers=3))
    assert train.copy().instance().execute() == 3
    cells.run(MODEL.replace("return self.layers", "return self.layers * 100"))
    assert train.instance().execute() == 300
    assert isinstance(train.model, cells.module.Model)


def test_a_sealed_configuration_is_renewed_when_it_is_used_again(cells: Cells) -> None:
    """A configuration that was sealed before its cell was run again is of the new class later."""
    model = cells.module.Model.C(layers=3).seal()
    before = model.__identifier__()
    cells.run(MODEL.replace("= 2", "= 2\n    width: Param[int] = field(default=5)"))
    train = cells.module.Train.C(model=model).seal()
    assert train.model.width == 5
    assert model.__identifier__() != before
    with pytest.raises(AttributeError):
        model.width = 6


def test_the_identifier_is_that_of_a_fresh_kernel(cells: Cells) -> None:
    """Identifiers are those of a kernel that never ran the older version of a cell."""
    cells.run("class Outer(Task):\n    model: Param[Model] = Model.C()\n    x: Param[int] = 1\n")
    wide = MODEL.replace("= 2", "= 2\n    width: Param[int] = field(default=5)")
    sealed = cells.module.Outer.C().seal()
    explicit = cells.module.Outer.C(model=cells.module.Model.C(layers=3)).seal()
    for each in (sealed, explicit):
        each.__identifier__()
    cells.run(wide)
    with Cells("my_notebook_2") as fresh:
        source = IMPORTS + wide
        source += "class Outer(Task):\n    model: Param[Model] = Model.C()\n    x: Param[int] = 1\n"
        named = source.replace("(Config):", "(Config):\n    __xpmid__ = 'my_notebook.model'")
        named = named.replace("(Task):", "(Task):\n    __xpmid__ = 'my_notebook.outer'")
        sealed.seal()
        explicit.seal()
        renewed = [sealed.__identifier__(), explicit.__identifier__()]
        renewed.append(cells.module.Outer.C().seal().__identifier__())
        fresh.run(named)
        outer, model = fresh.module.Outer, fresh.module.Model
        expected = [outer.C(), outer.C(model=model.C(layers=3)), outer.C()]
        assert renewed == [each.seal().__identifier__() for each in expected]


def test_a_new_parameter_gets_its_default(cells: Cells) -> None:
    """A configuration of the old class gets the default of a parameter that was added."""
    model = cells.module.Model.C(layers=3)
    identifier = model.__identifier__()
    cells.run(MODEL.replace("= 2", "= 2\n    names: Param[list[str]] = ['a']"))
    assert model.seal().names == ["a"]
    assert model.__identifier__() == identifier


def test_a_new_required_parameter_is_missing(cells: Cells) -> None:
    """A parameter that was added without default is a missing value of old configurations."""
    model = cells.module.Model.C(layers=3)
    cells.run(MODEL.replace("= 2", "= 2\n    width: Param[int]"))
    with pytest.raises(ValueError, match=r"width \(int\)"):
        model.seal()
    model.width = 4
    assert model.seal().width == 4


def test_a_removed_parameter_is_forgotten_if_it_had_its_default(cells: Cells) -> None:
    """A parameter that was removed does not matter where nobody had set it."""
    cells.run(MODEL.replace("= 2", "= 2\n    names: Param[list[str]] = ['a']"))
    model = cells.module.Model.C()
    cells.run(MODEL)
    assert model.seal().layers == 2
    with pytest.raises(AttributeError):
        _ = model.names


def test_a_removed_parameter_that_was_set_is_an_error(cells: Cells) -> None:
    """A value whose parameter was removed is never dropped silently."""
    cells.run(MODEL.replace("= 2", "= 2\n    width: Param[int] = 1"))
    model = cells.module.Model.C(width=5)
    cells.run(MODEL)
    for _ in range(2):
        with pytest.raises(UnknownParameterError, match="declared anew without width"):
            model.seal()


def test_a_value_that_fits_no_more_is_an_error_each_time(cells: Cells) -> None:
    """A parameter whose type was changed is checked again, and never half renewed."""
    model = cells.module.Model.C(layers=3)
    cells.run(MODEL.replace("Param[int] = 2", "Param[str] = 'two'"))
    for _ in range(2):
        with pytest.raises(ParameterError, match=r"Model\.layers = 3: expected str, got int"):
            model.seal()


def test_a_constant_takes_its_new_value(cells: Cells) -> None:
    """A Constant that the new class raises is raised in old configurations."""
    constant = "= 2\n    version: Constant[int] = 1"
    cells.run(MODEL.replace("= 2", constant))
    model = cells.module.Model.C()
    cells.run(MODEL.replace("= 2", constant.replace("= 1", "= 9")))
    assert model.seal().version == 9


def test_an_enum_may_be_declared_again(cells: Cells) -> None:
    """A member of an enum whose cell was run again is the new member of that name."""
    cells.run(COLOR)
    cells.run("class Paint(Config):\n    color: Param[Color]\n")
    old = cells.module.Color.RED
    paint = cells.module.Paint.C(color=old)
    identifier = paint.__identifier__()
    cells.run(COLOR)
    cells.run("class Paint(Config):\n    color: Param[Color]\n")
    assert cells.module.Paint.C(color=old).color is cells.module.Color.RED
    assert paint.seal().color is cells.module.Color.RED
    assert paint.__identifier__() == identifier
    cells.run(COLOR.replace("RED", "GREEN"))
    cells.run("class Paint(Config):\n    color: Param[Color]\n")
    with pytest.raises(ParameterError, match=r"Paint\.color"):
        cells.module.Paint.C(color=old)


def test_a_subclass_of_an_old_class_still_fits(cells: Cells) -> None:
    """A subclass that was declared before its base was declared again is still one of it."""
    cells.run("class BigModel(Model):\n    pass\n")
    cells.run(MODEL)
    cells.run(TRAIN)
    big = cells.module.BigModel.C()
    assert cells.module.Train.C(model=big).seal().model is big


def test_renewing_reaches_every_depth(cells: Cells) -> None:
    """Old configurations in lists and dicts of sealed ones are renewed with all the others."""
    cells.run("class All(Config):\n    models: Param[dict[str, list[Model]]]\n")
    model = cells.module.Model.C()
    everything = cells.module.All.C(models={"a": [model]}).seal()
    cells.run(MODEL)
    everything.seal()
    assert type(model).__xpm_plain__ is cells.module.Model
    instance: Any = everything.instance()
    assert type(instance.models["a"][0]) is cells.module.Model


def test_a_module_may_say_which_notebook_it_stands_for() -> None:
    """Classes of the program of a job have the names that they have in their notebook."""
    with Cells("some_program") as made:
        made.run("__xpm_notebook__ = 'My study'\n" + IMPORTS + MODEL)
        assert made.module.Model.__xpm_name__ == "my_study.model"
        made.run("__xpm_notebook__ = ''\nclass Other(Config):\n    pass")
        assert made.module.Other.__xpm_name__ == "some_program.other"
