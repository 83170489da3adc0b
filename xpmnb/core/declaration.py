"""From a class body to the parameters of the class.

Annotations are resolved when the class is made where that is possible, so that mistakes show in
the cell that made them, and at first use where a name is declared only later.
"""

from __future__ import annotations

import contextlib
import inspect
import re
import sys
import types
import typing
from dataclasses import dataclass, replace
from typing import Any

from xpmnb.core.checkers import compile_annotated
from xpmnb.core.fields import MISSING, Field, Kind, Parameter
from xpmnb.core.registry import Declared, find_beside
from xpmnb.errors import DeclarationError

_RESERVED = frozenset({"init_tasks"})
"""Names that stand beside those of parameters, in tables and in job directories."""

_KIND_WORD = re.compile(r"\b(Param|Meta|Constant)\b")


@dataclass(slots=True)
class Scope:
    """Where the annotations of a class are resolved: the names its body could see."""

    module: dict[str, Any]
    local: dict[str, Any]


def scope_of(frame: types.FrameType) -> Scope:
    """Return the scope of a class statement that runs in the given frame."""
    # At the top of a module or cell both are one dictionary: keep it by reference, so that
    # names declared later are found. A function's locals are copied: the frame must not live on.
    local = {} if frame.f_locals is frame.f_globals else dict(frame.f_locals)
    return Scope(frame.f_globals, local)


def parameters(cls: Declared | type[Any]) -> dict[str, Parameter]:
    """Return the parameters of a class, inherited ones first, by name.

    Raises
    ------
    DeclarationError
        If an annotation names something that is still not defined, or has no usable type.
    """
    known = cls.__xpm_parameters__  # of the class that was declared, never of a base
    return collected(cls, strict=True) if known is None else known


def collect_early(cls: Declared) -> None:
    """Collect the parameters now if every name is known; leave it to the first use otherwise."""
    with contextlib.suppress(NameError):
        collected(cls, strict=False)


def collected(cls: Declared | type[Any], *, strict: bool) -> dict[str, Parameter]:
    """Return the parameters of a class, collected once; see :func:`collect`."""
    plain: Declared = cls.__xpm_plain__
    known = plain.__xpm_parameters__
    if known is None:
        known = collect(plain, strict=strict)
        type.__setattr__(plain, "__xpm_parameters__", known)
        type.__setattr__(plain, "__xpm_scope__", None)
    return known


def collect(cls: Declared, *, strict: bool) -> dict[str, Parameter]:
    """Return the parameters of a class; ``strict`` turns an unknown name into a clear error."""
    result: dict[str, Parameter] = {}
    for base in reversed(cls.__mro__[1:]):
        if isinstance(base, Declared):
            inherited = collected(base, strict=strict)
            # Only what the base itself says: what it inherits comes from further up, where
            # another base may have replaced it.
            own = {name: each for name, each in inherited.items() if each.declared_in(base)}
            result.update(own)
            for name in own if len(cls.__bases__) > 1 else ():
                _check_name(cls, name)
    hints = _own_hints(cls, strict=strict)
    for name, hint in hints.items():
        parameter = _parameter(cls, name, hint)
        _check_override(cls, result.get(name), parameter)
        result[name] = parameter
    for name in [name for name in result if name not in hints and name in cls.__dict__]:
        result[name] = _with_new_default(cls, result[name])
    return result


def _own_hints(cls: Declared, *, strict: bool) -> dict[str, Any]:
    """Return the resolved annotations of the class's own body that declare parameters."""
    scope: Scope = cls.__dict__["__xpm_scope__"]
    local = _Names(cls, scope)
    hints = {}
    for name, raw in own_annotations(cls).items():
        holder = types.SimpleNamespace(__annotations__={name: raw})
        try:
            hint = typing.get_type_hints(holder, scope.module, local, include_extras=True)[name]
        except (NameError, AttributeError, TypeError, SyntaxError) as error:
            if isinstance(raw, str) and not _KIND_WORD.search(raw):
                continue  # no parameter: whatever else an annotation says is not ours to judge
            if not strict and isinstance(error, NameError):
                raise
            message = (
                f"{cls.__qualname__}.{name}: {error}; declare it before {cls.__name__} is used"
            )
            raise DeclarationError(message) from None
        if typing.get_origin(hint) is typing.Annotated and _kind(hint) is not None:
            hints[name] = hint
        else:
            _refuse_hidden_kind(f"{cls.__qualname__}.{name}", hint)
    return hints


class _Names(dict[str, Any]):
    """The names of a class statement, and classes declared in the same function after it."""

    def __init__(self, cls: Declared, scope: Scope) -> None:
        super().__init__({**scope.local, cls.__name__: cls})
        self._cls = cls
        self._scope = scope

    def __missing__(self, name: str) -> Any:
        inner = self._cls.__dict__.get(name)
        if isinstance(inner, type):
            return inner
        if "<locals>" in self._cls.__qualname__ and name not in self._scope.module:
            later = find_beside(self._cls, name)
            if later is not None:
                return later
        raise KeyError(name)


