"""Following journals and log files: each call gives what is new, whatever became of the file."""

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpmnb.records import following
from xpmnb.records.following import JournalFollower, TextFollower
from xpmnb.records.journal import JournalWriter, encode_line, read_journal

scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
entries = st.lists(st.dictionaries(st.text(max_size=3), scalars, max_size=3), max_size=6)
damage = st.sampled_from([b"\n", b"{\n", b"[1]\n", b"\xff\xfe\n", b'"\n', b"\0\0\n", b"  \n"])
pieces = st.lists(st.integers(1, 40), max_size=30)


def append(path: Path, data: bytes) -> None:
    """Write at the end of a file."""
    with path.open("ab") as file:
        file.write(data)


def in_pieces(data: bytes, sizes: list[int]) -> list[bytes]:
    """Cut bytes into parts of the given sizes, and the rest."""
    parts = []
    for size in sizes:
        parts.append(data[:size])
        data = data[size:]
    return [*parts, data]


@given(st.lists(entries | damage, max_size=5), pieces, st.integers(1, 50))
def test_any_split_of_writes_gives_the_same_entries(
    parts: list[list[dict[str, Any]] | bytes], sizes: list[int], step_bytes: int
) -> None:
    """However writes and looks are cut, the entries are those that a reader of the whole finds."""
    data = b"".join(
        part if isinstance(part, bytes) else b"".join(map(encode_line, part)) for part in parts
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "events.jsonl")
        follower = JournalFollower(str(path), step_bytes=step_bytes)
        found = follower.read_new()
        for piece in in_pieces(data, sizes):
            append(path, piece)
            found += follower.read_new()
        while follower.behind:
            found += follower.read_new()
        assert found == read_journal(str(path)).entries
        assert follower.read_new() == []
        assert follower.restarts == 0


@given(st.binary(max_size=80) | st.text(max_size=40).map(str.encode), pieces, st.integers(1, 50))
def test_any_split_of_text_gives_the_same_text(
    data: bytes, sizes: list[int], step_bytes: int
) -> None:
    """Characters that are cut by writes or looks are whole, and foreign bytes are shown."""
    data += b"."  # ends no character in the middle
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "train.out")
        follower = TextFollower(str(path), step_bytes=step_bytes)
        text = follower.read_new()
        for piece in in_pieces(data, sizes):
            append(path, piece)
            text += follower.read_new()
        while follower.behind:
            text += follower.read_new()
        assert text == data.decode(errors="backslashreplace")


def test_a_line_is_given_once_it_is_whole(tmp_path: Path) -> None:
    """The beginning of a line is kept, and comes with its end."""
    path = tmp_path / "events.jsonl"
    follower = JournalFollower(str(path))
    assert follower.read_new() == []
    append(path, b'{"a": 1}\n{"b"')
    assert follower.read_new() == [{"a": 1}]
    assert follower.read_new() == []
    append(path, b": 2}")
    assert follower.read_new() == []
    append(path, b"\n")
    assert follower.read_new() == [{"b": 2}]


def test_the_line_of_a_killed_writer_costs_itself_only(tmp_path: Path) -> None:
    """A torn line that another writer ended does not hide what follows."""
    path = tmp_path / "events.jsonl"
    follower = JournalFollower(str(path))
    append(path, b'{"torn": ')
    assert follower.read_new() == []
    writer = JournalWriter(str(path))
    writer.append({"a": 1})
    assert follower.read_new() == [{"a": 1}]
    writer.close()


@pytest.mark.parametrize("longer", [False, True])
@pytest.mark.parametrize("way", ["replace", "rewrite", "delete"])
def test_a_replaced_file_is_read_from_its_beginning(tmp_path: Path, way: str, longer: bool) -> None:
    """A file that was replaced, cut or made anew is read whole, and it can be told that it was."""
    path = tmp_path / "events.jsonl"
    follower = JournalFollower(str(path))
    append(path, b'{"old": 1}\n{"old": 2}\n{"par')
    assert len(follower.read_new()) == 2
    new = [{"new": number} for number in range(5 if longer else 1)]
    data = b"".join(map(encode_line, new))
    if way == "replace":
        (tmp_path / "aside").write_bytes(data)
        os.replace(tmp_path / "aside", path)
    elif way == "delete":
        path.unlink()
        assert follower.read_new() == []
        path.write_bytes(data)
    else:
        path.write_bytes(data)
    assert follower.read_new() == new
    assert follower.restarts == 1


