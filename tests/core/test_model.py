"""Tasks hand their options to the experiment, and their callbacks to the job."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.declaring import loose
from xpmnb import Config, LightweightTask, Param, ResumableTask, Task, ownership, seam
from xpmnb.core.callbacks import completion
from xpmnb.core.options import SubmitOptions
from xpmnb.core.state import state_of
from xpmnb.errors import ParameterError


class Model(Config):
    layers: Param[int] = 2


class Load(LightweightTask):
    model: Param[Model]

    def execute(self) -> None:
        self.model.layers += 1


class Validation(Config):
    model: Param[Model]

    def checkpoint(self, dep: Any, *, step: int) -> Any:
        return dep(Model.C(layers=step))

    def compute(self, step: int) -> None:
        self.register_task_output(self.checkpoint, step=step)


class Learn(ResumableTask):
    model: Param[Model]
    validation: Param[Validation | None] = None

    def execute(self) -> None:
        pass


class Once(Task):
    x: Param[int] = 0


class Told:
    """Keeps what it is told: an experiment, a job or a context, seen from below."""

    def __init__(self) -> None:
        self.calls: list[Any] = []

    def submit_task(self, *given: Any) -> str:
        self.calls.append(given)
        return "outputs"

    def on_completed(self, *given: Any) -> None:
        self.calls.append(given)

    watch_output = register_output = on_completed


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    """Stand for the current experiment."""
    result = Told()
    monkeypatch.setattr(seam, "current_submitter", lambda: result)
    return result


@pytest.fixture
def context() -> Iterator[Any]:
    """Let the test's thread work for a job."""
    result: Any = Told()
    ownership.bind(result)
    yield result
    ownership.bind(None)


def learn() -> Any:
    """Return a task with everything in it."""
    model = Model.C()
    return Learn.C(model=model, validation=Validation.C(model=model))


# --- submit


def test_submit_hands_its_options_on(told: Told) -> None:
    """What `submit` is told reaches the experiment, checked and by name."""
    task = learn()
    load = Load.C(model=task.model)
    given = {"init_tasks": [load], "walltime": 20, "tokens": {"gpu": 1}, "environ": {"A": "b"}}
    assert task.submit(launcher="process", max_retries=5, **given) == "outputs"
    assert told.calls == [(task, SubmitOptions("process", (load,), 5, 20, {"gpu": 1}, {"A": "b"}))]
    task.submit()
    assert told.calls[1:] == [(task, SubmitOptions())]


def test_bad_options_are_refused_before_anything_happens(told: Told) -> None:
    """An option that does not fit reaches no experiment."""
    for given in ({"walltime": -1}, {"init_tasks": Load}, {"init_tasks": [Model.C()]}):
        with pytest.raises(ParameterError, match=r"^submit\("):
            learn().submit(**given)
    assert told.calls == []


# --- kinds of tasks


def test_a_lightweight_task_needs_execute() -> None:
    """A LightweightTask does its work on the objects, and says so where it cannot."""

    class Idle(LightweightTask):
        pass

    load = Load.C(model=Model.C()).instance()
    load.execute()
    assert load.model.layers == 3
    with pytest.raises(NotImplementedError, match=r"Idle has no execute\(\)"):
        Idle.C().instance().execute()


def test_only_resumable_tasks_are_resumable() -> None:
    """The class says whether a task goes on, and where it runs unless it is told."""
    assert (Task.__xpm_resumable__, Learn.__xpm_resumable__) == (False, True)

    class Far(Task):
        __launcher__ = "process"

    assert (Task.__launcher__, Far.C().__launcher__) == (None, "process")


def test_remaining_time_is_that_of_the_job() -> None:
    """A resumable task asks its job for the time that is left; there is none outside jobs."""
    task = learn().instance()
    assert task.remaining_time() is None
    ownership.bind(SimpleNamespace(remaining_time=lambda: 3.5))
    try:
        assert task.remaining_time() == 3.5
    finally:
        ownership.bind(None)


def test_outputs_are_registered_with_the_job(context: Any) -> None:
    """Registering tells the job which method made an output, and of what."""
    validation = learn().instance().validation
    validation.compute(step=3)
    assert context.calls == [(validation.checkpoint, (), {"step": 3})]


def test_registering_outside_a_job_does_nothing() -> None:
    """The code of a task can be tried in a cell."""
    learn().instance().validation.compute(step=3)


# --- on_completed


