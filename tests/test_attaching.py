"""Kernels that are killed while jobs run in processes, and kernels side by side."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.support.kernels import Kernel, await_file, kernel, lines, states
from xpmnb import workspace

pytestmark = pytest.mark.notebook

# Written as in a notebook: helpers and constants in cells of their own.
HELPERS = """
import time
from pathlib import Path
from xpmnb import Meta, Param, ResumableTask, Config, Task, experiment, log, progress

PAUSE_S = 0.005

def wait_for(path):
    while not path.exists():
        time.sleep(PAUSE_S)
"""

DECLARE = """
class Waits(Task):
    name: Param[str]
    root: Meta[Path]

    def execute(self):
        with open(self.root / "log", "a") as file:
            file.write(f"{self.name}\\n")
        progress(0.5, description="half way")
        log(loss=0.25)
        print("waiting")
        (self.root / f"{self.name}.begun").touch()
        wait_for(self.root / f"{self.name}.go")
        return self.name.upper()
"""

START = "xp = experiment(ROOT / 'runs', 'attach', launcher='process', max_jobs=4).start()"
SUBMIT = """
tasks = [Waits.C(name=name, root=ROOT).submit() for name in ("a", "b")]
jobs = [task.job for task in tasks]
"""


def declare(shell: Kernel) -> None:
    """Run the cells of the notebook up to the submission."""
    for cell in (HELPERS, DECLARE, START):
        shell.run(cell)


def starts(root: Path) -> list[Any]:
    """Return the events that tell that an attempt began, of all jobs."""
    found = []
    for path in root.glob("runs/jobs/*/*/__xpm__/events.jsonl"):
        entries = map(json.loads, path.read_text().splitlines())
        found += [entry for entry in entries if entry["event"] == "started"]
    return found


def is_alive(pid: int) -> bool:
    """Tell whether a process lives, and is no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state not in "ZX"


