"""A nursery in the hands of a test: what it tells is kept, and can be waited for."""

import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.entries import ENTRY, POLL_S, request
from xpmnb.launchers.interpreters import Interpreters
from xpmnb.launchers.nursery import Nursery, Order

DEADLINE_S = 30.0


def await_true(predicate: Callable[[], Any], what: str = "it") -> None:
    """Look again and again until something is so."""
    deadline = time.monotonic() + DEADLINE_S
    while not predicate():
        assert time.monotonic() < deadline, f"{what} did not come about"
        time.sleep(POLL_S)


def is_alive(pid: int) -> bool:
    """Tell whether a process runs: one that nobody has reaped yet does not."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return text.rpartition(")")[2].split()[0] != "Z"


def children_of(pid: int) -> list[int]:
    """Return the processes, dead ones too, whose parent is this one."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            text = Path(f"/proc/{name}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(text.rpartition(")")[2].split()[1]) == pid:
            found.append(int(name))
    return found


def read_json(path: Path) -> Any:
    """Wait for a file, and return what it holds."""
    await_true(path.exists, path.name)
    return json.loads(path.read_text())


class Ear:
    """Keeps what processes report. Any thread."""

    def __init__(self) -> None:
        self.reports: list[dict[str, Any]] = []
        self.problem: str | None = None
        self._news = threading.Condition()

    def heard(self, report: dict[str, Any]) -> None:
        """Keep a report."""
        with self._news:
            self.reports.append(report)
            self._news.notify_all()

    def ended(self, _: object, problem: str) -> None:
        """Keep how it ended."""
        with self._news:
            self.problem = problem
            self._news.notify_all()

    def of(self, key: int, event: str) -> list[dict[str, Any]]:
        """Return the reports of one kind about one process."""
        return [each for each in self.reports if (each["key"], each["event"]) == (key, event)]

    def wait(self, key: int, event: str = "exited") -> dict[str, Any]:
        """Wait for a report, and return it."""
        with self._news:
            came = self._news.wait_for(lambda: self.of(key, event), DEADLINE_S)
        assert came, f"no {event} of {key}; {self.problem}; {self.reports}"
        return self.of(key, event)[0]

    def await_end(self) -> str:
        """Wait for the end of the nursery, and return what was wrong."""
        with self._news:
            assert self._news.wait_for(lambda: self.problem is not None, DEADLINE_S)
        return self.problem or ""


class Ward:
    """A nursery, and what it tells."""

    def __init__(
        self, preload: Sequence[str] = (), entry: str = ENTRY, *, fork: bool = True
    ) -> None:
        self.ear = Ear()
        self.nursery: Nursery | Interpreters
        if fork:
            self.nursery = Nursery(entry, preload, self.ear)
        else:
            self.nursery = Interpreters(entry, self.ear)
        self._last = 0

    def start(self, action: str, *arguments: Any, **order: Any) -> int:
        """Start a process that does an action, and return its key."""
        self._last += 1
        order.setdefault("environ", {})
        body = request(action, *arguments).to_bytes()
        assert self.nursery.start(Order(self._last, body, **order))
        return self._last

    def run(self, action: str, *arguments: Any, **order: Any) -> Any:
        """Run a process to its end, and return the result of its action."""
        key = self.start(action, *arguments, **order)
        report = self.ear.wait(key)
        assert report["code"] == 0, report
        return self.ear.wait(key, "ended")["outcome"]["result"]


@contextmanager
def ward(preload: Sequence[str] = (), entry: str = ENTRY, *, fork: bool = True) -> Iterator[Ward]:
    """Give a nursery that is closed at the end."""
    made = Ward(preload, entry, fork=fork)
    try:
        yield made
    finally:
        made.nursery.close()
