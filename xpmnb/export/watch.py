"""A cheap check that names still mean what they meant."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from xpmnb.export import kinds
from xpmnb.export.literals import UnwritableError, written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_MISSING: Any = object()


def watch(names: Iterable[tuple[dict[str, Any], str, Any]]) -> Callable[[], bool]:
    """Return a check whether names still mean the same.

    Parameters
    ----------
    names
        Namespace, name, and value; a value that is not in the namespace means that there is none.

    Returns
    -------
    callable
        Tells whether each name has the very same value, and values that can be changed in place
        have the same content. It keeps no large value alive.
    """
    entries = list(names)
    gone = [(space, name) for space, name, _ in entries if name not in space]
    there = [entry for entry in entries if entry[1] in entry[0]]
    same = [entry for entry in there if isinstance(entry[2], kinds.LASTING)]
    others = [
        (space, name, _remembered(value))
        for space, name, value in there
        if not isinstance(value, kinds.LASTING)
    ]

    def is_current() -> bool:
        for space, name, value in same:
            if space.get(name, _MISSING) is not value:
                return False
        for space, name in gone:
            if name in space:
                return False
        return all(is_it(space.get(name, _MISSING)) for space, name, is_it in others)

    return is_current


def _remembered(value: Any) -> Callable[[Any], bool]:
    """Return a function that tells whether a value is another, with what was in it."""
    if _content(value) is not None:
        # A repr is much faster, and exact for the containers of Python.
        show = repr if _only_atoms(value) else _content
        text = show(value)
        return lambda now: now is value and show(now) == text
    try:
        reference = weakref.ref(value)
    except TypeError:
        place, kind = id(value), type(value)
        return lambda now: id(now) == place and type(now) is kind
    return lambda now: reference() is now


def _only_atoms(value: Any) -> bool:
    if isinstance(value, kinds.ATOMS):
        return True
    if type(value) is dict:
        return all(_only_atoms(each) for pair in value.items() for each in pair)
    return type(value) in (list, tuple, set) and all(_only_atoms(each) for each in value)


def _content(value: Any) -> str | None:
    """Return a value as source; None if it cannot be written, or is too large."""
    try:
        return written(value, lambda each: getattr(each, "__qualname__", each.__name__))
    except UnwritableError:
        return None
