"""A thread's own standard output, standard error and working directory.

``sys.stdout`` and ``sys.stderr`` are replaced, once, by objects that look up for whom the
calling thread works: a job's threads write to the files of the job, all others to what was there
before. ``%%capture`` and ``redirect_stdout`` replace ``sys.stdout`` for every thread: what a
running job prints then goes there too, until the next job starts or somebody waits.
"""

from __future__ import annotations

import ctypes
import io
import os
import sys
import threading
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

from xpmnb import ownership
from xpmnb.errors import LauncherError

_CLONE_FS = 0x00000200  # <linux/sched.h>

_lock = threading.Lock()
_users = 0

# print() of CPython before 3.13 uses sys.stdout without holding a reference: a proxy that is
# freed while another thread prints through it crashes the process. So the same original has the
# same proxy, and the last ones are kept for prints that are still under way.
_proxies: deque[_OwnedStream] = deque(maxlen=64)


class JobStream:
    """A stream of one job: a text file that is line-buffered and made at once.

    After :meth:`close`, what threads left behind by the job still write is dropped: the directory
    may belong to another attempt by then.

    Parameters
    ----------
    path : str
        The file.
    keep : bool
        Go on after what is in the file, instead of truncating it.
    """

    __slots__ = ("_closed", "_fd", "_file", "_lock")

    def __init__(self, path: str, *, keep: bool = False) -> None:
        # The text layer costs more than the file itself and is made at the first write.
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | (0 if keep else os.O_TRUNC)
        self._fd = os.open(path, flags, 0o666)
        self._file: TextIO | None = None
        self._closed = False
        self._lock = threading.Lock()

    def fileno(self) -> int:
        """Return the descriptor of the file."""
        return self._fd

    @property
    def file(self) -> TextIO:
        """The text file behind the stream; one that forgets everything once it is closed."""
        with self._lock:
            if self._closed:
                return io.StringIO()
            if self._file is None:
                self._file = open(  # noqa: SIM115 (of a descriptor; closed by close())
                    self._fd,
                    "w",
                    buffering=1,
                    encoding="utf-8",
                    errors="backslashreplace",
                    # A request to stop may lose the file right here: it must not take the
                    # descriptor with it.
                    closefd=False,
                )
            return self._file

    def write(self, text: str) -> int:
        """Write text."""
        with suppress(ValueError):  # closed by the task itself
            return self.file.write(text)
        return len(text)

    def close(self) -> None:
        """Flush and close the file. Calling it again does nothing."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            if self._file is not None:
                with suppress(OSError, ValueError):  # a full disk; a task that closed its stdout
                    self._file.close()
            with suppress(OSError):
                os.close(self._fd)


class _OwnedStream:
    """Stands for ``sys.stdout`` or ``sys.stderr`` and passes on to the stream of the thread."""

    def __init__(self, name: str, original: Any) -> None:
        self._name = name
        self._original = original

    def stands_for(self, name: str, original: Any) -> bool:
        """Tell whether this is the proxy of a stream."""
        return self._name == name and self._original is original

    def _target(self) -> Any:
        owner = ownership.owner()
        if owner is None:
            return self._original
        stream: JobStream = getattr(owner, self._name)
        return stream

    def write(self, text: str) -> int:
        """Write to the stream of the calling thread."""
        return self._target().write(text)  # type: ignore[no-any-return]

    def __getattr__(self, name: str) -> Any:
        target = self._target()
        return getattr(target.file if isinstance(target, JobStream) else target, name)


def install() -> None:
    """Give the threads of jobs their own streams. Calls are counted. Any thread."""
    global _users  # noqa: PLW0603 (there is one sys.stdout, too)
    with _lock:
        _users += 1
    renew()
    ownership.start_inheriting()


def renew() -> None:
    """Put our streams in place again, where ``%%capture`` or the like put away with them."""
    with _lock:
        for name in ("stdout", "stderr"):
            present = getattr(sys, name)
            if _users and not isinstance(present, _OwnedStream):
                setattr(sys, name, _proxy_of(name, present))


def unowned(name: str) -> Any:
    """Return the ``stdout`` or ``stderr`` that threads of the kernel itself write to."""
    present = getattr(sys, name)
    return present._original if isinstance(present, _OwnedStream) else present  # noqa: SLF001


def _proxy_of(name: str, original: Any) -> _OwnedStream:
    for proxy in _proxies:
        if proxy.stands_for(name, original):
            return proxy
    _proxies.append(_OwnedStream(name, original))
    return _proxies[-1]


def uninstall() -> None:
    """Undo one :func:`install`; the last one puts the streams back, where they are still ours."""
    global _users  # noqa: PLW0603
    ownership.stop_inheriting()
    with _lock:
        _users -= 1
        for name in ("stdout", "stderr"):
            present = getattr(sys, name)
            if not _users and isinstance(present, _OwnedStream):
                setattr(sys, name, present._original)  # noqa: SLF001 (same file)


def _unshare() -> None:
    """Give the current thread a working directory of its own.

    Linux: ``unshare(CLONE_FS)``, see unshare(2); threads started later inherit it.
    """
    libc = _libc()
    if libc.unshare(_CLONE_FS) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), "unshare")


_libraries: list[Any] = []
_own = threading.local()  # the umask that a thread began with, once it is the thread's own


def _libc() -> Any:
    if not _libraries:
        _libraries.append(ctypes.CDLL(None, use_errno=True))
    return _libraries[0]


def enter_private_directory(path: str) -> None:
    """Change the working directory of the current thread alone.

    Parameters
    ----------
    path : str
        The directory.

    Raises
    ------
    OSError
        If the system refuses; :func:`check_private_directories` finds out beforehand.
    """
    if sys.platform == "darwin":
        # Documented in <pthread/pthread_spis.h>; new threads begin in the directory of the process.
        if _libc().pthread_chdir_np(os.fsencode(path)) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), path)
        return
    # For each job anew: a thread that an earlier job left behind shares the last one.
    _unshare()
    if not hasattr(_own, "umask"):
        # There is no way to read it but to set it; nobody else has this one any more.
        _own.umask = os.umask(0o022)
    os.umask(_own.umask)
    os.chdir(path)


def has_private_directory() -> bool:
    """Tell whether the current thread has a working directory of its own."""
    return hasattr(_own, "umask")


def enter_home_directory(_directory: str) -> None:
    """Enter the working directory of the process, from a thread that shares another job's."""
    enter_private_directory(str(Path(f"/proc/{os.getpid()}/cwd").readlink()))


def restore_umask() -> None:
    """Undo what a task did to the umask of its thread, where it is the thread's own."""
    if hasattr(_own, "umask"):
        os.umask(_own.umask)


_probed: list[str | None] = []


def check_private_directories() -> None:
    """Find out, once, whether threads can have a working directory of their own here.

    Raises
    ------
    LauncherError
        If they cannot; the message names the ways out.
    """
    if not _probed:
        found: list[str | None] = []
        probe = threading.Thread(target=lambda: found.append(_probe()), name="xpmnb-probe")
        probe.start()
        probe.join()
        _probed.extend(found)
    if _probed[0] is not None:
        message = (
            f"this system refuses a thread its own working directory ({_probed[0]}): use "
            "launcher='process', or ThreadLauncher(shared_cwd=True), where jobs run in the "
            "kernel's directory and find their own in self.__taskdir__"
        )
        raise LauncherError(message)


def _probe() -> str | None:
    """Try it in this thread, which is thrown away; return what went wrong."""
    try:
        enter_private_directory(os.getcwd())  # noqa: PTH109 (a plain str, for a plain call)
    except (OSError, AttributeError) as error:
        return str(error)
    return None
