"""``job.debug()``: runs a failed job again on a copy, and opens the debugger where it fails."""

import asyncio
import io
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.declaring import Cells
from tests.support.doing import Doing, actions, do
from tests.support.processes import start, write_script
from tests.support.running import DEADLINE_S, Failing, Held, Uses, gates, running
from tests.test_debug_copy import content
from xpmnb import (
    Config,
    LightweightTask,
    Meta,
    Param,
    PathGenerator,
    ResumableTask,
    SubmitHook,
    Task,
    field,
    log,
    ownership,
    param_group,
    partial,
    progress,
    tag,
    tqdm,
)
from xpmnb.errors import DebugError, DocumentError
from xpmnb.records.files import is_locked
from xpmnb.records.layout import JobLayout
from xpmnb.records.task_outputs import read_outputs
from xpmnb.scheduler.jobs import Job
from xpmnb.scheduler.recalled import recall

# The debugger switches tracing off and on, by which coverage sees what runs.
pytestmark = pytest.mark.no_cover

Typing = Callable[..., None]


@pytest.fixture
def typing(monkeypatch: pytest.MonkeyPatch) -> Typing:
    """Give a function that says what a person types, line by line."""

    def types(*lines: str) -> None:
        text = "".join(f"{line}\n" for line in lines)
        monkeypatch.setattr(sys, "stdin", io.StringIO(text))

    types("q")
    return types


def _debugger_that_traces() -> object:
    """Return the debugger that traces this thread; a measurement of coverage is none."""
    return getattr(sys.gettrace(), "__self__", None)


@pytest.fixture(autouse=True)
def _the_kernel_stays_as_it_is() -> Iterator[None]:
    """Fail a test after which something of this process is not what it was."""

    def state() -> dict[str, Any]:
        return {
            "directory": Path.cwd(),
            "streams": (sys.stdout, sys.stderr),
            "handlers": [signal.getsignal(each) for each in sorted(signal.valid_signals())],
            "environment": {k: v for k, v in os.environ.items() if "PYTEST" not in k},
            "modules' places": list(sys.path),
            "main": sys.modules["__main__"],
            "owner": ownership.owner(),
            "tracing": _debugger_that_traces(),
            "hook": sys.breakpointhook,
            "start": threading.Thread.start,
            "loop": asyncio._get_running_loop(),
        }

    before = state()
    yield
    assert state() == before


class Parse(Task):
    """Fails in a library that it calls."""

    text: Param[str]

    def execute(self) -> Any:
        found = self.text.strip()
        return json.loads(found)


class Steps(ResumableTask):
    """Goes on from its checkpoint, and fails at its third step."""

    checkpoint: Meta[Path] = field(default_factory=PathGenerator("checkpoint.txt"))
    size: Param[int] = 1

    def output(self, dep: Any, *, step: int) -> Any:
        return dep(Model.C(layers=step))

    def execute(self) -> int:
        begun = int(self.checkpoint.read_text()) if self.checkpoint.exists() else 0
        for step in range(begun, 4):
            self.register_task_output(self.output, step=step)
            assert step < 3 or Path("mended").exists(), "the third step"
            self.checkpoint.write_text(str(step))
        return begun


class Model(Config):
    """Fails when it is made, if it was told to."""

    layers: Param[int] = 2

    def __post_init__(self) -> None:
        assert self.layers >= 0, "a model of nothing"


class Load(LightweightTask):
    """Prepares a model, which fails if it has 7 layers."""

    model: Param[Model]

    def execute(self) -> None:
        assert self.model.layers != 7, "seven"


class Trains(Task):
    """Uses a model."""

    model: Param[Model]

    def execute(self) -> int:
        return self.model.layers


class Unmakeable(Task):
    """Fails in its ``__init__``."""

    x: Param[int] = 1

    def __init__(self) -> None:
        message = "not to be made"
        raise ValueError(message)

    def execute(self) -> None:
        pass


class needs_home(SubmitHook):  # noqa: N801 (as people name decorators)
    def spec(self) -> str:
        return "home"

    def process(self, job: Any, launcher: Any) -> None:  # noqa: ARG002 (as it is called)
        job.environ["XPMNB_TEST_HOME"] = "/there"


@needs_home()
class AtHome(Task):
    """Returns what its environment says, and fails in a job."""

    mended: Meta[Path]

    def execute(self) -> str:
        assert self.mended.exists()
        return os.environ["XPMNB_TEST_HOME"] + os.environ.get("XPMNB_TEST_MORE", "")


