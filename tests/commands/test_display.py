"""Text for terminals and JSON for programs."""

import json
import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpmnb.commands import display
from xpmnb.commands.display import (
    duration_of,
    escaped,
    json_text,
    local_time,
    outcome_words,
    record_json,
    shown_value,
    state_words,
    table,
    to_duration,
)
from xpmnb.records.events import JobRecord, Progress
from xpmnb.records.states import FailureReason, JobState

TEXTS = st.text(st.characters(codec=None), max_size=30) | st.text(
    "ab\x1b\n\u202e\ud800数é\u0301 ", max_size=30
)


def record(state: JobState = JobState.DONE, **values: object) -> JobRecord:
    """Return a record with the given values."""
    return JobRecord("nb.train", "0123abcd", "/w/jobs/nb.train/0123abcd", state, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é 数", "plain é 数"),
        ("a\nb\tc\r", r"a\nb\tc\r"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("a\u202eb\u2028", r"a\u202eb\u2028"),
        ("\ud800", r"\ud800"),
        ("\x9b", r"\x9b"),
    ],
)
def test_control_characters_are_written_out(text: str, shown: str) -> None:
    """What would act on a terminal, or turn its text, is shown as it is written in Python."""
    assert escaped(text) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [("a b", "a b"), (1.5, "1.5"), (True, "true"), ([1, "é\n"], r'[1, "é\n"]'), (None, "null")],
)
def test_values_are_shown_as_a_person_writes_them(value: object, shown: str) -> None:
    """Strings have no quotes; everything else is JSON in one line."""
    assert shown_value(value) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, ""),
        (-5, "0.0s"),
        (0.04, "0.0s"),
        (59.94, "59.9s"),
        (59.96, "1m00s"),
        (185, "3m05s"),
        (3599.6, "1h00m"),
        (7380, "2h03m"),
        (86_399, "23h59m"),
        (93_600, "1d02h"),
        (1e7, "115d17h"),
    ],
)
def test_durations_are_short(seconds: float | None, shown: str) -> None:
    """Durations show their two largest units."""
    assert to_duration(seconds) == shown


def test_times_are_local_and_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Times are in the zone of the reader, with its distance from UTC."""
    assert local_time(None) == ""
    monkeypatch.setenv("TZ", "XYZ-5:30")
    time.tzset()
    try:
        assert local_time(0.9) == "1970-01-01 05:30:00+05:30"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_how_long_a_job_took() -> None:
    """The last attempt counts to its end, or until now while it runs; a lost one has no length."""
    assert duration_of(record(started=10.0, ended=15.0), 100) == 5
    assert duration_of(record(JobState.RUNNING, started=10.0), 100) == 90
    assert duration_of(record(JobState.error(FailureReason.LOST), started=10.0), 100) is None
    assert duration_of(record(JobState.WAITING), 100) is None


def test_a_state_says_why() -> None:
    """A reason that says more than `error` stands beside the state, and the message after it."""
    timeout = record(JobState.error(FailureReason.TIMEOUT), message="20 s\nover")
    assert state_words(timeout) == "error (timeout)"
    assert outcome_words(timeout) == r"error (timeout): 20 s\nover"
    assert state_words(record(JobState.error(FailureReason.ERROR))) == "error"
    assert outcome_words(record()) == "done"


def test_a_table_has_columns() -> None:
    """Columns are aligned, empty ones are left out, and a line has no blanks at its end."""
    rows = [["ID", "NAME", "EMPTY", "TAGS"], ["1", "数数", "", "a=1"], ["22", "b", "", ""]]
    assert table(rows, [3], None) == "ID  NAME  TAGS\n1   数数  a=1\n22  b\n"


def test_a_narrow_terminal_cuts_the_flexible_columns() -> None:
    """The first flexible column is cut first, and none below its header and eight columns."""
    rows = [["ID", "TASK", "TAGS"], ["1234", "a" * 20, "数" * 10]]
    assert table(rows, [2, 1], 40).splitlines()[1] == f"1234  {'a' * 20}  {'数' * 5}…"
    assert table(rows, [2, 1], 30).splitlines()[1] == f"1234  {'a' * 13}…  {'数' * 3}…"
    assert table(rows, [2, 1], 3).splitlines()[1] == f"1234  {'a' * 7}…  {'数' * 3}…"


@given(st.lists(st.tuples(TEXTS, TEXTS, TEXTS), min_size=1, max_size=5), st.integers(28, 90))
def test_a_table_keeps_to_its_lines_and_its_width(
    cells: list[tuple[str, str, str]], width: int
) -> None:
    """Whatever is in the cells, there is one line for each row, and it fits the terminal."""
    text = table([("ONE", "TWO", "THREE"), *cells], [0, 1, 2], width)
    lines = text.split("\n")
    assert len(lines) == len(cells) + 2
    assert escaped("".join(lines)) == "".join(lines)
    assert all(display._width(line) <= width for line in lines)


def test_a_record_as_json_has_all_of_it() -> None:
    """Every field of a record is there, but the course of metrics; times are ISO texts in UTC."""
    failed = record(
        JobState.error(FailureReason.TIMEOUT),
        started=0.0,
        ended=1.5,
        progress=(Progress(1.0, 1, 0, 0.5, "half"),),
        metrics={"loss": math.nan, "top": math.inf},
        params={"low": [-math.inf, (1, {"a": math.nan})]},
    )
    found = json.loads(json_text(record_json(failed, 9.0)), parse_constant=pytest.fail)
    fields = set(JobRecord.__slots__) - {"trails"} | {"failure", "duration_s"}
    assert set(found) == fields
    assert (found["state"], found["failure"]) == ("error", "timeout")
    assert (found["started"], found["duration_s"]) == ("1970-01-01T00:00:00+00:00", 1.5)
    assert found["progress"] == [{"level": 0, "value": 0.5, "description": "half"}]
    assert found["metrics"] == {"loss": "NaN", "top": "Infinity"}
    assert found["params"] == {"low": ["-Infinity", [1, {"a": "NaN"}]]}
