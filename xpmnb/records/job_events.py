"""What the attempts of a job write into its journal: event values and their JSON form.

What they tell together is computed in ``events.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from xpmnb.frozen import quick_to_make

from .json_values import as_integer, as_mapping, as_number, as_text, as_time, number, quoted

__all__ = [
    "AttemptEnded",
    "Event",
    "Metrics",
    "Notice",
    "Progress",
    "Scalar",
    "Started",
    "event_from_json",
]

Scalar = float | int | str | bool | None
"""The value of a metric."""

_SCALARS = frozenset({float, int, str, bool, type(None)})


@quick_to_make
@dataclass(frozen=True, slots=True)
class Started:
    """An attempt to run the job began."""

    time: float
    """Seconds since the epoch."""
    attempt: int
    """1 for the first attempt."""
    launcher: str
    """The launcher's word, for example ``"thread"``."""
    pid: int
    """Process that runs the body."""
    host: str
    """Machine that runs the body."""
    process_started: float | None = None
    """When the process began, where it is the job's own: with ``pid``, it tells which one it is."""

    def to_json(self) -> dict[str, Any]:
        """Give the journal's entry."""
        entry: dict[str, Any] = {
            "event": "started",
            "time": self.time,
            "attempt": self.attempt,
            "launcher": self.launcher,
            "pid": self.pid,
            "host": self.host,
        }
        if self.process_started is not None:
            entry["process_started"] = self.process_started
        return entry

    def to_line(self) -> bytes:
        """Give the entry as a line: what :meth:`to_json` says, and quicker, once for each job."""
        more = "" if (since := self.process_started) is None else f',"process_started":{since!r}'
        return (
            f'{{"event":"started","time":{number(self.time)},"attempt":{self.attempt},'
            f'"launcher":{quoted(self.launcher)},"pid":{self.pid},"host":{quoted(self.host)}'
            f"{more}}}\n"
        ).encode("ascii")


@quick_to_make
@dataclass(frozen=True, slots=True)
class AttemptEnded:
    """An attempt ended, and another one is due: the job has not ended."""

    time: float
    """Seconds since the epoch."""
    attempt: int
    """1 for the first attempt."""
    reason: str
    """Why it ended: ``"timeout"``."""
    message: str = ""
    """One line for people."""

    def to_json(self) -> dict[str, Any]:
        """Give the journal's entry."""
        return {
            "event": "attempt-ended",
            "time": self.time,
            "attempt": self.attempt,
            "reason": self.reason,
            "message": self.message,
        }


@quick_to_make
@dataclass(frozen=True, slots=True)
class Progress:
    """The task told how far it is."""

    time: float
    """Seconds since the epoch."""
    attempt: int
    """1 for the first attempt."""
    level: int
    """0 for the outermost loop."""
    value: float | None
    """From 0 to 1; None where the number of steps is not known."""
    description: str = ""
    """The task's words."""

    def to_json(self) -> dict[str, Any]:
        """Give the journal's entry."""
        return {
            "event": "progress",
            "time": self.time,
            "attempt": self.attempt,
            "level": self.level,
            "value": self.value,
            "description": self.description,
        }


@quick_to_make
@dataclass(frozen=True, slots=True)
class Metrics:
    """The task logged metrics, with one call."""

    time: float
    """Seconds since the epoch."""
    attempt: int
    """1 for the first attempt."""
    step: int | None
    """Step that the task named, or the number of the call."""
    values: Mapping[str, Scalar]
    """The metrics of the call, by name."""

    def to_json(self) -> dict[str, Any]:
        """Give the journal's entry."""
        return {
            "event": "metrics",
            "time": self.time,
            "attempt": self.attempt,
            "step": self.step,
            "values": self.values,
        }


@quick_to_make
@dataclass(frozen=True, slots=True)
class Notice:
    """Something a person should know: a retry, a refused result, a request to stop."""

    time: float
    """Seconds since the epoch."""
    attempt: int
    """1 for the first attempt; 0 before it."""
    text: str
    """One or more sentences."""

    def to_json(self) -> dict[str, Any]:
        """Give the journal's entry."""
        return {"event": "notice", "time": self.time, "attempt": self.attempt, "text": self.text}


Event = Started | AttemptEnded | Progress | Metrics | Notice
"""Anything that the journal of a job holds."""


def event_from_json(entry: Mapping[str, Any]) -> Event | None:
    """Give the event of a journal's entry.

    Parameters
    ----------
    entry
        An entry as ``to_json`` gives it, or any other JSON object.

    Returns
    -------
    Event or None
        None for a kind that this version does not know, and for an entry without its parts.
    """
    kind = entry.get("event")
    parse = _PARSERS.get(kind) if type(kind) is str else None
    time, attempt = as_time(entry.get("time")), as_integer(entry.get("attempt"))
    if parse is None or time is None or attempt is None:
        return None
    return parse(entry, time, attempt)


def _started(entry: Mapping[str, Any], time: float, attempt: int) -> Event:
    launcher, host = as_text(entry.get("launcher")), as_text(entry.get("host"))
    return Started(
        time,
        attempt,
        launcher or "",
        as_integer(entry.get("pid")) or 0,
        host or "",
        as_time(entry.get("process_started")),
    )


def _attempt_ended(entry: Mapping[str, Any], time: float, attempt: int) -> Event:
    reason, message = as_text(entry.get("reason")), as_text(entry.get("message"))
    return AttemptEnded(time, attempt, reason or "", message or "")


def _progress(entry: Mapping[str, Any], time: float, attempt: int) -> Event | None:
    level = as_integer(entry.get("level"))
    if level is None:
        return None
    value, description = as_number(entry.get("value")), as_text(entry.get("description"))
    return Progress(time, attempt, level, value, description or "")


def _metrics(entry: Mapping[str, Any], time: float, attempt: int) -> Event | None:
    values = as_mapping(entry.get("values"))
    if values is None:
        return None
    scalars = {name: value for name, value in values.items() if type(value) in _SCALARS}
    return Metrics(time, attempt, as_integer(entry.get("step")), scalars)


def _notice(entry: Mapping[str, Any], time: float, attempt: int) -> Event | None:
    text = as_text(entry.get("text"))
    return None if text is None else Notice(time, attempt, text)


_PARSERS: dict[str, Callable[[Mapping[str, Any], float, int], Event | None]] = {
    "started": _started,
    "attempt-ended": _attempt_ended,
    "progress": _progress,
    "metrics": _metrics,
    "notice": _notice,
}
