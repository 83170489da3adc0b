"""The arguments of a registered output to plain JSON and back, in the encoding of documents."""

from __future__ import annotations

import enum
import json
import operator
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from xpmnb.document import value_from_json, value_to_json
from xpmnb.errors import IdentifierError
from xpmnb.records.task_outputs import MAX_NESTING, is_nested_too_deeply

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_ALLOWED = (
    "numbers, strings, bools, None, Path, members of an Enum, and lists, tuples, sets and dicts of "
    "them"
)


def arguments_to_json(
    args: Sequence[Any], kwargs: Mapping[str, Any]
) -> tuple[list[Any], dict[str, Any]]:
    """Return arguments as JSON values.

    Parameters
    ----------
    args, kwargs
        The arguments by position and by name. Scalars of numpy and the like become numbers.

    Returns
    -------
    list, dict
        The same, encoded.

    Raises
    ------
    TypeError
        If a value is not plain; the message names the argument.
    """
    encoded = [_encode(str(place), value) for place, value in enumerate(args)]
    return encoded, {name: _encode(name, value) for name, value in kwargs.items()}


def arguments_from_json(
    args: Sequence[Any], kwargs: Mapping[str, Any]
) -> tuple[list[Any], dict[str, Any]]:
    """Return the arguments that :func:`arguments_to_json` encoded, perhaps in another process.

    Raises
    ------
    DocumentError
        If a value is damaged, or of an Enum that is not there.
    """
    values = [value_from_json(_found_here(value)) for value in args]
    return values, {name: value_from_json(_found_here(value)) for name, value in kwargs.items()}


def _found_here(value: Any) -> Any:
    """Return an encoded value whose Enums are those of this session, where it has them.

    A job in a process of its own declares the classes of cells anew, in its own program: to import
    that program here would declare them once more.
    """
    if type(value) is list:
        return [_found_here(item) for item in value]
    if type(value) is not dict:
        return value
    match value:
        case {"$enum": [{"module": "__main__", "qualname": str(name), **others}, member]}:
            with suppress(AttributeError):
                operator.attrgetter(name)(sys.modules["__main__"])
                place = {**others, "module": "__main__", "qualname": name, "file": None}
                return {"$enum": [place, member]}
    return {kind: _found_here(content) for kind, content in value.items()}


def _encode(name: str, value: Any) -> Any:
    try:
        encoded = value_to_json(_plain(value))
        json.dumps(encoded)  # an int of thousands of digits has no JSON
        is_deep = is_nested_too_deeply(encoded, MAX_NESTING - 2)  # in lists of arguments
    except RecursionError:
        is_deep = True
    except (IdentifierError, ValueError) as error:
        message = f"the argument {name} cannot be kept: {error}; allowed are {_ALLOWED}"
        raise TypeError(message) from None
    if is_deep:
        message = f"the argument {name} is nested too deeply, or contains itself"
        raise TypeError(message)
    return encoded


def _plain(value: Any) -> Any:
    """Return a value with scalars of numpy and the like as numbers."""
    if isinstance(value, enum.Enum):
        _check_member(value)
    elif isinstance(value, list):
        return [_plain(item) for item in value]
    elif isinstance(value, (tuple, set, frozenset)):
        kind = next(kind for kind in (tuple, set, frozenset) if isinstance(value, kind))
        return kind(map(_plain, value))
    elif isinstance(value, dict):
        return {_plain(key): _plain(item) for key, item in value.items()}
    # numpy and the like are not imported for this; what their scalars share is this.
    elif getattr(value, "ndim", None) == 0 and hasattr(value, "item"):
        return value.item()
    return value


def _check_member(value: enum.Enum) -> None:
    """Refuse a member that would not be found again by its name."""
    kind = type(value)
    if value.name not in kind.__members__:
        message = f"{value!r} is a combination, which has no name"
        raise ValueError(message)
    if "<locals>" in kind.__qualname__:
        message = f"{value!r} is of an Enum that is declared inside a function"
        raise ValueError(message)
