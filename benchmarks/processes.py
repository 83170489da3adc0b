"""A no-op job in a process of its own, against a bare Python process that does nothing."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter

from benchmarks.measuring import Figure, interleaved
from benchmarks.tasks import ImportsPandas, Nothing
from xpmnb import ProcessLauncher, experiment
from xpmnb.scheduler.launcher import Launcher


def _bare(program: str = "pass") -> None:
    subprocess.run([sys.executable, "-c", program], check=True)


def _bare_many(count: int) -> None:
    for _ in range(count):
        _bare()


class Jobs:
    """Runs jobs in an experiment of their own."""

    def __init__(self, opened: experiment, launcher: Launcher) -> None:
        self._opened = opened
        self._launcher = launcher
        self._made = 0

    def run(self, task_class: type[Nothing] | type[ImportsPandas]) -> None:
        """Run one to its end."""
        self._made += 1
        task_class.C(number=self._made).submit(launcher=self._launcher).wait()

    def run_many(self, count: int) -> None:
        """Run many, submitted at once."""
        for number in range(self._made, self._made + count):
            Nothing.C(number=number + 1).submit(launcher=self._launcher)
        self._made += count
        self._opened.wait()


def measure(
    folder: Path, *, single: int = 10, rounds: int = 9, many: int = 200, many_rounds: int = 3
) -> list[Figure]:
    """Measure one job at a time, many at once, and jobs whose imports were done before.

    Parameters
    ----------
    folder
        Where workspaces are made.
    single
        Jobs of a round, one after the other.
    rounds
        Rounds of those.
    many
        Jobs of a round, submitted at once.
    many_rounds
        Rounds of those, and of jobs that import pandas.
    """
    launcher = ProcessLauncher()
    warm = ProcessLauncher(preload=["pandas"])
    with experiment(folder / "processes", "processes") as opened:
        jobs, pandas_jobs = Jobs(opened, launcher), Jobs(opened, warm)
        jobs.run(Nothing)
        pandas_jobs.run(ImportsPandas)
        one, one_raw = interleaved(
            lambda: _median_time(lambda: jobs.run(Nothing), single),
            lambda: _median_time(_bare, single),
            rounds,
        )
        all_of_them, all_raw = interleaved(
            lambda: _time(lambda: jobs.run_many(many)),
            lambda: _time(lambda: _bare_many(many)),
            many_rounds,
        )
        preloaded, preloaded_raw = interleaved(
            lambda: _median_time(lambda: pandas_jobs.run(ImportsPandas), 3),
            lambda: _time(lambda: _bare("import pandas as pd; pd.DataFrame({'a': [1]})")),
            many_rounds,
        )
    bare = "raw: subprocess.run([sys.executable, '-c', 'pass'])"
    return [
        Figure(f"no-op job in a process ({single} x {rounds})", one, one_raw, 1.0, bare),
        Figure(f"{many} of them, at once", all_of_them, all_raw, 1 / 1.5, "raw: one by one"),
        Figure(
            "job that imports pandas, preloaded",
            preloaded,
            preloaded_raw,
            1 / 10,
            "raw: a fresh interpreter that imports it",
        ),
    ]


def _median_time(work: Callable[[], object], times: int) -> float:
    return median(_time(work) for _ in range(times))


def _time(work: Callable[[], object]) -> float:
    before = perf_counter()
    work()
    return perf_counter() - before
