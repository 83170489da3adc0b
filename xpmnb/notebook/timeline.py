"""Which job ran when, as a picture: SVG that needs no script, kernel or network; pure."""

from __future__ import annotations

import heapq
import math
from collections.abc import Container, Sequence
from dataclasses import dataclass

from xpmnb.notebook.clock import clock_words, ticks
from xpmnb.notebook.drawing import (
    LINE,
    SOFT,
    TONE_COLOURS,
    fitted,
    job_words,
    legend,
    picture,
    text_at,
    text_width,
    tone_counts,
    tooltip,
    xml_safe,
)
from xpmnb.notebook.rows import Row

MAX_LINES = 200
"""Of more jobs, those that did not run at the same time share a line."""
MAX_BARS = 4_000
"""More bars than this are too heavy for a page: the latest are shown."""
MAX_LANES = 300

_WIDTH = 760.0
_LABELS = 190.0
_MARGIN = 10.0
_TOP = 30.0
_BOTTOM = 38.0
_LEAST_BAR = 2.0
_LABELLED = 60
_LOWEST_WITH_WORDS = 12.0
_HEIGHT_OF_LANES = 560.0
_LATEST = 1e11


@dataclass(frozen=True, slots=True)
class _Bar:
    """One job in the picture: its times in seconds since the epoch, and its line."""

    row: Row
    start: float
    end: float
    lane: int


def timeline_svg(rows: Sequence[Row], now: float) -> str:
    """Return a picture of which job ran when.

    Each job has a line of its own, in the order of their starts; more than two hundred jobs share
    lines with those that ran before or after them. Jobs that have not begun, and those that were
    done before they were submitted, have no bar.

    Parameters
    ----------
    rows : sequence of Row
        The jobs.
    now : float
        The present, in seconds since the epoch: what runs has its end there.

    Returns
    -------
    str
        SVG. Each bar has the key of its job as ``data-key``.
    """
    bars = _bars(rows, now)
    if not bars:
        words = "No job has begun yet." if rows else "There are no jobs."
        return picture(_WIDTH, 40, words, text_at(_MARGIN, 24, words, more=f'fill="{SOFT}"'))
    hidden, bars = max(0, len(bars) - MAX_BARS), bars[-MAX_BARS:]
    is_shared = len(bars) > MAX_LINES
    bars = _in_lanes(bars) if is_shared else bars
    axis = _Axis(bars, has_labels=len(bars) <= _LABELLED)
    step = _lane_height(max(bar.lane for bar in bars) + 1, len(bars))
    bottom = _TOP + step * (max(bar.lane for bar in bars) + 1)
    counts = tone_counts(bar.row for bar in bars)
    said = ", ".join(f"{count:,} {tone}" for tone, count in counts)
    first, last = clock_words(axis.start, beside=axis.end), clock_words(axis.end, beside=axis.start)
    inside = (
        legend(_MARGIN, 17, counts)
        + _note(rows, {bar.row["key"] for bar in bars}, hidden)
        + axis.drawn(bottom)
        + "".join(_bar_svg(bar, axis, step, now) for bar in bars)
        + text_at(axis.left, bottom + 31, first, more=f'fill="{SOFT}"')
        + text_at(_WIDTH - _MARGIN, bottom + 31, last, anchor="end", more=f'fill="{SOFT}"')
    )
    jobs = "1 job" if len(bars) == 1 else f"{len(bars):,} jobs"
    label = f"Timeline of {jobs}, from {first} to {last}: {said}."
    return picture(_WIDTH, bottom + _BOTTOM, label, inside)


def _bars(rows: Sequence[Row], now: float) -> list[_Bar]:
    """Return the bars of the jobs that ran, in the order of their starts, each in its own line."""
    found = []
    for row in rows:
        start = row["started_at"]
        end = row["ended_at"] if row["final"] else now
        if not (_is_time(start) and _is_time(end)) or start is None or end is None:
            continue
        if row["submitted_at"] is not None and end < row["submitted_at"]:
            continue  # it was done earlier: nothing ran now
        found.append((start, max(start, end), row))
    found.sort(key=lambda each: each[:2])
    return [_Bar(row, start, end, lane) for lane, (start, end, row) in enumerate(found)]


def _is_time(time: float | None) -> bool:
    """Tell whether it is a time that a clock may show: not one that was set to nonsense."""
    return time is not None and 0 <= time < _LATEST


def _in_lanes(bars: Sequence[_Bar]) -> list[_Bar]:
    """Return the bars in as few lines as there were jobs at the same time, within a bound."""
    # Bars have a least width: those that follow at once would else hide one another.
    span = max(bar.end for bar in bars) - bars[0].start
    least = span * (_LEAST_BAR + 1) / _WIDTH
    free: list[int] = []
    busy: list[tuple[float, int]] = []
    lanes = 0
    result = []
    for bar in bars:
        while busy and busy[0][0] <= bar.start:
            heapq.heappush(free, heapq.heappop(busy)[1])
        if free:
            lane = heapq.heappop(free)
        elif lanes < MAX_LANES:
            lane, lanes = lanes, lanes + 1
        else:
            lane = heapq.heappop(busy)[1]  # the one that is free soonest
        heapq.heappush(busy, (max(bar.end, bar.start + least), lane))
        result.append(_Bar(bar.row, bar.start, bar.end, lane))
    return result


