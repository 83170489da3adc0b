"""Holding some of a set of lock files: all or nothing, passed on, and freed by death."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from tests.support.processes import ROOT
from xpmnb.records.claims import (
    MAX_COUNT,
    Claim,
    Holding,
    count_free,
    files_now,
    merge_claims,
    read_count,
    take,
    write_count,
)
from xpmnb.records.files import PathLock, is_locked
from xpmnb.records.layout import WorkspaceLayout, token_census, token_slot

ADOPTER = r"""
import os, socket, sys
from xpmnb.records.claims import Holding
sock = socket.socket(fileno=int(sys.argv[1]))
_, fds, _, _ = socket.recv_fds(sock, 1, 10)
holding = Holding.adopt(fds)
count = len(holding.fds())
if sys.argv[2] == "forks":
    if os.fork() == 0:
        print(count, flush=True)
        os.read(0, 1)
        os._exit(0)
else:
    print(count, flush=True)
for word in sys.stdin:
    if word == "release\n":
        holding.release()
        print("released", flush=True)
"""


@pytest.fixture
def folder(tmp_path: Path) -> str:
    """Return the folder of a token."""
    return WorkspaceLayout(tmp_path).token("gpu")


def claim(folder: str, count: int, there_are: int, *, declared: bool = True) -> Claim:
    """Return a claim on a token, whose number is on disk if it is declared."""
    if declared:
        write_count(token_census(folder), there_are)
    files = tuple(token_slot(folder, number) for number in range(there_are))
    return Claim(files, count, "gpu", token_census(folder))


def got(claims: list[Claim]) -> Holding:
    """Take what must be free."""
    holding = take(claims)
    assert holding is not None
    return holding


@contextmanager
def adopting(holding: Holding, way: str = "") -> Iterator[tuple[subprocess.Popen[str], IO[str]]]:
    """Pass copies of the descriptors to another process, which has adopted them."""
    ours, theirs = socket.socketpair()
    with (
        ours,
        theirs,
        subprocess.Popen(
            [sys.executable, "-c", ADOPTER, str(theirs.fileno()), way],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=[theirs.fileno()],
            text=True,
            cwd=ROOT,
        ) as running,
    ):
        assert running.stdin is not None
        assert running.stdout is not None
        try:
            socket.send_fds(ours, [b"x"], list(holding.fds()))
            assert running.stdout.readline() == f"{len(holding.fds())}\n"
            yield running, running.stdout
        finally:
            running.kill()
            running.stdin.close()


def test_some_of_the_files_are_held_until_released(folder: str) -> None:
    """Two of three are taken, one is left; a release gives all back, and again does nothing."""
    asked = claim(folder, 2, 3)
    holding = got([asked])
    assert len(holding.fds()) == 2
    assert count_free(asked) == 1
    assert take([asked]) is None
    assert count_free(asked) == 1
    holding.release()
    holding.release()
    assert holding.fds() == ()
    assert count_free(asked) == 3


def test_nothing_is_taken_unless_all_is_there(tmp_path: Path) -> None:
    """A request for several things that lacks one of them holds none."""
    layout = WorkspaceLayout(tmp_path)
    gpu, disk = claim(layout.token("gpu"), 1, 1), claim(layout.token("disk"), 1, 1)
    before = len(os.listdir("/dev/fd"))
    holding = got([disk])
    assert take([gpu, disk]) is None
    assert count_free(gpu) == 1
    holding.release()
    both = got([gpu, disk])
    assert (count_free(gpu), count_free(disk)) == (0, 0)
    both.release()
    assert len(os.listdir("/dev/fd")) == before


def test_the_number_may_be_changed(folder: str) -> None:
    """A raised number lets more in; after a lowered one, those held beyond it count as well."""
    asked = claim(folder, 1, 2)
    holdings = [got([asked]), got([asked])]
    assert take([asked]) is None
    write_count(token_census(folder), 3)
    holdings.append(got([asked]))
    write_count(token_census(folder), 1)
    holdings.pop(0).release()
    assert count_free(asked) == -1
    assert take([asked]) is None
    holdings.pop().release()
    assert count_free(asked) == 0
    assert take([asked]) is None
    holdings.pop().release()
    got([asked]).release()


def test_a_deleted_folder_is_made_again(folder: str) -> None:
    """A claim on a token whose folder is gone is on as many as there were."""
    asked = claim(folder, 2, 2)
    shutil.rmtree(folder)
    holding = got([asked])
    assert take([asked]) is None
    holding.release()


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"count": "2"}', b'{"count": 0}', b'{"count": true}', b"\xff"]
)
def test_a_damaged_number_is_none(folder: str, content: bytes) -> None:
    """What is no number is read as none, and claims go by what there was."""
    asked = claim(folder, 1, 2)
    Path(token_census(folder)).write_bytes(content)
    assert read_count(token_census(folder)) is None
    assert files_now(asked) == asked.files


def test_an_absurd_number_is_none(folder: str) -> None:
    """A number that would make thousands of lock files is damage."""
    claim(folder, 1, 2)
    Path(token_census(folder)).write_text(f'{{"count": {MAX_COUNT + 1}}}')
    assert read_count(token_census(folder)) is None


def test_a_missing_number_is_an_error(folder: str) -> None:
    """A token that nobody declared is told apart from a damaged one."""
    with pytest.raises(FileNotFoundError):
        read_count(token_census(folder))


def test_claims_on_the_same_are_added(tmp_path: Path) -> None:
    """Two claims on a token are one on the sum; two on the same directory are one on it."""
    gpu = claim(str(tmp_path / "gpu"), 1, 4)
    lock = Claim((str(tmp_path / "lock"),), 1, "directory")
    merged = merge_claims([gpu, lock, gpu, lock])
    assert [(each.label, each.count) for each in merged] == [("gpu", 2), ("directory", 1)]
    holding = got(list(merged))
    assert len(holding.fds()) == 3
    holding.release()


def test_what_is_no_lock_file_is_an_error_and_takes_nothing(folder: str) -> None:
    """A folder with the name of a lock file is named by the error; what was taken is given back."""
    asked = claim(folder, 2, 2)
    Path(token_slot(folder, 1)).mkdir(parents=True)
    with pytest.raises(IsADirectoryError, match="slot-1"):
        take([asked])
    assert not is_locked(token_slot(folder, 0))


def test_a_copy_in_another_process_keeps_the_lock_until_its_death(folder: str) -> None:
    """After the kernel closed its own descriptors, the other process holds; kill -9 frees."""
    asked = claim(folder, 2, 2)
    holding = got([asked])
    before = len(os.listdir("/dev/fd"))
    with adopting(holding) as (running, _):
        holding.close_without_unlocking()
        holding.close_without_unlocking()
        holding.release()
        assert count_free(asked) == 0
        running.kill()
        running.wait(10)
        assert count_free(asked) == 2
    assert len(os.listdir("/dev/fd")) == before - 2


def test_a_release_frees_also_where_another_process_has_copies(folder: str) -> None:
    """Either side may give back what both have open."""
    asked = claim(folder, 1, 1)
    holding = got([asked])
    with adopting(holding):
        holding.release()
        assert count_free(asked) == 1
    holding = got([asked])
    with adopting(holding) as (running, said):
        assert running.stdin is not None
        running.stdin.write("release\n")
        running.stdin.flush()
        assert said.readline() == "released\n"
        assert count_free(asked) == 1
    holding.release()


def test_a_child_of_the_adopter_does_not_keep_the_lock(folder: str) -> None:
    """A process that a job forked and left behind holds no token after the job's death."""
    asked = claim(folder, 1, 1)
    holding = got([asked])
    with adopting(holding, "forks") as (running, _):
        holding.close_without_unlocking()
        running.kill()
        running.wait(10)
        assert count_free(asked) == 1


def test_a_lock_that_nobody_holds_has_no_descriptor(tmp_path: Path) -> None:
    """Asking a free lock for its descriptor is a mistake that is told."""
    lock = PathLock(str(tmp_path / "lock"))
    with pytest.raises(ValueError, match="not held"):
        lock.fileno()
    lock.hand_over()
    assert lock.acquire()
    lock.hand_over()
    assert not lock.held
    assert not is_locked(lock.path)
