"""Times on an axis: ticks at round distances, and clock times in words; pure."""

from __future__ import annotations

import math
from time import localtime, strftime

from xpmnb.notebook.rows import DAY_S, HOUR_S, MINUTE_S

# Distances between ticks that a person counts in, in seconds.
_STEPS = (
    *(0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30),
    *(MINUTE_S * each for each in (1, 2, 5, 10, 15, 30)),
    *(HOUR_S * each for each in (1, 2, 3, 6, 12)),
    *(DAY_S * each for each in (1, 2, 7, 14, 28)),
)
_MOST_TICKS = 7


def ticks(span: float) -> list[tuple[float, str]]:
    """Return the ticks of an axis that begins at zero.

    Parameters
    ----------
    span : float
        The length of the axis in seconds.

    Returns
    -------
    list of (float, str)
        Places in seconds, at most eight, the first of them 0, with their words.
    """
    wanted = max(span, 0.0) / _MOST_TICKS
    step = next((each for each in _STEPS if each >= wanted), None)
    if step is None:
        step = _STEPS[-1] * math.ceil(wanted / _STEPS[-1])
    count = math.floor(max(span, 0.0) / step * (1 + 1e-9))
    return [(place * step, tick_words(place * step, step)) for place in range(count + 1)]


def tick_words(seconds: float, step: float) -> str:
    """Return a distance from the beginning as an axis has it: ``0``, ``0.5 s``, ``1 h 30 min``.

    Parameters
    ----------
    seconds : float
        The distance, a multiple of the step.
    step : float
        The distance between two ticks.
    """
    if not seconds:
        return "0"
    if step < 1:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    parts = (
        (whole // DAY_S, "d"),
        (whole % DAY_S // HOUR_S, "h"),
        (whole % HOUR_S // MINUTE_S, "min"),
        (whole % MINUTE_S, "s"),
    )
    return " ".join(f"{count} {unit}" for count, unit in parts if count)


def clock_words(time: float, *, beside: float | None = None) -> str:
    """Return a time of the day; with the date where another time is on another day.

    Parameters
    ----------
    time : float
        Seconds since the epoch.
    beside : float or None
        The time that it stands beside.
    """
    try:
        there = localtime(time)
        is_dated = beside is not None and localtime(beside)[:3] != there[:3]
        return strftime("%d %b %H:%M:%S" if is_dated else "%H:%M:%S", there)
    except (OverflowError, OSError, ValueError):  # a clock far off
        return ""
