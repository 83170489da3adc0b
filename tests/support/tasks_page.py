"""The code examples of the page on tasks, with their elided bodies filled in.

The classes are those of the page; what a body does is the least that lets a test see it.
"""

import json
import os
import pickle
import time
from pathlib import Path
from typing import Any

from xpmnb import (
    Config,
    DependentMarker,
    GracefulTimeout,
    LightweightTask,
    Meta,
    Param,
    PathGenerator,
    ResumableTask,
    Task,
    TaskCancelled,
    cache,
    field,
)
from xpmnb.core.types import SubmitHook
from xpmnb.launchers import Launcher
from xpmnb.scheduler.jobs import Job

DEADLINE_S = 30.0


def await_file(path: Path) -> None:
    """Wait until a file exists."""
    deadline = time.monotonic() + DEADLINE_S
    while not path.exists():
        if time.monotonic() > deadline:
            message = f"{path} has not appeared"
            raise TimeoutError(message)
        time.sleep(0.005)


# --- Defining a task


class Network(Config):
    layers: Param[int] = 2


class ModelLearn(Task):
    epochs: Param[int] = 100
    model: Param[Network]
    parameters: Meta[Path] = field(default_factory=PathGenerator("parameters.pth"))

    def execute(self) -> dict[str, Any]:
        """Write the parameters, and return what the task knows of itself."""
        self.parameters.write_text(f"{self.epochs} epochs of {self.model.layers} layers")
        return {
            "cwd": str(Path.cwd()),
            "tags": self.__tags__,
            "taskdir": str(self.__taskdir__),
            "maintaskdir": str(self.__maintaskdir__),
        }


# --- Tasks outputs: a fold of a dataset, of which the topics are sampled


class Topics(Config):
    path: Param[Path]


class Documents(Config):
    path: Param[Path]


class Dataset(Config):
    topics: Param[Topics]
    documents: Param[Documents]


class RandomFold(Task):
    dataset: Param[Dataset]
    """The source dataset"""
    seed: Param[int] = 0
    topics: Param[Path] = field(default_factory=PathGenerator("topics.tsv"))
    """Generated topics"""

    def task_outputs(self, dep: DependentMarker) -> Dataset:
        return dep(
            Dataset.C(
                topics=dep(Topics.C(path=self.topics)),
                documents=self.dataset.documents,
            )
        )

    def execute(self) -> None:
        lines = self.dataset.topics.path.read_text().splitlines()
        self.topics.write_text("\n".join(lines[self.seed :: 2]))


class CountTopics(Task):
    topics: Param[Topics]

    def execute(self) -> int:
        return len(self.topics.path.read_text().splitlines())


class CountDocuments(Task):
    documents: Param[Documents]

    def execute(self) -> int:
        return len(self.documents.path.read_text().splitlines())


# --- Wrapping the task output


class Index(Config):
    path: Meta[Path]


class BuildIndex(Task):
    words: Param[int]
    path: Meta[Path] = field(default_factory=PathGenerator("index"))

    def task_outputs(self, dep: DependentMarker) -> Index:
        return dep(Index.C(path=self.path))

    def execute(self) -> None:
        self.path.write_text("word " * self.words)


class Search(Task):
    index: Param[Index]

    def execute(self) -> int:
        return len(self.index.path.read_text().split())


# --- Initialization tasks


class Model(Config):
    size: Param[int] = 1

    def __post_init__(self) -> None:
        self.weights: list[int] | None = None


class ModelLoader(LightweightTask):
    path: Meta[Path]
    model: Param[Model]

    def execute(self) -> None:
        self.model.weights = json.loads(self.path.read_text())


class Evaluate(Task):
    model: Param[Model]

    def execute(self) -> list[int] | None:
        return self.model.weights


class ModelLearner(Task):
    model: Param[Model]
    rate: Param[int] = 1
    path: Meta[Path] = field(default_factory=PathGenerator("model.json"))

    def task_outputs(self, dep: DependentMarker) -> ModelLoader:
        return dep(ModelLoader.C(model=self.model, path=self.path))

    def execute(self) -> None:
        self.path.write_text(json.dumps([self.rate] * self.model.size))


# --- Submit hooks