def _refuse_hidden_kind(where: str, hint: Any) -> None:
    """Refuse ``Param[float] | None``: it says nothing to us, and was meant as a parameter."""
    for inside in typing.get_args(hint):
        kind = _kind(inside) if typing.get_origin(inside) is typing.Annotated else None
        if kind is not None:
            word = kind.value
            message = (
                f"{where}: {word} goes around the whole type: {word}[float | None] for example"
            )
            raise DeclarationError(message)
        _refuse_hidden_kind(where, inside)


def own_annotations(cls: type) -> dict[str, Any]:
    """Return the annotations of a class's own body; those of its bases are not in it."""
    if sys.version_info >= (3, 14):
        # Annotations are computed when asked for; unknown names come as forward references.
        import annotationlib  # noqa: PLC0415 (exists from 3.14 on)

        return annotationlib.get_annotations(cls, format=annotationlib.Format.FORWARDREF)
    return inspect.get_annotations(cls)


def _kind(hint: Any) -> Kind | None:
    kinds = [mark for mark in typing.get_args(hint)[1:] if isinstance(mark, Kind)]
    return kinds[0] if kinds else None


def _parameter(cls: Declared, name: str, hint: Any) -> Parameter:
    """Return one compiled parameter of the class."""
    where = f"{cls.__qualname__}.{name}"
    _check_name(cls, name)
    if isinstance(cls.__dict__.get(name), (property, staticmethod, classmethod)):
        message = f"{where} is a parameter and also a property or a method: rename one of them"
        raise DeclarationError(message)
    kind = _kind(hint) or Kind.PARAM  # _own_hints keeps only those that have one
    if any(isinstance(arg, typing.TypeVar) for arg in typing.get_args(hint)[:1]):
        message = f"{where}: say of which type, {kind.value}[float] for example"
        raise DeclarationError(message)
    try:
        value_type = compile_annotated(hint).value_type
    except DeclarationError as error:
        message = f"{where}: {error}"
        raise DeclarationError(message) from None
    parameter = Parameter(cls.__qualname__, name, kind, value_type, _field(cls, name))
    return _checked(parameter)


def _field(cls: Declared, name: str) -> Field:
    """Return the field of the class body; a bare default is one that is ignored."""
    default = cls.__dict__["__xpm_fields__"].get(name, cls.__dict__.get(name, MISSING))
    if isinstance(default, Field):
        return default
    return Field(default, None, default is not MISSING, frozenset(), overrides=False, help="")


def _checked(parameter: Parameter) -> Parameter:
    """Check the default of a parameter while its class is made, and return the parameter."""
    if parameter.field.default is not MISSING:
        parameter.check(parameter.field.default)
    elif parameter.kind is Kind.CONSTANT:
        message = f"{parameter.owner}.{parameter.name}: a Constant needs its value: = ..."
        raise DeclarationError(message)
    if parameter.generator is not None and not parameter.value_type.only_paths:
        message = (
            f"{parameter.owner}.{parameter.name}: a PathGenerator makes a Path, so its type is Path"
        )
        raise DeclarationError(message)
    return parameter


def _check_name(cls: Declared, name: str) -> None:
    """Refuse the names that xpmnb's own classes use."""
    taken = any(
        name in base.__dict__ for base in cls.__mro__ if base.__module__.startswith("xpmnb.core.")
    )
    if taken or name.startswith("__") or name in _RESERVED:
        message = f"{cls.__qualname__}.{name}: xpmnb uses this name itself; choose another one"
        raise DeclarationError(message)


def _check_override(cls: Declared, old: Parameter | None, new: Parameter) -> None:
    if old is None or new.field.overrides or old.value_type.name == new.value_type.name:
        return
    message = (
        f"{cls.__qualname__}.{new.name} is {new.value_type.name} where {old.owner}.{old.name} is "
        f"{old.value_type.name}: say field(overrides=True) if that is meant"
    )
    raise DeclarationError(message)


def _with_new_default(cls: Declared, old: Parameter) -> Parameter:
    """Return an inherited parameter with the default that the class body assigns to its name."""
    value = cls.__dict__["__xpm_fields__"].get(old.name, cls.__dict__[old.name])
    if hasattr(value, "__get__"):
        message = f"{cls.__qualname__}.{old.name} hides the parameter {old.owner}.{old.name}"
        raise DeclarationError(message)
    field = value
    if not isinstance(value, Field):
        field = replace(old.field, default=value, default_factory=None, ignore_default=True)
    return _checked(replace(old, owner=cls.__qualname__, field=field))
