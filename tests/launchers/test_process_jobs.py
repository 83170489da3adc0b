"""Jobs in processes: what they die of, what they are given, and whose classes they know."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import xpmnb
from tests.support.acting import Act, Persist, Tells
from tests.support.declaring import loose
from tests.support.nurseries import await_true, children_of
from tests.support.processes import await_line, finish, start, write_script
from tests.support.processes import run as run_script
from xpmnb import FailureReason, JobState, Param, ProcessLauncher, Task, experiment, workspace
from xpmnb.errors import ExportError

DEADLINE_S = 60.0

PROCESSES: dict[str, Callable[..., Any]] = {
    "process": ProcessLauncher,
    "fresh": lambda **options: ProcessLauncher(fork=False, **options),
}


@pytest.fixture(params=list(PROCESSES))
def xp(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[experiment]:
    """Open an experiment whose jobs run in either kind of processes."""
    with experiment(tmp_path / "runs", "deaths", launcher=PROCESSES[request.param]()) as made:
        yield made


@pytest.fixture
def forked(tmp_path: Path) -> Iterator[experiment]:
    """Open an experiment whose jobs run in processes."""
    with experiment(tmp_path / "runs", "forked", launcher="process") as made:
        yield made


def run(task: Any, **options: Any) -> Any:
    """Run a task to its end, and return its job."""
    task.submit(**options)
    assert task.job.wait(DEADLINE_S).is_final
    return task.job


@pytest.mark.parametrize(
    ("what", "reason", "words", "code"),
    [
        ("os_exit", "error", "exited with code 7 before the task came to its end", 7),
        ("os_exit_well", "error", "exited with code 0 before the task came to its end", 0),
        ("os_exit_in_thread", "error", "exited with code 8", 8),
        ("kill", "error", r"killed by SIGKILL: by somebody \(kill -9\), or by the system", 137),
        ("crash", "error", "SIGSEGV: the interpreter crashed; see .err", 139),
        ("abort", "error", "SIGABRT: the interpreter crashed", 134),
        ("hang_up", "error", "killed by SIGHUP", 129),
        ("terminate", "cancelled", "ended by SIGTERM", 143),
        ("fill_memory", "memory", "MemoryError", None),
    ],
)
def test_every_death_is_a_failure_that_says_so(
    xp: experiment, tmp_path: Path, what: str, reason: str, words: str, code: int | None
) -> None:
    """However a process dies, its job fails with what it died of, on record, and others go on."""
    job = run(Act.C(what=what, root=tmp_path))
    assert job.failure_reason == FailureReason(reason)
    assert re.search(words, job.message)
    end = json.loads((job.path / "act.failed").read_text())
    assert (end["reason"], end["exit_code"], end["attempt"]) == (reason, code, 1)
    assert re.search(words, end["message"])
    assert xp.jobs()["failure"].to_list() == [reason]
    assert run(Act.C(what="nothing", root=tmp_path)).state == JobState.DONE


def test_a_crash_leaves_its_traceback(xp: experiment, tmp_path: Path) -> None:
    """When the interpreter crashes, .err tells in which function of the task."""
    job = run(Act.C(what="crash", root=tmp_path))
    assert "do_crash" in job.stderr.read_text()
    assert xp.failed == [job]


def test_threads_of_a_task_do_not_end_its_job(xp: experiment, tmp_path: Path) -> None:
    """sys.exit() and errors in threads of a task end these threads, and are told in .err."""
    job = run(Act.C(what="fail_in_thread", root=tmp_path))
    assert job.result() == "done"
    assert "ValueError: in a thread" in job.stderr.read_text()
    assert xp.failed == []


def test_a_death_is_no_timeout(forked: experiment, tmp_path: Path) -> None:
    """A resumable task whose process dies is not run again."""
    job = run(Persist.C(what="kill", root=tmp_path))
    assert (job.failure_reason, job.retry_count) == (FailureReason.ERROR, 0)
    assert forked.failed == [job]


def test_neither_zombie_nor_server_is_left(tmp_path: Path) -> None:
    """After the last experiment is closed, this process has no child, alive or dead."""
    before = set(children_of(os.getpid()))
    with experiment(tmp_path / "runs", "t", launcher="process"):
        run(Act.C(what="nothing", root=tmp_path))
        assert set(children_of(os.getpid())) - before
    assert not set(children_of(os.getpid())) - before


def test_experiments_and_launchers_side_by_side(tmp_path: Path) -> None:
    """Two experiments, and several launchers in one of them, each run their jobs where they say."""
    first = experiment(tmp_path / "runs", "first", launcher="process").start()
    second = experiment(tmp_path / "others", "second", launcher="thread").start()
    here = run(Tells.C(what="pid"))
    there = run(Tells.C(what="pid", x=1), launcher="process")
    fresh = run(Tells.C(what="pid", x=2), launcher=ProcessLauncher(fork=False))
    second.close()
    other = run(Tells.C(what="pid"))
    table = second.jobs()
    first.close()
    assert here.result() == os.getpid()
    assert len({here.result(), there.result(), fresh.result(), other.result()}) == 4
    assert table["launcher"].to_list() == ["thread", "process", "process"]
    assert other.path.is_relative_to(tmp_path / "runs")


def test_a_class_chooses_where_its_tasks_run(tmp_path: Path) -> None:
    """__launcher__ goes before the experiment's launcher, and submit() before both."""
    with experiment(tmp_path / "runs", "t", launcher="thread"):
        assert run(Chosen.C(x=1)).result() != os.getpid()
        assert run(Chosen.C(x=2), launcher="thread").result() == os.getpid()


