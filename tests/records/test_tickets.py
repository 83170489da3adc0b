"""The line on disk: order by tickets, the dead and the foreign, and what cannot be used."""

import errno
import json
import os
import shutil
from pathlib import Path

import pytest

from xpmnb.errors import WorkspaceError
from xpmnb.records import tickets
from xpmnb.records.claims import Claim, Holding, write_count
from xpmnb.records.files import PathLock
from xpmnb.records.layout import WorkspaceLayout, token_census, token_slot
from xpmnb.records.tickets import Ticket, TicketQueue


@pytest.fixture
def layout(tmp_path: Path) -> WorkspaceLayout:
    """Return a workspace that has 2 of "gpu"."""
    layout = WorkspaceLayout(tmp_path)
    write_count(token_census(layout.token("gpu")), 2)
    return layout


def gpus(layout: WorkspaceLayout, count: int) -> list[Claim]:
    """Return a claim on some of the two."""
    folder = layout.token("gpu")
    files = (token_slot(folder, 0), token_slot(folder, 1))
    return [Claim(files, count, "gpu", token_census(folder))]


def held(found: Holding | Ticket | None) -> Holding:
    """Return what must have been taken."""
    assert isinstance(found, Holding)
    return found


def waits(found: Holding | Ticket | None) -> Ticket:
    """Return the ticket of somebody who must wait."""
    assert isinstance(found, Ticket)
    return found


def test_who_came_first_is_served_first(layout: WorkspaceLayout) -> None:
    """A request for all waits for the last holder, and a later request for one waits for it."""
    queue, other = TicketQueue(layout), TicketQueue(layout)
    one = held(queue.take(gpus(layout, 1), None))
    both = waits(queue.take(gpus(layout, 2), None))
    later = waits(other.take(gpus(layout, 1), None))
    one.release()
    assert other.take(gpus(layout, 1), later) is later
    all_of_them = held(queue.take(gpus(layout, 2), both))
    assert other.take(gpus(layout, 1), later) is later
    all_of_them.release()
    held(other.take(gpus(layout, 1), later)).release()
    assert os.listdir(layout.token_queue) == ["lock"]


def test_who_leaves_the_line_holds_up_nobody(layout: WorkspaceLayout) -> None:
    """A removed ticket counts no more; removing it again does nothing."""
    queue = TicketQueue(layout)
    one = held(queue.take(gpus(layout, 1), None))
    both = waits(queue.take(gpus(layout, 2), None))
    later = waits(queue.take(gpus(layout, 1), None))
    both.remove()
    both.remove()
    held(queue.take(gpus(layout, 1), later)).release()
    one.release()


def test_who_waits_for_more_than_there_is_holds_up_nobody(layout: WorkspaceLayout) -> None:
    """After the number was lowered, a request for more waits, and the others pass it."""
    queue = TicketQueue(layout)
    one = held(queue.take(gpus(layout, 1), None))
    both = waits(queue.take(gpus(layout, 2), None))
    write_count(token_census(layout.token("gpu")), 1)
    one.release()
    assert queue.take(gpus(layout, 2), both) is both
    one = held(queue.take(gpus(layout, 1), None))
    write_count(token_census(layout.token("gpu")), 2)
    later = waits(queue.take(gpus(layout, 1), None))
    one.release()
    held(queue.take(gpus(layout, 2), both)).release()
    later.remove()


def test_tickets_of_the_dead_and_the_foreign_do_not_count(layout: WorkspaceLayout) -> None:
    """A ticket without owner is removed; what is no ticket is left alone, and neither counts."""
    queue = TicketQueue(layout)
    folder = Path(layout.token_queue)
    folder.mkdir()
    needs = json.dumps({"needs": {"tokens/gpu": 2}})
    (folder / "000000000001-host-1").write_text(needs)
    (folder / "000000000002-host-1").mkdir()
    (folder / "notes.txt").write_text(needs)
    held(queue.take(gpus(layout, 1), None)).release()
    assert sorted(os.listdir(folder)) == ["000000000002-host-1", "lock", "notes.txt"]


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"\xff", b'{"needs": 3}', b'{"needs": {"tokens/gpu": 1000000000}}'],
)
def test_a_ticket_that_cannot_be_read_holds_up_nobody(
    layout: WorkspaceLayout, content: bytes
) -> None:
    """A living owner's ticket of another version, or a damaged one, is passed over."""
    os.makedirs(layout.token_queue)
    path = Path(layout.token_queue, "000000000001-host-1")
    path.write_bytes(content)
    lock = PathLock(str(path))
    assert lock.acquire()
    held(TicketQueue(layout).take(gpus(layout, 2), None)).release()
    assert path.read_bytes() == content
    lock.release()


def test_a_deleted_line_is_made_again(layout: WorkspaceLayout) -> None:
    """When the folder is deleted, who waits gets a new ticket and the token in the end."""
    queue = TicketQueue(layout)
    both = held(queue.take(gpus(layout, 2), None))
    first = waits(queue.take(gpus(layout, 1), None))
    shutil.rmtree(layout.token_queue)
    again = waits(queue.take(gpus(layout, 1), first))
    assert again is not first
    both.release()
    held(queue.take(gpus(layout, 1), again)).release()


def test_nobody_waits_for_another_one_at_the_line(
    layout: WorkspaceLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a stopped process stands at the line, a call returns, and can be made again."""
    monkeypatch.setattr(tickets, "_PAUSE_S", 0.0)
    os.makedirs(layout.token_queue)
    lock = PathLock(f"{layout.token_queue}/lock")
    assert lock.acquire()
    queue = TicketQueue(layout)
    assert queue.take(gpus(layout, 1), None) is None
    lock.release()
    held(queue.take(gpus(layout, 1), None)).release()


def test_a_full_disk_costs_the_place_only(
    layout: WorkspaceLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who can leave no ticket gets the token all the same, when it is free."""
    queue = TicketQueue(layout)
    both = held(queue.take(gpus(layout, 2), None))

    def full(_fd: int, _data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        assert queue.take(gpus(layout, 1), None) is None
    assert os.listdir(layout.token_queue) == ["lock"]
    both.release()
    held(queue.take(gpus(layout, 1), None)).release()


def test_a_foreign_file_in_the_way_is_named(tmp_path: Path) -> None:
    """A workspace whose folder of tokens cannot be made is a clear error."""
    (tmp_path / "tokens").write_text("mine")
    layout = WorkspaceLayout(tmp_path)
    with pytest.raises(WorkspaceError, match=r"cannot be used.*tokens.*make its folder"):
        TicketQueue(layout).take(gpus(layout, 1), None)
