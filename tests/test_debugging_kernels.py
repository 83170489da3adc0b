"""``job.debug()`` in real kernels: the debugger asks in the cell, or nobody is asked."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.support.answering import answer
from tests.support.kernels import kernel

pytestmark = pytest.mark.notebook

DECLARE = """
import json, os
from xpmnb import Param, Task, experiment

class Train(Task):
    lr: Param[float]

    def execute(self):
        text = f"lr is {self.lr}"
        return json.loads(text)
"""
MENDED = DECLARE.replace("json.loads(text)", "[text, os.getcwd() == str(self.__taskdir__)]")
STOPS = DECLARE.replace("return", "breakpoint()\n        return")
SUBMIT = """
xp = experiment(ROOT / "runs", "debug").start()
job = Train.C(lr=0.5).submit(launcher={launcher!r}).job
job.wait(30)
print(job.exception())
"""
RECALL = """
from xpmnb import experiment, workspace
xp = experiment(ROOT / "runs", "debug").start()
job = xp.job(workspace(ROOT / "runs").jobs()["id"][0])
"""
AFTERWARDS = "import os, sys; print(os.getcwd() == str(ROOT), __name__, sys.gettrace())"


@pytest.mark.parametrize("launcher", ["thread", "process"])
def test_a_cell_asks_where_its_task_fails(tmp_path: Path, launcher: str) -> None:
    """The debugger stands in the cell's own line; it opens again with %debug; mending helps."""
    with kernel(tmp_path) as shell:
        shell.run(DECLARE)
        told = answer(shell.client, SUBMIT.format(launcher=launcher))
        where = "Cell In[2]" if launcher == "thread" else "train.py"
        assert f'{where}", line ' in told

        shown = answer(shell.client, "print(job.debug())", ["w", "p text", "d", "u", "u", "q"])
        assert 'File "Cell In[2]", line 9, in execute' in shown
        assert "'lr is 0.5'" in shown
        assert shown.count("----> 9         return json.loads(text)") == 3
        assert shown.rstrip().endswith("None")
        assert answer(shell.client, AFTERWARDS) == "True __main__ None\n"

        again = answer(shell.client, "%debug", ["u", "u", "u", "p text", "q"])
        assert "'lr is 0.5'" in again
        assert "xpmnb/" not in again

        shell.run(MENDED)
        mended = answer(shell.client, "print(job.debug(), job.state.value)")
        assert "did not fail this time" in mended
        assert "['lr is 0.5', True] error" in mended


def test_a_new_kernel_debugs_with_the_program(tmp_path: Path) -> None:
    """A restarted kernel runs the source in the job's program, and declares nothing by that."""
    with kernel(tmp_path) as shell:
        shell.run(DECLARE + SUBMIT.format(launcher="process"))
    with kernel(tmp_path) as shell:
        shell.run(RECALL)
        shown = answer(shell.client, "job.debug()", ["p text", "p type(self).__name__", "q"])
        assert "return json.loads(text)" in shown
        assert "train.py" in shown
        assert "'lr is 0.5'" in shown
        assert "'Train'" in shown
        told = answer(shell.client, "print('Train' in globals())\n" + AFTERWARDS)
        assert told == "False\nTrue __main__ None\n"
        shell.run(MENDED)
        assert "['lr is 0.5', True]" in answer(shell.client, "print(job.debug())")


def test_breakpoints_ask_in_the_cell(tmp_path: Path) -> None:
    """breakpoint() asks while a job is debugged, also where Jupyter has a debugger of its own."""
    with kernel(tmp_path) as shell:
        shell.run(DECLARE + SUBMIT.format(launcher="thread"))
        shell.run(STOPS.replace("json.loads(text)", "text"))
        shown = answer(shell.client, "print(job.debug())", ["p text * 2", "c"])
        assert "'lr is 0.5lr is 0.5'" in shown
        assert shown.rstrip().endswith("lr is 0.5")
        shown = answer(shell.client, "print(job.debug())", ["q"])
        assert "the debugger was left" in shown
        assert answer(shell.client, AFTERWARDS) == "True __main__ None\n"


def test_a_task_may_use_a_loop_of_its_own(tmp_path: Path) -> None:
    """asyncio.run works in a task that is debugged, and await in the cells afterwards."""
    runs = DECLARE.replace("json.loads(text)", "asyncio.run(asyncio.sleep(0, text))")
    with kernel(tmp_path) as shell:
        shell.run("import asyncio\n" + DECLARE + SUBMIT.format(launcher="thread"))
        shell.run(runs)
        assert "lr is 0.5" in answer(shell.client, "print(job.debug())")
        assert answer(shell.client, "print(await asyncio.sleep(0, 'yes'))") == "yes\n"


def test_nobody_is_asked_in_a_notebook_that_is_executed(tmp_path: Path) -> None:
    """Without a person at the front end the traceback is shown, and the next cell runs."""
    cells = [
        f"from pathlib import Path\nROOT = Path({str(tmp_path)!r})",
        DECLARE,
        SUBMIT.format(launcher="thread"),
        "job.debug()",
        AFTERWARDS,
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    place = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=60, kernel_name="python3", resources=place).execute()
    shown = "".join(each["text"] for each in notebook.cells[3].outputs)
    assert 'File "Cell In[2]", line 9, in execute' in shown
    assert "nobody can answer here" in shown
    assert notebook.cells[4].outputs[0]["text"] == "True __main__ None\n"
