"""Jobs whose code changed: rerun in order, attached to, recorded with what they really ran."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.declaring import Cells
from tests.support.running import DEADLINE_S, gates, running
from xpmnb import JobState, workspace
from xpmnb.code import Code
from xpmnb.errors import CodeChangedError
from xpmnb.records.codes import keep_code, read_code
from xpmnb.records.layout import WorkspaceLayout

DECLARE = """
from pathlib import Path
from tests.support.running import gates
from xpmnb import Meta, Param, PathGenerator, ResumableTask, Task, field

def value():
    return 1

class Held(Task):
    key: Param[str]
    def execute(self):
        gates.hold(self.key)
        return value()

class Source(Task):
    key: Param[str] = "s"
    def execute(self):
        return value()

class Resumes(ResumableTask):
    key: Param[str] = "r"
    mark: Meta[Path] = field(default_factory=PathGenerator("mark"))
    def execute(self):
        found = self.mark.read_text() if self.mark.exists() else ""
        self.mark.write_text(found + "x")
        return found, value()
"""
CHANGED = "def value():\n    return 2"


@pytest.fixture
def cells() -> Iterator[Cells]:
    """Give a notebook whose classes are declared."""
    with Cells("changing") as made:
        made.run(DECLARE)
        yield made


def test_dependents_run_again_after_what_they_need(tmp_path: Path) -> None:
    """With "rerun", a task that uses a changed one waits for its new result, and runs again."""
    declare = """
from pathlib import Path
from tests.support.running import gates
from xpmnb import Meta, Param, PathGenerator, Task, field

def value():
    return 1

class Source(Task):
    file: Meta[Path] = field(default_factory=PathGenerator("made"))
    def execute(self):
        gates.hold("source")
        self.file.write_text(str(value()))

class Uses(Task):
    source: Param[Source]
    def execute(self):
        return "made of " + self.source.file.read_text()
"""
    with Cells("changing") as cells, running(tmp_path, on_code_change="rerun", max_jobs=3):
        cells.run(declare)
        gates.open("source")
        uses = cells.module.Uses.C(source=cells.module.Source.C().submit()).submit()
        assert uses.job.result(DEADLINE_S) == "made of 1"
        gates.reset()
        cells.run(CHANGED)
        source = cells.module.Source.C().submit()
        again = cells.module.Uses.C(source=source).submit()
        gates.await_begin("source")
        assert again.job.state == JobState.WAITING
        gates.open("source")
        assert again.job.result(DEADLINE_S) == "made of 2"


def test_the_code_of_who_makes_a_value_counts(tmp_path: Path) -> None:
    """A task that uses what another one made, by dep(), is as changed as that one."""
    declare = """
from xpmnb import Config, Param, Task

def value():
    return 1

class Model(Config):
    size: Param[int] = 1

class Learn(Task):
    def task_outputs(self, dep):
        return dep(Model.C())
    def execute(self):
        return value()

class Use(Task):
    model: Param[Model]
    def execute(self):
        return self.model.size

class After(Task):
    def execute(self):
        pass
