"""The course of a metric: few heights from many values, and a line drawn from them; pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from xpmnb.markup import safe
from xpmnb.notebook.rows import SPARK_POINTS

TOP = 100
"""The greatest height; the least is 0."""

_MIDDLE = TOP // 2
# In units of the drawing: two of them are one pixel.
_WIDTH = 128
_HEIGHT = 32
_MARGIN = 4


def course(values: Iterable[float], points: int = SPARK_POINTS) -> list[int]:
    """Return the course of a series as few heights.

    Parameters
    ----------
    values : iterable of float
        The series; what is not finite, or no number, is left out.
    points : int
        The greatest number of heights, at least 4.

    Returns
    -------
    list of int
        Heights from 0 (the least value) to 100 (the greatest); 50 where all are equal, empty where
        no value is finite. A series of few values has a height for each. Of a longer one the first
        and the last stay, and between them the least and the greatest of each part: no peak is
        lost.
    """
    kept = _thinned([value for value in map(_finite, values) if value is not None], points)
    if not kept:
        return []
    # Of halves, since the distance of two great floats is not always a float.
    low, high = min(kept) / 2, max(kept) / 2
    span = high - low
    if span <= 0:
        return [_MIDDLE] * len(kept)
    return [round(TOP * min(1.0, (value / 2 - low) / span)) for value in kept]


def _finite(value: object) -> float | None:
    try:
        number = float(value)  # type: ignore[arg-type] # asks whether it is one
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _thinned(values: list[float], points: int) -> list[float]:
    if len(values) <= points:
        return values
    inner = values[1:-1]
    parts = max(1, (points - 2) // 2)
    kept = [values[0]]
    for part in range(parts):
        piece = inner[part * len(inner) // parts : (part + 1) * len(inner) // parts]
        ends = {piece.index(min(piece)), piece.index(max(piece))}
        kept += [piece[place] for place in sorted(ends)]
    return [*kept, values[-1]]


def sparkline_svg(heights: Sequence[int], *, label: str = "") -> str:
    """Return a small line with a dot at its end, as SVG that stands in a line of text.

    Parameters
    ----------
    heights : sequence of int
        What `course` returned; nothing is drawn where it is empty.
    label : str
        What it shows, for who does not see it. Without, readers of screens pass over it: the
        value that belongs to it stands beside it.
    """
    if not heights:
        return ""
    last = len(heights) - 1
    ups = [_MARGIN + _HEIGHT - round(_HEIGHT * height / TOP) for height in heights]
    across = [
        _MARGIN + (round(_WIDTH * place / last) if last else _WIDTH) for place in range(last + 1)
    ]
    steps = "".join(
        f" {across[place] - across[place - 1]} {ups[place] - ups[place - 1]}"
        for place in range(1, last + 1)
    )
    said = f'role="img" aria-label="{safe(label)}"' if label else 'aria-hidden="true"'
    width, height = _WIDTH + 2 * _MARGIN, _HEIGHT + 2 * _MARGIN
    line = (
        f'<path d="m{across[0]} {ups[0]}{steps}" fill="none" stroke="currentColor" '
        'stroke-width="2.5" opacity=".7"/>'
    )
    return (
        f'<svg class="xpm-spark" viewBox="0 0 {width} {height}" '
        f'width="{width // 2}" height="{height // 2}" {said}>{line if last else ""}'
        f'<circle cx="{across[-1]}" cy="{ups[-1]}" r="4" fill="var(--xpm-running,#2b7de0)"/></svg>'
    )
