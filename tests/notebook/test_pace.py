"""When a job ends at its pace."""

from collections.abc import Iterable, Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpmnb.notebook.pace import Pace, followed


def reports(steps: Iterable[float], begin: float = 0.0) -> Iterator[tuple[float, float]]:
    """Yield fraction and time of the end of each step, from how long the steps take."""
    lengths = list(steps)
    now = begin
    for number, length in enumerate(lengths, 1):
        now += length
        yield number / len(lengths), now


def ends(
    steps: Iterable[float], begin: float = 0.0, usual_end: float | None = None
) -> list[tuple[float, float]]:
    """Return when each step ends, and when the job was expected to end then."""
    pace, found = Pace(0.0), []
    for fraction, now in reports(steps, begin):
        pace = followed(pace, fraction, now, usual_end)
        if pace.end is not None:
            found.append((now, pace.end))
    return found


def test_a_steady_job_ends_as_was_expected() -> None:
    """At one pace, what is expected stays, however long the job prepared itself before."""
    assert {round(end, 6) for _, end in ends([2.0] * 100)} == {200.0}
    assert {round(end, 6) for _, end in ends([2.0] * 100, begin=600.0)} == {800.0}


def test_a_resumed_job_is_measured_from_where_it_goes_on() -> None:
    """What was done before the first report took no time now."""
    pace = followed(Pace(0.0), 0.5, 1.0)
    for number in range(1, 21):
        pace = followed(pace, 0.5 + number / 100, 1.0 + 10 * number)
    assert pace.end == pytest.approx(501.0, rel=0.05)


@given(st.lists(st.floats(0.2, 1.8), min_size=100, max_size=100))
def test_uneven_steps_move_it_by_little(steps: list[float]) -> None:
    """From step to step what is left changes by few percent beyond the time that passed."""
    total = sum(steps)
    for (before, one), (now, other) in pairwise(ends(steps)):
        if before < 0.05 * total:
            continue
        if now > 0.9 * total:
            break
        assert abs(other - one) < 0.2 * (one - before)


def test_from_usual_to_its_own_pace_it_goes_by_degrees() -> None:
    """A job five times slower than others is expected later bit by bit, and then rightly."""
    found = ends([1.0] * 100, usual_end=20.0)
    jumps = [(other - now) / (one - before) for (before, one), (now, other) in pairwise(found)]
    assert max(jumps) < 1.6
    assert [end for now, end in found if now >= 30] == pytest.approx([100.0] * 71, rel=0.1)


def test_a_job_that_slows_down_is_expected_later() -> None:
    """What is left never runs out while steps still come, however much slower they get."""
    found = ends([0.1] * 50 + [10.0] * 50)
    assert all(end > now for now, end in found[:-1])
    assert found[-2][1] == pytest.approx(505.0, rel=0.05)


def test_a_new_loop_begins_anew() -> None:
    """When progress falls, as in the loop of an evaluation, the loop before tells nothing."""
    pace = followed(followed(Pace(0.0), 0.9, 90.0), 0.01, 101.0)
    assert pace.end is None
    assert followed(pace, 0.11, 102.0).end == pytest.approx(110.9)


def test_a_look_without_news_changes_nothing() -> None:
    """As long as progress stands, so does what is expected."""
    pace = followed(Pace(0.0), 0.5, 10.0)
    assert pace.end == 20.0
    assert followed(pace, 0.5, 19.0) is pace
