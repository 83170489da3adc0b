"""The process launcher: each start has one end, whatever happens to processes and server."""

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, cast

import pytest

from tests.support.entries import ENTRY, request
from tests.support.nurseries import DEADLINE_S, await_true, is_alive, read_json
from xpmnb.endings import Ending
from xpmnb.errors import LauncherError
from xpmnb.launchers.process import JobSide, ProcessLauncher
from xpmnb.records.layout import JobLayout
from xpmnb.records.states import FailureReason, JobState
from xpmnb.runtime import JobContext
from xpmnb.scheduler.jobs import Job
from xpmnb.scheduler.launcher import Outcome
from xpmnb.scheduler.requests import JobRequest, Terms

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")


@dataclass(eq=False)
class Case:
    """Stands for a job: what its process does, and the listener that hears of it."""

    root: Path
    action: str = "nothing"
    arguments: tuple[Any, ...] = ()
    walltime_s: float | None = None
    on_finished: Callable[[], None] = lambda: None
    begun_at: float | None = None
    outcomes: list[Outcome] = field(default_factory=list)
    threads: list[str] = field(default_factory=list)
    _news: threading.Condition = field(default_factory=threading.Condition)

    @property
    def layout(self) -> JobLayout:
        return JobLayout(str(self.root / "jobs" / "m.case" / "0123"))

    def begun(self, context: JobContext | None, started_at: float) -> None:
        assert context is None
        with self._news:
            self.begun_at = started_at
            self._news.notify_all()

    def changed(self) -> None:
        raise AssertionError

    def finished(self, outcome: Outcome) -> None:
        self.on_finished()
        with self._news:
            self.outcomes.append(outcome)
            self.threads.append(threading.current_thread().name)
            self._news.notify_all()

    def await_begin(self) -> None:
        with self._news:
            assert self._news.wait_for(lambda: self.begun_at is not None, DEADLINE_S)

    def await_outcome(self) -> Outcome:
        with self._news:
            assert self._news.wait_for(lambda: self.outcomes, DEADLINE_S)
        return self.outcomes[0]


def _request_of(job: Job, launcher: str, grace_s: float) -> JobRequest:
    case = cast("Case", job)
    assert launcher == "process"
    terms = {"grace_s": grace_s, "walltime_s": case.walltime_s}
    return request(case.action, *case.arguments, **terms)


def _record_death(layout: JobLayout, ending: Ending, terms: Terms, since: float) -> Outcome:
    assert since > 0
    assert layout.name == "case"
    assert terms.grace_s is not None
    assert ending.reason is not None
    return Outcome(JobState.error(ending.reason), ending.message)


class Launcher(ProcessLauncher):
    """A process launcher whose jobs are the cases of this file."""

    side: ClassVar[JobSide] = JobSide(ENTRY, _request_of, lambda _: (), _record_death)

    def run(self, case: Case) -> Case:
        """Start a case."""
        self.start(cast("Job", case), case)
        return case

    def stop(self, case: Case) -> None:
        """Cancel a case."""
        self.cancel(cast("Job", case))


@contextmanager
def launching(**options: Any) -> Iterator[Launcher]:
    """Give a launcher that is open, and closed at the end."""
    launcher = Launcher(**options)
    launcher.open()
    try:
        yield launcher
    finally:
        launcher.close()


def process_threads() -> list[str]:
    """Return the names of the threads that the launcher has."""
    return [each.name for each in threading.enumerate() if each.name.startswith("xpmnb-proc")]


@pytest.fixture(params=[True, False], ids=["fork", "fresh"])
def fork(request: pytest.FixtureRequest) -> bool:
    """Give both ways in which processes come to be."""
    return bool(request.param)


def test_a_job_begins_and_ends(tmp_path: Path, fork: bool) -> None:
    """The listener hears the begin, and one end with the result of the process."""
    with launching(fork=fork) as launcher:
        case = launcher.run(Case(tmp_path, "give", (5,)))
        outcome = case.await_outcome()
        assert outcome.state == JobState.DONE
        assert outcome.result == 5
        assert case.begun_at is not None
    assert len(case.outcomes) == 1
    assert case.threads[0].startswith("xpmnb-process")
    await_true(lambda: not process_threads())


def test_a_process_that_says_nothing_is_recorded(tmp_path: Path, fork: bool) -> None:
    """A process that ends without a word ends its job with what it died of."""
    with launching(fork=fork) as launcher:
        gone = launcher.run(Case(tmp_path, "exit", (3,)))
        crashed = launcher.run(Case(tmp_path, "die", (int(signal.SIGSEGV),)))
        killed = launcher.run(Case(tmp_path, "die", (int(signal.SIGKILL),)))
        assert "exited with code 3" in gone.await_outcome().message
        assert "SIGSEGV" in crashed.await_outcome().message
        assert "killed by SIGKILL" in killed.await_outcome().message


