"""The paths that ``PathGenerator`` makes for a job, and the folders that jobs share."""

from __future__ import annotations

import functools
import itertools
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from xpmnb.core.declaration import parameters
from xpmnb.core.state import state_of
from xpmnb.core.walk import iter_graph, iter_whole, whole_of
from xpmnb.identifiers import identifier

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from xpmnb.core.fields import Parameter
    from xpmnb.generators import PathGenerator

GeneratedPaths = dict[tuple[int, str], Path]
"""Generated paths by ``id`` of the configuration and name of the parameter."""

_Placed = tuple[tuple[str, ...], Any]
"""A configuration, after the path to it."""


def generate_paths(config: Any, directory: str, partials: str) -> GeneratedPaths:
    """Return the paths that generators of a graph make for a job.

    Parameters
    ----------
    config
        The root: its own paths lie directly in the directory, those of its init tasks below
        ``init_tasks/0`` and so on.
    directory : str
        The job directory.
    partials : str
        The folder of the workspace for what jobs share.

    Returns
    -------
    dict
        Path by ``(id(configuration), parameter name)``; values set by hand are not in it. What
        belongs to another submitted task, or was made by one, lies in the directory of that task.
    """
    if not _have_generators(whole_of(config).classes):
        return {}  # the common case, and asked for with every job
    result: GeneratedPaths = {}
    seen = {id(config)}
    pending = [(config, config, directory)]
    while pending:
        top, maker, folder = pending.pop()
        walk = iter_whole if top is config else iter_graph
        own, others = _split(walk, top, maker)
        for path, each in own:
            for name, place in _iter_places(each, Path(folder, *path), partials):
                # What a task made may be used by this job besides, unmarked: then it is its own.
                if top is maker or (id(each), name) not in result:
                    result[id(each), name] = place
        pending += [_home(each) for each in others if id(each) not in seen]
        seen.update(map(id, others))
    return result


def partial_directories(config: Any, partials: str) -> list[str]:
    """Return the folders that the job of a task shares with others, by partial identifiers.

    Jobs that share one must not run at the same time.

    Parameters
    ----------
    config
        The configuration of a task.
    partials : str
        The folder of the workspace for what jobs share.

    Returns
    -------
    list of str
        Each once, sorted: taken in this order, they cannot be waited for in a circle.
    """
    if not _have_partials(whole_of(config).classes):
        return []
    found = set()
    for _, each in _split(iter_whole, config, config)[0]:
        generators = dict(_iter_generators(each))
        for name, place in _iter_places(each, Path(), partials):
            if generators[name].partial is not None:
                depth = len(PurePosixPath(generators[name].path).parts)
                found.add(str(place if depth == 0 else place.parents[depth - 1]))
    return sorted(found)


@functools.lru_cache(maxsize=1000)
def _have_generators(classes: tuple[Any, ...]) -> bool:
    """Tell whether any of some classes has generated paths."""
    return any(each.generator is not None for each in _parameters_of(classes))


@functools.lru_cache(maxsize=1000)
def _have_partials(classes: tuple[Any, ...]) -> bool:
    """Tell whether any of some classes has paths in folders that jobs share."""
    generators = (each.generator for each in _parameters_of(classes))
    return any(each is not None and each.partial is not None for each in generators)


def _parameters_of(classes: tuple[Any, ...]) -> Iterator[Parameter]:
    return itertools.chain.from_iterable(parameters(cls).values() for cls in classes)


def has_own_paths(config: Any) -> bool:
    """Tell, quickly, whether a configuration itself has generated paths."""
    return _have_generators((type(config),))


def _iter_generators(config: Any) -> Iterator[tuple[str, PathGenerator]]:
    for name, parameter in parameters(type(config)).items():
        if parameter.generator is not None:
            yield name, parameter.generator


def _iter_places(config: Any, folder: Path, partials: str) -> Iterator[tuple[str, Path]]:
    """Yield name and path of each parameter of a configuration that is not set by hand."""
    for name, generator in _iter_generators(config):
        if name in state_of(config).generated:
            yield name, config.__dict__[name]
            continue
        place = folder
        if generator.partial is not None:
            key = identifier(config, partial=generator.partial)
            place = Path(partials, type(config).__xpm_name__, generator.partial.name, key)
        place /= generator.path
        # Submitting a task sets its own paths.
        if config.__dict__.get(name, place) == place:
            yield name, place


def _split(walk: Any, top: Any, maker: Any) -> tuple[list[_Placed], list[Any]]:
    """Return the configurations that are a task's own, with paths, and those of other tasks.

    Parameters
    ----------
    walk : callable
        What yields the configurations: ``iter_graph`` or ``iter_whole``.
    top
        Where it begins.
    maker
        The task to which the top belongs.
    """
    others: list[Any] = []

    def is_own(each: Any) -> bool:
        return each is top or _owner(each) in (None, maker)

    def enter(each: Any) -> bool:
        if is_own(each):
            return True
        others.append(each)
        return False

    graph: Iterable[_Placed] = walk(top, enter=enter)
    return [(path, each) for path, each in graph if is_own(each)], others


def _owner(config: Any) -> Any:
    """Return the submitted task that a configuration is, or that made it; None if there is none."""
    state = state_of(config)
    if state.job is not None:
        return config
    producer = state.producer
    return producer if producer is not None and state_of(producer).job is not None else None


def _home(config: Any) -> tuple[Any, Any, str]:
    """Return a configuration of another task, that task, and the folder of its paths."""
    owner = _owner(config)
    directory = str(state_of(owner).job.path)
    if owner is not config:
        # A part of the task lies where the task had it, anything else beside its own files.
        for path, each in _split(iter_graph, owner, owner)[0]:
            if each is config:
                return config, owner, str(Path(directory, *path))
    return config, owner, directory
