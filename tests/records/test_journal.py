"""Journals: whole lines by any number of writers, and reading whatever became of them."""

import json
import math
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpmnb.records import journal as journal_file
from xpmnb.records.journal import JournalWriter, encode_line, parse_journal, read_journal

WRITER = """
import sys
from xpmnb.records.journal import JournalWriter
writer = JournalWriter(sys.argv[1])
sys.stdin.readline()
for number in range(500):
    writer.append({"who": sys.argv[2], "number": number, "filler": "x" * (number % 97)})
writer.close()
"""

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5
)
entries = st.lists(st.dictionaries(st.text(), values, max_size=4), max_size=6)


def write(path: Path, *items: dict[str, Any]) -> None:
    """Append entries as one writer."""
    writer = JournalWriter(str(path))
    for item in items:
        writer.append(item)
    writer.close()


@given(entries)
def test_what_is_written_is_read(items: list[dict[str, Any]]) -> None:
    """Entries of any JSON values come back in their order."""
    journal = parse_journal(b"".join(map(encode_line, items)))
    assert journal.entries == items
    assert (journal.skipped, journal.problem) == (0, None)


@given(entries.filter(bool), st.data())
def test_a_journal_torn_at_any_byte_keeps_its_whole_lines(
    items: list[dict[str, Any]], data: st.DataObject
) -> None:
    """A torn last line is no error and costs nothing but itself."""
    whole = b"".join(map(encode_line, items))
    torn = whole[: data.draw(st.integers(0, len(whole)))]
    journal = parse_journal(torn)
    complete = torn.count(b"\n")
    # A last line that lacks its line end only is whole.
    assert journal.entries in (items[:complete], items[: complete + 1])
    assert journal.skipped == 0


@given(entries.filter(bool), st.dictionaries(st.text(), values, max_size=3), st.data())
def test_a_torn_line_does_not_swallow_the_next_writers_first(
    items: list[dict[str, Any]], later: dict[str, Any], data: st.DataObject
) -> None:
    """After a writer was killed at any byte, a new writer's entries are all read."""
    whole = b"".join(map(encode_line, items))
    torn = whole[: data.draw(st.integers(0, len(whole)))]
    repaired = torn if not torn or torn.endswith(b"\n") else torn + b"\n"
    journal = parse_journal(repaired + encode_line(later))
    assert journal.entries[-1] == later
    assert journal.entries[: torn.count(b"\n")] == items[: torn.count(b"\n")]
    assert journal.skipped <= 1


def test_a_new_writer_begins_a_line_of_its_own(tmp_path: Path) -> None:
    """A writer that finds a torn line ends it first; one that finds a whole line adds nothing."""
    path = tmp_path / "j"
    path.write_bytes(b'{"a":1}\n{"b":')
    write(path, {"c": 3})
    assert path.read_bytes() == b'{"a":1}\n{"b":\n{"c":3}\n'
    write(path, {"d": 4})
    assert path.read_bytes().endswith(b'{"c":3}\n{"d":4}\n')
    journal = read_journal(str(path))
    assert journal.entries == [{"a": 1}, {"c": 3}, {"d": 4}]
    assert journal.problem == "j has 1 line that cannot be read"


@given(st.lists(st.binary(max_size=30) | st.sampled_from([b"[1]", b"{}", b'{"a":[{}', b"{}]}"])))
def test_garbage_between_lines_is_skipped(lines: list[bytes]) -> None:
    """Foreign lines never raise, never hide a good line, and what is read is objects only."""
    good = b'{"good":1}'
    text = b"\n".join([part for line in lines for part in (line, good)] + [b""])
    journal = parse_journal(text)
    assert journal.entries.count({"good": 1}) >= len(lines)
    assert all(type(entry) is dict for entry in journal.entries)


@pytest.mark.parametrize(
    "line",
    [
        b"\xff\xfe\x00binary",
        b'{"a":"\xff"}',
        b"[1, 2]",
        b"null",
        b'"text"',
        b'{"a":1} {"b":2}',
        b'{"a":1},{"b":2}',
        b'{"a":1',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"n":' + b"9" * 5000 + b"}",
    ],
)
def test_one_bad_line_is_counted(line: bytes) -> None:
    """Binary, foreign, merged and endlessly nested lines count as one each."""
    journal = parse_journal(b'{"x":1}\n' + line + b'\n{"y":2}\n')
    assert journal.entries == [{"x": 1}, {"y": 2}]
    assert journal.skipped == 1


