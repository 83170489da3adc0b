"""Which jobs are ready, and which are doomed."""

import pytest

from xpmnb.records.states import FailureReason, JobState
from xpmnb.scheduler.graph import Verdict, judge

FAILED = JobState.error(FailureReason.TIMEOUT)


@pytest.mark.parametrize(
    ("states", "verdict"),
    [
        ([], Verdict.READY),
        ([JobState.DONE, JobState.DONE], Verdict.READY),
        ([JobState.DONE, JobState.RUNNING], Verdict.WAITING),
        ([JobState.WAITING], Verdict.WAITING),
        ([JobState.SCHEDULED, JobState.READY], Verdict.WAITING),
        ([FAILED], Verdict.DOOMED),
        ([JobState.RUNNING, FAILED], Verdict.DOOMED),
        ([FAILED, JobState.RUNNING, JobState.DONE], Verdict.DOOMED),
    ],
)
def test_the_states_of_the_dependencies_decide(states: list[JobState], verdict: Verdict) -> None:
    """A job is ready when all it needs is done, and doomed as soon as one of them failed."""
    assert judge(iter(states)) is verdict
