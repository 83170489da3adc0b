"""What the files of modules say: which statements bind a name, and what is imported as it.

Modules are read, never imported. Nothing here decides what belongs to a program.
"""

from __future__ import annotations

import ast
import functools
import linecache
import os
import site
import sys
import sysconfig
from dataclasses import dataclass, field
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from xpmnb.export import sources
from xpmnb.export.loaded import watch_loaded
from xpmnb.export.used_names import used_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_OWN = "xpmnb"


class Imported(NamedTuple):
    """What an import binds a name to."""

    module: str
    attribute: str | None
    """None for the module itself."""

    def line(self, name: str) -> str:
        """Return the import that binds it to a name: one way to write it, whatever was written."""
        if self.attribute is not None:
            renamed = "" if self.attribute == name else f" as {name}"
            return f"from {self.module} import {self.attribute}{renamed}"
        return f"import {self.module}" + ("" if self.module == name else f" as {name}")


@dataclass(slots=True)
class Module:
    """The names of one module, as its file tells them. Immutable once it is read."""

    bound: dict[str, list[sources.Statement]] = field(default_factory=dict)
    """The statements at the top of the module that bind a name or change what it is bound to."""
    imported: dict[str, list[Imported]] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)
    """The modules of which everything is imported."""

    @property
    def names(self) -> list[str]:
        """All names that it binds, but for those that a ``*`` brings."""
        return [*self.bound, *self.imported]


class Place(NamedTuple):
    """Where a module comes from."""

    name: str
    file: str
    package: str
    """What its relative imports begin with."""
    folders: tuple[str, ...]
    """Where its submodules are; empty if it is no package."""


_known: dict[Place, tuple[Module, Callable[[], bool]]] = {}


def read_module(name: str) -> Module | None:
    """Return what the source of a module says; None if there is none to be had.

    The source is read once, and again when what is loaded of the module has changed: so an edited
    file counts from when it is loaded.

    Parameters
    ----------
    name : str
        The name of a module, which need not be imported.
    """
    place = place_of(name)
    if place is None or not place.file.endswith((".py", ".pyw")):
        return None
    known = _known.get(place)
    if known is not None and known[1]():
        return known[0]
    linecache.checkcache(place.file)
    loaded = sys.modules.get(name)
    lines = linecache.getlines(place.file, None if loaded is None else vars(loaded))
    module = parse_module("".join(lines), place.package)
    names = [(name, each) for each in module.names]
    _known[place] = module, watch_loaded(names, {name: place.file})
    return module


@functools.lru_cache(maxsize=500)
def parse_module(text: str, package: str) -> Module:
    """Return what the source of a module says; nothing if it is no Python.

    Parameters
    ----------
    text : str
        The source.
    package : str
        What relative imports begin with.
    """
    module = Module()
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return module
    mentions: list[tuple[str, sources.Statement]] = []
    # A base class that keeps a list of what derives from it is changed by what derives from it.
    counts_bases = "__init_subclass__" in text or "__subclasses__" in text
    for node in _iter_blocks(tree.body):
        statement = sources.Statement(node, text)
        names: dict[str, None] = {}
        for inner in sources.iter_top([node]):
            if isinstance(inner, (ast.Import, ast.ImportFrom)):
                for name, imported in iter_imported(inner, package):
                    if name == "*":
                        module.stars.append(imported.module)
                    else:
                        module.imported.setdefault(name, []).append(imported)
            else:
                names.update(dict.fromkeys(sources.bound_by(inner)))
                names.update(dict.fromkeys(_changed_by(inner)))
                told = sorted({*_told_by(inner, counts_bases=counts_bases)})
                mentions += [(name, statement) for name in told]
        for name in names:
            module.bound.setdefault(name, []).append(statement)
    for name, statement in mentions:
        # Of its own names only: what is imported is not changed by being called.
        if statement not in module.bound.get(name, [statement]):
            module.bound[name].append(statement)
    return module


