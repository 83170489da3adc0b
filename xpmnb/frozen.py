"""Dataclasses that are frozen to type checkers, and quick to make."""

from __future__ import annotations

import dataclasses
from typing import Any, TypeVar

T = TypeVar("T")


def quick_to_make(cls: type[T]) -> type[T]:
    """Let a frozen dataclass set its fields by plain assignments.

    ``dataclass(frozen=True)`` makes an ``__init__`` that calls ``object.__setattr__`` for each
    field: 5 us for the 25 fields of a record, where assignments take 0.4 us. For classes that are
    made for each job, each event, or each row of a table. Type checkers refuse a later assignment
    as before; Python itself does not.

    Parameters
    ----------
    cls : type
        A class to which ``@dataclass(frozen=True)`` was applied just before.

    Returns
    -------
    type
        The same class.
    """
    fields: Any = dataclasses.fields(cls)  # type: ignore[arg-type]  # a dataclass
    space: dict[str, Any] = {
        each.name: dataclasses.field(
            default=each.default,
            default_factory=each.default_factory,
            init=each.init,
            kw_only=each.kw_only,
        )
        for each in fields
    }
    space["__annotations__"] = dict.fromkeys(space, Any)
    made: Any = cls
    if hasattr(made, "__post_init__"):
        space["__post_init__"] = made.__post_init__
    twin: Any = type(cls.__name__, (), space)
    twin = dataclasses.dataclass(twin, slots=True, repr=False, eq=False)
    made.__init__ = twin.__init__
    del made.__setattr__, made.__delattr__  # those that refuse
    return cls
