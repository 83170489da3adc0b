"""Which callbacks are due for which outputs: each once, in order, for whoever watches."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.watching import Checkpoint, Evaluate, Learning, Model, Validation, learning
from xpmnb.core.state import state_of
from xpmnb.core.walk import iter_graph
from xpmnb.errors import ParameterError, SubmissionError
from xpmnb.identifiers import identifier
from xpmnb.scheduler.outputs import OutputWatch, config_at, output_marker


class Seen:
    """Callbacks that keep what they were given."""

    def __init__(self) -> None:
        self.steps: list[int] = []
        self.values: list[Checkpoint] = []

    def take(self, value: Checkpoint) -> None:
        """Be a callback."""
        self.steps.append(value.step)
        self.values.append(value)


@pytest.fixture
def learn(tmp_path: Path) -> Learning:
    """Give a job of a learner."""
    return Learning(tmp_path)


def follow(watch: OutputWatch) -> None:
    """Call everything that is due."""
    for call in watch.poll():
        call()


def test_outputs_are_given_as_they_come(learn: Learning) -> None:
    """Each poll gives what was registered since the last one, in order, once."""
    seen = Seen()
    watch = OutputWatch(
        learn.layout, learn.task, [(learn.task.validation, "checkpoint", seen.take)]
    )
    follow(watch)
    assert seen.steps == []
    learn.register("validation.checkpoint", step=3)
    learn.register("validation.checkpoint", step=1)
    follow(watch)
    follow(watch)
    learn.register("validation.checkpoint", step=2)
    follow(watch)
    assert seen.steps == [3, 1, 2]


def test_an_attempt_registers_again_without_doubles(learn: Learning) -> None:
    """What an earlier attempt registered is not given twice; what is new is."""
    seen = Seen()
    watched = [(learn.task.validation, "checkpoint", seen.take)]
    watch = OutputWatch(learn.layout, learn.task, watched)
    for attempt, steps in ((1, (0, 10)), (2, (10, 20)), (3, (0, 10, 20, 30))):
        for step in steps:
            learn.register("validation.checkpoint", attempt=attempt, step=step)
        follow(watch)
    assert seen.steps == [0, 10, 20, 30]


def test_a_new_submission_gets_all_outputs_again(learn: Learning) -> None:
    """Whoever watches later, after a restart or the end of the job, gets each output once."""
    for step in (0, 10, 0, 10):
        learn.register("validation.checkpoint", step=step)
    for _ in range(2):
        seen = Seen()
        watched = [(learn.task.validation, "checkpoint", seen.take)]
        follow(OutputWatch(learn.layout, learn.task, watched))
        assert seen.steps == [0, 10]


def test_callbacks_are_given_outputs_of_their_method_only(learn: Learning) -> None:
    """Several callbacks watch one method, others another method or another object."""
    one, other, best, own = (Seen() for _ in range(4))
    task = learn.task
    watched = [
        (task.validation, "checkpoint", one.take),
        (task.validation, "best", best.take),
        (task.validation, "checkpoint", other.take),
        (task, "checkpoint", own.take),
    ]
    watch = OutputWatch(learn.layout, task, watched)
    learn.register("validation.checkpoint", step=1)
    learn.register("validation.best", 2)
    learn.register("checkpoint", step=3)
    learn.register("model.checkpoint", step=4)
    learn.register("nowhere.checkpoint", step=4)
    follow(watch)
    assert [seen.steps for seen in (one, other, best, own)] == [[1], [1], [-2], [3]]


def test_a_late_callback_gets_the_earlier_outputs(learn: Learning) -> None:
    """A callback that is added while the job runs is given what the others were given before."""
    early, late = Seen(), Seen()
    watched: list[Any] = [(learn.task.validation, "checkpoint", early.take)]
    watch = OutputWatch(learn.layout, learn.task, watched)
    learn.register("validation.checkpoint", step=1)
    follow(watch)
    watched.append((learn.task.validation, "checkpoint", late.take))
    follow(watch)
    learn.register("validation.checkpoint", step=2)
    follow(watch)
    assert early.steps == late.steps == [1, 2]


def test_an_output_carries_the_learners_identity(tmp_path: Path) -> None:
    """Checkpoints of different learners differ, and can be used before the learner ends."""
    ids = set()
    for lr in (0.1, 0.2):
        task, seen = learning(lr=lr), Seen()
        learn = Learning(tmp_path, identifier(task), task)
        learn.register("validation.checkpoint", step=1)
        watched = [(learn.task.validation, "checkpoint", seen.take)]
        follow(OutputWatch(learn.layout, learn.task, watched))
        [checkpoint] = seen.values
        assert state_of(checkpoint).producer is task
        assert state_of(checkpoint).is_available
        assert checkpoint.model is task.model
        ids.add(identifier(Evaluate.C(checkpoint=checkpoint)))
    assert len(ids) == 2


def test_dep_marks_configurations_only() -> None:
    """A value that cannot carry the mark is refused; the task itself is its own."""
    task = learning()
    dep: Any = output_marker(task)
    assert dep(task) is task
    assert state_of(task).producer is None
    with pytest.raises(TypeError, match="got int"):
        dep(5)


def test_a_configuration_is_found_at_each_of_its_places(tmp_path: Path) -> None:
    """One configuration at several places is watched at each, without doubles."""
    shared = Validation.C(model=Model.C())
    task = learning(validation=shared, others=[shared, Validation.C(model=Model.C())])
    learn, seen = Learning(tmp_path, task=task), Seen()
    watch = OutputWatch(learn.layout, task, [(shared, "checkpoint", seen.take)])
    learn.register("others.0.checkpoint", step=1)
    learn.register("validation.checkpoint", step=1)
    learn.register("validation.checkpoint", step=2)
    learn.register("others.1.checkpoint", step=3)
    follow(watch)
    assert seen.steps == [1, 2]


def test_paths_lead_to_what_the_walk_found() -> None:
    """Each path that the walk over a graph writes leads back to its configuration."""
    validations = [Validation.C(model=Model.C(layers=number)) for number in range(4)]
    names = {"a": validations[2], "no word": validations[3]}
    task = learning(others=validations[:2], named=names)
    found = list(iter_graph(task))
    assert len(found) == 11
    for path, config in found:
        assert config_at(task, path) is config
    assert config_at(task, ("others", "9")) is None
    assert config_at(task, ("others",)) is None


def test_what_init_tasks_use_can_be_watched(tmp_path: Path) -> None:
    """A configuration that only an init task uses is part of the job, too."""
    task, hidden, seen = learning(), Validation.C(model=Model.C()), Seen()
    state_of(task).init_tasks = (learning(validation=hidden),)
    learn = Learning(tmp_path, task=task)
    watch = OutputWatch(learn.layout, task, [(hidden, "checkpoint", seen.take)])
    learn.register("init_tasks.0.validation.checkpoint", step=1)
    follow(watch)
    assert seen.steps == [1]


def test_watching_a_stranger_is_an_error(learn: Learning) -> None:
    """A configuration that the task does not use would never have outputs: that is said."""
    stranger = Validation.C(model=Model.C())
    watched: list[Any] = [(stranger, "checkpoint", print)]
    with pytest.raises(SubmissionError, match=r"watch_output\(checkpoint\): this Validation is no"):
        OutputWatch(learn.layout, learn.task, watched)
    late: list[Any] = []
    watch = OutputWatch(learn.layout, learn.task, late)
    late.extend(watched)
    [call] = watch.poll()
    assert str(call) == "the callback print of watch_output"
    with pytest.raises(SubmissionError, match="is not in the parameters of the task"):
        call()
    assert watch.poll() == []


def test_a_call_says_what_it_is(learn: Learning) -> None:
    """The words for a call name the callback, the method and the arguments."""
    learn.register("validation.checkpoint", 5, step=Path("a"))
    watched = [(learn.task.validation, "checkpoint", print)]
    [call] = OutputWatch(learn.layout, learn.task, watched).poll()
    assert str(call) == "the callback print for validation.checkpoint(0=5, step='a')"


def test_a_method_that_raises_is_not_taken_for_the_callback(learn: Learning) -> None:
    """After an error the words for a call name the method if that raised, or else the callback."""

    def refuse(made: Checkpoint) -> None:
        raise LookupError(made)

    learn.register("validation.checkpoint", step="not a step")
    learn.register("validation.checkpoint", step=1)
    watched = [(learn.task.validation, "checkpoint", refuse)]
    first, second = OutputWatch(learn.layout, learn.task, watched).poll()
    with pytest.raises(ParameterError):
        first()
    given = "validation.checkpoint(step='not a step')"
    assert str(first) == f"the method Validation.checkpoint, called for {given},"
    with pytest.raises(LookupError):
        second()
    assert str(second).startswith("the callback ")


def test_a_directory_that_was_emptied_has_new_outputs(learn: Learning) -> None:
    """When the job began anew from nothing, its outputs are new, and the old are gone."""
    seen, late = Seen(), Seen()
    watched: list[Any] = [(learn.task.validation, "checkpoint", seen.take)]
    watch = OutputWatch(learn.layout, learn.task, watched)
    learn.register("validation.checkpoint", step=1)
    learn.register("validation.checkpoint", step=2)
    follow(watch)
    Path(learn.layout.outputs).rename(f"{learn.layout.path}/trash")
    learn.register("validation.checkpoint", step=1)
    follow(watch)
    watched.append((learn.task.validation, "checkpoint", late.take))
    follow(watch)
    assert (seen.steps, late.steps) == ([1, 2, 1], [1])


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["validation.checkpoint", "others.0.checkpoint", "checkpoint"]),
            st.integers(0, 3),
            st.sampled_from(["line", "poll", "late"]),
        ),
        max_size=12,
    )
)
def test_every_callback_gets_every_output_once(
    tmp_path_factory: pytest.TempPathFactory, story: list[tuple[str, int, str]]
) -> None:
    """Whatever is registered how often, and whenever one looks: each gets all, once, in order."""
    shared = Validation.C(model=Model.C())
    learn = Learning(
        tmp_path_factory.mktemp("w"), task=learning(validation=shared, others=[shared])
    )
    watchers = [Seen()]
    watched: list[Any] = [(shared, "checkpoint", watchers[0].take)]
    watch = OutputWatch(learn.layout, learn.task, watched)
    expected: dict[int, None] = {}
    for method, step, then in story:
        learn.register(method, step=step)
        if method != "checkpoint":
            expected[step] = None
        if then == "late":
            watchers.append(Seen())
            watched.append((shared, "checkpoint", watchers[-1].take))
        if then != "line":
            follow(watch)
    follow(watch)
    assert [seen.steps for seen in watchers] == [list(expected)] * len(watchers)
