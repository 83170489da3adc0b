"""Configurations become the objects that `execute` sees, with paths in the job directory."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.declaring import Cells, loose
from xpmnb import (
    Config,
    InstanceConfig,
    LightweightTask,
    Meta,
    Param,
    PathGenerator,
    Task,
    cache,
    field,
)
from xpmnb.core.objects import build, instantiate
from xpmnb.core.paths import generate_paths
from xpmnb.core.state import is_configuration, is_declared, state_of
from xpmnb.errors import DeclarationError, MissingParameterError
from xpmnb.identifiers import identifier

CALLS: list[str] = []


class Model(Config):
    name: Param[str] = "m"
    weights: Meta[Path] = field(default_factory=PathGenerator("w/model.pth"))

    def __init__(self) -> None:
        assert not hasattr(self, "name") or self.name == "m"
        CALLS.append("init")
        self.made_in_init = 1

    def __post_init__(self) -> None:
        CALLS.append(f"post {self.name}")


class Pair(Config):
    a: Param[Model]
    b: Param[Model]

    def __post_init__(self) -> None:
        assert self.a.made_in_init == 1
        CALLS.append("post pair")


class Node(Config):
    next: Param["Node | None"] = None


class Train(Task):
    model: Param[Model | None] = None
    models: Param[list[Model]] = []  # noqa: RUF012 (a default that is copied)
    by_name: Param[dict[str, Model]] = {}  # noqa: RUF012
    log: Meta[Path] = field(default_factory=PathGenerator("log.txt"))

    def execute(self) -> None:
        pass


class Evaluate(Task):
    learner: Param[Train]
    report: Meta[Path] = field(default_factory=PathGenerator("report.txt"))


def test_an_object_is_made_then_filled_then_finished() -> None:
    """Objects get `__init__()`, then attributes, then `__post_init__()`, inner ones first."""
    CALLS.clear()
    pair = Pair.C(a=loose(Model).C(name="a"), b=loose(Model).C(name="b")).instance()
    assert CALLS == ["init", "init", "post a", "post b", "post pair"]
    assert (pair.a.name, pair.b.name) == ("a", "b")
    assert not is_configuration(pair)
    assert is_declared(pair)
    assert type(pair) is Pair


def test_shared_configurations_become_shared_objects() -> None:
    """A configuration that is used twice becomes one object; two equal ones become two."""
    model = Model.C()
    shared = Pair.C(a=model, b=model).instance()
    assert shared.a is shared.b
    distinct = Pair.C(a=Model.C(), b=Model.C()).instance()
    assert distinct.a is not distinct.b


def test_each_call_makes_new_objects() -> None:
    """Two objects of one configuration share nothing that can be changed."""
    train = Train.C(models=[Model.C()])
    one, other = train.instance(), train.instance()
    assert one is not other
    assert one.models[0] is not other.models[0]
    one.models.append(one.models[0])
    one.models[0].name = "changed"
    assert [model.name for model in other.models] == ["m"]
    assert len(train.models) == 1


def test_cycles_become_cycles_of_objects() -> None:
    """Configurations that hold each other become objects that hold each other."""
    one, two = Node.C(), Node.C()
    one.next, two.next = two, one
    made = one.instance()
    assert made.next is not None
    assert made.next is not made
    assert made.next.next is made


def test_an_instance_is_an_ordinary_object() -> None:
    """Objects may be changed, and hold whatever `execute` likes."""
    node: Any = Node.C().seal().instance()
    node.anything = object()
    node.next = 3
    assert node.next == 3


def test_an_init_with_arguments_is_explained() -> None:
    """A class whose `__init__` needs arguments is refused where it is declared."""
    with pytest.raises(DeclarationError, match=r"Bad\.__init__ is called without arguments.*size"):

        class Bad(Config):
            def __init__(self, size: int) -> None:
                pass


def test_paths_lie_where_their_configuration_is_used() -> None:
    """A task's path lies in the job directory, those of inner ones under names and places."""
    model, first, second, named = Model.C(), Model.C(), Model.C(), Model.C()
    train = Train.C(
        model=model, models=[first, second], by_name={"big": named, "../up": Model.C()}
    ).seal()
    paths = generate_paths(train, "/job", "/partials")
    assert paths[id(train), "log"] == Path("/job/log.txt")
    assert paths[id(model), "weights"] == Path("/job/model/w/model.pth")
    assert paths[id(first), "weights"] == Path("/job/models/0/w/model.pth")
    assert paths[id(second), "weights"] == Path("/job/models/1/w/model.pth")
    assert paths[id(named), "weights"] == Path("/job/by_name/big/w/model.pth")
    assert paths[id(train.by_name["../up"]), "weights"] == Path("/job/by_name/1/w/model.pth")
    assert len(set(paths.values())) == len(paths)


