"""Results that were made under another name of their task are found and taken over."""

import json
import os
import signal
import threading
import warnings
from pathlib import Path
from typing import Any

import pytest

from tests.support.declaring import Cells
from tests.support.processes import finish, start, write_script
from tests.support.running import running
from xpmnb import JobState, workspace
from xpmnb.adoption import find_former
from xpmnb.core import former, registry
from xpmnb.records import moving
from xpmnb.records.files import PathLock
from xpmnb.records.layout import JobLayout

CELL = """
import enum
from xpmnb import Config, Param, Task, deprecate

class Color(enum.Enum):
    RED = 1

class Model(Config):
    layers: Param[int] = 2
    color: Param[Color] = Color.RED

class Train(Task):
    model: Param[Model]
    lr: Param[float] = 0.1
    def execute(self):
        COUNT.append(self.lr)
        print("trained")
        return self.lr

class Score(Task):
    train: Param[Train]
    def execute(self):
        COUNT.append("score")
        return 1
"""

COUNT: list[Any] = []


@pytest.fixture(autouse=True)
def _forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test see the classes of another."""
    COUNT.clear()
    monkeypatch.setattr(registry, "_newest", dict(registry._newest))
    monkeypatch.setattr(former, "_told", {})
    monkeypatch.setattr(former, "_any", False)
    monkeypatch.setattr("xpmnb.adoption._asked", {})


class Notebook(Cells):
    """A notebook of one cell, whose tasks count how often they run."""

    def __init__(self, name: str, cell: str = CELL) -> None:
        super().__init__(name)
        self.cell = cell

    def __enter__(self) -> Any:
        super().__enter__()
        self.module.__dict__["COUNT"] = COUNT
        self.run(self.cell)
        return self.module


def close(name: str) -> None:
    """End the process of a notebook, as far as its classes go."""
    for each in [each for each in registry._newest if each.startswith(f"{name}.")]:
        del registry._newest[each]


def make_old(root: Path) -> None:
    """Run a training of 2 layers and its score in the notebook ``old``."""
    with Notebook("old") as old, running(root, "old") as xp:
        train = old.Train.C(model=old.Model.C(layers=3))
        train.submit()
        old.Score.C(train=train).submit()
        xp.wait(30)
        assert not xp.failed
    close("old")
    COUNT.clear()


def rows(root: Path) -> list[tuple[str, str]]:
    """Return task and state of all jobs; no row has a problem."""
    frame = workspace(root / "runs").jobs()
    assert frame["problem"].isna().all()
    return sorted(zip(frame["task"].astype(str), frame["state"].astype(str), strict=True))


def submit_new(root: Path, new: Any) -> tuple[Any, Any]:
    """Submit in another notebook what ran in the old one; return the jobs, ended."""
    with running(root, "new") as xp:
        train = new.Train.C(model=new.Model.C(layers=3))
        train.submit()
        score = new.Score.C(train=train)
        score.submit()
        xp.wait(30)
        assert not xp.failed
        return train.job, score.job


def test_a_renamed_notebook_keeps_its_results(tmp_path: Path) -> None:
    """After adopt, tasks and their dependents are done under the new name; nothing runs again."""
    make_old(tmp_path)
    before = workspace(tmp_path / "runs").jobs().set_index("task")
    assert workspace(tmp_path / "runs").adopt("old", "new") == 2
    with Notebook("new") as new:
        train, score = submit_new(tmp_path, new)
        assert COUNT == []
        assert train.note.startswith("taken over from old.train/")
        assert train.recognised
        assert (train.path.parts[-2], train.result(), score.result()) == ("new.train", 0.1, 1)
        assert train.stdout.read_text() == "trained\n"
    assert rows(tmp_path) == [("new.score", "done"), ("new.train", "done")]
    after = workspace(tmp_path / "runs").jobs().set_index("task")
    for column in ("started", "ended", "params.lr"):
        assert str(after.loc["new.train", column]) == str(before.loc["old.train", column])
    record = json.loads((train.path / "__xpm__/params.json").read_text())
    origin = Path(str(before.loc["old.train", "path"])).name
    assert record["adopted_from"] == f"old.train/{origin}"
    assert (record["task"], record["identifier"]) == ("new.train", train.id)


def test_old_paths_stay_good(tmp_path: Path) -> None:
    """A moved job is found where it was, and the run that made it shows it once and whole."""
    make_old(tmp_path)
    records = workspace(tmp_path / "runs")
    (path,) = [record.path for record in records.all_records() if record.task == "old.train"]
    records.adopt("old.train", "new.train")
    records.adopt("old", "new")
    with Notebook("new") as new:
        submit_new(tmp_path, new)
    assert Path(path, "train.out").read_text() == "trained\n"
    assert Path(path).is_symlink()
    assert not os.path.isabs(os.readlink(path))
    by_old = records.jobs("old")
    assert sorted(by_old["task"]) == ["old.score", "old.train"]
    assert by_old["problem"].isna().all()
    assert set(by_old["state"]) == {"done"}
    with Notebook("old") as old:  # somebody goes on with a copy of it
        submit_new(tmp_path, old)
        assert COUNT == []


@pytest.mark.parametrize("how", ["decorator", "workspace"])
def test_a_renamed_class_keeps_its_results(tmp_path: Path, how: str) -> None:
    """A class with another name, and a parameter of another name in its dependents, goes on."""
    make_old(tmp_path)
    cell = CELL.replace("class Train", "{}class Fit").replace("[Train]", "[Fit]")
    decorator = '@deprecate("old.train")\n' if how == "decorator" else ""
    with Notebook("old", cell.format(decorator)) as new, running(tmp_path, "new") as xp:
        if how == "workspace":
            assert workspace(tmp_path / "runs").adopt("old.train", "old.fit") == 1
        fit = new.Fit.C(model=new.Model.C(layers=3))
        fit.submit()
        score = new.Score.C(train=fit)
        score.submit()
        xp.wait(30)
        assert COUNT == []
        assert (fit.job.result(), score.job.result()) == (0.1, 1)
        assert fit.stdout().read_text() == "trained\n"
    assert rows(tmp_path) == [("old.fit", "done"), ("old.score", "done")]


def test_a_class_that_moved_keeps_its_results(tmp_path: Path) -> None:
    """A configuration that moves away changes the names in all that uses it."""
    make_old(tmp_path)
    model, rest = CELL[: CELL.index("class Train")], CELL[CELL.index("class Train") :]
    rest = "from xpmnb import Param, Task\nfrom lib import Model\n" + rest
    assert workspace(tmp_path / "runs").adopt("old.model", "lib.model") == 2
    with Notebook("lib", model), Notebook("old", rest) as new:
        submit_new(tmp_path, new)
        assert COUNT == []
    assert rows(tmp_path) == [("old.score", "done"), ("old.train", "done")]


def test_names_that_changed_twice(tmp_path: Path) -> None:
    """A notebook that was renamed again finds what it had under its first name."""
    make_old(tmp_path)
    records = workspace(tmp_path / "runs")
    records.adopt("old", "middle")
    with Notebook("middle") as middle, running(tmp_path, "middle") as xp:
        middle.Train.C(model=middle.Model.C(layers=3)).submit()
        xp.wait(30)
    close("middle")
    records.adopt("middle", "new")
    with Notebook("new") as new:
        train, score = submit_new(tmp_path, new)
        assert COUNT == []
    assert train.note.startswith("taken over from middle.train/")
    assert score.note.startswith("taken over from old.score/")
    assert rows(tmp_path) == [("new.score", "done"), ("new.train", "done")]


def test_an_unfinished_attempt_makes_room(tmp_path: Path) -> None:
    """A job that was cancelled under the new name goes to the trash, and the result comes."""
    make_old(tmp_path)
    records = workspace(tmp_path / "runs")
    failing = CELL.replace("return self.lr", "raise ValueError")
    with Notebook("new", failing) as new, running(tmp_path, "new") as xp:
        job = new.Train.C(model=new.Model.C(layers=3)).submit().job
        xp.wait(30)
        assert job.state.value == "error"
    COUNT.clear()
    close("new")
    records.adopt("old", "new")
    with Notebook("new") as new:
        train, _ = submit_new(tmp_path, new)
        assert COUNT == []
    assert train.id == job.id
    assert rows(tmp_path) == [("new.score", "done"), ("new.train", "done")]
    (trashed,) = Path(tmp_path, "runs/trash/new.train").iterdir()
    assert (trashed / "train.failed").exists()


def test_what_was_not_finished_is_not_taken(tmp_path: Path) -> None:
    """A failed job of the old name stays where it is, and the task runs."""
    failing = CELL.replace("return self.lr", "raise ValueError")
    with Notebook("old", failing) as old, running(tmp_path, "old") as xp:
        old.Train.C(model=old.Model.C(layers=3)).submit()
        xp.wait(30)
    close("old")
    COUNT.clear()
    workspace(tmp_path / "runs").adopt("old", "new")
    with Notebook("new") as new:
        submit_new(tmp_path, new)
    assert COUNT == [0.1, "score"]
    assert ("old.train", "error") in rows(tmp_path)


def test_other_values_are_other_jobs(tmp_path: Path) -> None:
    """Only the very task is taken over: another learning rate runs."""
    make_old(tmp_path)
    workspace(tmp_path / "runs").adopt("old", "new")
    with Notebook("new") as new, running(tmp_path, "new") as xp:
        new.Train.C(model=new.Model.C(layers=3), lr=0.5).submit()
        xp.wait(30)
    assert COUNT == [0.5]


def test_a_likely_home_is_told(tmp_path: Path) -> None:
    """Without a word of renaming the task runs, and its job says where the result is."""
    make_old(tmp_path)
    with Notebook("new") as new:
        train, score = submit_new(tmp_path, new)
    assert COUNT == [0.1, "score"]
    root = str(tmp_path / "runs")
    assert train.note == (
        "old.train has this result: if new was called old, keep its results with "
        f"workspace({root!r}).adopt('old', 'new'), or in a shell with "
        f"xpmnb adopt old new --workspace {root}; then submit again"
    )
    assert score.note.startswith("old.score has this result: if new was called old")


def test_a_likely_home_is_that_of_one_class(tmp_path: Path) -> None:
    """Where a task alone has moved, its own name is advised."""
    make_old(tmp_path)
    head, train = CELL[: CELL.index("class Train")], CELL[CELL.index("class Train") :]
    with (
        Notebook("old", head) as old,
        Notebook("lib", f"from xpmnb import Param, Task\nfrom old import Model\n{train}") as lib,
        running(tmp_path, "new"),
    ):
        job = lib.Train.C(model=old.Model.C(layers=3)).submit().job
        assert "if lib.train was called old.train, keep" in job.note


def test_a_class_of_another_notebook_that_is_here_is_no_home(tmp_path: Path) -> None:
    """Two notebooks or modules with a class of one name, both in use, are two."""
    with Notebook("one") as one, Notebook("two") as two, running(tmp_path) as xp:
        for each in (one, two):
            assert each.Train.C(model=each.Model.C()).submit().job.note == ""
        xp.wait(30)
    assert COUNT == [0.1, 0.1]


def test_a_class_may_be_declared_anew_since(tmp_path: Path) -> None:
    """A submitted task stays what it was: its dependents are found by what it was called."""
    make_old(tmp_path)
    workspace(tmp_path / "runs").adopt("old", "new")
    with Notebook("new") as new, running(tmp_path, "new") as xp:
        train = new.Train.C(model=new.Model.C(layers=3)).submit()
        xp.wait(30)
        again = CELL.replace("    lr: Param", "    extra: Constant[int] = 1\n    lr: Param")
        new.__dict__["Constant"] = __import__("xpmnb").Constant
        exec(again, new.__dict__)  # noqa: S102 (as a kernel does)
        score = new.Score.C(train=train)
        score.seal()
        layout = JobLayout(f"{tmp_path}/runs/jobs/new.score/{score.__identifier__()}")
        found = find_former(score, layout)
        assert found is not None
        assert found.task == "old.score"


@pytest.mark.parametrize("step", ["_name_files", "_describe", "os.rename", "os.symlink"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_move_that_is_cut_short_is_taken_up_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, when: str
) -> None:
    """Killed at any step, the job is whole under one of its names; the next one completes it."""
    make_old(tmp_path)
    records = workspace(tmp_path / "runs")
    (old,) = [each for each in records.iter_job_layouts() if each.task == "old.train"]
    new = records.layout.job("new.fit", "f" * 64)
    owner, name = (os, step[3:]) if step.startswith("os.") else (moving, step)
    real = getattr(owner, name)

    def cut(*args: Any, **kwargs: Any) -> None:
        if when == "after":
            real(*args, **kwargs)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, cut)
        with pytest.raises(KeyboardInterrupt):
            moving.move_job(old, new, str(tmp_path / "trash"))
    done = [each for each in records.all_records() if each.state == JobState.DONE]
    assert len(done) == 2
    assert all(record.problem is None for record in done)
    if not moving.move_job(old, new, str(tmp_path / "trash")):
        records.adopt("old", "new")
    assert Path(new.done).is_file()
    assert Path(new.stdout).read_text() == "trained\n"
    assert moving.moved_to(old) == new
    assert Path(old.done).is_file()
    assert sorted(record.task for record in records.all_records()) == ["new.fit", "old.score"]


KILLED = """
from xpmnb.records import moving
from xpmnb.records.layout import JobLayout

