"""The benchmarks run. What they measure is read by people: no time is asserted here."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from benchmarks import (
    closures,
    durable_jobs,
    graphs,
    identifiers,
    imports,
    memory,
    panels,
    peers,
    processes,
    tables,
)
from benchmarks.__main__ import PARTS, table, verdict
from benchmarks.measuring import Figure, interleaved

TINY: dict[str, Callable[[Path], list[Figure]]] = {
    "jobs": partial(durable_jobs.measure, single=2, rounds=2, many=4, many_rounds=2),
    "graph": partial(graphs.measure, children=3, rounds=1),
    "processes": partial(processes.measure, single=1, rounds=1, many=3, many_rounds=1),
    "identifier": partial(identifiers.measure, number=3, rounds=2),
    "closure": partial(closures.measure, rounds=1, calls=2),
    "memory": partial(memory.measure, jobs=20),
    "import": partial(imports.measure, rounds=1),
    "table": partial(tables.measure, jobs=20, rounds=1),
    "panel": partial(panels.measure, rows=5, few=3, rounds=1, calls=10),
    "peers": partial(peers.measure, rounds=1, share=0.01),
}


def test_every_part_is_tried() -> None:
    """Each part of the command has a tiny form here."""
    assert list(TINY) == list(PARTS)


@pytest.mark.parametrize("part", TINY)
def test_a_part_gives_figures(part: str, tmp_path: Path) -> None:
    """A part gives figures with the same number of values on both sides, which can be shown."""
    figures = TINY[part](tmp_path)
    assert figures or part == "peers"  # none may be installed
    for figure in figures:
        assert figure.ours
        assert figure.raw is None or len(figure.raw) == len(figure.ours)
        assert figure.name in table(figures)


def test_import_loads_no_heavy_library(tmp_path: Path) -> None:
    """The figure that counts the heavy libraries is 0 and meets its bound."""
    loaded = TINY["import"](tmp_path)[1]
    assert loaded.ours == [0]
    assert loaded.is_met


def test_the_raw_limit_makes_what_a_job_makes(tmp_path: Path) -> None:
    """A raw directory has the files of the directory that it is like, with their sizes."""
    like = tmp_path / "like"
    (like / "__xpm__").mkdir(parents=True)
    (like / "noop.out").write_text("")
    (like / "__xpm__" / "params.json").write_text("{}")
    files = durable_jobs.JobFiles.like(like)
    durable_jobs.RawJobs(tmp_path / "raw", files).make(1)
    (made,) = (tmp_path / "raw").iterdir()
    assert durable_jobs.JobFiles.like(made) == files


def test_rounds_alternate() -> None:
    """Both sides are measured in each round, in turns, and the round that warms up is dropped."""
    calls: list[str] = []

    def side(name: str) -> Callable[[], str]:
        def measure() -> str:
            calls.append(name)
            return f"{name}{len(calls)}"

        return measure

    assert interleaved(side("a"), side("b"), 2) == (["a4", "a5"], ["b3", "b6"])
    assert "".join(calls) == "abbaab"


@pytest.mark.parametrize(
    ("figure", "met"),
    [
        (Figure("below", [2.0, 4.0, 90.0], [1.0, 2.0, 3.0], bound=2), True),
        (Figure("above", [3.0], [1.0], bound=2), False),
        (Figure("no limit", [5000], bound=4000), False),
        (Figure("no bound", [5000]), None),
    ],
    ids=lambda value: value.name if isinstance(value, Figure) else "",
)
def test_a_bound_is_compared_with_the_median(figure: Figure, met: bool | None) -> None:
    """The median of the ratios, or the value where there is no raw limit, decides."""
    assert figure.is_met is met


@pytest.mark.parametrize(
    ("value", "doubt", "said"),
    [
        (2.0, "", "met"),
        (2.0, "slow disk", "unclear"),
        (4.0, "slow disk", "NOT MET"),
        (4.0, "", "NOT MET"),
    ],
)
def test_a_doubtful_limit_proves_no_bound(value: float, doubt: str, said: str) -> None:
    """A bound that seems to be met is unclear where the raw limit was out of order."""
    assert verdict(Figure("job", [value], [1.0], bound=3, doubt=doubt)) == said
