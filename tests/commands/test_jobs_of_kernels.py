"""The command ``xpmnb`` and the programs of jobs, on process jobs of live and of dead kernels."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.exporting import run_program
from tests.support.kernels import Kernel, await_file, kernel
from tests.support.nurseries import await_true, is_alive
from tests.support.processes import await_line
from tests.support.shell import command, finished
from tests.test_attaching import DECLARE, HELPERS, START, SUBMIT, starts

pytestmark = pytest.mark.notebook


def run(root: Path, *arguments: str) -> tuple[int, str, str]:
    """Run the command on the workspace of the notebook."""
    return finished(command(root, *arguments, "--workspace", str(root / "runs")))


def listed(root: Path, *arguments: str) -> dict[str, dict[str, Any]]:
    """Return what ``xpmnb list --json`` tells of each job, by the name that it was given."""
    code, out, err = finished(command(root, "list", str(root / "runs"), "--json", *arguments))
    assert code == 0, err
    return {each["params"]["name"]: each for each in json.loads(out)}


def submit(shell: Kernel, root: Path) -> dict[str, str]:
    """Run the cells of the notebook, wait until its jobs run, and return their identifiers."""
    for cell in (HELPERS, DECLARE, START, SUBMIT):
        shell.run(cell)
    for name in "ab":
        await_file(root / f"{name}.begun")
    return {name: each["identifier"] for name, each in listed(root).items()}


@pytest.fixture(params=["live", "dead"])
def alive(request: pytest.FixtureRequest) -> bool:
    """Tell whether the kernel of the test lives while commands run."""
    return bool(request.param == "live")


def test_jobs_of_a_kernel_are_read_and_stopped(tmp_path: Path, *, alive: bool) -> None:
    """List, show, log --follow and cancel work on jobs of cells, whether their kernel lives."""
    with kernel(tmp_path) as shell:
        names = submit(shell, tmp_path)
        if not alive:
            shell.kill()
        assert {each["state"] for each in listed(tmp_path).values()} == {"running"}
        code, out, _ = run(tmp_path, "show", names["a"][:8])
        assert code == 0
        for words in ("running", "half way", "name", "loss"):
            assert words in out
        follow = command(
            tmp_path, "log", "--follow", names["a"][:8], "--workspace", str(tmp_path / "runs")
        )
        await_line(follow, "waiting")
        pids = {start["pid"] for start in starts(tmp_path)}
        code, out, err = run(tmp_path, "cancel", names["b"][:8])
        assert (code, err) == (0, ""), err
        assert listed(tmp_path, "--state", "cancelled").keys() == {"b"}
        (tmp_path / "a.go").touch()
        code, _, err = finished(follow)
        assert code == 0, err
        assert "done" in err
        assert listed(tmp_path)["a"]["state"] == "done"
        await_true(lambda: not any(map(is_alive, pids)), "the end of both processes")
        if alive:
            shell.run("xp.wait()")
            table = "print(xp.jobs().set_index('params.name').failure.to_dict())"
            assert "'b': 'cancelled'" in shell.run(table)
            shell.run("xp.close()")


def test_jobs_of_cells_are_run_from_a_shell(tmp_path: Path, *, alive: bool) -> None:
    """`xpmnb run` and `python [NAME].py` run a job that was stopped; a live kernel sees it."""
    with kernel(tmp_path) as shell:
        names = submit(shell, tmp_path)
        run(tmp_path, "cancel", *[each[:8] for each in names.values()])
        if alive:
            shell.run("xp.wait()")
        else:
            shell.kill()
        for name in "ab":
            (tmp_path / f"{name}.go").touch()
        code, out, err = run(tmp_path, "run", names["a"][:8])
        assert code == 0, out + err
        [program] = tmp_path.glob(f"runs/jobs/*/{names['b']}/waits.py")
        text = program.read_text()
        assert "def wait_for(path):" in text
        assert "PAUSE_S = 0.005" in text
        assert run_program(program).returncode == 0
        found = listed(tmp_path)
        assert {name: found[name]["result"] for name in "ab"} == {"a": "A", "b": "B"}
        assert [found[name]["launcher"] for name in "ab"] == ["shell"] * 2
        if alive:
            shell.run(SUBMIT)
            shell.run("xp.wait()")
            assert shell.run("print([job.result() for job in jobs])").strip() == "['A', 'B']"
            shell.run("xp.close()")
    assert {start["launcher"] for start in starts(tmp_path)} == {"shell"}


def test_a_job_that_runs_is_not_run_from_a_shell(tmp_path: Path) -> None:
    """While a process of a kernel has a job, neither command nor program runs it again."""
    with kernel(tmp_path) as shell:
        names = submit(shell, tmp_path)
        code, out, err = run(tmp_path, "run", names["a"][:8])
        assert code == 1
        assert "another process" in out + err
        [program] = tmp_path.glob(f"runs/jobs/*/{names['b']}/waits.py")
        again = run_program(program)
        assert again.returncode == 1
        assert "another process" in again.stderr
        for name in "ab":
            (tmp_path / f"{name}.go").touch()
        shell.run("xp.wait(); xp.close()")
    assert len(starts(tmp_path)) == 2
