"""Which global names a statement uses, and when: read from its syntax tree alone.

Nothing here knows what the names mean.
"""

from __future__ import annotations

import ast
import enum
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
_CHANGING = frozenset(
    {
        *("add", "append", "appendleft", "clear", "discard", "extend", "insert", "pop", "popitem"),
        *("popleft", "remove", "reverse", "setdefault", "sort", "update"),
    }
)
"""The methods that change a container."""


class When(enum.IntEnum):
    """When a name is looked up; the earliest use of a name counts."""

    DECLARED = 0
    """While the statement runs: bases, decorators, defaults, class bodies."""
    CALLED = 1
    """Only when a function is called."""
    HINTED = 2
    """Perhaps never: in annotations that are not evaluated, and strings in annotations."""


@dataclass(slots=True)
class Use:
    """How one global name is used."""

    when: When
    chains: dict[tuple[str, ...], None] = field(default_factory=dict)
    """The attributes that are taken of it: ``("linalg", "norm")`` for ``np.linalg.norm``."""


@dataclass(slots=True)
class Uses:
    """What one statement uses."""

    names: dict[str, Use] = field(default_factory=dict)
    """The global names, in order of their place in the source."""
    magics: dict[str, None] = field(default_factory=dict)
    """The methods of ``get_ipython()`` that are called: magics and shell commands."""
    packages: dict[str, None] = field(default_factory=dict)
    """The packages that are imported inside functions and classes."""
    annotations: list[ast.expr] = field(default_factory=list)
    """Annotations that Python stores, evaluated or as strings."""
    changed: dict[str, None] = field(default_factory=dict)
    """The global names whose values its functions change when they are called."""
    imports: list[ast.Import | ast.ImportFrom] = field(default_factory=list)
    """The imports inside functions and classes."""
    chains: dict[str, dict[tuple[str, ...], None]] = field(default_factory=dict)
    """The attributes that are taken of names which these imports bind."""


def used_names(statement: ast.stmt, *, lazy: bool) -> Uses:
    """Return the global names that a statement at the top of a module uses.

    Parameters
    ----------
    statement : ast.stmt
        A class, a function or an assignment.
    lazy : bool
        Whether annotations are kept as strings, as ``from __future__ import annotations`` says.
    """
    visitor = _Visitor(lazy=lazy or sys.version_info >= (3, 14))
    visitor.visit(statement)
    return visitor.uses


def bound_names(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Yield the names that statements bind in their own scope, not in functions inside."""
    pending = list(nodes)
    while pending:
        node = pending.pop()
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.ClassDef(name=name):
                yield name
            case ast.Lambda():
                pass
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                # Its targets are its own, but what `:=` binds is not.
                inner = (each for each in ast.walk(node) if isinstance(each, ast.NamedExpr))
                pending.extend(each.target for each in inner)
            case ast.alias(name=name, asname=asname):
                yield asname or name.partition(".")[0]
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                yield name
            case _:
                # The names in handlers and in patterns are plain strings.
                for key in ("name", "rest"):
                    told = getattr(node, key, None)
                    if isinstance(told, str):
                        yield told
                pending.extend(ast.iter_child_nodes(node))


def _declared_global(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Yield the names that a function declares ``global``."""
    pending = list(nodes)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Global):
            yield from node.names
        elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            pending.extend(ast.iter_child_nodes(node))


@dataclass(slots=True)
class _Scope:
    is_class: bool
    bound: set[str]
    declared_global: set[str] = field(default_factory=set)


