"""Setting, checking, sealing and copying the values of a configuration.

These are the functions behind the methods of :class:`~xpmnb.Config`; the class itself is in
``model.py``.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, TypeVar

from xpmnb.core import registry
from xpmnb.core.checkers import same_value
from xpmnb.core.declaration import own_annotations, parameters
from xpmnb.core.fields import MISSING, Kind, Parameter
from xpmnb.core.sealed import freeze, thaw
from xpmnb.core.state import ConfigState, is_configuration, is_declared, state_of
from xpmnb.core.walk import ATOMS, iter_inside, keep_whole, whole_of
from xpmnb.errors import (
    MissingParameterError,
    ParameterError,
    SealedError,
    UnknownParameterError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

_OURS = "xpmnb.core.config"
"""Where the ``__validate__`` of those that declare none comes from."""


class TaggedValue:
    """A value on its way from ``tag()`` to the parameter that keeps value and tag apart."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        """Return the call that makes this object."""
        return f"tag({self.value!r})"


def build(config: Any, given: dict[str, Any]) -> None:
    """Give a new configuration its state and values: the given ones, then the defaults."""
    config.__dict__["__xpm__"] = ConfigState()
    for name, value in given.items():
        set_value(config, name, value)
    values = config.__dict__
    for name, parameter in parameters(type(config)).items():
        if name not in values:
            value = fresh_default(parameter)
            if value is not MISSING:
                values[name] = value


def set_value(config: Any, name: str, value: Any) -> None:
    """Check a value and set it.

    Raises
    ------
    UnknownParameterError
        If the class has no such parameter; the message names the nearest one.
    ParameterError
        If the value does not fit, or the parameter is a constant.
    SealedError
        If the configuration was sealed.
    """
    state: ConfigState = config.__dict__["__xpm__"]
    parameter = parameters(type(config)).get(name)
    if parameter is None:
        raise UnknownParameterError(_unknown(type(config), name))
    if state.sealed:
        message = (
            f"{parameter.owner}.{name} cannot be changed: this configuration was submitted (or "
            f"sealed); change a copy: config.copy({name}=...)"
        )
        raise SealedError(message)
    if parameter.kind is Kind.CONSTANT:
        message = (
            f"{parameter.owner}.{name} is a Constant ({parameter.field.default!r}): "
            "it is set in the class and nowhere else"
        )
        raise ParameterError(message)
    is_tagged = isinstance(value, TaggedValue)
    checked = parameter.check(value.value if is_tagged else value)
    refuse_instances(parameter, checked)
    config.__dict__[name] = checked
    if is_tagged:
        state.tags[name] = checked


def refuse_instances(parameter: Parameter, value: Any) -> None:
    """Refuse what ``execute`` sees where a configuration is expected."""
    kind = type(value)
    if kind in ATOMS or (isinstance(kind, registry.Declared) and "__xpm__" in value.__dict__):
        return
    for inside in iter_inside(value):
        if not is_configuration(inside):
            name = type(inside).__qualname__
            message = (
                f"{parameter.owner}.{parameter.name}: an instance of {name} is no parameter; "
                f"give the configuration, {name}.C(...)"
            )
            raise ParameterError(message)


def fresh_default(parameter: Parameter) -> Any:
    """Return the default of a parameter, with configurations of its own; MISSING if none."""
    return map_configs(parameter.default_value(), deep_copy)


def map_configs(value: Any, function: Callable[[Any], Any]) -> Any:
    """Return a value with each configuration in it replaced; containers are made anew."""
    if is_declared(value):
        return function(value)
    if isinstance(value, list):
        return [map_configs(item, function) for item in value]
    if isinstance(value, dict):
        return {map_configs(k, function): map_configs(v, function) for k, v in value.items()}
    if isinstance(value, tuple):
        return tuple(map_configs(item, function) for item in value)
    if isinstance(value, frozenset):
        return frozenset(map_configs(item, function) for item in value)
    if isinstance(value, set):
        return {map_configs(item, function) for item in value}
    return value


def deep_copy(config: Any) -> Any:
    """Return an unsealed copy of a configuration and of all in it that is no submitted task."""
    copies: dict[int, Any] = {}

    def copied(inner: Any) -> Any:
        if state_of(inner).job is not None or state_of(inner).producer is not None:
            return inner
        known = copies.get(id(inner))
        if known is None:
            known = copies[id(inner)] = bare_copy(inner)
            for name in parameters(type(inner)):
                if name in known.__dict__:
                    known.__dict__[name] = map_configs(known.__dict__[name], copied)
        return known

    return copied(config)


def bare_copy(config: Any) -> Any:
    """Return an unsealed copy that shares the configurations inside."""
    old = state_of(config)
    result = object.__new__(type(config))
    state = result.__dict__["__xpm__"] = ConfigState()
    state.tags = dict(old.tags)
    state.is_meta = old.is_meta
    state.dependencies = list(old.dependencies)
    for name, parameter in parameters(type(config)).items():
        if name in config.__dict__ and parameter.generator is None:
            result.__dict__[name] = thaw(config.__dict__[name])
    return result


def copy(config: T, changes: dict[str, Any]) -> T:
    """Return an unsealed copy with some values changed; a changed value loses its tag."""
    result = bare_copy(config)
    for name, value in changes.items():
        result.__dict__["__xpm__"].tags.pop(name, None)
        set_value(result, name, value)
    return result  # type: ignore[no-any-return]


def seal(config: Any) -> None:
    """Check a whole graph of configurations, with its init tasks, and make it unchangeable.

    Classes that a cell declared anew are taken in their newest definition. ``__validate__`` is
    called on each configuration, innermost first.

    Raises
    ------
    MissingParameterError
        If required values are missing anywhere: all of them are named.
    """
    whole = whole_of(config)
    graph = [pair for pair in whole.found if not _is_fixed(pair[1])]
    is_same = True
    for _, each in graph:
        is_same &= not renew(each)
        if not whole.is_plain:
            _check_changed(each)
    missing = [text for path, each in graph for text in _missing(path, each)]
    if missing:
        raise MissingParameterError(_missing_message(config, missing))
    for _, each in graph:
        is_same &= not _validate(each)
    for _, each in graph:
        each.__dict__["__xpm__"].sealed = True
        if not whole.is_plain:
            _freeze_all(each)
    if is_same:
        keep_whole(config, whole)


def _validate(config: Any) -> bool:
    """Let a configuration check its values; tell whether it did, and so may have changed them."""
    if getattr(type(config).__validate__, "__module__", None) == _OURS:
        return False  # as most: there is nothing to check
    try:
        config.__validate__()
    except Exception as error:
        error.add_note(f"raised by __validate__ of {config!r}")
        raise
    return True


def _freeze_all(config: Any) -> None:
    values = config.__dict__
    for name in parameters(type(config)):
        if name in values:
            values[name] = freeze(values[name])


def _check_changed(config: Any) -> None:
    """Check lists, dicts and sets again: they may have been changed in place since they were set.

    Raises
    ------
    ParameterError
        If something in them does not fit.
    """
    values = config.__dict__
    for name, parameter in parameters(type(config)).items():
        value = values.get(name)
        if isinstance(value, (list, dict, set, tuple)):
            values[name] = parameter.check(value)
            refuse_instances(parameter, value)


def _is_fixed(config: Any) -> bool:
    state = config.__dict__["__xpm__"]
    if state.job is not None:
        return True
    return state.sealed and registry.newest(type(config)) is type(config).__xpm_plain__


def renew(config: Any) -> bool:
    """Make a configuration one of the newest definition of its class.

    Values are checked again; parameters that are new get their default.

    Returns
    -------
    bool
        Whether it was one of an earlier definition.

    Raises
    ------
    UnknownParameterError
        If a parameter that has a value is declared no more.
    """
    newest = registry.newest(type(config))
    if newest is type(config).__xpm_plain__:
        return False
    old = parameters(type(config))
    new = parameters(newest)
    values = config.__dict__
    gone = [name for name in old if name in values and name not in new]
    lost = [name for name in gone if not _is_default(old[name], values[name])]
    if lost:
        message = (
            f"{newest.__qualname__} was declared anew without {', '.join(lost)}, which this "
            "configuration sets; make the configuration again"
        )
        raise UnknownParameterError(message)
    renewed = {}
    for name, parameter in new.items():
        is_kept = name in values and parameter.kind is not Kind.CONSTANT
        given = parameter.check(thaw(values[name])) if is_kept else fresh_default(parameter)
        if given is not MISSING:
            renewed[name] = given
    # Nothing can fail from here on: a configuration is never half renewed.
    for name in gone:
        del values[name]
    object.__setattr__(config, "__class__", newest.C)  # type: ignore[attr-defined]
    values.update(renewed)
    values["__xpm__"].digest = None
    return True


def _is_default(parameter: Parameter, value: Any) -> bool:
    return same_value(parameter.default_value(), thaw(value))


def _missing(path: tuple[str, ...], config: Any) -> list[str]:
    values, known = config.__dict__, parameters(type(config))
    return [
        f"{'.'.join((*path, name))} ({parameter.value_type.name})"
        for name, parameter in known.items()
        if name not in values and parameter.generator is None
    ]


def _missing_message(config: Any, missing: list[str]) -> str:
    kind = type(config).__qualname__
    plural = "s" if len(missing) > 1 else ""
    return f"{kind} misses the value{plural} of {', '.join(missing)}; give them in {kind}.C(...)"


def _unknown(cls: registry.Declared | type[Any], name: str) -> str:
    """Return why a class has no such parameter, and what was probably meant."""
    known = list(parameters(cls))
    kind = cls.__qualname__
    if any(name in own_annotations(base) for base in cls.__mro__):
        return f"{kind}.{name} is no parameter: declare it as {name}: Param[...] to make it one"
    near = difflib.get_close_matches(name, known, n=1)
    if near:
        return f"{kind} has no parameter {name!r}; did you mean {near[0]!r}?"
    listing = ", ".join(known) or "none at all"
    return f"{kind} has no parameter {name!r}; its parameters: {listing}"
