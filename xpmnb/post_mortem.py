"""Opens the debugger at the place of an error in the task's own code.

In a kernel and in IPython it is the shell's own, which asks in the notebook; elsewhere pdb.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from xpmnb.tracebacks import OwnCode, deepest_first, without_ours

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

_NOBODY = (OSError, EOFError, NotImplementedError, RuntimeError, ValueError)
"""What asking raises where nobody can answer: IPython's error, or that of a closed stream."""


def open_debugger(error: BaseException) -> bool:
    """Open the debugger at the deepest frame of the task's own code, until the person leaves it.

    Its stack has all frames but those of xpmnb. ``%debug`` and ``pdb.pm()`` open it again.

    Parameters
    ----------
    error : BaseException
        An error that was raised in the task.

    Returns
    -------
    bool
        False if nobody can answer here, such as in a notebook that is executed by nbconvert.
    """
    places = deepest_first(error)
    if not places:
        return False
    shell = running_shell()
    _remember(error, shell)
    if not can_ask():
        return False
    own = OwnCode(error)
    frames = [each.tb_frame for each in places]
    start = next((each for each in frames if own.has(each)), frames[0])
    debugger = _debugger(shell, start)
    try:
        debugger.reset()
        # From Python 3.13 on, the command `exceptions` moves to what the error was raised from.
        takes_error = sys.version_info >= (3, 13)
        debugger.interaction(None, error if takes_error else error.__traceback__)
    except _NOBODY:  # what a person types there is answered by the debugger, whatever it raises
        return False
    return True


@contextmanager
def breakpoints_in_cells() -> Iterator[None]:
    """Let ``breakpoint()`` ask in the cell, where it would wait for Jupyter's own debugger."""
    shell, connected = running_shell(), _debugger_of_jupyter()
    if not can_ask() or getattr(shell, "kernel", None) is None or connected:
        yield
        return
    before = sys.breakpointhook

    def ask(*_: Any, **__: Any) -> None:
        shell.debugger_cls().set_trace(sys._getframe(1))  # noqa: SLF001 (the only way)

    sys.breakpointhook = ask if "PYTHONBREAKPOINT" not in os.environ else before
    try:
        yield
    finally:
        sys.breakpointhook = before


def _debugger_of_jupyter() -> bool:
    """Tell whether a front end has its own debugger switched on."""
    debugpy = sys.modules.get("debugpy")
    return debugpy is not None and bool(debugpy.is_client_connected())


def running_shell() -> Any:
    """Return the shell of IPython, in a kernel or in a terminal; None elsewhere."""
    return getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()


def _remember(error: BaseException, shell: Any) -> None:
    """Let ``%debug`` and ``pdb.pm()`` find the error, as if it had not been caught."""
    chain = without_ours(error)
    error.__traceback__ = chain
    sys.last_type, sys.last_value, sys.last_traceback = type(error), error, chain
    sys.last_exc = error  # type: ignore[attr-defined,unused-ignore]  # from Python 3.12 on
    if shell is not None:
        shell.InteractiveTB.tb = chain


def can_ask() -> bool:
    """Tell whether a person may answer here: not in a notebook that nbconvert executes."""
    kernel = getattr(running_shell(), "kernel", None)
    if kernel is not None:
        # What the front end said with this cell; there is no other way to know than to ask.
        return bool(getattr(kernel, "_allow_stdin", True))
    return sys.stdin is not None and not sys.stdin.closed


def _debugger(shell: Any, start: FrameType) -> Any:
    """Return a debugger that begins at a frame of the stack instead of the deepest."""
    if shell is None:
        import pdb  # noqa: PLC0415, T100 (takes long to import, and few jobs are debugged)

        base: Any = pdb.Pdb
    else:
        base = shell.debugger_cls

    class _AtOwnFrame(base):  # type: ignore[misc]
        def setup(self, f: FrameType | None, tb: Any) -> Any:
            done = super().setup(f, tb)
            frames = [frame for frame, _ in self.stack]
            if start in frames:
                self.curindex = frames.index(start)
                self.curframe = start
                if "curframe_locals" in vars(self):  # before Python 3.14
                    self.curframe_locals = start.f_locals
            return done

    return _AtOwnFrame()
