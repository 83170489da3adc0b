"""The program of a job: it runs from a shell, or can at least be read."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import xpmnb
from tests.support.declaring import Cells
from tests.support.exporting import job_directory, output_of, run_program
from tests.support.processes import run, write_script
from tests.support.sample_tasks import Model, Train
from xpmnb import Task
from xpmnb.core.options import set_init_tasks
from xpmnb.program import needs_program, program_of

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


def test_the_program_of_a_module_runs_from_a_shell(tmp_path: Path) -> None:
    """`python train.py` runs the job in its directory, with its values, and once only."""
    task = Train.C(lr=0.25, model=Model.C(layers=7)).seal()
    program = job_directory(tmp_path, task)
    done = run_program(program)
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
    again = run_program(program)
    assert again.returncode == 0
    assert "done already" in again.stdout


def test_the_program_finds_modules_by_its_own(tmp_path: Path) -> None:
    """The program knows from where the modules of its classes are imported."""
    text = program_of(Train.C(lr=1, model=Model.C()).seal()).text.decode()
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
        "    from tests.support.exporting import job_directory\n"
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
    done = run_program(program)
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
    done = run_program(program)
    assert done.returncode == 1
    assert 'put that part under if __name__ == "__main__":' in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(program.parent.glob("runs"))


def test_the_program_of_a_cell_can_be_read_and_run(tmp_path: Path) -> None:
    """Classes of cells are in the program as source, used ones first, and it runs from a shell."""
    with Cells("reading") as cells:
        cells.run(CELL % "")
        task = cells.module.Train.C(model=cells.module.Model.C()).seal()
        program = job_directory(tmp_path, task)
        text = program.read_text(encoding="utf-8")
    ast.parse(text)
    assert text.startswith('"""A job of xpmnb: reading.train, declared in cells.')
    assert '\n\n\nclass Model(Config):\n    """A model: {braces}, "quotes" and' in text
    assert text.index("class Model(Config)") < text.index("class Train(Task)")
    assert "from xpmnb import Config, Param, Task\n" in text
    assert 'return "{name}"' in text
    assert "unused" not in text
    done = run_program(program)
    assert (done.returncode, done.stderr) == (0, "")
    assert (program.parent / "__xpm__" / "result.json").read_text(encoding="utf-8") == '"{name}"'


def test_the_newest_source_is_shown() -> None:
    """After a cell was run again the program holds the source of the class that is run."""
    with Cells("newest") as cells:
        cells.run(CELL % "# the first\n")
        old = cells.module.Train.C(model=cells.module.Model.C()).seal()
        assert '"{name}"' in program_of(old).text.decode()
        cells.run(CELL.replace('"{name}"', '"second"') % "")
        task = cells.module.Train.C(model=cells.module.Model.C()).seal()
        for each in (task, old):
            text = program_of(each).text.decode()
            assert 'return "second"' in text
            assert "{name}" not in text


def test_decorators_are_part_of_the_source() -> None:
    """The source of a class begins with its decorators."""
    with Cells("decorated") as cells:
        cells.run("def same(cls):\n    return cls\n" + CELL % "@same\n@same")
        task = cells.module.Train.C(model=cells.module.Model.C()).seal()
        text = program_of(task).text.decode()
    assert "\n\n\n@same\n@same\nclass Train(Task):\n" in text
    assert text.index("def same(cls)") < text.index("@same")


def test_a_class_without_source_is_refused() -> None:
    """Where a source is not to be had the program says so, and is still Python."""
    with Cells("sourceless") as cells:
        module = cells.module
        exec("from xpmnb import Task\nclass Job1(Task):\n    pass\n", module.__dict__)  # noqa: S102
        program = program_of(module.Job1.C().seal())
    assert "the source of class Job1 is not available" in program.problems[0]
    ast.parse(program.text)


