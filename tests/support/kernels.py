"""Real kernels whose cells a test runs one after the other, and what their jobs leave."""

import os
import queue
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from jupyter_client.manager import KernelManager

import xpmnb
from xpmnb import workspace

DEADLINE_S = 60.0

DECLARE = """
from pathlib import Path
from xpmnb import Task, Param, experiment

class Train(Task):
    lr: Param[float]

    def execute(self):
        with open(ROOT / "log", "a") as file:
            file.write(f"{self.lr}\\n")
        print("training")
        return self.lr

class Waits(Task):
    name: Param[str]

    def execute(self):
        (ROOT / f"{self.name}.begun").touch()
        while not (ROOT / f"{self.name}.go").exists():
            pass
"""


class Kernel:
    """A kernel whose cells run one after the other."""

    def __init__(self, manager: KernelManager) -> None:
        self.manager = manager
        self.client = manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=DEADLINE_S)

    def run(self, code: str) -> str:
        """Run a cell to its end, and return what it printed; an error fails the test."""
        return self.finish(self.begin(code))

    def begin(self, code: str) -> str:
        """Begin a cell, and return what :meth:`finish` is told."""
        message: str = self.client.execute(code)
        return message

    def finish(self, message: str) -> str:
        """Wait for the end of a cell, and return what it printed; an error fails the test."""
        printed: list[str] = []
        while True:
            reply = self.client.get_iopub_msg(timeout=DEADLINE_S)
            if reply["parent_header"].get("msg_id") != message:
                continue
            kind, content = reply["msg_type"], reply["content"]
            if kind == "stream" and content["name"] == "stdout":
                printed.append(content["text"])
            elif kind == "error":
                raise AssertionError("\n".join(content["traceback"]))
            elif kind == "status" and content["execution_state"] == "idle":
                break
        with suppress(queue.Empty):
            self.client.get_shell_msg(timeout=1)
        return "".join(printed)

    def kill(self) -> None:
        """End the kernel's process at once, and wait until it is gone."""
        provisioner: Any = self.manager.provisioner
        provisioner.process.kill()
        provisioner.process.wait()


@contextmanager
def kernel(folder: Path, **environment: str) -> Iterator[Kernel]:
    """Start a kernel in a folder, as a front end does, and end it with the test."""
    manager = KernelManager(kernel_name="python3")
    path = os.pathsep.join([str(Path(xpmnb.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    kept = {name: value for name, value in os.environ.items() if name != "JPY_SESSION_NAME"}
    manager.start_kernel(cwd=str(folder), env={**kept, "PYTHONPATH": path, **environment})
    made: Kernel | None = None
    try:
        made = Kernel(manager)
        made.run(f"from pathlib import Path\nROOT = Path({str(folder)!r})")
        yield made
    finally:
        if made is not None:
            made.client.stop_channels()
        manager.shutdown_kernel(now=True)


def await_file(path: Path) -> None:
    """Wait until a job has made a file."""
    deadline = time.monotonic() + DEADLINE_S
    while not path.exists():
        assert time.monotonic() < deadline, f"{path.name} did not appear"


def lines(folder: Path) -> list[str]:
    """Return which trainings ran."""
    return (folder / "log").read_text().split()


def states(root: Path) -> dict[str, Any]:
    """Return state, or failure, by task, as a reader of the workspace finds them."""
    frame = workspace(root).jobs()
    words = frame["failure"].astype("string").fillna(frame["state"].astype("string"))
    return dict(zip(frame["task"], words, strict=True))
