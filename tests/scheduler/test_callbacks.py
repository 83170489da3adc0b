"""The thread of the callbacks: nothing is lost, called twice, or called after the end."""

import functools
import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.running import DEADLINE_S
from tests.support.watching import Checkpoint, Learning, learning
from xpmnb import ownership
from xpmnb.scheduler.callbacks import CallbackThread
from xpmnb.scheduler.jobs import Job
from xpmnb.scheduler.outputs import OutputWatch
from xpmnb.scheduler.waiting import announce_change, wait_until


class Reports:
    """What was reported, and what is current while a callback runs."""

    def __init__(self) -> None:
        self.texts: list[tuple[Job, str]] = []
        self.inside = 0

    def report(self, job: Job, text: str) -> None:
        """Be the hook for errors."""
        self.texts.append((job, text))

    @contextmanager
    def around(self) -> Iterator[None]:
        """Be the hook that makes an experiment the current one."""
        self.inside += 1
        yield
        self.inside -= 1


@pytest.fixture
def reports() -> Reports:
    """Give what keeps the reports of a test."""
    return Reports()


@pytest.fixture
def callbacks(reports: Reports) -> Iterator[CallbackThread]:
    """Give callbacks that end with the test."""
    made = CallbackThread(reports.report, around=reports.around, announce=announce_change)
    yield made
    made.close()
    assert made.pending() == 0


def drain(callbacks: CallbackThread) -> None:
    """Wait until nothing is pending."""
    assert wait_until(lambda: callbacks.pending() == 0, DEADLINE_S)


def end(callbacks: CallbackThread, learn: Learning, *, ok: bool = True) -> None:
    """Let a job end, as the dispatcher does."""
    learn.settle(ok=ok)
    callbacks.job_ended(learn.job, ok=ok)


def watch(callbacks: CallbackThread, learn: Learning, callback: Callable[[Any], object]) -> None:
    """Watch the checkpoints of a job."""
    watched = [(learn.task.validation, "checkpoint", callback)]
    callbacks.watch(learn.job, OutputWatch(learn.layout, learn.task, watched))


def is_callback_running() -> bool:
    """Tell whether a thread of callbacks is there."""
    return any(thread.name == "xpmnb-callbacks" for thread in threading.enumerate())


def test_no_thread_without_callbacks(callbacks: CallbackThread, tmp_path: Path) -> None:
    """Jobs without callbacks cost no thread, and are never pending."""
    end(callbacks, Learning(tmp_path))
    assert callbacks.pending() == 0
    assert not is_callback_running()


def test_outputs_are_given_while_the_job_runs(
    callbacks: CallbackThread, tmp_path: Path, reports: Reports
) -> None:
    """A callback is called soon, in the thread of the callbacks, with its experiment current."""
    learn = Learning(tmp_path)
    called = threading.Event()
    found: list[Any] = []

    def take(checkpoint: Checkpoint) -> None:
        thread = threading.current_thread()
        found.append((checkpoint.step, thread.name, thread.daemon, reports.inside))
        found.append(callbacks.is_callback_thread())
        called.set()

    watch(callbacks, learn, take)
    assert callbacks.pending() == 0
    learn.register("validation.checkpoint", step=1)
    assert called.wait(DEADLINE_S)
    drain(callbacks)
    assert found == [(1, "xpmnb-callbacks", True, 1), True]
    assert not callbacks.is_callback_thread()
    assert reports.inside == 0


@pytest.mark.parametrize("ok", [True, False])
def test_the_end_of_a_job_gives_all_that_is_left(
    callbacks: CallbackThread, tmp_path: Path, ok: bool
) -> None:
    """What was registered just before the end comes, then the end, if it is a good one."""
    learn = Learning(tmp_path)
    seen: list[Any] = []
    watch(callbacks, learn, lambda checkpoint: seen.append(checkpoint.step))
    callbacks.on_completed(learn.job, seen.append, learn.task)
    for step in range(5):
        learn.register("validation.checkpoint", step=step)
    end(callbacks, learn, ok=ok)
    drain(callbacks)
    assert seen == [*range(5), *([learn.task] if ok else [])]


def test_a_job_that_was_done_before_calls_at_once(
    callbacks: CallbackThread, tmp_path: Path
) -> None:
    """Outputs and the end of a job that has ended are given to whoever comes later."""
    learn, failed = Learning(tmp_path), Learning(tmp_path, "b")
    seen: list[Any] = []
    learn.register("validation.checkpoint", step=1)
    end(callbacks, learn)
    end(callbacks, failed, ok=False)
    watch(callbacks, learn, lambda checkpoint: seen.append(checkpoint.step))
    callbacks.on_completed(learn.job, seen.append, learn.task)
    callbacks.on_completed(failed.job, seen.append, failed.task)
    drain(callbacks)
    assert seen == [1, learn.task]


