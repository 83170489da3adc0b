"""Tasks whose course a test decides, and an experiment that ends with the test."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from xpmnb import Meta, Param, Task, experiment

DEADLINE_S = 20.0


class Signal:
    """An event made of a bare lock, which a cancellation in the midst of it cannot break.

    ``threading.Event`` is written in Python: TaskCancelled, raised in it, may leave it locked.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()

    def set(self) -> None:
        """Let all who wait go on."""
        with suppress(RuntimeError):  # it was set before
            self._lock.release()

    def wait(self, timeout_s: float) -> bool:
        """Wait until it is set; False if the time ran out first."""
        if self._lock.acquire(timeout=timeout_s):
            self.set()
            return True
        return False

    def is_set(self) -> bool:
        """Tell whether it was set."""
        return self.wait(0.001)


class Gates:
    """Named signals that let a test see a job begin and decide when it goes on. Any thread."""

    def __init__(self) -> None:
        self._signals: dict[str, Signal] = {}
        self._over = False

    def __getitem__(self, name: str) -> Signal:
        """Return the signal of a name, made when it is first asked for."""
        return self._signals.setdefault(name, Signal())

    def await_begin(self, *keys: str) -> None:
        """Wait until the held tasks of these keys run."""
        for key in keys:
            assert self[f"begun {key}"].wait(DEADLINE_S), f"{key} did not begin"

    def begun(self, key: str) -> bool:
        """Tell whether the held task of a key has begun."""
        return self[f"begun {key}"].is_set()

    def open(self, *keys: str) -> None:
        """Let the held tasks of these keys end."""
        for key in keys:
            self[f"open {key}"].set()

    def hold(self, key: str) -> None:
        """Say that a job begins, and wait until a test lets it end; can be cancelled."""
        gate = self[f"open {key}"]
        self[f"begun {key}"].set()
        while not gate.wait(0.005) and not self._over:
            pass

    def reset(self) -> None:
        """Begin anew: nothing has begun, and every gate is shut."""
        self._over = False
        self._signals = {}

    def give_up(self) -> None:
        """Let everything end: what is held, and what is going to be."""
        self._over = True


gates = Gates()


class Echo(Task):
    """Prints and returns its value."""

    x: Param[int]

    def execute(self) -> int:
        print("echo", self.x)  # noqa: T201 (what a job prints is what tests look at)
        return self.x


class Held(Task):
    """Runs until the test opens its gate."""

    key: Param[str]

    def execute(self) -> str:
        gates.hold(self.key)
        return self.key


class Failing(Task):
    """Raises an error."""

    x: Param[int]

    def execute(self) -> None:
        message = f"bad {self.x}"
        raise ValueError(message)


class Uses(Task):
    """Needs another task."""

    source: Param[Task]
    x: Param[int] = 0

    def execute(self) -> int:
        return self.x


class Counted(Task):
    """Adds a line to a file each time it runs, in one write."""

    log: Meta[Path]
    x: Param[int]
    fails: Meta[bool] = False

    def execute(self) -> int:
        fd = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            os.write(fd, f"{self.x}\n".encode())
        finally:
            os.close(fd)
        if self.fails:
            message = "as it was told"
            raise ValueError(message)
        return self.x


def lines(path: Path) -> list[str]:
    """Return the lines of a file in sorted order; none if it does not exist."""
    return sorted(path.read_text().split()) if path.exists() else []


@contextmanager
def running(root: Path, name: str = "t", **options: Any) -> Iterator[experiment]:
    """Open an experiment; let all its jobs end, and close it, at the end of the test."""
    gates.reset()
    xp = experiment(root / "runs", name, **options).start()
    try:
        yield xp
    finally:
        gates.give_up()
        xp.wait(DEADLINE_S)
        xp.close()


def scheduler_threads() -> list[str]:
    """Return the names of the threads that xpmnb has at the moment."""
    return [each.name for each in threading.enumerate() if each.name.startswith("xpmnb")]
