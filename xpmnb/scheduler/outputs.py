"""Dynamic outputs seen from the kernel: which callbacks are due for what a task has registered.

Calls nothing: ``callbacks.py`` does.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from xpmnb.arguments import arguments_from_json
from xpmnb.core.state import is_configuration, state_of
from xpmnb.core.walk import graph_of, iter_children
from xpmnb.errors import SubmissionError
from xpmnb.records.following import JournalFollower
from xpmnb.records.task_outputs import TaskOutput, output_from_json

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from xpmnb.core.types import DependentMarker
    from xpmnb.records.layout import JobLayout

Watcher = tuple[Any, str, "Callable[[Any], object]"]
"""A configuration, the name of one of its methods, and the callback for what the method makes."""


@dataclass(slots=True)
class OutputCall:
    """One callback that is due for one output. To be called once, by one thread."""

    task: Any
    watcher: Watcher
    output: TaskOutput
    in_method: bool = False
    """Whether the method is at work, not yet the callback: what raises then is the method."""

    def __call__(self) -> None:
        """Let the method make the output, marked as made by the task, and call the callback."""
        config, method, callback = self.watcher
        args, kwargs = arguments_from_json(self.output.args, self.output.kwargs)
        self.in_method = True
        made = getattr(config, method)(output_marker(self.task), *args, **kwargs)
        self.in_method = False
        callback(made)

    def __str__(self) -> str:
        """Return which callback, or what makes its output, for which output."""
        path = ".".join((*self.output.path, self.output.method))
        given = ", ".join(f"{name}={value!r:.40}" for name, value in self.output.values.items())
        if self.in_method:
            kind = type(self.watcher[0]).__qualname__
            return f"the method {kind}.{self.output.method}, called for {path}({given}),"
        return f"the callback {name_of(self.watcher[2])} for {path}({given})"


@dataclass(frozen=True, slots=True)
class StrayWatcher:
    """A callback that can never be due; calling it says why. Immutable."""

    task: Any
    watcher: Watcher

    def __call__(self) -> None:
        """Raise.

        Raises
        ------
        SubmissionError
            Always.
        """
        config, method, _ = self.watcher
        kind = type(self.task).__qualname__
        message = (
            f"watch_output({method}): this {type(config).__qualname__} is not in the parameters of "
            f"the task; watch a method of the {kind} itself or of a configuration that it uses"
        )
        raise SubmissionError(message)

    def __str__(self) -> str:
        """Return which callback."""
        return f"the callback {name_of(self.watcher[2])} of watch_output"


class OutputWatch:
    """Follows the outputs of one job, for the callbacks of one submission.

    It begins at the start of the file: what was registered before the submission comes, too, and
    what a later attempt registers once more does not.

    Parameters
    ----------
    layout : JobLayout
        The job.
    task
        The submitted configuration.
    watched : list
        The watchers. The list may grow: a callback that is added later gets the earlier outputs.

    Raises
    ------
    SubmissionError
        If a watched configuration is not part of the task.

    Notes
    -----
    Made by the submitting thread, then used by the thread of the callbacks, which may be another
    one when a new run takes the job over. Any thread may append to the list.
    """

    def __init__(self, layout: JobLayout, task: Any, watched: Sequence[Watcher]) -> None:
        self.task = task
        self.watched = watched
        self._follower = JournalFollower(layout.outputs)
        self._restarts = 0
        self._polling = threading.Lock()
        roots = (task, *state_of(task).init_tasks)
        self._inside = {id(each) for root in roots for each in graph_of(root)}
        self._outputs: list[tuple[Any, TaskOutput]] = []
        self._seen: set[tuple[int, str, str]] = set()
        self._given: list[int] = []
        """How many outputs each watcher was given."""
        for watcher in watched:
            if id(watcher[0]) not in self._inside:
                StrayWatcher(task, watcher)()

    def poll(self) -> list[Callable[[], None]]:
        """Read what is new, and return the calls that are due, in the order of the outputs.

        Returns
        -------
        list of callable
            Each is to be called once; its ``str`` says what it is. What it raises comes from code
            of the user, or says that a value cannot be read.
        """
        with self._polling:
            return self._poll()

    def _poll(self) -> list[Callable[[], None]]:
        follower = self._follower
        while True:
            entries = follower.read_new()
            if follower.restarts != self._restarts:
                self._restarts = follower.restarts
                self._forget()
            for entry in entries:
                self._take(entry)
            if not follower.behind:
                return self._due()

    def _forget(self) -> None:
        """Begin anew: the job was run again from an empty directory, so these are new outputs."""
        self._seen.clear()
        self._outputs.clear()
        self._given = [0] * len(self._given)

    def _take(self, entry: dict[str, Any]) -> None:
        output = output_from_json(entry)
        config = None if output is None else config_at(self.task, output.path)
        if output is None or config is None:
            return  # damaged, or of a parameter that the class has no more
        # Of one configuration at two places, an output is the same whichever place was written.
        key = (id(config), output.method, output.arguments)
        if key not in self._seen:
            self._seen.add(key)
            self._outputs.append((config, output))

    def _due(self) -> list[Callable[[], None]]:
        watchers = list(self.watched)
        calls: list[Callable[[], None]] = [
            StrayWatcher(self.task, watcher)
            for watcher in watchers[len(self._given) :]
            if id(watcher[0]) not in self._inside
        ]
        self._given += [0] * (len(watchers) - len(self._given))
        for number in range(min(self._given, default=0), len(self._outputs)):
            config, output = self._outputs[number]
            calls += [
                OutputCall(self.task, watcher, output)
                for watcher, given in zip(watchers, self._given, strict=True)
                if given <= number and watcher[0] is config and watcher[1] == output.method
            ]
        self._given = [len(self._outputs)] * len(watchers)
        return calls


def output_marker(task: Any) -> DependentMarker:
    """Return the function that marks a value as made by a task that may still run.

    What is marked carries the identity of the task, but whoever uses it need not wait for the
    task's end.
    """

    def dep(config: Any, /) -> Any:
        if not is_configuration(config):
            message = f"dep() marks configurations, got {type(config).__qualname__}"
            raise TypeError(message)
        if config is not task:
            state = state_of(config)
            state.producer = task
            state.is_available = True
        return config

    return dep


def config_at(root: Any, path: Sequence[str]) -> Any:
    """Return the configuration at a path; None if there is none.

    Parameters
    ----------
    root
        A configuration.
    path
        Names of parameters and places in containers, as ``core/walk.py`` writes them; of several
        ways to one configuration, any. What an init task alone uses is below ``init_tasks``.
    """
    rest = tuple(path)
    if not rest:
        return root
    init_tasks = enumerate(state_of(root).init_tasks)
    inside = ((("init_tasks", str(place)), init_task) for place, init_task in init_tasks)
    for place, child in chain(iter_children(root), inside):
        if rest[: len(place)] == place:
            found = config_at(child, rest[len(place) :])
            if found is not None:
                return found
    return None


def name_of(callback: Any) -> str:
    """Return the name of a function, or what kind of object is called."""
    name = getattr(callback, "__qualname__", None)
    return name if isinstance(name, str) else type(callback).__qualname__
