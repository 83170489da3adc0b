"""The body of a class becomes its parameters: forward references, defaults, inheritance."""

import re
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

import pytest

from tests.support.declaring import Cells, declare, loose
from xpmnb import Config, Constant, InstanceConfig, Meta, Param, PathGenerator, Task, field
from xpmnb.errors import DeclarationError, ParameterError, UnknownParameterError

T = TypeVar("T")


class Early(Config):
    later: Param["Later | None"] = None
    many: "Param[list[Later]]" = []  # noqa: RUF012 (a default that is copied)


class EarlyChild(Early):
    depth: Param[int] = 0


class Later(Config):
    again: Param["Later | None"] = None


FUTURE = """
from __future__ import annotations
from typing import TYPE_CHECKING
from xpmnb import Config, Param
import xpmnb
import xpmnb as nb
P = Param
Rate = Param[float]

if TYPE_CHECKING:
    from nowhere import Nothing

class Train(Config):
    a: Param[int] = 1
    b: xpmnb.Param[Model | None] = None
    c: nb.Param[list[Model]]
    d: P[str] = "d"
    e: Rate = 0.5
    note: Nothing
    word: "some words"
"""


def test_names_may_be_declared_later() -> None:
    """A parameter may name a class that a module declares further down, also in a subclass."""
    later = Later.C()
    assert Early.C(later=later).later is later
    assert EarlyChild.C(many=[later], depth=1).many == [later]
    with pytest.raises(ParameterError, match=re.escape("expected Later | None, got int")):
        loose(Early).C(later=3)


def test_a_class_may_name_itself() -> None:
    """A parameter may be of the class that declares it."""
    assert Later.C(again=Later.C(again=Later.C())).again is not None


def test_postponed_annotations_are_understood() -> None:
    """With `from __future__ import annotations` parameters are found, however Param is spelled."""
    with Cells("postponed") as cells:
        module = cells.run(FUTURE)
        module = cells.run("class Model(Config):\n    pass\n")
        model = module.Model.C()
        train = module.Train.C(b=model, c=[model], d="x", e=1)
        assert (train.a, train.b, train.c, train.d, train.e) == (1, model, [model], "x", 1.0)
        with pytest.raises(UnknownParameterError, match="note"):
            module.Train.C(note=1)


def test_names_in_functions_may_be_declared_later() -> None:
    """In a function, too, a parameter may name a class that is declared after it."""

    class First(Config):
        second: Param["Second"]

    class Second(Config):
        first: Param[First | None] = None

    second = Second.C()
    assert First.C(second=second).second is second


def test_names_of_the_class_body_are_known() -> None:
    """A parameter may name a class that is declared inside its own class."""

    class Outer(Config):
        class Inner(Config):
            size: Param[int] = 1

        inner: "Param[Inner]"

    inner = Outer.Inner.C(size=2)
    assert Outer.C(inner=inner).inner.size == 2


def test_a_name_that_never_comes_is_named() -> None:
    """A parameter of an unknown class is an error at its first use that says what is missing."""
    with Cells("unfinished") as cells:
        module = cells.run(
            "from xpmnb import Config, Param\nclass Train(Config):\n    m: Param['Modle']\n"
        )
        message = r"Train\.m: name 'Modle' is not defined; declare it before Train is used"
        with pytest.raises(DeclarationError, match=message):
            module.Train.C()
        cells.run("class Modle(Config):\n    pass\n")
        assert module.Train.C(m=module.Modle.C()).m is not None


@pytest.mark.parametrize("hint", ["Param[int] | None", "Optional[Param[int]]", "list[Param[int]]"])
def test_param_goes_around_the_whole_type(hint: str) -> None:
    """`Param[int] | None` is no ordinary annotation: the error says how to write it."""
    with Cells("inside_out") as cells, pytest.raises(DeclarationError, match="around the whole"):
        cells.run(
            "from typing import Optional\nfrom xpmnb import Config, Param\n"
            f"class Train(Config):\n    x: {hint} = None\n"
        )