def test_paths_set_by_hand_are_kept() -> None:
    """A path that was given is not generated."""
    train = Train.C(log=Path("mine.txt"), model=loose(Model).C(weights=Path("w"))).seal()
    assert generate_paths(train, "/job", "/partials") == {}
    made = instantiate(train, {})
    assert made.log == Path("mine.txt")


def test_paths_of_another_task_lie_in_its_directory() -> None:
    """What a submitted task generated for its own configurations is found there by its users."""
    learner = Train.C(model=Model.C()).seal()
    state_of(learner).job = SimpleNamespace(path=Path("/other"))
    evaluate = Evaluate.C(learner=learner).seal()
    paths = generate_paths(evaluate, "/job", "/partials")
    assert paths[id(evaluate), "report"] == Path("/job/report.txt")
    assert paths[id(learner.model), "weights"] == Path("/other/model/w/model.pth")
    made = instantiate(evaluate, paths)
    assert made.learner.model is not None
    assert made.learner.model.weights == Path("/other/model/w/model.pth")


def test_a_parameter_added_after_submission_is_an_object_too() -> None:
    """The default of a parameter that is newer than a submitted task is made an object."""
    with Cells("added_later") as cells:
        old = "from xpmnb import *\nclass Inner(Config):\n    pass\nclass Job1(Task):\n    pass\n"
        submitted = cells.run(old).Job1.C().seal()
        state_of(submitted).job = SimpleNamespace(id="00", path=Path("/other"))
        cells.run("class Job1(Task):\n    inner: Param[Inner] = Inner.C()\n")
        made = instantiate(submitted)
        assert type(made.inner) is cells.module.Inner


def test_members_of_enums_are_those_of_the_newest_cell() -> None:
    """After the cell of an enum was run again, an object holds the members that its code names."""
    declare = "import enum\nclass Kind(enum.Enum):\n    FAST = 1\n    SLOW = 2\n"
    with Cells("enums") as cells:
        cells.run("from xpmnb import Config, Param")
        cells.run(declare)
        cells.run(
            "class Uses(Config):\n    kind: Param[Kind]\n    kinds: Param[dict[Kind, list[Kind]]]"
        )
        module = cells.module
        config = module.Uses.C(kind=module.Kind.FAST, kinds={module.Kind.FAST: [module.Kind.SLOW]})
        cells.run(declare)
        for made in (config, module.Uses.C(kind=module.Kind.FAST, kinds=config.kinds)):
            instance = instantiate(made)
            assert instance.kind is module.Kind.FAST
            assert instance.kinds[module.Kind.FAST][0] is module.Kind.SLOW
        cells.run("class Kind(enum.Enum):\n    FAST = 1")
        assert instantiate(config).kinds[module.Kind.FAST][0].name == "SLOW"


