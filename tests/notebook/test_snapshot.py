"""The cells of a run, kept as they were executed; in real kernels."""

import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import Any

import nbformat
import pytest

from tests.support.kernels import DEADLINE_S, DECLARE, Kernel, await_file, kernel
from tests.support.shell import until
from xpmnb.notebook import snapshot as snapshot_module
from xpmnb.notebook.executed import Session
from xpmnb.notebook.snapshot import Snapshot
from xpmnb.records.layout import WorkspaceLayout

pytestmark = pytest.mark.notebook

snapshot_file = snapshot_module.__file__

START = "xp = experiment(ROOT / 'runs', 'e').start()"


def notebooks(folder: Path, experiment: str = "e") -> list[Path]:
    """Return the notebooks of the runs of an experiment, the oldest run first."""
    return sorted((folder / "runs" / "experiments" / experiment).glob("*/notebook.ipynb"))


def read(path: Path) -> Any:
    """Return a notebook that nbformat accepts."""
    text = path.read_text(encoding="utf-8")
    notebook = nbformat.reads(text, as_version=4)
    nbformat.validate(json.loads(text))
    nbformat.validate(notebook)
    return notebook


def sources(path: Path) -> list[str]:
    """Return the cells of a notebook, without the one that each test's kernel runs first."""
    cells = read(path).cells
    assert cells[0].source.startswith("from pathlib import Path\nROOT = ")
    return [cell.source for cell in cells[1:]]


def execute(shell: Kernel, code: str, cell_id: str | None = None, **options: Any) -> str:
    """Run a cell as a front end does that names its cells; return its status."""
    content = {
        "code": code,
        "silent": False,
        "store_history": True,
        "user_expressions": {},
        "allow_stdin": False,
        "stop_on_error": False,
        **options,
    }
    message = shell.client.session.msg("execute_request", content)
    if cell_id is not None:
        message["metadata"] = {"cellId": cell_id}
    shell.client.shell_channel.send(message)
    while True:
        reply = shell.client.get_shell_msg(timeout=DEADLINE_S)
        if reply["parent_header"].get("msg_id") == message["header"]["msg_id"]:
            return str(reply["content"]["status"])


def test_a_run_keeps_its_cells_as_they_were_executed(tmp_path: Path) -> None:
    """Every execution is there in order, with its number: failed ones, magics, the same twice."""
    path = tmp_path / "My study.ipynb"
    with kernel(tmp_path, JPY_SESSION_NAME=str(path)) as shell:
        cells = [
            DECLARE.strip("\n"),
            "1 / 0",
            "this is no Python",
            "%time x = 1  # a magic\n\n!true",
            START,
            "job = Train.C(lr=0.1).submit().job",
            "job = Train.C(lr=0.1).submit().job",
            "# ünïcode \U0001f40d\nxp.wait(30)",
        ]
        for cell in cells:
            is_wrong = cell in cells[1:3]
            assert execute(shell, f"{cell}\n") == ("error" if is_wrong else "ok"), cell
        (file,) = notebooks(tmp_path)
        assert sources(file) == cells
        notebook = read(file)
        assert [cell.execution_count for cell in notebook.cells] == [*range(1, len(cells) + 2)]
        assert notebook.metadata.xpmnb.notebook == str(path)
        assert notebook.metadata.kernelspec.language == "python"
        shell.run("xp.close()")
        assert sources(file)[-1] == "xp.close()"
        names = shell.run("import threading; print([t.name for t in threading.enumerate()])")
        assert "xpmnb-snapshot" not in names
        assert "xpmnb-environment" not in names
        shell.run("print('after the end')")
        assert sources(file)[-1] == "xp.close()"


def test_a_kernel_killed_in_mid_cell_has_left_that_cell(tmp_path: Path) -> None:
    """After kill -9 while a cell runs that has submitted, that cell stands in the notebook."""
    cell = f"{START}\nTrain.C(lr=0.1).submit()\nwhile True: pass"
    with kernel(tmp_path) as shell:
        shell.run(DECLARE)
        shell.client.execute(cell)
        until(lambda: notebooks(tmp_path))
        shell.kill()
    (file,) = notebooks(tmp_path)
    assert sources(file)[-1] == cell
    environment = json.loads((file.parent / "environment.json").read_text())
    assert "ipykernel" in environment["packages"]
    assert environment["script"] is None


def test_equal_runs_share_one_file(tmp_path: Path) -> None:
    """Restart and Run All leaves the notebook of the run before, and not another copy."""
    cells = [DECLARE, START, "Train.C(lr=0.1).submit()", "xp.wait(30)"]
    for extra in ([], [], ["1 + 1", "xp.wait(30)"]):
        with kernel(tmp_path) as shell:
            for cell in [*cells, *extra]:
                shell.run(cell)
    first, second, third = notebooks(tmp_path)
    assert os.path.samefile(first, second)
    assert first.stat().st_nlink == 2
    assert third.stat().st_nlink == 1
    assert sources(third) == [*sources(first), "1 + 1", "xp.wait(30)"]


