"""Documents of tasks as flat values, without a class."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.declaring import loose
from xpmnb import Config, Param, field
from xpmnb.analysis.documents import differing, expand, same
from xpmnb.document import to_document
from xpmnb.sheets import ABSENT

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["$ref", "$dict", "$tuple", "$enum", "values", "type", "a"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=20,
)


class Part(Config):
    size: Param[int] = 1


class Whole(Config):
    parts: Param[list[Part]] = field(default=[])
    named: Param[dict[str, Part]] = field(default={})
    one: Param[Part | None] = None
    shape: Param[tuple[int, ...]] = (1, 2)
    options: Param[dict[str, int]] = field(default={})


class Node(Config):
    next: Param["Node | None"] = None


def expanded(config: Any) -> dict[str, Any]:
    """Return the values of a configuration as its record would give them."""
    return expand(json.loads(json.dumps(to_document(config)))).values


def test_configurations_are_taken_apart() -> None:
    """Each configuration stands at its place with its class, its values below; the rest whole."""
    part = f"{Part.__module__}.part".lower()
    whole = Whole.C(
        parts=[Part.C(), Part.C(size=2)],
        named={"a b": Part.C(), "x": Part.C()},
        one=Part.C(size=3),
        options={"deep": 1},
    )
    assert expanded(whole) == {
        "parts.0": part,
        "parts.0.size": 1,
        "parts.1": part,
        "parts.1.size": 2,
        "named.0.key": "a b",
        "named.0": part,
        "named.0.size": 1,
        "named.x": part,
        "named.x.size": 1,
        "one": part,
        "one.size": 3,
        "shape": {"$tuple": [1, 2]},
        "options": {"deep": 1},
    }


def test_a_cycle_ends() -> None:
    """A configuration within itself is told by the number of levels upwards."""
    node = Node.C()
    node.next = loose(Node).C(next=node)
    assert expanded(node)["next.next"] == "...."
    assert list(expanded(node)) == ["next", "next.next"]


def test_what_does_not_count_is_not_walked() -> None:
    """What is not wanted is left out with all inside it; items of containers go by their place."""
    document = to_document(Whole.C(parts=[Part.C(), Part.C(size=2)], one=Part.C()))
    found = expand(document, lambda _kind, name, place: name != "one" and place != "parts.0")
    assert "parts.1.size" in found.values
    assert not [place for place in found.values if place.startswith(("one", "parts.0"))]


@given(JSON)
def test_damage_is_borne(value: Any) -> None:
    """Any JSON is expanded without an error."""
    expand(value if isinstance(value, dict) else None)
    expand({"root": 0, "init": value, "objects": [{"type": "t", "values": {"x": value}}]})
    expand({"root": 0, "objects": value})
    expand({"root": 0, "objects": [{"values": value, "generated": value, "job": value}]})


def test_a_lattice_of_shared_configurations_is_bounded() -> None:
    """Thirty levels that each use the next one twice are a billion places: not all are visited."""
    objects = [
        {"type": "t", "values": {"a": {"$ref": n + 1}, "b": {"$ref": n + 1}}} for n in range(30)
    ]
    found = expand({"root": 0, "objects": [*objects, {"type": "t", "values": {}}]})
    assert len(found.values) < 30_000


@pytest.mark.parametrize(
    ("a", "b", "is_same"),
    [
        (1, 1.0, False),
        (True, 1, False),
        (math.nan, math.nan, True),
        (0.0, -0.0, True),
        ([1, {"a": math.nan}], [1, {"a": math.nan}], True),
        ({"a": 1}, {"a": 1.0}, False),
        (None, 0, False),
    ],
)
def test_values_are_compared_as_identifiers_do(a: Any, b: Any, is_same: bool) -> None:
    """Types count, a NaN is itself, and there is one zero."""
    assert same(a, b) is is_same
    assert differing({"x": a}, {"x": b}) == ({} if is_same else {"x": (a, b)})


def test_what_one_side_lacks_is_absent() -> None:
    """A value that is not there is told from the value None, and is false."""
    assert differing({"x": None}, {"y": 1}) == {"y": (ABSENT, 1), "x": (None, ABSENT)}
    assert not ABSENT
    assert repr(ABSENT) == "ABSENT"
