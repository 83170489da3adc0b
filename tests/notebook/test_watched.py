"""What a panel reads of a job."""

import json
import math

from tests.notebook.fake_jobs import FakeJob, Word
from xpmnb.notebook.table import table_html
from xpmnb.notebook.values import value_text
from xpmnb.notebook.watched import TAGS_LIMIT, row_of


class Unprintable:
    """Its text raises."""

    def __str__(self) -> str:
        raise RuntimeError


def test_values_are_short() -> None:
    """Floats have four digits, others their text, and a broken one its type's name."""
    assert value_text(0.123456) == "0.1235"
    assert value_text(None) == "None"
    assert value_text(12345678) == "12345678"
    assert value_text(math.nan) == "nan"
    assert value_text("x" * 1_000).endswith("x…")
    assert value_text(Unprintable()) == "<Unprintable>"


def test_a_row_is_plain_json() -> None:
    """Whatever a job holds, its row is strict JSON of bounded size."""
    job = FakeJob(0, **{f"tag{number}": number for number in range(100)})
    job.progress = [(math.nan, "a"), (7.0, "b"), (-1.0, "c"), (None, "d")]
    job.metrics = {"loss": math.inf, "odd": Unprintable()}
    job.message = "x" * 10_000
    row = row_of(job)
    assert len(json.dumps(row, allow_nan=False)) < 4_000
    assert row["progress"] == [(None, "a"), (1.0, "b"), (0.0, "c"), (None, "d")]
    assert len(row["tags"]) == TAGS_LIMIT


def test_parameters_tell_jobs_without_tags_apart() -> None:
    """A job without tags shows its first parameters instead."""
    job = FakeJob()
    job.params = {"lr": 0.1, "model.layers": 3}
    assert row_of(job)["tags"] == [("lr", "0.1"), ("model.layers", "3")]
    job.tags = {"lr": 0.1}
    assert row_of(job)["tags"] == [("lr", "0.1")]


def test_what_was_done_before_says_so() -> None:
    """A job that a submission recognised is not shown as one that just ran."""
    job = FakeJob()
    job.finish()
    assert row_of(job)["word"] == "done"
    job.recognised = True
    assert row_of(job)["word"] == "done earlier"
    assert row_of(job)["tone"] == "done"


def test_what_other_code_made_says_so() -> None:
    """A result that other code made is told apart, whether it was there before or not."""
    job = FakeJob()
    job.finish()
    job.code_changed = True
    assert row_of(job)["word"] == "done, by other code"
    job.recognised = True
    assert row_of(job)["word"] == "done earlier, by other code"


def test_a_row_says_where_a_result_is_likely_to_be() -> None:
    """What is known of other places of a result stands where nothing else is to be said."""
    job = FakeJob()
    job.note = "old.train has it"
    assert row_of(job)["message"] == "old.train has it"
    job.fail(message="no way")
    assert row_of(job)["message"] == "no way"


def test_a_row_tells_how_often_a_job_was_run_again() -> None:
    """Retries stand beside the state; of a job that was done before they are history."""
    job = FakeJob()
    job.finish()
    assert row_of(job)["retries"] == ""
    job.retry_count = 1
    assert row_of(job)["retries"] == "1 retry"
    job.retry_count = 12
    assert row_of(job)["retries"] == "12 retries"
    assert "12 retries" in table_html([row_of(job)])
    job.recognised = True
    assert row_of(job)["retries"] == ""


def test_no_time_is_counted_between_two_attempts() -> None:
    """A job that waits for its next attempt shows no time, though it ran before."""
    job = FakeJob()
    job.run()
    assert row_of(job)["started_at"] == 1_000.0
    job.state = Word("ready")
    assert row_of(job)["started_at"] is None
