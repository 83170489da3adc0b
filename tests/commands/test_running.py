"""``xpmnb run``: a job in this process, as its own program would run it."""

import sys
from pathlib import Path

import pytest

from tests.support.processes import await_line, finish, run, start, write_script
from tests.support.running import DEADLINE_S, Counted, lines, running
from tests.support.shell import command, finished, make_job, records_in
from xpmnb.commands.running import run_job
from xpmnb.records.files import PathLock
from xpmnb.records.job_directory import read_job
from xpmnb.records.layout import JobLayout
from xpmnb.records.states import FailureReason, JobState
from xpmnb.records.workspace import RunJournal


@pytest.fixture
def layout(tmp_path: Path) -> JobLayout:
    """Give a job of an importable class, that has run once."""
    with running(tmp_path):
        job = Counted.C(log=tmp_path / "log", x=1, fails=True).submit().job
        job.wait(DEADLINE_S)
    return JobLayout(str(job.path))


def test_a_job_that_is_done_is_not_run(tmp_path: Path) -> None:
    """A job that is done says so, with its directory, and the exit code is 0."""
    with running(tmp_path):
        job = Counted.C(log=tmp_path / "log", x=1).submit().job
        job.wait(DEADLINE_S)
    code, out, err = finished(command(tmp_path, "run", str(job.path)))
    assert (code, err) == (0, "")
    assert out == f"counted {job.id[:8]} is done already: {job.path}\n"
    assert lines(tmp_path / "log") == ["1"]


def test_a_failed_job_is_run_again_here(tmp_path: Path, layout: JobLayout) -> None:
    """A job that failed runs in the shell, in its directory, and its failure is the exit code."""
    code, _, err = finished(command(tmp_path, "run", layout.path))
    assert code == 1
    assert "error ValueError: as it was told" in err
    assert lines(tmp_path / "log") == ["1", "1"]
    assert read_job(layout).launcher == "shell"


def test_a_lost_job_of_a_script_is_run_to_its_end(tmp_path: Path) -> None:
    """A class of a script that nobody can import by name is found by its file."""
    body = """
class Mine(Task):
    x: Param[int]
    def execute(self):
        print("mine", self.x, Path.cwd() == self.__taskdir__, sys.argv == [sys.argv[0]])
        return self.x

if __name__ == "__main__":
    with experiment(ROOT / "runs", "t"):
        print(Mine.C(x=3).submit().job.path)
"""
    script = write_script(tmp_path, body.replace("ROOT /", "Path(sys.argv[1]) /"))
    script.write_text(script.read_text().replace("ROOT = Path(sys.argv[1])", ""))
    layout = JobLayout(run(script, tmp_path).strip().splitlines()[-1])
    Path(layout.done).unlink()
    assert read_job(layout).state is JobState.error(FailureReason.LOST)
    code, out, err = finished(command(tmp_path, "run", layout.path))
    assert (code, out) == (0, "mine: done\n"), err
    assert read_job(layout).result == 3
    assert Path(layout.stdout).read_text() == "mine 3 True True\n"


def test_a_job_that_another_process_runs(tmp_path: Path) -> None:
    """A job that somebody runs is left to them, and the exit code is 1."""
    body = """
xp = experiment(ROOT / "runs", "t").start()
held = Held.C(key="a").submit()
gates.await_begin("a")
print(held.job.path, flush=True)
print("ready", flush=True)
sys.stdin.readline()
gates.open("a")
xp.close()
print(held.job.state.value)
"""
    kernel = start(write_script(tmp_path, body), tmp_path)
    assert kernel.stdout is not None
    place = kernel.stdout.readline().strip()
    await_line(kernel, "ready")
    code, out, err = finished(command(tmp_path, "run", place))
    assert (code, out) == (1, "")
    assert "is run by another process" in err
    assert finish(kernel)[0] == "done\n"


@pytest.mark.parametrize(
    ("program", "code", "err"),
    [
        ("raise SystemExit", 0, ""),
        ("raise SystemExit(3)", 3, ""),
        ("raise SystemExit('submit it from there')", 1, "submit it from there\n"),
        ("import nothing_of_this_name", 1, "ModuleNotFoundError"),
        ("def broken(:", 1, "SyntaxError"),
        ("import sys; assert sys.argv == [__file__] and __name__ == '__main__'", 0, ""),
    ],
)
def test_the_program_decides(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], program: str, code: int, err: str
) -> None:
    """The exit code is that of the program; an error in what a user wrote has its traceback."""
    layout = make_job(records_in(tmp_path))
    Path(layout.script).write_text(program)
    arguments = list(sys.argv)
    assert run_job(layout) == code
    assert err in capsys.readouterr().err
    assert sys.argv == arguments


def test_a_job_without_a_program(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A directory that holds no program says which file is missing."""
    layout = make_job(records_in(tmp_path))
    assert run_job(layout) == 1
    assert f"has no program to run: {layout.script} is missing" in capsys.readouterr().err


def test_a_job_that_never_began(tmp_path: Path) -> None:
    """What was submitted and has no directory cannot be run here; who can is told."""
    records = records_in(tmp_path)
    journal = RunJournal(records.create_run("digits"))
    journal.submitted(5.0, "nb.train", "abcdef", {}, {})
    lock = PathLock(journal.layout.lock)
    assert lock.acquire()
    asked = ("run", "abcdef", "--workspace", str(tmp_path))
    code, _, err = finished(command(tmp_path, *asked))
    assert (code, err.count("waits for its turn in the notebook or script")) == (1, 1)
    lock.release()
    journal.close()
    code, _, err = finished(command(tmp_path, *asked))
    words = "cannot be run here: it never began: submit it from its notebook or script"
    assert (code, err) == (1, f"xpmnb: train abcdef {words}\n")
