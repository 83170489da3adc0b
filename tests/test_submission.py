"""What a submission brings about: hooks, launchers, callbacks, tokens, settings."""

import logging
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.acting import (
    Act,
    Emits,
    EmitsPlainly,
    Take,
    Tells,
    UsesMade,
    await_begin,
    pid_of,
)
from tests.support.nurseries import await_true
from xpmnb import (
    Config,
    FailureReason,
    JobState,
    Param,
    ProcessLauncher,
    SubmitHook,
    Task,
    experiment,
)
from xpmnb.errors import SettingsError, SubmissionError

DEADLINE_S = 60.0


@pytest.fixture(params=["thread", "process"])
def launcher(request: pytest.FixtureRequest) -> str:
    """Give the word for where the jobs of a test run."""
    word: str = request.param
    return word


@pytest.fixture
def xp(tmp_path: Path, launcher: str) -> Iterator[experiment]:
    """Open an experiment whose jobs run there."""
    with experiment(tmp_path / "runs", "t", launcher=launcher) as opened:
        yield opened


# --- hooks


class notes(SubmitHook):  # noqa: N801 (reads as a decorator)
    """Adds its name to a variable."""

    def __init__(self, name: str) -> None:
        self.name = name

    def spec(self) -> str:
        return self.name

    def process(self, job: Any, launcher: Any) -> None:
        assert job.launcher is launcher
        job.environ["XPMNB_JOB"] = job.environ.get("XPMNB_JOB", "") + self.name


class moves(SubmitHook):  # noqa: N801
    """Chooses where a job runs."""

    def __init__(self, where: Any) -> None:
        self.where = where

    def spec(self) -> str:
        return repr(self.where)

    def process(self, job: Any, launcher: Any) -> None:  # noqa: ARG002 (as on the page)
        job.launcher = self.where


@notes("a")
class Inner(Config):
    x: Param[int] = 0


@notes("b")
class Base(Task):
    def execute(self) -> Any:
        return os.environ.get("XPMNB_JOB"), os.getpid()


@notes("a")
@notes("c")
class Hooked(Base):
    inner: Param[Inner]
    more: Param[list[Inner]]


@moves("process")
class Moved(Hooked):
    pass


@moves(ProcessLauncher(fork=False))
class MovedToFresh(Hooked):
    pass


@moves("slurm")
class MovedNowhere(Task):
    def execute(self) -> None:
        """Do nothing."""


def hooked(cls: Any) -> Any:
    """Return a task with several configurations that have the same hook."""
    return cls.C(inner=Inner.C(), more=[Inner.C(x=1), Inner.C(x=2)])


@pytest.mark.parametrize("cls", [Hooked, Moved, MovedToFresh])
def test_hooks_are_applied_once_and_may_choose_the_launcher(tmp_path: Path, cls: Any) -> None:
    """Hooks of nested configurations, bases and classes come once each; a launcher is honoured."""
    usual = "process" if cls is Hooked else "thread"
    with experiment(tmp_path / "runs", "t", launcher=usual) as xp:
        task = hooked(cls).submit(environ={"XPMNB_JOB": "given:"})
        variable, pid = task.job.result(DEADLINE_S)
        assert variable == "given:abc"
        assert pid != os.getpid()
        assert "XPMNB_JOB" not in os.environ
        assert xp.jobs()["launcher"].to_list() == ["process"]
        # It counts for each submission, not for the task.
        assert hooked(cls).submit().job.result(DEADLINE_S) == [variable, pid]


