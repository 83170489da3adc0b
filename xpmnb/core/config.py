"""Config: what a person derives classes from that are described by parameters.

The classes are thin: what a declaration does is in ``metaclass.py``, values are in ``values.py``,
objects in ``objects.py``. Tasks are in ``model.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from xpmnb import seam
from xpmnb.core import values
from xpmnb.core.metaclass import ConfigMeta
from xpmnb.core.objects import instantiate
from xpmnb.core.state import state_of
from xpmnb.core.tags import add_tag, tags
from xpmnb.identifiers import identifier

if TYPE_CHECKING:
    from collections.abc import Callable


class Config(metaclass=ConfigMeta):
    """Is the base of everything that is described by parameters.

    Declare parameters in the class body, build configurations with ``C``, and use the
    parameters as plain attributes::

        class Model(Config):
            layers: Param[int] = 2

        model = Model.C(layers=3)

    A *configuration* holds checked values and is shared by those that use it. ``execute`` sees
    *instances*: objects made by ``__init__()`` without arguments, given their attributes, and
    finished by ``__post_init__()``.

    A configuration is used by one thread at a time; once sealed, by any.
    """

    __xpm_distinct__ = False
    """Whether equal objects are told apart by identifiers; see :class:`InstanceConfig`."""

    def __validate__(self) -> None:
        """Check values against each other; called on the configuration before submission.

        Raise any error to refuse the configuration.
        """

    def __post_init__(self) -> None:
        """Finish an instance once its attributes are set."""

    def __identifier__(self) -> str:
        """Return the identifier: 64 hexadecimal digits that depend on the values alone.

        Raises
        ------
        IdentifierError
            If a required value is missing or a value has no canonical encoding.
        """
        return identifier(self)

    def seal(self) -> Self:
        """Check this configuration and all inside it, and make them unchangeable.

        Returns
        -------
        Self
            The same configuration.

        Raises
        ------
        MissingParameterError
            If required values are missing; all of them are named.
        """
        state_of(self)
        values.seal(self)
        return self

    def copy(self, **changes: Any) -> Self:
        """Return an unsealed copy with some values changed.

        Configurations inside are shared, not copied.

        Raises
        ------
        UnknownParameterError, ParameterError
            If a change does not fit.
        """
        state_of(self)
        return values.copy(self, changes)

    def instance(self) -> Self:
        """Seal the configuration and return the object that it describes, for use right here.

        Returns
        -------
        Self
            A new object at each call. Paths that only a job directory gives are not set.
        """
        self.seal()
        return instantiate(self)  # type: ignore[no-any-return]

    def tag(self, name: str, value: str | float) -> Self:
        """Set a tag of this configuration, and return it.

        Raises
        ------
        SealedError
            If it was submitted.
        """
        add_tag(self, name, value)
        return self

    def tags(self) -> dict[str, Any]:
        """Return the tags of this configuration and of all that it is made from."""
        return tags(self)

    def register_task_output(
        self, method: Callable[..., Any], /, *args: Any, **kwargs: Any
    ) -> None:
        """Say that the running task has made something: those who watch the method are told.

        Call it from ``execute``, or from what it calls. It does nothing outside a job, so that
        the same code runs when a person tries it in a cell.

        Parameters
        ----------
        method : callable
            A bound method of a configuration of the task: ``self.checkpoint``. It is called in
            the kernel, with a function that marks what depends on the task and with the
            arguments given here; the watchers are given what it returns.
        *args, **kwargs
            What the method is called with; JSON values.

        Raises
        ------
        TypeError
            If the running task is no ResumableTask.
        """
        context = seam.current_context()
        if context is not None:
            context.register_output(method, args, kwargs)


class InstanceConfig(Config):
    """Is a Config of which two equal objects count as two.

    A pair of two distinct but equal ones has another identifier than a pair that uses one
    twice: two models of the same shape are not one model with shared weights.
    """

    __xpm_distinct__ = True
