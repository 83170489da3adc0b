"""A cheap check that modules still hold the code that they held."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xpmnb.export import kinds, sources

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

_MISSING: Any = object()


def watch_loaded(names: Iterable[tuple[str, str]], files: Mapping[str, str]) -> Callable[[], bool]:
    """Return a check whether what is loaded of modules is still the same.

    Reloading puts other values into the namespace of a module; autoreload also gives functions that
    are there another code. What a program changes inside values is no code, and not noticed.

    Parameters
    ----------
    names
        Module and name. Of a module that is not imported the file counts.
    files
        The files of the modules.

    Returns
    -------
    callable
        Tells whether nothing was loaded anew. It keeps no large value alive.
    """
    # The modules themselves are looked up like the names in them.
    same: list[tuple[Mapping[str, Any], str, Any]] = []
    others: list[tuple[Mapping[str, Any], str, int]] = []
    codes: list[tuple[types.FunctionType, types.CodeType]] = []
    absent: list[tuple[str, str, object]] = []
    for module, inside in _grouped(names).items():
        loaded = sys.modules.get(module)
        if loaded is None:
            file = files.get(module, "")
            absent.append((module, file, _stamp(file)))
            continue
        same.append((sys.modules, module, loaded))
        space = vars(loaded)
        for name, value in _telling(space, inside, module).items():
            if value is _MISSING or isinstance(value, kinds.LASTING):
                same.append((space, name, value))
            else:
                others.append((space, name, id(value)))
            same += _members(value)
            codes += [(each, each.__code__) for each in _functions(value)]

    def is_current() -> bool:
        for space, name, value in same:
            if space.get(name, _MISSING) is not value:
                return False
        for function, code in codes:
            if function.__code__ is not code:
                return False
        return all(id(space.get(name, _MISSING)) == place for space, name, place in others) and all(
            module not in sys.modules and _stamp(file) == stamp for module, file, stamp in absent
        )

    return is_current


def _telling(space: Mapping[str, Any], names: Iterable[str], module: str) -> dict[str, Any]:
    """Return the values of a module that are others when it was loaded anew.

    That replaces its functions and classes. Its other values are counters and tables as well,
    which change for other reasons; they count where it has nothing else.
    """
    values = {name: space.get(name, _MISSING) for name in names}
    declared = {name: each for name, each in values.items() if _is_declared(each, module)}
    return declared or values


def _grouped(names: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for module, name in names:
        groups.setdefault(module, []).append(name)
    return groups


def _is_declared(value: Any, module: str) -> bool:
    """Tell whether a value is a class or a function that its module declares."""
    value = kinds.unwrapped(value)
    return isinstance(value, (type, types.FunctionType)) and value.__module__ == module


def _members(value: Any) -> Iterator[tuple[Mapping[str, Any], str, Any]]:
    """Yield the methods of a class; its constants if it has none."""
    if not isinstance(value, type):
        return
    space = value.__dict__
    # Python and xpmnb keep their own things in names like __this__.
    items = [(name, each) for name, each in space.items() if not name.startswith("__")]
    methods = [pair for pair in items if isinstance(pair[1], types.FunctionType)]
    for name, each in methods or items:
        yield space, name, each


def _functions(value: Any) -> Iterator[types.FunctionType]:
    if isinstance(value, type):
        yield from sources.functions_of(value)
    elif isinstance(function := kinds.unwrapped(value), types.FunctionType):
        yield function


def _stamp(file: str) -> object:
    """Return what differs between two versions of a file; None if there is none."""
    if not file:
        return None
    try:
        found = Path(file).stat()
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_size