def test_one_submission_calls_once(callbacks: CallbackThread, tmp_path: Path) -> None:
    """A task that is submitted again while its job lives is watched once; another task, too."""
    learn, other = Learning(tmp_path), learning()
    seen: list[Any] = []
    watched = [(learn.task.validation, "checkpoint", lambda _: seen.append("output"))]
    for _ in range(3):
        callbacks.watch(learn.job, OutputWatch(learn.layout, learn.task, watched))
        for task in (learn.task, other):
            callbacks.on_completed(learn.job, seen.append, task)
    learn.register("validation.checkpoint", step=1)
    end(callbacks, learn)
    callbacks.job_ended(learn.job, ok=True)
    drain(callbacks)
    assert seen == ["output", learn.task, other]


class Method:
    """Has callbacks with an object of their own."""

    def __init__(self, seen: list[Any]) -> None:
        self.seen = seen

    def nothing(self) -> None:
        """Take no argument."""
        self.seen.append("nothing")

    def task(self, task: Any) -> None:
        """Take the task."""
        self.seen.append(task)


def test_callbacks_take_the_task_or_nothing(
    callbacks: CallbackThread, tmp_path: Path, reports: Reports
) -> None:
    """The signature decides; whoever needs an argument gets the task."""
    learn = Learning(tmp_path)
    task, seen = learn.task, []
    event = threading.Event()
    takes_nothing: list[Callable[..., object]] = [
        lambda: seen.append("nothing"),
        Method(seen).nothing,
        functools.partial(seen.append, "nothing"),
        lambda *, word="nothing": seen.append(word),
        lambda kept="nothing": seen.append(kept),
        event.set,
    ]
    takes_the_task: list[Callable[..., object]] = [
        seen.append,
        Method(seen).task,
        lambda *args: seen.extend(args),
        functools.partial(lambda _, each: seen.append(each), 1),
        dict,
    ]
    for callback in (*takes_nothing, *takes_the_task):
        callbacks.on_completed(learn.job, callback, task)
    end(callbacks, learn)
    drain(callbacks)
    assert seen == ["nothing"] * 5 + [task] * 4
    assert event.is_set()
    [(_, text)] = reports.texts  # a built-in that tells no signature gets the task, and says no
    assert text.startswith("the callback dict of on_completed raised TypeError")


