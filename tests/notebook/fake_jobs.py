"""Jobs that a test moves by hand; the kernels of the tests import this file too."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from xpmnb.trails import Trail, follow


class Word:
    """A state or a reason: what has a value."""

    def __init__(self, value: str) -> None:
        self.value = value
        self.is_final = value in {"done", "error"}


class FakeJob:
    """A job that runs nothing."""

    def __init__(self, number: int = 0, **tags: object) -> None:
        self.id = hashlib.sha256(str(number).encode()).hexdigest()
        self.name = "train"
        self.path = Path("runs") / "jobs" / self.id
        self.state = Word("waiting")
        self.failure_reason: Word | None = None
        self.message = ""
        self.note = ""
        self.tags: dict[str, object] = dict(tags)
        self.params: dict[str, object] = {}
        self.recognised = False
        self.code_changed = False
        self.progress: list[tuple[float | None, str]] = []
        self.metrics: dict[str, object] = {}
        self.trails: dict[str, Trail] = {}
        self.needs: tuple[str, ...] = ()
        self.is_resumable = False
        self.can_retry = False
        self.retry_count = 0
        self.submitted_at: float | None = 999.0
        self.started_at: float | None = None
        self.ended_at: float | None = None
        self.stopping = False
        self.on_cancel: Callable[[], None] = lambda: None
        self.on_retry: Callable[[], None] = lambda: None

    def run(self) -> None:
        """Begin."""
        self.state, self.started_at = Word("running"), 1_000.0

    def finish(self) -> None:
        """End well."""
        self.ended_at, self.state = 1_002.5, Word("done")

    def fail(self, reason: str = "error", message: str = "") -> None:
        """End badly."""
        self.ended_at, self.failure_reason, self.message = 1_002.5, Word(reason), message
        self.state = Word("error")
        self.can_retry = True

    def log(self, **values: float) -> None:
        """Take metrics."""
        self.metrics.update(values)
        follow(self.trails, values)

    def retry(self) -> None:
        """Ask to be run again."""
        self.on_retry()

    def cancel(self) -> None:
        """Ask to stop."""
        self.stopping = True
        self.on_cancel()
