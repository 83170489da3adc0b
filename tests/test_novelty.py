"""why_new(task): which parameter made a new job, next to the nearest old one."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.declaring import Cells
from tests.support.pages import Page
from tests.support.running import Echo, Failing, Held, gates, running
from xpmnb import (
    Config,
    Constant,
    InstanceConfig,
    LightweightTask,
    Meta,
    Param,
    Task,
    field,
    setmeta,
    tag,
    why_new,
)
from xpmnb.errors import MissingParameterError, ParameterError, WorkspaceError
from xpmnb.sheets import ABSENT

PLACE = __name__.lower()


class Model(Config):
    layers: Param[int] = 2
    seen: Meta[int] = 0


class Wide(Model):
    width: Param[int] = 3


class Learn(Task):
    lr: Param[float]
    model: Param[Model] = field(default=Model.C(), ignore_default=True)
    epochs: Param[int] = 10
    version: Constant[int] = 1
    verbose: Meta[bool] = False
    where: Param[Path] = Path("here")

    def task_outputs(self, dep: Any) -> Any:
        return dep(Loader.C(model=self.model))

    def execute(self) -> float:
        return self.lr


class Loader(LightweightTask):
    model: Param[Model]

    def execute(self) -> None:
        """Load nothing."""


class Evaluate(Task):
    model: Param[Model]

    def execute(self) -> int:
        return 1


class Ensemble(Task):
    models: Param[list[Model]]

    def execute(self) -> int:
        return 1


class Member(InstanceConfig):
    size: Param[int] = 1


class Pair(Task):
    one: Param[Member]
    two: Param[Member]

    def execute(self) -> int:
        return 1


class Uses(Task):
    echo: Param[Echo]

    def execute(self) -> int:
        return self.echo.x


def run(*tasks: Task) -> None:
    """Submit tasks one after the other, and wait for each."""
    for task in tasks:
        task.submit()
        task.wait()


def test_the_nearest_job_is_found_and_what_differs(tmp_path: Path) -> None:
    """The job of which the fewest values differ is told, the newest among equals."""
    with running(tmp_path):
        near, far = Learn.C(lr=0.1), Learn.C(lr=0.5, epochs=30)
        run(near, far)
        found = why_new(Learn.C(lr=0.01))
        assert found
        assert found.differences == {"lr": (0.1, 0.01)}
        assert found.nearest is not None
        assert (found.nearest.path, found.nearest.state) == (near.jobpath, "done")
        assert found.considered == 2
        assert str(found).startswith(
            f"new: lr 0.1 -> 0.01 (nearest of 2 jobs: {near.job.id[:8]}, done,"
        )
        run(Learn.C(lr=0.2))
        assert why_new(Learn.C(lr=0.01)).differences == {"lr": (0.2, 0.01)}


def test_a_job_that_is_there_is_not_new(tmp_path: Path) -> None:
    """The answer is false for a task whose job is on record, and tells how that ended."""
    with running(tmp_path):
        run(Learn.C(lr=0.1), Failing.C(x=1))
        found = why_new(Learn.C(lr=0.1, verbose=True, where=Path("there")))
        assert not found
        assert found.nearest is None
        assert found.differences == {}
        assert str(found).startswith("not new: ")
        assert ", done, 2" in str(found)
        assert "error (error)" in str(why_new(Failing.C(x=1)))


def test_a_submitted_task_is_new_if_its_submission_made_the_job(tmp_path: Path) -> None:
    """After submission the question is still answered; a job that was recognised is not new."""
    with running(tmp_path):
        run(Learn.C(lr=0.1))
        made, known = Learn.C(lr=0.2), Learn.C(lr=0.1)
        run(made, known)
        assert why_new(made).differences == {"lr": (0.1, 0.2)}
        assert why_new(made).considered == 1
        assert not why_new(known)
    with running(tmp_path):
        again = Learn.C(lr=0.2)
        run(again)
        assert not why_new(again)


def test_jobs_that_run_or_wait_are_there(tmp_path: Path) -> None:
    """A job that has not begun, and has no directory, is not new for another task."""
    with running(tmp_path, max_jobs=1):
        Held.C(key="a").submit()
        gates.await_begin("a")
        Held.C(key="b").submit()
        assert "running" in str(why_new(Held.C(key="a")))
        assert "waiting" in str(why_new(Held.C(key="b")))
        assert why_new(Held.C(key="c")).differences == {"key": ("a", "c")}
        gates.open("a", "b")


def test_nothing_is_changed(tmp_path: Path) -> None:
    """Asking seals nothing, submits nothing, and writes no job; the task can still be changed."""
    shared = Model.C()
    task = Ensemble.C(models=[shared, shared])
    with running(tmp_path):
        assert why_new(task)
        task.models.append(Wide.C())
        shared.layers = 7
        assert why_new(task)
        assert not (tmp_path / "runs" / "jobs" / f"{PLACE}.ensemble").exists()
        before = why_new(task).identifier
        task.submit()
        assert task.job.id == before


def test_what_is_wrong_is_told_as_on_submission(tmp_path: Path) -> None:
    """Missing values, and what is no task, are errors."""
    with running(tmp_path):
        with pytest.raises(MissingParameterError, match="lr"):
            why_new(Learn.C())  # type: ignore[call-arg]
        for wrong in (Model.C(), Learn, 3):
            with pytest.raises(TypeError, match=r"give the configuration of a task"):
                why_new(wrong)
        with pytest.raises(ParameterError, match="LightweightTask"):
            why_new(Learn.C(lr=1), init_tasks=[Model.C()])


def test_a_workspace_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With no experiment open the workspace is given: its directory, or the object."""
    with running(tmp_path) as xp:
        run(Learn.C(lr=0.1))
    (tmp_path / "settings.yaml").write_text("workspaces: []\n")
    monkeypatch.setenv("XPMNB_SETTINGS", str(tmp_path / "settings.yaml"))
    for named in (xp.workdir, str(xp.workdir), xp.workspace):
        assert why_new(Learn.C(lr=0.3), named).differences == {"lr": (0.1, 0.3)}
    with pytest.raises(WorkspaceError, match="no experiment is open; name the workspace"):
        why_new(Learn.C(lr=0.3))
    with pytest.raises(WorkspaceError, match="there is no directory"):
        why_new(Learn.C(lr=0.3), tmp_path / "nowhere")


