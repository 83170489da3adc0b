"""Generated paths lie in the directory of the job, of the task that made them, or are shared."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.declaring import loose
from xpmnb import (
    Config,
    LightweightTask,
    Meta,
    Param,
    PathGenerator,
    ResumableTask,
    Task,
    field,
    param_group,
    partial,
)
from xpmnb.core.options import set_init_tasks
from xpmnb.core.paths import generate_paths, partial_directories
from xpmnb.core.state import state_of
from xpmnb.document import from_document, to_document
from xpmnb.errors import DeclarationError
from xpmnb.identifiers import identifier

STEPS = param_group("steps")


class Model(Config):
    layers: Param[int] = 2
    weights: Meta[Path] = field(default_factory=PathGenerator("model.pth"))


class Load(LightweightTask):
    model: Param[Model]
    scratch: Meta[Path] = field(default_factory=PathGenerator("scratch"))

    def execute(self) -> None:
        pass


class Learn(ResumableTask):
    checkpoints = partial(exclude_groups=[STEPS])
    lr: Param[float] = field(default=0.1)
    model: Param[Model]
    epochs: Param[int] = field(default=10, groups=[STEPS])
    last: Meta[Path] = field(default_factory=PathGenerator("a/model.pth", partial=checkpoints))
    folder: Meta[Path] = field(default_factory=PathGenerator(partial=checkpoints))
    own: Meta[Path] = field(default_factory=PathGenerator("own.txt"))


class Evaluate(Task):
    model: Param[Model]
    learner: Param[Learn | None] = None


def learn(**values: Any) -> Any:
    """Return a configuration of Learn with a model."""
    return Learn.C(**{"model": Model.C(), **values}).seal()


def submitted(task: Any, path: str = "/learn") -> Any:
    """Return a task that has a job in a directory."""
    state_of(task).job = SimpleNamespace(id=identifier(task), path=Path(path))
    return task


def made_by(task: Any, config: Any) -> Any:
    """Return a configuration marked as made by a task."""
    state_of(config).producer = task
    return config


def paths_of(task: Any, *configs: Any) -> list[str]:
    """Return the paths that the job of a task in `/job` generates for some configurations."""
    found = generate_paths(task, "/job", "/partials")
    return [
        str(path) for each in configs for (owner, _), path in found.items() if owner == id(each)
    ]


# --- init tasks, and what tasks make


def test_init_tasks_have_a_folder_of_their_own() -> None:
    """What only an init task uses lies below its number, what is shared lies with the task."""
    model, other = Model.C(), Model.C()
    task = Evaluate.C(model=model)
    first, second = Load.C(model=model), Load.C(model=other)
    state_of(task).init_tasks = (first, second)
    assert paths_of(task, model) == ["/job/model/model.pth"]
    assert paths_of(task, first) == ["/job/init_tasks/0/scratch"]
    assert paths_of(task, second, other) == [
        "/job/init_tasks/1/scratch",
        "/job/init_tasks/1/model/model.pth",
    ]


def test_init_tasks_are_no_parameters() -> None:
    """A parameter cannot have the name of the folder of init tasks."""
    with pytest.raises(DeclarationError, match=r"init_tasks: xpmnb uses this name itself"):

        class Bad(Task):
            init_tasks: Param[int] = 0


def test_what_a_task_made_lies_with_that_task() -> None:
    """A part of a task that it marked lies where it had it, anything else in its directory."""
    learner = submitted(learn())
    model = made_by(learner, learner.model)
    loader = made_by(learner, Load.C(model=Model.C()))
    task = Evaluate.C(model=model)
    set_init_tasks(task, (loader,))
    assert paths_of(task, model) == ["/learn/model/model.pth"]
    assert paths_of(task, loader, loader.model) == ["/learn/scratch", "/learn/model/model.pth"]


def test_what_is_not_marked_is_the_jobs_own() -> None:
    """A model that a made init task fills lies in the job that uses it, for it is not marked."""
    learner = submitted(learn())
    task = Evaluate.C(model=learner.model)
    state_of(task).init_tasks = (made_by(learner, Load.C(model=learner.model)),)
    assert paths_of(task, learner.model) == ["/job/model/model.pth"]


def test_what_another_task_holds_lies_with_that_task() -> None:
    """The parts of a submitted task in the values are found where it left them."""
    learner = submitted(learn())
    task = Evaluate.C(model=Model.C(), learner=learner)
    assert paths_of(task, learner.model) == ["/learn/model/model.pth"]
    assert paths_of(task, task.model) == ["/job/model/model.pth"]


def test_a_task_that_made_its_own_part_owns_it() -> None:
    """A task that marked a part of itself finds it in its own directory again."""
    learner = submitted(learn(), "/job")
    made_by(learner, learner.model)
    assert paths_of(learner, learner.model) == ["/job/model/model.pth"]


# --- partial identifiers


def test_tasks_that_differ_in_what_is_left_out_share_a_folder() -> None:
    """The folder is named by class, attribute and partial identifier."""
    one, two, other = learn(epochs=10), learn(epochs=20), learn(lr=0.5)
    key = identifier(one, partial=Learn.checkpoints)
    folder = f"/partials/{Learn.__xpm_name__}/checkpoints/{key}"
    assert paths_of(one, one) == [f"{folder}/a/model.pth", folder, "/job/own.txt"]
    assert paths_of(two, two) == paths_of(one, one)
    assert paths_of(other, other)[0] != paths_of(one, one)[0]
    assert partial_directories(one, "/partials") == [folder]
    assert partial_directories(two, "/partials") == [folder]
    assert partial_directories(other, "/partials") != [folder]


def test_a_job_shares_only_the_folders_that_are_its_own() -> None:
    """Folders of inner configurations and init tasks count, those of other tasks do not."""

    class Part(LightweightTask):
        files = partial(exclude_all=True)
        x: Param[int] = 0
        folder: Meta[Path] = field(default_factory=PathGenerator("a/b", partial=files))

        def execute(self) -> None:
            pass

    class Whole(Task):
        part: Param[Part]
        learner: Param[Learn | None] = None

    whole = Whole.C(part=Part.C(x=1), learner=submitted(learn()))
    [folder] = partial_directories(whole, "/partials")
    assert folder.startswith(f"/partials/{loose(Part).__xpm_name__}/files/")
    other = Evaluate.C(model=Model.C())
    assert partial_directories(other, "/partials") == []
    state_of(other).init_tasks = (Part.C(x=2),)
    assert partial_directories(other, "/partials") == [folder]
    by_hand = Whole.C(part=loose(Part).C(folder="mine"))
    assert partial_directories(by_hand, "/partials") == []


def test_a_partial_identifier_without_a_name_is_called_partial() -> None:
    """Where no class attribute holds it, the folder has a plain name."""

    class Short(Task):
        file: Meta[Path] = field(default_factory=PathGenerator("x", partial=partial()))

    short = Short.C()
    [path] = paths_of(short, short)
    assert path.split("/")[3:] == ["partial", identifier(short), "x"]


def test_a_document_knows_what_was_generated() -> None:
    """What comes from a document has the paths that it was given, and shares the same folders."""
    learner = submitted(learn(lr=0.3))
    task = learn(model=made_by(learner, Model.C()))
    loader = Load.C(model=task.model)
    set_init_tasks(task, (loader,))
    paths = generate_paths(task, "/job", "/partials")
    there = from_document(to_document(task, paths))
    assert sorted(generate_paths(there, "/elsewhere", "/others").values()) == sorted(paths.values())
    assert partial_directories(there, "/others") == partial_directories(task, "/partials")