@pytest.mark.parametrize("word", ["Param", "Meta", "Constant"])
def test_a_parameter_needs_a_type(word: str) -> None:
    """`x: Param` alone is refused with an example."""
    with (
        Cells("untyped") as cells,
        pytest.raises(DeclarationError, match=rf"say of.*{word}\[float"),
    ):
        cells.run(f"from xpmnb import *\nclass Train(Config):\n    x: {word} = 1\n")


def test_a_type_variable_is_no_type() -> None:
    """A generic class has to say of which type its parameters are."""
    with pytest.raises(DeclarationError, match="no type for a parameter"):

        class Box(Config, Generic[T]):
            items: Param[list[T]]


def test_annotations_without_param_are_left_alone() -> None:
    """An annotation that is no Param declares nothing, and its default stays a class attribute."""

    class Train(Config):
        count: typing.ClassVar[int] = 0
        cached: int | None = None
        callback: Callable[[], int]
        x: Param[int] = 1

    assert Train.count == 0
    assert loose(Train).C().cached is None


def test_forgetting_param_is_explained() -> None:
    """Setting what was annotated without Param says how to make it a parameter."""

    class Train(Config):
        lr: float = 0.1

    message = r"Train\.lr is no parameter: declare it as lr: Param\[\.\.\.\]"
    with pytest.raises(UnknownParameterError, match=message):
        Train.C(lr=0.2)
    with pytest.raises(UnknownParameterError, match=message):
        Train.C().lr = 0.2


def test_parameters_are_inherited() -> None:
    """A class has the parameters of its bases, and a bare assignment gives one a new default."""

    class Base(Config):
        a: Param[int]
        b: Param[float] = 1.0

    class Child(Base):
        b = 2
        c: Param[str] = "c"

    child = loose(Child).C(a=1)
    assert (child.a, child.b, child.c) == (1, 2.0, "c")
    assert type(child.b) is float
    with pytest.raises(ParameterError, match=r"Wrong\.b = 'x': expected float"):

        class Wrong(Child):
            b = "x"  # type: ignore[assignment]


def test_bases_are_asked_in_pythons_order() -> None:
    """In a diamond the default is that of the class that Python's own attribute lookup finds."""

    class Top(Config):
        x: Param[int] = 1

    class Left(Top):
        pass

    class Right(Top):
        x: Param[int] = 2

    class Bottom(Left, Right):
        pass

    assert Bottom.C().x == 2


def test_another_type_must_be_meant() -> None:
    """A parameter that changes its inherited type needs `field(overrides=True)`."""

    class Model(Config):
        pass

    class BigModel(Model):
        pass

    class Base(Config):
        model: Param[Model]

    with pytest.raises(DeclarationError, match=r"Bad\.model is .*BigModel.*overrides=True"):

        class Bad(Base):
            model: Param[BigModel]

    class Good(Base):
        model: Param[BigModel] = field(overrides=True)

    with pytest.raises(ParameterError, match="BigModel"):
        loose(Good).C(model=Model.C())


@pytest.mark.parametrize(
    ("base", "name"),
    [
        (Config, "copy"),
        (Config, "tag"),
        (Config, "tags"),
        (Config, "seal"),
        (Config, "instance"),
        (Config, "__validate__"),
        (Task, "submit"),
        (Task, "execute"),
        (Task, "job"),
        (Task, "wait"),
        (Task, "stdout"),
        (InstanceConfig, "copy"),
    ],
)
def test_names_of_the_house_are_reserved(base: Any, name: str) -> None:
    """A parameter cannot take a name that xpmnb's own classes use."""
    body = {"__annotations__": {name: Param[int]}, "__module__": __name__, "__qualname__": "Bad"}
    with pytest.raises(DeclarationError, match=rf"Bad\.{name}: xpmnb uses this name itself"):
        type(base)("Bad", (base,), body)


