"""Which jobs are ready, and which can never be. Pure functions over states."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from xpmnb.records.states import JobState

if TYPE_CHECKING:
    from collections.abc import Iterable


class Verdict(enum.Enum):
    """What the dependencies of a job mean for it."""

    READY = "ready"
    WAITING = "waiting"
    DOOMED = "doomed"


def judge(dependencies: Iterable[JobState]) -> Verdict:
    """Return what the states of its dependencies mean for a job.

    One failed dependency dooms a job at once: waiting for the others would tell nothing more.
    """
    verdict = Verdict.READY
    for state in dependencies:
        if state is JobState.DONE:
            continue
        if state == JobState.ERROR:
            return Verdict.DOOMED
        if state != JobState.DONE:
            verdict = Verdict.WAITING
    return verdict