def test_modules_are_preloaded(tmp_path: Path) -> None:
    """What is preloaded is there when the job begins; without it, it is not."""
    module = "colorsys"
    with experiment(tmp_path / "runs", "t", launcher=ProcessLauncher(preload=[module])):
        assert run(Tells.C(what="modules")).result()
        assert not run(Tells.C(what="modules", x=1), launcher="process").result()


def test_a_job_has_its_own_environment(xp: experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    """submit(environ=...) adds variables to those of the kernel, for this job alone."""
    monkeypatch.setenv("XPMNB_KERNEL", "kernel")
    job = run(Tells.C(what="environ"), environ={"XPMNB_JOB": "job"})
    assert job.result() == {"XPMNB_KERNEL": "kernel", "XPMNB_JOB": "job"}
    assert run(Tells.C(what="environ", x=1)).result() == {"XPMNB_KERNEL": "kernel"}
    assert "XPMNB_JOB" not in os.environ
    assert xp.failed == []


def test_a_job_leads_its_own_session(xp: experiment) -> None:
    """A job's process is in a session of its own, with its directory and an empty input."""
    job = run(Tells.C(what="place"))
    assert job.result() == {"leads": True, "cwd": str(job.path), "stdin": ""}
    assert xp.failed == []


def test_a_class_of_a_function_is_refused_for_processes(tmp_path: Path) -> None:
    """A class that only a function makes cannot be imported elsewhere: submit() says so."""

    class Inner(Task):
        x: Param[int]

        def execute(self) -> int:
            return self.x

    with experiment(tmp_path / "runs", "t") as xp:
        with pytest.raises(ExportError, match=r"(?s)inner cannot run in a process.*Inner"):
            Inner.C(x=1).submit(launcher="process")
        assert run(Inner.C(x=1), launcher="thread").result() == 1
        assert len(xp.jobs()) == 1


def test_a_module_that_the_process_cannot_import_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, xp: experiment
) -> None:
    """When the module of a class is gone, the job says which one, and what to do."""
    file = tmp_path / "xpmnb_passing.py"
    file.write_text(
        "from xpmnb import Param, Task\n\n\n"
        "class Passing(Task):\n    x: Param[int]\n\n    def execute(self):\n        return self.x\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    module = __import__("xpmnb_passing")
    try:
        assert run(loose(module).Passing.C(x=1)).result() == 1
        file.unlink()
        gone = run(loose(module).Passing.C(x=2))
    finally:
        del sys.modules["xpmnb_passing"]
    assert gone.failure_reason is FailureReason.ERROR
    assert "xpmnb_passing" in gone.message
    assert "import" in gone.message
    assert xp.failed == [gone]


_SCRIPT = """
import enum, sys
from xpmnb import Param, Task, experiment

class Kind(enum.Enum):
    A = "a"

def helper(x):
    return x * FACTOR

FACTOR = 3

class Mine(Task):
    x: Param[int]
    kind: Param[Kind] = Kind.A

    def execute(self):
        print("computing")
        return [helper(self.x), self.kind is Kind.A, type(self).__name__]

if __name__ == "__main__":
    with experiment(sys.argv[1] + "/runs", "script", launcher="process") as xp:
        tasks = [Mine.C(x=each).submit() for each in range(3)]
    print([task.job.result() for task in tasks], xp.jobs()["launcher"].to_list())
"""


def test_classes_of_a_script_run_in_processes(tmp_path: Path) -> None:
    """`python script.py` submits its own classes; processes find them, and not its main part."""
    script = tmp_path / "script.py"
    script.write_text(_SCRIPT)
    out = run_script(script, tmp_path)
    results = [[each * 3, True, "Mine"] for each in range(3)]
    assert out.strip() == f"{results} {['process'] * 3}"


_PICKLES = _SCRIPT.replace("helper(self.x)", "pickle.loads(pickle.dumps(helper))(self.x)")


@pytest.mark.parametrize(
    "name", ["train-model.py", "my script-2.py", "train2.v1.py", "train", "x.y"]
)
def test_a_script_may_have_any_name(tmp_path: Path, name: str) -> None:
    """Whatever Python runs as a script submits its own classes, which can be pickled in the job."""
    script = tmp_path / name
    script.write_text(_PICKLES.replace("import enum", "import enum\nimport pickle"))
    results = [[each * 3, True, "Mine"] for each in range(3)]
    assert run_script(script, tmp_path).strip() == f"{results} {['process'] * 3}"


@pytest.mark.parametrize("how", ["-", "-c"])
def test_a_program_without_a_file_is_refused(tmp_path: Path, how: str) -> None:
    """Classes whose source Python does not keep are refused at submit."""
    arguments = ["-"] if how == "-" else ["-c", _SCRIPT]
    done = subprocess.run(
        [sys.executable, *arguments, str(tmp_path)],
        input=_SCRIPT,
        env={**os.environ, "PYTHONPATH": str(Path(xpmnb.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE_S,
    )
    if how == "-c" and sys.version_info >= (3, 13):  # it keeps that one
        assert done.returncode == 0, done.stderr
        return
    assert done.returncode == 1
    assert "ExportError: mine cannot run in a process" in done.stderr
    assert "declare it in a cell, or in a file" in done.stderr
    assert not list((tmp_path / "runs" / "jobs").rglob("*.py"))


def test_a_script_that_cannot_be_imported_is_told(tmp_path: Path) -> None:
    """What a script does outside of its main part must work in a process: the job says so."""
    script = tmp_path / "script.py"
    script.write_text(_SCRIPT.replace("def helper", "FIRST = sys.argv[1]\n\ndef helper"))
    script.write_text(script.read_text().replace("[task.job.result() for", "[task.job.message for"))
    out = run_script(script, tmp_path)
    assert "IndexError" in out
    assert "script.py" in out
    assert "__name__ == '__main__'" in out


class Chosen(Task):
    """Chooses where it runs."""

    __launcher__ = "process"

    x: Param[int]

    def execute(self) -> int:
        return os.getpid()


_KILLED = """
from tests.support.acting import Persist, await_begin

experiment(ROOT / "runs", "killed", launcher="process").start()
Persist.C(what="hold", root=ROOT).submit(walltime=float(sys.argv[2]))
await_begin(ROOT)
print("begun", flush=True)
threading.Event().wait()
"""


def test_a_timeout_while_no_kernel_lives_is_retried_by_the_next(tmp_path: Path) -> None:
    """A resumable job whose time runs out after its kernel died runs again when submitted."""
    kernel = start(write_script(tmp_path, _KILLED), tmp_path, "1.0")
    try:
        await_line(kernel, "begun")
    finally:
        kernel.kill()
        finish(kernel)
    [directory] = tmp_path.glob("runs/jobs/*/*")
    events = directory / "__xpm__/events.jsonl"
    await_true(lambda: "attempt-ended" in events.read_text(), "the end of its time")
    assert workspace(tmp_path / "runs").jobs()["state"].to_list() != ["done"]
    (tmp_path / "go").touch()
    with experiment(tmp_path / "runs", "next", launcher="process") as xp:
        job = run(Persist.C(what="hold", root=tmp_path))
        assert (job.path, job.result()) == (directory, "done")
        assert events.read_text().count('"started"') == 2
        assert xp.failed == []
