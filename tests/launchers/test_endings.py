"""Every way in which the code of a task can end, and what is kept of it."""

import bdb
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.doing import do
from tests.support.running import DEADLINE_S, running
from xpmnb import FailureReason, GracefulTimeout, JobState, Task


class UnspeakableError(Exception):
    def __str__(self) -> str:
        message = "no text"
        raise RuntimeError(message)


def raiser(error: BaseException) -> Callable[[Any], None]:
    """Return an action that raises."""

    def act(_: Any) -> None:
        raise error

    return act


@pytest.mark.parametrize(
    ("error", "reason", "words"),
    [
        (ValueError("bad"), FailureReason.ERROR, "ValueError: bad"),
        (ValueError(), FailureReason.ERROR, "ValueError"),
        (UnspeakableError(), FailureReason.ERROR, "UnspeakableError"),
        (SystemExit(3), FailureReason.ERROR, "sys.exit(3)"),
        (SystemExit("no data"), FailureReason.ERROR, "no data"),
        (KeyboardInterrupt(), FailureReason.CANCELLED, "KeyboardInterrupt"),
        (MemoryError(), FailureReason.MEMORY, "MemoryError"),
        (GracefulTimeout("1 s left"), FailureReason.TIMEOUT, "1 s left"),
        (GeneratorExit(), FailureReason.ERROR, "GeneratorExit"),
        (bdb.BdbQuit(), FailureReason.ERROR, "it called breakpoint(), and nobody can answer"),
        (ExceptionGroup("both", [ValueError("one")]), FailureReason.ERROR, "both"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "x"), FailureReason.ERROR, "utf-8"),
        (ValueError("a\nb \udc80 \x00"), FailureReason.ERROR, "ValueError: a"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
def test_every_error_ends_the_job_on_record(
    tmp_path: Path, error: BaseException, reason: FailureReason, words: str
) -> None:
    """Whatever a task raises, its job ends with a reason, a message, a traceback and a marker."""
    with running(tmp_path) as xp:
        job = do(raiser(error))
        assert job.failure_reason is reason
        assert words in job.message
        assert type(error).__name__ in job.stderr.read_text()
        assert (job.path / "doing.failed").exists()
        assert list(xp.jobs()["failure"]) == [reason.value]
        assert do(lambda _: 1, "next").result() == 1


@pytest.mark.parametrize("code", [0, None])
def test_leaving_with_success_is_done(tmp_path: Path, code: int | None) -> None:
    """sys.exit() and sys.exit(0) end a job well."""
    with running(tmp_path):
        assert do(lambda _: sys.exit(code)).state == JobState.DONE


def test_the_exit_code_is_kept(tmp_path: Path) -> None:
    """The end marker of a task that called sys.exit(3) holds the code."""
    with running(tmp_path):
        job = do(lambda _: sys.exit(3))
        assert '"exit_code": 3' in (job.path / "doing.failed").read_text()


def test_the_traceback_begins_in_the_task(tmp_path: Path) -> None:
    """The first frame of the kept traceback is the task's own; xpmnb's are left out."""

    class Deep(Task):
        def execute(self) -> None:
            self.inner()

        def inner(self) -> None:
            try:
                _ = dict[str, int]()["missing"]
            except KeyError as error:
                message = "deep down"
                raise ValueError(message) from error

    with running(tmp_path):
        job = Deep.C().submit().job
        job.wait(DEADLINE_S)
        text = job.stderr.read_text()
        last = text.split("The above exception")[1]
        head = [line for line in last.splitlines() if "File" in line]
        assert "in execute" in head[0]
        assert "in inner" in head[1]
        assert __file__ in head[0]
        assert "worker.py" not in text
        assert "KeyError: 'missing'" in text
        assert text.rstrip().endswith("ValueError: deep down")


@pytest.mark.parametrize(
    "value",
    [object(), {1, 2}, b"bytes", {"a": object()}, {(1, 2): 3}, [lambda: 0]],
    ids=lambda value: type(value).__name__,
)
def test_a_result_that_is_no_json_is_refused_in_words(tmp_path: Path, value: object) -> None:
    """A returned value that is not JSON is told in the events, and the job is done."""
    with running(tmp_path) as xp:
        job = do(lambda _: value)
        assert job.state == JobState.DONE
        assert job.result() is None
        assert not (job.path / "__xpm__/result.json").exists()
        told = xp.events()["text"].dropna()
        assert any("is not kept as the result" in each for each in told), list(told)


def test_a_result_may_refuse_in_its_own_way(tmp_path: Path) -> None:
    """A returned object whose own methods fail is refused as well, and the job is done."""

    class Odd:
        def tolist(self) -> None:
            message = "not today"
            raise OSError(message)

    with running(tmp_path):
        job = do(lambda _: {"a": Odd()})
        assert job.state == JobState.DONE
        assert job.result() is None


def test_a_result_that_contains_itself_is_refused(tmp_path: Path) -> None:
    """A list that contains itself is no JSON, and the job is done."""

    def act(_: Any) -> list[Any]:
        loop: list[Any] = []
        loop.append(loop)
        return loop

    with running(tmp_path):
        assert do(act).state == JobState.DONE


def test_arrays_and_scalars_of_numpy_are_kept(tmp_path: Path) -> None:
    """Results may hold numpy's numbers and arrays, NaN included."""
    with running(tmp_path) as xp:
        job = do(lambda _: {"a": np.arange(3), "b": np.float64("nan"), "c": np.int8(1)})
        result = job.result()
        assert result["a"] == [0, 1, 2]
        assert np.isnan(result["b"])
        assert xp.jobs()["result.c"].tolist() == [1]
