"""Walking over the configurations inside values and inside one another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xpmnb.core.declaration import parameters
from xpmnb.core.registry import Declared

if TYPE_CHECKING:
    from collections.abc import Iterator

_ATOMS = frozenset({int, float, str, bool, type(None)})


def has_no_children(config: Any) -> bool:
    """Tell, quickly, that a configuration holds nothing but atoms; False if it may hold more."""
    values = config.__dict__
    # The state under __xpm__ is one entry that is no parameter.
    return sum(type(value) in _ATOMS for value in values.values()) == len(values) - 1


def iter_inside(value: Any) -> Iterator[Any]:
    """Yield the configurations that a value is or directly contains, in order."""
    if type(value) in _ATOMS:
        return
    if isinstance(type(value), Declared):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from iter_inside(key)
            yield from iter_inside(item)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for item in value:
            yield from iter_inside(item)


def iter_values(config: Any) -> Iterator[tuple[str, Any]]:
    """Yield the parameters of a configuration that have a value, with it, in declared order."""
    values = vars(config)
    for name in parameters(type(config)):
        if name in values:
            yield name, values[name]


def iter_children(config: Any) -> Iterator[tuple[str, Any]]:
    """Yield the configurations in the values of another, with the parameter that holds them."""
    for name, value in iter_values(config):
        for child in iter_inside(value):
            yield name, child


def iter_graph(root: Any, *, enter: Any = None) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every configuration of a graph once, children before parents, with its path.

    Parameters
    ----------
    root
        A configuration.
    enter : callable, optional
        Told each configuration; when it returns False the configuration is yielded, but what
        is inside it is not walked.

    Yields
    ------
    path : tuple of str
        Parameter names from the root to the configuration, along the first way found.
    config
        The configuration. Cycles are walked once.
    """
    if has_no_children(root):
        if enter is not None:
            enter(root)
        yield (), root
        return
    seen = {id(root)}
    stack: list[tuple[tuple[str, ...], Any, Iterator[tuple[str, Any]]]] = []

    def children(config: Any) -> Iterator[tuple[str, Any]]:
        return iter_children(config) if enter is None or enter(config) else iter(())

    stack.append(((), root, children(root)))
    while stack:
        path, config, pending = stack[-1]
        for name, child in pending:
            if id(child) not in seen:
                seen.add(id(child))
                stack.append(((*path, name), child, children(child)))
                break
        else:
            stack.pop()
            yield path, config
