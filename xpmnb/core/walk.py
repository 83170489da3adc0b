"""Walking over the configurations inside values and inside one another."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from xpmnb.core.declaration import parameters
from xpmnb.core.registry import Declared, generation
from xpmnb.core.state import ConfigState

if TYPE_CHECKING:
    from collections.abc import Iterator

ATOMS = frozenset({int, float, str, bool, type(None)})
"""Types of values that hold no others."""
_LEAVES = ATOMS | {ConfigState}
"""Types of the attributes of a configuration that lead to no other one."""
_Found = tuple[tuple[str, ...], Any]
"""A configuration, after the path to it."""
_WORD = re.compile(r"[A-Za-z_][\w-]*")


def has_no_children(config: Any) -> bool:
    """Tell, quickly, that a configuration holds nothing but atoms; False if it may hold more."""
    # A loop, for it is asked many times for each job, and a generator costs three times as much.
    for value in config.__dict__.values():  # noqa: SIM110
        if type(value) not in _LEAVES:
            return False
    return True


def graph_of(root: Any) -> list[Any]:
    """Return every configuration of a graph once, children before parents.

    Like all of the walk but :func:`iter_whole`, it follows values, and no init tasks.
    """
    if has_no_children(root):
        return [root]
    found: list[_Found] = []
    try:
        _visit(root, (), {id(root)}, found)
    except RecursionError:  # thousands of configurations, one in the other
        return [each for _, each in iter_graph(root)]
    return [each for _, each in found]


def iter_inside(value: Any) -> Iterator[Any]:
    """Yield the configurations that a value is or directly contains, in order."""
    if type(value) in ATOMS:
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


def iter_children(config: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the configurations in the values of another, with the path to them.

    The path is the name of the parameter and then, in containers, the place: the index in a list,
    the key of a dict where it is a plain word, or else its place in the dict.
    """
    for name, value in iter_values(config):
        yield from _iter_placed(value, (name,))


