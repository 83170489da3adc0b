"""What kernel, server and processes say to each other, as bytes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpmnb.launchers.frames import (
    MAX_REPORT_BYTES,
    FrameReader,
    parse_report,
    to_frame,
    to_report,
)

frames = st.lists(
    st.tuples(st.dictionaries(st.text(), st.integers() | st.text()), st.binary(max_size=300)),
    max_size=6,
)


@given(frames, st.integers(min_value=1, max_value=50))
def test_frames_come_out_as_they_went_in(
    sent: list[tuple[dict[str, int | str], bytes]], size: int
) -> None:
    """However a stream is cut into pieces, its frames come out whole and in order."""
    stream = b"".join(to_frame(header, body) for header, body in sent)
    reader = FrameReader()
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
    assert [frame for piece in pieces for frame in reader.feed(piece)] == sent


def test_a_report_is_one_line() -> None:
    """A report passes as one line, whatever text is in it."""
    report = {"key": 1, "event": "ended", "outcome": {"message": "a\nb\udc80\x00", "result": 1}}
    line = to_report(report)
    assert line.count(b"\n") == 1
    assert parse_report(line) == report


def test_a_large_report_loses_its_result_only() -> None:
    """A result that is too large is left out, and the report says so."""
    outcome = {"state": ["done", None], "message": "fine", "result": "x" * 100_000}
    report = parse_report(to_report({"key": 1, "event": "ended", "outcome": outcome}))
    assert report["truncated"]
    assert report["outcome"] == {"state": ["done", None], "message": "fine", "result": None}


def test_an_endless_message_is_cut() -> None:
    """A message of any length leaves a report that can be sent at once."""
    outcome = {"state": ["error", "error"], "message": "é" * 100_000, "result": None}
    line = to_report({"key": 1, "event": "ended", "outcome": outcome})
    assert len(line) <= MAX_REPORT_BYTES
    assert parse_report(line)["outcome"]["message"].startswith("ééé")


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b"{}", b"\xff", json.dumps("event").encode()])
def test_what_is_no_report_is_refused(line: bytes) -> None:
    """Anything but a report is a ValueError."""
    with pytest.raises(ValueError, match=r".*"):
        parse_report(line)
