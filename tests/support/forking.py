"""Tasks that fork, stop, die or end in ways that only a process of their own can bear."""

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from tests.support.tasks_page import await_file
from xpmnb import Meta, Param, ResumableTask, Task


class EndsWorker(Task):
    """Forks a worker, and ends it as a pool does."""

    def execute(self) -> int | None:
        worker = multiprocessing.get_context("fork").Process(target=threading.Event().wait)
        worker.start()
        worker.terminate()
        worker.join()
        return worker.exitcode


class Forks(Task):
    """Forks, and lets the child come back from ``execute`` too."""

    ending: Param[str]

    def execute(self) -> list[object]:
        child = os.fork()
        if child:
            _, status = os.waitpid(child, 0)
            return ["parent", os.waitstatus_to_exitcode(status)]
        if self.ending == "error":
            message = "of the child"
            raise ValueError(message)
        if self.ending == "exit":
            sys.exit(7)
        return ["child"]


class LateStop:
    """A result that is asked to stop while it is written."""

    def tolist(self) -> list[int]:
        """Return a value, as arrays do."""
        os.kill(os.getpid(), signal.SIGTERM)
        await_file(Path("stopslate.failed"))
        return [1]


class StopsLate(Task):
    """Is asked to stop when its code has come to its end."""

    def execute(self) -> Any:
        return LateStop()


class Stuck(ResumableTask):
    """Writes down each run, and then holds the interpreter for longer than anybody waits."""

    log: Meta[Path]

    def execute(self) -> None:
        with self.log.open("a") as file:
            file.write(f"{os.getpid()}\n")
        ctypes.PyDLL(None).sleep(1000)


class Pauses(Task):
    """Runs until there is a file."""

    gate: Meta[Path]
    number: Param[int]

    def execute(self) -> int:
        await_file(self.gate)
        return self.number
