"""Canonical bytes of a configuration, and the identifier hashed from them.

The encoding is injective and delimits itself: every value is a type tag followed by its length
and content, so that no two different values share their bytes. It depends on nothing but the
values: not on the order of keys, the hash seed, the platform or the process. Configurations are
hashed one by one (SHA-256), so that shared ones cost nothing the second time; a reference to a
configuration around itself (a cycle) is the number of levels upwards.

Format 1, ``N:`` being a decimal length or count and a colon:

=============  ====================================================================
None           ``N``
bool           ``T`` or ``F``
int            ``i`` N: decimal digits
float          ``d`` 8 bytes IEEE-754, big-endian; one NaN, one zero
str            ``s`` N: UTF-8 (lone surrogates as they are)
Path           ``P`` N: UTF-8, with ``/``
Enum           ``e`` str of the qualified name, str of the member
list, tuple    ``l``/``t`` N: items
set            ``S`` N: items, sorted by their bytes
dict           ``m`` N: key and value, sorted by the key's bytes
configuration  ``c`` digest; ``p`` identifier of the task that makes it, digest;
               ``r`` N: levels upwards
=============  ====================================================================

A digest is the SHA-256 of ``xpmnb-identifier-1``, the class name, name and value of each
parameter in it sorted by name, ``.``, and the init tasks. The identifier of a configuration is
its digest; where it holds distinct but equal :class:`~xpmnb.InstanceConfig` objects, the SHA-256
of ``I``, the digest and which occurrence is which.

A change of any of this needs a new format version: ``tests/golden/identifiers.json`` pins it.
"""

from __future__ import annotations

import enum
import hashlib
import math
import struct
from dataclasses import dataclass
from pathlib import Path, PosixPath, PurePath, PurePosixPath, PureWindowsPath, WindowsPath
from typing import TYPE_CHECKING, Any

from xpmnb.core.declaration import parameters
from xpmnb.core.registry import Declared, qualified_name
from xpmnb.core.sealed import SealedDict, SealedList, SealedSet
from xpmnb.core.state import ConfigState
from xpmnb.core.walk import iter_inside
from xpmnb.errors import IdentifierError

if TYPE_CHECKING:
    from collections.abc import Callable

    from xpmnb.core.fields import Parameter

FORMAT = "xpmnb-identifier-1"

_pack_float = struct.Struct(">d").pack
_NAN = b"d" + _pack_float(math.nan)
_sha256 = hashlib.sha256


@dataclass(slots=True)
class _Row:
    """One parameter as the encoder wants it."""

    name: str
    key: bytes
    parameter: Parameter
    included: bool
    """Whether the declaration puts it into the identifier; ``setmeta`` can change that."""
    ignored: bytes | None
    """The encoded default that is left out; None if no value is."""


@dataclass(slots=True)
class _Plan:
    """All that the encoding of a class needs and that its objects share."""

    header: bytes
    rows: list[_Row]


def identifier(config: Any, *, exclude_groups: frozenset[str] = frozenset()) -> str:
    """Return the identifier of a configuration.

    Parameters
    ----------
    config
        A configuration whose required parameters are set.
    exclude_groups : frozenset of str
        Names of parameter groups to leave out: a partial identifier.

    Returns
    -------
    str
        64 lower-case hexadecimal digits.

    Raises
    ------
    IdentifierError
        If a value has no canonical encoding; the message names class and parameter.
    """
    state: ConfigState = config.__dict__["__xpm__"]
    if state.job is not None and not exclude_groups:
        return str(state.job.id)
    encoder = _Encoder(exclude_groups)
    digest, has_instances = encoder.digest(config)
    if has_instances:
        marks = _InstanceMarks(encoder).of(config)
        if any(marks):
            tail = b"".join(b"%d:" % mark for mark in marks)
            return _sha256(b"I" + digest + tail).hexdigest()
    return digest.hex()


def encode(value: Any) -> bytes:
    """Return the canonical bytes of a value.

    Raises
    ------
    IdentifierError
        If the value has no canonical encoding.
    """
    return _Encoder(frozenset()).encode(value)


def _plan(cls: Declared) -> _Plan:
    plain = cls.__xpm_plain__
    plan: _Plan | None = plain.__dict__.get("__xpm_plan__")
    if plan is None:
        rows = [_row(parameter) for _, parameter in sorted(parameters(plain).items())]
        plan = _Plan(_text(FORMAT) + _text(plain.__xpm_name__), rows)
        type.__setattr__(plain, "__xpm_plan__", plan)
    return plan