class needs_java(SubmitHook):  # noqa: N801 (as on the page)
    def __init__(self, version: int) -> None:
        self.version = version

    def spec(self) -> int:
        """Return a hashable identifier for this hook (so it is only applied once)."""
        return self.version

    def process(self, job: Job, launcher: Launcher) -> None:  # noqa: ARG002 (as on the page)
        """Apply the hook for a given job/launcher."""
        job.environ["JAVA_HOME"] = f"/java/{self.version}{job.environ.get('JAVA_HOME', '')}"


@needs_java(11)
class IndexCollection(Config):
    name: Param[str]


class IndexTask(Task):
    first: Param[IndexCollection]
    second: Param[IndexCollection]

    def execute(self) -> str | None:
        return os.environ.get("JAVA_HOME")


# --- Resumable tasks


def load_checkpoint(path: Path) -> int:
    """Return the epoch to go on with."""
    return int(path.read_text()) + 1


def save_checkpoint(path: Path, epoch: int) -> None:
    """Note the last epoch that is through."""
    aside = path.with_suffix(".new")  # a request to stop may come at any time
    aside.write_text(str(epoch))
    aside.replace(path)


class LongTraining(ResumableTask):
    epochs: Param[int] = 1000
    epoch_s: Meta[float] = 0.0
    buffer_s: Meta[float] = 0.0
    checkpoint: Meta[Path] = field(default_factory=PathGenerator("checkpoint.pth"))

    def execute(self) -> dict[str, Any]:
        # Check if we're resuming from a checkpoint
        start_epoch = 0
        if self.checkpoint.exists():
            start_epoch = load_checkpoint(self.checkpoint)

        # Continue training from where we left off
        for epoch in range(start_epoch, self.epochs):
            # Check if we have enough time for another epoch
            remaining = self.remaining_time()
            if remaining is not None and remaining < self.buffer_s:
                raise GracefulTimeout("Not enough time for another epoch")
            print(f"epoch {epoch}")  # noqa: T201 (as tasks do)
            time.sleep(self.epoch_s)
            save_checkpoint(self.checkpoint, epoch)
        return {"start": start_epoch, "remaining": self.remaining_time() is not None}


# --- Graceful termination


class LongRunningTask(Task):
    begun: Meta[Path]
    swallows: Meta[bool] = False

    def execute(self) -> None:
        try:
            self.begun.touch()
            while True:
                time.sleep(0.01)
        except TaskCancelled as e:
            Path("state").write_text(json.dumps(e.remaining_time))
            if not self.swallows:
                raise


# --- Dynamic task outputs


class Checkpoint(Config):
    step: Param[int]
    model: Param[Model]


class Validation(Config):
    model: Param[Model]

    def checkpoint(self, dep: DependentMarker, *, step: int) -> Checkpoint:
        """Make a dynamic output."""
        return dep(Checkpoint.C(model=self.model, step=step))

    def compute(self, step: int) -> None:
        """Register an output; called during task execution."""
        self.register_task_output(self.checkpoint, step=step)


class Learn(ResumableTask):
    model: Param[Model]
    validation: Param[Validation]
    learn: Param[float]
    steps: Meta[int] = 30

    def execute(self) -> None:
        for step in range(self.steps):
            if step % 10 == 0:
                self.validation.compute(step)


class EvaluateCheckpoint(Task):
    checkpoint: Param[Checkpoint]

    def execute(self) -> int:
        return self.checkpoint.step


# --- Lightweight tasks using @cache


class Terms(Config):
    words: Param[int]
    calls: Meta[Path]

    def compute_weights(self) -> list[int]:
        with self.calls.open("a") as file:
            file.write("computed\n")
        return list(range(self.words))

    @cache("terms.pkl")
    def load(self, path: Path) -> list[int]:
        if path.is_file():
            loaded: list[int] = pickle.loads(path.read_bytes())  # noqa: S301 (its own)
            return loaded

        # Value which can be long to compute
        weights = self.compute_weights()
        path.write_bytes(pickle.dumps(weights))
        return weights


class UseTerms(Task):
    terms: Param[Terms]
    number: Param[int]

    def execute(self) -> int:
        return sum(self.terms.load())
