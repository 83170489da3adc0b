"""Ctrl-C at any line of a submission: nothing hangs, and nothing is shown that nobody moves."""

import inspect
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from tests.support.running import DEADLINE_S, Echo
from xpmnb import experiment
from xpmnb.scheduler.dispatcher import Dispatcher
from xpmnb.scheduler.runs import Run

_SOURCE, _FIRST = inspect.getsourcelines(experiment.submit_task)


class Interrupt:
    """Raises KeyboardInterrupt before a line of a function is executed, once."""

    def __init__(self, code: Any, line: int) -> None:
        self._code = code
        self._line = line
        self.has_come = False

    def __call__(self, frame: FrameType, event: str, _argument: Any) -> Any:
        if frame.f_code is self._code and event == "line" and frame.f_lineno == self._line:
            sys.settrace(None)
            self.has_come = True
            raise KeyboardInterrupt
        return self


def lines_of(function: Any) -> list[Any]:
    """Return the code of a function with each of its lines."""
    code = function.__code__
    numbers = sorted({number for _, _, number in code.co_lines() if number})
    return [pytest.param(code, number, id=f"{code.co_name}:{number}") for number in numbers[1:]]


@pytest.mark.no_cover
@pytest.mark.parametrize(
    ("code", "line"),
    [*lines_of(experiment.submit_task), *lines_of(Dispatcher.submit), *lines_of(Run.enter)],
)
def test_an_interrupted_submission_leaves_nothing_behind(
    tmp_path: Path, code: Any, line: int
) -> None:
    """The task was submitted as a whole or not at all, and can be submitted again."""
    xp = experiment(tmp_path / "runs", "t").start()
    task = Echo.C(x=1)
    interrupt = Interrupt(code, line)
    sys.settrace(interrupt)
    try:
        task.submit()
    except KeyboardInterrupt:
        assert interrupt.has_come
    finally:
        sys.settrace(None)
    xp.wait(DEADLINE_S)
    assert set(xp.jobs()["state"]) <= {"done"}
    assert task.submit().job.result(DEADLINE_S) == 1
    xp.close()
    assert xp.jobs()["state"].to_list() == ["done"]
