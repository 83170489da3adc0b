"""Places for the nodes of a graph without circles: in layers, with few crossings; pure.

Longest paths give the layers, the mean place of neighbours their order, and least squares the
places. Nothing here knows jobs or pictures.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

_SWEEPS = 8

Link = tuple[int, int]
"""Two nodes; the second needs the first."""


@dataclass(slots=True)
class Layout:
    """Where nodes are, and which way the links between them take."""

    layer: list[int]
    """Of each node."""
    place: list[float]
    """Of each node across its layer, its middle; the least edge of all is 0."""
    routes: dict[Link, list[float]]
    """Of each link, where it crosses the layers between its ends, in order."""
    extent: float
    """How far the places go."""


def lay_out(count: int, links: Sequence[Link], sizes: Sequence[float], gap: float) -> Layout:
    """Return places for nodes.

    Parameters
    ----------
    count : int
        How many nodes there are: they are the numbers below it.
    links : sequence of (int, int)
        Which node is needed by which. Those that close a circle are drawn, but not followed.
    sizes : sequence of float
        Of each node across its layer.
    gap : float
        Between two nodes of a layer.
    """
    wanted = list(dict.fromkeys(link for link in links if link[0] != link[1]))
    layer, falling = layers_of(count, wanted)
    grid = _Grid(list(layer), list(sizes), gap)
    ways = {link: grid.chain(link) for link in falling}
    grid.fill()
    grid.order()
    places = grid.places()
    edges = [(at, grid.sizes[node] / 2) for node, at in enumerate(places)]
    low = min((at - half for at, half in edges), default=0.0)
    high = max((at + half for at, half in edges), default=0.0)
    routes = {link: [places[node] - low for node in way] for link, way in ways.items()}
    routes |= {link: [] for link in wanted if link not in routes}
    return Layout(layer, [place - low for place in places[:count]], routes, high - low)


def layers_of(count: int, links: Sequence[Link]) -> tuple[list[int], list[Link]]:
    """Return the layer of each node, and the links that fall from one layer to a later one.

    The layer is the length of the longest way to a node. Circles, which graphs of jobs do not
    have, are broken at one of their links.
    """
    after: list[list[int]] = [[] for _ in range(count)]
    for source, target in links:
        after[source].append(target)
    order = _finished(after)[::-1]
    rank = {node: place for place, node in enumerate(order)}
    falling = [(a, b) for a, b in links if rank[a] < rank[b]]
    before: list[list[int]] = [[] for _ in range(count)]
    for source, target in falling:
        before[target].append(source)
    layer = [0] * count
    for node in order:
        layer[node] = max((layer[each] + 1 for each in before[node]), default=0)
    return layer, falling


def _finished(after: Sequence[Sequence[int]]) -> list[int]:
    """Return the nodes as a walk into the depth leaves them: what is reached comes first."""
    seen = [False] * len(after)
    left: list[int] = []
    for root in range(len(after)):
        if seen[root]:
            continue
        seen[root] = True
        stack = [(root, iter(after[root]))]
        while stack:
            node, pending = stack[-1]
            child = next((each for each in pending if not seen[each]), None)
            if child is None:
                stack.pop()
                left.append(node)
            else:
                seen[child] = True
                stack.append((child, iter(after[child])))
    return left


@dataclass(slots=True)
class _Grid:
    """Nodes in their layers, with one more for each layer that a link crosses."""

    layer: list[int]
    sizes: list[float]
    gap: float
    rows: list[list[int]] = field(default_factory=list)
    before: list[list[int]] = field(default_factory=list)
    after: list[list[int]] = field(default_factory=list)
    real: int = 0

    def __post_init__(self) -> None:
        self.real = len(self.layer)
        self.before = [[] for _ in self.layer]
        self.after = [[] for _ in self.layer]

    def chain(self, link: Link) -> list[int]:
        """Link two nodes through the layers between them; return the nodes made there."""
        source, target = link
        made = []
        last = source
        for layer in range(self.layer[source] + 1, self.layer[target]):
            node = len(self.layer)
            self.layer.append(layer)
            self.sizes.append(0.0)
            self.before.append([last])
            self.after.append([])
            self.after[last].append(node)
            made.append(node)
            last = node
        self.after[last].append(target)
        self.before[target].append(last)
        return made

    def fill(self) -> None:
        """Put the nodes into their layers, in the order of their numbers."""
        self.rows = [[] for _ in range(max(self.layer, default=-1) + 1)]
        for node, layer in enumerate(self.layer):
            self.rows[layer].append(node)

    def order(self) -> None:
        """Order each layer by the mean place of neighbours, to and fro; keep what crosses least."""
        best, least = [list(row) for row in self.rows], self.crossings()
        for sweep in range(_SWEEPS):
            if not least:
                break
            near = self.after if sweep % 2 else self.before
            rows = self.rows[::-1] if sweep % 2 else self.rows
            spot = {node: at for row in self.rows for at, node in enumerate(row)}
            for row in rows:
                row.sort(key=lambda node: _mean(near[node], spot, spot[node]))
                spot.update((node, at) for at, node in enumerate(row))
            crossed = self.crossings()
            if crossed < least:
                best, least = [list(row) for row in self.rows], crossed
        self.rows = best

    def crossings(self) -> int:
        """Return how many pairs of links cross."""
        spot = {node: at for row in self.rows for at, node in enumerate(row)}
        total = 0
        for row in self.rows:
            seen: list[int] = []
            for node in row:
                ends = sorted(spot[each] for each in self.after[node])
                total += sum(len(seen) - bisect_right(seen, end) for end in ends)
                for end in ends:
                    insort(seen, end)
        return total

    def places(self) -> list[float]:
        """Return where each node is: near its neighbours, in order, and none over another."""
        place = [0.0] * len(self.layer)
        for row in self.rows:
            for node, at in zip(row, self.spread(row, [0.0] * len(row)), strict=True):
                place[node] = at
        for sweep in range(_SWEEPS):
            near = self.after if sweep % 2 else self.before
            for row in self.rows[::-1] if sweep % 2 else self.rows:
                wanted = [_mean(near[node], place, place[node]) for node in row]
                for node, at in zip(row, self.spread(row, wanted), strict=True):
                    place[node] = at
        return place

    def spread(self, row: Sequence[int], wanted: Sequence[float]) -> list[float]:
        """Return places in order and far enough apart, whose squared way to the wanted is least."""
        offsets, at = [], 0.0
        for before, node in zip([None, *row], row, strict=False):
            if before is not None:
                # Links that only pass by may be closer to one another.
                gap = self.gap if node < self.real or before < self.real else self.gap / 2
                at += (self.sizes[before] + self.sizes[node]) / 2 + gap
            offsets.append(at)
        # Neighbours that would be too near become a block, at the mean of what they want.
        blocks: list[tuple[float, float]] = []
        for node, place, offset in zip(row, wanted, offsets, strict=True):
            # A link that is bent twice reads worse than a node that is a little off.
            weight = 1.0 if node < self.real else 3.0
            mean = place - offset
            while blocks and blocks[-1][0] >= mean:
                other, heavy = blocks.pop()
                mean = (mean * weight + other * heavy) / (weight + heavy)
                weight += heavy
            blocks.append((mean, weight))
        return self._unpacked(row, offsets, blocks)

    def _unpacked(
        self, row: Sequence[int], offsets: Sequence[float], blocks: list[tuple[float, float]]
    ) -> list[float]:
        result = []
        pending = iter(blocks)
        mean, left = 0.0, 0.0
        for node, offset in zip(row, offsets, strict=True):
            if left < 0.5:  # noqa: PLR2004 (weights are whole)
                mean, left = next(pending)
            left -= 1.0 if node < self.real else 3.0
            result.append(mean + offset)
        return result


def _mean(near: Sequence[int], at: Mapping[int, float] | Sequence[float], other: float) -> float:
    return sum(at[each] for each in near) / len(near) if near else other


def without_detours(count: int, links: Sequence[Link]) -> list[Link]:
    """Return the links without those that say no more than a longer way does.

    Parameters
    ----------
    count : int
        How many nodes there are.
    links : sequence of (int, int)
        Without circles; what closes one stays.
    """
    links = list(dict.fromkeys(links))
    layer, falling = layers_of(count, links)
    after: list[list[int]] = [[] for _ in range(count)]
    for source, target in falling:
        after[source].append(target)
    reached = [0] * count  # as bits
    needless: set[Link] = set()
    for node in sorted(range(count), key=lambda each: -layer[each]):
        beyond = 0
        for target in sorted(after[node], key=lambda each: layer[each]):
            if beyond >> target & 1:
                needless.add((node, target))
            beyond |= reached[target] | 1 << target
        reached[node] = beyond
    return [link for link in links if link not in needless]


def classes_of(kinds: Sequence[Hashable], links: Sequence[Link], most: int) -> list[int]:
    """Return a class for each node: alike are those of a kind that are linked to alike ones.

    Parameters
    ----------
    kinds : sequence
        The kind of each node.
    links : sequence of (int, int)
        Which node is needed by which.
    most : int
        The greatest number of classes: where more would be needed to tell all apart, some that
        are linked differently are in one. Kinds are always told apart.

    Returns
    -------
    list of int
        The number of its class for each node, by first occurrence.
    """
    before: list[list[int]] = [[] for _ in kinds]
    after: list[list[int]] = [[] for _ in kinds]
    for source, target in links:
        before[target].append(source)
        after[source].append(target)
    classes = _numbered(kinds)
    while True:
        finer = _numbered(
            [
                (own, frozenset(classes[n] for n in back), frozenset(classes[n] for n in on))
                for own, back, on in zip(classes, before, after, strict=True)
            ]
        )
        if max(finer, default=-1) == max(classes, default=-1) or max(finer) >= most:
            return classes
        classes = finer


def _numbered(values: Sequence[Hashable]) -> list[int]:
    numbers: dict[Hashable, int] = {}
    return [numbers.setdefault(value, len(numbers)) for value in values]