def test_what_does_not_count_is_not_compared(tmp_path: Path) -> None:
    """Meta values, paths, and what setmeta took out differ without being named."""
    with running(tmp_path):
        run(Learn.C(lr=0.1, model=Model.C(seen=1), where=Path("a"), verbose=True))
        assert why_new(Learn.C(lr=0.2)).differences == {"lr": (0.1, 0.2)}
        run(Ensemble.C(models=[Model.C(), Model.C(layers=5)]))
        left_out = setmeta(Model.C(layers=6), flag=True)
        found = why_new(Ensemble.C(models=[Model.C(layers=3), left_out]))
    assert found.differences["models.0.layers"] == (2, 3)
    assert not [name for name in found.differences if name.startswith("models.1.")]


def test_classes_of_configurations_are_told(tmp_path: Path) -> None:
    """A configuration of another class is named by the two classes, with what it brings."""
    with running(tmp_path):
        run(Learn.C(lr=0.1))
        classes = {"model": (f"{PLACE}.model", f"{PLACE}.wide")}
        assert why_new(Learn.C(lr=0.1, model=Wide.C())).differences == classes
        found = why_new(Learn.C(lr=0.1, model=Wide.C(width=4)))
        assert found.differences == {**classes, "model.width": (ABSENT, 4)}


def test_a_task_inside_and_who_made_a_value_are_told(tmp_path: Path) -> None:
    """The values of a task inside are compared, and which job made what dep marked."""
    with running(tmp_path):
        run(Uses.C(echo=Echo.C(x=1).submit()))
        assert why_new(Uses.C(echo=Echo.C(x=2))).differences == {"echo.x": (1, 2)}
        one, two = Learn.C(lr=0.1), Learn.C(lr=0.2)
        first, second = one.submit(), two.submit()
        Evaluate.C(model=one.model.copy()).submit(init_tasks=[first]).wait()
        task = Evaluate.C(model=two.model.copy())
        found = why_new(task, init_tasks=[second])
        assert found.differences == {
            "init_tasks.0 (made by)": tuple(f"{PLACE}.learn/{t.job.id[:12]}" for t in (one, two))
        }
        assert why_new(task).differences["init_tasks.0"] == (f"{PLACE}.loader", ABSENT)
        task.submit(init_tasks=[second])
        assert why_new(task).differences == found.differences


NEW_CLASS = """
from xpmnb import Task, Param, Constant, Config, Meta, field

class Cell(Task):
    lr: Param[float]
    {more}

    def execute(self):
        pass
"""


@pytest.mark.parametrize(
    ("before", "after", "differences", "words"),
    [
        ("", "more: Param[int] = field(default=3)", {"more": (ABSENT, 3)}, "by field(default=...)"),
        ("", "more: Constant[int] = 3", {"more": (ABSENT, 3)}, "was declared since"),
        ("more: Param[int] = field(default=3)", "", {"more": (3, ABSENT)}, "declared no more"),
        ("more: Constant[int] = 3", "more: Constant[int] = 4", {"more": (3, 4)}, ""),
        ("more: Param[int] = 3", "more: Param[float] = field(default=3.0)", {"more": (3, 3.0)}, ""),
        (
            "more: Param[int] = 3",
            "more: Param[int] = field(default=3)",
            {},
            "counted now, although they are defaults: more",
        ),
        (
            "more: Param[int] = field(default=3)",
            "more: Param[int] = 3",
            {},
            "left out now, as the defaults of their declarations: more",
        ),
    ],
)
def test_changed_declarations_are_explained(
    tmp_path: Path, before: str, after: str, differences: dict[str, Any], words: str
) -> None:
    """A class that was declared anew may make a new job of the same values: it is said why."""
    with Cells("novel") as cells, running(tmp_path):
        run(cells.run(NEW_CLASS.format(more=before)).Cell.C(lr=0.1))
        found = why_new(cells.run(NEW_CLASS.format(more=after)).Cell.C(lr=0.1))
        assert found
        assert repr(found.differences) == repr(differences)
        assert words in str(found)
        assert words.replace("...", "") in Page(found._repr_html_()).text.replace("...", "")


