"""From type hints to checkers of values.

:func:`compile_type` turns what stands in ``Param[...]`` into a :class:`ValueType`, which checks
values and says in words what it expects. Nothing here knows what a parameter or a field is.
"""

from __future__ import annotations

import contextlib
import enum
import math
import numbers
import types
import typing
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from xpmnb.core import registry
from xpmnb.errors import DeclarationError


class MismatchError(Exception):
    """Says that a value is not of the expected type; caught where the parameter is known."""

    def __init__(self, value: object, expected: str) -> None:
        super().__init__(value, expected)
        self.value = value
        self.expected = expected


class Choices:
    """Restricts a parameter to some values: ``Param[Annotated[str, Choices("adam", "sgd")]]``.

    Parameters
    ----------
    *values
        The allowed values; one list or tuple of them is accepted too.
    """

    __slots__ = ("values",)

    def __init__(self, *values: Any) -> None:
        if len(values) == 1 and isinstance(values[0], (list, tuple, set, frozenset)):
            values = tuple(values[0])
        self.values = values

    def __repr__(self) -> str:
        """Return the call that makes this object."""
        return f"Choices({', '.join(map(repr, self.values))})"


class ValueType:
    """Checks values of one type, and converts those that mean the same (an int for a float).

    Immutable; any thread.
    """

    name: str
    """The type in words, for error messages: ``list[int]``."""

    only_paths = False
    """Whether all values, or all elements of values, are paths (or None)."""

    def check(self, value: Any) -> Any:
        """Return the value, converted where needed; raise MismatchError otherwise."""
        raise NotImplementedError

    def mismatch(self, value: object) -> MismatchError:
        """Return the error for a value that is not of this type."""
        return MismatchError(value, self.name)


class _AnyType(ValueType):
    name = "Any"

    def check(self, value: Any) -> Any:
        return value


class _NoneType(ValueType):
    name = "None"

    def check(self, value: Any) -> None:
        if value is not None:
            raise self.mismatch(value)


class _BoolType(ValueType):
    name = "bool"

    def check(self, value: Any) -> bool:
        if isinstance(value, bool):
            return value
        # numpy's is no subclass of bool, and in no abstract class of `numbers`.
        if type(value).__name__ in {"bool", "bool_"} and hasattr(value, "item"):
            return bool(value)
        raise self.mismatch(value)


class _IntType(ValueType):
    name = "int"

    def check(self, value: Any) -> int:
        if type(value) is int:
            return value
        # numpy's integers are Integral; True is not 1 here.
        if isinstance(value, numbers.Integral) and not isinstance(value, bool):
            return int(value)
        raise self.mismatch(value)


class _FloatType(ValueType):
    name = "float"

    def check(self, value: Any) -> float:
        if type(value) is float:
            return value
        if isinstance(value, numbers.Real) and not isinstance(value, bool):
            try:
                return float(value)
            except OverflowError:
                raise self.mismatch(value) from None
        raise self.mismatch(value)


class _StrType(ValueType):
    name = "str"

    def check(self, value: Any) -> str:
        if type(value) is str:
            return value
        if isinstance(value, str) and not isinstance(value, enum.Enum):
            return str(value)
        raise self.mismatch(value)


class _PathType(ValueType):
    name = "Path"
    only_paths = True

    def check(self, value: Any) -> Path:
        if isinstance(value, (str, PurePath)):
            return Path(value)
        raise self.mismatch(value)


class _EnumType(ValueType):
    def __init__(self, cls: type[enum.Enum]) -> None:
        self.cls = cls
        self.name = cls.__qualname__

    def check(self, value: Any) -> enum.Enum:
        if isinstance(value, self.cls):
            return value
        cls = type(value)
        # An enum of a cell that was run again: the same name is the same enum.
        same = (cls.__module__, cls.__qualname__) == (self.cls.__module__, self.cls.__qualname__)
        if same and isinstance(value, enum.Enum) and value.name in self.cls.__members__:
            return self.cls[value.name]
        raise self.mismatch(value)


class _LiteralType(ValueType):
    def __init__(self, values: tuple[Any, ...]) -> None:
        self.values = values
        self.name = f"Literal[{', '.join(map(repr, values))}]"

    def check(self, value: Any) -> Any:
        for allowed in self.values:
            if type(value) is type(allowed) and value == allowed:
                return allowed
        raise self.mismatch(value)


class _ConfigType(ValueType):
    def __init__(self, cls: registry.Declared) -> None:
        self.cls = cls
        self.name = cls.__qualname__

    def check(self, value: Any) -> Any:
        if isinstance(type(value), registry.Declared) and registry.is_subclass(
            type(value), self.cls
        ):
            return value
        raise self.mismatch(value)


