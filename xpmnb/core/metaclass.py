"""The metaclass of Config: what happens when a class is declared, and what ``C`` builds."""

from __future__ import annotations

import difflib
import inspect
import sys
from typing import Any, NoReturn, TypeVar, dataclass_transform

from xpmnb import seam
from xpmnb.core import registry, values
from xpmnb.core.declaration import collect_early, parameters, scope_of
from xpmnb.core.fields import Field, field
from xpmnb.core.state import is_configuration
from xpmnb.errors import ConfigError, DeclarationError

T = TypeVar("T")

_TASK_NAMES = frozenset(
    {
        "add_dependencies",
        "execute",
        "job",
        "jobpath",
        "on_completed",
        "submit",
        "wait",
        "watch_output",
    }
)

_SHOWN = 60
"""How many characters of a value the repr of a configuration shows."""


@dataclass_transform(kw_only_default=True, field_specifiers=(field,))
class ConfigMeta(registry.Declared):
    """Collects the parameters of each class, and gives it ``C``."""

    def __new__(
        mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **options: Any
    ) -> ConfigMeta:
        """Make a class, keeping its ``field(...)`` values out of the way of attributes."""
        fields = {key: value for key, value in namespace.items() if isinstance(value, Field)}
        namespace = {key: value for key, value in namespace.items() if key not in fields}
        namespace["__xpm_fields__"] = fields
        namespace["__xpm_parameters__"] = None  # collected as soon as its annotations are known
        frame = sys._getframe(1)  # noqa: SLF001 (the frame of the class statement)
        # type("Train", (Task,), {...}) does not say where it is: Python would take our own module.
        namespace.setdefault("__module__", frame.f_globals.get("__name__", "builtins"))
        namespace["__xpm_scope__"] = scope_of(frame)
        namespace["__xpm_source__"] = (frame.f_code.co_filename, frame.f_lineno)
        cls = super().__new__(mcs, name, bases, namespace, **options)
        if "__init__" in namespace:
            _check_init(cls)
        cls.__xpm_plain__ = cls
        cls.__xpm_name__ = registry.qualified_name(cls)
        collect_early(cls)
        registry.register(cls)
        return cls

    @property
    def C(cls: type[T]) -> type[T]:  # noqa: N802 (stands for Config)
        """What builds configurations of this class: ``Train.C(lr=0.1)``."""
        made: type[T] = _configuration_class(cls)
        return made

    # Typed as a plain call: type checkers then take the parameters from the class.
    def __call__(cls: type[T], *args: Any, **given: Any) -> T:
        """Build a configuration; on the class itself, say how it is done."""
        name = cls.__qualname__
        if "__xpm_is_configuration__" not in cls.__dict__:
            message = f"{name}(...) makes nothing: build a configuration with {name}.C(...)"
            raise DeclarationError(message)
        if args:
            message = f"{name}.C takes its parameters by name: {name}.C({_example(cls)})"
            raise TypeError(message)
        config = object.__new__(cls)
        try:
            values.build(config, given)
        except ConfigError as error:
            # A mistake of the caller: our own frames would stand between them and the message.
            raise error.with_traceback(None) from error.__cause__
        return config


def _check_init(cls: type) -> None:
    """Refuse an ``__init__`` that xpmnb could not call."""
    try:
        inspect.signature(vars(cls)["__init__"]).bind(None)
    except TypeError as error:
        message = (
            f"{cls.__qualname__}.__init__ is called without arguments, before the parameters are "
            f"set: {error}; declare parameters with Param[...], and finish in __post_init__"
        )
        raise DeclarationError(message) from None


def _example(cls: type[Any]) -> str:
    return ", ".join(f"{name}=..." for name in parameters(cls))


def _configuration_class(cls: Any) -> Any:
    """Return the class of the configurations of a class: a subclass made once."""
    plain = cls.__xpm_plain__
    known = plain.__dict__.get("__xpm_configuration__")
    if known is None:
        namespace = {
            "__module__": plain.__module__,
            "__qualname__": plain.__qualname__,
            "__doc__": plain.__doc__,
            "__setattr__": values.set_value,
            "__delattr__": _refuse_delete,
            "__getattr__": _explain_missing,
            "__repr__": _configuration_repr,
            "__xpm_is_configuration__": True,
        }
        if not hasattr(plain, "_repr_html_"):  # what a person has declared stays
            namespace["_repr_html_"] = _configuration_html
        # Not ConfigMeta.__new__: this is no declaration, and has no parameters of its own.
        known = registry.Declared.__new__(type(plain), plain.__name__, (plain,), namespace)
        type.__setattr__(plain, "__xpm_configuration__", known)
    return known


def _refuse_delete(config: Any, name: str) -> NoReturn:
    message = f"{type(config).__qualname__}.{name} cannot be deleted; set it to another value"
    raise AttributeError(message)


def _explain_missing(config: Any, name: str) -> NoReturn:
    """Say why a configuration has no such attribute."""
    kind = type(config).__qualname__
    parameter = parameters(type(config)).get(name)
    if parameter is None:
        message = f"{kind!r} configuration has no attribute {name!r}"
        near = difflib.get_close_matches(name, parameters(type(config)), n=1)
        if near:
            message += f"; did you mean {near[0]!r}?"
        elif name in _TASK_NAMES:
            message += f": derive {kind} from Task to make it one that can be run"
    elif parameter.generator is not None:
        message = f"{kind}.{name} is a path that is generated when the task is submitted"
    else:
        message = f"{kind}.{name} has no value yet"
    raise AttributeError(message)


def _configuration_html(config: Any) -> str | None:
    """Return the configuration as a tree, for the end of a cell."""
    return seam.html_of(config)


def _configuration_repr(config: Any) -> str:
    """Return the call that builds the configuration, long values cut."""
    shown = []
    for name in parameters(type(config)):
        if name in config.__dict__:
            text = "..." if is_configuration(config.__dict__[name]) else repr(config.__dict__[name])
            shown.append(f"{name}={text if len(text) <= _SHOWN else text[: _SHOWN - 3] + '...'}")
    return f"{type(config).__qualname__}.C({', '.join(shown)})"
