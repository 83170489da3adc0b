"""One root, many children and one sink as thread jobs, against a loop that makes directories."""

from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter

from benchmarks.durable_jobs import JobFiles, RawJobs, doubt_in
from benchmarks.measuring import Figure, interleaved
from xpmnb import Param, Task, experiment


class Root(Task):
    """Comes first."""

    number: Param[int]

    def execute(self) -> None:
        """Do nothing."""


class Child(Task):
    """Needs the root."""

    root: Param[Root]
    number: Param[int]

    def execute(self) -> None:
        """Do nothing."""


class Sink(Task):
    """Needs all children."""

    children: Param[list[Child]]

    def execute(self) -> None:
        """Do nothing."""


class Diamonds:
    """Runs such graphs in an experiment that is open."""

    def __init__(self, opened: experiment) -> None:
        self._opened = opened
        self._made = 0

    def run(self, children: int) -> Path:
        """Run one to its end; return the directory of a child."""
        self._made += 1
        root = Root.C(number=self._made)
        root.submit()
        middle = [Child.C(root=root, number=number) for number in range(children)]
        for child in middle:
            child.submit()
        Sink.C(children=middle).submit()
        self._opened.wait()
        return Path(middle[0].jobpath)


def measure(folder: Path, *, children: int = 200, rounds: int = 15) -> list[Figure]:
    """Measure whole graphs.

    Parameters
    ----------
    folder
        Where workspace and raw directories are made.
    children
        How many jobs stand between root and sink.
    rounds
        How many graphs.
    """
    with experiment(folder / "graphs", "graphs") as opened:
        diamonds = Diamonds(opened)
        files = JobFiles.like(diamonds.run(children))
        raw = RawJobs(folder / "raw-graphs", files)
        jobs = children + 2
        ours, raws = interleaved(
            lambda: _time(lambda: diamonds.run(children)) / jobs, lambda: raw.time_all(jobs), rounds
        )
    name = f"1 root, {children} children, 1 sink, per job"
    return [Figure(name, ours, raws, 3, str(files), doubt_in(median(raws), files))]


def _time(work: Callable[[], object]) -> float:
    before = perf_counter()
    work()
    return perf_counter() - before