def test_a_run_that_takes_over_has_a_notebook_of_its_own(tmp_path: Path) -> None:
    """The start cell, run again, begins another notebook; jobs know which run submitted them."""
    with kernel(tmp_path) as shell:
        shell.run(DECLARE)
        shell.run(START)
        shell.run("waits = Waits.C(name='a').submit().job\ndone = Train.C(lr=0.1).submit().job")
        await_file(tmp_path / "a.begun")
        shell.run("done.wait(30)")
        shell.run(START)
        shell.run("again = Train.C(lr=0.1).submit().job; new = Train.C(lr=0.2).submit().job")
        (tmp_path / "a.go").touch()
        shell.run("xp.wait(30)")
        first, second = notebooks(tmp_path)
        assert "waits = Waits" in sources(first)[-1]
        assert sources(second)[: len(sources(first))] == sources(first)
        assert sources(second)[-1] == "xp.wait(30)"
        told = shell.run(
            "print(*[job.notebook.parent.name for job in (waits, done, again, new)])\n"
            "print(*[xp.job(job.id).notebook.parent.name for job in (waits, done, again, new)])"
        )
        names = " ".join([first.parent.name] * 3 + [second.parent.name])
        assert told.splitlines() == [names, names]


def test_a_run_without_submissions_has_the_cells_until_its_start(tmp_path: Path) -> None:
    """A run that is closed, or taken over, before anything was submitted has a notebook, too."""
    with kernel(tmp_path) as shell:
        shell.run(DECLARE)
        shell.run(START)
        shell.run("xp.workdir")
        shell.run(START)
        until(lambda: notebooks(tmp_path))
        (first,) = notebooks(tmp_path)
        assert sources(first) == [DECLARE.rstrip("\n"), START]
        shell.run("xp.close()")
        assert sources(notebooks(tmp_path)[1])[-3:] == ["xp.workdir", START, "xp.close()"]


@pytest.mark.parametrize("launcher", ["thread", "process"])
def test_a_job_knows_its_notebook(tmp_path: Path, launcher: str) -> None:
    """job.notebook is there in the cell that submits, and after a restart for what was done."""
    start = f"xp = experiment(ROOT / 'runs', 'e', launcher={launcher!r}).start()\n"
    submit = "job = Train.C(lr=0.1).submit().job\n"
    with kernel(tmp_path, JPY_SESSION_NAME=str(tmp_path / "study.ipynb")) as shell:
        shell.run(DECLARE)
        cell = f"{start}{submit}print(job.notebook)"
        first = Path(shell.run(cell).strip())
        assert sources(first)[-1] == cell
        shell.run("xp.wait(30)")
    with kernel(tmp_path, JPY_SESSION_NAME=str(tmp_path / "study.ipynb")) as shell:
        shell.run(DECLARE)
        told = shell.run(f"{start}{submit}job.wait(30)\nprint(job.recognised, job.notebook)")
        assert told.split() == ["True", str(first)]
        until(lambda: len(notebooks(tmp_path)) == 2)
        first.unlink()
        assert shell.run("print(job.notebook)") == "None\n"


def test_what_the_shell_forgets_is_kept(tmp_path: Path) -> None:
    """A reset clears the history of the shell, not what was executed; no database is needed."""
    with kernel(tmp_path) as shell:
        shell.run("get_ipython().history_manager.enabled = False")
        shell.run(DECLARE)
        shell.run(f"{START}\nTrain.C(lr=0.1).submit().wait(30)")
        shell.run("between = 1")
        shell.run("%reset -f in")
        shell.run("get_ipython().reset()")
        shell.run(f"from pathlib import Path\nROOT = Path({str(tmp_path)!r})")
        shell.run(DECLARE + "job = Train.C(lr=0.2).submit().job\njob.wait(30)")
        (file,) = notebooks(tmp_path)
        found = sources(file)
        start = f"{START}\nTrain.C(lr=0.1).submit().wait(30)"
        assert found[2:6] == [start, "between = 1", "%reset -f in", "get_ipython().reset()"]
        assert found[-1] == (DECLARE + "job = Train.C(lr=0.2).submit().job\njob.wait(30)")
        counts = [cell.execution_count for cell in read(file).cells]
        assert counts[:7] == [1, 2, 3, 4, 5, 6, 7]
        assert counts[8] == counts[7] + 1 < 7  # the shell begins anew