def test_a_cancelled_job_is_killed_after_the_grace(tmp_path: Path, fork: bool) -> None:
    """A job that ignores the request to stop ends as cancelled, and the message says how."""
    with launching(fork=fork, grace_s=0.25) as launcher:
        case = launcher.run(Case(tmp_path, "ignore_sigterm", (str(tmp_path / "who"),)))
        read_json(tmp_path / "who")
        launcher.stop(case)
        outcome = case.await_outcome()
        assert outcome.state is JobState.error(FailureReason.CANCELLED)
        assert "within 0.25 s of being asked to" in outcome.message


def test_a_walltime_is_enforced(tmp_path: Path, fork: bool) -> None:
    """A job that goes on beyond walltime and grace ends as a timeout."""
    with launching(fork=fork, grace_s=0.5) as launcher:
        case = Case(tmp_path, "ignore_sigterm", (str(tmp_path / "who"),), walltime_s=0.5)
        outcome = launcher.run(case).await_outcome()
        assert outcome.state is JobState.error(FailureReason.TIMEOUT)
        assert "within 0.5 s of the end of its time" in outcome.message


def test_a_result_too_large_for_a_report_is_read(tmp_path: Path) -> None:
    """A large result comes from the job's own file."""
    case = Case(tmp_path, "fill", (100_000,))
    Path(case.layout.result).parent.mkdir(parents=True)
    Path(case.layout.result).write_text(json.dumps("from the file"))
    with launching() as launcher:
        assert launcher.run(case).await_outcome().result == "from the file"
        lost = launcher.run(Case(tmp_path / "elsewhere", "fill", (100_000,)))
        assert lost.await_outcome().state == JobState.DONE


def test_the_death_of_the_server_leaves_jobs_to_be_watched(tmp_path: Path) -> None:
    """A killed server ends its jobs without a state; the next start has a new server."""
    who, gate = tmp_path / "who", tmp_path / "open"
    with launching() as launcher:
        case = launcher.run(Case(tmp_path, "write_pid_and_hold", (str(who), str(gate))))
        found = read_json(who)
        os.kill(found["server"], signal.SIGKILL)
        assert case.await_outcome() == Outcome(None)
        assert is_alive(found["pid"])
        assert launcher.run(Case(tmp_path, "give", (1,))).await_outcome().result == 1
        gate.touch()
        read_json(tmp_path / "who.end")
    assert len(case.outcomes) == 1


def test_the_last_close_ends_server_and_thread(tmp_path: Path) -> None:
    """Closing is counted; the last one ends server and thread, and leaves jobs to others."""
    who, gate = tmp_path / "who", tmp_path / "open"
    with launching() as launcher:
        launcher.open()
        case = launcher.run(Case(tmp_path, "write_pid_and_hold", (str(who), str(gate))))
        found = read_json(who)
        launcher.close()
        assert is_alive(found["server"])
    assert not is_alive(found["server"])
    assert is_alive(found["pid"])
    assert process_threads() == []
    assert case.outcomes == [Outcome(None)]
    gate.touch()
    read_json(tmp_path / "who.end")


def test_a_launcher_can_be_opened_again(tmp_path: Path, fork: bool) -> None:
    """After the last close, the next open makes everything anew."""
    launcher = Launcher(fork=fork)
    for number in range(2):
        launcher.open()
        case = launcher.run(Case(tmp_path, "give", (number,)))
        assert case.await_outcome().result == number
        launcher.close()


def test_a_listener_may_close_the_launcher(tmp_path: Path) -> None:
    """The end of a job may be the end of the run, in the very thread that tells it."""
    launcher = Launcher()
    launcher.open()
    case = launcher.run(Case(tmp_path, "give", (1,), on_finished=launcher.close))
    assert case.await_outcome().result == 1
    await_true(lambda: not process_threads())
    assert len(case.outcomes) == 1


def test_a_listener_may_start_the_next_job(tmp_path: Path, fork: bool) -> None:
    """The end of a job may start another, also when its server has just died."""
    with launching(fork=fork) as launcher:
        second = Case(tmp_path, "give", (2,))
        first = Case(tmp_path, "give", (1,), on_finished=lambda: void(launcher.run(second)))
        launcher.run(first)
        assert first.await_outcome().result == 1
        assert second.await_outcome().result == 2


def void(_: object) -> None:
    """Forget a value."""


def test_a_start_that_follows_the_death_of_the_server(tmp_path: Path) -> None:
    """A job that is started while the end of a server is told gets a new server."""
    who = tmp_path / "who"
    with launching() as launcher:
        second = Case(tmp_path, "give", (2,))
        first = Case(
            tmp_path,
            "write_pid_and_hold",
            (str(who), str(tmp_path / "open")),
            on_finished=lambda: void(launcher.run(second)),
        )
        launcher.run(first)
        os.kill(read_json(who)["server"], signal.SIGKILL)
        assert first.await_outcome() == Outcome(None)
        assert second.await_outcome().result == 2
        (tmp_path / "open").touch()
        read_json(tmp_path / "who.end")


