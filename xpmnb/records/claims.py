"""What a job must hold while it runs, and holding it: locks on files that several may share.

Who may take what first is decided in ``tickets.py``; there is no order here.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from .files import PathLock, is_locked, read_bytes, write_atomic
from .json_values import as_integer, as_mapping
from .layout import token_slot

__all__ = [
    "MAX_COUNT",
    "MAX_HELD",
    "Claim",
    "Holding",
    "count_free",
    "files_now",
    "merge_claims",
    "read_count",
    "take",
    "write_count",
]

MAX_COUNT = 1000
"""At most so many of a token: whoever takes one looks at the lock of each."""

MAX_HELD = 250
"""At most so many can a job hold: Linux passes 253 descriptors with one message."""

_MAX_CENSUS_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Claim:
    """What a job must hold: some of a set of lock files, no matter which. Immutable; any thread."""

    files: tuple[str, ...]
    """The lock files there were when the claim was made; at least one."""
    count: int
    """How many of them."""
    label: str
    """What they stand for, in a word."""
    census: str | None = None
    """The file that says how many there are now; None where that never changes."""

    @property
    def key(self) -> str:
        """The path by which claims on the same files are known."""
        return self.files[0] if self.census is None else os.path.dirname(self.census)


class Holding:
    """The locks that a job holds; freed by :meth:`release`, or by the death of all who hold them.

    Parameters
    ----------
    locks
        Locks that are held.

    Notes
    -----
    Thread line: one thread at a time.
    """

    __slots__ = ("_locks",)

    def __init__(self, locks: Sequence[PathLock] = ()) -> None:
        self._locks = tuple(locks)

    @classmethod
    def adopt(cls, fds: Iterable[int]) -> Holding:
        """Give the holding whose descriptors came from another process.

        Children that this process forks later do not keep the locks alive. A fork server must not
        call this: its child does, after the fork.

        Parameters
        ----------
        fds
            Copies of :meth:`fds`; they belong to the holding from now on.
        """
        return cls([PathLock.adopt(fd) for fd in fds])

    def fds(self) -> tuple[int, ...]:
        """Give the locked descriptors, to be passed to another process; none after the end."""
        return tuple(lock.fileno() for lock in self._locks)

    def close_without_unlocking(self) -> None:
        """Leave the locks to those who have copies of the descriptors. Again, it does nothing."""
        locks, self._locks = self._locks, ()
        for lock in locks:
            lock.hand_over()

    def release(self) -> None:
        """Give all back, also if another process has copies. Again, it does nothing."""
        locks, self._locks = self._locks, ()
        with ExitStack() as each:  # an error keeps none of the others
            for lock in locks:
                each.callback(lock.release)


def read_count(census: str) -> int | None:
    """Read how many there are of a token.

    Returns
    -------
    int or None
        None where the file is damaged.

    Raises
    ------
    FileNotFoundError
        There is no such token.
    OSError
        The file cannot be read.
    """
    data = read_bytes(census, limit_bytes=_MAX_CENSUS_BYTES)
    try:
        content = as_mapping(json.loads(data))
    except (ValueError, RecursionError):
        return None
    count = as_integer((content or {}).get("count"))
    return count if count is not None and 1 <= count <= MAX_COUNT else None


def write_count(census: str, count: int) -> None:
    """Write how many there are of a token, and make its folder.

    Raises
    ------
    OSError
        The place is read-only, or the disk is full; the old count is kept.
    """
    os.makedirs(os.path.dirname(census), exist_ok=True)
    write_atomic(census, json.dumps({"format": 1, "count": count}).encode())


def files_now(claim: Claim) -> tuple[str, ...]:
    """Give the lock files that a claim may take from: as many as there are now.

    Somebody may have changed the number since the claim was made; if nobody knows it any more,
    it is what it was.
    """
    if claim.census is None:
        return claim.files
    try:
        count = read_count(claim.census)
    except OSError:
        count = None
    if count is None:
        return claim.files
    folder = os.path.dirname(claim.census)
    return tuple(token_slot(folder, number) for number in range(count))


def merge_claims(claims: Iterable[Claim]) -> tuple[Claim, ...]:
    """Give claims on different things only: those on the same are added, up to all there is."""
    merged: dict[str, Claim] = {}
    for claim in claims:
        same = merged.get(claim.key)
        if same is not None:
            count = min(same.count + claim.count, len(claim.files))
            merged[claim.key] = replace(claim, count=count)
        else:
            merged[claim.key] = claim
    return tuple(merged.values())


def take(claims: Iterable[Claim]) -> Holding | None:
    """Take all that is claimed, or nothing; never waits.

    Two who take from the same files at the same time may both get nothing: let one in at a time.

    Parameters
    ----------
    claims
        Claims on different things.

    Returns
    -------
    Holding or None
        None if others have too much.

    Raises
    ------
    OSError
        A lock file can be neither made nor opened; nothing is taken.
    """
    taken: list[PathLock] = []
    complete = False
    try:
        for claim in claims:
            if not _take_one(claim, taken):
                return None
        complete = True
        return Holding(taken)
    finally:
        if not complete:
            Holding(taken).release()


def count_free(claim: Claim) -> int:
    """Count how many nobody holds of the things of a claim; negative after a number was lowered."""
    files = files_now(claim)
    return len(_unlocked(files)) - _held_beyond(claim, len(files))


def _take_one(claim: Claim, taken: list[PathLock]) -> bool:
    """Add the locks of a claim to what was taken; False if there are not enough."""
    files = files_now(claim)
    free = _unlocked(files)
    if len(free) - _held_beyond(claim, len(files)) < claim.count:
        return False
    missing = claim.count
    for path in free:
        lock = PathLock(path)
        if _acquire(lock):
            taken.append(lock)
            missing -= 1
            if not missing:
                return True
    return False


def _unlocked(files: tuple[str, ...]) -> list[str]:
    return [path for path in files if not is_locked(path)]


def _held_beyond(claim: Claim, count: int) -> int:
    """Count those held yet that were given out before the number was lowered."""
    if claim.census is None:
        return 0
    held, number = 0, count
    folder = os.path.dirname(claim.census)
    while number < MAX_COUNT and os.path.lexists(path := token_slot(folder, number)):
        held += is_locked(path)
        number += 1
    return held


def _acquire(lock: PathLock) -> bool:
    try:
        return lock.acquire()
    except FileNotFoundError:  # the first one ever, or somebody deleted the folder
        os.makedirs(os.path.dirname(lock.path), exist_ok=True)
        return lock.acquire()