def test_a_hook_cannot_change_the_environment_of_a_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the kernel has already is fine; else the error names variable and way out."""
    with experiment(tmp_path / "runs", "t") as xp:
        with pytest.raises(SubmissionError, match=r"XPMNB_JOB.*launcher='process'"):
            hooked(Hooked).submit()
        assert xp.jobs().empty
        monkeypatch.setenv("XPMNB_JOB", "abc")
        assert hooked(Hooked).submit().job.result(DEADLINE_S) == ["abc", os.getpid()]


def test_a_hook_that_names_no_launcher_is_told(tmp_path: Path) -> None:
    """An unknown word of a hook is refused at submit, with the hook and the known words."""
    with (
        experiment(tmp_path / "runs", "t"),
        pytest.raises(ValueError, match=r"moves.*'slurm' is unknown: use 'thread' or 'process'"),
    ):
        MovedNowhere.C().submit()


class Lazy(Task):
    def execute(self) -> Any:
        yield


def test_a_task_that_would_do_nothing_is_refused(xp: experiment) -> None:
    """A generator for execute is refused at submit: as a job it would be done without a line."""
    with pytest.raises(SubmissionError, match=r"Lazy\.execute has a yield"):
        Lazy.C().submit()
    assert xp.jobs().empty


class ForgetsReturn(Task):
    def execute(self) -> None:
        pass

    def task_outputs(self, dep: Any) -> None:
        dep(self)


class ForgetsDep(Task):
    def execute(self) -> None:
        pass

    def task_outputs(self) -> Any:  # type: ignore[override]
        return self


@pytest.mark.parametrize(
    ("cls", "words"),
    [
        (ForgetsReturn, "task_outputs returned None: .* or self"),
        (ForgetsDep, r"called with self and dep: too many .*; write def task_outputs\(self, dep\)"),
    ],
)
def test_wrong_outputs_are_refused(xp: experiment, cls: Any, words: str) -> None:
    """A forgotten return or argument of task_outputs is told at submit, and nothing runs."""
    with pytest.raises(SubmissionError, match=words):
        cls.C().submit()
    assert xp.jobs().empty


# --- callbacks


def test_completion_is_told_once_for_each_submission(xp: experiment, tmp_path: Path) -> None:
    """on_completed calls once, whether it came before, while or after the job; not for failures."""
    told: list[str] = []
    task = Act.C(what="hold", root=tmp_path)
    task.on_completed(lambda: told.append("before"))
    task.submit()
    await_begin(tmp_path)
    task.on_completed(lambda: told.append("while"))
    (tmp_path / "go").touch()
    task.wait(DEADLINE_S)
    task.on_completed(lambda: told.append("after"))
    failing = Act.C(what="raise", root=tmp_path).on_completed(lambda: told.append("failed"))
    failing.submit()
    xp.wait(DEADLINE_S)
    assert sorted(told) == ["after", "before", "while"]
    again = Act.C(what="hold", root=tmp_path).on_completed(lambda: told.append("done before"))
    again.submit()
    xp.wait(DEADLINE_S)
    assert sorted(told) == ["after", "before", "done before", "while"]


def test_what_callbacks_submit_is_waited_for(xp: experiment, tmp_path: Path) -> None:
    """A callback may submit, also to be called in turn; xp.wait() waits for all of it."""
    told: list[int] = []

    def go_on(number: int) -> None:
        told.append(number)
        if number < 3:
            task = Tells.C(what="pid", x=number)
            task.on_completed(lambda: go_on(number + 1)).submit()

    Act.C(what="nothing", root=tmp_path).on_completed(lambda: go_on(0)).submit()
    xp.wait(DEADLINE_S)
    assert told == [0, 1, 2, 3]
    assert len(xp.jobs()) == 4


def test_a_callback_that_raises_is_reported(
    xp: experiment, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The error of a callback is in the log, and the next callback is called."""
    told: list[str] = []
    task = Act.C(what="nothing", root=tmp_path)
    nothing: dict[str, int] = {}
    task.on_completed(lambda: nothing["key"]).on_completed(lambda: told.append("next"))
    with caplog.at_level(logging.WARNING):
        task.submit()
        xp.wait(DEADLINE_S)
    assert told == ["next"]
    assert task.job.state == JobState.DONE
    assert "KeyError" in caplog.text


def test_outputs_are_told_once_whatever_is_run_again(xp: experiment, tmp_path: Path) -> None:
    """Retries and submissions after a failure register outputs again; each callback hears once."""
    first: list[int] = []
    task = Emits.C(root=tmp_path, timeouts=2, fails=True)
    task.watch_output(task.at, lambda made: first.append(made.step))
    task.submit()
    xp.wait(DEADLINE_S)
    assert (task.job.failure_reason, task.job.retry_count) == (FailureReason.ERROR, 2)
    assert first == [0, 1, 2, 3]
    (tmp_path / "mended").touch()
    second: list[int] = []
    used: list[Any] = []
    again = Emits.C(root=tmp_path, timeouts=2, fails=True)
    again.watch_output(again.at, lambda made: second.append(made.step))
    again.watch_output(again.at, lambda made: used.append(UsesMade.C(made=made).submit()))
    again.submit()
    xp.wait(DEADLINE_S)
    assert again.job.state == JobState.DONE
    assert second == [0, 1, 2, 3, 4]
    assert [each.job.result() for each in used] == second
    assert first == [0, 1, 2, 3]
    assert xp.outputs()["outputs.step"].to_list() == second