def test_executions_without_history_count_if_they_submit(tmp_path: Path) -> None:
    """What a front end executes for itself is no cell; what submits jobs is one."""
    with kernel(tmp_path) as shell:
        shell.run(DECLARE)
        shell.run(START)
        assert execute(shell, "looks = 1", store_history=False) == "ok"
        assert execute(shell, "looks = 2", silent=True) == "ok"
        submits = "Train.C(lr=0.1).submit().wait(30)"
        assert execute(shell, submits, store_history=False) == "ok"
        shell.run("xp.wait(30)")
        (file,) = notebooks(tmp_path)
        assert sources(file)[-3:] == [START, submits, "xp.wait(30)"]
        assert [cell.execution_count for cell in read(file).cells[-3:]] == [3, None, 4]


def test_cells_keep_their_identifiers(tmp_path: Path) -> None:
    """A cell has the identifier of the front end, if a notebook allows it and no other has it."""
    with kernel(tmp_path) as shell:
        shell.run(DECLARE)
        assert execute(shell, START, "start-1") == "ok"
        assert execute(shell, "Train.C(lr=0.1).submit().wait(30)", "submit-1") == "ok"
        assert execute(shell, "Train.C(lr=0.2).submit().wait(30)", "submit-1") == "ok"
        assert execute(shell, "xp.wait(30)", "vscode-notebook-cell:/home/me/a.ipynb#W0") == "ok"
        (file,) = notebooks(tmp_path)
        ids = [cell.id for cell in read(file).cells]
        assert ids == ["cell-1", "cell-2", "start-1", "submit-1", "submit-1-5", "cell-6"]


def test_a_snapshot_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    """With a directory that takes no notebook, jobs run, and one warning tells of it."""
    block = "(ROOT / 'runs' / 'experiments' / 'e' / xp.run / 'notebook.ipynb').mkdir()"
    count = (
        "import logging\ntold = []\n"
        "class Keeps(logging.Handler):\n"
        "    def emit(self, record): told.append(record.getMessage())\n"
        "logging.getLogger('xpmnb').addHandler(Keeps())"
    )
    with kernel(tmp_path) as shell:
        shell.run(DECLARE)
        shell.run(count)
        shell.run(f"{START}\n{block}")
        for number in range(3):
            shell.run(f"print(Train.C(lr={number}.5).submit().job.result(30))\nxp.wait(30)")
        assert shell.run("print(len(told), told[0])").startswith("1 the cells of run ")
        assert shell.run("print(Train.C(lr=0.5).submit().job.notebook)") == "None\n"
        shell.run("xp.close()")
        assert shell.run("print(len(told))") == "1\n"


def test_an_interrupt_at_any_line_leaves_nothing(tmp_path: Path) -> None:
    """A Ctrl-C at any line of what a submission does leaves no thread, and a whole notebook."""
    history = SimpleNamespace(input_hist_raw=["", "a = 1", "submit"])
    shell = SimpleNamespace(execution_count=2, history_manager=history)
    for number in range(30):
        layout = WorkspaceLayout(tmp_path).run("e", f"r{number}")
        os.makedirs(layout.path)
        snapshot = Snapshot(layout, Session(shell), None)
        left = number

        def interrupt(frame: FrameType, event: str, _: object) -> Any:
            nonlocal left
            if frame.f_code.co_filename == snapshot_file and event == "line":
                left -= 1
                if left < 0:
                    raise KeyboardInterrupt
            return interrupt

        sys.settrace(interrupt)
        try:
            with suppress(KeyboardInterrupt):
                snapshot.submitted(None)  # type: ignore[arg-type] # it looks at no job
        finally:
            sys.settrace(None)
        snapshot.closed()
        found = json.loads(Path(layout.notebook).read_text())
        assert [each["source"] for each in found["cells"]] == [["a = 1"], ["submit"]]
        if left >= 0:
            break
    assert left >= 0, "it has more lines than were tried"
    assert number > 5


def test_callbacks_submit_with_the_cells_so_far(tmp_path: Path) -> None:
    """What a callback submits, with no cell running, has the cells executed until then."""
    with kernel(tmp_path) as shell:
        shell.run(DECLARE)
        shell.run(START)
        shell.run(
            "def go_on(task):\n    global second\n    second = Train.C(lr=0.2).submit().job\n"
            "task = Waits.C(name='a')\ntask.on_completed(go_on)\nfirst = task.submit().job"
        )
        await_file(tmp_path / "a.begun")
        shell.run("idle = 1")
        (file,) = notebooks(tmp_path)
        assert sources(file)[-1] != "idle = 1"
        (tmp_path / "a.go").touch()
        until(lambda: sources(file)[-1] == "idle = 1")
        assert shell.run("xp.wait(30); print(first.notebook == second.notebook)") == "True\n"