def test_an_error_is_reported_and_the_others_go_on(
    callbacks: CallbackThread,
    tmp_path: Path,
    reports: Reports,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Each error is told for its job, with its traceback in the log; nothing else is lost."""
    learn = Learning(tmp_path)
    seen: list[Any] = []

    def breaks(checkpoint: Checkpoint) -> None:
        message = f"bad {checkpoint.step}"
        raise ValueError(message)

    def leaves() -> None:
        raise SystemExit(3)

    watch(callbacks, learn, breaks)
    watch(callbacks, learn, lambda checkpoint: seen.append(checkpoint.step))
    callbacks.on_completed(learn.job, leaves, learn.task)
    callbacks.on_completed(learn.job, seen.append, learn.task)
    learn.register("validation.checkpoint", step=1)
    learn.register("validation.checkpoint", wrong=2)
    with caplog.at_level(logging.ERROR, "xpmnb"):
        end(callbacks, learn)
        drain(callbacks)
    assert seen == [1, learn.task]
    assert {job for job, _ in reports.texts} == {learn.job}
    texts = [text for _, text in reports.texts]
    assert len(texts) == 4
    assert texts[0].endswith("breaks for validation.checkpoint(step=1) raised ValueError: bad 1")
    assert "unexpected keyword argument 'wrong'" in texts[1]
    assert "unexpected keyword argument 'wrong'" in texts[2]
    assert texts[3].endswith("leaves of on_completed raised SystemExit: 3")
    assert caplog.text.count("Traceback (most recent call last)") == 4
    assert "in breaks" in caplog.text


def test_a_broken_display_stops_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """If the error cannot be shown either, it is in the log, and the callbacks go on."""

    def report(_job: Job, text: str) -> None:
        raise OSError(text)

    callbacks = CallbackThread(report, announce=announce_change)
    learn = Learning(tmp_path)
    seen: list[Any] = []
    callbacks.on_completed(learn.job, lambda: 1 / 0, learn.task)
    callbacks.on_completed(learn.job, seen.append, learn.task)
    end(callbacks, learn)
    drain(callbacks)
    callbacks.close()
    assert seen == [learn.task]
    assert "ZeroDivisionError" in caplog.text
    assert "a status display failed" in caplog.text


def test_damage_in_the_file_costs_no_callback(
    callbacks: CallbackThread, tmp_path: Path, reports: Reports
) -> None:
    """Lines that are no outputs are passed over; values that cannot be read are reported."""
    learn = Learning(tmp_path)
    seen: list[int] = []
    watch(callbacks, learn, lambda checkpoint: seen.append(checkpoint.step))
    learn.register("validation.checkpoint", step=1)
    text = Path(learn.layout.outputs).read_text()
    damage = text.replace('{"step":1}', '{"step":{"$newer":1}}')
    Path(learn.layout.outputs).write_text(f"{text}torn{damage}[]\n{damage}")
    learn.register("validation.checkpoint", step=2)
    end(callbacks, learn)
    drain(callbacks)
    assert seen == [1, 2]
    [(_, words)] = reports.texts
    assert "DocumentError" in words


def test_a_callback_that_submits_leaves_no_gap(callbacks: CallbackThread, tmp_path: Path) -> None:
    """While a job lives or a callback is to come, a waiter sees one or the other, never nothing."""
    chain = [Learning(tmp_path, str(number)) for number in range(20)]
    live = {chain[0].job}
    seen: list[int] = []
    threads: list[threading.Thread] = []

    def run(number: int) -> None:
        chain[number].register("validation.checkpoint", step=number)
        end(callbacks, chain[number])
        live.discard(chain[number].job)
        announce_change()

    def submit(checkpoint: Checkpoint) -> None:
        seen.append(checkpoint.step)
        number = checkpoint.step + 1
        if number < len(chain):
            live.add(chain[number].job)
            watch(callbacks, chain[number], submit)
            threads.append(threading.Thread(target=run, args=(number,)))
            threads[-1].start()

    watch(callbacks, chain[0], submit)
    threads.append(threading.Thread(target=run, args=(0,)))
    threads[-1].start()
    assert wait_until(lambda: not live and callbacks.pending() == 0, DEADLINE_S)
    assert seen == list(range(20))
    for thread in threads:
        thread.join()


def test_a_callback_may_end_other_jobs(callbacks: CallbackThread, tmp_path: Path) -> None:
    """What a callback brings about itself is called after it, in the same thread."""
    jobs = [Learning(tmp_path, str(number)) for number in range(5)]
    seen: list[int] = []

    def go_on(number: int) -> None:
        seen.append(number)
        if number + 1 < len(jobs):
            end(callbacks, jobs[number + 1])
            assert callbacks.pending() == 2

    for number, learn in enumerate(jobs):
        callbacks.on_completed(learn.job, functools.partial(go_on, number), learn.task)
    end(callbacks, jobs[0])
    drain(callbacks)
    assert seen == list(range(5))


def test_many_ends_at_once(callbacks: CallbackThread, tmp_path: Path) -> None:
    """Ends that many threads bring are each answered once, one callback at a time."""
    jobs = [Learning(tmp_path, str(number)) for number in range(60)]
    inside = threading.Lock()
    completed: list[int] = []
    steps: list[int] = []

    def complete(number: int) -> None:
        assert inside.acquire(blocking=False)
        completed.append(number)
        inside.release()

    def take(checkpoint: Checkpoint) -> None:
        assert inside.acquire(blocking=False)
        steps.append(checkpoint.step)
        inside.release()

    def bring(numbers: range) -> None:
        for number in numbers:
            jobs[number].register("validation.checkpoint", step=number)
            end(callbacks, jobs[number])

    for number, learn in enumerate(jobs):
        watch(callbacks, learn, take)
        callbacks.on_completed(learn.job, functools.partial(complete, number), learn.task)
    threads = [threading.Thread(target=bring, args=(range(first, 60, 6),)) for first in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    drain(callbacks)
    assert sorted(completed) == sorted(steps) == list(range(60))


def test_registration_and_end_may_race(callbacks: CallbackThread, tmp_path: Path) -> None:
    """A callback is called once, whether it is registered before, while or after the job ends."""
    seen: list[int] = []
    for number in range(50):
        learn = Learning(tmp_path, str(number))
        start = threading.Barrier(2)

        def finish(learn: Learning = learn, start: threading.Barrier = start) -> None:
            start.wait(DEADLINE_S)
            end(callbacks, learn)

        thread = threading.Thread(target=finish)
        thread.start()
        start.wait(DEADLINE_S)
        callbacks.on_completed(learn.job, functools.partial(seen.append, number), learn.task)
        thread.join()
    drain(callbacks)
    assert sorted(seen) == list(range(50))


def test_closing_drops_what_is_queued(callbacks: CallbackThread, tmp_path: Path) -> None:
    """The callback that runs is waited for, and is the last one; later ones are never called."""
    first, second, late = (Learning(tmp_path, name) for name in "abc")
    begun, go_on = threading.Event(), threading.Event()
    seen: list[str] = []

    def hold() -> None:
        begun.set()
        assert go_on.wait(DEADLINE_S)
        seen.append("held")

    callbacks.on_completed(first.job, hold, first.task)
    callbacks.on_completed(first.job, lambda: seen.append("same job"), first.task)
    callbacks.on_completed(second.job, lambda: seen.append("queued"), second.task)
    callbacks.on_completed(late.job, lambda: seen.append("late"), late.task)
    end(callbacks, first)
    end(callbacks, second)
    assert begun.wait(DEADLINE_S)
    assert callbacks.pending() == 2
    closer = threading.Thread(target=callbacks.close)
    closer.start()
    assert wait_until_pending(callbacks, 1)
    end(callbacks, late)
    watch(callbacks, late, seen.append)
    callbacks.on_completed(late.job, lambda: seen.append("later"), late.task)
    assert callbacks.pending() == 1
    assert closer.is_alive()
    go_on.set()
    closer.join(DEADLINE_S)
    assert not closer.is_alive()
    assert seen == ["held"]
    assert callbacks.pending() == 0
    assert not is_callback_running()


def wait_until_pending(callbacks: CallbackThread, count: int) -> bool:
    """Wait until so much is pending, which nobody announces."""
    for _ in range(int(DEADLINE_S / 0.01)):
        if wait_until(lambda: callbacks.pending() == count, 0.01):
            return True
    return False


def test_a_callback_may_close(callbacks: CallbackThread, tmp_path: Path) -> None:
    """Closing in a callback does not wait for itself; the thread then ends."""
    learn = Learning(tmp_path)
    seen: list[Any] = []
    callbacks.on_completed(learn.job, callbacks.close, learn.task)
    callbacks.on_completed(learn.job, seen.append, learn.task)
    end(callbacks, learn)
    drain(callbacks)
    assert wait_until(lambda: not is_callback_running(), DEADLINE_S)
    assert seen == []


def test_stopping_does_not_wait(callbacks: CallbackThread, tmp_path: Path) -> None:
    """A thread for which a callback waits can end the callbacks, too."""
    learn = Learning(tmp_path)
    begun, stopped = threading.Event(), threading.Event()

    def wait_for_the_stopper() -> None:
        begun.set()
        assert stopped.wait(DEADLINE_S)

    callbacks.on_completed(learn.job, wait_for_the_stopper, learn.task)
    end(callbacks, learn)
    assert begun.wait(DEADLINE_S)
    callbacks.stop()
    stopped.set()
    callbacks.close()
    assert not is_callback_running()


def test_closing_wakes_those_who_wait(tmp_path: Path, reports: Reports) -> None:
    """Whoever waits for callbacks that are dropped is told that nothing comes any more."""
    told = threading.Event()
    callbacks = CallbackThread(reports.report, announce=told.set)
    learn = Learning(tmp_path)
    callbacks.on_completed(learn.job, print, learn.task)
    callbacks.close()
    assert told.is_set()


def test_closing_unused_and_twice(reports: Reports) -> None:
    """Closing what was never used, or again, does nothing."""
    callbacks = CallbackThread(reports.report)
    callbacks.close()
    callbacks.close()
    assert callbacks.pending() == 0


def test_callbacks_are_no_part_of_a_job(callbacks: CallbackThread, tmp_path: Path) -> None:
    """Callbacks work for no job and in the kernel's directory, whoever brings the end."""
    learn = Learning(tmp_path)
    seen: list[Any] = []
    ownership.start_inheriting()
    ownership.bind("a job")
    try:
        callbacks.on_completed(
            learn.job, lambda: seen.append((ownership.owner(), os.getcwd())), learn.task
        )
        end(callbacks, learn)
        drain(callbacks)
    finally:
        ownership.bind(None)
        ownership.stop_inheriting()
    assert seen == [(None, os.getcwd())]
