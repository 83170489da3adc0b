"""What a value of the notebook is: in words for people, and to the program that needs it."""

from __future__ import annotations

import ast
import builtins
import datetime as dt
import enum
import io
import numbers
import sys
import types
from pathlib import PurePath
from typing import Any, ForwardRef

from xpmnb.core import registry
from xpmnb.core.declaration import own_annotations
from xpmnb.core.registry import Declared
from xpmnb.export import sources

ATOMS = (int, float, complex, str, bytes, type(None))
LASTING = (
    *ATOMS,
    type,
    types.FunctionType,
    types.BuiltinFunctionType,
    types.ModuleType,
    numbers.Number,
    enum.Enum,
    PurePath,
    range,
    dt.date,
    dt.timedelta,
)
"""Types of values that mean the same for as long as they are the same object."""

_MISSING: Any = object()
_FUTURE_ANNOTATIONS = 0x1000000
"""The flag of code under ``from __future__ import annotations``."""
_OF_TYPES = (types.GenericAlias, types.UnionType)
_MAX_WRAPPERS = 100


def newest(value: Any) -> Any:
    """Return the newest definition of a class of cells, and all else as it is.

    Classes of cells that have one qualified name are one class, as a person sees it who runs a
    cell again. A class that derives from its namesake is another one.
    """
    if isinstance(value, Declared):
        return value if "__xpm_is_configuration__" in vars(value) else registry.newest(value)
    if not isinstance(value, type):
        return value
    found = _named_alike(value)
    # Not issubclass: some classes do not allow it.
    is_newer = isinstance(found, type) and all(each is not value for each in found.__mro__)
    return found if is_newer else value


def newest_held(value: Any) -> Any:
    """Return the newest definition of a class or function that a container holds.

    A function that was declared again counts as what its name means now: a constant that holds
    the old one was most likely made before the cell was run again.
    """
    function = unwrapped(value)
    if not isinstance(function, types.FunctionType):
        return newest(value)
    found = _named_alike(function)
    inner = unwrapped(found)
    # What wraps the very same function was made of it, and is not a newer one.
    is_newer = isinstance(inner, types.FunctionType) and inner is not function
    return found if is_newer and inner.__code__.co_name == function.__code__.co_name else value


def _named_alike(value: Any) -> Any:
    """Return what the cells call by the qualified name of a class or function; None if nothing."""
    module = sys.modules.get(value.__module__) if isinstance(value.__module__, str) else None
    if not sources.module_of_cells(module):
        return None
    found: Any = module
    for part in value.__qualname__.split("."):
        found = getattr(found, "__dict__", {}).get(part)
    inner = unwrapped(found)
    places = (getattr(inner, "__module__", None), getattr(inner, "__qualname__", None))
    return found if places == (value.__module__, value.__qualname__) else None


def unwrapped(value: Any) -> Any:
    """Return the function under decorators that say what they wrap."""
    for _ in range(_MAX_WRAPPERS):
        # Not getattr: proxies and mocks have every attribute.
        inner = getattr(value, "__dict__", {}).get("__wrapped__")
        if inner is None:
            break
        value = inner
    return value


def is_of_typing(value: Any) -> bool:
    """Tell whether a value is a type hint or a variable for one, but no class."""
    return isinstance(value, _OF_TYPES) or type(value).__module__ in ("typing", "typing_extensions")


def is_of_shell(name: str, value: Any) -> bool:
    """Tell whether a name of the notebook is a built-in one that the shell put there."""
    places = (getattr(value, "__module__", None), type(value).__module__)
    if any(str(place).partition(".")[0] in ("IPython", "ipykernel") for place in places):
        return name in ("display", "get_ipython") or hasattr(builtins, name)
    return unwrapped(value) is getattr(builtins, name, _MISSING)


def is_lazy(function: types.FunctionType) -> bool:
    """Tell whether the annotations of a function were kept as strings."""
    return bool(function.__code__.co_flags & _FUTURE_ANNOTATIONS)


def is_lazy_class(cls: type, node: ast.stmt) -> bool:
    """Tell whether the annotations in a class statement were kept as strings."""
    for function in sources.functions_of(cls):
        return is_lazy(function)
    known = own_annotations(cls)
    return any(
        isinstance(known.get(part.target.id), (str, ForwardRef))
        and not isinstance(part.annotation, ast.Constant)
        for part in getattr(node, "body", ())
        if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name)
    )


def shortest_module(module: str, qualname: str, value: Any) -> str | None:
    """Return the outermost package of a module that has a value; None if none has it."""
    parts = module.split(".")
    for count in range(1, len(parts) + 1):
        path = ".".join(parts[:count])
        if getattr(sys.modules.get(path), "__dict__", {}).get(qualname, _MISSING) is value:
            return path
    return None


def in_words(value: Any) -> str:
    """Return what a value is, for error messages."""
    if isinstance(value, types.ModuleType):
        return f"the module {value.__name__}"
    if isinstance(value, (type, types.FunctionType, types.BuiltinFunctionType)):
        return f"the {'class' if isinstance(value, type) else 'function'} {value.__qualname__}"
    kind = type(value)
    module, name = str(kind.__module__), kind.__qualname__
    if module != "builtins":
        name = f"{shortest_module(module, name, kind) or module}.{name}"
    return f"an open file ({name})" if isinstance(value, io.IOBase) else f"a value of type {name}"


def why_unwritable(name: str, value: Any, names: dict[str, Any], user: str, why: str) -> str:
    """Return in words that a variable cannot be in a program, and what to do.

    Parameters
    ----------
    name, value
        The variable.
    names : dict
        The namespace of the notebook.
    user : str
        What uses it, in words.
    why : str
        What is wrong besides its type; may be empty.
    """
    made = sources.newest_binding(name, names)
    number = made and sources.cell_number(made.source, names)
    return (
        f"{user} uses the variable {name}{f', set in cell {number}' if number else ''}: "
        f"{in_words(value)} cannot be written as source for another process"
        f"{f' ({why})' if why else ''}. Pass it as a parameter, make or load it inside execute(), "
        "or move it to a module that is imported"
    )
