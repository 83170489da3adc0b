"""The document of a task, from its record, as flat values with their places: pure, any JSON.

It needs no class: a document that is damaged, or of another version, gives what can be read of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from xpmnb.records.json_values import as_integer, as_mapping, as_text
from xpmnb.sheets import ABSENT

__all__ = ["Counts", "Expanded", "differing", "expand", "same"]

Counts = Callable[[str, str, str], bool]
"""Tells of the declared name of a class, a parameter, and the place of its value, whether it is
to be looked at. Of a configuration within a container it is told the place alone."""

MAX_DEPTH = 40
MAX_VALUES = 20_000
"""What lies deeper, or comes later, in a document is left out."""

_WORD = re.compile(r"[A-Za-z_][\w-]*")
_SEQUENCES = ("$tuple", "$set", "$frozenset")


@dataclass(slots=True)
class Expanded:
    """A document as flat values. Places are dotted: ``model.layers``, ``init_tasks.0.path``."""

    values: dict[str, Any] = field(default_factory=dict)
    """JSON value by place, as people read it. At the place of a configuration stands the declared
    name of its class, and its values follow; a container that holds some is taken apart."""
    types: dict[str, str] = field(default_factory=dict)
    """Declared name of the class by place of the configuration; that of the task is at ``""``."""
    jobs: dict[str, str] = field(default_factory=dict)
    """``<task>/<identifier>`` of a submitted task inside, by its place."""
    makers: dict[str, str] = field(default_factory=dict)
    """``<task>/<identifier>`` of the task that made a value, by the place of the value."""
    generated: set[str] = field(default_factory=set)
    """The places of generated paths, which are not among the values."""


def expand(document: Mapping[str, Any] | None, counts: Counts | None = None) -> Expanded:
    """Give a document as flat values.

    Parameters
    ----------
    document
        What ``params.json`` has under ``document``; anything that is JSON.
    counts
        What to look at; by default all.

    Returns
    -------
    Expanded
        Empty where the document cannot be read.
    """
    found = Expanded()
    given = document or {}
    objects = given.get("objects")
    if type(objects) is not list:
        return found
    reader = _Reader(objects, found, counts)
    reader.config(given.get("root"), "", ())
    init = given.get("init")
    for number, place in enumerate(init if type(init) is list else ()):
        reader.config(place, f"init_tasks.{number}", ())
    return found


@dataclass(slots=True)
class _Reader:
    """Walks over one document."""

    objects: list[Any]
    found: Expanded
    counts: Counts | None

    def config(self, number: Any, at: str, around: tuple[int, ...]) -> None:
        """Take the configuration of a number."""
        place = as_integer(number)
        if place is None or not 0 <= place < len(self.objects):
            return
        if place in around:  # a cycle, told by how far it goes back
            self.found.values[at] = "." * (3 + len(around) - around.index(place) - 1)
            return
        each = as_mapping(self.objects[place])
        if each is None or len(around) > MAX_DEPTH or len(self.found.values) > MAX_VALUES:
            return
        kind = as_text(each.get("type")) or ""
        self.found.types[at] = kind
        if at:
            self.found.values[at] = kind
        for key, target in (("job", self.found.jobs), ("made_by", self.found.makers)):
            job = as_text(each.get(key))
            if job:
                target[at] = job
        generated = each.get("generated")
        names = generated if type(generated) is list else []
        prefix = f"{at}." if at else ""
        for name, value in (as_mapping(each.get("values")) or {}).items():
            where = prefix + name
            if name in names:
                self.found.generated.add(where)
            elif self._is_wanted(kind, name, where):
                self.value(value, where, (*around, place))

    def value(self, value: Any, at: str, around: tuple[int, ...]) -> None:
        """Take the value of a parameter, or one within it."""
        if not _holds_configurations(value):
            self.found.values[at] = _readable(value)
            return
        if type(value) is dict and "$ref" in value:
            self.config(value["$ref"], at, around)
            return
        for name, item in _items(value):
            if self._is_wanted("", "", f"{at}.{name}"):
                self.value(item, f"{at}.{name}", around)

    def _is_wanted(self, kind: str, name: str, at: str) -> bool:
        return self.counts is None or self.counts(kind, name, at)


def _holds_configurations(value: Any) -> bool:
    stack = [value]
    while stack:
        each = stack.pop()
        if type(each) is dict:
            if "$ref" in each:
                return True
            stack += each.values()
        elif type(each) is list:
            stack += each
    return False


def _items(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield what a container holds, by its place: an index, or a key that is a plain word."""
    if type(value) is dict and len(value) == 1:
        [(kind, content)] = value.items()
        if kind == "$dict" and type(content) is list:
            for number, pair in enumerate(content):
                if type(pair) is list and len(pair) == 2:  # noqa: PLR2004 - key and value
                    key, item = pair
                    is_word = type(key) is str and _WORD.fullmatch(key) is not None
                    name = key if is_word else str(number)
                    if _holds_configurations(key) or not is_word:
                        yield f"{name}.key", key
                    yield name, item
            return
        value = content if kind in _SEQUENCES else None
    for number, item in enumerate(value if type(value) is list else ()):
        yield str(number), item


def _readable(value: Any) -> Any:
    """Give the value of a document as people read it; one that only a program reads stays."""
    if type(value) is list:
        return [_readable(item) for item in value]
    if type(value) is not dict or len(value) != 1:
        return value
    [(kind, content)] = value.items()
    if kind in ("$path", "$float"):
        return content
    if kind == "$enum" and type(content) is list and content:
        return content[-1]
    if kind == "$dict" and type(content) is list and all(map(_is_plain_pair, content)):
        return {key: _readable(item) for key, item in content}
    if kind in _SEQUENCES and type(content) is list:
        items = [_readable(item) for item in content]
        return {kind: items if kind == "$tuple" else sorted(items, key=repr)}
    return value


def _is_plain_pair(pair: Any) -> bool:
    return type(pair) is list and len(pair) == 2 and type(pair[0]) is str  # noqa: PLR2004


def same(a: Any, b: Any) -> bool:
    """Tell whether two JSON values are one to an identifier: ``1`` is not ``1.0``, NaN is NaN."""
    if type(a) is not type(b):
        return False
    if type(a) is float:
        return a == b or (a != a and b != b)  # noqa: PLR0124 - NaN is not equal to itself
    if type(a) is list:
        return len(a) == len(b) and all(map(same, a, b))
    if type(a) is dict:
        return a.keys() == b.keys() and all(same(item, b[key]) for key, item in a.items())
    return bool(a == b)


def differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Give what differs between two mappings, `ABSENT` for what one lacks, as the new is sorted."""
    return {
        name: (old.get(name, ABSENT), new.get(name, ABSENT))
        for name in dict.fromkeys((*new, *old))
        if name not in old or name not in new or not same(old[name], new[name])
    }
