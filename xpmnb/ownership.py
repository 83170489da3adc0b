"""Which job a thread works for.

The launcher binds the thread that runs a job; threads that the job starts are bound to the same
job. Python 3.11 has no hook for the start of a thread, so ``threading.Thread.start`` is wrapped
while jobs can run in threads, and put back afterwards.
"""

from __future__ import annotations

import threading
from typing import Any

_ATTRIBUTE = "_xpmnb_owner"

_lock = threading.Lock()
_users = 0
_is_installed = False
_original_start: Any = None


_of_process: Any = None


def owner() -> Any:
    """Return what the current thread is bound to; None for a thread of the kernel itself."""
    return threading.current_thread().__dict__.get(_ATTRIBUTE, _of_process)


def bind(value: Any) -> None:
    """Bind the current thread; None frees it."""
    if value is None:
        threading.current_thread().__dict__.pop(_ATTRIBUTE, None)
    else:
        threading.current_thread().__dict__[_ATTRIBUTE] = value


def bind_process(value: Any) -> None:
    """Bind every thread of this process that is not bound by itself; None frees them."""
    global _of_process  # noqa: PLW0603 (a process works for one job)
    _of_process = value


def start_inheriting() -> None:
    """Let new threads inherit the binding of the thread that starts them.

    Calls are counted; each needs its :func:`stop_inheriting`. Any thread.
    """
    global _users, _is_installed, _original_start  # noqa: PLW0603 (one threading module, too)
    with _lock:
        _users += 1
        if not _is_installed:
            _is_installed = True
            _original_start = threading.Thread.start
            threading.Thread.start = _start_bound  # type: ignore[method-assign,assignment]


def stop_inheriting() -> None:
    """Undo one :func:`start_inheriting`; the last one puts ``Thread.start`` back."""
    global _users, _is_installed  # noqa: PLW0603
    with _lock:
        _users -= 1
        # Somebody else may have wrapped it after us: then it stays, and does nothing.
        if _users == 0 and threading.Thread.start is _start_bound:
            _is_installed = False
            threading.Thread.start = _original_start  # type: ignore[method-assign]


def _start_bound(thread: threading.Thread) -> None:
    value = owner()
    if value is not None:
        thread.__dict__[_ATTRIBUTE] = value
    _original_start(thread)
