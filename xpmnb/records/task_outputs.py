"""What a task registered while it ran: one line of JSON for each output.

Arguments are kept in the encoding of documents, in which a value that JSON lacks is an object with
one key. Here they stay plain data: turning them into the task's own values needs its classes, and
belongs to the scheduler.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .journal import read_journal
from .json_values import as_integer, as_mapping, as_text, as_time
from .layout import JobLayout

__all__ = [
    "MAX_NESTING",
    "OutputKey",
    "TaskOutput",
    "first_of_each",
    "is_nested_too_deeply",
    "output_from_json",
    "read_outputs",
    "readable",
]

MAX_NESTING = 100
"""Arguments that are nested more deeply are refused; so are, when they are read, longer paths."""

_MAX_ATTEMPT = 2**31
"""A larger number is damage; tables keep attempts as integers of 64 bits."""

OutputKey = tuple[tuple[str, ...], str, str]
"""What tells two outputs apart: path, method, and arguments in one spelling."""


@dataclass(frozen=True, slots=True)
class TaskOutput:
    """One output that a task registered.

    Thread line: a plain value, any thread.
    """

    path: tuple[str, ...]
    """Parameter names, and places in containers, from the task to the object whose method it is;
    empty for the task itself."""
    method: str
    """Name of the method that makes the output."""
    args: list[Any]
    """Arguments by position, encoded."""
    kwargs: dict[str, Any]
    """Arguments by name, encoded."""
    time: float
    """Seconds since the epoch."""
    attempt: int
    """1 for the first attempt."""

    def to_json(self) -> dict[str, Any]:
        """Give the entry of the file."""
        return {
            "path": list(self.path),
            "method": self.method,
            "args": self.args,
            "kwargs": self.kwargs,
            "time": self.time,
            "attempt": self.attempt,
        }

    @property
    def arguments(self) -> str:
        """The arguments in one spelling: equal for equal arguments, whatever order they had."""
        return _spelling([self.args, self.kwargs])

    @property
    def key(self) -> OutputKey:
        """What tells it from other outputs of the task: an attempt may register it once more."""
        return self.path, self.method, self.arguments

    @property
    def values(self) -> dict[str, Any]:
        """The arguments for tables: by name, or by position as ``"0"``, ``"1"``, and so on."""
        named = {str(place): readable(value) for place, value in enumerate(self.args)}
        named.update((name, readable(value)) for name, value in self.kwargs.items())
        return named


def output_from_json(entry: Mapping[str, Any]) -> TaskOutput | None:
    """Give the output of an entry.

    Parameters
    ----------
    entry
        An entry as ``to_json`` gives it, or any other JSON object.

    Returns
    -------
    TaskOutput or None
        None for an entry without its parts.
    """
    path, args = entry.get("path"), entry.get("args")
    method, kwargs = as_text(entry.get("method")), as_mapping(entry.get("kwargs"))
    time, attempt = as_time(entry.get("time")), as_integer(entry.get("attempt"))
    if not method or kwargs is None or time is None or attempt is None:
        return None
    if type(path) is not list or not all(type(name) is str for name in path):
        return None
    if len(path) > MAX_NESTING or not 0 < attempt <= _MAX_ATTEMPT:
        return None
    if type(args) is not list or is_nested_too_deeply([args, kwargs]):
        return None
    return TaskOutput(tuple(path), method, args, kwargs, time, attempt)


def read_outputs(layout: JobLayout) -> list[TaskOutput]:
    """Read the outputs of a job.

    Parameters
    ----------
    layout
        The job.

    Returns
    -------
    list of TaskOutput
        In the order of writing; what a later attempt registered once more is left out. Empty where
        the file is missing or unreadable; damaged lines are left out.
    """
    parsed = map(output_from_json, read_journal(layout.outputs).entries)
    return first_of_each(output for output in parsed if output is not None)


def first_of_each(outputs: Iterable[TaskOutput]) -> list[TaskOutput]:
    """Give each output once, as it was first registered."""
    found: dict[OutputKey, TaskOutput] = {}
    for output in outputs:
        found.setdefault(output.key, output)
    return list(found.values())


def is_nested_too_deeply(value: Any, limit: int = MAX_NESTING) -> bool:
    """Tell whether lists and objects lie in one another more than `limit` times."""
    if type(value) is list:
        inside: Iterable[Any] = value
    elif type(value) is dict:
        inside = value.values()
    else:
        return False
    return limit == 0 or any(is_nested_too_deeply(item, limit - 1) for item in inside)


def _spelling(value: Any) -> str:
    """Give an encoded value as text in which sets and mappings have one order."""
    return json.dumps(_ordered(value), sort_keys=True, separators=(",", ":"))


def _ordered(value: Any) -> Any:
    if type(value) is list:
        return [_ordered(item) for item in value]
    if type(value) is not dict:
        return value
    inside = {name: _ordered(item) for name, item in value.items()}
    for name in ("$dict", "$set", "$frozenset"):
        if type(inside.get(name)) is list and len(inside) == 1:
            inside[name] = sorted(inside[name], key=_text)
    return inside


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def readable(value: Any) -> Any:
    """Give an encoded value as tables show it: JSON that cannot be turned back.

    Paths and members of an Enum become strings, tuples and sets become lists. What is not encoded
    as it should be is given as it is.
    """
    if type(value) is list:
        return [readable(item) for item in value]
    if type(value) is not dict:
        return value
    if len(value) == 1:
        [(kind, content)] = value.items()
        try:
            return _READABLE[kind](content)
        except (KeyError, TypeError, ValueError):
            pass  # damaged, or of a version to come
    return {name: readable(item) for name, item in value.items()}


def _member(content: Any) -> str:
    _, name = content
    return str(name)


def _items(content: Any) -> list[Any]:
    return [readable(item) for item in content]


def _set_items(content: Any) -> list[Any]:
    return sorted(_items(content), key=_text)


def _mapping(content: Any) -> dict[str, Any]:
    return {str(readable(key)): readable(item) for key, item in content}


_READABLE: dict[str, Callable[[Any], Any]] = {
    "$path": str,
    "$float": float,
    "$enum": _member,
    "$tuple": _items,
    "$set": _set_items,
    "$frozenset": _set_items,
    "$dict": _mapping,
}