def failed(task: Task, **options: Any) -> Job:
    """Run a task that fails, to its end."""
    task.submit(**options)
    job: Job = task.job
    assert job.wait(DEADLINE_S).name == "ERROR", job.message
    return job


def bad(_: Any) -> None:
    """Fail."""
    message = "bad"
    raise ValueError(message)


def debugged(action: Callable[[Any], Any]) -> Any:
    """Let a job fail, and debug it with another action."""
    job = do(bad)
    actions["it"] = action
    return job.debug()


def test_the_debugger_stands_in_the_tasks_own_code(
    tmp_path: Path, typing: Typing, capsys: pytest.CaptureFixture[str]
) -> None:
    """It opens in execute, not in the library below, to which ``d`` leads."""
    with running(tmp_path):
        job = failed(Parse.C(text=" x "))
        typing("p (self.text, found)", "d", "p type(self).__name__", "u", "u", "w", "q")
        assert job.debug() is None
        out = capsys.readouterr().out
        assert "(' x ', 'x')" in out
        assert "*** NameError: name 'self' is not defined" in out
        assert "*** Oldest frame" in out
        assert "xpmnb/" not in out
        assert "JSONDecodeError: Expecting value" in out


def test_the_job_stays_what_it_is(tmp_path: Path, typing: Typing) -> None:
    """No byte of the job's directory changes, nor do state, tables and the number of attempts."""
    with running(tmp_path) as xp:
        job = failed(Steps.C())
        before, table = content(job.path), xp.jobs()
        typing("q")
        job.debug()
        assert content(job.path) == before
        assert xp.jobs().equals(table)
        assert len(xp.workspace.jobs()) == 1
        assert job.exception() is not None


