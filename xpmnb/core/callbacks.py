"""Checks of the functions that a person wants to be called about a task."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any

from xpmnb.core.state import is_configuration
from xpmnb.core.walk import iter_whole

if TYPE_CHECKING:
    from collections.abc import Callable


def completion(callback: Callable[..., object], task: Any) -> Callable[[], object]:
    """Return what to call once a task has ended well.

    Parameters
    ----------
    callback : callable
        Takes the task, or nothing.
    task
        The configuration of the task.

    Returns
    -------
    callable
        Takes nothing. Defaults of the callback are kept: they are how a function that is made
        in a loop remembers its value.

    Raises
    ------
    TypeError
        If the callback is not callable, or needs more than the task.
    """
    if not callable(callback):
        message = f"on_completed({callback!r:.80}): give a function that takes the task or nothing"
        raise TypeError(message)
    try:
        signature = inspect.signature(callback)
    except ValueError:  # some built-in functions do not tell
        return functools.partial(callback, task)
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    needs = any(
        each.kind is inspect.Parameter.VAR_POSITIONAL
        or (each.kind in kinds and each.default is inspect.Parameter.empty)
        for each in signature.parameters.values()
    )
    given = (task,) if needs else ()
    try:
        signature.bind(*given)
    except TypeError as error:
        message = f"on_completed({callback!r:.80}): it is called with the task alone: {error}"
        raise TypeError(message) from None
    return functools.partial(callback, *given)


def watched_output(
    task: Any, method: Any, callback: Callable[[Any], object]
) -> tuple[Any, str, Callable[[Any], object]]:
    """Return what is watched: a configuration, the name of its method, and what is called.

    Raises
    ------
    TypeError
        If the task is no ResumableTask, the method is no bound method of a configuration, or
        the callback cannot be called with one argument.
    ValueError
        If the configuration is not inside the task.
    """
    kind = type(task).__qualname__
    if not task.__xpm_resumable__:
        message = (
            f"{kind} has no outputs to watch: only a ResumableTask registers outputs while it "
            f"runs; derive {kind} from ResumableTask"
        )
        raise TypeError(message)
    if not callable(callback):
        message = f"watch_output(..., {callback!r:.80}): give a function that takes the output"
        raise TypeError(message)
    _check_takes_output(callback)
    config, name = getattr(method, "__self__", None), getattr(method, "__name__", "")
    if not is_configuration(config) or getattr(config, name, None) != method:
        message = (
            f"watch_output({method!r:.80}, ...): give a bound method of a configuration, "
            "validation.checkpoint for example"
        )
        raise TypeError(message)
    if not any(config is each for _, each in iter_whole(task)):
        message = (
            f"watch_output({type(config).__qualname__}.{name}, ...): {config!r} is not inside "
            f"{task!r}; give the method of the very configuration that the task holds"
        )
        raise ValueError(message)
    return config, name, callback


def _check_takes_output(callback: Callable[[Any], object]) -> None:
    try:
        signature = inspect.signature(callback)
    except ValueError:  # some built-in functions do not tell
        return
    try:
        signature.bind(None)
    except TypeError as error:
        message = (
            f"watch_output(..., {callback!r:.80}): it is called with the output alone: {error}"
        )
        raise TypeError(message) from None