class _ListType(ValueType):
    def __init__(self, item: ValueType) -> None:
        self.item = item
        self.name = f"list[{item.name}]"
        self.only_paths = item.only_paths

    def check(self, value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise self.mismatch(value)
        check = self.item.check
        return [check(item) for item in value]


class _SetType(ValueType):
    def __init__(self, item: ValueType, kind: type) -> None:
        self.item = item
        self.kind = kind
        self.name = f"{kind.__name__}[{item.name}]"
        self.only_paths = item.only_paths

    def check(self, value: Any) -> Any:
        if not isinstance(value, (set, frozenset)):
            raise self.mismatch(value)
        return self.kind(self.item.check(item) for item in value)


class _TupleType(ValueType):
    def __init__(self, items: tuple[ValueType, ...], *, repeated: bool) -> None:
        self.items = items
        self.repeated = repeated
        names = [item.name for item in items] + (["..."] if repeated else [])
        self.name = f"tuple[{', '.join(names) or '()'}]"
        self.only_paths = bool(items) and all(item.only_paths for item in items)

    def check(self, value: Any) -> tuple[Any, ...]:
        if not isinstance(value, tuple):
            raise self.mismatch(value)
        if self.repeated:
            return tuple(self.items[0].check(item) for item in value)
        if len(value) != len(self.items):
            raise self.mismatch(value)
        return tuple(kind.check(item) for kind, item in zip(self.items, value, strict=True))


class _DictType(ValueType):
    def __init__(self, key: ValueType, item: ValueType) -> None:
        self.key = key
        self.item = item
        self.name = f"dict[{key.name}, {item.name}]"
        self.only_paths = item.only_paths

    def check(self, value: Any) -> dict[Any, Any]:
        if not isinstance(value, dict):
            raise self.mismatch(value)
        return {self.key.check(k): self.item.check(v) for k, v in value.items()}


class _UnionType(ValueType):
    def __init__(self, options: tuple[ValueType, ...]) -> None:
        # A value keeps its own type where an option has it: with float | int, 1 stays an int.
        # None is said last, as people write it.
        self.options = options
        names = [option.name for option in options if not isinstance(option, _NoneType)]
        has_none = len(names) < len(options)
        self.name = " | ".join([*names, "None"] if has_none else names)
        solid = [option for option in options if not isinstance(option, _NoneType)]
        self.only_paths = bool(solid) and all(option.only_paths for option in solid)

    def check(self, value: Any) -> Any:
        if type(value).__module__ == "numpy" and hasattr(value, "item") and not value.shape:
            value = value.item()
        converted: list[Any] = []
        for option in self.options:
            try:
                result = option.check(value)
            except MismatchError:
                continue
            if type(result) is type(value):
                return result
            converted.append(result)
        if converted:
            return converted[0]
        raise self.mismatch(value)


class _ChoicesType(ValueType):
    def __init__(self, inner: ValueType, values: tuple[Any, ...]) -> None:
        self.inner = inner
        self.values = tuple(inner.check(value) for value in values)
        self.name = f"one of {', '.join(map(repr, values))}"
        self.only_paths = inner.only_paths

    def check(self, value: Any) -> Any:
        result = self.inner.check(value)
        if not any(same_value(result, allowed) for allowed in self.values):
            raise self.mismatch(value)
        return result


def same_value(a: object, b: object) -> bool:
    """Tell whether two values are the same: same type, equal, and a NaN is itself."""
    if type(a) is not type(b):
        return False
    if isinstance(a, float) and isinstance(b, float) and math.isnan(a):
        return math.isnan(b)
    return bool(a == b)


_SIMPLE: dict[Any, ValueType] = {
    Any: _AnyType(),
    object: _AnyType(),
    None: _NoneType(),
    type(None): _NoneType(),
    bool: _BoolType(),
    int: _IntType(),
    float: _FloatType(),
    str: _StrType(),
    Path: _PathType(),
    PurePath: _PathType(),
}


@dataclass(frozen=True, slots=True)
class Compiled:
    """A type hint taken apart: the checker, and the other marks that ``Annotated`` carries."""

    value_type: ValueType
    marks: tuple[Any, ...]


def compile_annotated(hint: Any) -> Compiled:
    """Take a type hint apart into its checker and its ``Annotated`` marks.

    ``Choices`` becomes part of the checker.

    Raises
    ------
    DeclarationError
        If the type is not supported; the message says which types are.
    """
    marks: tuple[Any, ...] = ()
    if typing.get_origin(hint) is typing.Annotated:
        hint, *rest = typing.get_args(hint)
        marks = tuple(rest)
    value_type = compile_type(hint)
    for mark in marks:
        if isinstance(mark, Choices):
            try:
                value_type = _ChoicesType(value_type, mark.values)
            except MismatchError as error:
                message = f"{mark!r} holds {error.value!r}, which is no {error.expected}"
                raise DeclarationError(message) from None
    others = tuple(mark for mark in marks if not isinstance(mark, Choices))
    return Compiled(value_type, others)


def compile_type(hint: Any) -> ValueType:
    """Return the checker of a type hint, or raise a DeclarationError."""
    if typing.get_origin(hint) is typing.Annotated:
        return compile_annotated(hint).value_type
    with contextlib.suppress(TypeError, KeyError):  # a Literal of a list has no hash
        return _SIMPLE[hint]
    if isinstance(hint, registry.Declared):
        return _ConfigType(hint)
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return _EnumType(hint)
    return _compile_generic(hint)


def _compile_generic(hint: Any) -> ValueType:
    """Return the checker of a container, a union or a literal, bare (``list``) or not."""
    origin = typing.get_origin(hint) or hint
    args = typing.get_args(hint)
    if origin is typing.Literal:
        return _LiteralType(args)
    if origin in {typing.Union, types.UnionType}:
        return _UnionType(tuple(compile_type(arg) for arg in args))
    if origin is list:
        return _ListType(compile_type(args[0] if args else Any))
    if origin in {set, frozenset}:
        return _SetType(compile_type(args[0] if args else Any), origin)
    if origin is dict:
        key, value = args or (Any, Any)
        return _DictType(compile_type(key), compile_type(value))
    if origin is tuple:
        # The hints tuple and typing.Tuple say nothing of the items; tuple[()] has none.
        is_bare = hint is tuple or hint is typing.Tuple  # noqa: UP006 (both spellings)
        repeated = is_bare or args[1:] == (Ellipsis,)
        items = (args[:1] or (Any,)) if repeated else args
        return _TupleType(tuple(compile_type(item) for item in items), repeated=repeated)
    message = (
        f"{hint!r} is no type for a parameter: use str, int, float, bool, Path, an Enum, Literal, "
        "a Config class, or list, tuple, set, dict, | and None of these"
    )
    raise DeclarationError(message)
