"""What a run ran in, read from whatever lies there."""

import os
from pathlib import Path

import pytest

from xpmnb.records.environments import read_environment, write_environment
from xpmnb.records.layout import RunLayout, WorkspaceLayout


@pytest.fixture
def run(tmp_path: Path) -> RunLayout:
    """Return a run with a directory."""
    layout = WorkspaceLayout(tmp_path).run("e", "r")
    os.makedirs(layout.path)
    return layout


def test_what_is_written_is_read(run: RunLayout) -> None:
    """An environment comes back as it was written, with the number of its format."""
    write_environment(run, {"packages": {"a": "1"}, "git": None, "directory": "/x/\udcff"})
    told = {"format": 1, "packages": {"a": "1"}, "git": None, "directory": "/x/\udcff"}
    assert read_environment(run) == told
    assert os.listdir(run.path) == ["environment.json"]


@pytest.mark.parametrize(
    "content", [b"", b'{"format": 1, "pack', b"[1]", b"\xff\xfe", b"[" * 100_000, b"{}" * 4_000_000]
)
def test_damage_is_nothing(run: RunLayout, content: bytes) -> None:
    """A file that is torn, foreign or huge reads like none."""
    Path(run.environment).write_bytes(content)
    assert read_environment(run) is None


def test_none_is_nothing(run: RunLayout) -> None:
    """A run without the file, or with a folder there, has no environment on record."""
    assert read_environment(run) is None
    os.mkdir(run.environment)
    assert read_environment(run) is None
