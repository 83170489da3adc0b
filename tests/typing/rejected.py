"""What type checkers reject without a plugin.

Each comment names the error that is expected on its line, once for mypy and once for pyright. Where a
checker stops finding that error, the comment is unnecessary, and that is an error itself.
"""

from pathlib import Path
from typing import Literal

from xpmnb import Config, Meta, Param, Task, cache, field, partial


class Model(Config):
    """A configuration inside another."""

    layers: Param[int] = 2


class Train(Task):
    """A task with required and optional parameters."""

    lr: Param[float]
    epochs: Param[int] = 20
    schedule: Param[Literal["constant", "cosine"]] = field(default="constant")
    model: Param[Model | None] = None
    sizes: Param[list[int]] = field(default_factory=list[int])
    workers: Meta[int] = 4


# A value is missing.
Train.C()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
Train.C(epochs=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]

# A name is wrong.
Train.C(lr=0.1, epoch=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
Model.C(layer=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]

# A value has the wrong type.
Train.C(lr="0.1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Train.C(lr=None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Train.C(lr=0.1, epochs=1.5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Train.C(lr=0.1, workers="4")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Train.C(lr=0.1, sizes=["8"])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]

# A value is not among the choices.
Train.C(lr=0.1, schedule="linear")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

# A configuration is of another class.
Train.C(lr=0.1, model=Train.C(lr=0.1))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

# Values have names.
Train.C(0.1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]

# An attribute that was not declared does not exist.
rate = Train.C(lr=0.1).rate  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownVariableType, reportUnknownMemberType]


class Wrong(Config):
    """A default of the wrong type is found where it is declared."""

    layers: Param[int] = "2"  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]


class Terms(Config):
    """A configuration that keeps what it computes."""

    @cache("terms.txt")
    def load(self, path: Path) -> str:
        """Take a path that callers do not give."""
        return path.name


def use(terms: Terms, train: Train, model: Model) -> int:
    """Use cached methods and options wrongly."""
    # Init tasks are configurations of LightweightTask.
    train.submit(init_tasks=[model])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
    # Options have names and types.
    train.submit("thread")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    train.submit(walltime="20 s")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    train.submit(tokens=["gpu"])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    # Only a resumable task has a time that runs out.
    train.remaining_time()  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    # The path is not the caller's.
    terms.load(Path("x"))  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    # What is returned has a type.
    return terms.load()  # type: ignore[return-value]  # pyright: ignore[reportReturnType]


# A group is made by param_group.
partial(exclude_groups=["steps"])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
