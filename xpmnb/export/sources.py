"""Where in the cells of a notebook something was declared, and its source.

The text is that which Python executed: from the lines that tracebacks show, and from the history
of the shell. Nothing here decides what a program needs.
"""

from __future__ import annotations

import ast
import copy
import functools
import linecache
import re
import sys
import types
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xpmnb.export.used_names import bound_names

if TYPE_CHECKING:
    from collections.abc import Iterator

_PYTHON_MAGICS = frozenset({"capture", "prun", "time"})
"""Cell magics whose cell is Python that runs in the notebook's own names."""

Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement at the top of a cell, perhaps under an ``if`` or ``try``."""

    node: ast.stmt
    source: str
    """The whole cell."""

    @property
    def text(self) -> str:
        """The source of the statement alone, not indented, with its decorators."""
        return _text_of(self.node, self.source)


def module_of_cells(module: object) -> bool:
    """Tell whether a module is a notebook or a prompt: it has neither a file nor a loader.

    So it is with a program that Python reads from its standard input, though not by its source.
    """
    return (
        module is not None
        and (getattr(module, "__file__", None) or "<stdin>") == "<stdin>"
        and getattr(module, "__spec__", None) is None
    )


def cells(names: dict[str, Any]) -> Iterator[str]:
    """Yield the source of the cells that were run, the newest first.

    Parameters
    ----------
    names : dict
        The namespace of the notebook. IPython keeps its history there.
    """
    seen = set()
    # In the order of execution. What tracebacks show comes next: it also has cells that leave no
    # history, but a cell that is run a second time keeps its first place there.
    history = names.get("_ih")
    executed = [*history] if isinstance(history, list) else []
    known = [entry for entry in [*linecache.cache.values()] if len(entry) > 1 and entry[1] is None]
    for source in [*reversed(executed), *("".join(entry[2]) for entry in reversed(known))]:
        if isinstance(source, str) and source not in seen:
            seen.add(source)
            yield from _with_bodies(source)


def cell_number(source: str, names: dict[str, Any]) -> int | None:
    """Return the number of the newest execution of a cell, as the notebook shows it."""
    history: list[str] = names["_ih"] if isinstance(names.get("_ih"), list) else []
    for number, each in reversed([*enumerate(history)]):
        if source in (each, f"{each}\n") or source in _with_bodies(each):
            return number
    return None


def _with_bodies(source: str) -> Iterator[str]:
    yield source
    if "run_cell_magic" in source:
        for statement in statements(source):
            match statement.node:
                case ast.Expr(
                    ast.Call(
                        ast.Attribute(attr="run_cell_magic"),
                        [ast.Constant(str() as magic), _, ast.Constant(str() as body)],
                    )
                ) if magic in _PYTHON_MAGICS:
                    yield from _with_bodies(_transformed(body))


def _transformed(source: str) -> str:
    """Return a cell with its magics turned into Python, as the shell does it."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return source if shell is None else str(shell.transform_cell(source))


@functools.lru_cache(maxsize=1000)
def statements(source: str) -> tuple[Statement, ...]:
    """Return the statements of a cell that run at its top; none if it is no Python."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return ()
    return tuple(Statement(node, source) for node in iter_top(tree.body))


def iter_top(nodes: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield statements, and those inside them that run at the same level."""
    for node in nodes:
        yield node
        if isinstance(node, Definition):
            continue
        inner = [getattr(node, key, []) for key in ("body", "orelse", "finalbody")]
        for key in ("handlers", "cases"):
            inner += [part.body for part in getattr(node, key, [])]
        for body in inner:
            yield from iter_top(body)


def first_line(node: ast.stmt) -> int:
    """Return the line where a statement begins, its decorators included."""
    decorators = node.decorator_list if isinstance(node, Definition) else []
    return min([node.lineno, *(each.lineno for each in decorators)])


def statement_at(file: str, line: int, name: str, names: dict[str, Any]) -> Statement | None:
    """Return the statement in which a class or function was declared.

    Parameters
    ----------
    file : str
        The file name in its code.
    line : int
        A line in the statement.
    name : str
        The name of the class or function at the top; ``<lambda>`` finds an assignment.
    names : dict
        The namespace of the notebook: cells under ``%%time`` leave no lines to tracebacks.
    """
    lines = linecache.getlines(file)
    sources = ["".join(lines)] if lines else cells(names)
    for source in sources:
        for statement in statements(source):
            node = statement.node
            if first_line(node) <= line <= (node.end_lineno or 0) and _declares(node, name):
                return statement
    return None


