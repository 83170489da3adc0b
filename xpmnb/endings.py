"""From what happened in a task's code to how its job ended."""

from __future__ import annotations

import json
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xpmnb.errors import GracefulTimeout, TaskCancelled
from xpmnb.records.states import FailureReason

if TYPE_CHECKING:
    from types import TracebackType

_PACKAGE = str(Path(__file__).parent)


@dataclass(frozen=True, slots=True)
class Ending:
    """How the code of a task ended: with a value, or with a reason."""

    value: Any = None
    reason: FailureReason | None = None
    """None if it ended well."""
    message: str = ""
    traceback: str = ""
    exit_code: int | None = None


def ending_of(error: BaseException) -> Ending:
    """Return how a job ended whose code raised an error."""
    text, words = _format(error), _text(error)
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
        return str(error)
    except Exception as broken:  # noqa: BLE001 (user code: an error whose own __str__ fails)
        return f"its text cannot be had: {broken!r}"


def _format(error: BaseException) -> str:
    """Return the traceback from the task's own code on, without xpmnb's frames before it."""
    place: TracebackType | None = error.__traceback__
    while place is not None and place.tb_frame.f_code.co_filename.startswith(_PACKAGE):
        place = place.tb_next
    try:
        return "".join(traceback.format_exception(type(error), error, place))
    except Exception as broken:  # noqa: BLE001 (user code: an error whose own __str__ fails)
        return f"{type(error).__name__}, whose text cannot be had: {broken!r}\n"


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