def test_another_file_that_begins_alike_is_another_file(tmp_path: Path) -> None:
    """A file that replaced another one is read whole, also if it has all of the first in it."""
    path = tmp_path / "train.out"
    path.write_text("one\n")
    follower = TextFollower(str(path))
    assert follower.read_new() == "one\n"
    (tmp_path / "aside").write_text("one\ntwo\n")
    os.replace(tmp_path / "aside", path)
    assert follower.read_new() == "one\ntwo\n"


def test_a_cut_file_gives_its_new_text(tmp_path: Path) -> None:
    """A log file that was emptied is followed from its new beginning, in whole characters."""
    path = tmp_path / "train.out"
    follower = TextFollower(str(path))
    append(path, b"first \xe2\x82")
    assert follower.read_new() == "first "
    path.write_bytes(b"")
    assert follower.read_new() == ""
    append(path, "€".encode())
    assert follower.read_new() == "€"


def test_what_is_no_file_gives_nothing(tmp_path: Path) -> None:
    """A folder, a pipe and a path through a file are nothing, and do not block."""
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").touch()
    for name in ("folder", "pipe", "file/events.jsonl", "missing"):
        assert JournalFollower(str(tmp_path / name)).read_new() == []
        assert TextFollower(str(tmp_path / name)).read_new() == ""


def test_one_call_reads_a_bounded_part(tmp_path: Path) -> None:
    """A file that grew much is read over several calls, and it is told that there is more."""
    path = tmp_path / "train.out"
    path.write_bytes(b"x" * 25)
    follower = TextFollower(str(path), step_bytes=10)
    lengths = []
    while True:
        lengths.append((len(follower.read_new()), follower.behind))
        if not follower.behind:
            break
    assert lengths == [(10, True), (10, True), (5, False)]


def test_an_endless_line_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that is too long to be an entry is not kept in memory, and hides nothing after it."""
    monkeypatch.setattr(following, "MAX_LINE_CHARS", 1000)
    path = tmp_path / "events.jsonl"
    follower = JournalFollower(str(path))
    append(path, b'{"a": 1}\n')
    for _ in range(10):
        append(path, b"{" * 900)
        follower.read_new()
        assert sum(map(len, follower._partial)) <= 1000
    append(path, b'}\n{"b": 2}\n')
    assert follower.read_new() == [{"b": 2}]
    append(path, json.dumps({"c": 3}).encode() + b"\n")
    assert follower.read_new() == [{"c": 3}]


def test_no_descriptor_stays_open(tmp_path: Path) -> None:
    """Thousands of files can be followed: none is open between two looks."""
    before = len(os.listdir("/dev/fd"))
    followers = [TextFollower(str(tmp_path / f"{number}")) for number in range(50)]
    for number in range(50):
        append(tmp_path / f"{number}", b"x")
    assert [follower.read_new() for follower in followers] == ["x"] * 50
    assert len(os.listdir("/dev/fd")) == before


@given(st.binary(max_size=200), pieces, st.integers(1, 60))
def test_a_tail_is_the_end_of_the_whole(data: bytes, sizes: list[int], tail_bytes: int) -> None:
    """With a bound, what is given and what was left out are together all of the file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "train.out")
        follower = TextFollower(str(path), step_bytes=tail_bytes, tail_bytes=tail_bytes)
        read = 0
        for piece in in_pieces(data, sizes):
            append(path, piece)
            before = follower.skipped_bytes
            follower.read_new()
            left_out = follower.skipped_bytes - before
            assert left_out == max(0, len(piece) - tail_bytes)
            read += min(len(piece), tail_bytes)
            assert not follower.behind
        assert read + follower.skipped_bytes == len(data)
        assert follower.restarts == 0


def test_a_jump_ends_a_character_that_was_cut(tmp_path: Path) -> None:
    """Bytes of a character from before a gap do not mix with what comes after it."""
    path = tmp_path / "train.out"
    follower = TextFollower(str(path), tail_bytes=4)
    append(path, b"a\xe2\x82")
    assert follower.read_new() == "a"
    append(path, b"x" * 20 + b"1234")
    assert follower.read_new() == "1234"
    assert follower.skipped_bytes == 20


def test_a_replaced_file_is_skipped_anew(tmp_path: Path) -> None:
    """Of a file that took the place of another, the end is given, and the rest is counted."""
    path = tmp_path / "train.out"
    follower = TextFollower(str(path), tail_bytes=4)
    append(path, b"123456")
    assert follower.read_new() == "3456"
    (tmp_path / "aside").write_bytes(b"abcdefghijkl")
    os.replace(tmp_path / "aside", path)
    assert follower.read_new() == "ijkl"
    assert follower.restarts == 1
    assert follower.skipped_bytes == 2 + 8