def _declares(node: ast.stmt, name: str) -> bool:
    if isinstance(node, Definition):
        return node.name == name
    return name == "<lambda>" and isinstance(assigned(node), ast.Lambda)


def assigned(node: ast.stmt) -> ast.expr | None:
    """Return what an assignment to one name assigns; None if the statement is none."""
    match node:
        case ast.Assign([ast.Name()], value):
            return value
        case ast.AnnAssign(ast.Name(), _, ast.expr() as value):
            return value
    # `type X = ...`, from Python 3.12 on.
    return getattr(node, "value", None) if type(node).__name__ == "TypeAlias" else None


def part_for(name: str, code: types.CodeType, names: dict[str, Any]) -> Statement | None:
    """Return an assignment of a lambda to one name, made of one to several names.

    ``f, g = (lambda: 1), (lambda: 2)`` has ``g = lambda: 2`` in it.

    Parameters
    ----------
    name : str
        The name of the function.
    code : code
        The code of the function.
    names : dict
        The namespace of the notebook.

    Returns
    -------
    Statement or None
        None if the newest statement that binds the name is no such assignment.
    """
    found = newest_binding(name, names) if code.co_name == "<lambda>" else None
    if found is None or not isinstance(found.node, ast.Assign):
        return None
    pairs = [(target, found.node.value) for target in found.node.targets]
    while pairs:
        match pairs.pop(0):
            case (ast.Tuple() | ast.List() as many, ast.Tuple() | ast.List() as values):
                if len(many.elts) == len(values.elts):
                    pairs += zip(many.elts, values.elts, strict=True)
            case (ast.Name(id), ast.Lambda() as value) if (
                id == name and value.lineno == code.co_firstlineno
            ):
                part = ast.get_source_segment(found.source, value) or ""
                part = f"({part})" if "\n" in part else part
                return next(iter(statements(f"{name} = {part}")), None)
    return None


def class_statement(cls: type, names: dict[str, Any]) -> Statement | None:
    """Return the class statement that made a class; None if it cannot be told."""
    name = cls.__qualname__
    place: tuple[str, int] | None = cls.__dict__.get("__xpm_source__")
    if place is not None:
        return statement_at(place[0], place[1], name, names)
    for function in functions_of(cls):
        code = function.__code__
        found = statement_at(code.co_filename, code.co_firstlineno, name, names)
        if found is not None and isinstance(found.node, ast.ClassDef):
            return found
    # It has no methods: the newest statement with its name and its members.
    for source in cells(names):
        for statement in reversed(statements(source)) if name in source else ():
            node = statement.node
            if isinstance(node, ast.ClassDef) and node.name == name and _fits(node, cls):
                return statement
    return None


def functions_of(cls: type) -> Iterator[Any]:
    """Yield the functions that a class statement made, under whatever wraps them."""
    for value in list(vars(cls).values()):
        for key in ("__func__", "fget", "func", "__wrapped__"):
            value = getattr(value, key, value)  # noqa: PLW2901 (unwrapped step by step)
        if (
            isinstance(value, types.FunctionType)
            and value.__module__ == cls.__module__
            and value.__qualname__ == f"{cls.__qualname__}.{value.__code__.co_name}"
            # What dataclasses and named tuples add was never in a cell.
            and not value.__code__.co_filename.startswith(("<string>", "<attrs"))
        ):
            yield value


def _fits(node: ast.ClassDef, cls: type) -> bool:
    """Tell whether a class may have come from a statement: no member is missing."""
    if node.decorator_list:
        return True  # they may have changed it
    line = cls.__dict__.get("__firstlineno__")  # from Python 3.13 on
    doc = ast.get_docstring(node, clean=False)
    members = {*vars(cls), *getattr(cls, "__annotations__", ()), *getattr(cls, "__members__", ())}
    return (
        line in (None, first_line(node))
        and cls.__doc__ in (doc, ast.get_docstring(node), *([] if doc else [cls.__doc__]))
        and members.issuperset(bound_names(node.body))
    )


