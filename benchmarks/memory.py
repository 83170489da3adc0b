"""The memory that a kernel keeps for each job that is done."""

from pathlib import Path

from benchmarks.finished_jobs import finished_jobs
from benchmarks.measuring import Figure

BOUND_BYTES = 4000


def measure(folder: Path, *, jobs: int = 10_000) -> list[Figure]:
    """Measure what is left of many jobs while their experiment is open.

    Parameters
    ----------
    folder
        Where the workspace of finished jobs is, or is made.
    jobs
        How many.
    """
    _, facts = finished_jobs(folder, jobs)
    note = "tracemalloc after gc.collect(), divided by the jobs; experiment open, no panel"
    return [
        Figure(
            f"memory kept per done job of {jobs}, handles dropped",
            [facts["kept_bytes"]],
            bound=BOUND_BYTES,
            note=note,
        ),
        Figure("... and with the handle that submit() gave", [facts["held_bytes"]]),
    ]
