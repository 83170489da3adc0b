"""The pause of the garbage collector ends with its block, whatever happens in it."""

import gc
from pathlib import Path

import pytest

from xpmnb.records.collector import collector_paused
from xpmnb.records.workspace import WorkspaceRecords


def test_the_collector_is_as_before_after_the_block() -> None:
    """A pause ends with its block, also by an error, and a collector that was off stays off."""
    with collector_paused():
        assert not gc.isenabled()
        with collector_paused():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(KeyError), collector_paused():
        raise KeyError
    assert gc.isenabled()
    gc.disable()
    try:
        with collector_paused():
            assert not gc.isenabled()
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_reading_leaves_the_collector_on(tmp_path: Path) -> None:
    """Reading all records of a workspace changes nothing that lasts."""
    assert WorkspaceRecords(tmp_path).all_records() == []
    assert gc.isenabled()