def test_only_a_resumable_task_registers_outputs(xp: experiment) -> None:
    """Watching a plain Task is refused at once; registering in one fails its job with the words."""
    task = EmitsPlainly.C()
    with pytest.raises(TypeError, match="ResumableTask"):
        task.watch_output(task.at, print)
    task.submit().wait(DEADLINE_S)
    assert task.job.failure_reason is FailureReason.ERROR
    assert "only a ResumableTask registers outputs; derive EmitsPlainly from it" in task.job.message
    assert xp.outputs().empty


# --- jobs, tokens, settings


def test_a_job_is_found_by_the_beginning_of_its_identifier(xp: experiment, tmp_path: Path) -> None:
    """xp.job() gives the handle of a live job, and one for a job of an earlier session."""
    task = Act.C(what="nothing", root=tmp_path).submit()
    assert xp.job(task.job.id[:8]) is task.job
    task.wait(DEADLINE_S)
    with experiment(tmp_path / "runs", "other") as other:
        assert other.job(task.job.id[:8]).result() == "done"
        with pytest.raises(LookupError, match="ffffffff"):
            other.job("ffffffff")
        Tells.C(what="pid").submit()
        with pytest.raises(LookupError):
            other.job("")


def test_tokens_bound_how_many_run(xp: experiment, tmp_path: Path) -> None:
    """Never more jobs run than there are tokens; what could never be had is refused at submit."""
    token = xp.token("gpu", 2)
    tasks = [Take.C(x=each, root=tmp_path) for each in range(5)]
    for wanted, words in (({"gpu": 3}, "2"), ({"cpu": 1}, "cpu"), ({"gpu": 0}, "gpu")):
        with pytest.raises((SubmissionError, ValueError), match=words):
            tasks[0].submit(tokens=wanted)
    assert xp.jobs().empty
    for task in tasks:
        task.submit(tokens={"gpu": 1})
    xp.wait(DEADLINE_S)
    assert max(task.job.result() for task in tasks) <= 2
    assert token.available() == 2


def test_the_death_of_a_holder_frees_its_token(tmp_path: Path) -> None:
    """A process that is killed while it holds a token leaves it to the next."""
    with experiment(tmp_path / "runs", "t", launcher="process") as xp:
        xp.token("gpu", 1)
        holder = Act.C(what="hold", root=tmp_path).submit(tokens={"gpu": 1})
        await_begin(tmp_path)
        next_one = Act.C(what="nothing", root=tmp_path).submit(tokens={"gpu": 1})
        await_true(lambda: "gpu" in next_one.job.message, "the words for what it waits for")
        os.kill(pid_of(holder.job), signal.SIGKILL)
        assert next_one.job.result(DEADLINE_S) == "done"
        assert holder.job.failure_reason is FailureReason.ERROR


def test_the_settings_choose_launcher_and_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, launcher: str
) -> None:
    """launcher and max_jobs of a workspace hold unless the experiment says otherwise."""
    path = tmp_path / "settings.yaml"
    monkeypatch.setenv("XPMNB_SETTINGS", str(path))
    path.write_text(
        f"workspaces: [{{id: w, path: {tmp_path / 'w'}, launcher: {launcher}, max_jobs: 1}}]\n"
    )
    other = {"thread": "process", "process": "thread"}[launcher]
    with experiment("w", "t") as xp:
        tasks = [Take.C(x=each, root=tmp_path).submit() for each in range(3)]
        xp.wait(DEADLINE_S)
        assert [task.job.result() for task in tasks] == [1, 1, 1]
        assert set(xp.jobs()["launcher"]) == {launcher}
    with experiment("w", "other", launcher=other) as xp:
        Tells.C(what="pid").submit()
        xp.wait(DEADLINE_S)
        assert set(xp.jobs()["launcher"]) == {other}


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("launcher: slrum", r"workspaces\[0\]\.launcher"),
        ("max_jobs: 0", r"workspaces\[0\]\.max_jobs"),
        ("max_retries: -1", r"workspaces\[0\]\.max_retries"),
        ("max_retry: 1", "max_retry"),
    ],
)
def test_an_error_of_the_settings_names_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entry: str, words: str
) -> None:
    """Opening an experiment with wrong settings names file and key."""
    path = tmp_path / "settings.yaml"
    path.write_text(f"workspaces: [{{id: w, path: {tmp_path / 'w'}, {entry}}}]\n")
    monkeypatch.setenv("XPMNB_SETTINGS", str(path))
    with pytest.raises(SettingsError, match=rf"(?s){path}.*{words}"):
        experiment("w", "t").start()
    assert not (tmp_path / "w").exists()
