"""What a class of a notebook costs: its source and code hash, made anew and when it is known."""

import gc
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.measuring import Figure, run_python
from xpmnb.code_hash import code_of
from xpmnb.program import program_of

PROGRAM = "from benchmarks import closures; closures.in_a_shell()"
CELLS = 10
HELPERS = 20


def measure(folder: Path, *, rounds: int = 15, calls: int = 10_000) -> list[Figure]:
    """Measure both in a new process with a shell of its own.

    Parameters
    ----------
    folder
        Where the shell keeps what it keeps.
    rounds
        How often all cells are run with other source.
    calls
        How often a class that is known is asked for, in each round.
    """
    told = json.loads(run_python(PROGRAM, str(folder), str(rounds), str(calls)))
    return [
        Figure(
            f"code of a new class with {HELPERS} helpers, us",
            told["new"],
            bound=10_000,
            note=f"program and code hash; all {CELLS} cells are new, so nothing of them is known",
        ),
        Figure(
            "code of an unchanged class, us",
            told["known"],
            bound=20,
            note="program and code hash, as each submission asks for them",
        ),
    ]


def in_a_shell() -> None:
    """Time both in a shell, and print the times in microseconds: a program of its own."""
    folder, rounds, calls = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    from IPython.core.interactiveshell import InteractiveShell  # noqa: PLC0415 (a shell is heavy)
    from traitlets.config import Config  # noqa: PLC0415

    settings = Config()
    settings.HistoryManager.enabled = False
    shell: Any = InteractiveShell.instance(ipython_dir=folder, config=settings)
    new, known = [], []
    for number in range(rounds):
        for cell in cells(number):
            shell.run_cell(cell, store_history=True).raise_error()
        task = shell.user_ns["task"].seal()
        gc.collect()
        new.append(_time(task, 1))
        code = code_of(task)
        if len(code.parts) != HELPERS + CELLS + 2 or program_of(task).problems:
            raise RuntimeError(f"the code of {task} should have other parts than {code.parts}")
        known.append(_time(task, calls))
    print(json.dumps({"new": new, "known": known}))


def _time(task: Any, calls: int) -> float:
    """Return how long a submission waits for program and code, in microseconds."""
    before = perf_counter()
    for _ in range(calls):
        code_of(task, program_of(task))
    return (perf_counter() - before) / calls * 1e6


def cells(number: int) -> Iterator[str]:
    """Yield cells that declare a task; those of each number differ from all others."""
    yield "import numpy as np\nfrom math import sqrt\nfrom xpmnb import Config, Param, Task"
    for place in range(CELLS):
        first, second = 2 * place, 2 * place + 1
        deeper = f"helper_{first - 1}(x)" if first else "0"
        yield (
            f"SCALE_{place} = {place}.{number}\n"
            f"def helper_{first}(x, power={number}):\n"
            f'    """Return a number."""\n'
            f"    total = sqrt(x) ** power + SCALE_{place}\n"
            f"    for each in range(3):\n"
            f"        total += each * x if each % 2 else {deeper}\n"
            f"    return total\n\n"
            f"def helper_{second}(x):\n"
            f"    return np.sign(helper_{first}(x)) + {number}  # the sign alone\n"
        )
    yield (
        "class Train(Task):\n    lr: Param[float]\n    epochs: Param[int] = 20\n"
        f"    def execute(self):\n        return helper_{HELPERS - 1}(self.lr) + {number}\n"
        "task = Train.C(lr=0.1)"
    )
