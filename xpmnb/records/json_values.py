"""Typed values out of JSON that may be anything, and plain values as JSON.

Each function that reads gives None for what does not fit. Those that write are for the few lines
that are written for each job: a text of known keys is made in a fifth of the time that a dict of
them takes to make and to encode. ASCII, because paths may hold lone surrogates, which UTF-8
refuses.
"""

from __future__ import annotations

import json
import math
from json.encoder import encode_basestring_ascii
from typing import Any

__all__ = [
    "as_integer",
    "as_mapping",
    "as_number",
    "as_text",
    "as_time",
    "encode",
    "encode_spaced",
    "number",
    "quoted",
]

encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
"""Encodes what cannot contain itself, for a line of a journal."""

encode_spaced = json.JSONEncoder(check_circular=False).encode
"""Encodes what cannot contain itself, for a file of its own, which people look at."""

# Seconds from the epoch that a nanosecond timestamp of 64 bits can hold (1677 to 2262).
_MAX_TIME_S = 9.2e9


def as_text(value: object) -> str | None:
    """Give a string as it is."""
    return value if type(value) is str else None


def as_integer(value: object) -> int | None:
    """Give an integer as it is; ``True`` is none."""
    return value if type(value) is int else None


def as_number(value: object) -> float | None:
    """Give an integer or a float, NaN and infinities included, as a float."""
    if type(value) is float:
        return value
    if type(value) is int:
        try:
            return float(value)
        except OverflowError:
            return None
    return None


def as_time(value: object) -> float | None:
    """Give seconds since the epoch that a timestamp can hold."""
    if (type(value) is float or type(value) is int) and -_MAX_TIME_S < value < _MAX_TIME_S:
        return float(value)
    return None


def as_mapping(value: object) -> dict[str, Any] | None:
    """Give a JSON object as it is."""
    return value if type(value) is dict else None


def quoted(text: str | None) -> str:
    """Give a string, or null, as JSON."""
    return "null" if text is None else encode_basestring_ascii(text)


def number(value: float | None) -> str:
    """Give an integer, a float or null as JSON; NaN and infinities as Python's ``json`` does."""
    if value is None:
        return "null"
    if type(value) is int or (type(value) is float and math.isfinite(value)):
        return repr(value)
    return encode(value)