def test_a_reserved_name_cannot_be_mixed_in() -> None:
    """A parameter of a Config named as a part of Task cannot become a Task's parameter."""

    class Work(Config):
        job: Param[int]

    with pytest.raises(DeclarationError, match=r"job: xpmnb uses this name itself"):

        class Train(Work, Task):
            pass


def test_a_parameter_may_be_named_c() -> None:
    """The regularisation of a support-vector machine is called C, and may be."""

    class Machine(Config):
        C: Param[float] = 1.0

    config = loose(Machine).C(C=0.1)
    assert (config.C, config.instance().C, loose(Machine).C().C) == (0.1, 0.1, 1.0)


def test_a_method_cannot_hide_a_parameter() -> None:
    """A subclass that gives a parameter's name to a method is refused."""

    class Base(Config):
        size: Param[int] = 1

    with pytest.raises(DeclarationError, match=r"size hides the parameter .*Base\.size"):

        class Child(Base):
            def size(self) -> int:  # type: ignore[misc, override]
                return 1


def test_a_default_must_fit() -> None:
    """A default of the wrong type is an error in the cell that declares it."""
    with pytest.raises(ParameterError, match=r"Holder\.x = 'a': expected int, got str"):
        declare(int, x="a")


def test_constants_cannot_be_set() -> None:
    """A Constant has its value, and refuses another with the place where it is set."""

    class Train(Config):
        version: Constant[int] = 2

    class Newer(Train):
        version = 3

    assert (Train.C().version, loose(Newer).C().version) == (2, 3)
    for build in (lambda: Train.C(version=2), lambda: setattr(Train.C(), "version", 2)):
        with pytest.raises(ParameterError, match=r"Train\.version is a Constant \(2\)"):
            build()


def test_a_constant_needs_a_value() -> None:
    """A Constant without a value is refused where it is declared."""
    with pytest.raises(DeclarationError, match=r"version: a Constant needs its value"):

        class Train(Config):
            version: Constant[int]


def test_a_path_generator_needs_a_path() -> None:
    """A PathGenerator for another type than Path is refused where it is declared."""
    with pytest.raises(DeclarationError, match=r"Holder\.x: a PathGenerator makes a Path"):
        declare(str, x=field(default_factory=PathGenerator("x")))

    class Train(Config):
        x: Meta[Path | None] = field(default_factory=PathGenerator("x"))


def test_names_that_differ_in_case_only_are_refused() -> None:
    """Two classes whose declared name is the same in lower case are not taken for one another."""
    with Cells("upper_and_lower") as cells:
        cells.run("from xpmnb import Config\nclass Model(Config):\n    pass\n")
        with pytest.raises(DeclarationError, match=r"MODEL and Model have one declared name"):
            cells.run("class MODEL(Config):\n    pass\n")
        cells.run("class MODEL(Config):\n    __xpmid__ = 'other.model'\n")


@pytest.mark.parametrize("name", ["", ".", "..", "a..b", "a/b", "../a", "a b", ".a", "a.", 3])
def test_an_own_name_must_be_a_name(name: object) -> None:
    """An `__xpmid__` that could not name a directory is refused."""
    with pytest.raises(DeclarationError, match="use letters, digits"):
        declare(int, __xpmid__=name)


def test_every_class_has_a_declared_name() -> None:
    """The declared name is module and qualified name in lower case; `__xpmid__` replaces it."""

    class Train(Config):
        pass

    class Named(Config):
        __xpmid__ = "My.Train"

    class Child(Named):
        pass

    here = f"{__name__}.test_every_class_has_a_declared_name".lower()
    assert Train.__xpm_name__ == f"{here}.train"
    assert Named.__xpm_name__ == "My.Train"
    assert Child.__xpm_name__ == f"{here}.child"


@pytest.mark.parametrize("kind", [property, staticmethod, classmethod])
def test_a_parameter_is_no_property(kind: Any) -> None:
    """A name that is a parameter and also a property or a method is refused."""
    with pytest.raises(DeclarationError, match=r"Holder\.x is a parameter and also a property"):
        declare(int, x=kind(lambda self: self))
