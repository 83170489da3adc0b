"""Columns: every list of JSON values gets a dtype that all of them fit, and keeps their values."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpmnb.analysis.columns import categories, fixed_categories, flatten, inferred, spread, times

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec="utf-8"))
)
values = st.recursive(scalars, lambda v: st.lists(v) | st.dictionaries(st.text(), v), max_leaves=4)


@pytest.mark.parametrize(
    ("column", "dtype"),
    [
        ([1, 2], "int64"),
        ([1, None], "Int64"),
        ([2**60, None], "Int64"),
        ([1.0, 2.5], "float64"),
        ([1.0, None], "float64"),
        ([1, 2.5, None], "float64"),
        ([2**60, 2.5], "object"),
        ([2**64], "object"),
        ([True, False], "bool"),
        ([True, None], "boolean"),
        ([True, 1], "object"),
        (["a", None], "string"),
        (["a", 1], "object"),
        ([None, None], "object"),
        ([[1], [2]], "object"),
        ([[1, 2], None], "object"),
        ([{"a": 1}, {}], "object"),
        ([], "object"),
    ],
)
def test_dtypes_are_those_that_all_values_fit(column: list[Any], dtype: str) -> None:
    """Each kind of values has its dtype."""
    assert str(inferred(column).dtype) == dtype


@given(st.lists(values))
def test_no_value_is_changed(column: list[Any]) -> None:
    """Whatever the values, each comes out equal to what went in, and missing as missing."""
    series = pd.Series(inferred(column))
    assert len(series) == len(column)
    for value, kept in zip(column, series, strict=True):
        if value is None or (isinstance(value, float) and math.isnan(value)):
            assert pd.isna(kept)
        else:
            assert kept == value


def test_a_large_integer_beside_a_missing_one_is_exact() -> None:
    """Seeds of 60 bits survive a job that has none."""
    assert pd.Series(inferred([2**60 + 1, None]))[0] == 2**60 + 1


def test_lists_of_one_length_stay_lists() -> None:
    """A column of lists is no matrix."""
    assert inferred([[1, 2], [3, 4]]).tolist() == [[1, 2], [3, 4]]


def test_times_are_utc_nanoseconds_to_the_microsecond() -> None:
    """Seconds become aware timestamps; what no timestamp can hold is NaT."""
    column = pd.Series(times([1_700_000_000.123456, None, math.nan, math.inf, 1e300, -1.5]))
    assert str(column.dtype) == "datetime64[ns, UTC]"
    assert column[0] == pd.Timestamp("2023-11-14 22:13:20.123456", tz="UTC")
    assert column[5] == pd.Timestamp("1969-12-31 23:59:58.5", tz="UTC")
    assert column.isna().tolist() == [False, True, True, True, True, False]


def test_categories_are_those_that_occur() -> None:
    """Words become a sorted categorical; missing ones stay missing."""
    column = pd.Series(categories(["b", None, "a", "b"]))
    assert column.cat.categories.tolist() == ["a", "b"]
    assert column.isna().tolist() == [False, True, False, False]


def test_an_unknown_word_is_missing() -> None:
    """A word outside of fixed categories is no error."""
    column = pd.Series(fixed_categories(["done", "teleported"], ["done", "error"], ordered=True))
    assert column.isna().tolist() == [False, True]


def test_spread_keeps_the_order_in_which_names_occur() -> None:
    """Columns come in order of first occurrence; a row without the name is missing there."""
    columns = spread("params", [{"b": 1}, {"a": 2.0, "b": 3}, {}])
    assert list(columns) == ["params.b", "params.a"]
    assert pd.Series(columns["params.b"]).tolist() == [1, 3, pd.NA]
    np.testing.assert_array_equal(columns["params.a"], [math.nan, 2.0, math.nan])


def test_flatten_joins_names_with_dots() -> None:
    """Nested mappings become dotted names; lists and empty mappings are values."""
    nested = {"a": 1, "b": {"c": {"d": [1]}, "e": {}}}
    assert flatten(nested) == {"a": 1, "b.c.d": [1], "b.e": {}}


def test_flatten_stops_at_a_depth() -> None:
    """A mapping that is nested without end does not exhaust the stack."""
    deep: dict[str, Any] = {}
    for _ in range(5000):
        deep = {"x": deep}
    (name,) = flatten(deep)
    assert name.count(".") == 15
