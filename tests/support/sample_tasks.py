"""Tasks of an importable module, for documents and programs that other processes read."""

import enum
from pathlib import Path
from typing import Any

from xpmnb import Config, Meta, Param, PathGenerator, Task, field


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Model(Config):
    layers: Param[int] = 2
    weights: Meta[Path] = field(default_factory=PathGenerator("weights.txt"))


class Node(Config):
    value: Param[Any] = None
    next: Param["Node | None"] = None
    others: Param[dict[str, list["Node"]]] = {}  # noqa: RUF012 (a default that is copied)


class Train(Task):
    lr: Param[float]
    model: Param[Model]
    color: Param[Color] = Color.RED
    names: Param[dict[int, set[str]]] = {}  # noqa: RUF012
    out: Meta[Path] = field(default_factory=PathGenerator("out.txt"))

    def execute(self) -> dict[str, Any]:
        """Write both files; the working directory is the job directory."""
        self.out.write_text(f"lr={self.lr}", encoding="utf-8")
        self.model.weights.write_text(f"{self.model.layers}", encoding="utf-8")
        print("trained", self.color.name)  # noqa: T201 (a job prints)
        return {"accuracy": self.lr * 2, "here": Path("out.txt").exists()}
