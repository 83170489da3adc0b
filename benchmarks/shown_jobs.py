"""Panels of many rows, ours and one of plain ipywidgets: for kernels that are measured."""

from pathlib import Path
from typing import Any

import ipywidgets  # type: ignore[import-untyped] # it has no types
from IPython.display import display

from xpmnb.notebook.panel import attach
from xpmnb.records.states import JobState
from xpmnb.trails import Trails, follow


class ShownJob:
    """A job as far as a panel reads it, moved by hand."""

    def __init__(self, number: int) -> None:
        self.id = f"{number:064x}"
        self.name = "train"
        self.path = Path("runs/jobs/train") / self.id
        self.state = JobState.RUNNING
        self.failure_reason = None
        self.message = self.note = ""
        self.tags: dict[str, Any] = {"lr": 0.001 * number, "seed": number}
        self.params: dict[str, Any] = {}
        self.recognised = self.code_changed = self.stopping = False
        self.progress: list[tuple[float | None, str]] = [(0.0, "epochs 0/20")]
        self.metrics: dict[str, Any] = {}
        self.trails: Trails = {}
        self.needs: tuple[str, ...] = ()
        self.is_resumable = self.can_retry = False
        self.retry_count = 0
        self.submitted_at = self.started_at = 1.7e9
        self.ended_at = None

    def advance(self, step: int) -> None:
        """Report another epoch."""
        self.progress = [(step % 20 / 20, f"epochs {step % 20}/20")]
        self.metrics["loss"] = 1 / (1 + step)
        follow(self.trails, self.metrics)

    def cancel(self) -> None:
        """Do nothing."""

    def retry(self) -> None:
        """Do nothing."""


class Ours:
    """A panel of this package."""

    def __init__(self, rows: int) -> None:
        feed = attach()
        assert feed is not None, "this is to be run in a kernel"  # noqa: S101
        self._feed = feed
        self._jobs = [ShownJob(number) for number in range(rows)]
        self._step = 0
        for job in self._jobs:
            feed.submitted(job)
        feed.flush()

    def change(self, count: int) -> None:
        """Change some rows, and have them sent."""
        self._step += 1
        for job in self._jobs[:count]:
            job.advance(self._step)
            self._feed.changed(job)
        self._feed.flush()


class Plain:
    """What people put together: four widgets in a row."""

    def __init__(self, rows: int) -> None:
        self._rows = [
            [
                ipywidgets.Label(f"train lr={0.001 * number:.3g}"),
                ipywidgets.FloatProgress(max=1.0),
                ipywidgets.Label("epochs 0/20"),
                ipywidgets.Button(description="Stop"),
            ]
            for number in range(rows)
        ]
        self._step = 0
        display(ipywidgets.VBox([ipywidgets.HBox(row) for row in self._rows]))  # type: ignore[no-untyped-call] # IPython

    def change(self, count: int) -> None:
        """Change some rows: two values each."""
        self._step += 1
        for _, bar, label, _ in self._rows[:count]:
            bar.value = self._step % 20 / 20
            label.value = f"epochs {self._step % 20}/20, loss {1 / (1 + self._step):.4g}"
