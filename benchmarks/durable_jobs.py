"""A job that does nothing but leave its directory, against a loop that only makes the directory."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

from benchmarks.measuring import Figure, interleaved
from xpmnb import Param, Task, experiment

MEMORY_FOLDER = Path("/dev/shm")  # noqa: S108 (only a folder with a safe name is made in it)
PROBES = 50
# A healthy disk takes up to twice as long as memory: its cache takes the files.
SLOW = 3


class Noop(Task):
    """Does nothing."""

    number: Param[int]

    def execute(self) -> None:
        """Do nothing."""


@dataclass(frozen=True)
class JobFiles:
    """The files of a real job directory: what the raw loop has to write.

    Parameters
    ----------
    texts
        Content by path below the job directory.
    """

    texts: dict[str, str]

    @classmethod
    def like(cls, directory: Path) -> "JobFiles":
        """Take number, names and sizes from a job directory."""
        return cls(
            {
                str(path.relative_to(directory)): "x" * path.stat().st_size
                for path in directory.rglob("*")
                if path.is_file()
            }
        )

    def __str__(self) -> str:
        """Return what the raw limit is."""
        sizes = ", ".join(str(size) for size in sorted(map(len, self.texts.values())))
        return f"raw: 2 mkdir and {len(self.texts)} files of {sizes} bytes, written with open()"

    def write(self, directory: str) -> None:
        """Write them in the plainest way: two folders, and ``open`` for each file."""
        os.mkdir(directory)
        os.mkdir(f"{directory}/__xpm__")
        for name, text in self.texts.items():
            with open(f"{directory}/{name}", "w", encoding="ascii") as file:
                file.write(text)


class RawJobs:
    """Makes job directories in a plain loop, as many as it is asked for, in one folder."""

    def __init__(self, folder: Path, files: JobFiles) -> None:
        folder.mkdir()
        self._folder = str(folder)
        self._files = files
        self._made = 0

    def make(self, jobs: int) -> None:
        """Make that many more."""
        write, folder = self._files.write, self._folder
        for number in range(self._made, self._made + jobs):
            write(f"{folder}/{number:064x}")  # as long a name as a job's
        self._made += jobs

    def time_single(self, jobs: int) -> float:
        """Return the median time of one, in seconds."""
        return median(_time(lambda: self.make(1)) for _ in range(jobs))

    def time_all(self, jobs: int) -> float:
        """Return the time for each of many, in seconds."""
        return _time(lambda: self.make(jobs)) / jobs


class RealJobs:
    """Runs no-op jobs in an experiment that is open."""

    def __init__(self, opened: experiment) -> None:
        self._opened = opened
        self._made = 0

    def submit(self, jobs: int) -> None:
        """Submit that many that were never run."""
        for number in range(self._made, self._made + jobs):
            Noop.C(number=number).submit()
        self._made += jobs

    def run(self) -> Path:
        """Run one to its end, and return its directory."""
        task = Noop.C(number=self._made)
        self._made += 1
        job = task.submit().job
        job.wait()
        return Path(job.path)

    def time_single(self, jobs: int) -> float:
        """Return the median time of one from its making to its end, in seconds."""
        return median(_time(self.run) for _ in range(jobs))

    def time_all(self, jobs: int) -> tuple[float, float]:
        """Return the times for each of many, in seconds: of submitting, and until all are done."""
        submitting = _time(lambda: self.submit(jobs))
        waiting = _time(self._opened.wait)
        return submitting / jobs, (submitting + waiting) / jobs


def measure(
    folder: Path, *, single: int = 20, rounds: int = 15, many: int = 1000, many_rounds: int = 5
) -> list[Figure]:
    """Measure one job at a time, and many at once.

    Parameters
    ----------
    folder
        Where workspace and raw directories are made.
    single
        Jobs of a round, one after the other.
    rounds
        Rounds of those.
    many
        Jobs of a round, submitted at once.
    many_rounds
        Rounds of those.
    """
    with experiment(folder / "noop", "noop") as opened:
        jobs = RealJobs(opened)
        files = JobFiles.like(jobs.run())
        raw = RawJobs(folder / "raw", files)
        one, one_raw = interleaved(
            lambda: jobs.time_single(single), lambda: raw.time_single(single), rounds
        )
        both, many_raw = interleaved(
            lambda: jobs.time_all(many), lambda: raw.time_all(many), many_rounds
        )
    own_us = median(total - raw for (_, total), raw in zip(both, many_raw, strict=True)) * 1e6
    doubt = doubt_in(median(one_raw), files)
    many_doubt = doubt_in(median(many_raw), files)
    own = f"{own_us:.0f} us beyond the raw limit"
    totals, loops = [total for _, total in both], [loop for loop, _ in both]
    return [
        Figure(
            f"no-op job, submit to done ({single} x {rounds})", one, one_raw, 3, str(files), doubt
        ),
        Figure(f"{many} no-op jobs, per job", totals, many_raw, 3, own, many_doubt),
        Figure(f"submitting loop of {many}, per job", loops, many_raw, 1.5, doubt=many_doubt),
    ]


def doubt_in(raw_s: float, files: JobFiles) -> str:
    """Return why ratios to a raw limit prove nothing; empty if they do.

    ext4 is many times slower at making files for some minutes after many were deleted. Both sides
    pay the same for that, so ratios look better than they are. Memory is never slow like that.

    Parameters
    ----------
    raw_s
        The raw limit, in seconds per job.
    files
        What it made.
    """
    if not MEMORY_FOLDER.is_dir():
        return ""
    with TemporaryDirectory(dir=MEMORY_FOLDER) as memory:
        memory_s = RawJobs(Path(memory) / "raw", files).time_single(PROBES)
    if raw_s < SLOW * memory_s:
        return ""
    return (
        f"the raw limit was {raw_s * 1e6:.0f} us, but {memory_s * 1e6:.0f} us in memory: perhaps "
        "many files were deleted lately, which makes new ones slow and ratios look too good. "
        "Measure again in ten minutes, or set TMPDIR to another file system"
    )


def _time(work: Callable[[], object]) -> float:
    before = perf_counter()
    work()
    return perf_counter() - before
