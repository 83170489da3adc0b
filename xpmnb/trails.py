"""The course of a metric in few points: what a sparkline needs, however long a job runs."""

from __future__ import annotations

from array import array
from collections.abc import Mapping

MAX_POINTS = 128
"""Of more values every second one is dropped, again and again: a glance sees no difference."""


MAX_TRAILS = 256
"""A task that invents names of metrics as it goes has no courses beyond these."""


class Trail:
    """Keeps at most `MAX_POINTS` of the values that one metric had, evenly spread, and the last.

    Threads: one adds; others may read at the same time, and may then miss the newest points.
    """

    __slots__ = ("_count", "_last", "_points", "_stride")

    def __init__(self) -> None:
        self._points = array("d")
        self._count = 0
        self._stride = 1
        self._last = 0.0

    def add(self, value: float) -> None:
        """Take the next value."""
        self._last = value
        if self._count % self._stride == 0:
            if len(self._points) >= MAX_POINTS:
                self._points = self._points[::2]
                self._stride *= 2
            # A value that is no longer due counts as the last one only.
            if self._count % self._stride == 0:
                self._points.append(value)
        self._count += 1

    @property
    def points(self) -> list[float]:
        """The values that are kept, in their order; the last one is always among them."""
        points = self._points.tolist()
        return points if (self._count - 1) % self._stride == 0 else [*points, self._last]


Trails = dict[str, Trail]
"""The trail of each metric by its name."""


def follow(trails: Trails, values: Mapping[str, object]) -> None:
    """Add what was logged with one call to the trails; strings and bools have no course."""
    for name, value in values.items():
        kind = type(value)
        if kind is not float and (kind is not int or not _fits(value)):
            continue
        trail = trails.get(name)
        if trail is None:
            if len(trails) >= MAX_TRAILS:
                continue
            trail = trails[name] = Trail()
        trail.add(float(value))  # type: ignore[arg-type] # a float or an int


def _fits(value: object) -> bool:
    """Tell whether an int is none of those that are too large for a float."""
    return isinstance(value, int) and value.bit_length() < 1024  # noqa: PLR2004 (of a double)