def test_callbacks_take_the_task_or_nothing() -> None:
    """A callback that needs an argument is given the task; defaults stay what they are."""
    task = learn()
    got: list[Any] = []

    def optional(value: Any = "default") -> None:
        got.append(value)

    def several(*values: Any) -> None:
        got.extend(values)

    assert task.on_completed(got.append) is task
    task.on_completed(optional).on_completed(several).on_completed(lambda: got.append("nothing"))
    for callback in state_of(task).on_completed:
        completion(callback, task)()
    assert got == [task, "default", task, "nothing"]


def test_callbacks_of_a_submitted_task_go_to_its_job() -> None:
    """After submission a callback is handed to the job, and kept for the next submission."""
    task = learn()
    job = state_of(task).job = Told()
    task.on_completed(print)
    assert job.calls == [(print, task)]
    assert state_of(task).on_completed == [print]


def test_a_callback_that_cannot_be_called_is_refused() -> None:
    """What is no function, or needs more than a task, is refused at once."""
    for wrong in (3, lambda a, b: (a, b), lambda *, key: key):
        with pytest.raises(TypeError, match=r"^on_completed\("):
            learn().on_completed(wrong)
    with pytest.raises(TypeError, match="this needs a configuration"):
        learn().instance().on_completed(print)


# --- watch_output


def test_outputs_are_watched() -> None:
    """A watched method is kept with its configuration; several callbacks may watch one."""
    task = learn()
    assert task.watch_output(task.validation.checkpoint, print) is task
    task.watch_output(task.validation.checkpoint, repr)
    task.watch_output(task.validation.checkpoint, dict)  # does not tell what it takes
    expected = [(task.validation, "checkpoint", each) for each in (print, repr, dict)]
    assert state_of(task).watched == expected


def test_outputs_of_a_submitted_task_are_watched_by_its_job() -> None:
    """After submission the job is told what is watched."""
    task = learn()
    job = state_of(task).job = Told()
    task.watch_output(task.validation.checkpoint, print)
    task.watch_output(task.execute, print)
    watched = [(task.validation, "checkpoint", print), (task, "execute", print)]
    assert job.calls == [(each, task) for each in watched]


def test_what_cannot_be_watched_is_refused() -> None:
    """Each mistake is told apart: no method, another configuration, no resumable task."""
    task = learn()
    other = Validation.C(model=Model.C())
    for wrong in (Validation.checkpoint, print, 3, task.instance().validation.checkpoint):
        with pytest.raises(TypeError, match="give a bound method of a configuration"):
            task.watch_output(wrong, print)
    with pytest.raises(ValueError, match=r"is not inside Learn\.C"):
        task.watch_output(other.checkpoint, print)
    with pytest.raises(TypeError, match="give a function that takes the output"):
        task.watch_output(task.validation.checkpoint, 3)
    for callback in (lambda: 1, lambda one, two: (one, two), lambda *, named: named):
        with pytest.raises(TypeError, match="it is called with the output alone"):
            task.watch_output(task.validation.checkpoint, loose(callback))
    once = Once.C()
    with pytest.raises(TypeError, match="only a ResumableTask registers outputs"):
        once.watch_output(once.wait, loose(print))
    assert state_of(task).watched == []


def test_copies_have_no_callbacks() -> None:
    """A copy is another task: nobody waits for it, and it is no output of anything."""
    task = learn().on_completed(print)
    task.watch_output(task.validation.checkpoint, print)
    state_of(task).is_available = True
    state = state_of(task.copy())
    assert (state.on_completed, state.watched, state.is_available) == ([], [], False)


# --- mistakes


def test_a_task_says_who_has_remaining_time() -> None:
    """In a plain Task the error names the class to derive from; a ResumableTask has it."""
    instance = Once.C().instance()
    with pytest.raises(AttributeError, match=r"remaining_time\(\): derive Once from Resumable"):
        loose(instance).remaining_time()
    assert learn().instance().remaining_time() is None


def test_options_are_given_by_name() -> None:
    """An option without its name is refused, with how it is written."""
    with pytest.raises(TypeError, match=r"submit\('process'\): .* by name: submit\(launcher="):
        loose(Once.C()).submit("process")


def test_dependencies_are_tasks_or_made_by_tasks() -> None:
    """What no task is in, and no task made, would be waited for by nobody: it is refused."""
    task = Once.C()
    for wrong in ("x", Model, Model.C(), Model.C().instance()):
        with pytest.raises(TypeError, match=r"add_dependencies\(.*give tasks, or values that dep"):
            task.add_dependencies(wrong)
    made = Model.C()
    state_of(made).producer = learn()
    task.add_dependencies(learn(), made)
    assert len(state_of(task).dependencies) == 2
