"""Typed values out of any JSON."""

import json
import math

from hypothesis import given
from hypothesis import strategies as st

from xpmnb.records.json_values import (
    as_integer,
    as_mapping,
    as_number,
    as_text,
    as_time,
    number,
    quoted,
)


def test_what_fits_is_kept_and_the_rest_is_none() -> None:
    """Each function gives its own type or None; booleans are no numbers."""
    assert (as_text("a"), as_text(1)) == ("a", None)
    yes: object = True
    assert (as_integer(1), as_integer(yes), as_integer(1.0)) == (1, None, None)
    assert (as_mapping({}), as_mapping([])) == ({}, None)
    assert (as_number(2), as_number(yes), as_number(10**400)) == (2.0, None, None)
    assert math.isnan(as_number(math.nan) or 0.0)


def test_times_are_those_that_a_timestamp_can_hold() -> None:
    """NaN, infinities and years beyond 2262 are no times."""
    assert (as_time(1), as_time(1.5)) == (1.0, 1.5)
    assert [as_time(value) for value in (math.nan, math.inf, 1e11, 10**400, "1")] == [None] * 5


@given(st.none() | st.booleans() | st.integers() | st.floats())
def test_numbers_are_written_as_json_writes_them(value: float | None) -> None:
    """Also what is no number to JSON: NaN, infinities, and a bool that stands for one."""
    assert number(value) == json.dumps(value)


@given(st.none() | st.text())
def test_texts_are_written_as_json_writes_them(value: str | None) -> None:
    """With all that must be escaped, and lone surrogates."""
    assert quoted(value) == json.dumps(value)
