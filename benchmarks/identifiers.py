"""The identifier of a nested configuration, against JSON and SHA-256 of the same values."""

import hashlib
import json
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.measuring import Figure, interleaved
from xpmnb import Config, Param, Task
from xpmnb.identifiers import identifier


class Optimizer(Config):
    """The third level: four parameters."""

    name: Param[str]
    rate: Param[float]
    momentum: Param[float]
    nesterov: Param[bool]


class Model(Config):
    """The second level: three parameters, one a list."""

    layers: Param[list[int]]
    activation: Param[str]
    dropout: Param[float]
    optimizer: Param[Optimizer]


class Train(Task):
    """The first level: five parameters, one a dict."""

    model: Param[Model]
    epochs: Param[int]
    seed: Param[int]
    data: Param[str]
    weights: Param[dict[str, float]]
    comment: Param[str | None]

    def execute(self) -> None:
        """Never run."""


def values(number: int) -> dict[str, Any]:
    """Return the values of a configuration as nested dicts; each number's are its own."""
    optimizer = {"name": "adam", "rate": 1 / (number + 3), "momentum": 0.9, "nesterov": True}
    model = {
        "layers": [256, 128, 64, number],
        "activation": "relu",
        "dropout": 0.25,
        "optimizer": optimizer,
    }
    return {
        "model": model,
        "epochs": 20,
        "seed": number,
        "data": "digits/train",
        "weights": {"zero": 1.0, "one": 0.5, "two": 0.25},
        "comment": None,
    }


def configuration(number: int) -> Train:
    """Return the configuration with those values, never sealed: nothing of it is kept yet."""
    train = values(number)
    model = train.pop("model")
    optimizer = Optimizer.C(**model.pop("optimizer"))
    return Train.C(model=Model.C(optimizer=optimizer, **model), **train)


def measure(folder: Path, *, number: int = 300, rounds: int = 25) -> list[Figure]:
    """Measure identifiers of configurations that are made before, and not measured.

    Parameters
    ----------
    folder
        Not used: nothing is written.
    number
        Configurations of a round.
    rounds
        Rounds.
    """
    del folder

    def ours() -> float:
        made = [configuration(each) for each in range(number)]
        before = perf_counter()
        for each in made:
            identifier(each)
        return (perf_counter() - before) / number

    def raw() -> float:
        made = [values(each) for each in range(number)]
        before = perf_counter()
        for each in made:
            hashlib.sha256(json.dumps(each).encode()).hexdigest()
        return (perf_counter() - before) / number

    note = "3 levels, 12 parameters, a list and a dict; making configurations is not in the time"
    return [Figure("identifier", *interleaved(ours, raw, rounds), 8, note)]