@pytest.mark.parametrize("edited", ["class Train(:", "\0", "", "x = 1\n"])
def test_a_file_that_was_edited_does_no_harm(edited: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A class whose file is no Python any more, or another one, can still be submitted."""
    with Cells("edited") as cells:
        cells.run(CELL % "")
        task = cells.module.Train.C(model=cells.module.Model.C()).seal()
        lines = edited.splitlines(keepends=True)
        monkeypatch.setattr("linecache.getlines", lambda *_: lines)
        monkeypatch.setattr("linecache.cache", {"edited": (1, None, lines, "edited")})
        program = program_of(task)
    assert "the source of class Train is not available" in program.problems[1]


def test_a_class_in_a_function_of_a_module_is_refused() -> None:
    """No other process can import a class that only a function makes: the program says so."""

    class Hidden(Task):
        pass

    program = program_of(Hidden.C().seal())
    assert "Hidden is declared inside a function" in program.problems[0]
    assert b"cannot run outside its process" in program.text


MIXED = '''
import sys
from pathlib import Path
folder = Path(sys.argv[1])
sys.path.insert(0, str(folder))
from tests.support.declaring import Cells
from tests.support.exporting import job_directory
with Cells("mixed") as cells:
    cells.run("""
import beside_the_notebook as beside
from beside_the_notebook import Model
from xpmnb import Param, Task

class Train(Task):
    model: Param[Model]

    def execute(self):
        import later_beside_it
        from package.inner import one
        return beside.twice(self.model.layers) + later_beside_it.TEN + one
""")
    names = vars(cells.module)
    print(job_directory(folder, names["Train"].C(model=names["Model"].C(layers=4)).seal()))
'''


def test_classes_of_cells_and_of_modules_mix(tmp_path: Path) -> None:
    """A task of a cell may use configurations and helpers of modules beside the notebook."""
    (tmp_path / "beside_the_notebook.py").write_text(
        "from xpmnb import Config, Param\n\nclass Model(Config):\n    layers: Param[int]\n\n"
        "def twice(x):\n    return 2 * x\n"
    )
    (tmp_path / "later_beside_it.py").write_text("TEN = 10")
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "inner.py").write_text("one = 1")
    program = Path(output_of(MIXED, str(tmp_path)).strip())
    done = run_program(program)
    assert (done.returncode, done.stderr) == (0, ""), program.read_text()
    assert (program.parent / "__xpm__" / "result.json").read_text() == "19"


def test_init_tasks_belong_to_the_program() -> None:
    """The program of a job declares the classes of its init tasks as well."""
    with Cells("initialised") as cells:
        cells.run(CELL % "")
        cells.run(
            "class Loader(Config):\n    model: Param[Model]\n    def execute(self):\n        pass\n"
        )
        module = cells.module
        model = module.Model.C()
        task = module.Train.C(model=model).seal()
        assert "class Loader" not in program_of(task).text.decode()
        set_init_tasks(task, (module.Loader.C(model=model).seal(),))
        text = program_of(task).text.decode()
    assert "class Loader(Config):" in text
    assert text.startswith('"""A job of xpmnb: initialised.train')


def test_a_program_is_called_as_its_task_where_one_like_it_is_among_the_values() -> None:
    """The class of a task comes last, although it makes a value that is declared before others."""
    with Cells("again") as cells:
        cells.run(
            "from xpmnb import Config, Param, Task\n\n\n"
            "class First(Config):\n    pass\n\n\nclass Second(Config):\n    pass\n\n\n"
            "class Step(Task):\n    before: Param['Step | None'] = None\n"
            "    part: Param[First | Second]\n\n    def execute(self):\n        pass\n"
        )
        module = cells.module
        before = module.Step.C(part=module.First.C())
        text = program_of(module.Step.C(before=before, part=module.Second.C()).seal()).text.decode()
    assert text.startswith('"""A job of xpmnb: again.step, declared in cells.')


def test_a_program_shows_the_values_of_its_job() -> None:
    """The parameters of a job stand in its program as comments, shortened, one line each."""
    program = program_of(Train.C(lr=0.5, model=Model.C(layers=1)).seal())
    text = program.with_values({"lr": 0.5, "a": "line\nbreak \ud800", "b": "x" * 999}).decode()
    compile(text, "train.py", "exec")
    comments = [line for line in text.splitlines() if line.startswith("#     ")]
    assert comments[:2] == ["#     lr = 0.5", "#     a = 'line\\nbreak \\ud800'"]
    assert len(comments[2]) < 250
    assert text.replace("\n".join(comments), "").count("__main__") == 1
    assert program.with_values({}) == program.text


def test_which_documents_need_a_program() -> None:
    """Only classes that no module or script declares need the program, enums in values too."""
    place = {"type": "a.b", "qualname": "B"}
    script = {**place, "module": "__main__", "file": "/a.py", "values": {}}
    module = {**place, "module": "a", "file": "/a.py", "values": {}}
    cell = {**place, "module": "__main__", "values": {}}
    color = {"module": "__main__", "qualname": "Color", "file": None}
    with_enum = {**module, "values": {"x": [{"$enum": [color, "RED"]}]}}
    assert not needs_program({"objects": [script, module]})
    assert needs_program({"objects": [module, cell]})
    assert needs_program({"objects": [module, with_enum]})


LOADED = r"""
import pickle, sys, traceback
from xpmnb.program import load_program
load_program("def f():\n    1 / 0  # here\nif __name__ == '__main__':\n    f()\n", sys.argv[1])
import __main__
assert __main__ is sys.modules["__mp_main__"]
assert (__main__.__name__, __main__.__file__) == ("__mp_main__", sys.argv[1])
assert pickle.loads(pickle.dumps(__main__.f)) is __main__.f
try:
    __main__.f()
except ZeroDivisionError:
    traceback.print_exc(file=sys.stdout)
"""


def test_an_error_in_a_loaded_program_shows_its_lines(tmp_path: Path) -> None:
    """Tracebacks show the lines of a program whose file is not written yet."""
    told = output_of(LOADED, str(tmp_path / "train.py"))
    assert "1 / 0  # here" in told
    assert 'train.py", line 2, in f' in told


def test_a_refused_program_is_not_loaded(tmp_path: Path) -> None:
    """A process that is given a program that cannot run is told why."""
    with Cells("refused") as cells:
        cells.run(CELL % "" + "log = iter([])\nTrain.log = log\n")
        cells.run(
            "from xpmnb import Task\nclass Logs(Task):\n    def execute(self):\n        log\n"
        )
        text = program_of(cells.module.Logs.C().seal()).text.decode()
    script = (
        "import sys\nfrom xpmnb.program import load_program\ntry:\n"
        f"    load_program({text!r}, sys.argv[1])\nexcept SystemExit as end:\n    print(end)\n"
    )
    assert "refused.logs cannot run outside" in output_of(script, str(tmp_path / "logs.py"))


def test_a_class_that_only_the_script_itself_declares_is_refused(tmp_path: Path) -> None:
    """What stands under ``if __name__ == "__main__":`` cannot be imported by a job's process."""
    body = """
if __name__ == "__main__":
    class Hidden(Task):
        def execute(self): pass

    with experiment(ROOT / "runs", "t", launcher="process"):
        try:
            Hidden.C().submit()
        except Exception as error:
            print(type(error).__name__, error)
"""
    printed = run(write_script(tmp_path, body), tmp_path)
    assert printed.startswith("ExportError hidden cannot run in a process:")
    assert "Hidden is declared under `if __name__" in printed
    assert "declare it above that line" in printed
