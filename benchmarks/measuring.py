"""Interleaved rounds, and the figures that come out of them.

What is measured lives in the other files; how figures are shown in ``__main__.py``.
"""

import gc
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TypeVar

ROOT = Path(__file__).resolve().parent.parent

One = TypeVar("One")
Other = TypeVar("Other")


@dataclass(frozen=True)
class Figure:
    """One line of the table.

    Parameters
    ----------
    name
        What was measured.
    ours
        One value per round: seconds, or bytes where there is no raw limit.
    raw
        The raw limit in the same rounds; None if the bound is not a ratio.
    bound
        The largest ratio (without a raw limit: the largest value) that is good enough; None for a
        figure that is only reported.
    note
        What the table alone would not tell.
    doubt
        Why a bound that seems to be met may not be; empty if nothing is against it.
    unit
        The unit of both values where there is a raw limit; empty for plain numbers.
    """

    name: str
    ours: Sequence[float]
    raw: Sequence[float] | None = None
    bound: float | None = None
    note: str = ""
    doubt: str = ""
    unit: str = "s"

    @property
    def ratios(self) -> list[float]:
        """The ratio of each round; empty without a raw limit."""
        if self.raw is None:
            return []
        return [one / other for one, other in zip(self.ours, self.raw, strict=True)]

    @property
    def ratio(self) -> float | None:
        """The median of the ratios; None without a raw limit."""
        return median(self.ratios) if self.raw is not None else None

    @property
    def is_met(self) -> bool | None:
        """Whether the bound holds; None if there is none."""
        if self.bound is None:
            return None
        value = median(self.ours) if self.ratio is None else self.ratio
        return value <= self.bound


def interleaved(
    ours: Callable[[], One], raw: Callable[[], Other], rounds: int
) -> tuple[list[One], list[Other]]:
    """Measure two things in turns, so that both meet the same weather of the machine.

    Parameters
    ----------
    ours, raw
        Each does its work once and returns what it measured, so that preparing is not measured.
    rounds
        How often; which of the two is first alternates. One round before them warms up.

    Returns
    -------
    tuple of two lists
        What each returned, round by round.
    """
    ones: list[One] = []
    others: list[Other] = []
    for number in range(-1, rounds):
        if number % 2:
            one, other = _cleared(ours), _cleared(raw)
        else:
            other, one = _cleared(raw), _cleared(ours)
        if number >= 0:
            ones.append(one)
            others.append(other)
    return ones, others


def _cleared(measure: Callable[[], One]) -> One:
    gc.collect()  # the garbage of one is not the other's to pay for
    return measure()


def run_python(program: str, *arguments: str) -> str:
    """Run a program in a new Python process, and return what it prints.

    Raises
    ------
    subprocess.CalledProcessError
        If it fails; what it wrote to standard error is on the terminal.
    """
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout
