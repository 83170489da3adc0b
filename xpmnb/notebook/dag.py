"""Which job needs which, as a picture: SVG that needs no script, kernel or network; pure.

Hundreds of jobs that stand in the same place are drawn as one. Where nodes stand is in
``graph_layers.py``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from xpmnb.notebook.drawing import (
    FILL,
    LINE,
    SHORT_KEY,
    SOFT,
    TONE_COLOURS,
    fitted,
    job_words,
    legend,
    picture,
    text_at,
    tone_counts,
    tooltip,
    xml_safe,
)
from xpmnb.notebook.graph_layers import (
    Layout,
    Link,
    classes_of,
    lay_out,
    layers_of,
    without_detours,
)
from xpmnb.notebook.rows import Row, elapsed

MAX_NODES = 80
"""More than this cannot be read: jobs are drawn together until they fit."""

_FEW_JOBS = 24
_FEW_OF_A_NAME = 6
_MANY_LAYERS = 20
_MANY_LINKS = 150

_NODE_HEIGHT = 40.0
_GAP = 14.0
_MARGIN = 10.0
_TOP = 32.0
_STRIP = 5.0
# Width of a node, and of what is between two: in a picture of few layers, and of many.
_WIDE = (190.0, 50.0)
_NARROW = (124.0, 40.0)
_FEW_LAYERS = 5
# Whose card is shown for a group: what a person asks for first.
_URGENCY = ("failed", "running", "cancelled", "waiting", "done")


@dataclass(frozen=True, slots=True)
class _Node:
    """One job, or several that stand in the same place."""

    rows: list[Row]

    @property
    def lead(self) -> Row:
        """The job that is asked for first."""
        return min(self.rows, key=lambda row: _URGENCY.index(row["tone"]))


def graph_svg(rows: Sequence[Row], now: float | None = None) -> str:
    """Return a picture of which job needs which: what is needed stands left of what needs it.

    Few jobs have a node each. Of many, those of a task that need alike jobs and are needed by alike
    ones are one node: ``200 × train``, with how many of them are done.

    Parameters
    ----------
    rows : sequence of Row
        The jobs. What they need and is not among them is left out.
    now : float or None
        The present in seconds since the epoch, for the times of running jobs.

    Returns
    -------
    str
        SVG. Each node has as ``data-key`` the key of its job; of several, that of one that failed,
        or else of one that runs.
    """
    rows = list({row["key"]: row for row in rows}.values())
    if not rows:
        words = "There are no jobs."
        return picture(400, 40, words, text_at(_MARGIN, 24, words, more=f'fill="{SOFT}"'))
    nodes, links = _nodes(rows)
    if len(links) > _MANY_LINKS:
        links = without_detours(len(nodes), links)
    layout = lay_out(len(nodes), links, [_NODE_HEIGHT] * len(nodes), _GAP)
    layers = max(layout.layer) + 1
    width, between = _WIDE if layers <= _FEW_LAYERS else _NARROW
    drawn = _Drawing(layout, width, width + between)
    counts = tone_counts(rows)
    inside = (
        legend(_MARGIN, 17, counts)
        + "".join(drawn.link(link, way) for link, way in layout.routes.items())
        + "".join(drawn.node(place, node, now) for place, node in enumerate(nodes))
    )
    total = 2 * _MARGIN + layers * width + (layers - 1) * between
    said = ", ".join(f"{count:,} {tone}" for tone, count in counts)
    jobs = "1 job" if len(rows) == 1 else f"{len(rows):,} jobs"
    label = f"Dependencies of {jobs}, in {layers} steps: {said}."
    return picture(max(total, 400.0), _TOP + layout.extent + _MARGIN, label, inside)


def _nodes(rows: Sequence[Row]) -> tuple[list[_Node], list[Link]]:
    """Return the nodes, and the links between them: from what is needed to what needs it."""
    place = {row["key"]: at for at, row in enumerate(rows)}
    links = [
        (place[key], at) for at, row in enumerate(rows) for key in row["needs"] if key in place
    ]
    if len(rows) <= _FEW_JOBS:
        return [_Node([row]) for row in rows], links
    most = MAX_NODES
    while True:
        classes = classes_of(_kinds(rows), links, most)
        count = max(classes) + 1
        joined = list(
            dict.fromkeys((classes[a], classes[b]) for a, b in links if classes[a] != classes[b])
        )
        most //= 2
        if not most or max(layers_of(count, joined)[0]) < _MANY_LAYERS:
            break
    members: list[list[Row]] = [[] for _ in range(count)]
    for row, each in zip(rows, classes, strict=True):
        members[each].append(row)
    return [_Node(each) for each in members], joined


def _kinds(rows: Sequence[Row]) -> list[Hashable]:
    """Return what tells jobs apart from the beginning: the task, and of a rare one the job."""
    names = Counter(row["name"] for row in rows)
    kinds: list[Hashable] = [
        (row["name"], row["key"] if names[row["name"]] <= _FEW_OF_A_NAME else "") for row in rows
    ]
    if len(set(kinds)) <= MAX_NODES // 2:
        return kinds
    known = {name for name, _ in names.most_common(MAX_NODES - 1)}
    return [row["name"] if row["name"] in known else None for row in rows]


class _Drawing:
    """From places in layers to SVG."""

    def __init__(self, layout: Layout, width: float, pitch: float) -> None:
        self._layout = layout
        self._width = width
        self._pitch = pitch

    def _left(self, layer: int) -> float:
        return _MARGIN + layer * self._pitch

    def link(self, link: Link, way: Sequence[float]) -> str:
        """Return a link as a smooth line: straight through layers, curved between them."""
        source, target = link
        layout = self._layout
        first, last = layout.layer[source], layout.layer[target]
        if last <= first:  # it would close a circle
            return ""
        stops = [layout.place[source], *way, layout.place[target]]
        path = [f"M{self._left(first) + self._width:g} {_TOP + stops[0]:.1f}"]
        for layer, (before, after) in enumerate(pairwise(stops), first):
            right, left = self._left(layer) + self._width, self._left(layer + 1)
            middle = (right + left) / 2
            y, z = _TOP + before, _TOP + after
            path.append(f"C{middle:g} {y:.1f} {middle:g} {z:.1f} {left:g} {z:.1f}")
            if layer + 1 < last:
                path.append(f"H{left + self._width:g}")
        head = "m-6-4l6 4l-6 4"
        return (
            f'<path d="{"".join(path)}{head}" fill="none" stroke="{SOFT}" stroke-width="1.2" '
            'opacity=".75"/>'
        )

    def node(self, place: int, node: _Node, now: float | None) -> str:
        """Return a node: a box with a strip of colours, what it is, and how it stands."""
        x = self._left(self._layout.layer[place])
        y = _TOP + self._layout.place[place] - _NODE_HEIGHT / 2
        is_group = len(node.rows) > 1
        title, words, tip = _group_words(node) if is_group else _single_words(node.rows[0], now)
        space = self._width - _STRIP - 14
        title = fitted(title, space, _AS_BOLD)
        behind = self._box(x + 4, y + 4) if is_group else ""
        return (
            f'<g data-key="{xml_safe(node.lead["key"])}">{tooltip(tip)}{behind}'
            f'<rect x="{x:g}" y="{y:.1f}" width="{self._width:g}" height="{_NODE_HEIGHT:g}" rx="4" '
            f'fill="var(--xpm-page,Canvas)"/>{self._box(x, y)}{_strip(node.rows, x, y)}'
            f"{text_at(x + _STRIP + 8, round(y + 17, 1), title, more=_BOLD)}"
            f"{text_at(x + _STRIP + 8, round(y + 32, 1), fitted(words, space))}</g>"
        )

    def _box(self, x: float, y: float) -> str:
        return (
            f'<rect x="{x:g}" y="{y:.1f}" width="{self._width:g}" height="{_NODE_HEIGHT:g}" rx="4" '
            f'fill="{FILL}" stroke="{LINE}"/>'
        )


_BOLD = 'font-weight="600"'
# Bold letters of size 11 are about as wide as others of this size.
_AS_BOLD = 12.5


def _strip(rows: Sequence[Row], x: float, y: float) -> str:
    """Return the colours of jobs as a strip, each as long as there are many of it."""
    parts = []
    for tone, count in tone_counts(rows):
        height = _NODE_HEIGHT * count / len(rows)
        parts.append(
            f'<rect x="{x:g}" y="{y:.1f}" width="{_STRIP:g}" height="{height:.1f}" '
            f'rx="1" fill="{TONE_COLOURS[tone]}"/>'
        )
        y += height
    return "".join(parts)


def _single_words(row: Row, now: float | None) -> tuple[str, str, str]:
    tags = ", ".join(f"{name}={value}" for name, value in row["tags"])
    title = f"{row['name']} {tags or row['key'][:SHORT_KEY]}"
    return title, ", ".join(filter(None, (row["word"], elapsed(row, now)))), job_words(row, now)


def _group_words(node: _Node) -> tuple[str, str, str]:
    rows = node.rows
    names = Counter(row["name"] for row in rows)
    name = rows[0]["name"] if len(names) == 1 else f"jobs of {len(names):,} tasks"
    words = ", ".join(f"{count:,} {tone}" for tone, count in tone_counts(rows))
    title = f"{len(rows):,} × {name}" if len(names) == 1 else f"{len(rows):,} {name}"
    lead = node.lead
    return title, words, f"{title}: {words}\nsuch as {job_words(lead, None)}"
