"""Ticks of an axis of time, and clock times."""

import itertools
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpmnb.notebook.clock import clock_words, tick_words, ticks


@given(st.floats(0, 1e10))
def test_an_axis_has_few_ticks(span: float) -> None:
    """However long, an axis has at most eight ticks, from zero on, in order, not beyond its end."""
    found = ticks(span)
    places = [place for place, _ in found]
    assert places[0] == 0
    assert len(found) <= 8
    assert all(a < b for a, b in itertools.pairwise(places))
    assert places[-1] <= span * (1 + 1e-6)
    assert len({words for _, words in found}) == len(found)


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (1.0, ["0", "0.2 s", "0.4 s", "0.6 s", "0.8 s", "1.0 s"]),
        (60, ["0", "10 s", "20 s", "30 s", "40 s", "50 s", "1 min"]),
        (700, ["0", "2 min", "4 min", "6 min", "8 min", "10 min"]),
        (3 * 3600, ["0", "30 min", "1 h", "1 h 30 min", "2 h", "2 h 30 min", "3 h"]),
        (0, ["0"]),
    ],
)
def test_ticks_are_where_a_person_counts(span: float, words: list[str]) -> None:
    """Ticks stand at round seconds, minutes and hours, in words."""
    assert [word for _, word in ticks(span)] == words


def test_a_distance_has_all_its_units() -> None:
    """Days, hours, minutes and seconds are told where they are not zero."""
    assert tick_words(90_061, 1) == "1 d 1 h 1 min 1 s"
    assert tick_words(86_400, 3_600) == "1 d"


def test_a_date_is_told_where_days_differ() -> None:
    """A clock time has a date beside a time of another day, and no time is an error."""
    now = time.time()
    assert re.fullmatch(r"\d\d:\d\d:\d\d", clock_words(now))
    assert re.fullmatch(r"\d\d:\d\d:\d\d", clock_words(now, beside=now))
    assert re.fullmatch(r"\d\d \w+ \d\d:\d\d:\d\d", clock_words(now, beside=now - 200_000))
    assert clock_words(1e300) == ""
