"""Canonical bytes of the values that hold no others; ``identifiers.py`` describes the format."""

from __future__ import annotations

import math
import struct
from pathlib import Path, PosixPath, PurePath, PurePosixPath, PureWindowsPath, WindowsPath
from typing import TYPE_CHECKING, Any

from xpmnb.errors import IdentifierError

if TYPE_CHECKING:
    from collections.abc import Callable

_pack_float = struct.Struct(">d").pack
_NAN = b"d" + _pack_float(math.nan)


def encode_text(value: str) -> bytes:
    """Return the canonical bytes of a string."""
    data = value.encode("utf-8", "surrogatepass")
    return b"s%d:%b" % (len(data), data)


def _float(value: float) -> bytes:
    # `value or 0.0` makes one zero of two.
    return b"d" + _pack_float(value or 0.0) if value == value else _NAN  # noqa: PLR0124 (NaN)


def _int(value: int) -> bytes:
    try:  # Python converts no more than 4,300 digits
        digits = b"%d" % value
    except ValueError:
        message = f"an int of {value.bit_length()} bits is too large for an identifier"
        raise IdentifierError(message) from None
    return b"i%d:%b" % (len(digits), digits)


def _path(value: PurePath) -> bytes:
    data = value.as_posix().encode("utf-8", "surrogatepass")
    return b"P%d:%b" % (len(data), data)


ATOMS: dict[type, Callable[[Any], bytes]] = {
    type(None): lambda _: b"N",
    bool: lambda value: b"T" if value else b"F",
    int: _int,
    float: _float,
    str: encode_text,
}
ATOMS |= dict.fromkeys(
    (Path, PurePath, PosixPath, WindowsPath, PurePosixPath, PureWindowsPath), _path
)
"""What encodes a value, by its exact type."""