def test_a_task_that_was_mended_runs_through(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What execute returns is returned, and it is said that the job did not fail, and where."""
    with running(tmp_path):
        assert debugged(lambda _: {1, 2}) == {1, 2}
        out = capsys.readouterr().out
        assert "did not fail this time" in out
        (copy,) = (tmp_path / "runs/debug").glob("*/*")
        assert str(copy) in out


def test_a_resumable_task_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    """It finds its checkpoint in the copy, writes there, and registers outputs there alone."""
    with running(tmp_path):
        job = failed(Steps.C())
        (job.path / "mended").touch()
        outputs = Path(job.layout.outputs).read_bytes()
        assert job.debug() == 2
        assert (job.path / "checkpoint.txt").read_text() == "2"
        assert Path(job.layout.outputs).read_bytes() == outputs
        (copy,) = Path(job.layout.workspace.debug).glob("*/*")
        assert (copy / "checkpoint.txt").read_text() == "3"
        found = read_outputs(JobLayout(str(copy)))
        assert [each.kwargs for each in found] == [{"step": 2}, {"step": 3}]


def test_a_plain_task_begins_in_an_empty_directory(tmp_path: Path) -> None:
    """It works in the copy, where nothing of the failed attempt is."""

    def write_and_fail(_: Any) -> None:
        Path("partial.txt").write_text("half")
        bad(_)

    with running(tmp_path):
        job = do(write_and_fail)

        def look(task: Doing) -> Any:
            return os.listdir(), Path.cwd() == task.__taskdir__, Path.cwd().parent.parent.name

        actions["it"] = look
        found, inside, parent = job.debug()
        assert sorted(found) == ["__xpm__", "doing.py"]
        assert inside
        assert parent == "debug"
        assert (job.path / "partial.txt").exists()


def test_the_job_is_at_work(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Tags, progress, metrics, bars, remaining time and prints of its threads work in the copy."""

    class Works(ResumableTask):
        mended: Meta[Path]

        def execute(self) -> Any:
            assert self.mended.exists()
            progress(0.5)
            log(loss=1)
            for _ in tqdm(range(3), desc="a bar"):
                pass
            thread = threading.Thread(target=lambda: print("from a thread"))  # noqa: T201
            thread.start()
            thread.join()
            return self.__tags__, self.remaining_time(), self.__maintaskdir__ == Path.cwd()

    with running(tmp_path):
        job = failed(Works.C(mended=tag(tmp_path / "mended")), walltime=60)
        (tmp_path / "mended").touch()
        journal = Path(job.layout.events).read_bytes()
        assert job.debug() == ({"mended": str(tmp_path / "mended")}, None, True)
        assert Path(job.layout.events).read_bytes() == journal
        (copy,) = Path(job.layout.workspace.debug).glob("*/*")
        assert '"loss"' in (copy / "__xpm__/events.jsonl").read_text()
        shown = capfd.readouterr()
        assert "from a thread" in shown.out
        assert "a bar: 100%" in shown.err


@pytest.mark.parametrize(
    ("task", "options", "place"),
    [
        (lambda: Trains.C(model=Model.C(layers=-1)), lambda _: {}, "__post_init__()"),
        (Unmakeable.C, lambda _: {}, "__init__()"),
        (
            lambda: Trains.C(model=Model.C(layers=7)),
            lambda task: {"init_tasks": [Load.C(model=task.model)]},
            "execute()",
        ),
    ],
    ids=["__post_init__", "__init__", "init task"],
)
def test_what_fails_before_execute_is_debugged(
    tmp_path: Path,
    typing: Typing,
    capsys: pytest.CaptureFixture[str],
    task: Any,
    options: Any,
    place: str,
) -> None:
    """The debugger stands in the method that fails, whichever it is."""
    with running(tmp_path):
        made = task()
        job = failed(made, **options(made))
        typing("p type(self).__name__", "q")
        assert job.debug() is None
        (line,) = [each for each in capsys.readouterr().out.splitlines() if each[:2] == "> "]
        assert Path(__file__).name in line
        assert line.endswith(place)


def test_files_of_other_jobs_are_read_where_they_are(tmp_path: Path) -> None:
    """The results of other jobs are there, and generated paths lie in the copy."""
    with running(tmp_path):
        source = Doing.C(what="source")
        actions["source"] = lambda task: (task.__taskdir__ / "x").write_text("made")
        source.submit()
        user = Reads.C(source=source, mended=tmp_path / "mended")
        job = failed(user)
        (tmp_path / "mended").touch()
        assert job.debug() == "made"
        assert not (job.path / "home.txt").exists()


class Shares(ResumableTask):
    """Writes into a folder that it shares with tasks of other lengths, and fails then."""

    _length = param_group("length")
    _shared = partial(exclude_groups=[_length])

    length: Param[int] = field(groups=[_length])
    state: Meta[Path] = field(default_factory=PathGenerator("state.txt", partial=_shared))

    def execute(self) -> None:
        before = self.state.read_text() if self.state.exists() else ""
        self.state.write_text(f"{before}{self.length}")
        raise ValueError(before)


def test_what_jobs_share_is_not_written_to(
    tmp_path: Path, typing: Typing, capsys: pytest.CaptureFixture[str]
) -> None:
    """The folder of a partial identifier is copied: the task finds it, and writes into the copy."""
    with running(tmp_path):
        job = failed(Shares.C(length=5))
        before = content(tmp_path / "runs/partials")
        typing("p before, self.state.read_text()", "q")
        job.debug()
        assert "('5', '55')" in capsys.readouterr().out
        assert content(tmp_path / "runs/partials") == before


class Reads(Task):
    """Reads what another task wrote, once it is mended."""

    source: Param[Task]
    mended: Meta[Path]
    home: Meta[Path] = field(default_factory=PathGenerator("home.txt"))

    def execute(self) -> str:
        assert self.mended.exists()
        self.home.write_text("here")
        (folder,) = (self.__taskdir__.parents[2] / "jobs").glob("*.doing/*")
        return (folder / "x").read_text()


def test_the_environment_of_the_job_is_there(tmp_path: Path) -> None:
    """What submit() and submit hooks set is set, also for the handle of an earlier session."""
    with running(tmp_path):
        mended = tmp_path / "mended"
        task = AtHome.C(mended=mended)
        job = failed(task, launcher="process", environ={"XPMNB_TEST_MORE": "/more"})
        mended.touch()
        assert job.debug() == "/there/more"
        assert recall(job.layout).debug() == "/there"


def test_a_job_of_an_earlier_session_is_debugged(tmp_path: Path, typing: Typing) -> None:
    """A handle that was made from records debugs like the first one."""
    with running(tmp_path):
        job = failed(Parse.C(text="x"))
    typing("q")
    assert recall(job.layout).debug() is None


@pytest.mark.parametrize("code", [0, None])
def test_leaving_well_is_no_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], code: int | None
) -> None:
    """A task that calls sys.exit(0) did not fail."""
    with running(tmp_path):
        assert debugged(lambda _: sys.exit(code)) is None
        assert "did not fail" in capsys.readouterr().out


