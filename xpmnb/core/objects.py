"""From configurations to the objects that ``execute`` sees."""

from __future__ import annotations

import enum
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xpmnb.core import registry
from xpmnb.core.declaration import parameters
from xpmnb.core.sealed import thaw
from xpmnb.core.state import state_of
from xpmnb.core.values import map_configs
from xpmnb.core.walk import ATOMS, graph_of, whole_of
from xpmnb.frozen import quick_to_make
from xpmnb.identifiers import identifier

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from xpmnb.core.paths import GeneratedPaths


@quick_to_make
@dataclass(frozen=True, slots=True)
class Built:
    """The objects of one attempt to run a job."""

    root: Any
    """The object of the task."""
    init_tasks: tuple[Any, ...]
    """The objects of its init tasks, in order; they share objects with the task."""
    places: dict[int, tuple[Any, tuple[str, ...]]]
    """By the ``id`` of each object: the object, which is so kept alive, and the path to it.

    The path is that of :func:`~xpmnb.core.walk.iter_whole`: names of parameters from the task,
    after ``"init_tasks"`` and a number for what only an init task uses.
    """


def build(config: Any, paths: GeneratedPaths) -> Built:
    """Return the objects that a job of a task runs on.

    Objects are made as :func:`instantiate` says; a configuration that both the task and an init
    task use becomes one object.

    Parameters
    ----------
    config
        The sealed configuration of a task.
    paths : dict
        What :func:`~xpmnb.core.paths.generate_paths` returned.

    Raises
    ------
    TypeError
        If an ``__init__`` needs arguments.
    """
    whole = whole_of(config)
    objects = _make(whole.configs)
    _finish(objects, whole.configs, paths)
    places = {}
    for path, each in whole.found:
        made = objects[id(each)]
        places[id(made)] = made, path
    init_tasks = tuple([objects[id(each)] for each in state_of(config).init_tasks])
    return Built(objects[id(config)], init_tasks, places)


def instantiate(config: Any, paths: GeneratedPaths | None = None) -> Any:
    """Return the object that a configuration describes, with all inside it.

    A configuration that is used twice becomes one object that is used twice. Objects are made
    by ``__init__()`` without arguments, then get their attributes, then ``__post_init__()`` is
    called, on the inner ones first. Classes are taken in their newest definition. Init tasks are
    left out.

    Parameters
    ----------
    config
        A configuration whose values are complete.
    paths : dict, optional
        What :func:`~xpmnb.core.paths.generate_paths` returned; without it generated paths are
        not set.

    Raises
    ------
    TypeError
        If an ``__init__`` needs arguments.
    """
    order = graph_of(config)
    objects = _make(order)
    _finish(objects, order, paths or {})
    return objects[id(config)]


def _make(order: Iterable[Any]) -> dict[int, Any]:
    """Return a new object for each configuration, by the ``id`` of the configuration."""
    return {id(each): _new(registry.newest(type(each))) for each in order}


def _finish(objects: Mapping[int, Any], order: Iterable[Any], paths: GeneratedPaths) -> None:
    for each in order:
        _fill(objects[id(each)], each, objects, paths)
    for each in order:
        objects[id(each)].__post_init__()


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
    if getattr(type(instance), "__xpm_cached__", False):
        # A string, so that the object can be pickled: @cache finds its folder by it.
        instance.__dict__["__xpm_identifier__"] = identifier(config)
    values = config.__dict__
    for name, parameter in parameters(registry.newest(type(config))).items():
        if name in values:
            value = values[name]
            kind = type(value)
            if isinstance(kind, registry.Declared):
                value = objects[id(value)]
            elif kind not in ATOMS:
                value = _newest_members(map_configs(thaw(value), lambda inner: objects[id(inner)]))
            setattr(instance, name, value)
        elif (id(config), name) in paths:
            setattr(instance, name, paths[id(config), name])
        elif not parameter.is_required and parameter.generator is None:
            # The class got this parameter after its configuration was submitted.
            setattr(instance, name, map_configs(parameter.default_value(), instantiate))


def _newest_members(value: Any) -> Any:
    """Return a value with members of enums as the names of their module mean them now.

    A cell that is run again makes another class of the same enum, and ``is`` tells its members
    apart from those of the first one.
    """
    if isinstance(value, enum.Enum):
        cls = type(value)
        newest = getattr(sys.modules.get(cls.__module__), cls.__qualname__, cls)
        is_other = newest is not cls and isinstance(newest, enum.EnumMeta)
        return newest.__members__.get(value.name, value) if is_other else value
    if type(value) in (list, tuple, set, frozenset):
        return type(value)(map(_newest_members, value))
    if type(value) is dict:
        return {_newest_members(key): _newest_members(each) for key, each in value.items()}
    return value