"""
    with Cells("changing") as cells, running(tmp_path):
        cells.run(declare)
        module = cells.module

        def submitted() -> list[Any]:
            model = module.Learn.C().submit()
            after = module.After.C().add_dependencies(module.Learn.C().submit())
            jobs = [module.Use.C(model=model).submit().job, after.submit().job]
            assert [job.wait(DEADLINE_S) for job in jobs] == [JobState.DONE] * 2
            return jobs

        assert not any(job.code_changed for job in submitted())
        assert not any(job.code_changed for job in submitted())
        cells.run(CHANGED)
        changed = submitted()
        assert all(job.code_changed for job in changed)
        assert "+    return 2" in str(changed[0].code_diff())


def test_a_resumable_task_begins_anew(cells: Cells, tmp_path: Path) -> None:
    """A resumable task that other code has done begins anew; what it left is in the trash."""
    with running(tmp_path, on_code_change="rerun"):
        assert cells.module.Resumes.C().submit().job.result(DEADLINE_S) == ["", 1]
        cells.run(CHANGED)
        assert cells.module.Resumes.C().submit().job.result(DEADLINE_S) == ["", 2]
    kept = [json.loads(path.read_text()) for path in (tmp_path / "runs/trash").rglob("result.json")]
    assert kept == [["", 1]]
    assert len(list((tmp_path / "runs/trash").rglob("mark"))) == 1


def test_what_other_code_left_is_nothing_to_go_on_from(cells: Cells, tmp_path: Path) -> None:
    """With "rerun", a resumable task that failed does not go on from what other code left."""
    cells.run("def value():\n    raise ValueError")
    with running(tmp_path, on_code_change="rerun"):
        for _ in range(2):
            cells.module.Resumes.C().submit().job.wait(DEADLINE_S)
        cells.run(CHANGED)
        assert cells.module.Resumes.C().submit().job.result(DEADLINE_S) == ["", 2]
    assert [path.read_text() for path in (tmp_path / "runs/trash").rglob("mark")] == ["xx"]


def test_a_job_that_runs_other_code_says_so(cells: Cells, tmp_path: Path) -> None:
    """Submitting a task while it runs attaches to it, and tells if it runs other code."""
    with running(tmp_path) as xp:
        job = cells.module.Held.C(key="a").submit().job
        gates.await_begin("a")
        ran = job.code.digest
        cells.run(CHANGED)
        again = cells.module.Held.C(key="a").submit().job
        xp.jobs()  # waits until the submission was handled
        assert again is job
        assert again.code_changed
        assert "earlier submission" in job.message
        gates.open("a")
        job.wait(DEADLINE_S)
        row = xp.jobs().iloc[0]
        assert (row["code"], row["code_changed"]) == (ran, True)
        assert "+    return 2" in str(job.code_diff())


def test_a_waiting_thread_job_takes_the_newest_code(cells: Cells, tmp_path: Path) -> None:
    """A thread job that begins after a helper changed runs the new one, and is on record so."""
    with running(tmp_path, max_jobs=1) as xp:
        first = cells.module.Held.C(key="a").submit().job
        gates.await_begin("a")
        second = cells.module.Held.C(key="b").submit().job
        cells.run(CHANGED)
        gates.open("a", "b")
        assert second.result(DEADLINE_S) == 2
        jobs = xp.jobs().set_index("id")
        codes = jobs["code"]
        assert codes[first.id] != codes[second.id]
        assert not jobs.loc[second.id, "code_changed"]
        assert codes[second.id] == second.code.digest
        assert "return 2" in (second.path / "held.py").read_text()
        again = cells.module.Held.C(key="b").submit().job
        again.wait(DEADLINE_S)
        assert not again.code_changed


def test_the_error_names_what_changed(cells: Cells, tmp_path: Path) -> None:
    """A refused submission says which parts changed, and leaves job and result as they are."""
    with running(tmp_path) as xp:
        cells.module.Source.C().submit().job.wait(DEADLINE_S)
        cells.run(CHANGED)
        task = cells.module.Source.C()
        with pytest.raises(CodeChangedError, match=r"\(value\): submit it with on_code_change"):
            task.submit(on_code_change="error")
        assert len(xp.jobs()) == 1
        assert task.submit(on_code_change="ignore").job.result(DEADLINE_S) == 1


def test_a_record_without_a_code_is_of_no_other(cells: Cells, tmp_path: Path) -> None:
    """Of a job whose record has no code hash, nothing is said and nothing is run again."""
    with running(tmp_path):
        job = cells.module.Source.C().submit().job
        job.wait(DEADLINE_S)
    record = json.loads((job.path / "__xpm__/params.json").read_text())
    del record["code"]
    (job.path / "__xpm__/params.json").write_text(json.dumps(record))
    with running(tmp_path, on_code_change="rerun"):
        again = cells.module.Source.C().submit().job
        assert again.result(DEADLINE_S) == 1
        assert (again.recognised, again.code_changed) == (True, False)


def test_a_lost_source_leaves_the_hash(cells: Cells, tmp_path: Path) -> None:
    """Where the source of the old code is gone, the diff says so; the change is noticed."""
    with running(tmp_path):
        cells.module.Source.C().submit().job.wait(DEADLINE_S)
    for path in (tmp_path / "runs/code").iterdir():
        path.write_text("{ torn")
    cells.run(CHANGED)
    with running(tmp_path):
        job = cells.module.Source.C().submit().job
        job.wait(DEADLINE_S)
        assert job.code_changed
        assert "not on record" in str(job.code_diff())
    assert workspace(tmp_path / "runs").jobs().loc[0, "code"] != job.code.digest


@pytest.mark.parametrize("policy", ["always", "", None, 1])
def test_a_policy_is_one_of_four_words(policy: Any, cells: Cells, tmp_path: Path) -> None:
    """Any other word is refused, and the message has the four."""
    with pytest.raises(ValueError, match="'warn', 'rerun', 'error', 'ignore'"):
        running(tmp_path, on_code_change=policy).__enter__()
    if policy is not None:
        with running(tmp_path), pytest.raises(ValueError, match="'warn', 'rerun', 'error'"):
            cells.module.Source.C().submit(on_code_change=policy)


def test_a_code_is_kept_once(tmp_path: Path) -> None:
    """A code is written once, read back whole, and none where there is none."""
    layout = WorkspaceLayout(tmp_path)
    code = Code("ab" * 32, {"f": "def f():\n    return 'ä'"})
    keep_code(layout, code)
    [path] = (tmp_path / "code").iterdir()
    before = path.stat().st_mtime_ns
    keep_code(layout, code)
    assert path.stat().st_mtime_ns == before
    found = read_code(layout, code.digest)
    assert found is not None
    assert (found.digest, found.parts) == (code.digest, code.parts)
    assert read_code(layout, "cd" * 32) is read_code(layout, None) is None
    assert read_code(layout, "../" + code.digest) is None
