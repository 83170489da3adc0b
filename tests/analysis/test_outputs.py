"""The table of outputs: columns, dtypes, and empty tables alike."""

import json
from pathlib import Path

import pandas as pd
import pytest

from xpmnb.analysis.outputs import outputs_frame
from xpmnb.analysis.workspace import Workspace
from xpmnb.records.events import JobRecord
from xpmnb.records.states import JobState
from xpmnb.records.task_outputs import TaskOutput

RECORD = JobRecord("nb.learn", "a", "/w/jobs/nb.learn/a", JobState.DONE, tags={"lr": 0.1})
OUTPUTS = [
    TaskOutput(("validation",), "checkpoint", [], {"step": 10}, 5.0, 1),
    TaskOutput(("parts", "0"), "save", [{"$path": "a/b"}], {"step": 20}, 6.0, 2),
    TaskOutput((), "best", [], {"of": {"$dict": [["loss", 0.5], ["at", {"$tuple": [1]}]]}}, 7.0, 2),
]
FIXED = {
    "id": "string",
    "task": "category",
    "time": "datetime64[ns, UTC]",
    "attempt": "int64",
    "path": "string",
    "method": "category",
}


def dtypes(frame: pd.DataFrame) -> dict[str, str]:
    """Give the dtypes of a frame as words."""
    return {str(name): str(dtype) for name, dtype in frame.dtypes.items()}


def test_an_empty_table_has_the_fixed_columns() -> None:
    """Without outputs, the fixed columns are there with their dtypes."""
    assert dtypes(outputs_frame([])) == FIXED
    assert dtypes(outputs_frame([(RECORD, [])])) == FIXED


def test_a_row_tells_an_output() -> None:
    """Each output is a row, its arguments flat columns of the right dtype, then the job's tags."""
    frame = outputs_frame([(RECORD, OUTPUTS)])
    assert dtypes(frame) == {
        **FIXED,
        "outputs.step": "Int64",
        "outputs.0": "string",
        "outputs.of.loss": "float64",
        "outputs.of.at": "object",
        "tags.lr": "float64",
    }
    assert frame["path"].tolist() == ["validation", "parts.0", ""]
    assert frame["method"].tolist() == ["checkpoint", "save", "best"]
    assert frame["attempt"].tolist() == [1, 2, 2]
    assert frame["time"].iloc[0] == pd.Timestamp(5, unit="s", tz="UTC")
    assert frame["outputs.step"].tolist()[:2] == [10, 20]
    assert frame["outputs.0"].iloc[1] == "a/b"
    assert frame["outputs.of.at"].iloc[2] == [1]


@pytest.fixture
def opened(tmp_path: Path) -> Workspace:
    """Give a workspace with a job that registered outputs in two attempts, and damage."""
    made = Workspace(tmp_path / "w")
    made.create()
    layout = made.layout.job("nb.learn", "a")
    Path(layout.hidden).mkdir(parents=True)
    Path(layout.params).write_text(json.dumps({"params": {}, "tags": {"lr": 0.1}}))
    again = TaskOutput(("validation",), "checkpoint", [], {"step": 10}, 9.0, 2)
    strange = TaskOutput(("\ud800",), "<b>", ["\udfff", 2**200], {"$set": [[]]}, 8.0, 1)
    entries = [output.to_json() for output in (*OUTPUTS, again, strange)]
    lines = [json.dumps(entry) for entry in entries]
    Path(layout.outputs).write_text("\n".join(["{", *lines, "[]", '{"path": 1}', "{"]))
    return made


def test_a_workspace_tells_its_outputs(opened: Workspace) -> None:
    """An output is a row once, at its first time; damage and strange values break nothing."""
    frame = opened.outputs()
    assert len(frame) == 4
    assert frame["method"].tolist() == ["checkpoint", "save", "best", "<b>"]
    assert frame["attempt"].tolist() == [1, 2, 2, 1]
    assert frame["tags.lr"].tolist() == [0.1] * 4
    assert frame["outputs.0"].tolist()[-1] == "\udfff"
