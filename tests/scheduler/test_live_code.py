"""What is kept in mind of the code of jobs while they are live."""

from dataclasses import replace
from pathlib import Path

from tests.support.running import DEADLINE_S, Held, gates, running
from xpmnb.code import Code
from xpmnb.records.job_directory import read_job
from xpmnb.scheduler.changes import note_newer_code, take_newest_code
from xpmnb.scheduler.jobs import Job


def submitted_with(job: Job, code: Code) -> Job:
    """Return what a submission of the task of a job with other code makes."""
    other = Job(job.layout, job.task, {}, job.launcher, None)
    other.code = code
    return other


def test_the_code_that_runs_may_be_the_newest_again(tmp_path: Path) -> None:
    """A job that runs is shown as changed only while the last submission had other code."""
    with running(tmp_path):
        job = Held.C(key="a").submit().job
        gates.await_begin("a")
        first = job.code
        assert first is not None
        newer = replace(first, digest="0" * 64)
        note_newer_code(job, submitted_with(job, newer))
        assert job.code_changed
        assert job.ran_code == first.digest
        note_newer_code(job, submitted_with(job, first))
        assert not job.code_changed
        assert job.ran_code == first.digest
        gates.open("a")
        assert job.result(DEADLINE_S) == "a"
        assert read_job(job.layout).code == first.digest


def test_another_attempt_takes_the_code_of_the_last_submission(tmp_path: Path) -> None:
    """A thread job that runs again has the newest code on record, though it began with other."""
    with running(tmp_path):
        job = Held.C(key="a").submit().job
        gates.await_begin("a")
        newest = job.code
        assert newest is not None
        job.code = replace(newest, digest="0" * 64)  # it began before its class was declared anew
        note_newer_code(job, submitted_with(job, newest))
        assert job.ran_code == "0" * 64
        take_newest_code(job)
        assert not job.code_changed
        assert job.ran_code == newest.digest
        gates.open("a")
