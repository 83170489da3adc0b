"""Run the parts that are named, or all, and print one table.

``python -m benchmarks [part ...]``; files go to a temporary folder (TMPDIR says where) and are
removed. Figures depend on the file system, so the folder is printed with them.
"""

import argparse
import logging
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

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
from benchmarks.measuring import Figure

PARTS: dict[str, Callable[[Path], list[Figure]]] = {
    "jobs": durable_jobs.measure,
    "graph": graphs.measure,
    "processes": processes.measure,
    "identifier": identifiers.measure,
    "closure": closures.measure,
    "memory": memory.measure,
    "import": imports.measure,
    "table": tables.measure,
    "panel": panels.measure,
    "peers": peers.measure,
}
HEADER = ("", "ours", "raw", "ratio", "min-max", "bound", "")
_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "us"))


def shown_time(seconds: float) -> str:
    """Return a time in the unit that fits it."""
    scale, unit = next((each for each in _UNITS if seconds >= each[0]), _UNITS[-1])
    return f"{seconds / scale:.3g} {unit}" if seconds < 1000 * scale else f"{seconds:.0f} s"


def shown_value(value: float, unit: str) -> str:
    """Return one side of a ratio: a time in the unit that fits it, or a number."""
    return shown_time(value) if unit == "s" else f"{value:,.0f} {unit}".rstrip()


def verdict(figure: Figure) -> str:
    """Return the last cell of a figure: whether its bound holds."""
    if figure.is_met is None:
        return ""
    if not figure.is_met:
        return "NOT MET"
    return "unclear" if figure.doubt else "met"


def row(figure: Figure) -> tuple[str, ...]:
    """Return the cells of a figure: a value without a raw limit is a plain number."""
    bound = "" if figure.bound is None else f"{figure.bound:g}"
    value = median(figure.ours)
    if figure.raw is None:
        return (figure.name, f"{value:.0f}", "", "", "", bound, verdict(figure))
    raw, ratios = median(figure.raw), figure.ratios
    spread = f"{min(ratios):.2f}-{max(ratios):.2f}"
    sides = (shown_value(each, figure.unit) for each in (value, raw))
    shown = (*sides, f"{figure.ratio:.2f}", spread, bound)
    return (figure.name, *shown, verdict(figure))


def table(figures: list[Figure]) -> str:
    """Return the table as text, its notes below."""
    rows = [HEADER, *map(row, figures)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            cell.rjust(width) if 0 < place < len(cells) - 1 else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ).rstrip()
        for cells in rows
    ]
    notes = [f"- {figure.name}: {figure.note}" for figure in figures if figure.note]
    doubts = dict.fromkeys(figure.doubt for figure in figures if figure.doubt)
    notes += [f"- unclear: {doubt}" for doubt in doubts]
    return "\n".join([*lines, "", *notes])


def machine(folder: str) -> str:
    """Return one line on where the figures come from."""
    load = ", ".join(f"{each:.2f}" for each in os.getloadavg())
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{python}, {os.cpu_count()} cores, load {load}, files in {folder}"


def main() -> int:
    """Measure, and return the exit code: 0 whatever the figures are."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="part", help=f"of: {', '.join(PARTS)}")
    chosen = parser.parse_args().parts or list(PARTS)
    unknown = [part for part in chosen if part not in PARTS]
    if unknown:
        parser.error(f"there is no part {', '.join(unknown)}; there are: {', '.join(PARTS)}")
    # Log lines are for people: in a notebook, where there is a panel, there are none.
    logging.getLogger("xpmnb").setLevel("WARNING")
    began = time.monotonic()
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="xpmnb-bench-") as folder:
        print(machine(folder))
        for part in chosen:
            print(f"measuring: {part}", flush=True)
            figures += PARTS[part](Path(folder))
        print(f"\n{table(figures)}\n")
        print(f"at the end: {machine(folder)}")
    print(f"{time.monotonic() - began:.0f} s; ratios are medians of rounds, raw and ours in turns")
    return 0


if __name__ == "__main__":
    sys.exit(main())
