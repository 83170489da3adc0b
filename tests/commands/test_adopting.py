"""``xpmnb adopt``."""

from pathlib import Path

import pytest

from tests.support.shell import begin, end, make_job, records_in
from xpmnb.cli import main
from xpmnb.records.aliases import load_aliases
from xpmnb.records.workspace import WorkspaceRecords


@pytest.fixture
def records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WorkspaceRecords:
    """Return a workspace of one finished job, which is the current directory."""
    records = records_in(tmp_path / "runs")
    job = make_job(records, "old.train")
    begin(job)
    end(job)
    monkeypatch.chdir(tmp_path / "runs")
    return records


def test_a_name_is_recorded_shown_and_taken_back(
    records: WorkspaceRecords, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says how many jobs there are, lists what is known, and forgets it."""
    assert main(["adopt", "old.ipynb", "New study.ipynb"]) == 0
    assert capsys.readouterr().out.startswith("1 job has or use")
    assert load_aliases(records.layout).former == {"new_study": ("old",)}
    assert main(["adopt", "--list", "--workspace", records.layout.root]) == 0
    assert capsys.readouterr().out == "old -> new_study\n"
    assert main(["adopt", "old", "new_study", "--remove"]) == 0
    assert "no former name of new_study any more" in capsys.readouterr().out
    assert main(["adopt", "--list"]) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["old"], 2, "give OLD and NEW, or --list"),
        ([], 2, "give OLD and NEW, or --list"),
        (["old", "new", "--list"], 2, "give OLD and NEW, or --list"),
        (["--remove"], 2, "give OLD and NEW, or --list"),
        (["odl", "new"], 1, "no job of this workspace has or uses the name odl; there are: old"),
        (["old", "old"], 1, "old cannot be a former name of itself"),
        (["../x", "new"], 1, "is no name"),
        (["old", "new", "--remove"], 1, "is not recorded as a former name of new"),
        (["old", "new", "--workspace", "none"], 1, "neither a directory nor an id"),
    ],
)
def test_what_cannot_be_is_an_error(
    records: WorkspaceRecords,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    words: str,
) -> None:
    """The message says what is wrong; nothing is recorded."""
    assert main(["adopt", *arguments]) == code
    assert words in capsys.readouterr().err
    assert not load_aliases(records.layout)