def test_torn_lines_do_not_merge() -> None:
    """Two torn lines that would be one entry together are two that cannot be read."""
    assert parse_journal(b'{"a":[1\n2]}\n{"b":1}\n').skipped == 2


def test_blank_lines_are_nothing() -> None:
    """An empty line is neither an entry nor a fault."""
    journal = parse_journal(b'\n{"a":1}\n\n  \r\n{"b":2}\r\n')
    assert journal.entries == [{"a": 1}, {"b": 2}]
    assert journal.skipped == 0


def test_a_long_line_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line beyond the limit is counted, the others are read."""
    monkeypatch.setattr(journal_file, "MAX_LINE_CHARS", 100)
    journal = parse_journal(b'{"a":1}\n{"b":"' + b"x" * 200 + b'"}\n{"c":3}\n')
    assert journal.entries == [{"a": 1}, {"c": 3}]
    assert journal.skipped == 1


def test_missing_huge_and_strange_files_are_told(tmp_path: Path) -> None:
    """A missing journal is empty; one that cannot be read has a problem and raises nothing."""
    assert read_journal(str(tmp_path / "missing")).problem is None
    huge = tmp_path / "huge"
    huge.touch()
    os.truncate(huge, 1 << 40)
    problem = read_journal(str(huge)).problem
    assert problem is not None
    assert problem.startswith("huge cannot be read")
    assert read_journal(str(tmp_path)).problem is not None


def test_nan_and_any_text_survive(tmp_path: Path) -> None:
    """NaN stays NaN, and lone surrogates (of odd file names) do no harm."""
    path = tmp_path / "j"
    write(path, {"nan": math.nan, "inf": -math.inf, "text": "\udc80é\u2028\n"})
    (entry,) = read_journal(str(path)).entries
    assert math.isnan(entry["nan"])
    assert entry["inf"] == -math.inf
    assert entry["text"] == "\udc80é\u2028\n"


def test_what_is_not_json_is_refused_whole(tmp_path: Path) -> None:
    """An entry that is not JSON raises, and nothing of it is written."""
    path = tmp_path / "j"
    writer = JournalWriter(str(path))
    writer.append({"a": 1})
    with pytest.raises(TypeError):
        writer.append({"b": object()})
    writer.close()
    assert path.read_bytes() == b'{"a":1}\n'


def test_a_closed_journal_refuses_entries(tmp_path: Path) -> None:
    """After closing, twice or once, an entry is an error that names the journal."""
    writer = JournalWriter(str(tmp_path / "j"))
    writer.close()
    writer.close()
    with pytest.raises(ValueError, match="is closed"):
        writer.append({})
    assert not (tmp_path / "j").exists()


def test_a_full_disk_harms_no_other_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a write that was cut, the next entry has a line of its own."""
    path = tmp_path / "j"
    writer = JournalWriter(str(path))
    writer.append({"a": 1})
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, data[:3]))
    with pytest.raises(OSError, match="part of a line"):
        writer.append({"b": 2})
    monkeypatch.setattr(os, "write", real)
    writer.append({"c": 3})
    writer.close()
    assert read_journal(str(path)).entries == [{"a": 1}, {"c": 3}]


def test_threads_share_one_writer(tmp_path: Path) -> None:
    """Entries of several threads through one writer are all whole."""
    writer = JournalWriter(str(tmp_path / "j"))

    def append() -> None:
        for number in range(200):
            writer.append({"n": number})

    threads = [threading.Thread(target=append) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.close()
    journal = read_journal(str(tmp_path / "j"))
    assert len(journal.entries) == 800
    assert journal.problem is None


def test_two_processes_append_whole_lines(tmp_path: Path) -> None:
    """Lines of two processes that write at once never mix, and each keeps its order."""
    path = tmp_path / "j"
    running = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(path), who], stdin=subprocess.PIPE)
        for who in "ab"
    ]
    for process in running:
        assert process.stdin is not None
        process.stdin.write(b"go\n")
        process.stdin.close()
    assert [process.wait(30) for process in running] == [0, 0]
    journal = read_journal(str(path))
    assert journal.problem is None
    for who in "ab":
        assert [e["number"] for e in journal.entries if e["who"] == who] == list(range(500))


def test_lines_are_compact_ascii() -> None:
    """A line is plain ASCII without spaces, whatever the entry holds."""
    line = encode_line({"größe": [1, 2.5, "é"]})
    assert line == b'{"gr\\u00f6\\u00dfe":[1,2.5,"\\u00e9"]}\n'
    assert json.loads(line) == {"größe": [1, 2.5, "é"]}
