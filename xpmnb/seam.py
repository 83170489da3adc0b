"""Slots through which low floors reach what only high floors can do, without importing it.

The face (``xpmnb/__init__.py``) fills them with functions that import their target at the first
call. Nothing here knows what fills a slot; no logic lives here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class Submitter(Protocol):
    """Takes tasks over: an open experiment, seen from below."""

    def submit_task(self, task: Any, options: Any) -> Any:
        """Submit a task with its ``SubmitOptions``, and return what the user gets back."""
        ...


class Context(Protocol):
    """What the code of a task can ask of its job: the context of an attempt, seen from below."""

    def remaining_time(self) -> float | None:
        """Return the seconds until the time of the job is over; None if it has no end."""
        ...

    def register_output(
        self, method: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        """Tell those who watch a method that it has a new output, made by these arguments."""
        ...


def _unfilled(*_: object, **__: object) -> Any:
    message = "import xpmnb (not one of its files alone) before you submit tasks"
    raise RuntimeError(message)


script_being_imported: str | None = None
"""The script that is being imported to run one job of it: it must not start an experiment."""

current_submitter: Callable[[], Submitter] = _unfilled
"""Return the experiment that a ``submit()`` goes to, opening the default one in a notebook."""

current_context: Callable[[], Context | None] = _unfilled
"""Return the context of the job that the current thread works for; None outside jobs."""

current_workspace: Callable[[], str | None] = _unfilled
"""Return the root of the current experiment's workspace; None if no experiment is open."""

notebook_stem: Callable[[], str | None] = _unfilled
"""Return the file stem of the running notebook; None where it cannot be known."""

in_notebook: Callable[[], bool] = _unfilled
"""Tell whether this process is the kernel of a notebook."""

debug_job: Callable[[Any], Any] = _unfilled
"""Run a failed job, given by its handle, again in this process, and open the debugger."""

show_run: Callable[[str, Any, Any], bool] = _unfilled
"""Show the jobs of a run, given its title and their records, in the output of a cell."""

attach_observers: Callable[[str, Any], list[Any]] = _unfilled
"""Return the observers (panels, log lines) of a new run, given a note to show and its layout."""

html_of: Callable[[Any], str | None] = _unfilled
"""Return an object as it looks at the end of a cell, as HTML; None where only its text is shown."""
