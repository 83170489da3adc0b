"""Values of constants as Python source that gives an equal value.

What a class or a function is called where the source stands is for the caller to say.
"""

from __future__ import annotations

import ast
import dataclasses
import enum
import functools
import logging
import math
import sys
import types
from collections import OrderedDict, defaultdict
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from xpmnb.core.declaration import parameters
from xpmnb.core.fields import Kind
from xpmnb.core.registry import Declared
from xpmnb.core.state import is_configuration, state_of
from xpmnb.core.walk import iter_values
from xpmnb.export.kinds import in_words, newest
from xpmnb.partials import ParameterGroup, param_group

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Refer = Callable[[Any], str]
    """Returns the name or dotted name of a module, class or function; may raise Unwritable."""

_WIDTH = 96
_SHORT = 20
_MAX_CHARACTERS = 1_000_000
_MAX_ITEMS = 100_000
_MAX_ELEMENTS = 1000
"""Of an array. Larger ones belong into a file."""
_NUMERIC = frozenset("?bhilqBHILQefdFD")
"""The types of arrays, as numpy calls them, whose elements Python has as well."""
_PLAIN = frozenset({int, bool, str, bytes, type(None), type(...), type(NotImplemented)})
_IN_REPRS = {"np": "numpy"}
"""How libraries call themselves in the repr of their values."""
_REPR_NODES = (
    ast.Expression,
    ast.Call,
    ast.Name,
    ast.Attribute,
    ast.Constant,
    ast.keyword,
    ast.List,
    ast.Tuple,
    ast.Dict,
    ast.Set,
    ast.UnaryOp,
    ast.USub,
    ast.BinOp,
    ast.BitOr,
    ast.Load,
)


class UnwritableError(Exception):
    """Says that a value cannot be written as source; caught where its name is known.

    Parameters
    ----------
    why : str
        What is wrong besides its type; empty if the type says it all.
    """

    def __init__(self, why: str = "") -> None:
        super().__init__(why)
        self.why = why


def written(value: Any, refer: Refer) -> str:
    """Return source that gives an equal value, in lines of bounded length where it has many items.

    Parameters
    ----------
    value
        Any value.
    refer : callable
        Given a module, class or function, returns what it is called in the source.

    Raises
    ------
    UnwritableError
        If it cannot be written, or is so large that it belongs into a file.
    """
    try:
        return _Writer(refer).write(value)
    except RecursionError:
        raise UnwritableError("it is nested too deeply") from None


