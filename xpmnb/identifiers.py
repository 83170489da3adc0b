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
its digest (of one that a task makes, the SHA-256 of ``p``, that task's identifier and the
digest); where it holds distinct but equal :class:`~xpmnb.InstanceConfig` objects, the SHA-256
of ``I``, the digest and the marks that tell which occurrence is which: ``(``, for an
InstanceConfig its number among equal ones and a colon, what its values hold, ``)``. The marks of
what is inside a configuration are hashed.

A change of any of this needs a new format version: ``tests/golden/identifiers.json`` pins it.
"""

from __future__ import annotations

import enum
import hashlib
import itertools
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from xpmnb.core.atoms import ATOMS, encode_text
from xpmnb.core.declaration import parameters
from xpmnb.core.fields import Kind
from xpmnb.core.registry import Declared, generation, qualified_name
from xpmnb.core.sealed import SealedDict, SealedList, SealedSet
from xpmnb.core.state import ConfigState, state_of
from xpmnb.core.values import fresh_default, renew
from xpmnb.core.walk import iter_graph, iter_inside
from xpmnb.errors import IdentifierError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from xpmnb.core.fields import Parameter
    from xpmnb.partials import Partial

FORMAT = "xpmnb-identifier-1"

_sha256 = hashlib.sha256


@dataclass(slots=True)
class _Row:
    """One parameter as the encoder wants it."""

    name: str
    key: bytes
    parameter: Parameter
    included: bool  # by its declaration; setmeta can change that
    ignored: bytes | None
    """The encoded default that is left out; None if no value is."""


@dataclass(slots=True)
class Plan:
    """All that the encoding of a class needs and that its objects share."""

    header: bytes
    rows: list[_Row]
    generation: int  # a default may hold a class that is declared anew later


def identifier(config: Any, *, partial: Partial | None = None) -> str:
    """Return the identifier of a configuration.

    Parameters
    ----------
    config
        A configuration whose required parameters are set. Where ``dep`` marked it, the
        identifier depends on the task that makes it.
    partial : Partial, optional
        Which parameters to leave out: a partial identifier.

    Returns
    -------
    str
        64 lower-case hexadecimal digits.

    Raises
    ------
    IdentifierError
        If a value has no canonical encoding; the message names class and parameter.
    """
    state = state_of(config)
    if partial is None and state.job is not None:
        return str(state.job.id)
    if partial is None and state.known_identifier is not None:
        return state.known_identifier
    return compute(config, Encoder(config, partial))


def compute(config: Any, encoder: Encoder) -> str:
    """Return the identifier of a configuration as an encoder that was made for it sees it."""
    state = state_of(config)
    try:
        digest, has_instances = encoder.digest(config)
        if has_instances:
            marks = _InstanceMarks(encoder)
            tail = marks.of(config)
            if marks.has_several:
                digest = _sha256(b"I" + digest + tail).digest()
    except RecursionError:
        message = f"{type(config).__qualname__}: values nested too deeply for an identifier"
        raise IdentifierError(message) from None
    if state.producer is not None and state.producer is not config:
        maker = bytes.fromhex(encoder.identifier_of(state.producer))
        digest = _sha256(b"p" + maker + digest).digest()
    return digest.hex()


def encode(value: Any) -> bytes:
    """Return the canonical bytes of a value, or raise an IdentifierError that names it."""
    return Encoder(None, None).encode(value)


def _plan(cls: Declared | type[Any]) -> Plan:
    plain = cls.__xpm_plain__
    plan: Plan | None = plain.__dict__.get("__xpm_plan__")
    if plan is None or plan.generation != generation():
        plan = make_plan(plain, plain.__xpm_name__, encode)
        type.__setattr__(plain, "__xpm_plan__", plan)
    return plan


def make_plan(cls: Declared, name: str, encode: Callable[[Any], bytes]) -> Plan:
    """Return the plan of a class under a name, with its defaults as a function encodes them."""
    now = generation()
    rows = [_row(parameter, encode) for _, parameter in sorted(parameters(cls).items())]
    return Plan(encode_text(FORMAT) + encode_text(name), rows, now)


def _row(parameter: Parameter, encode: Callable[[Any], bytes]) -> _Row:
    ignored = None
    if parameter.field.ignore_default and parameter.kind is Kind.PARAM:
        default = fresh_default(parameter)
        for inside in iter_inside(default):
            for _, each in iter_graph(inside):
                renew(each)  # as a value that is this default will be
        ignored = encode(default)
    return _Row(
        parameter.name, encode_text(parameter.name), parameter, parameter.in_identifier, ignored
    )


class Encoder:
    """Encodes one graph of configurations. One thread; made for one use."""

    __slots__ = ("has_instances", "low", "memo", "partial", "path", "root")

    is_usual = True
    """Whether what it finds is what every other encoder without exclusions finds."""

    def __init__(self, root: Any, partial: Partial | None) -> None:
        self.root = root
        self.partial = partial
        self.memo: dict[int, tuple[bytes, bool]] = {}
        self.path: dict[int, int] = {}
        """Depth of each configuration that is being encoded: what a cycle refers to."""
        self.low = 0
        """The smallest depth that was referred to; more than the current depth if none."""
        self.has_instances = False

    def plan_of(self, cls: Declared | type[Any]) -> Plan:
        """Return what the encoding of a class needs."""
        return _plan(cls)

    def identifier_of(self, config: Any) -> str:
        """Return the identifier of a task that the graph refers to."""
        return identifier(config)

    def name_of(self, cls: type) -> str:
        """Return the declared name of an Enum."""
        return qualified_name(cls)

    def encode(self, value: Any) -> bytes:
        """Return the canonical bytes of a value."""
        atom = ATOMS.get(type(value))
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
        if isinstance(value, enum.Enum) and value.name is not None:
            return b"e" + encode_text(self.name_of(kind)) + encode_text(value.name)
        message = f"{value!r:.80} of type {kind.__qualname__} has no canonical encoding"
        raise IdentifierError(message)

    def digest(self, config: Any) -> tuple[bytes, bool]:
        """Return the digest of a configuration, and whether InstanceConfigs are in it."""
        state: ConfigState = config.__dict__["__xpm__"]
        known = self.memo.get(id(config)) or self._kept(state)
        if known is not None:
            self.has_instances |= known[1]
            return known
        depth = len(self.path)
        self.path[id(config)] = depth
        outer_low, self.low = self.low, depth + 1
        outer_instances, self.has_instances = self.has_instances, False
        content = self._content(config, state)
        result = (content, self.has_instances or _is_instance_config(config))
        del self.path[id(config)]
        if self.low > depth:  # not in a cycle: the same from wherever it is reached
            self.memo[id(config)] = result
            if state.sealed and self.partial is None and self.is_usual:
                state.digest = (generation(), result)
        self.low = min(outer_low, self.low) if self.low < depth else outer_low
        self.has_instances = outer_instances or result[1]
        return result

    def _kept(self, state: ConfigState) -> tuple[bytes, bool] | None:
        """Return what an earlier encoder found, unless a class was declared anew since then."""
        if self.partial is not None or not self.is_usual:
            return None
        if state.digest is None or state.digest[0] != generation():
            return None
        return state.digest[1]  # type: ignore[no-any-return]

    def _content(self, config: Any, state: ConfigState) -> bytes:
        plan = self.plan_of(type(config))
        values = config.__dict__
        parts = [plan.header]
        for row in plan.rows:
            if self.partial is not None and self.is_excluded(config, row):
                continue
            if row.name not in values:
                if row.included and row.parameter.generator is None:
                    message = f"{row.parameter.owner}.{row.name} has no value yet"
                    raise IdentifierError(message)
                continue
            value = values[row.name]
            atom = ATOMS.get(type(value))
            if atom is None:
                encoded = self._value(row, value)
            elif row.included:
                encoded = atom(value)
            else:
                continue
            if encoded is None or encoded == row.ignored:
                continue
            parts.append(row.key)
            parts.append(encoded)
        parts.append(b".")
        if state.init_tasks:
            parts.append(self._sequence(b"t", [self.encode(task) for task in state.init_tasks]))
        return _sha256(b"".join(parts)).digest()

    def is_excluded(self, config: Any, row: _Row) -> bool:
        """Tell whether a partial identifier leaves out the parameter of a configuration."""
        groups, inner = row.parameter.field.groups, config is not self.root
        return self.partial is not None and self.partial.excludes(groups, inner=inner)

    def _value(self, row: _Row, value: Any) -> bytes | None:
        """Return the encoding of a value that is no atom; None if it is not in the identifier."""
        if not _is_included(row, value):
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
            return b"c" + bytes.fromhex(self.identifier_of(config))
        content = self.digest(config)[0]
        if state.producer is not None:
            return b"p" + bytes.fromhex(self.identifier_of(state.producer)) + content
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


def _is_included(row: _Row, value: Any) -> bool:
    """Tell whether a parameter with this value is part of the identifier."""
    if not isinstance(type(value), Declared):
        return row.included
    is_meta = value.__dict__["__xpm__"].is_meta
    return row.included if is_meta is None else not is_meta


def _is_meta(value: Any) -> bool:
    return isinstance(type(value), Declared) and bool(value.__dict__["__xpm__"].is_meta)


def _is_instance_config(config: Any) -> bool:
    return bool(type(config).__xpm_distinct__)


class _InstanceMarks:
    """Numbers the distinct but equal InstanceConfigs of a graph, in the order of occurrence.

    One thread; made for one use.
    """

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self.has_several = False
        """Whether there are distinct but equal ones."""
        self._numbers: dict[bytes, dict[int, int]] = {}
        self._known: dict[int, bytes] = {}

    def of(self, config: Any) -> bytes:
        """Return the marks of a configuration: they tell which occurrence is which object."""
        known = self._known.get(id(config))
        if known is not None:
            return known
        own = b""
        if _is_instance_config(config):
            numbers = self._numbers.setdefault(self.encoder.digest(config)[0], {})
            number = numbers.setdefault(id(config), len(numbers))
            self.has_several |= number > 0
            own = b"%d:" % number
        if config.__dict__["__xpm__"].job is not None:
            return own
        self._known[id(config)] = own  # what a cycle finds
        inside = b"".join(map(self.of, self._children(config)))
        result = b"(%b%b)" % (own, _sha256(inside).digest() if inside else b"")
        self._known[id(config)] = result
        return result

    def _children(self, config: Any) -> Iterator[Any]:
        """Yield the configurations that count, in an order that only the values decide."""
        for row in self.encoder.plan_of(type(config)).rows:
            value = config.__dict__.get(row.name)
            if _is_included(row, value) and not self.encoder.is_excluded(config, row):
                yield from self._in_order(value)
        yield from config.__dict__["__xpm__"].init_tasks

    def _in_order(self, value: Any) -> list[Any]:
        if isinstance(value, dict):
            keys = self._sorted(key for key in value if not _is_meta(value[key]))
            parts = [part for key in keys for part in (key, value[key])]
            return [child for part in parts for child in self._in_order(part)]
        if isinstance(value, (set, frozenset)):
            return [child for item in self._sorted(value) for child in self._in_order(item)]
        if isinstance(value, (list, tuple)):
            return [child for item in value for child in self._in_order(item)]
        return [child for child in iter_inside(value) if not _is_meta(child)]

    def _sorted(self, items: Iterable[Any]) -> list[Any]:
        """Return the items of a set in the order of their bytes, which must tell them apart."""
        encoded = sorted(((self.encoder.encode(item), item) for item in items), key=itemgetter(0))
        for (one, item), (other, _) in itertools.pairwise(encoded):
            if one == other and any(True for _ in iter_inside(item)):
                message = "a set or dict holds equal configurations, some of them InstanceConfigs: "
                raise IdentifierError(message + "nothing says which is which; use a list")
        return [item for _, item in encoded]
