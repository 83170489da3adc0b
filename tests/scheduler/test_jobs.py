"""The handle of a submitted task: waiting, asking, cancelling."""

import asyncio
import threading
from pathlib import Path

import numpy as np
import pytest

from tests.support.running import DEADLINE_S, Echo, Failing, Held, Uses, gates, running
from xpmnb import FailureReason, JobFailed, JobState, Param, Task
from xpmnb.errors import SubmissionError


def test_waiting_gives_the_final_state(tmp_path: Path) -> None:
    """wait() returns the final state of the job, as the handle shows it."""
    with running(tmp_path):
        job = Echo.C(x=1).submit().job
        assert job.wait(DEADLINE_S) == JobState.DONE
        assert job.done()
        assert job.state == JobState.DONE
        assert job.failure_reason is None
        assert job.ended_at >= job.started_at >= job.submitted_at


def test_a_wait_that_is_too_short_gives_the_state_so_far(tmp_path: Path) -> None:
    """wait(timeout) returns a state that is not final when the time runs out."""
    with running(tmp_path):
        job = Held.C(key="a").submit().job
        gates.await_begin("a")
        assert not job.wait(0.01).is_final
        assert not job.done()
        with pytest.raises(TimeoutError, match="has not ended after"):
            job.result(0.01)
        with pytest.raises(TimeoutError, match="has not ended after"):
            job.exception(timeout=0)


def test_states_follow_the_life_of_a_job(tmp_path: Path) -> None:
    """A job waits for what it needs, then runs, then is done; its words are those of records."""
    with running(tmp_path, max_jobs=1):
        first = Held.C(key="first").submit()
        second = Uses.C(source=first).submit()
        queued = Echo.C(x=5).submit()
        gates.await_begin("first")
        assert second.job.state == JobState.WAITING
        assert queued.job.state.name in ("WAITING", "READY")
        assert not second.job.state.is_final
        gates.open("first")
        assert second.job.wait(DEADLINE_S).value == "done"
        assert queued.job.wait(DEADLINE_S).name == "DONE"


def test_the_result_is_what_execute_returned(tmp_path: Path) -> None:
    """result() gives the JSON value of execute, and None where it returned nothing."""

    class Rich(Task):
        def execute(self) -> dict[str, object]:
            return {"accuracy": np.float32(0.5), "n": np.int64(3), "ok": np.bool_(True), "l": (1,)}

    class Empty(Task):
        def execute(self) -> None:
            pass

    with running(tmp_path):
        rich, empty = Rich.C().submit(), Empty.C().submit()
        assert rich.job.result(DEADLINE_S) == {"accuracy": 0.5, "n": 3, "ok": True, "l": [1]}
        assert empty.job.result(DEADLINE_S) is None
        assert rich.job.exception() is None


def test_a_failure_is_told(tmp_path: Path) -> None:
    """result() of a failed job raises what exception() returns: the words, and where to look."""
    with running(tmp_path):
        job = Failing.C(x=3).submit().job
        error = job.exception(DEADLINE_S)
        assert isinstance(error, JobFailed)
        assert "ValueError: bad 3" in str(error)
        assert str(job.stderr) in str(error)
        with pytest.raises(JobFailed, match="bad 3"):
            job.result()
        assert job.failure_reason is FailureReason.ERROR
        assert repr(job).endswith("error: error>")


def test_a_job_can_be_awaited(tmp_path: Path) -> None:
    """``await job`` gives the final state, and the event loop stays free meanwhile."""

    async def both() -> tuple[JobState, JobState, JobState, int]:
        held, failing = Held.C(key="a").submit().job, Failing.C(x=1).submit().job
        turns = 0

        async def tick() -> None:
            nonlocal turns
            while not gates.begun("a") or turns < 10:
                turns += 1
                await asyncio.sleep(0)
            gates.open("a")

        _, first, second = await asyncio.gather(tick(), held, failing)
        return first, second, await held, turns

    with running(tmp_path):
        first, second, again, turns = asyncio.run(asyncio.wait_for(both(), DEADLINE_S))
        assert first == again == JobState.DONE
        assert second.failure_reason is FailureReason.ERROR
        assert turns >= 10


def test_giving_up_an_await_leaves_the_job_alone(tmp_path: Path) -> None:
    """A cancelled ``await job``, or a loop that is closed, neither stops the job nor breaks it."""

    async def impatient(job: object) -> None:
        await asyncio.wait_for(job, 0.01)  # type: ignore[arg-type]

    with running(tmp_path):
        job = Held.C(key="a").submit().job
        gates.await_begin("a")
        with pytest.raises(TimeoutError):
            asyncio.run(impatient(job))
        gates.open("a")
        assert job.wait(DEADLINE_S) == JobState.DONE


def test_many_threads_may_wait(tmp_path: Path) -> None:
    """Every thread that waits for a job wakes at its end."""
    with running(tmp_path):
        job = Held.C(key="a").submit().job
        seen: list[JobState] = []
        waiting = [
            threading.Thread(target=lambda: seen.append(job.wait(DEADLINE_S))) for _ in range(5)
        ]
        for thread in waiting:
            thread.start()
        gates.open("a")
        for thread in waiting:
            thread.join(DEADLINE_S)
        assert seen == [JobState.DONE] * 5


def test_a_callback_comes_once(tmp_path: Path) -> None:
    """call_when_final calls once: at the end, or at once when the end is past."""
    with running(tmp_path):
        called: list[str] = []
        job = Held.C(key="a").submit().job
        job.call_when_final(lambda each: called.append(f"first {each.state.value}"))
        assert called == []
        gates.open("a")
        job.wait(DEADLINE_S)
        Echo.C(x=0).submit().job.wait(DEADLINE_S)  # the same thread ends both
        job.call_when_final(lambda each: called.append(f"second {each.state.value}"))
        assert called == ["first done", "second done"]


def test_cancelling_what_is_over_says_so(tmp_path: Path) -> None:
    """cancel() returns False for a job that has ended, and changes nothing."""
    with running(tmp_path):
        job = Echo.C(x=1).submit().job
        job.wait(DEADLINE_S)
        assert job.cancel() is False
        assert job.state == JobState.DONE


def test_a_task_that_was_not_submitted_has_no_job() -> None:
    """Asking a task for its job before it was submitted is a clear error."""
    with pytest.raises(SubmissionError, match=r"was not submitted: call \.submit\(\)"):
        _ = Echo.C(x=1).job


def test_a_job_in_a_tuple_of_values_is_found(tmp_path: Path) -> None:
    """Tasks inside lists and dicts of values are waited for as well."""

    class Gather(Task):
        parts: Param[list[Echo]]
        named: Param[dict[str, Echo]]

        def execute(self) -> int:
            return sum(part.x for part in self.parts) + self.named["last"].x

    with running(tmp_path):
        parts = [Echo.C(x=each).submit() for each in (1, 2)]
        last = Echo.C(x=10).submit()
        assert Gather.C(parts=parts, named={"last": last}).submit().job.result(DEADLINE_S) == 13


def test_a_damaged_result_is_told(tmp_path: Path) -> None:
    """A result that is no JSON any more is a failure that names its file."""
    with running(tmp_path):
        job = Echo.C(x=1).submit().job
        assert job.result(DEADLINE_S) == 1
        (job.path / "__xpm__/result.json").write_text("{ torn")
        with pytest.raises(JobFailed, match=r"result\.json is damaged"):
            job.result()
