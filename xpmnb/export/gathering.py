"""From names of a notebook to the pieces of source that give them their values.

What lies in modules becomes an import. What cannot be written as source is a problem in words, and
is kept by its name. The pieces are made in the order in which they are found.
"""

from __future__ import annotations

import builtins
import sys
import types
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from xpmnb.export import kinds, sources
from xpmnb.export.afterwards import add_attributes, add_change, add_registered
from xpmnb.export.imports import Imports
from xpmnb.export.listing import Piece
from xpmnb.export.literals import UnwritableError, written
from xpmnb.export.used_names import Use, Uses, When, used_names

if TYPE_CHECKING:
    from collections.abc import Mapping

_MISSING: Any = object()
_OF_MODULES = frozenset(vars(types.ModuleType("any"))) | {"__builtins__", "__file__"}


@dataclass(slots=True)
class Gatherer:
    """Follows names from classes to all that they use. Used once, by one thread."""

    pieces: dict[str, Piece] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    imports: Imports = field(default_factory=Imports)
    problems: dict[str, None] = field(default_factory=dict)
    unwritable: dict[str, str] = field(default_factory=dict)
    """Why a variable cannot be written, by its name."""
    lost: dict[str, tuple[Any, dict[str, Any]]] = field(default_factory=dict)
    """What is not in the source, though it is used: value and namespace by name."""
    changed: dict[str, None] = field(default_factory=dict)
    """The names whose values functions change while they run."""
    spaces: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The namespaces of names."""
    outdated: list[str] = field(default_factory=list)
    """What holds old meanings of names, in sentences."""
    inner_imports: list[Uses] = field(default_factory=list)
    """What uses imports inside functions."""
    chains: dict[str, dict[tuple[str, ...], None]] = field(default_factory=dict)
    """The attributes that are taken of names."""
    watched: dict[tuple[int, Any], tuple[Any, Any, Any]] = field(default_factory=dict)
    class_spaces: list[Mapping[Any, Any]] = field(default_factory=list)
    """The namespaces of classes, and what functions dispatch to: a cell may add to them."""
    pending: deque[tuple[Piece, Uses, dict[str, Any]]] = field(default_factory=deque)

    def add_class(self, cls: type) -> None:
        """Gather a class and all it uses."""
        names = vars(sys.modules[cls.__module__])
        root = cls.__qualname__.partition(".")[0]
        user = f"class {cls.__qualname__}"
        self.watched.setdefault((id(names), root), (names, root, names.get(root, _MISSING)))
        if "<locals>" in cls.__qualname__:
            self.lost[cls.__qualname__] = (cls, names)
            self.add_problem(
                f"{user} is declared inside a function: declare it at the top of a cell"
            )
        elif root != cls.__qualname__:
            self.need(root, names, Use(When.DECLARED), user)
        elif self._is_new(root, cls, user):
            self._define_class(root, cls, names, user)
        self.follow()

    def add_problem(self, text: str) -> None:
        """Keep in words what cannot be written, once."""
        self.problems[text] = None

    def follow(self) -> None:
        """Gather what the newest pieces use, and what that uses, to the end."""
        while self.pending:
            self._follow(*self.pending.popleft())

    def _follow(self, piece: Piece, uses: Uses, names: dict[str, Any]) -> None:
        """See to all that a piece uses."""
        if uses.magics:
            self.add_problem(
                f"{piece.user} uses a magic or a shell command "
                f"(get_ipython().{next(iter(uses.magics))}), which only a notebook has: use Python "
                "in its place, such as the module subprocess"
            )
            uses.names.pop("get_ipython", None)
        self.imports.modules.update(uses.packages)
        if uses.imports:
            self.inner_imports.append(uses)
        self.changed.update(uses.changed)
        for name, use in uses.names.items():
            piece.uses[name] = use.when
            self.need(name, names, use, piece.user)

    def need(self, name: str, names: dict[str, Any], use: Use, user: str) -> None:
        """See to it that a name has its meaning in the program."""
        if name in _OF_MODULES:
            return
        value = names.get(name, _MISSING)
        self.watched.setdefault((id(names), name), (names, name, value))
        self.chains.setdefault(name, {}).update(use.chains)
        self.spaces.setdefault(name, names)
        if value is _MISSING or kinds.is_of_shell(name, value):
            self.imports.add_of_shell(name)
            if value is _MISSING and use.when is When.DECLARED and not hasattr(builtins, name):
                self.add_problem(
                    f"{user} uses {name} when it is declared, and there is no {name} any more: run "
                    "the cell that sets it again"
                )
            return
        if isinstance(value, types.ModuleType):
            self.imports.add_parts(value, use.chains)
        value = kinds.newest(value)
        if self._is_new(name, value, user):
            self._define(name, value, names, user)
            if use.when is When.HINTED and name in self.unwritable:
                # Nothing may ever look it up: it counts only if something else needs it.
                del self.values[name], self.lost[name]
            elif name in self.unwritable:
                self.add_problem(self.unwritable[name])

    def _is_new(self, name: str, value: Any, user: str) -> bool:
        known = self.values.setdefault(name, value)
        if known is not value:
            self.add_problem(
                f"{user} uses {name}, which is both {kinds.in_words(known)} and "
                f"{kinds.in_words(value)}: give one of them another name"
            )
            return False
        return name not in self.pieces and name not in self.imports

    def _define(self, name: str, value: Any, names: dict[str, Any], user: str) -> None:
        """Make the piece, or the import, that gives a name its value."""
        if isinstance(value, types.ModuleType):
            if not self.imports.add_module(name, value):
                self.lost[name] = (value, names)
                self.add_problem(f"{user} uses {name}, a module without a file: put it into a file")
        elif self.imports.add_from_module(name, value, names):
            pass
        elif isinstance(value, type) and "__xpm_is_configuration__" not in vars(value):
            self._define_class(name, value, names, user)
        elif isinstance(function := kinds.unwrapped(value), types.FunctionType):
            self._define_function(name, value, function, user)
        else:
            self._define_constant(name, value, names, user)

    def _define_class(self, name: str, cls: type, names: dict[str, Any], user: str) -> None:
        if "<locals>" in cls.__qualname__:
            self.lost[name] = (cls, names)
            self.add_problem(
                f"{user} uses {name}, a class that is declared inside a function: declare it at "
                "the top of a cell"
            )
        elif "." in cls.__qualname__:
            self._define_alias(name, cls.__qualname__, names, user)
        else:
            found = sources.class_statement(cls, names) or sources.assignment(name, names)
            is_lazy = found is not None and kinds.is_lazy_class(cls, found.node)
            self._define_by(found, name, cls, names, is_lazy=is_lazy)

    def _define_function(
        self, name: str, value: Any, function: types.FunctionType, user: str
    ) -> None:
        code, names, place = function.__code__, function.__globals__, function.__qualname__
        if "." in place and "<" not in place and value is function:
            self._define_alias(name, place, names, user)
            return
        if place == "<lambda>" and self._define_same(name, value, names, user):
            return  # f = g = lambda: 1
        found = sources.statement_at(code.co_filename, code.co_firstlineno, code.co_name, names)
        found = found or sources.decorated_statement(name, names)
        found = found or sources.part_for(name, code, names)
        if found is None and "<locals>" in place:
            self.lost[name] = (value, names)
            kept = ", ".join(code.co_freevars)
            self.add_problem(
                f"{user} uses {name}, a function that was made inside "
                f"{place.rpartition('.<locals>')[0]}()"
                f"{f' and keeps its local variables ({kept})' if kept else ''}: write it as a "
                "function at the top of a cell, pass what it keeps as a parameter, or move it to a "
                "module"
            )
            return
        made = None if value is function else sources.assignment(name, names)
        if made is not None and found is not None and sources.bound_name(found.node) != name:
            found = made  # `fast = cache(slow)` is not slow
        self._define_by(found, name, value, names, is_lazy=kinds.is_lazy(function))
        piece = self.pieces.get(name)
        if made is not None and piece is not None and piece.node is not made.node:
            for each in sources.rebindings(name, names):  # `slow = cache(slow)`
                add_change(self, piece, each, names)
        if piece is not None and found is not None and piece.node is found.node:
            if isinstance(found.node, sources.Definition) or value is function:
                add_attributes(self, piece, name, value, names)
            add_registered(self, piece, value, names)

    def _define_by(
        self,
        statement: sources.Statement | None,
        name: str,
        value: Any,
        names: dict[str, Any],
        *,
        is_lazy: bool,
    ) -> None:
        """Make a piece of the statement that gave a value its first name."""
        kind = "class" if isinstance(value, type) else "function"
        if statement is None:
            self.lost[name] = (value, names)
            made = sources.newest_binding(name, names) if kind == "function" else None
            self.add_problem(
                f"the source of {kind} {name} is not available: declare it in a cell, or in a file "
                "(a script or a module)"
                if made is None or isinstance(made.node, sources.Definition)
                else f"function {name} is made in the middle of a statement: give it a statement "
                f"of its own at the top of a cell (def {name}, or {name} = lambda ...)"
            )
            return
        uses = used_names(statement.node, lazy=is_lazy)
        has_hints = bool(uses.annotations)
        piece = Piece(name, statement.text, f"{kind} {name}", lazy=is_lazy, has_hints=has_hints)
        piece.node, piece.statement = statement.node, statement
        bound = sources.bound_name(statement.node)
        if bound != name and names.get(bound, _MISSING) is value:
            self._define_alias(name, bound, names, piece.user)
            return
        if bound != name:
            piece.text += f"\n\n\n{name} = {bound}"
            piece.passing = bound
        self.pieces[name] = piece
        self.pending.append((piece, uses, names))
        if isinstance(value, type):
            add_attributes(self, piece, bound, value, names)

    def _define_alias(self, name: str, path: str, names: dict[str, Any], user: str) -> None:
        """Take a value from another name, or from a class: ``name = Train.run``."""
        root = path.partition(".")[0]
        self.pieces[name] = Piece(
            name, f"{name} = {path}", user, {root: When.DECLARED}, is_constant=True
        )
        self.need(root, names, Use(When.DECLARED), user)

    def _define_same(self, name: str, value: Any, names: dict[str, Any], user: str) -> bool:
        """Take a value from another name that has the very same one; False if none has it."""
        for other, known in self.values.items():
            if known is value and other in self.pieces:
                self._define_alias(name, other, names, user)
                return True
        return False

    def _define_constant(self, name: str, value: Any, names: dict[str, Any], user: str) -> None:
        if not isinstance(value, kinds.LASTING) and self._define_same(name, value, names, user):
            return  # one list with two names
        piece = Piece(name, "", user, is_constant=True)
        try:
            text = written(value, lambda each: self._refer(each, piece, names))
        except UnwritableError as error:
            find = sources.assignment if kinds.is_of_typing(value) else sources.decorated_statement
            made = find(name, names)
            if made is None:
                why = kinds.why_unwritable(name, value, names, user, error.why)
                self.unwritable[name] = why
                self.lost[name] = (value, names)
                return
        else:
            piece.text = f"{name} = {text}"
            self.pieces[name] = piece
            return
        is_constant = not isinstance(made.node, sources.Definition)
        piece = Piece(name, made.text, user, is_constant=is_constant, node=made.node)
        piece.statement = made
        self.pieces[name] = piece
        self.pending.append((piece, used_names(made.node, lazy=False), names))

    def _refer(self, value: Any, piece: Piece, names: dict[str, Any]) -> str:
        """Return what a module, class or function in a constant is called in the program."""
        if isinstance(value, types.ModuleType):
            return self.imports.refer_to_module(value, names)
        if not sources.module_of_cells(sys.modules.get(value.__module__)):
            return self.imports.refer(value, names)
        path: str = value.__qualname__
        root, *inner = path.split(".")
        found = names.get(root)
        for part in inner:
            found = getattr(found, part, None)
        if kinds.newest_held(found) is not kinds.newest_held(value):
            raise UnwritableError(f"it holds {kinds.in_words(value)}, which has no name now")
        piece.uses[root] = When.DECLARED
        self.need(root, names, Use(When.DECLARED), piece.user)
        return path
