"""What xpmnb knows of one configuration besides its values.

The values of the parameters are plain attributes of the object; all else is in the
:class:`ConfigState` under ``__xpm__``. An object without one is an *instance*: what
``execute`` sees.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xpmnb.core.registry import Declared

if TYPE_CHECKING:
    from collections.abc import Callable


class ConfigState:
    """The state of one configuration. Changed by the thread that owns the configuration."""

    __slots__ = (
        "classes",
        "dependencies",
        "described",
        "digest",
        "generated",
        "init_tasks",
        "is_available",
        "is_meta",
        "job",
        "known_identifier",
        "on_completed",
        "producer",
        "sealed",
        "tags",
        "watched",
        "whole",
    )

    def __init__(self) -> None:
        self.sealed = False
        """Whether the values are final."""
        self.tags: dict[str, Any] = {}
        """Tags set on this very configuration, by tag name."""
        self.is_meta: bool | None = None
        """What ``setmeta`` said; None leaves it to the parameter."""
        self.producer: Any = None
        """The task that makes this value, where ``dep`` marked it."""
        self.is_available = False
        """Whether the value was there before its producer ended: nobody has to wait for that."""
        self.job: Any = None
        """The job, once the configuration is a submitted task."""
        self.dependencies: list[Any] = []
        """Tasks that must be done first, besides those in the values."""
        self.init_tasks: tuple[Any, ...] = ()
        """Configurations executed before the task, on its own objects."""
        self.on_completed: list[Callable[..., object]] = []
        """What is called once the job has ended well."""
        self.watched: list[tuple[Any, str, Callable[..., object]]] = []
        """Outputs that are watched: configuration, name of its method, and what is called."""
        self.known_identifier: str | None = None
        """The identifier, where a document says it: it cannot say which tasks made the values."""
        self.generated: frozenset[str] = frozenset()
        """Parameters whose values a document says to be generated paths."""
        self.whole: Any = None
        """All configurations of a submitted task; ``walk.py`` alone uses it."""
        self.classes: tuple[int, tuple[type, ...]] | None = None
        """The classes that the job of a submitted task needs, and how often classes had been
        declared anew when they were collected; ``program.py`` alone uses it."""
        self.described: tuple[Any, dict[str, Any]] | None = None
        """The form in documents of a sealed configuration that holds no other, and the job that
        it tells of; ``document.py`` alone uses it."""
        self.digest: Any = None
        """The cached identity of a sealed configuration; ``identifiers.py`` alone uses it."""


def state_of(config: Any) -> ConfigState:
    """Return the state of a configuration.

    Raises
    ------
    TypeError
        If the object is an instance or no configuration at all.
    """
    try:  # asked many times for each job
        state = config.__dict__["__xpm__"]
    except (AttributeError, KeyError):
        pass
    else:
        if type(state) is ConfigState:
            return state
    kind = type(config).__qualname__
    message = f"this needs a configuration (made by {kind}.C(...)), got an object of {kind}"
    raise TypeError(message)


def is_declared(value: object) -> bool:
    """Tell whether a value is a configuration or an instance of a declared class."""
    return isinstance(type(value), Declared)


def is_configuration(value: object) -> bool:
    """Tell whether a value is a configuration, not an instance and nothing else."""
    return isinstance(type(value), Declared) and "__xpm__" in vars(value)
