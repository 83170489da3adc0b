"""Atomic writes, bounded reads, and locks that live and die with their process."""

import errno
import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from xpmnb.records import files
from xpmnb.records.files import PathLock, is_locked, read_bytes, write_atomic, write_new

HOLDER = """
import sys
from xpmnb.records.files import PathLock
lock = PathLock(sys.argv[1])
print(lock.acquire(), flush=True)
sys.stdin.read()
"""

FORKER = r"""
import os, sys
from xpmnb.records.files import PathLock
lock = PathLock(sys.argv[1])
lock.acquire()
if os.fork() == 0:
    os.write(1, b"held\n" if lock.held else b"free\n")
    sys.stdin.read()
    os._exit(0)
os.write(1, b"parent\n")
sys.stdin.read()
"""


@contextmanager
def process(code: str, path: Path) -> Iterator[tuple[subprocess.Popen[str], IO[str]]]:
    """Run a program that has said one line; it ends when its input does."""
    command = [sys.executable, "-c", code, str(path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        try:
            yield running, running.stdout
        finally:
            running.kill()


def test_write_new_writes_and_never_replaces(tmp_path: Path) -> None:
    """A second write of a new file is refused and harms nothing."""
    path = tmp_path / "a"
    write_new(str(path), b"one")
    with pytest.raises(FileExistsError):
        write_new(str(path), b"two")
    assert path.read_bytes() == b"one"


def test_write_atomic_creates_and_replaces(tmp_path: Path) -> None:
    """The new content is there, and no file aside."""
    path = tmp_path / "a.json"
    write_atomic(str(path), b"one")
    write_atomic(str(path), b"two")
    assert path.read_bytes() == b"two"
    assert list(tmp_path.iterdir()) == [path]


def test_write_atomic_does_not_follow_a_link(tmp_path: Path) -> None:
    """A symbolic link with the name of a file is replaced; what it led to is untouched."""
    outside = tmp_path / "outside"
    outside.write_bytes(b"precious")
    link = tmp_path / "link"
    link.symlink_to(outside)
    write_atomic(str(link), b"new")
    assert outside.read_bytes() == b"precious"
    assert not link.is_symlink()


@pytest.mark.parametrize("write", [write_new, write_atomic])
def test_a_full_disk_leaves_no_part_of_a_file(
    write: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the disk takes only a part, the error is raised and nothing new is left behind."""
    real = os.write
    calls = []

    def half(fd: int, data: bytes) -> int:
        calls.append(len(data))
        if len(calls) > 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(fd, data[: len(data) // 2])

    monkeypatch.setattr(os, "write", half)
    assert callable(write)
    with pytest.raises(OSError, match="No space"):
        write(str(tmp_path / "a"), b"0123456789")
    assert calls == [10, 5]
    assert list(tmp_path.iterdir()) == []


def test_a_short_write_is_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that was cut by a signal goes on where it stopped."""
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, data[:3]))
    write_atomic(str(tmp_path / "a"), b"0123456789")
    assert (tmp_path / "a").read_bytes() == b"0123456789"


def test_atomic_writers_never_show_a_mixture(tmp_path: Path) -> None:
    """Readers see the whole content of one of several writing threads."""
    path = str(tmp_path / "a")
    contents = [bytes([digit]) * 10_000 for digit in b"abcd"]
    write_atomic(path, contents[0])

    def write_often(data: bytes) -> None:
        for _ in range(50):
            write_atomic(path, data)

    threads = [threading.Thread(target=write_often, args=(data,)) for data in contents]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert read_bytes(path, limit_bytes=20_000) in contents
    for thread in threads:
        thread.join()
    assert len(list(tmp_path.iterdir())) == 1


def test_read_bytes_refuses_what_is_too_large_or_no_file(tmp_path: Path) -> None:
    """Huge files, directories and pipes are errors at once; a missing file is FileNotFoundError."""
    huge = tmp_path / "huge"
    huge.touch()
    os.truncate(huge, 1 << 40)
    with pytest.raises(OSError, match="more than the 100") as caught:
        read_bytes(str(huge), limit_bytes=100)
    assert caught.value.errno == errno.EFBIG
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", "."):
        with pytest.raises(OSError, match="not a regular file"):
            read_bytes(str(tmp_path / name), limit_bytes=100)
    with pytest.raises(FileNotFoundError):
        read_bytes(str(tmp_path / "missing"), limit_bytes=100)


def test_a_lock_excludes_others_until_released(tmp_path: Path) -> None:
    """One object has the lock; another gets it after the release, and holds no file open before."""
    path = str(tmp_path / "lock")
    first, second = PathLock(path), PathLock(path)
    assert first.acquire()
    assert first.held
    assert not second.acquire()
    assert not second.held
    assert is_locked(path)
    first.release()
    first.release()
    assert not is_locked(path)
    assert second.acquire()
    second.release()


def test_a_lock_is_not_taken_twice_by_its_holder(tmp_path: Path) -> None:
    """Taking a lock that the object has is a mistake that is told."""
    lock = PathLock(str(tmp_path / "lock"))
    assert lock.acquire()
    with pytest.raises(RuntimeError, match="already held"):
        lock.acquire()
    lock.release()


def test_asking_creates_no_file(tmp_path: Path) -> None:
    """A probe of a missing lock is False and leaves the directory as it was."""
    assert not is_locked(str(tmp_path / "lock"))
    assert list(tmp_path.iterdir()) == []


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    """Locks that were released or refused hold no file."""
    before = len(os.listdir("/dev/fd"))
    path = str(tmp_path / "lock")
    owner = PathLock(path)
    others = [PathLock(path) for _ in range(20)]
    owner.acquire()
    assert not any(lock.acquire() for lock in others)
    owner.release()
    assert len(os.listdir("/dev/fd")) == before


def test_a_lock_whose_directory_was_moved_guards_the_new_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is moved away between opening and locking is not what gets locked."""
    path = tmp_path / "job" / "lock"
    path.parent.mkdir()
    real = files._lock_exclusive
    moved: list[Path] = []

    def move_first(fd: int, *, is_probed: bool) -> bool:
        if not moved:
            moved.append(path.parent.rename(tmp_path / "trash"))
            path.parent.mkdir()
        return real(fd, is_probed=is_probed)

    monkeypatch.setattr(files, "_lock_exclusive", move_first)
    lock = PathLock(str(path))
    assert lock.acquire()
    assert is_locked(str(path))
    assert not is_locked(str(tmp_path / "trash" / "lock"))
    lock.release()


def test_a_lock_without_directory_is_an_error(tmp_path: Path) -> None:
    """Locking in a directory that is gone is FileNotFoundError, and the object stays usable."""
    lock = PathLock(str(tmp_path / "gone" / "lock"))
    with pytest.raises(FileNotFoundError):
        lock.acquire()
    (tmp_path / "gone").mkdir()
    assert lock.acquire()
    lock.release()


def test_a_lock_does_not_follow_a_link(tmp_path: Path) -> None:
    """A symbolic link with the name of a lock creates nothing outside."""
    (tmp_path / "lock").symlink_to(tmp_path / "outside")
    with pytest.raises(OSError, match="symbolic"):
        PathLock(str(tmp_path / "lock")).acquire()
    assert not (tmp_path / "outside").exists()


def test_probes_are_never_taken_for_owners(tmp_path: Path) -> None:
    """However many threads ask whether a lock is held, taking the free lock succeeds."""
    path = str(tmp_path / "lock")
    lock = PathLock(path)
    assert lock.acquire()
    lock.release()
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            is_locked(path)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(300):
            assert lock.acquire()
            lock.release()
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_a_suspended_probe_only_delays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a probe holds its shared lock, an acquirer waits for it instead of giving up."""
    path = tmp_path / "lock"
    path.touch()
    probe = os.open(path, os.O_RDONLY)
    fcntl.flock(probe, fcntl.LOCK_SH)
    waits: list[float] = []

    def probe_ends(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            fcntl.flock(probe, fcntl.LOCK_UN)

    monkeypatch.setattr(time, "sleep", probe_ends)
    lock = PathLock(str(path))
    assert lock.acquire()
    assert len(waits) == 3
    lock.release()
    os.close(probe)


def test_probes_do_not_see_each_other(tmp_path: Path) -> None:
    """A lock that is only asked about is never reported as held."""
    path = str(tmp_path / "lock")
    Path(path).touch()
    seen: list[bool] = []
    threads = [
        threading.Thread(target=lambda: seen.extend(is_locked(path) for _ in range(500)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [False] * 2000


def test_a_killed_process_frees_its_lock(tmp_path: Path) -> None:
    """The lock of another process is seen as held, and is free once that process was killed."""
    path = tmp_path / "lock"
    with process(HOLDER, path) as (running, said):
        assert said.readline() == "True\n"
        assert is_locked(str(path))
        assert not PathLock(str(path)).acquire()
        running.send_signal(signal.SIGKILL)
        running.wait(10)
        assert not is_locked(str(path))
        lock = PathLock(str(path))
        assert lock.acquire()
        lock.release()


def test_a_forked_child_does_not_keep_the_lock_of_a_killed_parent(tmp_path: Path) -> None:
    """A child that was forked while the lock was held does not hold it, though it lives on."""
    path = tmp_path / "lock"
    with process(FORKER, path) as (running, said):
        assert {said.readline(), said.readline()} == {"free\n", "parent\n"}
        assert is_locked(str(path))
        running.send_signal(signal.SIGKILL)
        running.wait(10)
        assert not is_locked(str(path))