def _row(parameter: Parameter) -> _Row:
    ignored = None
    if parameter.field.ignore_default and parameter.kind.name == "PARAM":
        ignored = encode(parameter.default_value())
    return _Row(parameter.name, _text(parameter.name), parameter, parameter.in_identifier, ignored)


def _text(value: str) -> bytes:
    data = value.encode("utf-8", "surrogatepass")
    return b"s%d:%b" % (len(data), data)


def _float(value: float) -> bytes:
    # `value or 0.0` makes one zero of two.
    return b"d" + _pack_float(value or 0.0) if value == value else _NAN  # noqa: PLR0124 (NaN)


def _int(value: int) -> bytes:
    # Hexadecimal would be faster for huge numbers; decimal is what the format says, and Python
    # limits decimal conversion to 4,300 digits: beyond, IdentifierError.
    try:
        digits = b"%d" % value
    except ValueError:
        message = f"an int of {value.bit_length()} bits is too large for an identifier"
        raise IdentifierError(message) from None
    return b"i%d:%b" % (len(digits), digits)


def _path(value: PurePath) -> bytes:
    data = value.as_posix().encode("utf-8", "surrogatepass")
    return b"P%d:%b" % (len(data), data)


_ATOMS: dict[type, Callable[[Any], bytes]] = {
    type(None): lambda _: b"N",
    bool: lambda value: b"T" if value else b"F",
    int: _int,
    float: _float,
    str: _text,
}
_ATOMS |= dict.fromkeys(
    (Path, PurePath, PosixPath, WindowsPath, PurePosixPath, PureWindowsPath), _path
)


class _Encoder:
    """Encodes one graph of configurations. One thread; made for one use."""

    __slots__ = ("excluded", "has_instances", "low", "memo", "path")

    def __init__(self, excluded: frozenset[str]) -> None:
        self.excluded = excluded
        self.memo: dict[int, tuple[bytes, bool]] = {}
        self.path: dict[int, int] = {}
        """Depth of each configuration that is being encoded: what a cycle refers to."""
        self.low = 0
        """The smallest depth that was referred to; the current depth if none."""
        self.has_instances = False

    def encode(self, value: Any) -> bytes:
        atom = _ATOMS.get(type(value))
        if atom is not None:
            return atom(value)
        kind = type(value)
        if isinstance(kind, Declared):
            return self._reference(value)
        if kind is list or kind is SealedList:
            return self._sequence(b"l", [self.encode(v) for v in value if not _is_meta(v)])
        if kind is dict or kind is SealedDict:
            return self._mapping(value)
        if kind is tuple:
            return self._sequence(b"t", [self.encode(v) for v in value if not _is_meta(v)])
        if kind is set or kind is SealedSet or kind is frozenset:
            return self._sequence(b"S", sorted(self.encode(v) for v in value if not _is_meta(v)))
        if isinstance(value, enum.Enum):
            return b"e" + _text(qualified_name(kind)) + _text(value.name)
        message = f"{value!r:.80} of type {kind.__qualname__} has no canonical encoding"
        raise IdentifierError(message)

    def digest(self, config: Any) -> tuple[bytes, bool]:
        """Return the digest of a configuration, and whether InstanceConfigs are in it."""
        state: ConfigState = config.__dict__["__xpm__"]
        known = self.memo.get(id(config)) or (None if self.excluded else state.digest)
        if known is not None:
            self.has_instances |= known[1]
            return known  # type: ignore[no-any-return]
        depth = len(self.path)
        self.path[id(config)] = depth
        outer_low, self.low = self.low, depth
        outer_instances, self.has_instances = self.has_instances, False
        result = self._content(config, state)
        result = (result, self.has_instances or _is_instance_config(config))
        del self.path[id(config)]
        if self.low >= depth:  # nothing in it refers to what is around it
            self.memo[id(config)] = result
            if state.sealed and not self.excluded:
                state.digest = result
            self.low = outer_low
        else:
            self.low = min(outer_low, self.low)
        self.has_instances = outer_instances or result[1]
        return result

    def _content(self, config: Any, state: ConfigState) -> bytes:
        plan = _plan(type(config))
        values = config.__dict__
        parts = [plan.header]
        for row in plan.rows:
            if row.name not in values:
                if row.included and row.parameter.generator is None:
                    message = f"{row.parameter.owner}.{row.name} has no value yet"
                    raise IdentifierError(message)
                continue
            value = values[row.name]
            atom = _ATOMS.get(type(value))
            if atom is None:
                encoded = self._value(row, value)
            elif row.included:
                encoded = atom(value)
            else:
                continue
            if encoded is None or encoded == row.ignored or self._is_excluded(row):
                continue
            parts.append(row.key)
            parts.append(encoded)
        parts.append(b".")
        if state.init_tasks:
            parts.append(self._sequence(b"t", [self.encode(task) for task in state.init_tasks]))
        return _sha256(b"".join(parts)).digest()

    def _is_excluded(self, row: _Row) -> bool:
        return bool(self.excluded) and not self.excluded.isdisjoint(row.parameter.field.groups)

    def _value(self, row: _Row, value: Any) -> bytes | None:
        """Return the encoding of a value that is no atom; None if it is not in the identifier."""
        included = row.included
        if isinstance(type(value), Declared):
            is_meta = value.__dict__["__xpm__"].is_meta
            included = included if is_meta is None else not is_meta
        if not included or row.parameter.value_type.only_paths:
            return None
        try:
            return self.encode(value)
        except IdentifierError as error:
            message = f"{row.parameter.owner}.{row.name}: {error}"
            raise IdentifierError(message) from None

    def _reference(self, config: Any) -> bytes:
        depth = self.path.get(id(config))
        if depth is not None:
            self.low = min(self.low, depth)
            return b"r%d:" % (len(self.path) - depth)
        state: ConfigState | None = config.__dict__.get("__xpm__")
        if state is None:
            message = f"{type(config).__qualname__} is an instance, not a configuration"
            raise IdentifierError(message)
        if state.job is not None:
            return b"c" + bytes.fromhex(state.job.id)
        content = self.digest(config)[0]
        if state.producer is not None:
            return b"p" + bytes.fromhex(identifier(state.producer)) + content
        return b"c" + content

    @staticmethod
    def _sequence(tag: bytes, items: list[bytes]) -> bytes:
        return b"%b%d:%b" % (tag, len(items), b"".join(items))

    def _mapping(self, value: dict[Any, Any]) -> bytes:
        pairs = sorted(
            (self.encode(key), self.encode(item))
            for key, item in value.items()
            if not _is_meta(item)
        )
        return b"m%d:%b" % (len(pairs), b"".join(key + item for key, item in pairs))