def test_leaving_with_a_code_is_a_failure(
    tmp_path: Path, typing: Typing, capsys: pytest.CaptureFixture[str]
) -> None:
    """The debugger opens for sys.exit(3)."""
    with running(tmp_path):
        typing("q")
        assert debugged(lambda _: sys.exit(3)) is None
        assert "SystemExit: 3" in capsys.readouterr().out


def test_an_interrupt_ends_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C ends the task and the cell, and opens no debugger."""

    def interrupt(_: Any) -> None:
        signal.raise_signal(signal.SIGINT)

    with running(tmp_path):
        with pytest.raises(KeyboardInterrupt):
            debugged(interrupt)
        assert "(Pdb)" not in capsys.readouterr().out


def test_a_task_may_change_what_it_wants(tmp_path: Path) -> None:
    """Streams, directory, handlers, search path and loop are put back, whatever it does to them."""

    def change(_: Any) -> int:
        async def nothing() -> int:
            return 5

        found = asyncio.run(nothing())
        sys.stdout.close()
        sys.stdout = sys.stderr = io.StringIO()
        os.chdir("/")
        sys.path.insert(0, "/nowhere")
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        sys.settrace(lambda *_: None)
        sys.modules["__main__"] = threading
        return found

    with running(tmp_path):
        assert debugged(change) == 5
        assert not sys.stdout.closed


def test_the_error_can_be_looked_at_again(tmp_path: Path, typing: Typing) -> None:
    """``pdb.pm()`` and ``%debug`` find the error, without the frames of xpmnb."""
    with running(tmp_path):
        typing("q")
        debugged(lambda _: json.loads("x"))
        assert isinstance(sys.last_value, ValueError)
        place, files = sys.last_traceback, []
        while place is not None:
            files.append(Path(place.tb_frame.f_code.co_filename).name)
            place = place.tb_next
        assert files[-1] == "decoder.py"
        assert {"debugging.py", "work.py"}.isdisjoint(files)


@pytest.mark.parametrize("stdin", [None, "closed", "captured"])
def test_nobody_is_asked_where_nobody_answers(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    stdin: str | None,
) -> None:
    """Without a standard input the traceback is printed, with the way to the debugger."""
    closed = io.StringIO()
    closed.close()
    if stdin != "captured":  # pytest's own raises an error when it is read
        monkeypatch.setattr(sys, "stdin", closed if stdin else None)
    with running(tmp_path):
        assert debugged(bad) is None
        out = capsys.readouterr().out
        assert "ValueError: bad" in out
        assert "nobody can answer here" in out


def test_the_end_of_input_leaves_the_debugger(tmp_path: Path, typing: Typing) -> None:
    """A script whose input is empty, as in continuous integration, goes on."""
    with running(tmp_path):
        typing()
        assert debugged(bad) is None


def test_what_did_not_fail_is_refused(tmp_path: Path) -> None:
    """A job that is done, that runs, or that never ran is refused in words that say what to do."""
    with running(tmp_path):
        with pytest.raises(DebugError, match=r"is done.*result\(\)"):
            do(lambda _: 1, "well").debug()
        held = Held.C(key="a").submit()
        gates.await_begin("a")
        with pytest.raises(DebugError, match=r"is running, not failed: wait\(\)"):
            held.job.debug()
        gates.open("a")
        source = Failing.C(x=1)
        source.submit()
        with pytest.raises(DebugError, match=r"never ran.*debug the job that failed before it"):
            failed(Uses.C(source=source)).debug()


def test_a_cancelled_job_may_be_debugged(tmp_path: Path) -> None:
    """A job that was stopped runs again, and may run through."""
    with running(tmp_path):
        held = Held.C(key="a").submit()
        gates.await_begin("a")
        held.job.cancel()
        assert held.job.wait(DEADLINE_S).name == "ERROR"
        gates.open("a")
        assert held.job.debug() == "a"


def test_it_is_refused_in_jobs_threads_and_itself(tmp_path: Path) -> None:
    """Only the main thread outside jobs may debug, and only one job at a time."""
    with running(tmp_path):
        job = failed(Failing.C(x=1))
        words: list[str] = []

        def refused() -> None:
            with pytest.raises(DebugError) as caught:
                job.debug()
            words.append(str(caught.value))

        do(lambda _: refused(), "in a job")
        thread = threading.Thread(target=refused)
        thread.start()
        thread.join()
        debugged(lambda _: refused())
        assert "not in a job" in words[0]
        assert "in the main thread" in words[1]
        assert "in another debug()" in words[2]


def test_a_job_without_its_files_is_told(tmp_path: Path) -> None:
    """A job whose directory was deleted is refused in words."""
    with running(tmp_path):
        job = failed(Failing.C(x=1))
        job.path.rename(tmp_path / "away")
        with pytest.raises(DebugError, match="submit the task again"):
            job.debug()


def test_another_attempt_may_run_meanwhile(tmp_path: Path) -> None:
    """The lock of the job stays free: it can be submitted again while it is debugged."""
    with running(tmp_path):
        job = do(bad)
        assert is_locked(job.layout.lock) is False
        actions["it"] = lambda _: is_locked(job.layout.lock)
        assert job.debug() is False


def test_a_fork_of_the_task_ends_where_the_task_ends(tmp_path: Path) -> None:
    """A process that the task forks, and that comes back from it, is not a second kernel."""

    def fork(_: Any) -> int:
        child = os.fork()
        if child:
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        raise ValueError

    with running(tmp_path):
        assert debugged(fork) == 1


def test_a_task_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """A parameter that its class does not declare any more is an error, not for the debugger."""
    with running(tmp_path), Cells("a_notebook") as cells:
        module = cells.run(CELL.format(message="old"))
        job = failed(module.Paint.C(color=module.Color.RED, text="x"), launcher="thread")
        cells.run(CELL.format(message="new").replace("    text: Param[str]", ""))
        with pytest.raises(DocumentError, match="Paint declares no parameter 'text' any more"):
            job.debug()


CELL = """
import enum, json
from xpmnb import Param, Task