old, new, step, when = sys.argv[2:]
owner, name = (os, step[3:]) if step.startswith("os.") else (moving, step)
real = getattr(owner, name)

def cut(*args, **kwargs):
    if when == "after":
        real(*args, **kwargs)
    os.kill(os.getpid(), signal.SIGKILL)

setattr(owner, name, cut)
moving.move_job(JobLayout(old), JobLayout(new), f"{ROOT}/trash")
"""


@pytest.mark.parametrize("step", ["_name_files", "_describe", "os.rename", "os.symlink"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_kernel_that_is_killed_in_a_move_loses_nothing(
    tmp_path: Path, step: str, when: str
) -> None:
    """After kill -9 at any step the next submission finds the result, and adopt mends the rest."""
    make_old(tmp_path)
    records = workspace(tmp_path / "runs")
    records.adopt("old", "new")
    with Notebook("new") as new:
        identifier = new.Train.C(model=new.Model.C(layers=3)).__identifier__()
        (old,) = [each for each in records.iter_job_layouts() if each.task == "old.train"]
        to = records.layout.job("new.train", identifier)
        script = write_script(tmp_path, KILLED)
        process = start(script, tmp_path, old.path, to.path, step, when)
        finish(process)
        assert process.returncode == -signal.SIGKILL
        train, _ = submit_new(tmp_path, new)
    assert COUNT == []
    assert train.stdout.read_text() == "trained\n"
    records.adopt("old", "new")
    assert rows(tmp_path)[-1] == ("new.train", "done")
    assert moving.moved_to(old) == to


def test_many_may_move_a_job_at_a_time(tmp_path: Path) -> None:
    """Of several that take over the same job at the same moment one does, and all find it."""
    make_old(tmp_path)
    records = workspace(tmp_path / "runs")
    (old,) = [each for each in records.iter_job_layouts() if each.task == "old.train"]
    new = records.layout.job("new.fit", "f" * 64)
    moved: list[bool] = []
    barrier = threading.Barrier(6)

    def move(number: int) -> None:
        barrier.wait()
        moved.append(moving.move_job(old, new, str(tmp_path / f"trash{number}")))
        assert Path(new.done).is_file()

    threads = [threading.Thread(target=move, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(moved) == [False] * 5 + [True]
    assert moving.moved_to(old) == new


def test_a_job_that_is_locked_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While somebody has the lock of the old job, nothing is moved, and the note says so."""
    make_old(tmp_path)
    records = workspace(tmp_path / "runs")
    records.adopt("old", "new")
    (old,) = [each for each in records.iter_job_layouts() if each.task == "old.train"]
    monkeypatch.setattr(moving, "_PATIENCE_S", 0.05)
    lock = PathLock(old.lock)
    assert lock.acquire()
    try:
        with Notebook("new") as new:
            train, _ = submit_new(tmp_path, new)
    finally:
        lock.release()
    assert "cannot be moved: somebody has its lock" in train.note
    assert COUNT == [0.1]
    assert Path(old.done).is_file()


