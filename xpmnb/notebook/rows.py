"""Rows of a status panel as words: pure functions, no widget, no HTML and no clock.

What a row says is decided here once, for the live panel and for the saved page alike.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TypedDict

from xpmnb.markup import shown

SPARK_POINTS = 32
"""A sparkline is a glance: more points than this cannot be told apart in it."""

MINUTE_S = 60
HOUR_S = 3_600
DAY_S = 86_400
TENTHS_BELOW_S = 10

# Tones are the five things that a colour tells; the words beside it tell the rest.
TONES = ("done", "running", "failed", "cancelled", "waiting")
_TONE_OF_STATE = {"done": "done", "running": "running", "error": "failed"}
_WORD_OF_FAILURE = {
    "error": "failed",
    "timeout": "timed out",
    "cancelled": "cancelled",
    "dependency": "dependency failed",
    "memory": "out of memory",
    "lost": "lost",
}


class Row(TypedDict):
    """One job as a panel shows it: JSON values only, all text safe to show.

    Times are seconds since the epoch.
    """

    key: str
    """The identifier of the job."""
    name: str
    """The task's short name."""
    path: str
    """The job's directory."""
    state: str
    """The state in lower case."""
    word: str
    """What a person reads as the state: ``timed out``."""
    tone: str
    """Which of `TONES` colours it."""
    stopping: bool
    """Whether it was asked to stop and has not ended."""
    final: bool
    """Whether it has ended."""
    message: str
    """One line on a failure, or on where a result came from; may be empty."""
    code_changed: bool
    """Whether the result was made by other code than the task has now."""
    tags: list[tuple[str, str]]
    """Names and values of the tags; of the parameters, where there are no tags."""
    progress: list[tuple[float | None, str]]
    """Fraction done (None where unknown) and text of each level, from the outermost inwards."""
    metrics: list[tuple[str, str]]
    """Names and last values."""
    spark: tuple[str, list[int]] | None
    """A metric and its course: at most `SPARK_POINTS` heights from 0 to 100; None for none."""
    retries: str
    """How often it was run again, in words; may be empty."""
    retry_words: str
    """What to ask before it is run again; empty where it cannot be."""
    submitted_at: float | None
    """When it was submitted."""
    started_at: float | None
    """When its body began; None between two attempts."""
    ended_at: float | None
    """When it ended."""
    expected_end: float | None
    """When a running job is expected to end; None where nothing is known."""
    usual_s: float | None
    """How long jobs of this task took before, in seconds; None where nothing is known."""
    needs: list[str]
    """Keys of the jobs that must be done first."""


def state_word(state: str, failure: str | None, *, stopping: bool) -> str:
    """Return the word that a person reads for a state, such as ``timed out``.

    Parameters
    ----------
    state : str
        The job's state in lower case.
    failure : str or None
        Why it failed, in lower case; None where it did not.
    stopping : bool
        Whether the job was asked to stop and has not ended yet.
    """
    if state == "error":
        return _WORD_OF_FAILURE.get(failure or "error", shown(failure or "failed"))
    if stopping and state != "done":
        return "stopping"
    # To a person both wait, one for other jobs and one for a free place.
    return "waiting" if state == "ready" else shown(state)


def retries_word(count: int) -> str:
    """Return how often a job was run again: ``2 retries``; empty where it never was."""
    return "" if count < 1 else "1 retry" if count == 1 else f"{count:,} retries"


def state_tone(state: str, failure: str | None) -> str:
    """Return which of `TONES` colours a state."""
    if state == "error" and failure == "cancelled":
        return "cancelled"
    return _TONE_OF_STATE.get(state, "waiting")


def summary(rows: Sequence[Row]) -> str:
    """Return how many rows are in which state: ``12 done, 3 running, 1 failed``."""
    counts = Counter(row["tone"] for row in rows)
    return ", ".join(f"{counts[tone]:,} {tone}" for tone in TONES if counts[tone])


def headline(rows: Sequence[Row]) -> str:
    """Return the panel's first line: ``16 jobs: 12 done, 3 running, 1 failed``."""
    jobs = "1 job" if len(rows) == 1 else f"{len(rows):,} jobs"
    return f"{jobs}: {summary(rows)}" if rows else jobs


def format_duration(seconds: float) -> str:
    """Return a duration as a person reads it: ``0.4 s``, ``12 s``, ``3 min 05 s``, ``2 h 03 min``.

    Parameters
    ----------
    seconds : float
        The duration in seconds; a negative one (a clock that was set back) counts as zero.
    """
    seconds = max(0.0, seconds)
    if round(seconds, 1) < TENTHS_BELOW_S:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < MINUTE_S:
        return f"{whole} s"
    if whole < HOUR_S:
        return f"{whole // MINUTE_S} min {whole % MINUTE_S:02d} s"
    if whole < DAY_S:
        return f"{whole // HOUR_S} h {whole % HOUR_S // MINUTE_S:02d} min"
    return f"{whole // DAY_S} d {whole % DAY_S // HOUR_S:02d} h"


def elapsed(row: Row, now: float | None) -> str:
    """Return how long a job ran, or has been running at `now`; empty where it did not start."""
    end = row["ended_at"] if row["final"] else now
    if row["started_at"] is None or end is None:
        return ""
    return format_duration(end - row["started_at"])
