"""The course of a metric in few points."""

import math
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from xpmnb.trails import MAX_POINTS, MAX_TRAILS, Trail, Trails, follow


@given(st.lists(st.floats(allow_nan=False), min_size=1, max_size=2000))
def test_a_trail_keeps_few_points_in_their_order(values: list[float]) -> None:
    """However many values come, few are kept, in order, the first and the last among them."""
    trail = Trail()
    for value in values:
        trail.add(value)
    points = trail.points
    assert len(points) <= MAX_POINTS + 1
    assert points[0] == values[0]
    assert points[-1] == values[-1]
    remaining = iter(values)
    assert all(point in remaining for point in points)


@given(st.integers(1, MAX_POINTS))
def test_a_short_trail_is_whole(count: int) -> None:
    """Where few values come, all of them are kept."""
    trail = Trail()
    for number in range(count):
        trail.add(number)
    assert trail.points == [float(number) for number in range(count)]


def test_points_are_evenly_spread() -> None:
    """Of many values those are kept that stand at the same distance from each other."""
    trail = Trail()
    for number in range(100_001):
        trail.add(number)
    points = trail.points[:-1]
    assert len({after - before for before, after in pairwise(points)}) == 1
    assert len(points) > MAX_POINTS // 2 - 1


def test_only_numbers_have_a_course() -> None:
    """Strings, bools and ints beyond all floats leave no point; NaN does."""
    trails: Trails = {}
    follow(trails, {"loss": 1.5, "epoch": 2, "best": True, "phase": "warm-up", "huge": 10**400})
    follow(trails, {"loss": math.nan})
    assert sorted(trails) == ["epoch", "loss"]
    assert trails["loss"].points[0] == 1.5
    assert math.isnan(trails["loss"].points[1])
    assert trails["epoch"].points == [2.0]


def test_invented_names_have_a_bound() -> None:
    """A task that logs under ever new names costs the memory of a bounded number of trails."""
    trails: Trails = {}
    for number in range(3 * MAX_TRAILS):
        follow(trails, {f"loss of {number}": 1.0})
    assert len(trails) == MAX_TRAILS
    follow(trails, {"loss of 0": 2.0})
    assert trails["loss of 0"].points == [1.0, 2.0]
