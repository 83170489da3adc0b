"""From what happened in a task's code to how its job ended."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from xpmnb.errors import GracefulTimeout, TaskCancelled
from xpmnb.frozen import quick_to_make
from xpmnb.records.states import FailureReason
from xpmnb.tracebacks import place_of, traceback_text

_MAX_MESSAGE = 10_000
"""Characters; a marker must not get so large that it is not read."""


@quick_to_make
@dataclass(frozen=True, slots=True)
class Ending:
    """How the code of a task ended: with a value, or with a reason."""

    value: Any = None
    reason: FailureReason | None = None
    """None if it ended well."""
    message: str = ""
    traceback: str = ""
    """As :func:`~xpmnb.tracebacks.traceback_text` makes it."""
    exit_code: int | None = None
    place: str | None = None
    """Where the error was raised, in the task's own code; None if that cannot be told."""


def ending_of(error: BaseException) -> Ending:
    """Return how a job ended whose code raised an error."""
    ending = _ending_of(error)
    return ending if ending.reason is None else replace(ending, place=place_of(error))


def _ending_of(error: BaseException) -> Ending:
    text, words = traceback_text(error), _text(error)
    message = f"{type(error).__name__}: {words}" if words else type(error).__name__
    if isinstance(error, TaskCancelled):
        return Ending(reason=FailureReason.CANCELLED, message=words, traceback=text)
    if isinstance(error, KeyboardInterrupt):
        return Ending(reason=FailureReason.CANCELLED, message=message, traceback=text)
    if isinstance(error, GracefulTimeout):
        return Ending(reason=FailureReason.TIMEOUT, message=message, traceback=text)
    if isinstance(error, MemoryError):
        return Ending(reason=FailureReason.MEMORY, message=message, traceback=text)
    if isinstance(error, SystemExit):
        return _exit(error, text)
    # By its name: the module of the debugger is loaded where somebody has used it.
    if type(error).__name__ == "BdbQuit" and type(error).__module__ == "bdb":
        message = "it called breakpoint(), and nobody can answer in a job: use job.debug()"
    return Ending(reason=FailureReason.ERROR, message=message, traceback=text)


def _exit(error: SystemExit, text: str) -> Ending:
    """Return the ending of a task that called ``sys.exit``: as a shell would see it."""
    if error.code is None or error.code == 0:
        return Ending()
    code = error.code if isinstance(error.code, int) else 1
    message = f"the task called sys.exit({error.code!r})"
    return Ending(reason=FailureReason.ERROR, message=message, traceback=text, exit_code=code)


def _text(error: BaseException) -> str:
    try:
        text = str(error)
    except Exception as broken:  # noqa: BLE001 (user code: an error whose own __str__ fails)
        return f"its text cannot be had: {type(broken).__name__}"
    return text if len(text) <= _MAX_MESSAGE else f"{text[:_MAX_MESSAGE]}... ({len(text):,} in all)"


def result_json(value: Any) -> bytes:
    """Return the result of a task as JSON.

    Raises
    ------
    TypeError, ValueError
        If it is none; scalars and arrays of numpy count as numbers and lists.
    """
    return json.dumps(value, default=_plain).encode()


def _plain(value: Any) -> Any:
    # numpy and the like are not imported for this; what they share is `tolist`.
    if hasattr(value, "tolist"):
        return value.tolist()
    message = f"{type(value).__qualname__} is not JSON"
    raise TypeError(message)
