"""Places for the nodes of a graph."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from xpmnb.notebook.graph_layers import classes_of, lay_out, layers_of, without_detours

Links = list[tuple[int, int]]


@st.composite
def graphs(draw: st.DrawFn) -> tuple[int, Links]:
    """Draw a graph without circles: links go from smaller to greater numbers, shuffled."""
    count = draw(st.integers(1, 25))
    names = draw(st.permutations(range(count)))
    pairs = st.tuples(st.integers(0, count - 1), st.integers(0, count - 1))
    links = [(min(pair), max(pair)) for pair in draw(st.lists(pairs, max_size=60))]
    return count, [(names[a], names[b]) for a, b in links if a != b]


@given(graphs())
def test_what_is_needed_stands_in_an_earlier_layer(graph: tuple[int, Links]) -> None:
    """Every link falls, and no layer is empty: a node stands right after what it needs last."""
    count, links = graph
    layer, falling = layers_of(count, links)
    assert falling == links
    assert all(layer[a] < layer[b] for a, b in links)
    before = {b: [layer[a] for a, c in links if c == b] for _, b in links}
    assert all(layer[node] == max(before.get(node, [-1])) + 1 for node in range(count))


@given(graphs())
def test_nodes_do_not_touch(graph: tuple[int, Links]) -> None:
    """In each layer there is the gap between any two nodes, and all lie within the extent."""
    count, links = graph
    layout = lay_out(count, links, [40.0] * count, 10.0)
    for layer in range(max(layout.layer) + 1):
        places = sorted(layout.place[node] for node in range(count) if layout.layer[node] == layer)
        assert all(b - a >= 50 - 1e-6 for a, b in pairwise(places))
    assert all(20 - 1e-6 <= place <= layout.extent - 20 + 1e-6 for place in layout.place)


@given(graphs())
def test_links_have_a_place_in_each_layer_that_they_cross(graph: tuple[int, Links]) -> None:
    """A long link passes between the nodes, not through them."""
    count, links = graph
    layout = lay_out(count, links, [40.0] * count, 10.0)
    assert set(layout.routes) == set(links)
    for (a, b), way in layout.routes.items():
        assert len(way) == layout.layer[b] - layout.layer[a] - 1
        for layer, at in enumerate(way, layout.layer[a] + 1):
            inside = [n for n in range(count) if layout.layer[n] == layer]
            assert all(abs(layout.place[n] - at) >= 20 for n in inside)


@given(st.integers(1, 12), st.data())
def test_circles_do_not_hang(count: int, data: st.DataObject) -> None:
    """Links that go round in a circle are laid out as well as any."""
    node = st.integers(0, count - 1)
    links = data.draw(st.lists(st.tuples(node, node), max_size=30))
    layout = lay_out(count, links, [40.0] * count, 10.0)
    assert len(layout.place) == count
    assert set(layout.routes) == {link for link in links if link[0] != link[1]}


def test_order_avoids_crossings() -> None:
    """Two parallel ways stay parallel, whatever the order in which they were told."""
    layout = lay_out(4, [(0, 3), (1, 2)], [1.0] * 4, 1.0)
    assert (layout.place[0] < layout.place[1]) == (layout.place[3] < layout.place[2])


def test_a_lone_node_stands_in_the_middle_of_what_it_needs() -> None:
    """A node stands at the mean place of its neighbours."""
    layout = lay_out(4, [(0, 3), (1, 3), (2, 3)], [10.0] * 4, 10.0)
    assert layout.place[3] == sorted(layout.place[:3])[1]


def reached(count: int, links: Links) -> set[tuple[int, int]]:
    """Return which node is reached from which, by links one after the other."""
    found = set(links)
    for middle in range(count):
        found |= {(a, d) for a, b in found if b == middle for c, d in found if c == middle}
    return found


@given(graphs())
def test_leaving_out_detours_keeps_what_is_reached(graph: tuple[int, Links]) -> None:
    """Without needless links the same nodes are reached from each node, by fewer links."""
    count, links = graph
    kept = without_detours(count, links)
    assert set(kept) <= set(links)
    assert reached(count, kept) == reached(count, links)


def test_alike_nodes_are_one_class() -> None:
    """Chains that hang on one node are alike link by link; what hangs on another is not."""
    kinds = ["root a", "root b", *["child"] * 4, *["leaf"] * 4]
    links = [(0, 2), (0, 3), (0, 4), (1, 5), *[(n, n + 4) for n in range(2, 6)]]
    assert classes_of(kinds, links, 80) == [0, 1, 2, 2, 2, 3, 4, 4, 4, 5]


@given(graphs(), st.integers(1, 30))
def test_classes_stay_few(graph: tuple[int, Links], most: int) -> None:
    """There are at most so many classes as asked for, unless there are more kinds."""
    count, links = graph
    classes = classes_of(["one"] * count, links, most)
    assert len(classes) == count
    assert len(set(classes)) <= most