def newest_binding(name: str, names: dict[str, Any]) -> Statement | None:
    """Return the newest statement that gave a name its value, as far as the cells tell."""
    word = re.compile(rf"\b{re.escape(name)}\b")
    for source in cells(names):
        if word.search(source):
            for statement in reversed(statements(source)):
                if name in bound_by(statement.node):
                    return statement
    return None


def decorated_statement(name: str, names: dict[str, Any]) -> Statement | None:
    """Return the decorated class or function that a name was bound to last; None if it was not."""
    found = newest_binding(name, names)
    is_decorated = (
        isinstance(node := getattr(found, "node", None), Definition) and node.decorator_list
    )
    return found if is_decorated else None


def assignment(name: str, names: dict[str, Any]) -> Statement | None:
    """Return the assignment to one name that bound it last; None if something else did."""
    found = newest_binding(name, names)
    return None if found is None or assigned(found.node) is None else found


def rebindings(name: str, names: dict[str, Any]) -> list[Statement]:
    """Return the assignments to one name since its last class or function, in order."""
    found: list[Statement] = []
    for source in cells(names):
        for statement in reversed(statements(source)) if name in source else ():
            if isinstance(statement.node, Definition) and statement.node.name == name:
                return found[::-1]
            if assigned(statement.node) is not None and name in bound_by(statement.node):
                found.append(statement)
    return []


def bound_name(node: ast.stmt) -> str:
    """Return the name that a class, a function or an assignment to one name binds."""
    if isinstance(node, Definition):
        return node.name
    return next(bound_names([node]))


def bound_by(node: ast.stmt) -> set[str]:
    """Return the names that a statement binds itself, not by the statements inside it."""
    if isinstance(node, Definition):
        return {node.name}
    bodies = {"body", "orelse", "finalbody", "handlers", "cases"}
    # What is inside a compound statement was looked at before it.
    parts = [
        part
        for key, value in ast.iter_fields(node)
        if key not in bodies
        for part in (value if isinstance(value, list) else [value])
        if isinstance(part, ast.AST)
    ]
    return set(bound_names(parts))


def head_of(node: ast.stmt) -> ast.stmt:
    """Return a statement without those inside it; classes and functions as they are."""
    if isinstance(node, Definition):
        return node
    inside = {"orelse", "finalbody", "handlers", "cases"} & {*node._fields}
    if "body" not in node._fields and not inside:
        return node
    head = copy.copy(node)
    for key in inside:
        setattr(head, key, [])
    if "body" in node._fields:
        head.body = [ast.Pass()]  # type: ignore[attr-defined]  # as just seen
    return head


def imports_of(name: str, names: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield module and attribute of the ``from`` imports in the cells that bind a name."""
    for source in cells(names):
        if "import" not in source or (name not in source and "*" not in source):
            continue
        for statement in reversed(statements(source)):
            node = statement.node
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                for alias in node.names:
                    if alias.name == "*" or (alias.asname or alias.name) == name:
                        yield node.module, name if alias.name == "*" else alias.name


def _text_of(node: ast.stmt, source: str) -> str:
    """Return the source of a statement, moved to the left margin without changing its meaning."""
    first = first_line(node)
    lines = [line.encode() for line in re.split(r"(?<=\n)", source)][first - 1 : node.end_lineno]
    end = node.end_col_offset or 0
    rest = lines[-1][end:].strip()
    if not rest.startswith(b"#"):  # a comment at its end belongs to it
        lines[-1] = lines[-1][:end]
    margin = lines[0][: node.col_offset]
    lines[0] = lines[0][node.col_offset :]
    moved = [line.removeprefix(margin) for line in lines]
    text = b"".join(moved).decode().rstrip()
    if margin.strip() or not margin or _means_the_same(text, node):
        return text
    # Lines of a string begin at the margin: leave them where they are.
    return "if True:\n" + (margin + b"".join(lines)).decode().rstrip()


def _means_the_same(text: str, node: ast.stmt) -> bool:
    try:
        return ast.dump(ast.parse(text).body[0]) == ast.dump(node)
    except (SyntaxError, IndexError):
        return False