def test_a_file_of_the_task_is_never_replaced(tmp_path: Path) -> None:
    """A task that made a file with one of the new names keeps it: the job is not moved."""
    make_old(tmp_path)
    records = workspace(tmp_path / "runs")
    (old,) = [each for each in records.iter_job_layouts() if each.task == "old.train"]
    Path(old.path, "fit.out").write_text("mine")
    with pytest.raises(moving.MoveError, match=r"made a file fit\.out"):
        moving.move_job(old, records.layout.job("new.fit", "1"), str(tmp_path / "trash"))
    assert Path(old.path, "fit.out").read_text() == "mine"


def test_a_done_job_is_never_replaced(tmp_path: Path) -> None:
    """What is done, or running, under the new name stays."""
    make_old(tmp_path)
    records = workspace(tmp_path / "runs")
    old, other = records.iter_job_layouts()
    assert not moving.move_job(old, other, str(tmp_path / "trash"))
    running_one = records.layout.job("new.score", "1")
    Path(running_one.hidden).mkdir(parents=True)
    lock = PathLock(running_one.lock)
    assert lock.acquire()
    assert not moving.move_job(old, running_one, str(tmp_path / "trash"))
    lock.release()
    assert Path(old.done).is_file()


def test_damaged_aliases_do_not_break_a_submission(tmp_path: Path) -> None:
    """Whatever lies in aliases.json, tasks run; a warning says what is wrong, once."""
    with Notebook("new") as new, running(tmp_path) as xp:
        Path(tmp_path, "runs/aliases.json").write_text('{"format": 1, "form')
        with pytest.warns(UserWarning, match=r"aliases\.json is not JSON: mend or delete it"):
            new.Train.C(model=new.Model.C()).submit()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            new.Train.C(model=new.Model.C(), lr=0.3).submit()
        xp.wait(30)
        assert not xp.failed
    assert sorted(COUNT) == [0.1, 0.3]


def test_nothing_is_read_without_former_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A workspace that knows no former names computes no other identifiers for known classes."""
    with Notebook("new") as new, running(tmp_path) as xp:
        new.Train.C(model=new.Model.C()).submit()
        xp.wait(30)

        def refuse(*_: object) -> None:
            raise AssertionError

        monkeypatch.setattr("xpmnb.adoption.FormerIdentifiers", refuse)
        for lr in (0.2, 0.3):
            new.Train.C(model=new.Model.C(), lr=lr).submit()
        xp.wait(30)
    assert len(COUNT) == 3
