"""What type checkers accept without a plugin, and the types that they see."""

from enum import Enum
from pathlib import Path
from typing import Literal, assert_type

from xpmnb import Config, Constant, Meta, Param, PathGenerator, Task, field, tag


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
