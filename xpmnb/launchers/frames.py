"""What the kernel, the fork server and the processes of jobs say to each other, as bytes.

Requests go from the kernel to the server, as frames in a stream. Reports go the other way, each
one a line of JSON in a write of its own: a datagram, or a line in a pipe.
"""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_PASSED = 253
"""How many file descriptors a frame may bring: as many as Linux passes with one message."""

MAX_REPORT_BYTES = 32 * 1024
"""Two reports of this size fit into a pipe that nobody reads, and dozens into a socket."""

_MAX_MESSAGE = 2000

# Length of the header, which is JSON, and of the body, which is bytes.
_LENGTHS = struct.Struct("!II")


def to_frame(header: Mapping[str, Any], body: bytes = b"") -> bytes:
    """Return a request as bytes for a stream."""
    data = json.dumps(header).encode()
    return _LENGTHS.pack(len(data), len(body)) + data + body


class FrameReader:
    """Puts the frames together that come in pieces. One thread."""

    __slots__ = ("_data",)

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[dict[str, Any], bytes]]:
        """Take the next piece of the stream, and yield header and body of each whole frame."""
        self._data += data
        while len(self._data) >= _LENGTHS.size:
            header_size, body_size = _LENGTHS.unpack_from(self._data)
            body_at = _LENGTHS.size + header_size
            end = body_at + body_size
            if len(self._data) < end:
                return
            header = json.loads(self._data[_LENGTHS.size : body_at])
            body = bytes(self._data[body_at:end])
            del self._data[:end]
            yield header, body


def to_report(report: Mapping[str, Any]) -> bytes:
    """Return a report as one line of JSON that is short enough to be sent at once.

    A large ``"outcome"`` loses its result, and a long message its end; ``"truncated"`` says so.
    """
    line = json.dumps(report).encode() + b"\n"
    if len(line) <= MAX_REPORT_BYTES or "outcome" not in report:
        return line
    outcome = {**report["outcome"], "result": None}
    message = str(outcome.get("message") or "")
    if len(message) > _MAX_MESSAGE:
        outcome["message"] = f"{message[:_MAX_MESSAGE]} ..."
    return json.dumps({**report, "outcome": outcome, "truncated": True}).encode() + b"\n"


def parse_report(line: bytes) -> dict[str, Any]:
    """Return the report of a line.

    Raises
    ------
    ValueError
        If it is none.
    """
    report = json.loads(line)
    if not isinstance(report, dict) or "event" not in report:
        raise ValueError(f"no report: {line[:80]!r}")
    return report