def _is_meta(value: Any) -> bool:
    return isinstance(type(value), Declared) and bool(value.__dict__["__xpm__"].is_meta)


def _is_instance_config(config: Any) -> bool:
    return bool(type(config).__xpm_distinct__)


class _InstanceMarks:
    """Numbers the distinct but equal InstanceConfigs of a graph, in the order of occurrence."""

    def __init__(self, encoder: _Encoder) -> None:
        self.encoder = encoder
        self.numbers: dict[bytes, dict[int, int]] = {}
        self.marks: list[int] = []
        self.seen: set[int] = set()

    def of(self, config: Any) -> list[int]:
        """Return one number for each occurrence; 0 for the first object of equal ones."""
        self._visit(config)
        return self.marks

    def _visit(self, config: Any) -> None:
        if _is_instance_config(config):
            numbers = self.numbers.setdefault(self.encoder.digest(config)[0], {})
            self.marks.append(numbers.setdefault(id(config), len(numbers)))
        if id(config) in self.seen or config.__dict__["__xpm__"].job is not None:
            return
        self.seen.add(id(config))
        for row in _plan(type(config)).rows:
            if row.included and row.name in config.__dict__:
                for child in self._in_order(config.__dict__[row.name]):
                    self._visit(child)

    def _in_order(self, value: Any) -> list[Any]:
        """Return the configurations in a value in an order that only the values decide."""
        if isinstance(value, dict):
            items = sorted(value.items(), key=lambda item: self.encoder.encode(item[0]))
            return [child for item in items for part in item for child in self._in_order(part)]
        if isinstance(value, (set, frozenset)):
            return sorted(iter_inside(value), key=self.encoder.encode)
        if isinstance(value, (list, tuple)):
            return [child for item in value for child in self._in_order(item)]
        return list(iter_inside(value))
