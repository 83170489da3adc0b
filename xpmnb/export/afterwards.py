"""What cells did to a class or a function after its declaration.

They set attributes, and registered functions with one that dispatches by type. The statements
belong to the piece that they change.
"""

from __future__ import annotations

import ast
import builtins
import functools
import types
from typing import TYPE_CHECKING, Any

from xpmnb.export import kinds, sources
from xpmnb.export.used_names import used_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xpmnb.export.gathering import Gatherer
    from xpmnb.export.listing import Piece

_OF_FUNCTIONS = frozenset({"__defaults__", "__doc__", "__kwdefaults__", "__name__", "__qualname__"})
"""What statements may set on a function without it being in its ``__dict__``."""


def add_change(
    gatherer: Gatherer, piece: Piece, statement: sources.Statement, names: dict[str, Any]
) -> None:
    """Add a statement that changes what a piece made."""
    piece.text += "\n" if piece.changes else "\n\n\n"
    piece.text += statement.text
    piece.changes.append(statement.node)
    # What registers a function looks up its annotations at once.
    is_lazy = piece.lazy and not isinstance(statement.node, sources.Definition)
    uses = used_names(statement.node, lazy=is_lazy)
    piece.has_hints = piece.has_hints or bool(uses.annotations)
    gatherer.pending.append((piece, uses, names))


def add_attributes(
    gatherer: Gatherer, piece: Piece, bound: str, value: Any, names: dict[str, Any]
) -> None:
    """Add what cells did to the attributes of a class or function after its declaration.

    Parameters
    ----------
    gatherer : Gatherer
        It is given more to gather.
    piece : Piece
        What made the class or function.
    bound : str
        What the statement calls it.
    value
        The class or function itself.
    names : dict
        The namespace of the notebook.
    """
    space: Mapping[str, Any] = getattr(value, "__dict__", {})
    gatherer.class_spaces.append(space)
    for key, each in [*space.items()]:
        # Python and xpmnb keep their own things in names like _this_.
        if not key.startswith("_") or isinstance(each, types.FunctionType):
            gatherer.watched[id(space), key] = (space, key, each)
    has = space.keys() if isinstance(value, type) else space.keys() | _OF_FUNCTIONS
    for statement in _changes_after(bound, names):
        node = statement.node
        is_there = bool(has & _attributes_set(node).keys())
        if isinstance(node, (ast.Assign, ast.AnnAssign)):
            if is_there:
                add_change(gatherer, piece, statement, names)
        elif is_there or isinstance(value, type):
            gatherer.add_problem(
                f"`{statement.text}` changes {piece.user} in a way that depends on what ran "
                f"before: assign the attribute anew ({bound}.name = value)"
            )


def _attributes_set(node: ast.stmt) -> dict[str, str]:
    """Return the attributes that a statement sets, changes or deletes, with whose they are."""
    targets: list[ast.expr] = []
    match node:
        case ast.Assign() | ast.Delete():
            targets = node.targets
        case ast.AugAssign() | ast.AnnAssign(value=ast.expr()):
            targets = [node.target]
    return {
        each.attr: each.value.id
        for each in targets
        if isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name)
    }


def _changes_after(name: str, names: dict[str, Any]) -> list[sources.Statement]:
    """Return what cells did to the attributes of a class or function after it was declared.

    They are in order.

    Parameters
    ----------
    name : str
        The name that its statement binds.
    names : dict
        The namespace of the notebook.
    """
    found: list[sources.Statement] = []
    for source in sources.cells(names):
        for statement in reversed(sources.statements(source)) if name in source else ():
            node = statement.node
            is_lambda = isinstance(sources.assigned(node), ast.Lambda) and name in sources.bound_by(
                node
            )
            if is_lambda or (isinstance(node, sources.Definition) and node.name == name):
                return found[::-1]
            if name in _attributes_set(node).values():
                found.append(statement)
    return []


def add_registered(gatherer: Gatherer, piece: Piece, value: Any, names: dict[str, Any]) -> None:
    """Add what cells registered with a function of ``functools.singledispatch``."""
    registry: Any = getattr(value, "__dict__", {}).get("registry")
    if not isinstance(registry, types.MappingProxyType):
        return
    gatherer.class_spaces.append(registry)
    found: dict[str, sources.Statement] = {}
    for key, function in registry.items():
        gatherer.watched[id(registry), key] = (registry, key, function)
        if key is object and function is kinds.unwrapped(value):
            continue
        statement = _registration(piece.name, key, function, names)
        if statement is not None:
            found[statement.text] = statement
        else:
            gatherer.add_problem(
                f"{piece.user} dispatches {kinds.in_words(key)} to {kinds.in_words(function)}, and "
                f"no cell tells how: declare it under @{piece.name}.register, or write "
                f"{piece.name}.register({key.__name__}, ...) at the top of a cell"
            )
    known = [*sources.cells(names)]
    for each in sorted(found.values(), key=functools.partial(_time_of, known=known)):
        add_change(gatherer, piece, each, names)


def _registration(
    name: str, key: type, function: Any, names: dict[str, Any]
) -> sources.Statement | None:
    """Return the statement that registered a function for a class; None if no cell has it."""
    inner = kinds.unwrapped(function)
    code = getattr(inner, "__code__", None)
    if code is not None:
        place = code.co_filename, code.co_firstlineno, code.co_name
        found = sources.statement_at(*place, names)
        decorators = getattr(getattr(found, "node", None), "decorator_list", [])
        if any(map(functools.partial(_registers, name), decorators)):
            return found
    for source in sources.cells(names):
        for statement in reversed(sources.statements(source)) if name in source else ():
            match statement.node:
                case ast.Expr(ast.Call(called, [cls, *_])) if _registers(name, called):
                    if _meaning(cls, names) is key:
                        return statement
    return None


def _registers(name: str, node: ast.expr) -> bool:
    """Tell whether an expression is ``name.register``, or a call of it."""
    called = node.func if isinstance(node, ast.Call) else node
    match called:
        case ast.Attribute(ast.Name(id), "register"):
            return id == name
    return False


def _meaning(node: ast.expr, names: dict[str, Any]) -> Any:
    """Return what a name, or an attribute of one, means now; None if it cannot be told."""
    if isinstance(node, ast.Attribute):
        return getattr(_meaning(node.value, names), node.attr, None)
    if isinstance(node, ast.Name):
        return names.get(node.id, getattr(builtins, node.id, None))
    return type(None) if isinstance(node, ast.Constant) and node.value is None else None


def _time_of(statement: sources.Statement, known: list[str]) -> tuple[int, int]:
    """Return when a statement ran, to be compared: its cell and its line."""
    places = (place for place, source in enumerate(known) if statement.text in source)
    return -next(places, len(known)), statement.node.lineno
