"""What declarations name besides parameters: ``DependentMarker``, ``SubmitHook``, ``Choices``.

The hooks of a task are found by ``hooks.py``; how values are checked is in ``checkers.py``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from xpmnb.core.checkers import Choices
from xpmnb.core.registry import Declared
from xpmnb.errors import DeclarationError

if TYPE_CHECKING:
    from collections.abc import Hashable

__all__ = ["Choices", "DependentMarker", "SubmitHook"]

T = TypeVar("T")


class DependentMarker(Protocol):
    """Marks a value as an output of the task that is being submitted.

    A function of this type is given to ``task_outputs``. What it marks and returns depends on
    the task: whoever uses it runs after the task, and carries the task's identifier in its own.
    """

    def __call__(self, config: T, /) -> T:
        """Mark a configuration and return it."""
        ...


hooked: set[type] = set()
"""The classes of the hooks that something was decorated with: mostly there are none."""


class SubmitHook(ABC):
    """Is the base of class decorators that prepare the jobs of whatever uses a class.

    Derive from it, and decorate a Config or Task with an object of the new class::

        class needs_java(SubmitHook):
            def __init__(self, version):
                self.version = version

            def spec(self):
                return self.version

            def process(self, job, launcher):
                job.environ["JAVA_HOME"] = f"/opt/java-{self.version}"

        @needs_java(11)
        class IndexCollection(Config): ...

    A job is prepared by the hooks of its task, of all configurations in it, of its init tasks,
    and of the bases of their classes. Decorating changes neither class nor identifier.
    """

    def __call__(self, cls: type[T], /) -> type[T]:
        """Decorate a class: the hook is applied whenever a job uses it.

        Raises
        ------
        DeclarationError
            If it is no class derived from Config.
        """
        if not isinstance(cls, Declared) or cls.__xpm_plain__ is not cls:
            message = f"{type(self).__name__} decorates a class derived from Config, not {cls!r}"
            raise DeclarationError(message)
        hooked.add(type(self))
        own = cls.__dict__.get("__xpm_hooks__", ())
        type.__setattr__(cls, "__xpm_hooks__", (*own, self))
        return cls

    def spec(self) -> Hashable:
        """Return what tells this hook from others of its class; equal ones are applied once.

        Returns
        -------
        Hashable
            By default all attributes of the hook.
        """
        return tuple(sorted(vars(self).items()))

    @abstractmethod
    def process(self, job: Any, launcher: Any) -> None:
        """Prepare a job that is about to be submitted.

        Parameters
        ----------
        job : Job
            Variables set in its ``environ`` are added to the environment of the job.
        launcher : Launcher
            Where it will run.
        """
