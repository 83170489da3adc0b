"""The course of a metric as few heights, and the line drawn from them."""

import math
from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from xpmnb.notebook.rows import SPARK_POINTS
from xpmnb.notebook.sparkline import course, sparkline_svg

numbers = st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=200)


@given(numbers, st.integers(4, 40))
def test_a_course_is_bounded(values: list[float], points: int) -> None:
    """Whatever the values, there are few heights, each a whole number from 0 to 100."""
    heights = course(values, points)
    finite = [value for value in values if math.isfinite(value)]
    assert len(heights) <= points
    assert all(isinstance(height, int) and 0 <= height <= 100 for height in heights)
    assert bool(heights) == bool(finite)
    if len(finite) <= points:
        assert len(heights) == len(finite)


@given(st.lists(st.integers(-1000, 1000), min_size=1, max_size=500))
def test_no_peak_is_lost(values: list[int]) -> None:
    """The least and the greatest value are seen in a long series as in a short one."""
    heights = course(values)
    if min(values) == max(values):
        assert set(heights) == {50}
    else:
        assert (min(heights), max(heights)) == (0, 100)


def test_one_peak_among_many_values_stays_in_its_place() -> None:
    """A single peak of a long series is one height of 100, about where it was."""
    heights = course([1.0] * 900 + [5.0] + [1.0] * 99)
    assert heights.count(100) == 1
    assert 0.8 < heights.index(100) / len(heights) < 1
    assert len(heights) <= SPARK_POINTS


def test_few_values_are_all_drawn_in_order() -> None:
    """A short series keeps each value, in order; what is not finite is left out."""
    assert course([1, math.nan, 3, math.inf, 2]) == [0, 100, 50]
    assert course([7.0]) == [50]
    assert course([]) == []
    assert course([-1.7e308, 1.7e308, 0.0]) == [0, 100, 50]
    assert course([None, "word", 10**400, 1, 2]) == [0, 100]  # type: ignore[list-item]


def test_the_ends_of_a_long_series_stay() -> None:
    """The first and the last value are drawn as they are, so that the line ends at the last one."""
    heights = course([3.0, *map(float, range(1, 100)), 50.0])
    assert (heights[0], heights[-1]) == (round(100 * 2 / 98), 50)


@given(st.lists(st.integers(0, 100), min_size=1, max_size=SPARK_POINTS))
def test_a_line_stays_inside_its_picture(heights: list[int]) -> None:
    """The drawing is valid SVG, and no point of it lies outside."""
    picture = ET.fromstring(sparkline_svg(heights))  # noqa: S314 (made right here)
    _, _, width, height = map(int, picture.attrib["viewBox"].split())
    paths = [each for each in picture if each.tag.endswith("path")]
    assert len(paths) == (len(heights) > 1)
    for path in paths:
        steps = [int(word) for word in path.attrib["d"][1:].split()]
        x = y = 0
        for dx, dy in zip(steps[::2], steps[1::2], strict=True):
            x, y = x + dx, y + dy
            assert 0 <= x <= width
            assert 0 <= y <= height


def test_a_line_is_silent_unless_it_has_a_label() -> None:
    """Readers of screens pass over a line without a label, and read a hostile one as text."""
    assert sparkline_svg([]) == ""
    assert 'aria-hidden="true"' in sparkline_svg([1, 2])
    hostile = ET.fromstring(sparkline_svg([1, 2], label='"><script>'))  # noqa: S314
    assert hostile.attrib["aria-label"] == '"><script>'
