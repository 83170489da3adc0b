"""How fast a job goes on, from its reports of progress, and when it ends at that pace; pure.

A single report tells little: steps take longer and shorter, and what comes before the first one
says nothing of those that follow. So what is expected moves towards each new guess, and does not
jump to it.
"""

from __future__ import annotations

from dataclasses import dataclass

TELLING_FRACTION = 0.02
"""Less than this of a job tells little of the rest."""

# After this share of the job, and after this share of the time that was left, a new guess counts as
# much as what was expected before.
_HALF_FRACTION = 0.05
_HALF_LEFT = 0.25


@dataclass(frozen=True, slots=True)
class Pace:
    """What reports of progress told of a job so far. Immutable; times in seconds of one clock."""

    since: float
    """When it was at `origin`: at its start; from the first report on, at that report."""
    origin: float = 0.0
    """The fraction from which speed is measured."""
    fraction: float | None = None
    """The last fraction that was reported."""
    at: float | None = None
    """When it was first seen there."""
    end: float | None = None
    """When it is expected to end; None as long as nothing is known."""


def followed(pace: Pace, fraction: float, now: float, usual_end: float | None = None) -> Pace:
    """Return the pace of a job after a look at its progress.

    Parameters
    ----------
    pace : Pace
        What was known before.
    fraction : float
        How much is done, from 0 to 1. Less than before begins anew: another loop was begun.
    now : float
        The time of the look.
    usual_end : float or None
        When it would end if it took as long as others; counts until its own reports tell more.
    """
    if fraction == pace.fraction:
        return pace
    if pace.fraction is not None and fraction < pace.fraction:
        return Pace(now, fraction, fraction, now)
    since, origin = (now, fraction) if pace.fraction is None else (pace.since, pace.origin)
    return Pace(since, origin, fraction, now, _end(pace, fraction, now, usual_end))


def _end(pace: Pace, fraction: float, now: float, usual_end: float | None) -> float | None:
    gained = fraction - pace.origin
    if gained < TELLING_FRACTION:
        return pace.end
    guess = now + (1 - fraction) * max(0.0, now - pace.since) / gained
    before = usual_end if pace.end is None else pace.end
    if before is None or before <= now:
        return guess
    step, passed = gained, now - pace.since
    if pace.end is not None and pace.fraction is not None and pace.at is not None:
        step, passed = fraction - pace.fraction, now - pace.at
    passed = max(0.0, passed)
    weight = max(step / (step + _HALF_FRACTION), passed / (passed + _HALF_LEFT * (before - now)))
    return before + weight * (guess - before)
