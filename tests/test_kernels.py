"""Real kernels: cells that declare, submit, wait, and kernels that restart and die."""

from pathlib import Path

import pytest

from tests.support.exporting import run_program
from tests.support.kernels import DECLARE, await_file, kernel, lines, states
from xpmnb import workspace

pytestmark = pytest.mark.notebook


def test_a_cell_declares_submits_and_stays_free(tmp_path: Path) -> None:
    """The kernel answers other cells while a job runs, and keeps its directory and its streams."""
    with kernel(tmp_path) as shell:
        shell.run(DECLARE)
        shell.run("xp = experiment(ROOT / 'runs', 'free').start()")
        shell.run("waits = Waits.C(name='a').submit()\ntrain = Train.C(lr=0.5).submit()")
        await_file(tmp_path / "a.begun")
        assert shell.run("print(6 * 7, waits.job.state.value)") == "42 running\n"
        assert shell.run("import os; print(os.getcwd())") == f"{tmp_path}\n"
        (tmp_path / "a.go").touch()
        told = shell.run("print(waits.job.wait(30).value, train.job.result(30))")
        assert told == "done 0.5\n"
        assert shell.run("print(train.stdout().read_text())") == "training\n\n"
        assert shell.run("state = await train.job\nprint(state.value)") == "done\n"
        shell.run("xp.close()")
        names = shell.run("import threading; print([t.name for t in threading.enumerate()])")
        assert "xpmnb-scheduler" not in names


def test_a_cell_that_declares_may_run_again(tmp_path: Path) -> None:
    """Configurations made before their class was declared again submit, and name the same job."""
    with kernel(tmp_path) as shell:
        shell.run(DECLARE)
        shell.run("xp = experiment(ROOT / 'runs', 'again').start()")
        shell.run("old = Train.C(lr=0.1)\ndone = Train.C(lr=0.2).submit(); done.wait(30)")
        shell.run(DECLARE)
        told = shell.run(
            "new = Train.C(lr=0.1)\n"
            "print(old.submit().wait(30).value, new.submit().wait(30).value)\n"
            "print(old.job.id == new.job.id, Train.C(lr=0.2).submit().job.id == done.job.id)\n"
            "xp.wait(30)"
        )
        assert told == "done done\nTrue True\n"
        assert sorted(lines(tmp_path)) == ["0.1", "0.2"]


def test_a_cell_with_magics_and_await_declares(tmp_path: Path) -> None:
    """A class declared in a cell with magics and a top-level await runs like any other."""
    cell = "%time 1 + 1\n!echo hello\n" + DECLARE + "\nimport asyncio\nawait asyncio.sleep(0)\n"
    with kernel(tmp_path) as shell:
        shell.run(cell)
        told = shell.run(
            "xp = experiment(ROOT / 'runs', 'magic').start()\n"
            "job = Train.C(lr=0.1).submit().job\nprint(job.wait(30), job.message)\n"
            "print('class Train' in (job.path / 'train.py').read_text())"
        )
        assert told == "JobState.DONE \nTrue\n"


@pytest.mark.parametrize("told", [True, False])
def test_submitting_opens_an_experiment(tmp_path: Path, told: bool) -> None:
    """With none open, submit() opens an experiment named after the notebook, where it is known."""
    named = {"JPY_SESSION_NAME": str(tmp_path / "My study.ipynb")} if told else {}
    with kernel(tmp_path, **named) as shell:
        shell.run(DECLARE)
        assert shell.run("print(Train.C(lr=0.5).submit().wait(30).value)") == "done\n"
        found = workspace(tmp_path / "xpm-workspace")
        assert found.experiments() == ["My study" if told else "notebook"]
        (task,) = found.jobs()["task"]
        assert task.endswith(".train")
        assert task == task.lower()


def test_a_new_kernel_runs_nothing_twice(tmp_path: Path) -> None:
    """The same cells in a restarted kernel find their finished jobs."""
    cells = "xp = experiment(ROOT / 'runs', 'restart').start()\n"
    cells += "jobs = [Train.C(lr=x / 10).submit().job for x in range(3)]\nxp.wait(30)\n"
    cells += "print([job.result() for job in jobs], len(xp.jobs()))"
    for _ in range(2):
        with kernel(tmp_path, JPY_SESSION_NAME=str(tmp_path / "study.ipynb")) as shell:
            shell.run(DECLARE)
            assert shell.run(cells) == "[0.0, 0.1, 0.2] 3\n"
    assert sorted(lines(tmp_path)) == ["0.0", "0.1", "0.2"]


def test_a_killed_kernel_leaves_lost_jobs(tmp_path: Path) -> None:
    """After kill -9 of the kernel its running job is lost, never running, and can run again."""
    cell = "xp = experiment(ROOT / 'runs', 'k').start()\njob = Waits.C(name='a').submit().job"
    with kernel(tmp_path) as shell:
        shell.run(DECLARE + cell)
        await_file(tmp_path / "a.begun")
        assert set(states(tmp_path / "runs").values()) == {"running"}
        shell.kill()
        assert set(states(tmp_path / "runs").values()) == {"lost"}
    (tmp_path / "a.go").touch()
    with kernel(tmp_path) as shell:
        shell.run(DECLARE)
        assert shell.run(cell + "\nprint(job.wait(30).value)") == "done\n"


def test_a_class_of_a_cell_runs_from_a_shell(tmp_path: Path) -> None:
    """The program that a job of a notebook leaves runs from a shell, after its kernel has ended."""
    session = str(tmp_path / "My study.ipynb")
    with kernel(tmp_path, JPY_SESSION_NAME=session) as shell:
        shell.run("import numpy as np\nfrom xpmnb import Param, Task, experiment")
        shell.run("%time 1 + 1\nSCALE = 2\ndef scaled(x):\n    return float(np.abs(SCALE * x))")
        shell.run(
            "%%time\nclass Train(Task):\n    lr: Param[float]\n    def execute(self):\n"
            "        return scaled(self.lr)"
        )
        shell.run("def scaled(x):\n    return -SCALE * x")  # declared anew, and not run before
        told = shell.run(
            "xp = experiment(ROOT / 'runs', 'shell').start()\n"
            "job = Train.C(lr=0.25).submit().job\nprint(job.result(30), job.path)"
        )
    result, path = told.split()
    folder = Path(path)
    assert (result, folder.parent.name) == ("-0.5", "my_study.train")
    (folder / "train.done").unlink()
    (folder / "__xpm__" / "result.json").unlink()
    done = run_program(folder / "train.py")
    assert (done.returncode, done.stderr) == (0, "")
    assert (folder / "__xpm__" / "result.json").read_text() == "-0.5"