def test_equal_instance_configurations_stay_two_objects() -> None:
    """Two equal InstanceConfigs become two objects, and one used twice becomes one."""

    class Weights(InstanceConfig):
        size: Param[int] = 1

    class Two(Config):
        a: Param[Weights]
        b: Param[Weights]

    shared = Weights.C()
    assert Two.C(a=shared, b=Weights.C()).instance().a.size == 1
    made = Two.C(a=shared, b=shared).instance()
    assert made.a is made.b


def test_paths_that_were_set_by_submitting_are_generated_again() -> None:
    """A task whose paths are known already still says which folders its job needs."""
    train = Train.C(model=Model.C()).seal()
    paths = generate_paths(train, "/job", "/partials")
    train.__dict__["log"] = paths[id(train), "log"]
    assert generate_paths(train, "/job", "/partials") == paths


class Load(LightweightTask):
    model: Param[Model]
    extra: Param[Model | None] = None

    def execute(self) -> None:
        self.model.name = "loaded"


class Keeps(Config):
    x: Param[int] = 1

    @cache("x")
    def load(self, path: Path) -> None:
        """Keep something."""


def test_init_tasks_work_on_the_objects_of_the_task() -> None:
    """The model that an init task fills is the model that the task sees."""
    model = Model.C()
    task = Train.C(model=model, models=[Model.C(), model])
    first, second = Load.C(model=model), Load.C(model=model, extra=loose(Model).C(name="e"))
    state_of(task).init_tasks = (first, second, first)
    built = build(task.seal(), generate_paths(task, "/job", "/partials"))
    one, two, three = built.init_tasks
    assert (type(one), type(two), one is three) == (Load, Load, True)
    assert one.model is two.model is built.root.model is built.root.models[1]
    one.execute()
    assert built.root.model.name == "loaded"
    assert two.extra.weights == Path("/job/init_tasks/1/extra/w/model.pth")


def test_the_place_of_each_object_is_known() -> None:
    """Each object of a job is found with the path from its task, each once."""
    model = Model.C()
    task = Train.C(model=model, models=[Model.C(), model], by_name={"a": Model.C()})
    state_of(task).init_tasks = (Load.C(model=model, extra=loose(Model).C(name="e")),)
    built = build(task.seal(), {})
    places = {place: each for each, place in built.places.values()}
    [load] = built.init_tasks
    assert places == {
        (): built.root,
        ("model",): built.root.model,
        ("models", "0"): built.root.models[0],
        ("by_name", "a"): built.root.by_name["a"],
        ("init_tasks", "0"): load,
        ("init_tasks", "0", "extra"): load.extra,
    }
    assert all(key == id(each) for key, (each, _) in built.places.items())


def test_an_init_task_may_know_its_task() -> None:
    """An init task that holds the task itself gets the object of the task."""

    class Setup(LightweightTask):
        task: Param[Task]

    task = Train.C()
    setup = Setup.C(task=task)
    state_of(task).init_tasks = (setup,)
    before = identifier(task.seal())
    assert identifier(task) == before
    built = build(task, {})
    assert built.init_tasks[0].task is built.root


def test_init_tasks_are_sealed_and_checked_with_their_task() -> None:
    """Sealing a task completes, checks and seals what runs before it."""
    task = Train.C()
    load = loose(Load).C(extra=Model.C())
    state_of(task).init_tasks = (load,)
    with pytest.raises(MissingParameterError, match=r"init_tasks\.0\.model"):
        task.seal()
    load.model = Model.C()
    task.seal()
    assert state_of(load).sealed
    assert state_of(load.extra).sealed


def test_only_what_keeps_values_knows_its_identifier() -> None:
    """Objects of classes with cached methods, and no others, carry their identifier."""
    keeps = Keeps.C(x=2)
    assert vars(keeps.instance())["__xpm_identifier__"] == identifier(keeps)
    assert "__xpm_identifier__" not in vars(Model.C().instance())

    class Derived(Keeps):
        pass

    assert vars(loose(Derived).C().instance())["__xpm_identifier__"]