class _Visitor(ast.NodeVisitor):
    """Walks a statement in the order in which Python runs it."""

    def __init__(self, *, lazy: bool) -> None:
        self.uses = Uses()
        self._lazy = lazy
        self._when = When.DECLARED
        self._scopes: list[_Scope] = []

    def _record(self, name: str, chain: tuple[str, ...] = ()) -> None:
        if self._is_local(name):
            if name in self.uses.chains:
                self.uses.chains[name][chain] = None
            return
        use = self.uses.names.setdefault(name, Use(self._when))
        use.when = min(use.when, self._when)
        use.chains[chain] = None

    def _is_local(self, name: str) -> bool:
        for depth, scope in enumerate(reversed(self._scopes)):
            if name in scope.declared_global:
                return False
            # Functions do not see the names of a class around them.
            if name in scope.bound and (depth == 0 or not scope.is_class):
                return True
        return False

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            self._record(node.id)
        elif self._scopes and self._scopes[-1].is_class:
            self._scopes[-1].bound.add(node.id)
        elif any(node.id in scope.declared_global for scope in self._scopes[-1:]):
            self.uses.changed[node.id] = None

    def _record_change(self, target: ast.expr) -> None:
        """Record that the value of a name is changed: ``SEEN[x] = 1``, ``SEEN.append(x)``."""
        while isinstance(target, (ast.Attribute, ast.Subscript)):
            target = target.value
        is_called = self._when is not When.DECLARED
        if is_called and isinstance(target, ast.Name) and not self._is_local(target.id):
            self.uses.changed[target.id] = None

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if not isinstance(node.ctx, ast.Load):
            self._record_change(node.value)
        self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if not isinstance(node.ctx, ast.Load):
            self._record_change(node.value)
        chain: list[str] = []
        inner: ast.expr = node
        while isinstance(inner, ast.Attribute):
            chain.append(inner.attr)
            inner = inner.value
        if isinstance(inner, ast.Name):
            self._record(inner.id, tuple(reversed(chain)))
        else:
            self.visit(inner)

    def visit_Call(self, node: ast.Call) -> None:
        match node.func:
            case ast.Attribute(ast.Call(ast.Name("get_ipython")), attr):
                self.uses.magics[attr] = None
            case ast.Attribute(target, attr) if attr in _CHANGING:
                self._record_change(target)
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self.visit(node.value)
        if isinstance(node.target, ast.Name):
            self._record(node.target.id)
        self.visit(node.target)

    def visit_Assign(self, node: ast.Assign) -> None:
        # What is assigned is computed before its name is bound.
        for each in (node.value, *node.targets):
            self.visit(each)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)
        # Annotations of local variables are never evaluated.
        if not self._scopes or self._scopes[-1].is_class:
            self._annotation(node.annotation)
        if node.value is not None or not isinstance(node.target, ast.Name):
            self.visit(node.target)

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> None:
        if self._scopes:
            bound = [*bound_names([node])]
            self._scopes[-1].bound.update(bound)
            self.uses.imports.append(node)
            self.uses.chains.update({name: {} for name in bound if name not in self.uses.chains})
        paths = [each.name for each in node.names]
        if isinstance(node, ast.ImportFrom):
            paths = [] if node.level or node.module is None else [node.module]
        self.uses.packages.update(dict.fromkeys(path.partition(".")[0] for path in paths))

    visit_ImportFrom = visit_Import  # noqa: N815 (the name that NodeVisitor looks for)

    def visit_For(self, node: ast.For | ast.AsyncFor) -> None:
        for each in (node.iter, node.target, *node.body, *node.orelse):
            self.visit(each)

    visit_AsyncFor = visit_For  # noqa: N815

    def visit_FunctionDef(self, node: _Function) -> None:
        for each in node.decorator_list:
            self.visit(each)
        self._defaults(node.args)
        with_types = self._enter_types(node)
        arguments = node.args
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        every += [each for each in (arguments.vararg, arguments.kwarg) if each is not None]
        for hint in (*(each.annotation for each in every), node.returns):
            if hint is not None:
                self._annotation(hint)
        self._function({each.arg for each in every}, node.body)
        self._leave_types(node.name, with_types=with_types)

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._defaults(node.args)
        names = {each.arg for each in ast.walk(node.args) if isinstance(each, ast.arg)}
        self._function(names, [node.body])

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for each in node.decorator_list:
            self.visit(each)
        with_types = self._enter_types(node)
        for part in (*node.bases, *node.keywords):
            self.visit(part)
        self._scopes.append(_Scope(is_class=True, bound={"__module__", "__qualname__"}))
        for statement in node.body:
            self.visit(statement)
        self._scopes.pop()
        self._leave_types(node.name, with_types=with_types)

    def visit_ListComp(self, node: _Comprehension) -> None:
        first, *others = node.generators
        self.visit(first.iter)
        bound = set(bound_names(each.target for each in node.generators))
        self._scopes.append(_Scope(is_class=False, bound=bound))
        for each in (*first.ifs, *others):
            self.visit(each)
        results = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        for result in results:
            self.visit(result)
        self._scopes.pop()

    visit_SetComp = visit_DictComp = visit_GeneratorExp = visit_ListComp  # noqa: N815

    def visit_TypeAlias(self, node: ast.AST) -> None:
        """Visit ``type X = ...`` (from Python 3.12 on): it is evaluated when asked for."""
        with_types = self._enter_types(node)
        before, self._when = self._when, When.HINTED
        self.visit(node.value)  # type: ignore[attr-defined]  # ast.TypeAlias is not in 3.11
        self._when = before
        self._leave_types("", with_types=with_types)

    def generic_visit(self, node: ast.AST) -> None:
        binds = isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar, ast.MatchMapping))
        if binds and self._scopes and self._scopes[-1].is_class:
            self._scopes[-1].bound.update(bound_names([node]))
        super().generic_visit(node)

    def _defaults(self, arguments: ast.arguments) -> None:
        for each in (*arguments.defaults, *arguments.kw_defaults):
            if each is not None:
                self.visit(each)

    def _function(self, names: set[str], body: Iterable[ast.AST]) -> None:
        body = list(body)
        outside = set(_declared_global(body))
        bound = (names | set(bound_names(body)) | {"__class__"}) - outside
        before, self._when = self._when, max(self._when, When.CALLED)
        self._scopes.append(_Scope(is_class=False, bound=bound, declared_global=outside))
        for part in body:
            self.visit(part)
        self._scopes.pop()
        self._when = before

    def _enter_types(self, node: ast.AST) -> bool:
        """Open the scope of ``def f[T]``, ``class C[T]`` (from Python 3.12 on)."""
        parameters = getattr(node, "type_params", [])
        names = {each.name for each in parameters}
        if parameters:
            self._scopes.append(_Scope(is_class=False, bound=names))
        before, self._when = self._when, When.HINTED
        for each in parameters:
            self.visit(each)
        self._when = before
        return bool(parameters)

    def _leave_types(self, name: str, *, with_types: bool) -> None:
        if with_types:
            self._scopes.pop()
        if self._scopes and self._scopes[-1].is_class:
            self._scopes[-1].bound.add(name)

    def _annotation(self, hint: ast.expr) -> None:
        self.uses.annotations.append(hint)
        before = self._when
        if self._lazy:
            self._when = When.HINTED
        self.visit(hint)
        self._when = When.HINTED
        for text in _strings_in(hint):
            try:
                inner = ast.parse(text.strip(), mode="eval")
            except (SyntaxError, ValueError):
                continue
            self.visit(inner.body)
        self._when = before


def _strings_in(hint: ast.expr) -> Iterator[str]:
    """Yield the strings of an annotation that stand for types."""
    match hint:
        case ast.Constant(str() as text):
            yield text
        case ast.Subscript(ast.Name("Literal") | ast.Attribute(attr="Literal")):
            pass
        case ast.Subscript(
            ast.Name("Annotated") | ast.Attribute(attr="Annotated"), ast.Tuple([first, *_])
        ):
            yield from _strings_in(first)
        case _:
            for each in ast.iter_child_nodes(hint):
                if isinstance(each, ast.expr):
                    yield from _strings_in(each)
