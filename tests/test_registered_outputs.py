"""What a running task registers is on disk before the call returns, or refused in words."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.watching import Learn, Validation, learning
from xpmnb import ownership
from xpmnb.records.journal import JournalWriter, read_journal
from xpmnb.records.layout import JobLayout
from xpmnb.records.task_outputs import read_outputs
from xpmnb.runtime import JobContext, current_context
from xpmnb.streams import JobStream


@pytest.fixture
def layout(tmp_path: Path) -> JobLayout:
    """Give an empty job directory."""
    made = JobLayout(str(tmp_path / "jobs/nb.learn/a"))
    Path(made.hidden).mkdir(parents=True)
    return made


@pytest.fixture
def learn() -> Learn:
    """Give the object that ``execute`` sees."""
    validation = Validation.C(model=learning().model)
    return learning(others=[validation]).instance()


@pytest.fixture
def context(layout: JobLayout, learn: Learn) -> Iterator[JobContext]:
    """Make this thread work for a resumable task."""
    streams = [JobStream(layout.stdout), JobStream(layout.stderr)]
    journal = JournalWriter(layout.events)
    made = JobContext(layout, journal, 2, streams[0], streams[1], lambda: None)
    made.places = {
        id(learn): (learn, ()),
        id(learn.validation): (learn.validation, ("validation",)),
        id(learn.others[0]): (learn.others[0], ("others", "0")),
    }
    made.is_resumable = True
    made.outputs = outputs = JournalWriter(layout.outputs)
    ownership.bind(made)
    yield made
    ownership.bind(None)
    journal.close()
    outputs.close()
    for stream in streams:
        stream.close()


def test_an_output_is_one_line(context: JobContext, layout: JobLayout, learn: Learn) -> None:
    """A line has path, method, arguments, time and attempt."""
    assert not Path(layout.outputs).exists()
    context.register_output(learn.validation.checkpoint, (), {"step": np.int64(10)})
    context.register_output(learn.others[0].best, (3,), {})
    context.register_output(learn.checkpoint, (), {"step": 1})
    entries = read_journal(layout.outputs).entries
    times = [entry.pop("time") for entry in entries]
    assert times == sorted(times)
    assert entries == [
        {
            "path": ["validation"],
            "method": "checkpoint",
            "args": [],
            "kwargs": {"step": 10},
            "attempt": 2,
        },
        {"path": ["others", "0"], "method": "best", "args": [3], "kwargs": {}, "attempt": 2},
        {"path": [], "method": "checkpoint", "args": [], "kwargs": {"step": 1}, "attempt": 2},
    ]


def test_any_thread_of_the_task_registers(
    context: JobContext, layout: JobLayout, learn: Learn
) -> None:
    """Threads register at the same time, and no line is torn or lost."""
    ownership.start_inheriting()
    try:

        def work(number: int) -> None:
            found = current_context()
            assert found is context
            for step in range(50):
                found.register_output(learn.validation.checkpoint, (), {"step": [number, step]})

        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        ownership.stop_inheriting()
    found = {tuple(each.kwargs["step"]) for each in read_outputs(layout)}
    assert found == {(number, step) for number in range(4) for step in range(50)}


def test_only_resumable_tasks_register(
    context: JobContext, layout: JobLayout, learn: Learn
) -> None:
    """Another task is told what to derive from."""
    context.is_resumable = False
    with pytest.raises(TypeError, match="only a ResumableTask registers outputs; derive Learn"):
        context.register_output(learn.validation.checkpoint, (), {"step": 1})
    assert not Path(layout.outputs).exists()


def free(step: int) -> int:
    """Be a function of nobody."""
    return step


def test_methods_of_others_are_refused(context: JobContext, layout: JobLayout) -> None:
    """A function, a method of a stranger, of a class or of a configuration is no output."""
    stranger: Any = learning().instance()
    made: list[Any] = [
        free,
        len,
        None,
        "checkpoint",
        Validation.checkpoint,
        stranger.validation.checkpoint,
        Validation.C(model=learning().model).checkpoint,
        [].append,
    ]
    for method in made:
        with pytest.raises(TypeError, match=r"register_task_output\(.* needs a method of the task"):
            context.register_output(method, (), {})
    assert not Path(layout.outputs).exists()


def test_a_method_is_found_by_its_name(
    context: JobContext, layout: JobLayout, learn: Learn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A method that its class has under another name could not be called again."""
    monkeypatch.setattr(Learn, "renamed", lambda self, dep: dep(self), raising=False)
    with pytest.raises(TypeError, match="Learn has no such method under the name '<lambda>'"):
        context.register_output(learn.renamed, (), {})  # type: ignore[attr-defined]
    assert not Path(layout.outputs).exists()


def test_values_that_are_not_plain_are_refused(
    context: JobContext, layout: JobLayout, learn: Learn
) -> None:
    """The error names method and argument, and nothing is written."""
    with pytest.raises(TypeError, match=r"register_task_output\(checkpoint\): the argument step"):
        context.register_output(learn.validation.checkpoint, (), {"step": object()})
    assert not Path(layout.outputs).exists()


@pytest.mark.parametrize(
    ("args", "kwargs", "words"),
    [
        ((), {"stp": 1}, "missing a required (keyword-only )?argument: 'step'"),
        ((), {"step": 1, "stp": 1}, "unexpected keyword argument 'stp'"),
        ((1,), {"step": 1}, "too many positional arguments"),
        ((), {}, "missing a required (keyword-only )?argument: 'step'"),
    ],
)
def test_arguments_that_the_method_does_not_take_are_refused(
    context: JobContext,
    layout: JobLayout,
    learn: Learn,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    words: str,
) -> None:
    """What the kernel could not call the method with is an error of the task that registers it."""
    with pytest.raises(TypeError, match=rf"^register_task_output\(checkpoint\): .*{words}"):
        context.register_output(learn.validation.checkpoint, args, kwargs)
    assert not Path(layout.outputs).exists()


def test_after_the_end_an_output_is_refused(context: JobContext, learn: Learn) -> None:
    """A thread that the job left behind is told that nobody would see its output."""
    assert context.outputs is not None
    context.outputs.close()
    with pytest.raises(RuntimeError, match="the job has ended"):
        context.register_output(learn.validation.checkpoint, (), {"step": 1})


def test_an_output_that_cannot_be_written_is_an_error(
    context: JobContext, layout: JobLayout, learn: Learn
) -> None:
    """Unlike a metric, an output is never lost without a word."""
    Path(layout.hidden).rename(f"{layout.hidden}-moved")
    with pytest.raises(OSError, match=r"task-outputs\.jsonl"):
        context.register_output(learn.validation.checkpoint, (), {"step": 1})
