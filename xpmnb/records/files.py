"""Atomic writes, bounded reads and locks: the only code that worries about file systems.

Nothing is synchronised to the device: after a power cut the newest files may be missing or empty,
which readers must bear anyway. Names of files belong to ``layout.py``.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
import threading
import time
from contextlib import suppress

__all__ = [
    "PathLock",
    "exists",
    "is_locked",
    "open_for_reading",
    "read_bytes",
    "write_atomic",
    "write_new",
]

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL
# A FIFO with the name of a file must not block its reader. 0 where the system has no such flag.
_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)
_LOCK = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)

# Machines that share a file system may run processes of the same number.
_HOST_TOKEN = os.urandom(4).hex()


def write_new(path: str, data: bytes) -> None:
    """Create a file; the cheapest write there is, for a directory that nobody reads yet.

    Parameters
    ----------
    path
        The file; it must not exist.
    data
        Its whole content.

    Raises
    ------
    FileExistsError
        The file exists: use :func:`write_atomic` to replace it.
    OSError
        The directory is missing or read-only, or the disk is full; no file is left behind.
    """
    fd = os.open(path, _CREATE, 0o666)
    try:
        try:
            _write_all(fd, data)
        finally:
            os.close(fd)
    except BaseException:  # also an asynchronous cancellation: half a file must not stay
        with suppress(OSError):
            os.unlink(path)
        raise


def write_atomic(path: str, data: bytes) -> None:
    """Create or replace a file, so that a reader sees the old content or the new, never a part.

    Parameters
    ----------
    path
        The file. A symbolic link of that name is replaced, not followed.
    data
        Its whole content.

    Raises
    ------
    OSError
        The directory is missing or read-only, or the disk is full; the old content is kept and
        no file is left aside.
    """
    aside = f"{path}.{_HOST_TOKEN}-{os.getpid()}-{threading.get_ident()}~"
    try:
        fd = os.open(aside, _CREATE, 0o666)
        try:
            _write_all(fd, data)
        finally:
            os.close(fd)
        os.replace(aside, path)
    except BaseException:  # also an asynchronous cancellation: half a file must not stay
        with suppress(OSError):
            os.unlink(aside)
        raise


def _write_all(fd: int, data: bytes) -> None:
    written = os.write(fd, data)
    # A signal, a nearly full disk or more than 2 GiB make a write short.
    while written < len(data):
        written += os.write(fd, memoryview(data)[written:])


def read_bytes(path: str, *, limit_bytes: int) -> bytes:
    """Read a file that may be anything.

    Parameters
    ----------
    path
        The file.
    limit_bytes
        A larger file is refused, unread.

    Returns
    -------
    bytes
        The whole content.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    OSError
        It cannot be opened, is no regular file (``EINVAL``) or is too large (``EFBIG``).
    """
    fd = os.open(path, _READ)
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", path)
        if found.st_size > limit_bytes:
            message = f"{found.st_size} bytes are more than the {limit_bytes} that are read"
            raise OSError(errno.EFBIG, message, path)
        data = os.read(fd, found.st_size + 1)
        if len(data) >= found.st_size:
            return data
        parts = [data]
        while part := os.read(fd, 1 << 20):
            parts.append(part)
        return b"".join(parts)
    finally:
        os.close(fd)


def exists(path: str) -> bool:
    """Tell whether there is something of that name, behind links.

    A quarter of what ``os.path.exists`` costs where there is nothing, which is what is usual for
    a job that begins.
    """
    return os.access(path, os.F_OK)


def open_for_reading(path: str) -> int:
    """Open a file that may be anything, also a pipe, without waiting for anybody.

    Returns
    -------
    int
        The descriptor, for the caller to close.

    Raises
    ------
    OSError
        There is no such file, or it cannot be opened.
    """
    return os.open(path, _READ)


class PathLock:
    """An exclusive lock on a file, freed by :meth:`release` or by the death of its process.

    The lock is the system's lock on an open file, so a crash leaves nothing behind; the file
    itself stays. A child that is forked while the lock is held does not keep it alive. Descriptors
    are only open while the lock is held, so thousands of these objects may exist.

    Parameters
    ----------
    path
        The lock file; created by :meth:`acquire`, in a directory that exists.
    is_probed
        Whether others may ask :func:`is_locked` about it, which is told from owning it. Many who
        want the same lock at the same time get it sooner where nobody does.

    Notes
    -----
    Thread line: one thread at a time for each object; any number of objects on one file.
    """

    __slots__ = ("_fd", "_is_probed", "path")

    def __init__(self, path: str, *, is_probed: bool = True) -> None:
        self.path = path
        self._is_probed = is_probed
        self._fd: int | None = None

    @property
    def held(self) -> bool:
        """True between a successful :meth:`acquire` and :meth:`release`."""
        return self._fd is not None

    def acquire(self) -> bool:
        """Take the lock if nobody has it; never waits.

        Returns
        -------
        bool
            False if another object, in this or any other process, has the lock.

        Raises
        ------
        RuntimeError
            This object has the lock already.
        OSError
            The directory is missing (``FileNotFoundError``) or read-only, or the file system
            has no locks (``ENOLCK``, ``ENOSYS``).
        """
        if self._fd is not None:
            raise RuntimeError(f"the lock {self.path} is already held by this object")
        while True:
            fd = os.open(self.path, _LOCK, 0o666)
            locked = False
            try:
                locked = _lock_exclusive(fd, is_probed=self._is_probed)
                # A runner may have moved the directory to the trash after the file was opened; a
                # lock on the file that went with it guards nothing.
                if locked and self._names(fd):
                    _HELD[fd] = self
                    self._fd = fd
                    return True
            finally:
                if self._fd is None:
                    os.close(fd)
            if not locked:
                return False

    @classmethod
    def adopt(cls, fd: int) -> PathLock:
        """Give the lock that a descriptor from another process holds.

        Parameters
        ----------
        fd
            A copy of :meth:`fileno` of a lock there; it belongs to the new object from now on.
        """
        os.set_inheritable(fd, False)  # noqa: FBT003 (takes no keyword)
        lock = cls("")
        lock._fd = fd
        _HELD[fd] = lock
        return lock

    def fileno(self) -> int:
        """Give the descriptor that holds the lock, to be copied to another process.

        Raises
        ------
        ValueError
            The lock is not held.
        """
        if self._fd is None:
            raise ValueError(f"the lock {self.path} is not held")
        return self._fd

    def hand_over(self) -> None:
        """Leave the lock to the copies of its descriptor; freed if there are none.

        Does nothing if the lock is not held.
        """
        fd, self._fd = self._fd, None
        if fd is None:
            return
        # Replaced at once, while a fork would still close it: a child that is forked between two
        # steps must neither keep a copy nor close what has the number next.
        with suppress(OSError):  # no descriptor left: then there is that little risk
            nothing = os.open(os.devnull, os.O_RDONLY)
            os.dup2(nothing, fd, inheritable=False)
            os.close(nothing)
        _HELD.pop(fd, None)
        os.close(fd)

    def release(self) -> None:
        """Give the lock back; does nothing if it is not held."""
        fd, self._fd = self._fd, None
        if fd is None:
            return
        from filelock import unlock_descriptor  # noqa: PLC0415 (see _lock_exclusive)

        _HELD.pop(fd, None)
        try:
            # Closing alone would leave the lock to a copy of the descriptor in a forked child.
            unlock_descriptor(fd)
        finally:
            os.close(fd)

    def _names(self, fd: int) -> bool:
        try:
            return os.path.samestat(os.fstat(fd), os.stat(self.path))
        except FileNotFoundError:
            return False


def is_locked(path: str) -> bool:
    """Tell whether somebody holds the lock of a file, without creating or holding anything.

    Parameters
    ----------
    path
        The file of a :class:`PathLock`.

    Returns
    -------
    bool
        False also when there is no such file. True also when this process holds the lock.

    Raises
    ------
    OSError
        The file cannot be opened, or the file system has no locks.
    """
    try:
        fd = os.open(path, _READ)
    except FileNotFoundError:
        return False
    try:
        return not _lock_shared(fd)
    finally:
        os.close(fd)


def _lock_exclusive(fd: int, *, is_probed: bool) -> bool:
    # 20 ms to import, and those who only read records never need it. Its FileLock would cost 60 us
    # for each job where the bare descriptor costs 6.
    from filelock import lock_descriptor  # noqa: PLC0415

    if lock_descriptor(fd, blocking=False):
        return True
    if not is_probed:
        return False
    # A probe (is_locked) holds a shared lock for some microseconds: longer if its thread is
    # suspended just then. It must not be taken for an owner, who would exclude a shared lock too.
    for _ in range(200):
        if not _lock_shared(fd):
            return False
        if lock_descriptor(fd, blocking=False):
            return True
        time.sleep(0.0005)
    return False


if sys.platform == "win32":

    def _lock_shared(fd: int) -> bool:
        # Only exclusive locks are offered here, so two probes can take each other for an owner.
        from filelock import lock_descriptor  # noqa: PLC0415 (see _lock_exclusive)

        return lock_descriptor(fd, blocking=False)

else:
    import fcntl

    def _lock_shared(fd: int) -> bool:
        # The counterpart of lock_descriptor, which is flock on these systems. Shared, so that
        # probes do not see each other, and a descriptor opened for reading is enough on NFS.
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.EACCES):
                return False
            raise
        return True


_HELD: dict[int, PathLock] = {}


def _forget_locks() -> None:
    # A child that outlives a killed parent would otherwise keep its jobs "running".
    for fd, lock in _HELD.items():
        lock._fd = None  # noqa: SLF001 (of this file)
        with suppress(OSError):
            os.close(fd)
    _HELD.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_locks)
