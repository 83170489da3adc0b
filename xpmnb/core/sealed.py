"""Containers of a sealed configuration: they read like list, dict and set, and refuse changes.

They stay subclasses of the built-in types, so that user code, json and comparisons see nothing
new. :func:`freeze` and :func:`thaw` go from one to the other.
"""

from __future__ import annotations

from typing import Any, NoReturn

from xpmnb.errors import SealedError


def _refuse(self: object, *_: object, **__: object) -> NoReturn:
    kind = type(self).__mro__[1].__name__
    message = (
        f"this {kind} belongs to a submitted configuration, which cannot be changed; "
        "change a copy: config.copy(name=...)"
    )
    raise SealedError(message)


class SealedList(list[Any]):
    """A list that cannot be changed."""

    __slots__ = ()
    append = extend = insert = remove = pop = clear = sort = reverse = _refuse
    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse


class SealedDict(dict[Any, Any]):
    """A dictionary that cannot be changed."""

    __slots__ = ()
    update = setdefault = pop = popitem = clear = _refuse
    __setitem__ = __delitem__ = __ior__ = _refuse


class SealedSet(set[Any]):
    """A set that cannot be changed."""

    __slots__ = ()
    add = remove = discard = pop = clear = update = _refuse
    intersection_update = difference_update = symmetric_difference_update = _refuse
    __ior__ = __iand__ = __isub__ = __ixor__ = _refuse

    def __repr__(self) -> str:
        # Subclasses of set show their name, those of list and dict do not.
        return repr(set(self))


def freeze(value: Any) -> Any:
    """Return the value with every container in it sealed; other values are returned as they are."""
    kind = type(value)
    if kind in {list, SealedList}:
        return SealedList(map(freeze, value))
    if kind in {dict, SealedDict}:
        return SealedDict((freeze(k), freeze(v)) for k, v in value.items())
    if kind is set:
        return SealedSet(value)
    if kind is tuple:
        return tuple(map(freeze, value))
    return value


def thaw(value: Any) -> Any:
    """Return the value with plain, new containers that can be changed."""
    kind = type(value)
    if kind in {list, SealedList}:
        return [thaw(item) for item in value]
    if kind in {dict, SealedDict}:
        return {thaw(k): thaw(v) for k, v in value.items()}
    if kind in {set, SealedSet}:
        return set(value)
    if kind is tuple:
        return tuple(thaw(item) for item in value)
    return value
