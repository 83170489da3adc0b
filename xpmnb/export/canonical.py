"""Syntax trees as canonical bytes: what code does, without how it is written down.

Comments, docstrings, layout, quotes and needless parentheses leave no trace, and all versions of
Python that xpmnb supports give the same bytes. A change of them needs a new ``FORMAT``, for the
hashes in all records begin with them.
"""

from __future__ import annotations

import ast
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

FORMAT = 1
"""The number of the format: part of each code hash."""

_LEFT_OUT = frozenset({"ctx", "kind", "type_comment", "type_ignores"})
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_OF_STRINGS = frozenset({"JoinedStr", "TemplateStr"})
"""What f-strings are, and t-strings (from Python 3.14 on)."""


def canonical(tree: ast.AST) -> bytes:
    """Return the bytes that stand for a syntax tree.

    Parameters
    ----------
    tree : ast.AST
        As :func:`ast.parse` returns it, or any part of that.

    Returns
    -------
    bytes
        Self-delimiting. Two trees have the same bytes if, and only if, they differ in nothing but
        positions, docstrings, and ways to write the same constant or f-string down.
    """
    out: list[bytes] = []
    # A stack of its own: a sum of a thousand terms is nested deeper than Python allows. What is
    # bytes in it is written as it is.
    pending: list[Any] = [tree]
    while pending:
        value = pending.pop()
        kind = type(value)
        if kind is bytes:
            out.append(value)
        elif kind is str or kind is int:
            out.append(_atom(value))
        elif kind is list:
            out.append(b"[%d " % len(value))
            pending.extend(reversed(value))
        elif value is None:  # in a list: the default that a keyword-only argument lacks
            out.append(b"-")
        else:
            _add_node(value, out, pending)
    return b"".join(out)


_fields: dict[type[ast.AST], list[tuple[str, bytes]]] = {}


def _fields_of(kind: type[ast.AST]) -> list[tuple[str, bytes]]:
    """Return the fields of a kind of node that count, and how each is written."""
    found = _fields.get(kind)
    if found is None:
        names = [name for name in kind._fields if name not in _LEFT_OUT]
        found = _fields[kind] = [(name, b".%b " % name.encode()) for name in names]
    return found


def _add_node(node: ast.AST, out: list[bytes], pending: list[Any]) -> None:
    """Write the beginning of a node, and leave its fields to be written next."""
    kind = type(node)
    if isinstance(node, (ast.Constant, ast.MatchSingleton)):
        out.append(b"(%b " % kind.__name__.encode() + _atom(node.value))
        return
    if kind.__name__ in _OF_STRINGS:
        parts = _merged(node.values)  # type: ignore[attr-defined]  # both have them
        if kind is ast.JoinedStr and all(isinstance(each, ast.Constant) for each in parts):
            text = parts[0].value if parts else ""  # type: ignore[attr-defined]  # as just seen
            out.append(b"(Constant " + _atom(text))
            return
        given: list[tuple[bytes, Any]] = [(b".values ", parts)]
    else:
        given = [
            (key, value)
            for name, key in _fields_of(kind)
            # An int that is 0 is a flag or a level: as good as none.
            if (value := getattr(node, name, None)) not in (None, 0, [])
        ]
        if isinstance(node, _DOCUMENTED):
            given = [(key, _undocumented(key, value)) for key, value in given]
        elif isinstance(node, ast.FormattedValue):
            given = [(key, value) for key, value in given if not _is_empty(value)]
    out.append(b"(%b %d" % (kind.__name__.encode(), len(given)))
    for key, value in reversed(given):
        pending.append(value)
        pending.append(key)


def _undocumented(key: bytes, value: Any) -> Any:
    """Return a field of a module, class or function; the body without docstrings.

    Also those that people write below a parameter.
    """
    if key != b".body ":
        return value
    return [each for each in value if not _is_text(each)] or [ast.Pass()]


def _is_text(statement: ast.stmt) -> bool:
    match statement:
        case ast.Expr(ast.Constant(str())):
            return True
    return False


def _merged(values: Iterable[ast.expr]) -> list[ast.expr]:
    """Return the parts of an f-string: texts side by side as one, empty ones left out."""
    merged: list[ast.expr] = []
    for each in values:
        match each, merged:
            case ast.Constant(""), _:
                pass
            case ast.Constant(str() as text), [*_, ast.Constant(str() as before)]:
                merged[-1] = ast.Constant(before + text)
            case _:
                merged.append(each)
    return merged


def _is_empty(value: Any) -> bool:
    """Tell whether a format says nothing: ``f"{x:}"`` is ``f"{x}"``."""
    return isinstance(value, ast.JoinedStr) and not _merged(value.values)


def _atom(value: Any) -> bytes:
    """Return a name, a number or another constant: type tag, then length or end, then content."""
    write = _WAYS.get(type(value))
    return b"." if write is None else write(value)  # an ellipsis: there are no other constants


def _text(value: str) -> bytes:
    text = value.encode("utf-8", "surrogatepass")
    return b"s%d:%b" % (len(text), text)


_WAYS: dict[type, Callable[[Any], bytes]] = {
    str: _text,
    bytes: lambda value: b"b%d:%b" % (len(value), value),
    bool: lambda value: b"T" if value else b"F",
    int: lambda value: b"i%x " % value,  # in decimals, Python writes a few thousand digits only
    float: lambda value: b"f" + struct.pack(">d", value),
    complex: lambda value: b"c" + struct.pack(">dd", value.real, value.imag),
    type(None): lambda _: b"N",
}
