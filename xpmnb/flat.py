"""Configurations as flat values, for people and tables: they cannot be turned back."""

from __future__ import annotations

import enum
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from xpmnb.core.state import is_configuration, state_of
from xpmnb.core.walk import ATOMS, iter_values

if TYPE_CHECKING:
    from collections.abc import Sequence

_TASKS_SHOWN = 4
"""So many submitted tasks, one within the other, are shown with their values in a table."""


def flatten(config: Any) -> dict[str, Any]:
    """Return the parameters of a configuration and its init tasks as one flat dictionary.

    Parameters
    ----------
    config
        A configuration.

    Returns
    -------
    dict
        JSON value by dotted name: ``{"lr": 0.1, "model.layers": 3, "init_tasks.0.path": "x"}``.
        A configuration in a list or a dict becomes a dictionary of its own; paths and enum
        members become strings; a cycle ends in ``"..."``. Of submitted tasks within several
        others there is the name and the beginning of the identifier. For people and tables: it
        cannot be turned back.
    """
    result: dict[str, Any] = {}
    _flatten(config, "", result, [])
    init_tasks = state_of(config).init_tasks
    for place, init_task in enumerate(init_tasks):
        _flatten(init_task, f"init_tasks.{place}.", result, [config])
    return result


def _flatten(config: Any, prefix: str, result: dict[str, Any], around: Sequence[Any]) -> None:
    within: list[Any] | None = None
    for name, value in iter_values(config):
        if type(value) in ATOMS:
            result[prefix + name] = value
            continue
        within = within or [*around, config]
        if not is_configuration(value):
            result[prefix + name] = readable(value, within)
        elif _is_inside(value, within):
            result[prefix + name] = "..."
        elif _is_far(value, within):
            result[prefix + name] = _name_of(value)
        else:
            _flatten(value, f"{prefix}{name}.", result, within)


def _is_inside(config: Any, around: Sequence[Any]) -> bool:
    """Tell whether a configuration is one of those that it lies in: a cycle."""
    for outer in around:  # noqa: SIM110 (a generator costs three times as much, for each job)
        if outer is config:
            return True
    return False


def _is_far(config: Any, around: Sequence[Any]) -> bool:
    """Tell whether a submitted task is named only: it lies within several others.

    In a chain of tasks, each would repeat the values of all before it.
    """
    if len(around) <= _TASKS_SHOWN or state_of(config).job is None:
        return False
    return sum(state_of(outer).job is not None for outer in around[1:]) >= _TASKS_SHOWN


def _name_of(task: Any) -> str:
    job = state_of(task).job
    return f"{job.layout.task} {job.id[:8]}"


def readable(value: Any, around: Sequence[Any] = ()) -> Any:
    """Return a value as people and tables read it: JSON that cannot be turned back.

    Parameters
    ----------
    value
        Any value of a parameter or a tag.
    around
        The configurations that it lies in: where one of them comes again, it is ``"..."``.
    """
    if type(value) in ATOMS:
        return value
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, PurePath):
        return str(value)
    if is_configuration(value):
        if _is_inside(value, around):
            return "..."
        if _is_far(value, around):
            return _name_of(value)
        inner: dict[str, Any] = {}
        _flatten(value, "", inner, around)
        return inner
    if isinstance(value, dict):
        return {str(readable(k, around)): readable(v, around) for k, v in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        items = [readable(item, around) for item in value]
        return sorted(items, key=repr) if isinstance(value, (set, frozenset)) else items
    return value
