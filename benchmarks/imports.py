"""``import xpmnb`` in a new process, against a Python that does nothing."""

from pathlib import Path
from time import perf_counter

from benchmarks.measuring import Figure, interleaved, run_python

HEAVY = ("pandas", "ipywidgets", "IPython")


def measure(folder: Path, *, rounds: int = 40) -> list[Figure]:
    """Measure both, and look which heavy libraries the import loads.

    Parameters
    ----------
    folder
        Not used: nothing is written.
    rounds
        Rounds.
    """
    del folder
    show = f"import xpmnb, sys; print(*sorted({set(HEAVY)!r} & set(sys.modules)))"
    loaded = run_python(show).split()
    note = f"loads {', '.join(loaded) or 'none'} of {', '.join(HEAVY)}"
    times = interleaved(lambda: _time("import xpmnb"), lambda: _time("pass"), rounds)
    return [
        Figure("import xpmnb, new process", *times, 3, note),
        Figure("heavy libraries that it loads", [len(loaded)], bound=0),
    ]


def _time(program: str) -> float:
    before = perf_counter()
    run_python(program)
    return perf_counter() - before