def test_a_new_parameter_with_a_bare_default_makes_nothing_new(tmp_path: Path) -> None:
    """What the rules keep is not new, and is not named where something else is."""
    with Cells("novel") as cells, running(tmp_path):
        run(cells.run(NEW_CLASS.format(more="")).Cell.C(lr=0.1))
        declared = cells.run(NEW_CLASS.format(more="more: Param[int] = 3")).Cell
        assert not why_new(declared.C(lr=0.1))
        assert why_new(declared.C(lr=0.2)).differences == {"lr": (0.1, 0.2)}
        assert why_new(declared.C(lr=0.1, more=4)).differences == {"more": (ABSENT, 4)}


def test_other_code_is_no_new_job(tmp_path: Path) -> None:
    """Of a job that was done by other code it is said that the code changed; it is not new."""
    with Cells("novel") as cells, running(tmp_path):
        task = cells.run(NEW_CLASS.format(more="")).Cell.C(lr=0.1)
        run(task)
        assert why_new(task.copy()).notes == ()
        body = NEW_CLASS.format(more="").replace("pass", "return 7")
        found = why_new(cells.run(body).Cell.C(lr=0.1))
    assert not found
    assert "its code changed since it was done" in str(found)


def test_sharing_of_instance_configs_is_explained(tmp_path: Path) -> None:
    """Two equal InstanceConfigs where there was one make a job new without another value."""
    with running(tmp_path):
        one = Member.C()
        run(Pair.C(one=one, two=one))
        found = why_new(Pair.C(one=Member.C(), two=Member.C()))
        assert found.differences == {}
        assert str(found).startswith("new: no value on record differs")
        assert "InstanceConfigs differ" in str(found)


def test_old_homes_of_the_results_are_named(tmp_path: Path) -> None:
    """Where the task has no job, a task of the same name declared elsewhere is hinted at."""
    with Cells("old_place") as old, Cells("new_place") as new, running(tmp_path):
        assert str(why_new(Learn.C(lr=1))) == f"new: there is no other job of {PLACE}.learn"
        run(old.run(NEW_CLASS.format(more="")).Cell.C(lr=0.1))
        found = why_new(new.run(NEW_CLASS.format(more="")).Cell.C(lr=0.1))
    assert found
    assert found.nearest is None
    assert "xpmnb adopt old_place new_place --workspace" in str(found)
    assert found.notes[0].startswith("1 job of old_place.cell")


@pytest.mark.parametrize(
    "content", [b"", b"[]", b'{"params": 3, "document": {"objects": [{"values": 1}]}}']
)
def test_damaged_records_are_borne(tmp_path: Path, content: bytes) -> None:
    """Of a job whose record is damaged the index of its run still tells the parameters."""
    with running(tmp_path):
        task = Learn.C(lr=0.1)
        run(task)
        Path(task.job.layout.params).write_bytes(content)
        found = why_new(Learn.C(lr=0.2))
        assert found.considered == 1
        assert found.nearest is not None
        str(found), found._repr_html_()


def test_jobs_that_no_index_has_are_found(tmp_path: Path) -> None:
    """Without the journal of the run the directories tell."""
    with running(tmp_path) as xp:
        run(Learn.C(lr=0.1), Learn.C(lr=0.4))
    for journal in (xp.workdir / "experiments").glob("*/*/journal.jsonl"):
        journal.unlink()
    (xp.workdir / "jobs" / f"{PLACE}.learn" / "foreign").mkdir()
    found = why_new(Learn.C(lr=0.1, epochs=11), xp.workdir)
    assert found.considered == 3
    assert found.differences == {"epochs": (10, 11)}


def test_many_differences_make_a_table(tmp_path: Path) -> None:
    """More than three differences stand in lines of their own; the page always has a table."""
    with running(tmp_path):
        run(Learn.C(lr=0.1))
        hostile = Learn.C(lr=0.2, epochs=3, model=Wide.C(layers=9, width=4))
        found = why_new(hostile)
    assert str(found).startswith("new: 5 values differ (nearest and only job: ")
    assert "  model.layers  2 -> 9" in str(found)
    assert "table" in Page(found._repr_html_()).tags


def test_what_is_asked_is_what_is_submitted(tmp_path: Path) -> None:
    """The identifier that the answer is about is the one that submission gives, tags or not."""
    with running(tmp_path):
        shared = Wide.C(layers=4)
        made = Learn.C(lr=0.3).submit()
        tasks = [
            Learn.C(lr=tag(0.1), model=shared),
            Ensemble.C(models=[shared, shared, Model.C()]),
            Pair.C(one=Member.C(), two=Member.C()),
            Evaluate.C(model=made.model),
        ]
        for task in tasks:
            asked = why_new(task).identifier
            task.submit()
            assert task.job.id == asked