__xpm_notebook__ = "study"

class Color(enum.Enum):
    RED = 1

class Paint(Task):
    color: Param[Color]
    text: Param[str]

    def execute(self):
        return {message!r}, self.color is Color.RED, json.loads(self.text)
"""


def test_the_newest_definition_is_debugged(tmp_path: Path) -> None:
    """A class that was declared anew since, to mend it, is what runs."""
    with running(tmp_path), Cells("a_notebook") as cells:
        module = cells.run(CELL.format(message="old"))
        job = failed(module.Paint.C(color=module.Color.RED, text="x"), launcher="thread")
        cells.run(CELL.format(message="new").replace("json.loads(self.text)", "'mended'"))
        found = job.debug()
        assert found[0] == "new"
        assert found[2] == "mended"


TERMINAL = """
import json
from pathlib import Path
from xpmnb import Param, Task, experiment

class Parse(Task):
    text: Param[str]

    def execute(self):
        found = self.text.upper()
        if Path(sys.argv[1], "mended").exists():
            breakpoint()
            return found
        return json.loads(found)

if __name__ == "__main__":
    xp = experiment(sys.argv[1] + "/runs", "t").start()
    job = Parse.C(text="x").submit(launcher=sys.argv[2]).job
    job.wait(20)
    print("returned", job.debug())
    Path(sys.argv[1], "mended").touch()
    print("returned", job.debug())
    print("returned", job.debug())
    xp.close()
"""


@pytest.mark.parametrize("launcher", ["thread", "process"])
def test_in_a_terminal_pdb_asks(tmp_path: Path, launcher: str) -> None:
    """In a script, pdb asks on standard input for errors and breakpoints; the script goes on."""
    process = start(write_script(tmp_path, TERMINAL), tmp_path, launcher)
    typed = ["p found", "q", "p found * 2", "c", "p found * 3", "q"]
    out, err = process.communicate("".join(f"{line}\n" for line in typed), timeout=60)
    assert process.returncode == 0, err
    first, second, third, _ = out.split("returned ")
    assert "-> return json.loads(found)" in first
    assert "(Pdb) 'X'" in first
    assert second.startswith("None\n")
    assert "(Pdb) 'XX'" in second
    assert third.startswith("X\n")
    assert "(Pdb) 'XXX'" in third
    assert "the debugger was left" in third
    assert out.endswith("returned None\n")
