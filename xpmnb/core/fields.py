"""What a class declares: parameters, their kinds, and their defaults.

``Param``, ``Meta`` and ``Constant`` are ``Annotated`` aliases, so that type checkers see the
plain type. Checking values is done by ``checkers.py``; collecting the parameters of a class by
``declaration.py``.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, overload

from xpmnb.core.checkers import MismatchError, ValueType
from xpmnb.core.sealed import thaw
from xpmnb.errors import DeclarationError, ParameterError
from xpmnb.generators import PathGenerator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from xpmnb.partials import ParameterGroup

T = TypeVar("T")

_SHOWN = 80
"""How many characters of a value an error message shows."""


class Kind(enum.Enum):
    """What a parameter is to the identifier."""

    PARAM = "Param"
    META = "Meta"
    CONSTANT = "Constant"


Param = Annotated[T, Kind.PARAM]
"""A parameter: ``lr: Param[float]``. It is part of the identifier, unless its type is a path."""

Meta = Annotated[T, Kind.META]
"""A parameter outside the identifier: ``verbose: Meta[bool] = False``."""

Constant = Annotated[T, Kind.CONSTANT]
"""A value that is part of the identifier and cannot be set: ``version: Constant[int] = 2``."""


class _Missing(enum.Enum):
    """The type of :data:`MISSING`; an enum, so that type checkers can narrow by identity."""

    MISSING = "MISSING"

    def __repr__(self) -> str:
        return "MISSING"


MISSING = _Missing.MISSING


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """What :func:`field` was told; it stands in the class body until the class is made."""

    default: Any
    default_factory: Callable[[], Any] | PathGenerator | None
    ignore_default: bool
    groups: frozenset[str]
    overrides: bool
    help: str


@overload
def field(
    *,
    default: T,
    ignore_default: bool = ...,
    groups: Iterable[ParameterGroup] = ...,
    overrides: bool = ...,
    help: str = ...,
) -> T: ...
@overload
def field(
    *,
    default_factory: PathGenerator,
    groups: Iterable[ParameterGroup] = ...,
    overrides: bool = ...,
    help: str = ...,
) -> Any: ...
@overload
def field(
    *,
    default_factory: Callable[[], T],
    ignore_default: bool = ...,
    groups: Iterable[ParameterGroup] = ...,
    overrides: bool = ...,
    help: str = ...,
) -> T: ...
@overload
def field(
    *, groups: Iterable[ParameterGroup] = ..., overrides: bool = ..., help: str = ...
) -> Any: ...
def field(
    *,
    default: Any = MISSING,
    default_factory: Any = None,
    ignore_default: bool = False,
    groups: Iterable[ParameterGroup] = (),
    overrides: bool = False,
    help: str = "",  # noqa: A002 (the name that users of dataclass-like libraries expect)
) -> Any:
    """Describe a parameter beyond its type.

    Parameters
    ----------
    default
        The value when none is given. Lists, dicts, sets and configurations are copied.
    default_factory
        Called with no argument for each configuration that is given no value; or a
        :class:`~xpmnb.PathGenerator`, whose path is known on submission.
    ignore_default : bool
        Leave the parameter out of the identifier while its value is the default: a parameter
        that is added later with its old behaviour as default keeps the old results. A bare
        default (``epochs: Param[int] = 100``) does this; ``field`` does it only when asked.
    groups : iterable of groups made by :func:`param_group`
        What partial identifiers can leave out together.
    overrides : bool
        Say that the parameter of a base class is replaced on purpose. Needed when its type
        changes.
    help : str
        One line for people.

    Raises
    ------
    DeclarationError
        If both a default and a factory are given, or nothing is there to ignore.
    """
    if default is not MISSING and default_factory is not None:
        message = "field(): give default or default_factory, not both"
        raise DeclarationError(message)
    is_factory = callable(default_factory) or isinstance(default_factory, PathGenerator)
    if default_factory is not None and not is_factory:
        message = f"field(default_factory={default_factory!r}): give a function or PathGenerator"
        raise DeclarationError(message)
    if ignore_default and default is MISSING and default_factory is None:
        message = "field(ignore_default=True): there is no default to ignore; give default="
        raise DeclarationError(message)
    names = frozenset(group.name for group in groups)
    return Field(default, default_factory, ignore_default, names, overrides, help)


@dataclass(frozen=True, slots=True, eq=False)
class Parameter:
    """One parameter of a class, compiled. Immutable; any thread."""

    owner: str
    """Qualified name of the declaring class, as people wrote it: ``Train``."""
    name: str
    kind: Kind
    value_type: ValueType
    field: Field

    def declared_in(self, cls: type) -> bool:
        """Tell whether the class itself declares the parameter, or gives it another default."""
        return self.owner == cls.__qualname__

    @property
    def generator(self) -> PathGenerator | None:
        """The generator of the path, if the value is generated on submission."""
        factory = self.field.default_factory
        return factory if isinstance(factory, PathGenerator) else None

    @property
    def is_required(self) -> bool:
        """Whether a value must be given."""
        return self.field.default is MISSING and self.field.default_factory is None

    @property
    def in_identifier(self) -> bool:
        """Whether the parameter is part of the identifier by its declaration."""
        return self.kind is not Kind.META and not self.value_type.only_paths

    def check(self, value: Any) -> Any:
        """Return the value, converted where needed.

        Raises
        ------
        ParameterError
            If it does not fit; the message names class, parameter, value and expected type.
        """
        try:
            return self.value_type.check(value)
        except MismatchError as error:
            raise ParameterError(self._explain(value, error)) from None

    def default_value(self) -> Any:
        """Return a new default value; MISSING if there is none, or it is generated later."""
        if self.generator is not None:
            return MISSING
        if self.field.default_factory is not None:
            return self.check(self.field.default_factory())  # type: ignore[operator]
        if self.field.default is MISSING:
            return MISSING
        return self.check(thaw(self.field.default))

    def _explain(self, value: Any, error: MismatchError) -> str:
        text = f"{self.owner}.{self.name} = {_short(value)}: expected {self.value_type.name}"
        if error.value is not value:
            got = f"{_short(error.value)} ({_type_name(error.value)})"
            return f"{text}, but it holds {got} where {error.expected} is expected"
        if error.expected != self.value_type.name:
            text += f" ({error.expected})"
        return f"{text}, got {_type_name(value)}"


def _type_name(value: object) -> str:
    return type(value).__qualname__


def _short(value: object) -> str:
    """Return a repr of bounded length: values can be large."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
