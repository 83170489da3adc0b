"""When jobs are likely to end."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tests.notebook.fake_jobs import FakeJob
from xpmnb.notebook.outlook import Outlook
from xpmnb.notebook.watched import row_of


def running(number: int = 0, *levels: float | None) -> FakeJob:
    """Return a job that runs since second 1,000."""
    job = FakeJob(number)
    job.run()
    job.progress = [(value, "") for value in levels]
    return job


def test_progress_tells_the_end() -> None:
    """A job that did a quarter in ten seconds ends after forty."""
    assert Outlook(lambda _: []).expected_end(running(0, 0.25), 1_010.0) == 1_040.0


def test_an_end_stands_still_while_progress_does() -> None:
    """Between two reports the expected end does not move: the time of the first sight counts."""
    outlook, job = Outlook(lambda _: []), running(0, 0.5)
    assert [outlook.expected_end(job, now) for now in (1_010.0, 1_015.0, 1_019.0)] == [1_020.0] * 3
    job.progress = [(0.75, "")]
    # The last quarter took twenty seconds.
    assert outlook.expected_end(job, 1_030.0) == 1_050.0


def test_another_attempt_begins_anew() -> None:
    """What a job did before it was run again says nothing of when it ends now."""
    outlook, job = Outlook(lambda _: []), running(0, 0.5)
    assert outlook.expected_end(job, 1_010.0) == 1_020.0
    job.started_at = 2_000.0
    assert outlook.expected_end(job, 2_050.0) == 2_100.0


def test_without_progress_the_usual_time_counts() -> None:
    """What others took is expected, until it takes longer than that."""
    outlook = Outlook(lambda _: [10.0, 30.0, 20.0])
    assert outlook.expected_end(running(0), 1_005.0) == 1_020.0
    assert outlook.expected_end(running(0, 0.001), 1_005.0) == 1_020.0
    assert outlook.expected_end(running(0, None), 1_020.0) is None
    assert Outlook(lambda _: []).expected_end(running(0), 1_005.0) is None
    assert outlook.expected_end(FakeJob(), 1_005.0) is None


def test_a_folder_is_read_once() -> None:
    """However many jobs a task has, its folder is read once, and what ends here is added."""
    read: list[str] = []

    def take(folder: str) -> list[float]:
        read.append(folder)
        return []

    outlook = Outlook(take)
    assert outlook.usual_s(FakeJob(0)) is None
    for number in range(5):
        job = running(number)
        job.finish()
        outlook.learn(job)
    assert outlook.usual_s(FakeJob(9)) == 2.5
    assert read == [str(Path("runs") / "jobs")]


def test_failed_and_recognised_jobs_teach_nothing() -> None:
    """What failed, and what was done before, says nothing about how long it takes."""
    outlook = Outlook(lambda _: [])
    failed, known = running(0), running(1)
    failed.fail()
    known.finish()
    known.recognised = True
    for job in (failed, known):
        outlook.learn(job)
    assert outlook.usual_s(FakeJob()) is None


def test_a_job_of_several_panels_counts_once() -> None:
    """Each panel that shows a job tells of its end; the median knows it once."""
    outlook = Outlook(lambda _: [10.0, 10.0])
    job = running(0)
    job.finish()
    for _ in range(5):
        outlook.learn(job)
    assert outlook.usual_s(FakeJob()) == 10.0


def test_nothing_is_kept_of_jobs_that_are_gone() -> None:
    """What was seen of a running job is forgotten at its end, and with the last panel of it."""
    outlook = Outlook(lambda _: [])
    jobs = [running(number, 0.5) for number in range(3)]
    for job in jobs:
        outlook.expected_end(job, 1_010.0)
    jobs[0].finish()
    outlook.learn(jobs[0])
    outlook.forget(jobs[1].id)
    outlook.forget("unknown")
    assert list(outlook._paces) == [jobs[2].id]
    for number in range(200):
        job = running(number)
        job.finish()
        outlook.learn(job)
    assert len(outlook._known(jobs[0])) <= 50


@given(st.lists(st.floats() | st.none(), max_size=3), st.floats(0, 1e9))
def test_any_progress_gives_a_time_that_json_has(levels: list[float | None], now: float) -> None:
    """Whatever a journal says of progress, what is expected is a finite time or nothing."""
    row = row_of(running(0, *levels), Outlook(lambda _: [3.0]), now)
    assert row["expected_end"] is None or abs(row["expected_end"]) < 1e12
    assert all(value is None or 0 <= value <= 1 for value, _ in row["progress"])
