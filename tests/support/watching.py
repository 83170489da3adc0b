"""A task with dynamic outputs, a job of it, and what writes its outputs."""

from pathlib import Path
from typing import Any

from xpmnb import Config, DependentMarker, Param, Task, field
from xpmnb.arguments import arguments_to_json
from xpmnb.core.state import state_of
from xpmnb.records.journal import JournalWriter
from xpmnb.records.layout import JobLayout
from xpmnb.records.states import FailureReason, JobState
from xpmnb.records.task_outputs import TaskOutput
from xpmnb.scheduler.jobs import Job


class Model(Config):
    layers: Param[int] = 2


class Checkpoint(Config):
    model: Param[Model]
    step: Param[int]


class Validation(Config):
    model: Param[Model]

    def checkpoint(self, dep: DependentMarker, *, step: int) -> Checkpoint:
        return dep(Checkpoint.C(model=self.model, step=step))

    def best(self, dep: DependentMarker, step: int) -> Checkpoint:
        return dep(Checkpoint.C(model=self.model, step=-step))


class Evaluate(Config):
    checkpoint: Param[Checkpoint]


class Learn(Task):
    model: Param[Model]
    validation: Param[Validation]
    lr: Param[float] = 0.1
    others: Param[list[Validation]] = field(default_factory=list)
    named: Param[dict[str, Validation]] = field(default_factory=dict)

    def checkpoint(self, dep: DependentMarker, *, step: int) -> Checkpoint:
        return dep(Checkpoint.C(model=self.model, step=step))

    def execute(self) -> None:
        """Do nothing: tests write the outputs."""


def learning(**changes: Any) -> Learn:
    """Return a sealed task."""
    model = Model.C()
    given = {"model": model, "validation": Validation.C(model=model), **changes}
    return Learn.C(**given).seal()


class Learning:
    """A job whose course a test writes down, instead of a scheduler and a runner."""

    def __init__(self, root: Path, identifier: str = "a", task: Any = None) -> None:
        self.layout = JobLayout(f"{root}/jobs/nb.learn/{identifier}")
        self.task = task or learning()
        launcher: Any = None  # it never runs
        self.job = Job(self.layout, self.task, {}, launcher, lambda _: None)
        state_of(self.task).job = self.job
        Path(self.layout.hidden).mkdir(parents=True)

    def register(self, method: str, *args: Any, attempt: int = 1, **kwargs: Any) -> None:
        """Write an output; the method is named with the path to its object: ``a.b.method``."""
        *path, name = method.split(".")
        encoded = arguments_to_json(args, kwargs)
        writer = JournalWriter(self.layout.outputs)
        writer.append(TaskOutput(tuple(path), name, *encoded, 5.0, attempt).to_json())
        writer.close()

    def settle(self, *, ok: bool = True) -> None:
        """Let the job end."""
        self.job.settle(JobState.DONE if ok else JobState.error(FailureReason.ERROR))
