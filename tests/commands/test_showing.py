"""``xpmnb show``: all that is known of a job."""

import json
import os
from pathlib import Path

import pytest

from tests.support.shell import begin, end, make_job, records_in
from xpmnb.commands.showing import iter_files, show_job
from xpmnb.records.events import Metrics, Progress
from xpmnb.records.files import PathLock
from xpmnb.records.layout import JobLayout
from xpmnb.records.states import FailureReason
from xpmnb.records.workspace import RunJournal
from xpmnb.scheduler.stopping import StopRequest


@pytest.fixture
def failed(tmp_path: Path) -> JobLayout:
    """Give a job that failed and that has something of everything."""
    layout = make_job(records_in(tmp_path / "runs"), lr=0.1)
    begin(
        layout,
        Progress(1e9, 1, 0, 0.5, "epochs"),
        Progress(1e9, 1, 1, None, "batch\x1b"),
        Metrics(1e9, 1, 0, {"loss": 0.25}),
        host="far",
    )
    traceback = 'Traceback (most recent call last):\n  File "a\x07.py", line 3\nValueError: bad\n'
    end(layout, FailureReason.ERROR, message="ValueError: bad\x1b[31m", traceback=traceback)
    (Path(layout.path) / "deep").mkdir()
    (Path(layout.path) / "deep/model\n.bin").write_bytes(b"x" * 12_345)
    return layout


def test_everything_is_shown(failed: JobLayout, capsys: pytest.CaptureFixture[str]) -> None:
    """State, failure, times, place, values, traceback and files are there, and nothing raw."""
    journal = RunJournal(records_in(Path(failed.workspace.root)).create_run("d"))
    journal.submitted(1e9, failed.task, failed.identifier, {"lr": 0.5}, {"lr": 0.5})
    journal.close()
    assert show_job(failed, as_json=False) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"nb.train {'0' * 64}\nstate         error\n")
    for part in (
        "message       ValueError: bad\\x1b[31m\n",
        f"directory     {failed.path}\n",
        "duration      1m30s\n",
        "attempts      1\n",
        "launcher      thread\n",
        f"process       {os.getpid()} on far\n",
        f"submitted by  d/{journal.layout.run}\n",
        "parameters\n  lr  0.5\n",
        "tags\n  lr  0.5\n",
        "metrics\n  loss  0.25\n",
        "progress\n  50% epochs\n    ? batch\\x1b\n",
        'traceback\n  Traceback (most recent call last):\n    File "a\\x07.py", line 3\n',
        "  12.3 kB  deep/model\\n.bin\n",
        "  __xpm__/events.jsonl\n",
    ):
        assert part in out
    assert "problem" not in out
    assert "\x1b" not in out


def test_json_has_it_all(failed: JobLayout, capsys: pytest.CaptureFixture[str]) -> None:
    """The same as JSON: the record, its runs and its files."""
    assert show_job(failed, as_json=True) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["failure"] == "error"
    assert found["message"] == "ValueError: bad\x1b[31m"
    assert found["traceback"].endswith("ValueError: bad\n")
    assert found["params"] == {"lr": 0.1, "model.layers": 3}
    assert (found["host"], found["runs"], found["stop_requested_by"]) == ("far", [], None)
    assert {"path": "deep/model\n.bin", "size_bytes": 12_345} in found["files"]


def test_a_job_that_waits_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A job without a directory shows what its run knows, and no empty parts."""
    records = records_in(tmp_path / "runs")
    journal = RunJournal(records.create_run("d"))
    journal.submitted(1e9, "nb.train", "abcd", {"x": 1}, {})
    lock = PathLock(journal.layout.lock)
    assert lock.acquire()
    try:
        assert show_job(records.layout.job("nb.train", "abcd"), as_json=False) == 0
    finally:
        lock.release()
        journal.close()
    out = capsys.readouterr().out
    assert out.startswith("nb.train abcd\nstate         waiting\n")
    assert out.endswith("parameters\n  x  1\n")
    assert "files" not in out


def test_a_request_to_stop_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """While a job runs that somebody wants to stop, it says who."""
    layout = make_job(records_in(tmp_path / "runs"))
    begin(layout)
    Path(layout.stop_request).write_bytes(StopRequest("anna\x1b", 5.0).to_bytes())
    lock = PathLock(layout.lock)
    assert lock.acquire()
    try:
        assert show_job(layout, as_json=False) == 0
    finally:
        lock.release()
    assert "asked to stop by  anna\\x1b\n" in capsys.readouterr().out
    end(layout)
    assert show_job(layout, as_json=False) == 0
    assert "asked to stop" not in capsys.readouterr().out


def test_a_damaged_job_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is wrong with a directory is told, and it is shown all the same."""
    layout = make_job(records_in(tmp_path / "runs"))
    Path(layout.params).write_bytes(b"\xff")
    Path(layout.done).write_bytes(b"{")
    assert show_job(layout, as_json=False) == 0
    assert "problem    train.done is not JSON; params.json is not JSON\n" in capsys.readouterr().out


def test_many_files_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A job with thousands of files shows the first ones, and how many more there are."""
    layout = make_job(records_in(tmp_path / "runs"))
    for number in range(250):
        (Path(layout.path) / f"{number:03}.txt").touch()
    assert show_job(layout, as_json=False) == 0
    out = capsys.readouterr().out
    assert "  0 B  199.txt\n" in out
    assert "200.txt" not in out
    assert out.endswith("  and 51 more\n")


def test_links_are_not_followed(tmp_path: Path) -> None:
    """A link that leads to itself, or to a large place, is a file of its own."""
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "file").write_text("abc")
    (tmp_path / "broken").symlink_to(tmp_path / "nothing")
    assert [name for name, _ in iter_files(str(tmp_path))] == ["broken", "file"]
    assert list(iter_files(str(tmp_path / "nothing"))) == []