class _Writer:
    def __init__(self, refer: Refer) -> None:
        self._refer = refer
        self._around: list[int] = []
        self._configurations: set[int] = set()
        self._items = 0

    def write(self, value: Any) -> str:
        self._items += 1
        if self._items > _MAX_ITEMS:
            raise UnwritableError("it has more than 100,000 items")
        kind = type(value)
        if kind in _PLAIN:
            return _short_repr(value)
        if kind is float:
            return repr(value) if math.isfinite(value) else f'float("{value!r}")'
        if id(value) in self._around:
            raise UnwritableError("it contains itself")
        self._around.append(id(value))
        try:
            return self._write_compound(value)
        except UnwritableError as error:
            if len(self._around) == 1 or error.why:
                raise
            raise UnwritableError(f"it holds {in_words(value)}") from None
        finally:
            self._around.pop()

    def _write_compound(self, value: Any) -> str:
        container = self._write_container(value)
        if container is not None:
            return container
        numpy = sys.modules.get("numpy")  # who has an array has imported it
        if numpy is not None and type(value) is getattr(numpy, "ndarray", None):
            return self._write_array(value, numpy)
        for kinds, write in _WAYS:
            if isinstance(value, kinds):
                return write(self, value)
        if is_configuration(value):
            return self._write_configuration(value)
        if dataclasses.is_dataclass(value):
            return self._write_dataclass(value)
        return self._write_by_repr(value)

    def _write_container(self, value: Any) -> str | None:
        """Return one of the built-in containers; None for all else, their subclasses included."""
        kind = type(value)
        if kind is list:
            return self._join("[", map(self.write, value), "]")
        if kind is tuple:
            items = [self.write(each) for each in value]
            return f"({items[0]},)" if len(items) == 1 else self._join("(", items, ")")
        if kind is dict:
            pairs = (f"{self.write(key)}: {self.write(each)}" for key, each in value.items())
            return self._join("{", pairs, "}")
        if kind is set or kind is frozenset:
            # In the order of their texts: the order of a set differs from process to process.
            items = sorted(map(self.write, value))
            inside = self._join("{", items, "}") if items else ""
            return f"{kind.__name__}({inside})" if kind is frozenset or not items else inside
        if kind is OrderedDict:  # its repr is another one from Python 3.12 on
            return self._write_call(kind, dict(value))
        if kind is defaultdict:
            return self._write_call(kind, value.default_factory, dict(value))
        if isinstance(value, list) and kind.__module__.partition(".")[0] == "IPython":
            return self.write([*value])  # what a shell command printed
        return "object()" if kind is object else None

    def _join(self, first: str, items: Iterable[str], last: str) -> str:
        items = list(items)
        line = f"{first}{', '.join(items)}{last}"
        if len(line) <= _WIDTH and "\n" not in line:
            return line
        lines = [""]
        for each in items:
            # Short ones share a line, all others have lines of their own.
            shares = len(each) <= _SHORT and first != "{" and len(lines[-1]) + len(each) < _WIDTH
            text = f"{each},".replace("\n", "\n    ")
            if shares and lines[-1]:
                lines[-1] += f" {text}"
            else:
                lines.append(f"    {text}")
        return "\n".join([first, *lines[1:], last])

    def _write_call(self, function: Any, *given: Any, **named: Any) -> str:
        arguments = [self.write(each) for each in given]
        arguments += [f"{name}={self.write(each)}" for name, each in named.items()]
        return f"{self._refer(function)}({', '.join(arguments)})"

    def _write_enum(self, value: enum.Enum) -> str:
        kind = type(value)
        if value.name in kind.__members__:
            if value.name not in newest(kind).__members__:
                raise UnwritableError(f"{kind.__qualname__} has no {value.name} any more")
            return f"{self._refer(kind)}.{value.name}"
        return self._write_call(kind, value.value)  # several flags together

    def _write_path(self, value: PurePath) -> str:
        return self._write_call(Path if isinstance(value, Path) else type(value), str(value))

    def _write_partial(self, value: functools.partial[Any]) -> str:
        return self._write_call(functools.partial, value.func, *value.args, **value.keywords)

    def _write_named(self, value: Any) -> str:
        if isinstance(value, Declared) and "__xpm_is_configuration__" in value.__dict__:
            return f"{self._refer(value.__xpm_plain__)}.C"
        return self._refer(value)

    def _write_array(self, value: Any, numpy: Any) -> str:
        if value.dtype.char not in _NUMERIC:
            raise UnwritableError(f"its elements are of type numpy.{value.dtype.name}")
        if value.size > _MAX_ELEMENTS:
            raise UnwritableError(f"an array (numpy.ndarray) of more than {_MAX_ELEMENTS:,} items")
        items = value.tolist()
        dtype = value.dtype.name if value.dtype.isnative else value.dtype.str
        order = ", order='F'" if value.flags.fnc else ""
        text = f"{self._refer(numpy)}.array({self.write(items)}, dtype={dtype!r}{order})"
        is_same = numpy.array(items, dtype=dtype).shape == value.shape
        return text if is_same else f"{text}.reshape({value.shape})"

    def _write_configuration(self, value: Any) -> str:
        state = state_of(value)
        if state.job is not None or state.producer is not None or state.tags or state.init_tasks:
            raise UnwritableError("it was submitted, tagged, or made by a task")
        if id(value) in self._configurations:
            raise UnwritableError("it uses one configuration twice")
        self._configurations.add(id(value))
        plain = type(value).__xpm_plain__
        kinds = parameters(plain)
        given = {k: each for k, each in iter_values(value) if kinds[k].kind is not Kind.CONSTANT}
        arguments = ", ".join(f"{name}={self.write(each)}" for name, each in given.items())
        return f"{self._refer(plain)}.C({arguments})"

    def _write_dataclass(self, value: Any) -> str:
        names = [each.name for each in dataclasses.fields(value) if each.init]
        given = {name: getattr(value, name) for name in names}
        _check_same(lambda: type(value)(**given), value)
        _check_newest(type(value), lambda kind: kind(**given))
        return self._write_call(type(value), **given)

    def _write_by_repr(self, value: Any) -> str:
        """Return the repr, where it is a call that makes an equal value."""
        if isinstance(value, tuple) and hasattr(type(value), "_fields"):
            _check_same(lambda: type(value)(*value), value)
            _check_newest(type(value), lambda kind: kind(*value))
            return self._write_call(type(value), *value)
        text = _short_repr(value)
        try:
            tree = ast.parse(text, mode="eval")
        except (SyntaxError, ValueError):
            raise UnwritableError from None
        nodes = list(ast.walk(tree))
        if not (
            isinstance(tree.body, (ast.Call, ast.Attribute))
            and all(isinstance(each, _REPR_NODES) for each in nodes)
        ):
            raise UnwritableError
        names = [each for each in nodes if isinstance(each, ast.Name)]
        code = compile(tree, "<repr>", "eval")
        for meaning in _meanings(value):
            known = {each.id: meaning(each.id) for each in names}
            if None in known.values():
                continue
            try:
                _check_same(lambda known=known: eval(code, {"__builtins__": {}}, known), value)  # type: ignore[misc]  # noqa: S307  # a repr, made of calls of its own type
            except UnwritableError:
                continue
            for each in names:
                each.id = self._refer(known[each.id])
            for node in nodes:
                if isinstance(node, ast.Set):  # in the order of their texts, as above
                    node.elts.sort(key=ast.unparse)
            return ast.unparse(tree)
        raise UnwritableError