def _iter_placed(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    kind = type(value)
    if kind in ATOMS:
        return
    if isinstance(kind, Declared):
        yield path, value
    elif isinstance(value, dict):
        for place, (key, item) in enumerate(value.items()):
            is_word = isinstance(key, str) and _WORD.fullmatch(key) is not None
            inner = (*path, key if is_word else str(place))
            yield from _iter_placed(key, (*inner, "key"))
            yield from _iter_placed(item, inner)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for place, item in enumerate(value):
            yield from _iter_placed(item, (*path, str(place)))


def iter_whole(task: Any, *, enter: Any = None) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every configuration that a job needs: the graph of its task, then its init tasks.

    The init tasks of other tasks inside are not among them: they belong to other jobs.

    Parameters
    ----------
    task
        The configuration of a task.
    enter : callable, optional
        As in :func:`iter_graph`.

    Yields
    ------
    path : tuple of str
        As in :func:`iter_graph`; ``("init_tasks", "0", ...)`` for what the first init task
        alone uses.
    config
        Each configuration once.
    """
    seen: set[int] = set()
    yield from iter_graph(task, enter=enter, seen=seen)
    for place, init_task in enumerate(vars(task)["__xpm__"].init_tasks):
        for path, config in iter_graph(init_task, enter=enter, seen=seen):
            yield ("init_tasks", str(place), *path), config


def is_alone(task: Any) -> bool:
    """Tell, quickly, that a job needs no configuration but its task; False if it may need more."""
    return has_no_children(task) and not vars(task)["__xpm__"].init_tasks


class Whole:
    """Every configuration that a job needs. Immutable; any thread.

    Parameters
    ----------
    found : list
        What :func:`iter_whole` yields.
    is_plain : bool
        Whether all values are atoms or configurations.
    """

    __slots__ = ("classes", "configs", "found", "generation", "is_plain")

    def __init__(self, found: list[_Found], *, is_plain: bool) -> None:
        self.generation = generation()
        self.found = found
        self.is_plain = is_plain
        self.configs = [each for _, each in found]
        """The configurations alone, children before parents."""
        self.classes = tuple(dict.fromkeys(map(type, self.configs)))
        """Their classes, each once, in the same order."""


def whole_of(task: Any) -> Whole:
    """Return every configuration that a job needs.

    It is asked for several times with every job. So it is kept for a task that is sealed, whose
    graph does not change any more, until :func:`forget_whole`.
    """
    state = task.__dict__["__xpm__"]
    kept: Whole | None = state.whole
    # A class that a cell declares anew may give what is not submitted more parameters.
    if kept is not None and kept.generation == generation():
        return kept
    found = _find_whole(task)
    if state.sealed:
        state.whole = found
    return found


def keep_whole(task: Any, whole: Whole) -> None:
    """Keep what was found before a task was sealed, by whoever knows that it is still true."""
    vars(task)["__xpm__"].whole = whole


def forget_whole(task: Any) -> None:
    """Give up what is kept for a task whose job has ended."""
    state = vars(task)["__xpm__"]
    state.whole = state.classes = None


def _find_whole(task: Any) -> Whole:
    init_tasks = vars(task)["__xpm__"].init_tasks
    if not init_tasks and has_no_children(task):
        return Whole([((), task)], is_plain=True)
    found: list[_Found] = []
    seen = {id(task)}
    try:
        is_plain = _visit(task, (), seen, found)
        for place, init_task in enumerate(init_tasks):
            if id(init_task) not in seen:
                seen.add(id(init_task))
                is_plain &= _visit(init_task, ("init_tasks", str(place)), seen, found)
    except RecursionError:  # thousands of configurations, one in the other
        return Whole(list(iter_whole(task)), is_plain=False)
    return Whole(found, is_plain=is_plain)


def _visit(config: Any, path: tuple[str, ...], seen: set[int], found: list[_Found]) -> bool:
    """Add what :func:`iter_graph` yields; a third of its cost, for graphs that are not deep.

    Returns
    -------
    bool
        Whether all values are atoms or configurations.
    """
    values = config.__dict__
    is_plain = True
    for name in parameters(type(config)):
        value = values.get(name)
        kind = type(value)
        if kind in ATOMS:
            continue
        if isinstance(kind, Declared):
            if id(value) not in seen:
                seen.add(id(value))
                is_plain &= _visit(value, (*path, name), seen, found)
            continue
        is_plain = False
        for place, child in _iter_placed(value, (name,)):
            if id(child) not in seen:
                seen.add(id(child))
                _visit(child, (*path, *place), seen, found)
    found.append((path, config))
    return is_plain


def iter_graph(
    root: Any, *, enter: Any = None, seen: set[int] | None = None
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every configuration of a graph once, children before parents, with its path.

    Parameters
    ----------
    root
        A configuration.
    enter : callable, optional
        Told each configuration; when it returns False the configuration is yielded, but what
        is inside it is not walked.
    seen : set of int, optional
        The ``id`` of configurations that were yielded before, and are not again; added to.

    Yields
    ------
    path : tuple of str
        Parameter names, and places in containers, from the root to the configuration, along
        the first way found.
    config
        The configuration. Cycles are walked once.
    """
    seen = set() if seen is None else seen
    if id(root) in seen:
        return
    seen.add(id(root))
    if has_no_children(root):
        if enter is not None:
            enter(root)
        yield (), root
        return
    stack: list[tuple[tuple[str, ...], Any, Iterator[tuple[tuple[str, ...], Any]]]] = []

    def children(config: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
        return iter_children(config) if enter is None or enter(config) else iter(())

    stack.append(((), root, children(root)))
    while stack:
        path, config, pending = stack[-1]
        for place, child in pending:
            if id(child) not in seen:
                seen.add(id(child))
                stack.append(((*path, *place), child, children(child)))
                break
        else:
            stack.pop()
            yield path, config
