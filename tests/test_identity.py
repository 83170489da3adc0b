"""Notebooks that share a workspace, are renamed, and give classes away; with real kernels."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.kernels import Kernel, kernel
from xpmnb import workspace

pytestmark = pytest.mark.notebook

DECLARE = """
from xpmnb import Config, Param, Task, experiment, deprecate

class Model(Config):
    layers: Param[int] = 1

class Train(Task):
    model: Param[Model]
    lr: Param[float]

    def execute(self):
        with open(ROOT / "log", "a") as file:
            file.write(f"{self.lr}\\n")
        return self.lr * self.model.layers

class Score(Task):
    train: Param[Train]

    def execute(self):
        with open(ROOT / "log", "a") as file:
            file.write(f"score-{self.train.lr}\\n")
        return 10 * self.train.lr
"""

SUBMIT = """
def submit(lr):
    train = Train.C(model=Model.C(layers=2), lr=lr)
    train.submit()
    score = Score.C(train=train)
    score.submit()
    xp.wait(60)
    print(train.job.result(), score.job.result())
    return train.job, score.job
"""


def opened(shell: Kernel, declare: str = DECLARE, launcher: str = "thread") -> Kernel:
    """Run the first cells of the notebook."""
    shell.run(declare)
    shell.run(f"xp = experiment(ROOT / 'runs', 'e', launcher={launcher!r}).start()")
    shell.run(SUBMIT)
    return shell


def notebook(folder: Path, name: str) -> Any:
    """Start the kernel of a notebook."""
    return kernel(folder, JPY_SESSION_NAME=str(folder / name))


def ran(folder: Path) -> list[str]:
    """Return which tasks ran, in their order."""
    return (folder / "log").read_text().split()


@pytest.mark.parametrize("launcher", ["thread", "process"])
def test_a_renamed_notebook_keeps_its_results(tmp_path: Path, launcher: str) -> None:
    """It is told where they are; after adopt, nothing runs again, and all rows are done."""
    with notebook(tmp_path, "old.ipynb") as old:
        opened(old, launcher=launcher)
        assert old.run("submit(0.5); submit(0.25)") == "1.0 5.0\n0.5 2.5\n"
    first = ["0.5", "score-0.5", "0.25", "score-0.25"]
    assert ran(tmp_path) == first
    with notebook(tmp_path, "new.ipynb") as new:
        opened(new, launcher=launcher)
        told = new.run("train, score = submit(0.5)\nprint(train.note)\nprint(train.path)")
        assert "old.train has this result: if new was called old, keep its results" in told
        assert "xp" in new.run("xp.workspace.adopt('old', 'new'); print('xp')")
        assert ran(tmp_path) == [*first, "0.5", "score-0.5"]  # before anybody knew
        told = new.run("train, score = submit(0.25)\nprint(train.recognised, score.recognised)")
        assert told == "0.5 2.5\nTrue True\n"
        new.run("xp.close()")
    assert ran(tmp_path) == [*first, "0.5", "score-0.5"]
    frame = workspace(tmp_path / "runs").jobs()
    assert set(frame["state"]) == {"done"}
    assert frame["problem"].isna().all()
    assert sorted(frame["task"]) == ["new.score"] * 2 + ["new.train"] * 2 + [
        "old.score",
        "old.train",
    ]
    assert len(workspace(tmp_path / "runs").jobs("e")) == 6


def test_a_class_that_moves_into_a_module_keeps_its_results(tmp_path: Path) -> None:
    """With a former name on the class that moved, its jobs and their dependents are done."""
    with notebook(tmp_path, "study.ipynb") as study:
        opened(study).run("submit(0.5)")
    start, end = DECLARE.index("class Train"), DECLARE.index("class Score")
    (tmp_path / "training.py").write_text(
        "from pathlib import Path\nfrom xpmnb import Config, Param, Task, deprecate\n"
        f"ROOT = Path({str(tmp_path)!r})\n\n@deprecate('study.model')"
        + DECLARE[DECLARE.index("\nclass Model") : start]
        + "@deprecate('study.train')\n"
        + DECLARE[start:end]
    )
    rest = "from training import *\nfrom xpmnb import experiment\n\n" + DECLARE[end:]
    with notebook(tmp_path, "study.ipynb") as study:
        opened(study, rest)
        assert study.run("jobs = submit(0.5)\nprint(*(job.recognised for job in jobs))") == (
            "1.0 5.0\nTrue True\n"
        )
        assert study.run("print(Train.C.__xpm_name__)") == "training.train\n"
        # Another value runs, in a process as well: the decorator is part of the program.
        study.run("xp = experiment(ROOT / 'runs', 'other', launcher='process').start()")
        assert study.run("submit(0.25)") == "0.5 2.5\n"
    assert ran(tmp_path) == ["0.5", "score-0.5", "0.25", "score-0.25"]
    tasks = workspace(tmp_path / "runs").jobs()["task"]
    assert sorted(tasks) == ["study.score"] * 2 + ["training.train"] * 2


def test_a_class_that_moves_unchanged_keeps_its_code(tmp_path: Path) -> None:
    """Moved into a module with all it uses, a class has the code of its results; changed, not."""
    declare = """from xpmnb import Param, Task

