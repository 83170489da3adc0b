"""From configurations to the objects that ``execute`` sees."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xpmnb.core import registry
from xpmnb.core.declaration import parameters
from xpmnb.core.sealed import thaw
from xpmnb.core.state import state_of
from xpmnb.core.values import map_configs
from xpmnb.core.walk import graph_of, has_no_children, iter_graph

if TYPE_CHECKING:
    from collections.abc import Mapping

GeneratedPaths = dict[tuple[int, str], Path]
"""Generated paths by ``id`` of the configuration and name of the parameter."""


def generate_paths(config: Any, directory: str) -> GeneratedPaths:
    """Return the paths that generators of a graph make for a job.

    Parameters
    ----------
    config
        The root: its own paths lie directly in the directory.
    directory : str
        The job directory.

    Returns
    -------
    dict
        Path by ``(id(configuration), parameter name)``; values set by hand are not in it. What
        belongs to another submitted task lies in the directory of that task.
    """
    if has_no_children(config) and not _has_generators(type(config)):  # type: ignore[arg-type]  # a class
        return {}  # the common case, and asked for with every job
    result: GeneratedPaths = {}
    directories = {id(config): directory}
    pending = [config]
    while pending:
        task = pending.pop()
        own, others = _split(task)
        for path, each in own:
            for name, parameter in parameters(type(each)).items():
                if parameter.generator is not None:
                    place = Path(directories[id(task)], *path, parameter.generator.path)
                    # Submitting a task sets its own paths, and documents hold them.
                    if each.__dict__.get(name, place) == place:
                        result[id(each), name] = place
        for other in others:
            if id(other) not in directories:
                directories[id(other)] = str(state_of(other).job.path)
                pending.append(other)
    return result


@functools.lru_cache(maxsize=1000)
def _has_generators(cls: Any) -> bool:
    return any(parameter.generator is not None for parameter in parameters(cls).values())


def _split(task: Any) -> tuple[list[tuple[tuple[str, ...], Any]], list[Any]]:
    """Return the configurations that are a task's own, with paths, and other submitted tasks."""
    others: list[Any] = []

    def is_own(each: Any) -> bool:
        return each is task or state_of(each).job is None

    def enter(each: Any) -> bool:
        if is_own(each):
            return True
        others.append(each)
        return False

    graph = iter_graph(task, enter=enter)
    return [(path, each) for path, each in graph if is_own(each)], others


def instantiate(config: Any, paths: GeneratedPaths | None = None) -> Any:
    """Return the object that a configuration describes, with all inside it.

    A configuration that is used twice becomes one object that is used twice. Objects are made
    by ``__init__()`` without arguments, then get their attributes, then ``__post_init__()`` is
    called, on the inner ones first. Classes are taken in their newest definition.

    Parameters
    ----------
    config
        A configuration whose values are complete.
    paths : dict, optional
        What :func:`generate_paths` returned; without it generated paths are not set.

    Raises
    ------
    TypeError
        If an ``__init__`` needs arguments.
    """
    order = graph_of(config)
    objects = {id(each): _new(registry.newest(type(each))) for each in order}
    for each in order:
        _fill(objects[id(each)], each, objects, paths or {})
    for each in order:
        objects[id(each)].__post_init__()
    return objects[id(config)]


def _new(cls: Any) -> Any:
    instance = cls.__new__(cls)
    try:
        instance.__init__()
    except TypeError as error:
        error.add_note(f"{cls.__qualname__}.__init__ is called without arguments by xpmnb")
        raise
    return instance


def _fill(instance: Any, config: Any, objects: Mapping[int, Any], paths: GeneratedPaths) -> None:
    """Set the attributes of an instance from the values of its configuration."""
    values = config.__dict__
    for name, parameter in parameters(registry.newest(type(config))).items():
        if name in values:
            plain = thaw(values[name])
            setattr(instance, name, map_configs(plain, lambda inner: objects[id(inner)]))
        elif (id(config), name) in paths:
            setattr(instance, name, paths[id(config), name])
        elif not parameter.is_required and parameter.generator is None:
            # The class got this parameter after its configuration was submitted.
            setattr(instance, name, map_configs(parameter.default_value(), instantiate))