def test_a_listener_that_raises_does_no_harm(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What a listener raises is logged, and the next job runs."""

    def fail() -> None:
        message = "no more"
        raise RuntimeError(message)

    with launching() as launcher:
        launcher.run(Case(tmp_path, on_finished=fail))
        assert launcher.run(Case(tmp_path, "give", (1,))).await_outcome().result == 1
    assert "no more" in caplog.text


def test_a_module_that_does_not_exist_is_refused() -> None:
    """Opening names the module that cannot be preloaded, and imports nothing."""
    launcher = Launcher(preload=["json", "xpmnb_no_such_module.part"])
    with pytest.raises(LauncherError, match=r"xpmnb_no_such_module\.part"):
        launcher.open()
    assert process_threads() == []


def test_a_module_that_cannot_be_imported_fails_the_jobs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A preload that raises ends every job with the error; once mended, jobs run."""
    module = tmp_path / "xpmnb_mended.py"
    module.write_text("raise RuntimeError('no luck')")
    monkeypatch.syspath_prepend(tmp_path)
    with launching(preload=["xpmnb_mended"]) as launcher:
        cases = [launcher.run(Case(tmp_path)) for _ in range(5)]
        for case in cases:
            outcome = case.await_outcome()
            assert outcome.state is JobState.error(FailureReason.ERROR)
            assert "xpmnb_mended: RuntimeError: no luck" in outcome.message
        module.write_text("# in order now")
        assert launcher.run(Case(tmp_path, "give", (1,))).await_outcome().result == 1
    assert [len(case.outcomes) for case in cases] == [1] * 5


def test_a_python_that_cannot_be_started_fails_the_jobs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that the system does not start ends the jobs with the system's words."""
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    with launching() as launcher:
        assert "/nowhere/python" in launcher.run(Case(tmp_path)).await_outcome().message


def test_an_unknown_python_fails_the_jobs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fork: bool
) -> None:
    """A Python that does not know itself gets an error that names the way out."""
    monkeypatch.setattr("sys.executable", "")
    with launching(fork=fork) as launcher:
        if fork:
            assert "launcher 'thread'" in launcher.run(Case(tmp_path)).await_outcome().message
        else:
            with pytest.raises(LauncherError, match="launcher 'thread'"):
                launcher.run(Case(tmp_path))


def test_a_request_that_cannot_be_made_is_raised(tmp_path: Path) -> None:
    """What fails before anything was started is raised, and the listener hears nothing."""
    with launching() as launcher:
        case = Case(tmp_path, "give", (object(),))
        with pytest.raises(TypeError):
            launcher.run(case)
    assert case.outcomes == []


def test_cancelling_what_has_ended_does_nothing(tmp_path: Path, fork: bool) -> None:
    """A request to stop that comes too late, or for a job never started, is nothing."""
    with launching(fork=fork) as launcher:
        launcher.stop(Case(tmp_path))
        case = launcher.run(Case(tmp_path))
        case.await_outcome()
        launcher.stop(case)
    assert len(case.outcomes) == 1


def test_abandoned_jobs_go_on(tmp_path: Path) -> None:
    """A process that is about to end gives up its server, and leaves its jobs alone."""
    who, gate = tmp_path / "who", tmp_path / "open"
    with launching() as launcher:
        case = launcher.run(Case(tmp_path, "write_pid_and_hold", (str(who), str(gate))))
        found = read_json(who)
        launcher.abandon()
        assert not is_alive(found["server"])
        assert is_alive(found["pid"])
        assert case.outcomes == []
        gate.touch()
        read_json(tmp_path / "who.end")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"preload": ["json"]},
        {"grace_s": 2.0},
        {"fork": False},
        {"preload": ["a"], "fork": True},
    ],
)
def test_the_representation_is_the_call(options: dict[str, Any]) -> None:
    """The representation is the call that makes an equal launcher."""
    words = ", ".join(f"{name}={value!r}" for name, value in options.items())
    assert repr(ProcessLauncher(**options)) == f"ProcessLauncher({words})"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"grace_s": -1}, "not negative"),
        ({"grace_s": float("nan")}, "not negative"),
        ({"grace_s": float("inf")}, r"grace_s=inf\): give a number of seconds"),
        ({"grace_s": "x"}, r"ProcessLauncher\(grace_s='x'\): give a number of seconds"),
        ({"preload": "torch"}, r"preload='torch'\): .*\['torch'\]"),
        ({"preload": [3]}, r"ProcessLauncher\(preload=\.\.\.\) has 3 in it: .* names of modules"),
        ({"preload": 3}, r"preload=3\): give a list with the names of modules"),
        ({"fork": "no"}, r"ProcessLauncher\(fork='no'\): give True or False"),
        ({"preload": ["torch"], "fork": False}, "leave one of the two out"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], words: str) -> None:
    """Options that cannot be meant get an error that says what is wrong."""
    with pytest.raises((TypeError, ValueError), match=words):
        ProcessLauncher(**options)
