"""The life of a job, the same in a thread and in a process of its own."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.acting import Act, Perform, Persist, Prepare, Shares, Stage
from tests.support.declaring import loose
from tests.support.nurseries import await_true
from xpmnb import FailureReason, JobState, ProcessLauncher, experiment

DEADLINE_S = 60.0

LAUNCHERS: dict[str, Callable[[], Any]] = {
    "thread": lambda: "thread",
    "process": lambda: "process",
    "fresh": lambda: ProcessLauncher(fork=False),
}


def opened(root: Path, launcher: str) -> experiment:
    """Return an experiment whose jobs run there."""
    return experiment(root / "runs", "life", launcher=LAUNCHERS[launcher]())


@pytest.fixture(params=["thread", "process"])
def launcher(request: pytest.FixtureRequest) -> str:
    """Give the word for where the jobs of a test run."""
    word: str = request.param
    return word


@pytest.fixture
def xp(tmp_path: Path, launcher: str) -> Iterator[experiment]:
    """Open an experiment whose jobs run there."""
    with opened(tmp_path, launcher) as made:
        yield made


def run(task: Any, **options: Any) -> Any:
    """Run a task to its end, and return its job."""
    task.submit(**options)
    assert task.job.wait(DEADLINE_S).is_final
    return task.job


def marker(job: Any) -> dict[str, Any]:
    """Return the only end marker of a job."""
    [path] = [each for each in job.path.iterdir() if each.suffix in {".done", ".failed"}]
    content: dict[str, Any] = json.loads(path.read_text())
    assert path.suffix == (".done" if content["state"] == "done" else ".failed")
    return content


# --- objects, directory, paths


@pytest.mark.parametrize("launcher", list(LAUNCHERS), indirect=True)
@pytest.mark.usefixtures("xp")
def test_objects_are_made_and_prepared_in_order() -> None:
    """`__init__()`, attributes, `__post_init__()`, init tasks, then execute, in the directory."""
    stage = loose(Stage).C(x=3)
    task = loose(Perform).C(stage=stage).tag("colour", "red")
    job = run(task, init_tasks=[Prepare.C(stage=stage, number=each) for each in (1, 2)])
    assert job.result() == {
        "seen": [
            "init False",
            "post 3",
            "post of the task",
            "prepare 1 in True",
            "prepare 2 in True",
        ],
        "begun_with": False,
        "here": True,
        "tags": {"colour": "red"},
    }


@pytest.mark.usefixtures("xp")
def test_generated_paths_lie_in_the_job_directory() -> None:
    """Paths of the task, of nested configurations and of init tasks each have their place."""
    stage = loose(Stage).C(x=3)
    job = run(loose(Perform).C(stage=stage), init_tasks=[Prepare.C(stage=stage, number=7)])
    assert (job.path / "sub/own.txt").read_text() == "own"
    assert (job.path / "stage/stage.txt").read_text() == "stage"
    assert (job.path / "init_tasks/0/prepared.txt").read_text() == "7"


def test_a_shared_directory_is_used_by_one_job_at_a_time(xp: experiment, tmp_path: Path) -> None:
    """Tasks that differ in what is left out share a folder, never both at once; others do not."""
    tasks = [Shares.C(lr=0.1, epochs=each) for each in range(6)]
    other = Shares.C(lr=0.2, epochs=0)
    for task in (*tasks, other):
        task.submit()
    xp.wait(DEADLINE_S)
    found = [task.job.result() for task in tasks]
    assert [each["own"] for each in found] == [True] * 6
    [folder] = {each["folder"] for each in found}
    assert Path(folder).is_relative_to(tmp_path / "runs/partials")
    assert sorted(each.name for each in Path(folder).glob("*.txt")) == [
        f"{each}.txt" for each in range(6)
    ]
    assert other.job.result()["folder"] != folder


# --- streams


@pytest.mark.parametrize("launcher", list(LAUNCHERS), indirect=True)
@pytest.mark.usefixtures("xp")
def test_prints_are_in_the_files(tmp_path: Path) -> None:
    """What Python prints is in [NAME].out and [NAME].err."""
    job = run(Act.C(what="print", root=tmp_path))
    assert (job.path / "act.out").read_text() == "printed\n"
    assert (job.path / "act.err").read_text() == "complained\n"


@pytest.mark.parametrize("launcher", ["process", "fresh"], indirect=True)
@pytest.mark.usefixtures("xp")
def test_a_process_keeps_what_does_not_pass_through_python(tmp_path: Path) -> None:
    """Descriptors, subprocesses and C write into the files of a job's own process."""
    job = run(Act.C(what="write_below", root=tmp_path))
    assert job.stdout.read_text() == "by descriptor\nby subprocess\nby C\n"
    assert job.stderr.read_text() == "its complaint\n"


