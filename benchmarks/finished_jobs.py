"""A workspace of many finished jobs, made by running them in a process of its own.

That process also tells what its memory holds of them. Parts that need the workspace share it.
"""

import gc
import json
import sys
import tracemalloc
from pathlib import Path
from time import perf_counter

from benchmarks.measuring import run_python
from xpmnb import Param, Task, experiment, log, tag

EXPERIMENT = "finished"
WARM_UP = 300


class Train(Task):
    """A small task such as a sweep has: parameters, tags, metrics and a result."""

    rate: Param[float]
    seed: Param[int]
    epochs: Param[int] = 20
    optimizer: Param[str] = "adam"

    def execute(self) -> dict[str, float]:
        """Log two metrics, and return a result."""
        log(step=self.epochs, loss=self.rate, accuracy=0.5)
        return {"accuracy": 0.5 + self.rate}


def finished_jobs(folder: Path, jobs: int) -> tuple[Path, dict[str, float]]:
    """Return a workspace of finished jobs, and what the process that ran them told.

    The first call in a folder runs them.

    Returns
    -------
    tuple of Path and dict
        The workspace; ``kept_bytes`` and ``held_bytes`` for each job, without and with its handle,
        and ``time_s`` that all of them took with their allocations traced.
    """
    workspace, told = folder / "finished", folder / "finished.json"
    if not told.exists():
        program = "from benchmarks.finished_jobs import run; run()"
        told.write_text(run_python(program, str(workspace), str(jobs)), encoding="utf-8")
    facts: dict[str, float] = json.loads(told.read_text(encoding="utf-8"))
    return workspace, facts


def run() -> None:
    """Run the jobs in this process, and print the facts: the program of the other process."""
    workspace, jobs = sys.argv[1], int(sys.argv[2])
    with experiment(workspace, "warm-up") as warming:
        for number in range(WARM_UP):
            _train(number).submit()
        warming.wait()
    with experiment(workspace, EXPERIMENT) as opened:
        gc.collect()
        tracemalloc.start(1)
        began, before = perf_counter(), _traced()
        handles = [_train(WARM_UP + number).submit().job for number in range(jobs)]
        opened.wait()
        time_s, held = perf_counter() - began, _traced() - before
        handles.clear()
        kept = _traced() - before
        tracemalloc.stop()
    print(json.dumps({"kept_bytes": kept / jobs, "held_bytes": held / jobs, "time_s": time_s}))


def _train(number: int) -> Train:
    return Train.C(rate=tag(1 / (number + 2)), seed=tag(number))


def _traced() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]
