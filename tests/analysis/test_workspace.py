"""A workspace as tables, opened by its path alone."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from xpmnb.analysis.workspace import Workspace, workspace
from xpmnb.errors import WorkspaceError
from xpmnb.records.events import EndMarker, Metrics, Started
from xpmnb.records.journal import JournalWriter
from xpmnb.records.workspace import RunJournal


@pytest.fixture
def opened(tmp_path: Path) -> Workspace:
    """Give a workspace with two runs of one experiment and one of another."""
    made = Workspace(tmp_path / "w")
    made.create()
    for experiment, identifiers in [("digits", "ab"), ("digits", "bc"), ("other", "d")]:
        journal = RunJournal(made.create_run(experiment))
        for identifier in identifiers:
            journal.submitted(5.0, "nb.train", identifier, {"x": 1}, {"of": experiment})
            finish(made, identifier)
        journal.close()
    return made


def finish(made: Workspace, identifier: str) -> None:
    """Write a finished job."""
    layout = made.layout.job("nb.train", identifier)
    if Path(layout.path).exists():
        return
    Path(layout.hidden).mkdir(parents=True)
    Path(layout.params).write_text(json.dumps({"params": {"x": 1}, "tags": {}}))
    events = JournalWriter(layout.events)
    events.append(Started(10.0, 1, "thread", 1, "h").to_json())
    events.append(Metrics(11.0, 1, 0, {"loss": 2.0}).to_json())
    events.close()
    Path(layout.done).write_text(json.dumps(EndMarker("done", ended=20.0).to_json()))


def test_tables_cover_what_was_asked_for(opened: Workspace) -> None:
    """All jobs, those of an experiment, of its latest run, or of named runs."""
    runs = opened.runs("digits")

    def ids(experiment: str | None = None, wanted: str | list[str] = "all") -> list[str]:
        return sorted(opened.jobs(experiment, wanted)["id"])

    assert ids() == ["a", "b", "c", "d"]
    assert ids("digits") == ["a", "b", "c"]
    assert ids("digits", "latest") == ids("digits", runs[1]) == ["b", "c"]
    assert ids("digits", runs[:1]) == ["a", "b"]
    assert set(opened.jobs("digits")["state"]) == {"done"}


def test_metrics_and_events_cover_the_same_jobs(opened: Workspace) -> None:
    """Metrics and events are those of the jobs that the same question gives."""
    assert sorted(opened.metrics("digits", "latest")["id"]) == ["b", "c"]
    assert opened.metrics("other")["metrics.loss"].tolist() == [2.0]
    assert opened.metrics("other")["tags.of"].tolist() == ["other"]
    assert opened.events("other")["event"].tolist() == ["submitted", "started", "metrics", "done"]
    assert len(opened.metrics()) == 4


def test_wrong_questions_name_the_right_ones(opened: Workspace) -> None:
    """Unknown experiments and runs are errors that list the known ones."""
    with pytest.raises(
        WorkspaceError, match=r"no experiment 'digit'; there are: 'digits', 'other'"
    ):
        opened.jobs("digit")
    with pytest.raises(WorkspaceError, match=r"has no run 'today'; there are: '\d+T"):
        opened.metrics("digits", "today")
    with pytest.raises(WorkspaceError, match="needs the name of an experiment"):
        opened.events(runs="latest")
    with pytest.raises(WorkspaceError, match="cannot be a folder"):
        opened.jobs("../digits")


def test_opening_needs_a_workspace(tmp_path: Path, opened: Workspace) -> None:
    """A path without workspace is an error that says what to do."""
    with pytest.raises(WorkspaceError, match=r"there is no directory .*give the path"):
        workspace(tmp_path / "nothing")
    with pytest.raises(WorkspaceError, match="is no workspace: it has no folder jobs"):
        workspace(tmp_path)
    assert workspace(opened.path).path == opened.path
    assert workspace(str(opened.path)).experiments() == ["digits", "other"]


def test_its_repr_opens_it(opened: Workspace) -> None:
    """The repr names the directory."""
    assert repr(opened) == f"Workspace({str(opened.path)!r})"


def test_an_empty_workspace_has_empty_tables(tmp_path: Path) -> None:
    """A new workspace gives tables without rows."""
    made = Workspace(tmp_path / "w")
    made.create()
    assert [len(frame) for frame in (made.jobs(), made.metrics(), made.events())] == [0, 0, 0]


def test_opening_loads_no_pandas(opened: Workspace) -> None:
    """Loading pandas is left to the first table: opening a workspace does not."""
    code = (
        "import sys; from xpmnb.analysis.workspace import workspace;"
        "w = workspace(sys.argv[1]); w.records(); print('pandas' in sys.modules)"
    )
    command = [sys.executable, "-c", code, str(opened.path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
