"""``job.debug()``: a failed job runs again in this kernel, and the debugger opens where it fails.

It runs in the thread that calls, on a copy of its directory; what it changes of the kernel is put
back afterwards.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any, cast

from xpmnb import ownership, streams
from xpmnb.classes_beside import classes_beside
from xpmnb.core.hooks import hooks_of
from xpmnb.debug_copy import DebugCopy, copy_of
from xpmnb.document import from_document
from xpmnb.endings import ending_of
from xpmnb.errors import DebugError, XpmnbError
from xpmnb.post_mortem import breakpoints_in_cells, can_ask, open_debugger
from xpmnb.records.journal import JournalWriter
from xpmnb.records.states import FailureReason, JobState
from xpmnb.runtime import JobContext
from xpmnb.scheduler.jobs import Job
from xpmnb.tracebacks import own_text, place_of, traceback_text
from xpmnb.work import begin_work, objects_of
from xpmnb.worker import execute

if TYPE_CHECKING:
    from collections.abc import Iterator

_NOBODY_ANSWERS = (
    "The debugger asks for commands, and nobody can answer here: call debug() in a notebook that "
    "is open in Jupyter, or in a terminal.\n"
)


def debug(job: Job) -> Any:
    """Run a failed job again, and open the debugger where it fails; see ``Job.debug``."""
    _refuse(job)
    copy = copy_of(job.layout)
    label, path = f"{job.name} {job.id[:8]}", _near(copy.layout.path)
    _say(f"{label} runs again here, on a copy of its directory that you may delete: {path}\n")
    with ExitStack() as stack:
        stack.enter_context(_kernel_kept())
        stack.enter_context(breakpoints_in_cells())
        context = stack.enter_context(_at_work(copy))
        try:
            value = _run(job, copy, context, stack)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 (user code may raise anything)
            if _is_quit(error):
                return _say(f"{label}: the debugger was left, and the task ended there\n")
            if ending_of(error).reason is not None:
                return _show(error)
            value = None  # sys.exit(0)
    _say(f"{label} did not fail this time\n")
    return value


def _near(path: str) -> str:
    """Return a path as it reads from the present directory, if it is in there."""
    here = os.getcwd()  # noqa: PTH109 (a str)
    return path.removeprefix(f"{here}/")


def _refuse(job: Job) -> None:
    """Refuse what cannot be debugged, or not here."""
    label = f"{job.name} {job.id[:8]}"
    if ownership.owner() is not None:
        message = "debug() works in the notebook or script, not in a job or in another debug()"
    elif threading.current_thread() is not threading.main_thread():
        message = "debug() works in the main thread, where cells run, not in a callback or thread"
    elif not job.state.is_final:
        message = (
            f"{label} is {job.state.value}, not failed: wait() for its end, or cancel() it first"
        )
    elif job.state == JobState.DONE:
        message = (
            f"{label} is done, and there is no failure to debug: result() has what it returned"
        )
    elif job.failure_reason is FailureReason.DEPENDENCY:
        message = f"{label} never ran ({job.message}): debug the job that failed before it"
    else:
        return
    raise DebugError(message)


def _run(job: Job, copy: DebugCopy, context: JobContext, stack: ExitStack) -> Any:
    """Make the objects, run the init tasks, and then the task, as a worker does.

    What the task needs around it stays for the debugger, until the stack is left.
    """
    layout = copy.layout
    classes = classes_beside(copy.document, copy.program, layout.script)
    task = from_document(stack.enter_context(classes))
    stack.enter_context(_environment(dict(job.environ) or _environ_of(task, job)))
    with _no_running_loop():
        built = objects_of(task, layout.path, copy.partials)
        context.places = built.places
        begin_work(built, layout.path, copy.tags)
        return execute(built)


def _show(error: BaseException) -> None:
    """Show an error to the person, in the debugger where that is possible."""
    if place_of(error) is None and isinstance(error, XpmnbError):
        raise error
    _say(own_text(error) if can_ask() else traceback_text(error))
    if not open_debugger(error):
        _say(_NOBODY_ANSWERS)


def _is_quit(error: BaseException) -> bool:
    """Tell whether a person left the debugger that ``breakpoint()`` had opened in the task."""
    quit_by = getattr(sys.modules.get("bdb"), "BdbQuit", None)
    return quit_by is not None and isinstance(error, quit_by)


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


class _DebugContext(JobContext):
    """The context of a job that a person watches in a cell."""

    __slots__ = ()
    draws_bars = True


class _Passage:
    """Stands for a stream of the kernel while a job is debugged; the task cannot close it."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> Any:
        """Write to the cell."""
        return self._stream.write(text)

    def close(self) -> None:
        """Do nothing: it belongs to the kernel."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def _at_work(copy: DebugCopy) -> Iterator[JobContext]:
    """Let this thread work for the job: in its directory, with its progress and metrics."""
    layout = copy.layout
    streams.install()
    out, err = (_Passage(streams.unowned(name)) for name in ("stdout", "stderr"))
    journal = JournalWriter(layout.events)
    context = _DebugContext(layout, journal, 1, cast(Any, out), cast(Any, err), lambda: None)
    if copy.is_resumable:
        context.is_resumable = True
        context.outputs = JournalWriter(layout.outputs)
    try:
        ownership.bind(context)
        os.chdir(layout.path)
        yield context
    finally:
        ownership.bind(None)
        context.close()
        streams.uninstall()


@contextmanager
def _kernel_kept() -> Iterator[None]:
    """Put back what belongs to the kernel and what the code of a task, or a debugger, changes."""
    home: str | None = None
    with suppress(OSError):  # it was deleted
        home = os.getcwd()  # noqa: PTH109 (a plain str)
    search, main = list(sys.path), sys.modules["__main__"]
    trace, profile = sys.gettrace(), sys.getprofile()
    shown = {name: getattr(sys, name) for name in ("stdin", "stdout", "stderr", "displayhook")}
    handlers = {each: signal.getsignal(each) for each in signal.valid_signals()}
    try:
        yield
    finally:
        for name, value in shown.items():
            setattr(sys, name, value)
        streams.renew()  # jobs may have begun meanwhile that need theirs
        sys.settrace(trace)
        sys.setprofile(profile)
        sys.path[:] = search
        sys.modules["__main__"] = main
        for each, handler in handlers.items():
            if signal.getsignal(each) is not handler and handler is not None:
                signal.signal(each, handler)
        if home is not None:
            with suppress(OSError):
                os.chdir(home)


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Have environment variables set while the task runs."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _environ_of(task: Any, job: Job) -> dict[str, str]:
    """Return what submit hooks set for a job; the handle of an earlier session does not know."""
    stand_in = Job(job.layout, task, {}, None, None)
    for hook in hooks_of(task):
        try:
            hook.process(stand_in, cast(Any, None))
        except Exception as error:  # noqa: BLE001 (user code, which may need the launcher)
            _say(f"{hook!r} could not be applied again: {type(error).__name__}: {error}\n")
    return dict(stand_in.environ)


@contextmanager
def _no_running_loop() -> Iterator[None]:
    """Let the task call ``asyncio.run`` as it may in a job, though a cell runs in a loop."""
    # Documented, for implementations of loops; there is no other way to leave one for a while.
    loop = asyncio._get_running_loop()  # noqa: SLF001
    asyncio._set_running_loop(None)  # noqa: SLF001
    try:
        yield
    finally:
        asyncio._set_running_loop(loop)  # noqa: SLF001
