"""What of a task counts in its identifier, as plain values that can be compared with records.

Nothing here changes the task that is asked about: a copy of it is sealed instead.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xpmnb.core import registry
from xpmnb.core.declaration import parameters
from xpmnb.core.fields import MISSING, Kind
from xpmnb.core.state import is_configuration, state_of
from xpmnb.core.values import bare_copy, fresh_default, map_configs, seal
from xpmnb.core.walk import iter_children, iter_values
from xpmnb.document import to_document
from xpmnb.flat import flatten
from xpmnb.identifiers import encode, identifier

if TYPE_CHECKING:
    from xpmnb.core.fields import Parameter

__all__ = ["Identity", "identity_of"]

_MAX_PLACES = 20_000


@dataclass(frozen=True, slots=True)
class Identity:
    """What the identifier of a task is made of. Immutable; any thread."""

    task: str
    """Qualified name of the task."""
    identifier: str
    params: dict[str, Any]
    """Parameters by dotted name, as they go on record."""
    document: dict[str, Any]
    """The document of the task, as it goes on record."""
    by_hand: dict[str, bool]
    """Places of configurations of which ``setmeta`` said whether they count."""
    left_out: frozenset[str]
    """Places of parameters that do not count, because their values are their defaults."""
    defaults: frozenset[str]
    """Places of parameters that count, although their values are their defaults."""
    sealed: Any
    """The submitted task, or else a sealed copy of it."""

    def counts(self, kind: str, name: str, place: str) -> bool:
        """Tell whether a value counts, here or in an old job of the same task.

        Parameters
        ----------
        kind : str
            Declared name of the class.
        name : str
            The parameter. One that is declared no more counts: it may have done so.
        place : str
            Where the value stands in the task, dotted.
        """
        told = self.by_hand.get(place)
        if told is not None:
            return told
        cls = registry.find(kind)
        parameter = None if cls is None else parameters(cls).get(name)
        return parameter is None or parameter.in_identifier

    def is_left_out(self, place: str) -> bool:
        """Tell whether a value does not count as long as it is the default, alone or in one."""
        while place not in self.left_out:
            place, dot, _ = place.rpartition(".")
            if not dot:
                return False
        return True


def identity_of(task: Any, init_tasks: tuple[Any, ...] = ()) -> Identity:
    """Return what the identifier of a task is made of, as if it was submitted now.

    Parameters
    ----------
    task
        The configuration of a task; it is not changed.
    init_tasks : tuple
        What is executed before it. Of a submitted task they are known.

    Raises
    ------
    MissingParameterError
        If required values are missing.
    ConfigError, IdentifierError
        If the values are not fit for a job.
    """
    state = state_of(task)
    if state.job is None:
        task = _twin(task, init_tasks or state.init_tasks)
        seal(task)
    left_out: set[str] = set()
    defaults: set[str] = set()
    by_hand: dict[str, bool] = {}
    for place, config in _places(task):
        told = state_of(config).is_meta
        if told is not None and place:
            by_hand[place] = not told
        for name, value in iter_values(config):
            parameter = parameters(type(config))[name]
            if parameter.in_identifier and _is_default(parameter, value):
                ignored = parameter.field.ignore_default and parameter.kind is Kind.PARAM
                (left_out if ignored else defaults).add(f"{place}.{name}" if place else name)
    return Identity(
        task=type(task).__xpm_name__,
        identifier=identifier(task),
        params=_as_json(flatten(task)),
        document=_as_json(to_document(task)),
        by_hand=by_hand,
        left_out=frozenset(left_out),
        defaults=frozenset(defaults),
        sealed=task,
    )


def _as_json(value: dict[str, Any]) -> dict[str, Any]:
    """Return a value as it is read from a record: lists for tuples, and so on."""
    found: dict[str, Any] = json.loads(json.dumps(value))
    return found


def _twin(task: Any, init_tasks: tuple[Any, ...]) -> Any:
    """Return an unsealed copy of all that is not submitted, which has the same identifier."""
    copies: dict[int, Any] = {}

    def copied(config: Any) -> Any:
        old = state_of(config)
        if old.job is not None:
            return config
        known = copies.get(id(config))
        if known is None:
            known = copies[id(config)] = bare_copy(config)
            state = state_of(known)
            state.producer = old.producer
            state.known_identifier = old.known_identifier
            for name, value in list(iter_values(known)):
                known.__dict__[name] = map_configs(value, _copied_if_configuration)
        return known

    def _copied_if_configuration(value: Any) -> Any:
        return copied(value) if is_configuration(value) else value

    result = copied(task)
    state_of(result).init_tasks = tuple(map(copied, init_tasks))
    return result


def _is_default(parameter: Parameter, value: Any) -> bool:
    default = fresh_default(parameter)
    return default is not MISSING and encode(default) == encode(value)


def _places(task: Any) -> Iterator[tuple[str, Any]]:
    """Yield every configuration at each of its places; one that is shared comes several times."""
    init_tasks = enumerate(state_of(task).init_tasks)
    stack: list[tuple[str, Any, tuple[int, ...]]] = [
        ("", task, ()),
        *((f"init_tasks.{number}", each, ()) for number, each in init_tasks),
    ]
    for _ in range(_MAX_PLACES):
        if not stack:
            return
        place, config, around = stack.pop()
        yield place, config
        inside = (*around, id(config))
        for path, child in iter_children(config):
            if id(child) not in inside:
                stack.append((".".join((place, *path)) if place else ".".join(path), child, inside))
