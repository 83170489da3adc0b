"""Other ways to have a no-op call on disk, against the same raw limit as a job of xpmnb.

In the table they stand where a job of xpmnb stands: the two ratios can be compared.
"""

from collections.abc import Callable
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from time import perf_counter

from benchmarks.durable_jobs import JobFiles, RawJobs, RealJobs
from benchmarks.measuring import Figure, interleaved
from xpmnb import experiment

Calls = Callable[[range], None]
"""Makes a call with each number, and returns when all are done."""


def nothing(number: int) -> None:
    """Do nothing; the number makes each call another one."""


def joblib_memory(folder: Path) -> Calls:
    """Return calls that joblib.Memory remembers: in this thread, without streams or states."""
    remembered = import_module("joblib").Memory(folder / "joblib", verbose=0).cache(nothing)

    def run(numbers: range) -> None:
        for number in numbers:
            remembered(number)

    return run


def submitit_local(folder: Path) -> Calls:
    """Return calls that submitit runs as local jobs: a new process for each, all at once."""
    executor = import_module("submitit").LocalExecutor(folder / "submitit")

    def run(numbers: range) -> None:
        jobs = [executor.submit(nothing, number) for number in numbers]
        for job in jobs:
            job.result()

    return run


# The library, what makes the calls, what is said of it, and the calls of a round.
PEERS = (
    ("joblib", joblib_memory, "joblib.Memory, a remembered call", 200),
    ("submitit", submitit_local, "submitit.LocalExecutor, a process per job", 8),
)


def measure(folder: Path, *, rounds: int = 3, share: float = 1.0) -> list[Figure]:
    """Measure those that are installed, and print which are not.

    Parameters
    ----------
    folder
        Where they write, and the raw limit beside them.
    rounds
        Rounds.
    share
        Which share of the calls of a round are made, at least one.
    """
    with experiment(folder / "peers", "noop") as opened:
        files = JobFiles.like(RealJobs(opened).run())
    figures = []
    for library, prepare, name, calls in PEERS:
        if find_spec(library) is None:
            print(f"peers: {library} is not installed, so it is left out")
            continue
        number = max(1, round(calls * share))
        raw = RawJobs(folder / f"raw-{library}", files)
        ours, limit = interleaved(
            _timing(prepare(folder), number), partial(raw.time_all, max(20, number)), rounds
        )
        figures.append(Figure(f"peer: {name}", ours, limit))
    return figures


def _timing(calls: Calls, number: int) -> Callable[[], float]:
    """Return what measures the time of each of some calls, with numbers of their own."""
    starts = count(step=number)

    def once() -> float:
        start = next(starts)
        before = perf_counter()
        calls(range(start, start + number))
        return (perf_counter() - before) / number

    return once
