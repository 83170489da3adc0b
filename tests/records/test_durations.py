"""How long jobs took, from their end markers."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from xpmnb.records import durations
from xpmnb.records.durations import read_durations_s
from xpmnb.records.layout import JobLayout


def make_job(folder: Path, name: str, content: Any, *, age: int = 0, state: str = "done") -> Path:
    """Make a job directory with an end marker, so many seconds old."""
    path = folder / name
    path.mkdir(parents=True)
    layout = JobLayout(str(path))
    marker = Path(layout.done if state == "done" else layout.failed)
    marker.write_text(content if isinstance(content, str) else json.dumps(content))
    os.utime(path, (10_000 - age, 10_000 - age))
    return path


def test_durations_are_those_of_jobs_that_are_done(tmp_path: Path) -> None:
    """Each job that is done tells from start to end; failed and running ones tell nothing."""
    folder = tmp_path / "train"
    make_job(folder, "a", {"started": 10.0, "ended": 12.5}, age=1)
    make_job(folder, "b", {"started": 10.0, "ended": 99.0}, state="failed")
    (folder / "c").mkdir()
    make_job(folder, "d", {"started": 10, "ended": 11}, age=2)
    assert read_durations_s(str(folder)) == [2.5, 1.0]


@pytest.mark.parametrize(
    "content",
    [
        *("", "{", "[]", "\0\xff", '{"ended": 2}', "[" * 100_000, " " * 300_000),
        *('{"started": "x", "ended": 2}', '{"started": NaN, "ended": 2}'),
        '{"started": 1e999, "ended": 2}',
    ],
)
def test_what_is_damaged_is_passed_over(tmp_path: Path, content: str) -> None:
    """A marker that is torn, foreign, deep or huge hides no other."""
    make_job(tmp_path, "a", content)
    make_job(tmp_path, "b", {"started": 1, "ended": 3}, age=5)
    assert read_durations_s(str(tmp_path)) == [2.0]


def test_a_clock_that_was_set_back_gives_no_negative_time(tmp_path: Path) -> None:
    """An end before its start counts as no time."""
    make_job(tmp_path, "a", {"started": 5, "ended": 3})
    assert read_durations_s(str(tmp_path)) == [0.0]


def test_the_newest_are_taken_and_no_more_than_asked(tmp_path: Path) -> None:
    """Of many jobs the newest tell, even if newer ones have not ended well."""
    for number in range(30):
        make_job(tmp_path, f"{number:02d}", {"started": 0, "ended": number}, age=number)
    for number in range(25):
        make_job(tmp_path, f"failed {number}", {}, age=-1 - number, state="failed")
    assert read_durations_s(str(tmp_path), limit=3) == [0.0, 1.0, 2.0]


def test_a_folder_of_thousands_is_looked_at_in_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many jobs lie there, the number of files that are looked at has a bound."""
    monkeypatch.setattr(durations, "_MAX_FOLDERS", 5)
    monkeypatch.setattr(durations, "_MAX_MARKERS", 3)
    for number in range(20):
        make_job(tmp_path, str(number), {"started": 0, "ended": 1})
    assert read_durations_s(str(tmp_path)) == [1.0] * 3


def test_what_is_no_folder_gives_nothing(tmp_path: Path) -> None:
    """A missing folder, a file and links to elsewhere tell nothing."""
    (tmp_path / "file").touch()
    assert read_durations_s(str(tmp_path / "missing")) == []
    assert read_durations_s(str(tmp_path / "file")) == []
    make_job(tmp_path / "real", "a", {"started": 0, "ended": 1})
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "a").symlink_to(tmp_path / "real" / "a")
    assert read_durations_s(str(tmp_path / "links")) == []
