"""What type checkers accept without a plugin, and the types that they see."""

from enum import Enum
from pathlib import Path
from typing import Any, Literal, assert_type

from xpmnb import (
    Config,
    Constant,
    DependentMarker,
    LightweightTask,
    Meta,
    Param,
    PathGenerator,
    ResumableTask,
    SubmitHook,
    Task,
    cache,
    field,
    param_group,
    partial,
    tag,
)


class Optimizer(Enum):
    """A choice by name."""

    SGD = "sgd"
    ADAM = "adam"


class Model(Config):
    """A configuration inside another."""

    layers: Param[int] = 2
    widths: Param[list[int]] = field(default_factory=list[int])
    dropout: Param[float | None] = None
    version: Constant[int] = 1


class DeepModel(Model):
    """A configuration that adds a parameter to its base."""

    residual: Param[bool] = field(default=False, help="add skip connections")


class Train(Task):
    """A task with every kind of parameter."""

    lr: Param[float]
    model: Param[Model]
    epochs: Param[int] = 20
    optimizer: Param[Optimizer] = Optimizer.SGD
    schedule: Param[Literal["constant", "cosine"]] = field(default="constant", ignore_default=True)
    labels: Param[dict[str, int]] = field(default_factory=dict[str, int])
    teacher: Param["Train | None"] = None
    workers: Meta[int] = 4
    checkpoint: Meta[Path] = field(default_factory=PathGenerator("checkpoint.npz"))

    def execute(self) -> dict[str, float]:
        """Values have the types that were declared, without the wrapper."""
        assert_type(self.lr, float)
        assert_type(self.model, Model)
        assert_type(self.model.dropout, float | None)
        assert_type(self.model.widths, list[int])
        assert_type(self.optimizer, Optimizer)
        assert_type(self.schedule, Literal["constant", "cosine"])
        assert_type(self.labels, dict[str, int])
        assert_type(self.teacher, "Train | None")
        assert_type(self.workers, int)
        assert_type(self.checkpoint, Path)
        return {"accuracy": 0.5}


# A configuration is of the class that was declared: completion and hover work as on an object.
train = Train.C(lr=0.1, model=Model.C())
assert_type(train, Train)
assert_type(train.lr, float)
assert_type(train.model.layers, int)

# A derived configuration fits where its base is asked for, a tag keeps the type of its value,
# and an int is a float.
deep = DeepModel.C(layers=3, residual=True, widths=[8, 8])
assert_type(deep, DeepModel)
assert_type(tag(0.1), float)
student = Train.C(lr=tag(1), model=deep, teacher=train, labels={"a": 1}, workers=2)
assert_type(student, Train)


class Terms(Config):
    """A configuration that keeps what it computes."""

    size: Param[int] = 2

    @cache("terms.txt")
    def load(self, path: Path, *, strict: bool = False) -> list[int]:
        """Take a path that callers do not give."""
        return [len(path.name), self.size, strict]


def use(terms: Terms) -> list[int]:
    """Call a cached method without its path; only defined, for there is no workspace here."""
    assert_type(terms.load(), list[int])
    return terms.load(strict=True)


class needs(SubmitHook):  # noqa: N801 (reads as a decorator)
    """A decorator of classes."""

    def process(self, job: Any, launcher: Any) -> None:
        """Add a variable."""
        job.environ["A"] = "b"


class Load(LightweightTask):
    """An init task."""

    model: Param[Model]

    def execute(self) -> None:
        """Fill the model."""


steps = param_group("steps")


@needs()
class Learn(ResumableTask):
    """A task that registers outputs, and shares files with others."""

    __launcher__ = "process"

    checkpoints = partial(exclude_groups=[steps])
    model: Param[Model]
    epochs: Param[int] = field(default=10, groups=[steps])
    last: Meta[Path] = field(default_factory=PathGenerator("last.npz", partial=checkpoints))

    def checkpoint(self, dep: DependentMarker, *, step: int) -> Model:
        """Make an output."""
        return dep(Model.C(layers=step))

    def execute(self) -> None:
        """Register one."""
        assert_type(self.remaining_time(), float | None)
        self.register_task_output(self.checkpoint, step=1)


learn = Learn.C(model=Model.C(), epochs=3)
assert_type(learn, Learn)
assert_type(learn.on_completed(lambda: None).on_completed(print), Learn)
assert_type(learn.watch_output(learn.checkpoint, print), Learn)


def submit(task: Learn, loader: Load) -> None:
    """Submit with every option; only defined, for there is no experiment here."""
    task.submit(init_tasks=[loader], walltime=20, max_retries=2, tokens={"gpu": 1})
    task.submit(launcher="thread", environ={"OMP_NUM_THREADS": "1"})
