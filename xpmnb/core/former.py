"""Former names of classes, as their declarations say: ``@deprecate``.

The names are told here; whether results are kept under one is looked up on submission. What a
workspace says of former names is in ``records/aliases.py``.
"""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any, overload

from xpmnb.core import registry
from xpmnb.core.registry import Declared
from xpmnb.errors import DeclarationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeVar

    T = TypeVar("T")

_NAME = re.compile(r"[\w-]+(\.[\w-]+)*")

_MEANT = frozenset({"__init__", "__launcher__", "__post_init__", "__validate__"})
"""Special names that mean something in the body of a Config."""

_told: dict[str, tuple[str, ...]] = {}
"""Names that deprecated subclasses had, by the name of the class that they stand for now."""

_any = False


@overload
def deprecate(former: type[T], /) -> type[T]: ...
@overload
def deprecate(former: str, /, *more: str) -> Callable[[type[T]], type[T]]: ...
def deprecate(former: Any, /, *more: str) -> Any:
    """Keep the results of a class whose name has changed.

    The declared name of a class is part of its identifiers and of its job directories. Where a
    class was renamed, or moved to another notebook or module, say what it was called, and
    finished jobs are found under that name and taken over instead of being run again::

        @deprecate("old_notebook.train")
        class Train(Task): ...

    Where the old name is still used in code, leave a subclass with an empty body in its place::

        @deprecate
        class OldTrain(Train):
            pass

    Its configurations are those of the base: they have its identifiers, and run as it does.

    Parameters
    ----------
    former : str or class
        A full declared name that the class had, as folders of ``jobs/`` show it; or, without
        parentheses, the old class itself.
    *more : str
        Further names that it had.

    Returns
    -------
    callable or class
        What decorates the class; the class itself.

    Raises
    ------
    DeclarationError
        If a name is no declared name or the class's own, what is decorated is no Config, or the
        old class has more than one base or something in its body.
    """
    if isinstance(former, type):
        return _stand_for_base(former)
    for name in (former, *more):
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            message = (
                f"deprecate({name!r}): give the full name that the class had, such as "
                '"old_notebook.train": letters, digits, "_" and "-", in parts separated by dots'
            )
            raise DeclarationError(message)

    def add(cls: type[T]) -> type[T]:
        return _add_names(cls, (former, *more))

    return add


def has_former_names() -> bool:
    """Tell whether any declaration of this process names a former name."""
    return _any


def former_names(name: str) -> tuple[str, ...]:
    """Return what declarations say a class was called, by its declared name; the latest first."""
    if not _any:
        return ()
    cls = registry.find(name)
    own: tuple[str, ...] = () if cls is None else vars(cls).get("__xpm_former__", ())
    return tuple(dict.fromkeys((*own, *_told.get(name, ()))))


def _add_names(cls: type[T], names: tuple[str, ...]) -> type[T]:
    global _any  # noqa: PLW0603 (asked with every submission: nothing else may be paid)
    declared = _declared(cls)
    if declared.__xpm_name__ in names:
        message = (
            f"deprecate({declared.__xpm_name__!r}): that is what {cls.__qualname__} is called now; "
            "give the name that it had"
        )
        raise DeclarationError(message)
    known = vars(declared).get("__xpm_former__", ())
    type.__setattr__(declared, "__xpm_former__", tuple(dict.fromkeys((*names, *known))))
    _any = True
    return cls


def _stand_for_base(cls: type[T]) -> type[T]:
    global _any  # noqa: PLW0603 (see _add_names)
    declared = _declared(cls)
    bases = [base for base in cls.__bases__ if isinstance(base, Declared)]
    name = cls.__qualname__
    how = f'; or write @deprecate("{declared.__xpm_name__}") above the class that replaces it'
    if len(cls.__bases__) != 1 or not bases or bases[0].__module__.startswith("xpmnb.core."):
        message = f"@deprecate class {name}: derive it from the class that replaces it alone{how}"
        raise DeclarationError(message)
    content = list(dict.fromkeys(_body_of(declared)))
    if content:
        message = (
            f"@deprecate class {name} has {', '.join(content)}: its configurations become those of "
            f"{bases[0].__qualname__}, so leave its body empty{how}"
        )
        raise DeclarationError(message)
    current = bases[0].__xpm_name__
    if declared.__xpm_name__ != current:
        _told[current] = tuple(dict.fromkeys((declared.__xpm_name__, *_told.get(current, ()))))
        registry.stand_for(declared, bases[0])
        _any = True
    return cls


def _body_of(cls: Declared) -> Iterator[str]:
    """Yield what a person wrote into the body of a class."""
    yield from vars(cls)["__xpm_fields__"]
    yield from inspect.get_annotations(cls)
    for name in vars(cls):
        # Python and xpmnb put much else there; __xpmid__ is a name, which is what this is about.
        if name in _MEANT or not (name.startswith("__") or name == "_abc_impl"):
            yield name


def _declared(cls: type) -> Declared:
    if not isinstance(cls, Declared):
        message = f"deprecate: {cls!r:.80} is no Config and no Task: it has no results to keep"
        raise DeclarationError(message)
    return cls
