"""What a task registered, as lines of a file that may be damaged."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpmnb.records.layout import JobLayout
from xpmnb.records.task_outputs import (
    MAX_NESTING,
    TaskOutput,
    first_of_each,
    output_from_json,
    read_outputs,
    readable,
)

GOOD = TaskOutput(("validation",), "checkpoint", [], {"step": 10}, 5.0, 1)

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.text() | st.sampled_from(["$path", "$float", "$enum", "$tuple", "$set", "$dict"]),
            inner,
        )
    ),
    max_leaves=8,
)
outputs = st.builds(
    TaskOutput,
    st.lists(st.text(), max_size=3).map(tuple),
    st.text(min_size=1),
    st.lists(anything, max_size=2),
    st.dictionaries(st.text(), anything, max_size=2),
    st.floats(0, 4e9),
    st.integers(1, 9),
)


def nested(depth: int) -> list[Any]:
    """Return lists in one another."""
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


@given(outputs)
def test_an_output_comes_back_from_its_line(output: TaskOutput) -> None:
    """What is written is what is read."""
    assert output_from_json(json.loads(json.dumps(output.to_json()))) == output


@given(st.dictionaries(st.sampled_from([*GOOD.to_json(), "more"]), anything))
def test_any_entry_is_an_output_or_none(entry: dict[str, Any]) -> None:
    """Parts that do not fit make no output; those that fit can be compared and shown."""
    for found in (output_from_json(entry), output_from_json({**GOOD.to_json(), **entry})):
        assert found is None or (found.key and isinstance(found.values, dict))


@pytest.mark.parametrize("name", GOOD.to_json())
def test_every_part_is_needed(name: str) -> None:
    """An entry that lacks a part, or has another thing in its place, is no output."""
    entry = GOOD.to_json()
    assert output_from_json({**entry, name: object()}) is None
    del entry[name]
    assert output_from_json(entry) is None


@pytest.mark.parametrize("attempt", [0, -1, 2**70, True])
def test_a_number_that_no_attempt_has_is_damage(attempt: int) -> None:
    """Attempts count from 1, and tables can hold them."""
    assert output_from_json({**GOOD.to_json(), "attempt": attempt}) is None


def test_what_is_nested_too_deeply_is_skipped() -> None:
    """No line can bring a reader to the end of its stack."""
    entry = GOOD.to_json()
    kept = output_from_json({**entry, "args": nested(MAX_NESTING - 2)})
    assert kept is not None
    assert kept.key
    assert output_from_json({**entry, "args": nested(MAX_NESTING)}) is None
    assert output_from_json({**entry, "path": ["next"] * 1000}) is None


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ({"x": {"$dict": [["a", 1], ["b", 2]]}}, {"x": {"$dict": [["b", 2], ["a", 1]]}}, True),
        ({"x": {"$set": [1, 2]}}, {"x": {"$set": [2, 1]}}, True),
        ({"x": {"$set": [{"$tuple": [1]}, 2]}}, {"x": {"$set": [2, {"$tuple": [1]}]}}, True),
        ({"x": [1, 2]}, {"x": [2, 1]}, False),
        ({"x": 1}, {"x": 1.0}, False),
        ({"x": 1}, {"x": True}, False),
        ({"x": 1}, {"x": "1"}, False),
        ({"x": {"$float": "nan"}}, {"x": {"$float": "nan"}}, True),
    ],
)
def test_equal_arguments_make_the_same_output(
    one: dict[str, Any], other: dict[str, Any], same: bool
) -> None:
    """The order of names and of sets does not count; the order of lists and the type do."""
    a, b = (TaskOutput((), "f", [], kwargs, 5.0, 1).key for kwargs in (one, other))
    assert (a == b) is same


@given(st.lists(outputs, max_size=4), st.data())
def test_what_is_registered_once_more_counts_once(
    items: list[TaskOutput], data: st.DataObject
) -> None:
    """Of the same outputs the first is kept, in the order of the first ones."""
    again = data.draw(st.lists(st.sampled_from(items), max_size=4)) if items else []
    once = first_of_each(items)
    assert first_of_each([*items, *again]) == once
    assert len({output.key for output in once}) == len(once)
    assert {output.key for output in once} == {output.key for output in items}


@pytest.mark.parametrize(
    ("encoded", "shown"),
    [
        ({"$path": "a/b"}, "a/b"),
        ({"$enum": [{"module": "m", "qualname": "Color"}, "RED"]}, "RED"),
        ({"$tuple": [1, {"$path": "a"}]}, [1, "a"]),
        ({"$set": [2, 1]}, [1, 2]),
        ({"$dict": [["a", {"$float": "inf"}], [1, None]]}, {"a": float("inf"), "1": None}),
        ({"$dict": 5}, {"$dict": 5}),
        ({"$float": "much"}, {"$float": "much"}),
        ({"$newer": [1]}, {"$newer": [1]}),
        ({"a": 1, "b": [{"$path": "c"}]}, {"a": 1, "b": ["c"]}),
    ],
)
def test_arguments_are_shown_as_plain_values(encoded: Any, shown: Any) -> None:
    """Tables show what was meant; what is damaged is shown as it stands."""
    assert readable(encoded) == shown


def test_damage_costs_nothing_but_itself(tmp_path: Path) -> None:
    """Torn, foreign and deep lines are left out, and a missing file has no outputs."""
    layout = JobLayout(str(tmp_path / "jobs/nb.train/a"))
    assert read_outputs(layout) == []
    Path(layout.hidden).mkdir(parents=True)
    line = json.dumps(GOOD.to_json()).encode()
    later = json.dumps({**GOOD.to_json(), "attempt": 2, "time": 9.0}).encode()
    damage = [b"\xff\x00", b"{}", b"[1]", b"[" * 100_000, line[:20], b"null"]
    Path(layout.outputs).write_bytes(b"\n".join([*damage, line, *damage, later, line[:30]]))
    assert read_outputs(layout) == [GOOD]
