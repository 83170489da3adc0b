"""The end of a log, as a pane that follows it shows it."""

import os
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from xpmnb.notebook.log_tail import LINE_LIMIT, TAIL_BYTES, LogNews, LogTail, line_text

pieces = st.lists(st.integers(0, 30), max_size=20)
text_like = st.lists(
    st.sampled_from([b"a", b"bc ", b"\n", b"\r", b"\r\n", "€".encode(), b"\xff", b"\x1b[1m", b"\0"])
).map(b"".join)


class Pane:
    """What a page has of one stream."""

    def __init__(self) -> None:
        self.lines = ""
        self.partial = ""
        self.skipped = 0
        self.starts = 0

    def take(self, news: LogNews | None) -> None:
        """Do what the page does."""
        if news is None:
            return
        if news["start"]:
            self.lines, self.skipped = "", 0
            self.starts += 1
        self.lines += news["text"]
        self.partial = news["partial"]
        self.skipped += news["skipped"]

    @property
    def text(self) -> str:
        """All that is shown."""
        return self.lines + self.partial


def append(path: Path, data: bytes) -> None:
    """Write at the end of a file."""
    with path.open("ab") as file:
        file.write(data)


def shown_at_once(path: Path) -> str:
    """Return what a pane shows that is opened now."""
    pane = Pane()
    pane.take(LogTail("k", "out", str(path)).read_news())
    return pane.text


@given(st.binary(max_size=120) | text_like, pieces)
def test_any_pieces_give_the_text_of_the_whole(data: bytes, sizes: list[int]) -> None:
    """However a log is written and looked at, the pane shows what one look at all of it shows."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "train.out")
        log, pane = LogTail("k", "out", str(path)), Pane()
        pane.take(log.read_news())
        for size in sizes:
            append(path, data[:size])
            data = data[size:]
            pane.take(log.read_news())
        append(path, data)
        pane.take(log.read_news())
        assert pane.text == shown_at_once(path)
        assert pane.starts == 1
        assert log.read_news() is None


@given(st.lists(st.sampled_from(["x" * (LINE_LIMIT // 3), "\r", "\n", "y"]), max_size=20))
def test_long_lines_are_cut_alike(parts: list[str]) -> None:
    """Of a long line the beginning is shown, whether it came at once or bit by bit."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "train.out")
        log, pane = LogTail("k", "out", str(path)), Pane()
        for part in parts:
            append(path, part.encode())
            pane.take(log.read_news())
        if sum(map(len, parts)) <= TAIL_BYTES:
            assert pane.text == shown_at_once(path)
        assert max(map(len, pane.text.split("\n")), default=0) <= LINE_LIMIT


def test_a_log_that_appears_later_is_followed(tmp_path: Path) -> None:
    """Before there is a file the pane is told that there is nothing, and once only."""
    log = LogTail("k", "err", str(tmp_path / "train.err"))
    news = log.read_news()
    assert news == LogNews(key="k", stream="err", start=True, text="", partial="", skipped=0)
    assert log.read_news() is None
    append(tmp_path / "train.err", b"one\ntwo")
    news = log.read_news()
    assert news is not None
    assert (news["start"], news["text"], news["partial"]) == (False, "one\n", "two")


def test_of_a_huge_log_the_end_is_shown(tmp_path: Path) -> None:
    """Of a gigabyte only the end is read, and it is said how much is left out."""
    path = tmp_path / "train.out"
    with path.open("wb") as file:
        file.truncate(1 << 30)
        file.seek(0, os.SEEK_END)
        file.write(b"".join(b"line %d\n" % number for number in range(20_000)))
    news = LogTail("k", "out", str(path)).read_news()
    assert news is not None
    lines = news["text"].split("\n")
    assert lines[-2:] == ["line 19999", ""]
    assert lines[0] == f"line {20_000 - len(lines) + 1}"
    assert news["skipped"] == path.stat().st_size - TAIL_BYTES
    assert len(news["text"]) <= TAIL_BYTES


def test_a_jump_over_more_than_the_tail_is_said(tmp_path: Path) -> None:
    """A job that prints faster than is looked costs a bounded message, and the gap is told."""
    path = tmp_path / "train.out"
    append(path, b"first\nhalf")
    log = LogTail("k", "out", str(path))
    log.read_news()
    append(path, b" a line\n" + b"0123456789\n" * TAIL_BYTES)
    news = log.read_news()
    assert news is not None
    assert not news["start"]
    assert news["skipped"] == path.stat().st_size - TAIL_BYTES - len(b"first\nhalf")
    assert set(news["text"].split("\n")) == {"0123456789", ""}
    assert news["partial"] == ""


def test_a_line_without_end_costs_little(tmp_path: Path) -> None:
    """Megabytes without an end of line are shown by their beginning, and not kept."""
    path = tmp_path / "train.out"
    log, pane = LogTail("k", "out", str(path)), Pane()
    for _ in range(40):
        append(path, b"x" * (TAIL_BYTES // 2))
        pane.take(log.read_news())
        assert len(log._partial) <= LINE_LIMIT + 2
    assert pane.partial == "x" * (LINE_LIMIT - 1) + "…"
    append(path, b"\nnext\n")
    pane.take(log.read_news())
    assert pane.lines.split("\n")[-2] == "next"


def test_a_bar_is_one_line(tmp_path: Path) -> None:
    """A progress bar that is drawn over itself shows its last state alone."""
    path = tmp_path / "train.err"
    log, pane = LogTail("k", "err", str(path)), Pane()
    for percent in range(101):
        append(path, f"\r{percent:3d}%|{'#' * percent}".encode())
        pane.take(log.read_news())
        assert pane.text.startswith(f"{percent:3d}%")
    append(path, b"\ndone\n")
    pane.take(log.read_news())
    assert pane.text == f"100%|{'#' * 100}\ndone\n"
    assert line_text("a\rb\r") == "b"


def test_a_retry_begins_the_pane_anew(tmp_path: Path) -> None:
    """A file that was replaced, or emptied, takes the place of what was shown."""
    path = tmp_path / "train.out"
    append(path, b"old\nolder")
    log, pane = LogTail("k", "out", str(path)), Pane()
    pane.take(log.read_news())
    path.rename(tmp_path / "trash")
    assert log.read_news() is None
    append(path, b"new and longer than the old one\n")
    pane.take(log.read_news())
    assert pane.text == "new and longer than the old one\n"
    path.write_bytes(b"")
    pane.take(log.read_news())
    assert pane.text == ""
    assert pane.starts == 3


def test_beginning_anew_shows_nothing_twice(tmp_path: Path) -> None:
    """For a second page the log is sent from its beginning: the first page forgets what it had."""
    path = tmp_path / "train.out"
    append(path, b"one\n")
    log, first, second = LogTail("k", "out", str(path)), Pane(), Pane()
    first.take(log.read_news())
    append(path, b"two\nthree")
    news = log.again().read_news()
    first.take(news)
    second.take(news)
    assert first.text == second.text == "one\ntwo\nthree"