K = 3

def scaled(x):
    return x * K

class Fit(Task):
    x: Param[int]
    def execute(self):
        return scaled(self.x)
"""
    submit = (
        "job = Fit.C(x=%d).submit().job\nprint(job.result(60), job.recognised, job.code_changed)"
    )
    start = "from xpmnb import experiment\nxp = experiment(ROOT / 'runs', 'e').start()"
    with notebook(tmp_path, "study.ipynb") as study:
        study.run(declare)
        study.run(start)
        for x in (1, 2):
            study.run(submit % x)
    workspace(tmp_path / "runs").adopt("study", "fits")
    for x, text, told in ((1, declare, "False"), (2, declare.replace("x * K", "K + x"), "True")):
        (tmp_path / "fits.py").write_text(text)
        with notebook(tmp_path, "other.ipynb") as other:
            other.run("from fits import Fit")
            other.run(start)
            assert other.run(submit % x) == f"{3 * x} True {told}\n"
            assert other.run("print(xp.jobs().code_changed.tolist())") == f"[{told}]\n"


def test_a_decorated_class_of_a_cell_runs_in_a_process(tmp_path: Path) -> None:
    """Former names in a cell, and an old class that stands for a new one, need nothing more."""
    cell = DECLARE.replace("class Train", "@deprecate('old.fit')\nclass Train")
    cell += "\n@deprecate\nclass OldTrain(Train):\n    pass\n"
    with notebook(tmp_path, "study.ipynb") as study:
        opened(study, cell, "process")
        assert study.run("submit(0.5)") == "1.0 5.0\n"
        told = study.run(
            "old = OldTrain.C(model=Model.C(layers=2), lr=0.5)\nold.submit()\n"
            "print(old.wait(60).value, old.job.path.parent.name, old.job.result())\n"
            "print(OldTrain.C(model=Model.C(layers=3), lr=0.5).submit().job.result(60))"
        )
        assert told == "done study.train 1.0\n1.5\n"
    assert ran(tmp_path) == ["0.5", "score-0.5", "0.5"]


def test_two_notebooks_do_not_collide(tmp_path: Path) -> None:
    """Two kernels at a time, each with its own class of one name, have their own jobs."""
    other = DECLARE.replace("self.lr * self.model.layers", "-self.lr")
    with notebook(tmp_path, "one.ipynb") as one, notebook(tmp_path, "two.ipynb") as two:
        opened(one)
        opened(two, other)
        assert one.run("a = submit(0.5)") == "1.0 5.0\n"
        assert two.run("b = submit(0.5)") == "-0.5 5.0\n"
        assert one.run("submit(0.5)[0].recognised") == "1.0 5.0\n"
    frame = workspace(tmp_path / "runs").jobs()
    assert sorted(frame["task"]) == ["one.score", "one.train", "two.score", "two.train"]
    assert frame["id" if "id" in frame else "path"].is_unique
