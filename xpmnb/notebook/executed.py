"""Which cells the running kernel has executed, in order.

The shell tells of each execution before it begins. What was executed before the first experiment
is taken from the shell's history; nothing here imports IPython.
"""

from __future__ import annotations

import threading
import uuid
from typing import Any

from xpmnb.notebook.cells import kernel_shell
from xpmnb.notebook.ipynb import Cell, cell_text, is_cell_id

_lock = threading.Lock()
_session: Session | None = None


def executed_session() -> Session | None:
    """Return what the kernel has executed; None where this process is no kernel.

    From the first call on the kernel is listened to, as long as it lives.
    """
    global _session  # noqa: PLW0603 (one kernel in a process)
    shell = kernel_shell()
    if shell is None:
        return None
    with _lock:
        if _session is None or _session.shell is not shell:
            if _session is not None:
                _session.leave()
            _session = Session(shell)
        return _session


class Session:
    """The cells that a kernel has executed: each execution, also one that failed or still runs.

    Those that leave no history are the front end's own and not cells, unless they submit jobs.
    A reset clears the history of the shell, but not what was executed.

    Threads: those that execute cells add to it; any thread reads. Cells are only added.

    Parameters
    ----------
    shell
        The shell of the kernel.
    """

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        self.cells: list[Cell] = []
        """Each execution, in order."""
        self.unrecorded: str | None = None
        """What is executed now and leaves no history; None else."""
        self._ids: set[str] = set()
        self._adding = threading.Lock()
        self._texts: list[bytes] = []
        self._wording = threading.Lock()
        self._take_history()
        self._next_count = _number(getattr(shell, "execution_count", None)) or len(self.cells) + 1
        events = getattr(shell, "events", None)
        if events is not None:
            events.register("pre_run_cell", self._before_cell)
            events.register("post_run_cell", self._after_cell)

    def leave(self) -> None:
        """Listen to the kernel no more."""
        self.shell.events.unregister("pre_run_cell", self._before_cell)
        self.shell.events.unregister("post_run_cell", self._after_cell)

    def record(self) -> None:
        """Count what is executed now as a cell, though it leaves no history: it submits jobs."""
        source, self.unrecorded = self.unrecorded, None
        if source is not None:
            self._add(source, None, None)

    def texts(self, count: int) -> list[bytes]:
        """Return the first cells as they lie in a notebook; each is put into words once."""
        with self._wording:
            new = self.cells[len(self._texts) : count]
            self._texts.extend(map(cell_text, new))
            return self._texts[:count]

    def _take_history(self) -> None:
        """Take what was executed before anybody listened, with the cell that runs now."""
        manager = getattr(self.shell, "history_manager", None)
        history = [*getattr(manager, "input_hist_raw", ())][1:]  # the first stands for number 0
        source, cell_id = _running_cell(self.shell)
        for count, each in enumerate(history, 1):
            is_running = count == len(history) and each == source
            self._add(each, count, cell_id if is_running else None)

    def _before_cell(self, info: Any) -> None:
        if info.store_history:
            self.unrecorded = None
            # Newer shells have counted already when they tell, older ones have not.
            self._add(info.raw_cell, self._next_count, getattr(info, "cell_id", None))
            self._next_count += 1
        else:
            self.unrecorded = info.raw_cell

    def _after_cell(self, _: Any) -> None:
        self.unrecorded = None
        self._next_count = _number(self.shell.execution_count) or self._next_count

    def _add(self, source: str, count: int | None, cell_id: object) -> None:
        with self._adding:
            number = len(self.cells) + 1
            name = self._free_id(cell_id, number)
            self._ids.add(name)
            self.cells.append(Cell(source.rstrip("\n"), count, name))

    def _free_id(self, cell_id: object, number: int) -> str:
        # A cell that is executed again keeps its identifier as far as no two may be equal.
        told: list[str] = [str(cell_id), f"{cell_id}-{number}"] if is_cell_id(cell_id) else []
        for name in (*told, f"cell-{number}", f"execution-{number}"):
            if is_cell_id(name) and name not in self._ids:
                return name
        return uuid.uuid4().hex


def _running_cell(shell: Any) -> tuple[str | None, object]:
    """Return source and identifier of the cell that runs, as far as the front end told."""
    get_parent = getattr(shell, "get_parent", None)
    parent = get_parent() if callable(get_parent) else None
    if not isinstance(parent, dict):
        return None, None
    content, metadata = parent.get("content"), parent.get("metadata")
    source = content.get("code") if isinstance(content, dict) else None
    cell_id = metadata.get("cellId") if isinstance(metadata, dict) else None
    return source.rstrip("\n") if isinstance(source, str) else None, cell_id


def _number(value: object) -> int | None:
    return value if isinstance(value, int) else None