def _lane_height(lanes: int, bars: int) -> float:
    if bars <= _LABELLED:
        return 20.0 if bars <= _LABELLED // 2 else 16.0
    return min(14.0, max(3.0, math.floor(2 * _HEIGHT_OF_LANES / lanes) / 2))


class _Axis:
    """From times to places across the picture."""

    def __init__(self, bars: Sequence[_Bar], *, has_labels: bool) -> None:
        self.start = min(bar.start for bar in bars)
        self.end = max(bar.end for bar in bars)
        self.has_labels = has_labels
        self.left = _LABELS if has_labels else _MARGIN
        self._scale = (_WIDTH - _MARGIN - self.left) / max(self.end - self.start, 1e-3)

    def place(self, time: float) -> float:
        """Return where a time is."""
        return self.left + (time - self.start) * self._scale

    def drawn(self, bottom: float) -> str:
        """Return the ticks: lines behind the bars, and their words below."""
        parts = [f'<path d="M{self.left:g} {bottom + 3:g}H{_WIDTH - _MARGIN:g}" stroke="{LINE}"/>']
        for seconds, words in ticks(self.end - self.start):
            x = self.place(self.start + seconds)
            parts.append(f'<path d="M{x:.1f} {_TOP - 4:g}V{bottom + 7:g}" stroke="{LINE}"/>')
            near = text_width(words) / 2
            # The first and the last stay within the picture.
            anchor = "start" if x - near < self.left else "middle"
            anchor = "end" if x + near > _WIDTH - _MARGIN else anchor
            parts.append(text_at(round(x, 1), bottom + 18, words, anchor=anchor))
        return "".join(parts)


def _bar_svg(bar: _Bar, axis: _Axis, step: float, now: float) -> str:
    row = bar.row
    x, y = axis.place(bar.start), _TOP + step * bar.lane
    width = max(_LEAST_BAR, axis.place(bar.end) - x)
    x = min(x, _WIDTH - _MARGIN - width)
    gap = 3.0 if step >= _LOWEST_WITH_WORDS else 0.5
    height = step - 2 * gap
    colour = TONE_COLOURS.get(row["tone"], TONE_COLOURS["waiting"])
    times = f"{clock_words(bar.start)} – {clock_words(bar.end) if row['final'] else 'now'}"
    said = tooltip(f"{job_words(row, now)}, {times}")
    shape = (
        f'<rect x="{x:.1f}" y="{y + gap:g}" width="{width:.1f}" height="{height:g}" '
        f'rx="{min(2.0, height / 3, width / 4):.1f}" fill="{colour}"/>'
    )
    if not row["final"]:
        # Open at its end: it goes on.
        tip = min(height / 2, 6.0)
        right, middle = x + width, y + step / 2
        shape += (
            f'<path d="M{right:.1f} {y + gap:g}l{tip:.1f} {height / 2:g}'
            f'L{right:.1f} {middle + height / 2:g}z" fill="{colour}"/>'
        )
    words = _bar_words(bar, axis, x, width, y + step / 2 + 4) if axis.has_labels else ""
    return f'<g data-key="{xml_safe(row["key"])}">{said}{shape}{words}</g>'


def _bar_words(bar: _Bar, axis: _Axis, x: float, width: float, y: float) -> str:
    """Return the name of the job at the left, and at the bar the word of what is not done."""
    row = bar.row
    tags = ", ".join(f"{name}={value}" for name, value in row["tags"])
    name = fitted(f"{row['name']} {tags or row['key'][:8]}", axis.left - _MARGIN - 8)
    words = text_at(_MARGIN, y, name)
    if row["tone"] in ("done", "running"):
        return words
    space = text_width(row["word"]) + 6
    if x + width + space < _WIDTH - _MARGIN:
        return words + text_at(round(x + width + 6, 1), y, row["word"])
    if x - space > axis.left:
        return words + text_at(round(x - 6, 1), y, row["word"], anchor="end")
    return words


def _note(rows: Sequence[Row], drawn: Container[str], hidden: int) -> str:
    """Return what is said of jobs that have no bar."""
    others = [row for row in rows if row["key"] not in drawn]
    waiting = sum(not row["final"] for row in others)
    said = [
        f"{hidden:,} earlier ones are left out" if hidden else "",
        f"{waiting:,} waiting" if waiting else "",
        f"{ended:,} did not run" if (ended := len(others) - waiting - hidden) > 0 else "",
    ]
    words = ", ".join(filter(None, said))
    more = f'fill="{SOFT}"'
    return text_at(_WIDTH - _MARGIN, 17, words, anchor="end", more=more) if words else ""