def test_a_thread_leaves_to_the_kernel_what_does_not_pass_through_python(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """In a thread, descriptors, subprocesses and C write where the kernel writes: documented."""
    with opened(tmp_path, "thread"):
        job = run(Act.C(what="write_below", root=tmp_path))
    assert job.stdout.read_text() == ""
    out, err = capfd.readouterr()
    assert {"by descriptor", "by subprocess", "by C"} <= set(out.splitlines())
    assert "its complaint" in err


# --- results and failures


@pytest.mark.parametrize("launcher", list(LAUNCHERS), indirect=True)
@pytest.mark.parametrize(
    ("what", "reason", "words", "code"),
    [
        ("raise", FailureReason.ERROR, "ValueError: a bad value", None),
        ("exit", FailureReason.ERROR, "sys.exit(3)", 3),
        ("interrupt", FailureReason.CANCELLED, "KeyboardInterrupt", None),
        ("exhaust", FailureReason.MEMORY, "MemoryError: no more", None),
        ("give_up", FailureReason.TIMEOUT, "GracefulTimeout: not enough for another step", None),
    ],
)
def test_every_failure_is_told(
    xp: experiment, tmp_path: Path, what: str, reason: FailureReason, words: str, code: int | None
) -> None:
    """Whatever a plain task raises, reason, message and traceback are kept, and nothing retried."""
    job = run(Act.C(what=what, root=tmp_path))
    assert job.failure_reason is reason
    assert words in job.message
    assert f"do_{what}" in job.stderr.read_text()
    end = marker(job)
    assert (end["state"], end["reason"], end["exit_code"]) == ("error", reason.value, code)
    assert end["attempt"] == 1
    assert xp.failed == [job]
    assert xp.jobs()[["failure", "retries"]].to_numpy().tolist() == [[reason.value, 0]]


@pytest.mark.usefixtures("xp")
def test_leaving_without_a_code_is_done(tmp_path: Path) -> None:
    """sys.exit() without a code ends a job well."""
    assert run(Act.C(what="exit_well", root=tmp_path)).state == JobState.DONE


def test_a_result_is_kept_or_refused_in_words(xp: experiment, tmp_path: Path) -> None:
    """JSON is the result; what is none is told in message and events, and the job is done."""
    kept = run(Act.C(what="return_numbers", root=tmp_path))
    assert kept.result() == {"accuracy": 0.5, "steps": [1, 2]}
    refused = run(Act.C(what="return_object", root=tmp_path))
    assert refused.state == JobState.DONE
    assert refused.result() is None
    words = "returned object, which is not kept as the result"
    assert words in refused.message
    texts = xp.events().query("event == 'notice'")["text"].to_list()
    assert [words in text for text in texts] == [True]


# --- submitting again, and retries


@pytest.mark.parametrize(
    ("cls", "there"), [(Act, []), (Persist, ["mine.left"])], ids=["Task", "ResumableTask"]
)
@pytest.mark.usefixtures("xp")
def test_a_failure_is_not_sticky(tmp_path: Path, cls: Any, there: list[str]) -> None:
    """Submitted again, a task starts from an empty directory; a resumable one finds its files."""
    task = cls.C(what="fail_once", root=tmp_path)
    failed = run(task)
    assert failed.failure_reason is FailureReason.ERROR
    (tmp_path / "mended").touch()
    again = run(task)
    assert again.id == failed.id
    assert again.result() == there
    assert marker(again)["state"] == "done"


@pytest.mark.parametrize("launcher", list(LAUNCHERS), indirect=True)
def test_a_graceful_timeout_is_retried_in_the_same_directory(
    xp: experiment, tmp_path: Path
) -> None:
    """A resumable task that runs out of time runs again, keeps its files, and counts."""
    job = run(Persist.C(what="count", root=tmp_path))
    assert job.result() == ["1", "2", "3"]
    assert job.retry_count == 2
    assert marker(job)["attempt"] == 3
    assert xp.jobs()["retries"].to_list() == [2]
    events = xp.events()
    ends = events[events["event"] == "attempt-ended"]
    assert ends["text"].to_list() == [
        f"timeout: GracefulTimeout: attempt {each}" for each in (1, 2)
    ]
    assert (events["event"] == "started").sum() == 3


@pytest.mark.parametrize(
    ("bounds", "runs"),
    [
        ((None, None, None), 4),
        ((None, 1, None), 2),
        ((2, None, None), 3),
        ((2, 1, None), 2),
        ((2, 1, 0), 1),
        ((None, 0, 2), 3),
    ],
)
def test_the_nearest_bound_on_retries_counts(
    tmp_path: Path,
    launcher: str,
    monkeypatch: pytest.MonkeyPatch,
    bounds: tuple[int | None, int | None, int | None],
    runs: int,
) -> None:
    """submit() goes before experiment(), which goes before the settings file, then 3."""
    settings, given, submitted = bounds
    path = tmp_path / "settings.yaml"
    retries = "" if settings is None else f", max_retries: {settings}"
    path.write_text(f"workspaces: [{{id: mine, path: {tmp_path / 'mine'}{retries}}}]\n")
    monkeypatch.setenv("XPMNB_SETTINGS", str(path))
    with experiment("mine", "t", launcher=launcher, max_retries=given) as xp:
        job = run(Persist.C(what="give_up", root=tmp_path), max_retries=submitted)
        assert job.failure_reason is FailureReason.TIMEOUT
        assert job.path.is_relative_to(tmp_path / "mine")
        assert (job.retry_count, marker(job)["attempt"]) == (runs - 1, runs)
        # Submitting again counts anew.
        again = run(Persist.C(what="give_up", root=tmp_path), max_retries=submitted)
        assert again.retry_count == runs - 1
        assert xp.jobs()["failure"].to_list() == ["timeout"]


def test_only_timeouts_are_retried(xp: experiment, tmp_path: Path) -> None:
    """A resumable task that fails for another reason is not run again, also after a retry."""
    assert run(Persist.C(what="raise", root=tmp_path)).retry_count == 0
    job = run(Persist.C(what="give_up_then_fail", root=tmp_path))
    assert (job.failure_reason, job.retry_count) == (FailureReason.ERROR, 1)
    assert len(xp.failed) == 2


@pytest.mark.usefixtures("xp")
def test_the_remaining_time_falls(tmp_path: Path) -> None:
    """remaining_time() is what is left of the walltime, and falls."""
    first, last = run(Persist.C(what="time", root=tmp_path), walltime=30).result()
    assert 0 < last < first <= 30


def test_a_job_that_is_cancelled_between_two_runs_is_not_run_again(
    tmp_path: Path, launcher: str
) -> None:
    """A job that waits for its next run ends as cancelled."""
    # One job at a time: the next run has to queue behind the one that holds the room.
    with experiment(tmp_path / "runs", "one", launcher=launcher, max_jobs=1) as xp:
        task = Persist.C(what="give_up", root=tmp_path)
        task.submit(max_retries=10_000)
        holding = Act.C(what="hold", root=tmp_path).submit()
        await_true(
            lambda: (
                holding.job.state == JobState.RUNNING
                and task.job.retry_count
                and task.job.state == JobState.READY
                and task.job.cancel()
            ),
            "a run that waits for room",
        )
        task.job.wait(DEADLINE_S)  # else it may begin before the request is taken in
        (tmp_path / "go").touch()
        xp.wait(DEADLINE_S)
        assert task.job.failure_reason is FailureReason.CANCELLED
        assert task.job.message.startswith("cancelled before it")
        assert marker(task.job)["reason"] == "cancelled"
