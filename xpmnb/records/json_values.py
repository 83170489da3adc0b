"""Typed values out of JSON that may be anything: each function gives None for what does not fit."""

from __future__ import annotations

from typing import Any

__all__ = ["as_integer", "as_mapping", "as_number", "as_text", "as_time"]

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
