"""What `submit()` is told is checked before anything is done with it."""

import functools
import math
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.declaring import loose
from xpmnb import Config, LightweightTask, Param, Task
from xpmnb.core.options import SubmitOptions, execute_fault, set_init_tasks
from xpmnb.core.state import state_of
from xpmnb.errors import ParameterError, SealedError
from xpmnb.identifiers import identifier


class Model(Config):
    pass


class Load(LightweightTask):
    model: Param[Model]
    step: Param[int] = 0

    def execute(self) -> None:
        pass


class Empty(LightweightTask):
    pass


class Lazy(LightweightTask):
    def execute(self) -> Any:
        yield


class Evaluate(Task):
    model: Param[Model]

    def execute(self) -> None:
        pass


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"max_retries": -1}, r"max_retries=-1\): give a whole number of runs, 0 or more"),
        ({"max_retries": 1.5}, "max_retries=1.5"),
        ({"max_retries": True}, "max_retries=True"),
        ({"walltime_s": 0}, r"walltime=0\): give seconds, more than 0"),
        ({"walltime_s": "10"}, "walltime='10'"),
        ({"walltime_s": math.nan}, "walltime=nan"),
        ({"walltime_s": math.inf}, "walltime=inf"),
        ({"walltime_s": True}, "walltime=True"),
        ({"tokens": "gpu"}, r"tokens='gpu'\): give a dict such as"),
        ({"tokens": {"gpu": 0}}, "give names and counts of 1 or more"),
        ({"tokens": {"gpu": True}}, "give names and counts of 1 or more"),
        ({"tokens": {"": 1}}, "give names and counts of 1 or more"),
        ({"environ": {"A": 1}}, "give a dict of strings"),
        ({"environ": ["A"]}, "give a dict of strings"),
        ({"environ": {"A=B": "1"}}, "'A=B' is no name or value of a variable"),
        ({"environ": {"A": "\0"}}, "'A' is no name or value of a variable"),
        ({"init_tasks": [1]}, "give a list of configurations"),
        ({"init_tasks": (1,)}, r"init_tasks=1\): give configurations of LightweightTask classes"),
        ({"init_tasks": (Model.C(),)}, "give configurations of LightweightTask classes"),
        ({"init_tasks": (Load,)}, "give configurations of LightweightTask classes"),
        ({"init_tasks": (Empty.C(),)}, r"Empty has no execute\(\)"),
        ({"init_tasks": (Lazy.C(),)}, r"Lazy\.execute has a yield"),
        ({"init_tasks": (Load.C(model=Model.C()).instance(),)}, "this is an instance"),
    ],
)
def test_what_does_not_fit_is_refused(given: dict[str, Any], words: str) -> None:
    """Each option that does not fit is named, with what was given and what is expected."""
    with pytest.raises(ParameterError, match=r"^submit\(.*" + words):
        SubmitOptions(**given)


def test_what_fits_is_kept() -> None:
    """Options that fit are what was given, and nothing is set that was not."""
    load = Load.C(model=Model.C())
    options = SubmitOptions("thread", (load,), 0, 1.5, {"gpu": 2}, {"A": ""})
    assert (options.launcher, options.init_tasks, options.max_retries) == ("thread", (load,), 0)
    assert (options.walltime_s, options.tokens, options.environ) == (1.5, {"gpu": 2}, {"A": ""})
    assert SubmitOptions() == SubmitOptions(None, (), None, None, {}, {})


def test_init_tasks_change_the_identifier() -> None:
    """Their values and their order are part of the identifier, also of a task sealed before."""
    model = Model.C()
    one, two = Load.C(model=model), Load.C(model=model, step=2)
    task = Evaluate.C(model=model).seal()
    seen = [identifier(task)]
    for init_tasks in ((one,), (two,), (one, two), (two, one), (one, one)):
        set_init_tasks(task, init_tasks)
        seen.append(identifier(task))
    assert len(set(seen)) == len(seen)
    set_init_tasks(task, ())
    assert identifier(task) == seen[0]


def test_a_submitted_task_keeps_its_init_tasks() -> None:
    """A submitted task takes equal init tasks again, and others only in a copy."""
    model = Model.C()
    task = Evaluate.C(model=model)
    set_init_tasks(task, (Load.C(model=model),))
    state_of(task).job = loose(SimpleNamespace(id=identifier(task)))
    again = Load.C(model=model)
    set_init_tasks(task, (again,))
    assert state_of(task).init_tasks == (again,)
    with pytest.raises(SealedError, match=r"submitted with other init tasks; submit a copy"):
        set_init_tasks(task, ())


# --- execute


def wrapped(function: Any) -> Any:
    """Return a function that runs a generator to its end."""

    @functools.wraps(function)
    def run(*args: Any) -> list[Any]:
        return list(function(*args))

    return run


async def later(self: Any) -> None:
    """Do nothing, when it is awaited."""


async def each_later(self: Any) -> Any:
    """Yield the task, when it is iterated over."""
    yield self


def each(self: Any) -> Any:
    """Yield the task."""
    yield self


@pytest.mark.parametrize(
    ("execute", "words"),
    [
        (later, "is an async function, for which nobody waits"),
        (each_later, "is an async function"),
        (each, "has a yield, so that a call runs none of its lines"),
        (classmethod(each), "has a yield"),
        (lambda self, x: (self, x), "is called with self alone: missing a required argument: 'x'"),
        (lambda: 3, "is called with self alone: too many positional arguments"),
        (staticmethod(len), "is called with self alone"),
        (3, "is 3, no function"),
        (None, "is None, no function"),
    ],
)
def test_an_execute_that_would_do_nothing_is_refused(execute: Any, words: str) -> None:
    """An ``execute`` that a job cannot call, or whose call runs nothing, is a fault in words."""

    class Job(Task):
        pass

    type.__setattr__(Job, "execute", execute)
    assert words in (execute_fault(loose(Job).C) or "")


@pytest.mark.parametrize(
    "execute",
    [
        wrapped(each),
        lambda self, x=1, *args, **more: (self, x, args, more),
        staticmethod(lambda: 3),
        classmethod(lambda cls: cls),
        functools.partialmethod(print, 1),
        functools.partial(print),
    ],
)
def test_whatever_a_job_can_call_is_an_execute(execute: Any) -> None:
    """Functions however they are wrapped, with defaults, or without self are no fault."""

    class Job(Task):
        pass

    type.__setattr__(Job, "execute", execute)
    assert execute_fault(Job) is None
