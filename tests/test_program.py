"""The program of a job: it runs from a shell, or can at least be read."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import xpmnb
from tests.support.declaring import Cells
from tests.support.sample_tasks import Model, Train
from xpmnb.core.paths import generate_paths
from xpmnb.document import to_document
from xpmnb.program import program_text, source_of

CELL = '''
from xpmnb import Config, Param, Task

def unused():
    pass

class Model(Config):
    """A model: {braces}, "quotes" and 'more'."""
    layers: Param[int] = 2

%s
class Train(Task):
    model: Param[Model]

    def execute(self):
        return "{name}"
'''


def job_directory(root: Path, task: Any) -> Path:
    """Return a directory with what a job has before it runs."""
    folder: Path = root / "jobs" / type(task).__xpm_name__ / task.__identifier__()
    (folder / "__xpm__").mkdir(parents=True)
    record = {
        "params": {},
        "tags": {},
        "document": to_document(task, generate_paths(task, str(folder), "/partials")),
    }
    (folder / "__xpm__" / "params.json").write_text(json.dumps(record), encoding="utf-8")
    program = folder / "train.py"
    program.write_bytes(program_text(task))
    return program


def run(program: Path) -> "subprocess.CompletedProcess[str]":
    """Run a program as from a shell in another directory, with only xpmnb itself installed."""
    environ = {**os.environ, "PYTHONPATH": str(Path(xpmnb.__file__).parent.parent)}
    return subprocess.run(
        [sys.executable, str(program)],
        cwd=program.parents[3],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_the_program_of_a_module_runs_from_a_shell(tmp_path: Path) -> None:
    """`python train.py` runs the job in its directory, with its values, and once only."""
    task = Train.C(lr=0.25, model=Model.C(layers=7)).seal()
    program = job_directory(tmp_path, task)
    done = run(program)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "done" in done.stdout
    folder = program.parent
    assert (folder / "train.done").exists()
    assert not (folder / "train.failed").exists()
    assert (folder / "out.txt").read_text(encoding="utf-8") == "lr=0.25"
    assert (folder / "model" / "weights.txt").read_text(encoding="utf-8") == "7"
    assert (folder / "train.out").read_text(encoding="utf-8") == "trained RED\n"
    result = json.loads((folder / "__xpm__" / "result.json").read_text(encoding="utf-8"))
    assert result == {"accuracy": 0.5, "here": True}
    again = run(program)
    assert again.returncode == 0
    assert "done already" in again.stdout


def test_the_program_finds_modules_by_its_own(tmp_path: Path) -> None:
    """The program knows from where the modules of its classes are imported."""
    text = program_text(Train.C(lr=1, model=Model.C()).seal()).decode()
    root = str(Path(sys.modules[Train.__module__].__file__ or "").absolute().parents[2])
    assert repr([root]) in text
    assert "tests.support.sample_tasks.train" in text
    ast.parse(text)
    assert str(tmp_path) not in text


def test_a_script_and_its_classes_run_from_a_shell(tmp_path: Path) -> None:
    """Classes of a script are found again; the script's own main part is not run."""
    script = tmp_path / "my_script.py"
    script.write_text(
        "import sys\nfrom pathlib import Path\n"
        f"sys.path.insert(0, {str(Path(__file__).parent.parent)!r})\n"
        "from xpmnb import Param, Task\n"
        "class Train(Task):\n    x: Param[int]\n"
        "    def execute(self):\n        return self.x + 1\n"
        "if __name__ == '__main__':\n"
        "    from tests.test_program import job_directory\n"
        "    print(job_directory(Path(sys.argv[1]), Train.C(x=1).seal()))\n",
        encoding="utf-8",
    )
    made = subprocess.run(
        [sys.executable, str(script), str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert made.stderr == ""
    program = Path(made.stdout.strip())
    assert program.parent.parent.name == "my_script.train"
    done = run(program)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert (program.parent / "__xpm__" / "result.json").read_text(encoding="utf-8") == "2"


UNGUARDED = """
from xpmnb import Param, Task, experiment

class Work(Task):
    x: Param[int]

    def execute(self):
        return self.x

with experiment("runs", "all"):
    Work.C(x=1).submit()
"""


def test_a_script_without_guard_is_not_run_again(tmp_path: Path) -> None:
    """The program of a job refuses a script that would start its experiment on import."""
    script = tmp_path / "sweep.py"
    script.write_text(UNGUARDED, encoding="utf-8")
    environ = {**os.environ, "PYTHONPATH": str(Path(xpmnb.__file__).parent.parent)}
    subprocess.run([sys.executable, str(script)], cwd=tmp_path, env=environ, check=True, timeout=60)
    [program] = tmp_path.glob("runs/jobs/sweep.work/*/work.py")
    program.with_suffix(".done").unlink()
    done = run(program)
    assert done.returncode == 1
    assert 'put that part under if __name__ == "__main__":' in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(program.parent.glob("runs"))


def test_the_program_of_a_cell_can_be_read(tmp_path: Path) -> None:
    """Classes of cells are in the program as source, with a program that says where to run it."""
    with Cells("reading") as cells:
        cells.run(CELL % "")
        task = cells.module.Train.C(model=cells.module.Model.C()).seal()
        program = job_directory(tmp_path, task)
        text = program.read_text(encoding="utf-8")
    ast.parse(text)
    assert 'class Model(Config):\n    """A model: {braces}, "quotes" and' in text
    assert text.index("class Model(Config)") < text.index("class Train(Task)")
    assert 'return "{name}"' in text
    assert "unused" not in text
    done = run(program)
    assert done.returncode != 0
    assert "reading.train" in done.stderr + done.stdout


def test_the_newest_source_is_shown() -> None:
    """After a cell was run again the program holds the source of the class that is run."""
    with Cells("newest") as cells:
        cells.run(CELL % "# the first\n")
        old = cells.module.Train
        cells.run(CELL.replace('"{name}"', '"second"') % "")
        task = cells.module.Train.C(model=cells.module.Model.C()).seal()
        text = program_text(task).decode()
        assert 'return "second"' in text
        assert "{name}" not in text
        assert 'return "{name}"' in source_of(old)


def test_decorators_are_part_of_the_source() -> None:
    """The source of a class begins with its decorators."""
    with Cells("decorated") as cells:
        cells.run("def same(cls):\n    return cls\n" + CELL % "@same\n@same")
        assert source_of(cells.module.Train).startswith("@same\n@same\nclass Train(Task):\n")


def test_a_class_without_source_is_a_comment() -> None:
    """Where a source is not to be had the program says so, and is still Python."""
    with Cells("sourceless") as cells:
        module = cells.module
        exec("from xpmnb import Task\nclass Job1(Task):\n    pass\n", module.__dict__)  # noqa: S102
        text = program_text(module.Job1.C().seal()).decode()
    assert "# The source of Job1 is not available." in text
    ast.parse(text)


@pytest.mark.parametrize("edited", ["class Train(:", "\0", "", "x = 1\n"])
def test_a_file_that_was_edited_does_no_harm(edited: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A class in a function of a file that is no Python any more can still be submitted."""
    monkeypatch.setattr("linecache.getlines", lambda *_: edited.splitlines(keepends=True))
    with Cells("edited") as cells:
        cells.run(CELL % "")
        assert source_of(cells.module.Train) == "# The source of Train is not available.\n"
