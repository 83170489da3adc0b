"""Which submit hooks prepare the jobs of a task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xpmnb.core.types import SubmitHook, hooked
from xpmnb.core.walk import whole_of
from xpmnb.errors import DeclarationError

if TYPE_CHECKING:
    from collections.abc import Hashable

__all__ = ["SubmitHook", "hooks_of"]


def hooks_of(task: Any) -> list[SubmitHook]:
    """Return the hooks that a job of a task is prepared by, in the order of their application.

    Parameters
    ----------
    task
        The configuration of a task.

    Returns
    -------
    list of SubmitHook
        One for each class of hooks and each ``spec()``: those of inner configurations before
        those of outer ones, those of base classes before those of classes derived from them,
        and the lower of two decorators before the upper. Those of init tasks come last.

    Raises
    ------
    DeclarationError
        If what ``spec()`` returns has no hash.
    """
    if not hooked:
        return []
    found: dict[Hashable, SubmitHook] = {}
    for kind in whole_of(task).classes:
        for cls in reversed(kind.__mro__):
            for hook in cls.__dict__.get("__xpm_hooks__", ()):
                found.setdefault(_key(hook, cls), hook)
    return list(found.values())


def _key(hook: SubmitHook, decorated: type) -> Hashable:
    # By name, not by class: a cell that is run again makes another class of the same hook.
    kind = type(hook)
    try:
        key = (kind.__module__, kind.__qualname__, hook.spec())
        hash(key)
    except TypeError as error:
        message = (
            f"the submit hook {kind.__qualname__} of {decorated.__qualname__} cannot be told from "
            f"others: {error}; let its spec() return a string, a number or a tuple of these"
        )
        raise DeclarationError(message) from error
    return key
