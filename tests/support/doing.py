"""A task that does whatever its test wants."""

from collections.abc import Callable
from typing import Any

from tests.support.running import DEADLINE_S
from xpmnb import Param, Task
from xpmnb.scheduler.jobs import Job

# What a job of the class `Doing` does: the function of its test.
actions: dict[str, Callable[[Any], Any]] = {}


class Doing(Task):
    """Does what its test gave it to do."""

    what: Param[str]

    def execute(self) -> Any:
        return actions[self.what](self)


def do(action: Callable[[Any], Any], name: str = "it") -> Job:
    """Run an action as a job, to its end."""
    actions[name] = action
    job: Job = Doing.C(what=name).submit().job
    assert job.wait(DEADLINE_S).is_final
    return job