def servers_of(pid: int) -> list[int]:
    """Return the fork servers that a process started."""
    found = []
    for each in Path("/proc").glob("[0-9]*"):
        try:
            parent = each.joinpath("stat").read_text().rpartition(")")[2].split()[1]
            command = each.joinpath("cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(parent) == pid and b"forkserver" in command:
            found.append(int(each.name))
    return found


def test_jobs_outlive_a_killed_kernel_and_are_attached_to(tmp_path: Path) -> None:
    """After kill -9 the notebook runs again: the same jobs are watched, and none runs twice."""
    with kernel(tmp_path) as shell:
        declare(shell)
        shell.run(SUBMIT)
        for name in "ab":
            await_file(tmp_path / f"{name}.begun")
        kernel_pid = int(shell.run("import os; print(os.getpid())"))
        (server,) = servers_of(kernel_pid)
        shell.kill()
    pids = [start["pid"] for start in starts(tmp_path)]
    assert all(map(is_alive, pids))
    with kernel(tmp_path) as shell:
        assert not is_alive(server)
        declare(shell)
        shell.run(SUBMIT)
        state = "print([job.state.value for job in jobs])"
        shell.run("import time\nwhile not all(job.metrics for job in jobs): time.sleep(0.01)")
        assert shell.run(state).strip() == "['running', 'running']"
        assert shell.run("print(jobs[0].metrics, jobs[0].progress)").strip() == (
            "{'loss': 0.25} [(0.5, 'half way')]"
        )
        (tmp_path / "a.go").touch()
        (tmp_path / "b.go").touch()
        shell.run("xp.wait()")
        assert shell.run("print([job.result() for job in jobs])").strip() == "['A', 'B']"
        table = "print(xp.jobs()[['state', 'result', 'launcher']].values.tolist())"
        assert shell.run(table).strip() == "[['done', 'A', 'process'], ['done', 'B', 'process']]"
        shell.run("xp.close()")
    assert sorted(lines(tmp_path)) == ["a", "b"]
    assert len(starts(tmp_path)) == 2


def test_a_job_that_ended_while_no_kernel_lived_is_recognised(tmp_path: Path) -> None:
    """What a process finishes after the death of its kernel counts as done."""
    with kernel(tmp_path) as shell:
        declare(shell)
        shell.run(SUBMIT)
        for name in "ab":
            await_file(tmp_path / f"{name}.begun")
        shell.kill()
    for name in "ab":
        (tmp_path / f"{name}.go").touch()
    for path in tmp_path.glob("runs/jobs/*/*"):
        await_file(path / f"{path.parent.name.rpartition('.')[2]}.done")
    assert workspace(tmp_path / "runs").jobs()["result"].to_list() == ["A", "B"]
    with kernel(tmp_path) as shell:
        declare(shell)
        shell.run(SUBMIT)
        shell.run("xp.wait()")
        assert shell.run("print([job.recognised for job in jobs])").strip() == "[True, True]"
    assert len(starts(tmp_path)) == 2


def test_a_second_kernel_watches_the_job_of_the_first(tmp_path: Path) -> None:
    """Two kernels submit one task: it runs once, and both see its end."""
    with kernel(tmp_path) as first, kernel(tmp_path) as second:
        for shell in (first, second):
            declare(shell)
        first.run(SUBMIT)
        for name in "ab":
            await_file(tmp_path / f"{name}.begun")
        second.run(SUBMIT)
        for name in "ab":
            (tmp_path / f"{name}.go").touch()
        for shell in (first, second):
            shell.run("xp.wait()")
            assert shell.run("print([job.result() for job in jobs])").strip() == "['A', 'B']"
            shell.run("xp.close()")
    assert sorted(lines(tmp_path)) == ["a", "b"]


@pytest.mark.parametrize("launcher", ["thread", "process"])
def test_two_kernels_share_overlapping_sweeps(tmp_path: Path, launcher: str) -> None:
    """Two kernels submit overlapping sweeps at once: each job runs once, both see all ends."""
    quick = DECLARE.replace('        wait_for(self.root / f"{self.name}.go")\n', "")
    start = START.replace("'process'", repr(launcher))
    submit = """
tasks = [Waits.C(name=str(number), root=ROOT).submit() for number in range({0}, {0} + 30)]
xp.wait(60)
"""
    with kernel(tmp_path) as first, kernel(tmp_path) as second:
        for shell in (first, second):
            for cell in (HELPERS, quick, start):
                shell.run(cell)
        begun = [(first, first.begin(submit.format(0))), (second, second.begin(submit.format(10)))]
        for shell, cell in begun:
            shell.finish(cell)
        for shell in (first, second):
            told = shell.run("print({task.job.state.value for task in tasks}, len(xp.jobs()))")
            assert told == "{'done'} 30\n"
    assert sorted(lines(tmp_path), key=int) == [str(number) for number in range(40)]


def test_a_second_kernel_can_stop_the_job_of_the_first(tmp_path: Path) -> None:
    """The job that another kernel started is cancelled for both."""
    with kernel(tmp_path) as first, kernel(tmp_path) as second:
        for shell in (first, second):
            declare(shell)
        first.run(SUBMIT)
        for name in "ab":
            await_file(tmp_path / f"{name}.begun")
        second.run(SUBMIT)
        second.run("jobs[0].cancel()")
        for shell in (first, second):
            words = shell.run("print(jobs[0].wait(60).failure_reason)").strip()
            assert words == "cancelled"
        (tmp_path / "b.go").touch()
        for shell in (first, second):
            shell.run("xp.wait(); xp.close()")
            assert shell.run("print(jobs[1].result())").strip() == "B"


def test_interrupt_and_restart_of_the_kernel_do_not_reach_a_job(tmp_path: Path) -> None:
    """Jobs go on while the kernel is interrupted, and while it is restarted."""
    with kernel(tmp_path) as shell:
        declare(shell)
        shell.run(SUBMIT)
        for name in "ab":
            await_file(tmp_path / f"{name}.begun")
        pids = [start["pid"] for start in starts(tmp_path)]
        shell.manager.interrupt_kernel()
        shell.client.wait_for_ready(timeout=60)
        shell.manager.restart_kernel(now=False)
        shell.client.wait_for_ready(timeout=60)
        assert all(map(is_alive, pids))
        shell.run(f"from pathlib import Path\nROOT = Path({str(tmp_path)!r})")
        declare(shell)
        shell.run(SUBMIT)
        for name in "ab":
            (tmp_path / f"{name}.go").touch()
        shell.run("xp.wait(); xp.close()")
    assert sorted(lines(tmp_path)) == ["a", "b"]


def test_a_killed_server_costs_no_job(tmp_path: Path) -> None:
    """When the fork server dies, its jobs go on and are watched; new ones get a new server."""
    with kernel(tmp_path) as shell:
        declare(shell)
        shell.run(SUBMIT)
        for name in "ab":
            await_file(tmp_path / f"{name}.begun")
        kernel_pid = int(shell.run("import os; print(os.getpid())"))
        (server,) = servers_of(kernel_pid)
        os.kill(server, signal.SIGKILL)
        shell.run("third = Waits.C(name='c', root=ROOT).submit()")
        for name in "abc":
            (tmp_path / f"{name}.go").touch()
        shell.run("xp.wait()")
        assert shell.run("print([job.result() for job in jobs], third.job.result())").strip() == (
            "['A', 'B'] C"
        )
        shell.run("xp.close()")
        assert not servers_of(kernel_pid)
    assert sorted(lines(tmp_path)) == ["a", "b", "c"]


def test_a_killed_job_is_a_failure_that_says_so(tmp_path: Path) -> None:
    """A job killed from outside fails with the signal's name; the other one goes on."""
    with kernel(tmp_path) as shell:
        declare(shell)
        shell.run(SUBMIT)
        for name in "ab":
            await_file(tmp_path / f"{name}.begun")
        by_name = json.loads(
            shell.run("import json\nprint(json.dumps({t.name: str(t.jobpath) for t in tasks}))")
        )
        events = Path(by_name["a"]) / "__xpm__/events.jsonl"
        os.kill(json.loads(events.read_text().splitlines()[0])["pid"], signal.SIGKILL)
        shell.run("jobs[0].wait(60)")
        assert "SIGKILL" in shell.run("print(jobs[0].message)")
        (tmp_path / "b.go").touch()
        shell.run("xp.wait(); xp.close()")
    assert set(states(tmp_path / "runs").values()) <= {"error", "done"}


def test_callbacks_are_replayed_to_a_new_kernel(tmp_path: Path) -> None:
    """Outputs that were registered before the kernel died come to the callbacks of the new one."""
    declare_learner = """
class Made(Config):
    step: Param[int]

class Learn(ResumableTask):
    root: Meta[Path]
    steps: Param[int] = 4

    def at(self, dep, *, step):
        return dep(Made.C(step=step))

    def execute(self):
        for step in range(self.steps):
            self.register_task_output(self.at, step=step)
            if step == 1:
                (self.root / "learn.begun").touch()
                wait_for(self.root / "learn.go")

seen = []
learn = Learn.C(root=ROOT)
learn.watch_output(learn.at, lambda made: seen.append(made.step))
learn.on_completed(lambda: seen.append("done"))
learn.submit()
"""
    with kernel(tmp_path) as shell:
        for cell in (HELPERS, START, declare_learner):
            shell.run(cell)
        await_file(tmp_path / "learn.begun")
        shell.kill()
    with kernel(tmp_path) as shell:
        for cell in (HELPERS, START, declare_learner):
            shell.run(cell)
        (tmp_path / "learn.go").touch()
        shell.run("xp.wait()")
        assert shell.run("print(seen)").strip() == "[0, 1, 2, 3, 'done']"
        shell.run("xp.close()")


def test_a_job_that_waits_runs_the_code_of_its_submission(tmp_path: Path) -> None:
    """A changed constant reaches a job that waits for room when the task is submitted again."""
    scaled = """
FACTOR = 2

class Scaled(Task):
    number: Param[int]

    def execute(self):
        return self.number * FACTOR
"""
    with kernel(tmp_path) as shell:
        for cell in (HELPERS, DECLARE, START.replace("max_jobs=4", "max_jobs=1"), scaled):
            shell.run(cell)
        shell.run("first = Waits.C(name='a', root=ROOT).submit()")
        shell.run("waiting = Scaled.C(number=21).submit()\nFACTOR = 100")
        shell.run("mended = Scaled.C(number=1).submit()\nFACTOR = 1000")
        shell.run("again = Scaled.C(number=1).submit()")
        assert shell.run("print(again.job is mended.job, again.job.code_changed)") == "True False\n"
        (tmp_path / "a.go").touch()
        shell.run("xp.wait()")
        assert shell.run("print(waiting.job.result())").strip() == "42"
        assert shell.run("print(mended.job.result())").strip() == "1000"
        assert shell.run("print(any(xp.jobs().code_changed))") == "False\n"
        shell.run("xp.close()")