_WAYS: tuple[tuple[Any, Callable[[_Writer, Any], str]], ...] = (
    (enum.Enum, _Writer._write_enum),  # noqa: SLF001 (a table of its methods)
    (PurePath, _Writer._write_path),  # noqa: SLF001
    (functools.partial, _Writer._write_partial),  # noqa: SLF001
    (complex, lambda self, value: f"complex({self.write(value.real)}, {self.write(value.imag)})"),
    (types.SimpleNamespace, lambda self, value: self._write_call(type(value), **vars(value))),
    (range, lambda _, value: repr(value)),
    (logging.Logger, lambda self, value: self._write_call(logging.getLogger, value.name)),
    (ParameterGroup, lambda self, value: self._write_call(param_group, value.name)),
    (
        (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType),
        _Writer._write_named,  # noqa: SLF001
    ),
)


def _short_repr(value: Any) -> str:
    """Return the repr of a value that is not large."""
    try:
        if len(value) > _MAX_CHARACTERS:
            raise UnwritableError("it is larger than a megabyte")
    except TypeError:
        pass  # it has no length
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 (user code)
        raise UnwritableError from None
    if len(text) > _MAX_CHARACTERS:
        raise UnwritableError("it is larger than a megabyte")
    return text


def _check_same(make: Callable[[], Any], value: Any) -> None:
    """Raise UnwritableError unless a new value is made that equals another."""
    try:
        made = make()
        if type(made) is type(value) and bool(made == value):
            return
    except Exception:  # noqa: BLE001, S110 (user code: the value's own methods)
        pass
    raise UnwritableError


def _check_newest(kind: type, make: Callable[[Any], Any]) -> None:
    """Raise UnwritableError if a class was declared anew, in a way that takes other values."""
    now = newest(kind)
    if now is kind:
        return
    try:
        make(now)
    except Exception:  # noqa: BLE001 (user code: the class's own methods)
        raise UnwritableError(
            f"it was made before {kind.__qualname__} was declared anew: run its cell again"
        ) from None


def _meanings(value: Any) -> Iterable[Callable[[str], Any]]:
    """Return what the names in a repr may mean: modules first, then the type of the value."""
    kind = type(value)
    package = kind.__module__.partition(".")[0]

    def module_of(name: str) -> Any:
        name = _IN_REPRS.get(name, name)
        is_known = name == package or name in sys.stdlib_module_names
        return sys.modules.get(name) if is_known else None

    def own(name: str) -> Any:
        return kind if name == kind.__qualname__ else module_of(name)

    return module_of, own
