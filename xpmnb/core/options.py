"""What ``submit()`` is told besides the task, checked in one place."""

from __future__ import annotations

import functools
import inspect
import math
import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

from xpmnb.core import registry
from xpmnb.core.state import is_configuration, is_declared, state_of
from xpmnb.core.walk import forget_whole
from xpmnb.errors import ParameterError, SealedError
from xpmnb.identifiers import encode

if TYPE_CHECKING:
    from typing import NoReturn


CodePolicy = Literal["warn", "rerun", "error", "ignore"]
"""What can be done about a task that is done, by other code than it has now."""


@dataclass(frozen=True, slots=True)
class SubmitOptions:
    """How a task is to be run. Immutable; any thread.

    Raises
    ------
    ParameterError
        If an option does not fit; the message names it, what was given and what is expected.
    """

    launcher: Any = None
    """Where it runs, a name or a Launcher; None leaves it to task class and experiment."""
    init_tasks: tuple[Any, ...] = ()
    """Configurations of LightweightTask, executed in this order before the task."""
    max_retries: int | None = None
    """How many runs may follow the first one; None leaves it to the settings."""
    walltime_s: float | None = None
    """Seconds that each run may take; None for as long as it takes."""
    tokens: Mapping[Any, int] = field(default_factory=dict)
    """How many of which tokens the job holds while it runs."""
    environ: Mapping[str, str] = field(default_factory=dict)
    """Environment variables that are added."""
    on_code_change: CodePolicy | None = None
    """What to do if the task is done, by other code; None leaves it to the experiment."""

    def __post_init__(self) -> None:
        """Check every option."""
        _check_init_tasks(self.init_tasks)
        retries = self.max_retries
        if retries is not None and (not _is_int(retries) or retries < 0):
            _refuse("max_retries", retries, "give a whole number of runs, 0 or more")
        walltime = self.walltime_s
        if walltime is not None and not _is_duration(walltime):
            _refuse("walltime", walltime, "give seconds, more than 0")
        for name, count in _items("tokens", self.tokens, 'give a dict such as {"gpu": 1}'):
            if not name or not _is_int(count) or count < 1:
                _refuse("tokens", self.tokens, 'give names and counts of 1 or more: {"gpu": 1}')
        wanted = 'give a dict of strings such as {"OMP_NUM_THREADS": "1"}'
        for name, value in _items("environ", self.environ, wanted):
            if not isinstance(name, str) or not isinstance(value, str):
                _refuse("environ", self.environ, wanted)
            if not name or "=" in name or "\0" in name + value:
                _refuse("environ", self.environ, f"{name!r} is no name or value of a variable")
        if self.on_code_change is not None:
            fault = code_policy_fault(self.on_code_change)
            if fault is not None:
                _refuse("on_code_change", self.on_code_change, fault)


def code_policy_fault(policy: Any) -> str | None:
    """Say what is wrong with a value of ``on_code_change``; None if nothing is."""
    words = get_args(CodePolicy)
    if isinstance(policy, str) and policy in words:
        return None
    return f"give one of {', '.join(map(repr, words))}"


def _refuse(option: str, value: Any, wanted: str) -> NoReturn:
    message = f"submit({option}={value!r:.80}): {wanted}"
    raise ParameterError(message)


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_duration(value: Any) -> bool:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and value > 0 and math.isfinite(value)


def _items(option: str, value: Any, wanted: str) -> list[tuple[Any, Any]]:
    if not isinstance(value, Mapping):
        _refuse(option, value, wanted)
    return list(value.items())


def _check_init_tasks(init_tasks: Any) -> None:
    if not isinstance(init_tasks, tuple):
        _refuse("init_tasks", init_tasks, "give a list of configurations: init_tasks=[loader]")
    for each in init_tasks:
        if is_declared(each) and not is_configuration(each):
            _refuse("init_tasks", each, "this is an instance; give the configuration")
        if not is_configuration(each) or not getattr(each, "__xpm_lightweight__", False):
            _refuse("init_tasks", each, "give configurations of LightweightTask classes")
        fault = execute_fault(type(each))
        if fault is not None:
            _refuse("init_tasks", each, fault)


def execute_fault(cls: Any) -> str | None:
    """Say why ``execute`` of a class would not do its work when a job calls it; None if it would.

    Parameters
    ----------
    cls : type
        The class of a task or an init task; its newest definition counts.
    """
    cls = registry.newest(cls)
    name = cls.__qualname__
    raw = _raw(cls, "execute")
    if str(getattr(raw, "__module__", "")).startswith("xpmnb.core."):
        return f"{name} has no execute(): define def execute(self)"
    if not callable(cls.execute):
        return f"{name}.execute is {cls.execute!r:.80}, no function: define def execute(self)"
    fault = _function_fault(raw, 1) if isinstance(raw, _FUNCTIONS) else None
    return None if fault is None else f"{name}.execute {fault}"


def outputs_fault(cls: Any) -> str | None:
    """Say why ``task_outputs`` of the class of a task cannot be called; None if it can."""
    raw = _raw(cls, "task_outputs")
    if not isinstance(raw, _FUNCTIONS):
        return None
    fault = _function_fault(raw, 2)
    words = "; write def task_outputs(self, dep)"
    return None if fault is None else f"{cls.__qualname__}.task_outputs {fault}{words}"


def _raw(cls: Any, name: str) -> Any:
    return next(vars(base)[name] for base in cls.__mro__ if name in vars(base))


_FUNCTIONS = (types.FunctionType, staticmethod, classmethod)


@functools.lru_cache(maxsize=1000)  # asked for with every job
def _function_fault(raw: Any, count: int) -> str | None:
    """Say why a function of a class cannot be called with so many arguments, self included."""
    function: Any = getattr(raw, "__func__", raw)
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        return (
            "is an async function, for which nobody waits: write a plain one, with "
            "asyncio.run(...) in it"
        )
    if inspect.isgeneratorfunction(function):
        return "has a yield, so that a call runs none of its lines: return a list, say"
    try:
        given = [None] * (count - isinstance(raw, staticmethod))
        inspect.signature(function, follow_wrapped=False).bind(*given)
    except TypeError as error:
        if count > 1:
            return f"is called with self and dep: {error}"
        return f"is called with self alone: {error}; what it needs are parameters of the class"
    except ValueError:  # some built-in functions do not tell
        return None
    return None


def set_init_tasks(task: Any, init_tasks: tuple[Any, ...]) -> None:
    """Set what is executed before a task, which then has another identifier.

    Parameters
    ----------
    task
        The configuration of a task, which may be sealed but was not submitted with others.
    init_tasks : tuple
        The init tasks of :class:`SubmitOptions`.

    Raises
    ------
    SealedError
        If the task was submitted with other init tasks: its identifier cannot change.
    """
    state = state_of(task)
    if not init_tasks and not state.init_tasks:
        return
    if state.job is not None and encode(init_tasks) != encode(state.init_tasks):
        message = (
            f"{task!r} was submitted with other init tasks; submit a copy: task.copy().submit(...)"
        )
        raise SealedError(message)
    state.init_tasks = init_tasks
    state.digest = None
    forget_whole(task)


PLAIN = SubmitOptions()
"""Those of most submissions."""
