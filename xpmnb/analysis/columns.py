# ruff: noqa: PLC0415 -- pandas is imported where it is used: see the docstring.
"""Columns of frames: lists of plain values to arrays of the right dtype.

Knows pandas and nothing of jobs; which columns there are is decided in ``frames.py``. pandas is
imported inside the functions: it takes longer to load than a small experiment takes to run, and is
only needed by those who ask for a frame.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from pandas.api.extensions import ExtensionArray

    Column = np.ndarray[Any, Any] | ExtensionArray

__all__ = [
    "booleans",
    "categories",
    "fixed_categories",
    "flatten",
    "floats",
    "frame_of",
    "inferred",
    "integers",
    "spread",
    "texts",
    "times",
]

MAX_DEPTH = 16
"""Deeper mappings in a result stay objects."""

# Integers that a float holds exactly.
_EXACT = 2**53
_MAX_INT64 = 2**63 - 1
_MAX_TIME_S = 9.2e9


def frame_of(columns: Mapping[str, Column], length: int) -> pd.DataFrame:
    """Make a frame of finished columns, with the row numbers as its index."""
    import pandas as pd  # heavy: see the module's docstring

    return pd.DataFrame(dict(columns), index=pd.RangeIndex(length), copy=False)


def texts(values: Sequence[str | None]) -> Column:
    """Give strings as the dtype ``string``.

    Not ``object``, which says nothing about an empty or all-missing column, and not the default of
    pandas, which differs between its versions 2 and 3.
    """
    import pandas as pd  # heavy: see the module's docstring

    return pd.array(values, dtype="string")


def floats(values: Sequence[float | None]) -> np.ndarray[Any, Any]:
    """Give numbers as ``float64``, missing ones as NaN."""
    import numpy as np  # comes with pandas: see the module's docstring

    return np.array(values, dtype=np.float64)


def booleans(values: Sequence[bool]) -> np.ndarray[Any, Any]:
    """Give truths as ``bool``; none is missing."""
    import numpy as np  # comes with pandas: see the module's docstring

    return np.array(values, dtype=np.bool_)


def differences(ends: np.ndarray[Any, Any], starts: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Give ends minus starts; NaN where a time is missing or, by a damaged file, beyond all."""
    import numpy as np  # comes with pandas: see the module's docstring

    with np.errstate(invalid="ignore", over="ignore"):
        found = np.asarray(ends - starts)
    return np.where(np.isfinite(found), found, np.nan)


def integers(values: Sequence[int | None], *, missing: bool) -> Column:
    """Give integers as ``int64``; as ``Int64``, which stays exact, where some may be missing."""
    import numpy as np  # comes with pandas: see the module's docstring
    import pandas as pd

    return pd.array(values, dtype="Int64") if missing else np.array(values, dtype=np.int64)


def times(values: Sequence[float | None] | np.ndarray[Any, Any]) -> Column:
    """Give seconds since the epoch as ``datetime64[ns, UTC]``, to the microsecond.

    A float of today's size has no more than that. Missing ones, and those that no timestamp can
    hold, are NaT.
    """
    import numpy as np  # comes with pandas: see the module's docstring
    import pandas as pd

    seconds = np.array(values, dtype=np.float64)
    valid = np.abs(seconds) < _MAX_TIME_S  # False for NaN
    micros = np.rint(np.where(valid, seconds, 0.0) * 1e6).astype(np.int64)
    stamps = (micros * 1000).view("datetime64[ns]")
    stamps[~valid] = np.datetime64("NaT", "ns")
    return pd.DatetimeIndex(stamps).tz_localize("UTC").array


def categories(values: Sequence[str | None]) -> Column:
    """Give words as a categorical of those that occur, sorted."""
    words = sorted({value for value in values if value is not None})
    return fixed_categories(values, words, ordered=False)


def fixed_categories(
    values: Sequence[str | None], words: Sequence[str], *, ordered: bool
) -> Column:
    """Give words as a categorical of given words; any other word is missing."""
    import numpy as np  # comes with pandas: see the module's docstring
    import pandas as pd

    known: dict[str | None, int] = {word: number for number, word in enumerate(words)}
    codes = np.array([known.get(value, -1) for value in values], dtype=np.int32)
    # The default string dtype, also without any word, where pandas would choose object.
    index = pd.Index(list(words), dtype="str")
    return pd.Categorical.from_codes(codes, categories=index, ordered=ordered)


def inferred(values: Sequence[Any]) -> Column:
    """Give plain JSON values as the dtype that all of them fit.

    Parameters
    ----------
    values
        JSON values; None stands for a missing one.

    Returns
    -------
    array
        ``bool`` (``boolean`` with missing values), ``int64`` (``Int64`` with missing values,
        since a float would round and show 3 as 3.0), ``float64`` (NaN where missing; integers and
        floats together too, if exact), ``string``; ``object`` for lists, mappings, mixtures and
        columns without any value.
    """
    import pandas as pd  # heavy: see the module's docstring

    found = set(map(type, values))
    missing = type(None) in found
    found.discard(type(None))
    if found == {float}:
        return floats(values)
    if found == {str}:
        return texts(values)
    if found == {bool}:
        return pd.array(values, dtype="boolean") if missing else _objects(values).astype(bool)
    if found == {int} and _within(values, _MAX_INT64):
        return integers(values, missing=missing)
    if found == {int, float} and _within(values, _EXACT):
        return floats(values)
    return _objects(values)


def _within(values: Sequence[Any], limit: int) -> bool:
    whole = [value for value in values if type(value) is int]
    return -limit <= min(whole) and max(whole) <= limit


def _objects(values: Sequence[Any]) -> np.ndarray[Any, Any]:
    import numpy as np  # comes with pandas: see the module's docstring

    # np.array would make a matrix of lists of one length.
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def spread(prefix: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, Column]:
    """Give one column per key, in the order in which keys first occur.

    Parameters
    ----------
    prefix
        Goes before each name, with a dot.
    rows
        One mapping per row; a key that a row lacks is missing there.
    """
    names = dict.fromkeys(chain.from_iterable(rows))
    return {f"{prefix}.{name}": inferred([row.get(name) for row in rows]) for name in names}


def flatten(value: Mapping[str, Any]) -> dict[str, Any]:
    """Give nested mappings as one with dotted names; empty ones and very deep ones are kept."""
    flat: dict[str, Any] = {}
    _flatten_into(flat, "", value.items(), MAX_DEPTH)
    return flat


def _flatten_into(
    flat: dict[str, Any], prefix: str, items: Iterable[tuple[str, Any]], depth: int
) -> None:
    for name, value in items:
        if type(value) is dict and value and depth > 1:
            _flatten_into(flat, f"{prefix}{name}.", value.items(), depth - 1)
        else:
            flat[prefix + name] = value
