"""The table of many finished jobs, against decoding the journal that it is read from."""

import gc
import json
import sys
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from benchmarks.finished_jobs import EXPERIMENT, finished_jobs
from benchmarks.measuring import Figure, interleaved, run_python
from xpmnb import workspace

PROGRAM = "from benchmarks import tables; tables."


def measure(folder: Path, *, jobs: int = 10_000, rounds: int = 9) -> list[Figure]:
    """Measure both in new processes, each of which does only one of them, once.

    Parameters
    ----------
    folder
        Where the workspace of finished jobs is, or is made.
    jobs
        How many.
    rounds
        Rounds.
    """
    finished, _ = finished_jobs(folder, jobs)
    tables, decoded = interleaved(
        lambda: _told("read_table()", finished, jobs),
        lambda: _told("decode_lines()", finished, jobs),
        rounds,
    )
    imports = median(told["import_s"] for told in tables)
    note = (
        f"read, decode, check each end marker, make the frame; importing pandas ({imports:.2f} s) "
        "is not in the time; raw: json.loads of each line, already read"
    )
    times = [told["time_s"] for told in tables], [told["time_s"] for told in decoded]
    return [Figure(f"xp.jobs() of {jobs} finished jobs", *times, 3, note)]


def read_table() -> None:
    """Time the table, and print it: a program of its own."""
    finished, jobs = sys.argv[1], int(sys.argv[2])
    before = perf_counter()
    import pandas as pd  # noqa: PLC0415 (timed apart: it takes longer than the table)

    import_s = perf_counter() - before
    opened = workspace(finished)
    gc.collect()
    before = perf_counter()
    table = opened.jobs(EXPERIMENT)
    time_s = perf_counter() - before
    if not isinstance(table, pd.DataFrame) or not (table["state"] == "done").sum() == jobs:
        raise RuntimeError(f"the table of {finished} should have {jobs} done jobs:\n{table}")
    print(json.dumps({"time_s": time_s, "import_s": import_s}))


def decode_lines() -> None:
    """Time the decoding, and print it: a program of its own."""
    journals = Path(sys.argv[1], "experiments", EXPERIMENT).glob("*/journal.jsonl")
    lines = [line for path in journals for line in path.read_text("utf-8").splitlines()]
    gc.collect()
    before = perf_counter()
    entries = [json.loads(line) for line in lines]
    time_s = perf_counter() - before
    print(json.dumps({"time_s": time_s, "entries": len(entries)}))


def _told(function: str, finished: Path, jobs: int) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(run_python(PROGRAM + function, str(finished), str(jobs)))
    return told