def _told_by(node: ast.stmt, *, counts_bases: bool) -> Iterator[str]:
    """Yield the names that a statement may fill or change by calling something.

    So do ``@register`` on a function, ``fill(TABLE, 5)`` and ``setattr(Train, "x", 1)``; a function
    may change whatever it says, when it is called.
    """
    parts: list[ast.expr] = []
    match node:
        case ast.ClassDef():
            parts = [*node.decorator_list, *(node.bases if counts_bases else ())]
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            parts = node.decorator_list
            yield from used_names(node, lazy=True).changed
        case ast.Expr(ast.Call() as call) | ast.Assign([ast.Name("_")], ast.Call() as call):
            parts = [call]
    for part in parts:
        for each in ast.walk(part):
            if isinstance(each, ast.Name):
                yield each.id


def _iter_blocks(nodes: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a module; one by one what a script does only when it is run."""
    for node in nodes:
        if isinstance(node, ast.If) and "__name__" in ast.dump(node.test):
            yield from _iter_blocks([*node.body, *node.orelse])
        else:
            yield node


def _changed_by(node: ast.stmt) -> Iterator[str]:
    """Yield the names whose values a statement changes: ``Train.x = 1``, ``TABLE.update(...)``."""
    targets: list[ast.expr] = []
    match node:
        case ast.Assign() | ast.Delete():
            targets = node.targets
        case ast.AnnAssign() | ast.AugAssign():
            targets = [node.target]
        case ast.Expr(ast.Call(ast.Attribute() as function)):
            targets = [function]
    for target in targets:
        inner: ast.expr = target
        while isinstance(inner, (ast.Attribute, ast.Subscript)):
            inner = inner.value
        if inner is not target and isinstance(inner, ast.Name):
            yield inner.id


def iter_imported(
    node: ast.Import | ast.ImportFrom, package: str
) -> Iterator[tuple[str, Imported]]:
    """Yield the names that an import binds, ``*`` for all, and what to.

    Parameters
    ----------
    node
        The import.
    package : str
        What relative imports begin with; empty outside packages.
    """
    if isinstance(node, ast.Import):
        for each in node.names:
            root = each.name.partition(".")[0]
            # `import a.b` binds a, `import a.b as c` binds a.b.
            yield each.asname or root, Imported(each.name if each.asname else root, None)
        return
    module = node.module or ""
    if node.level:
        around = package.split(".")
        around = around[: len(around) - node.level + 1]
        module = ".".join([*around, module] if module else around)
    for each in node.names:
        yield each.asname or each.name, Imported(module, each.name)


def place_of(name: str) -> Place | None:
    """Return where a module comes from, imported or not; None for what has no file."""
    module = sys.modules.get(name)
    if module is not None:
        file = getattr(module, "__file__", None)
        folders = tuple(getattr(module, "__path__", ()))
    else:
        outer = name.rpartition(".")[0]
        inside = place_of(outer) if outer else None
        if outer and (inside is None or not inside.folders):
            return None
        try:
            spec = PathFinder.find_spec(name, inside.folders if inside else None)
        except (ImportError, OSError, ValueError):
            return None
        if spec is None:
            return None
        file = spec.origin if spec.has_location else None
        folders = tuple(spec.submodule_search_locations or ())
    if file is None and not folders:
        return None
    package = name if folders else name.rpartition(".")[0]
    return Place(name, file or "", package, folders)


def is_own(name: str) -> bool:
    """Tell whether a module belongs to xpmnb itself."""
    return name.partition(".")[0] == _OWN


def is_local(name: str) -> bool:
    """Tell whether a module is a person's own: neither Python's, nor installed, nor of xpmnb."""
    root = name.partition(".")[0]
    if root in sys.stdlib_module_names or is_own(root):
        return False
    place = place_of(root)
    if place is None:
        return False
    path = Path(place.file or next(iter(place.folders))).absolute()
    if {"site-packages", "dist-packages"} & {*path.parts}:
        return False
    return not any(path.is_relative_to(folder) for folder in _installed())


@functools.cache
def _installed() -> tuple[str, ...]:
    """Return the folders where Python and what is installed with it lie."""
    paths = sysconfig.get_paths()
    keys = ("stdlib", "platstdlib", "purelib", "platlib")
    return tuple({*(paths[key] for key in keys), site.getusersitepackages()} - {os.sep})
