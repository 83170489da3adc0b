"""A thread's own streams and directory, without any job."""

import io
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest

from xpmnb import ownership, streams
from xpmnb.errors import LauncherError
from xpmnb.streams import JobStream


@dataclass
class Owner:
    """What a thread works for."""

    stdout: JobStream
    stderr: JobStream


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[Owner]:
    """Give an owner with open streams."""
    made = Owner(JobStream(str(tmp_path / "out")), JobStream(str(tmp_path / "err")))
    yield made
    made.stdout.close()
    made.stderr.close()


def in_thread(owner: Owner, *lines: str) -> None:
    """Write lines to sys.stdout in a thread that works for an owner."""

    def work() -> None:
        ownership.bind(owner)
        for line in lines:
            sys.stdout.write(f"{line}\n")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def test_a_stream_is_made_at_once_and_empty(tmp_path: Path) -> None:
    """The file exists before anything is written, and an older one of that name is emptied."""
    path = tmp_path / "out"
    path.write_text("old")
    stream = JobStream(str(path))
    assert path.read_text() == ""
    stream.close()


def test_a_line_is_in_the_file_when_it_ends(tmp_path: Path) -> None:
    """Each whole line can be read at once; the rest comes when the stream is closed."""
    path = tmp_path / "out"
    stream = JobStream(str(path))
    stream.write("one\n")
    assert path.read_text() == "one\n"
    stream.write("two")
    stream.close()
    assert path.read_text() == "one\ntwo"


def test_a_closed_stream_drops_what_comes(tmp_path: Path) -> None:
    """Writing to a closed stream, or closing it again, does nothing; the length is still told."""
    for written in (True, False):
        path = tmp_path / f"out{written}"
        stream = JobStream(str(path))
        if written:
            stream.write("one\n")
        stream.close()
        stream.close()
        assert stream.write("late") == 4
        assert path.read_text() == ("one\n" if written else "")


def test_only_threads_of_an_owner_are_led_away(
    tmp_path: Path, owner: Owner, capsys: pytest.CaptureFixture[str]
) -> None:
    """Threads that work for somebody write to his files, all others where they did before."""
    streams.install()
    try:
        in_thread(owner, "mine")
        sys.stdout.write("kernel\n")
    finally:
        streams.uninstall()
    assert (tmp_path / "out").read_text() == "mine\n"
    assert capsys.readouterr().out == "kernel\n"


def test_installing_is_counted() -> None:
    """The last uninstall() puts back what the first install() found."""
    before = sys.stdout, sys.stderr, threading.Thread.start
    streams.install()
    during = sys.stdout
    streams.install()
    assert sys.stdout is during is not before[0]
    streams.uninstall()
    assert sys.stdout is during
    streams.uninstall()
    assert (sys.stdout, sys.stderr, threading.Thread.start) == before


def test_the_stream_of_somebody_else_is_left_alone() -> None:
    """What replaced sys.stdout meanwhile is not taken away at the end."""
    taken = io.StringIO()
    streams.install()
    with redirect_stdout(taken):
        streams.uninstall()
        assert sys.stdout is taken
        sys.stdout.write("still")
    assert taken.getvalue() == "still"


def test_the_stand_in_answers_like_a_stream(owner: Owner) -> None:
    """Encoding, isatty, fileno and flush are those of the stream behind."""
    streams.install()
    try:
        found: list[object] = []

        def work() -> None:
            ownership.bind(owner)
            found.extend([sys.stdout.encoding, sys.stdout.isatty(), sys.stdout.fileno()])
            os.write(sys.stdout.fileno(), b"raw\n")
            sys.stdout.flush()

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        assert found[:2] == ["utf-8", False]
        with pytest.raises(AttributeError):
            _ = sys.stdout.nonsense  # type: ignore[union-attr]
    finally:
        streams.uninstall()


def test_threads_inherit_their_owner(owner: Owner) -> None:
    """A thread works for whom the thread that started it works for; others for nobody."""
    seen: dict[str, object] = {}

    def work() -> None:
        ownership.bind(owner)
        inner = threading.Timer(0, lambda: seen.update(inner=ownership.owner()))
        inner.start()
        inner.join()
        ownership.bind(None)
        after = threading.Thread(target=lambda: seen.update(after=ownership.owner()))
        after.start()
        after.join()

    ownership.start_inheriting()
    try:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    finally:
        ownership.stop_inheriting()
    assert seen == {"inner": owner, "after": None}
    assert ownership.owner() is None


def test_a_wrapper_around_the_start_of_threads_is_left_alone() -> None:
    """Who wrapped Thread.start after us keeps his wrapper, and threads still start."""
    before = threading.Thread.start
    ownership.start_inheriting()
    ours = threading.Thread.start

    def wrapper(thread: threading.Thread) -> None:
        ours(thread)

    threading.Thread.start = wrapper  # type: ignore[method-assign, assignment]
    try:
        ownership.stop_inheriting()
        assert threading.Thread.start is wrapper
        done = threading.Event()
        thread = threading.Thread(target=done.set)
        thread.start()
        thread.join()
        assert done.is_set()
    finally:
        threading.Thread.start = before  # type: ignore[method-assign]


def test_a_private_directory_is_private(tmp_path: Path) -> None:
    """Entering a directory moves the calling thread and those that it starts, nobody else."""
    before = Path.cwd()
    seen: list[Path] = []

    def work() -> None:
        streams.enter_private_directory(str(tmp_path))
        inner = threading.Thread(target=lambda: seen.append(Path.cwd()))
        inner.start()
        inner.join()
        seen.append(Path.cwd())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [tmp_path, tmp_path]
    assert Path.cwd() == before


def test_a_refusal_names_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system refuses, the error says what it said, and what to use instead."""

    def refuse(_path: str) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(streams, "_probed", [])
    monkeypatch.setattr(streams, "enter_private_directory", refuse)
    with pytest.raises(LauncherError, match=r"not permitted.*shared_cwd=True"):
        streams.check_private_directories()
    monkeypatch.setattr(streams, "_probed", [])
    monkeypatch.undo()
    streams.check_private_directories()


SWAPPING = """
import sys, threading
from xpmnb import streams

over = threading.Event()

def swap():
    for _ in range(20_000):
        streams.install()
        streams.uninstall()
    over.set()

class Slow:
    def __str__(self):
        return "x"

threading.Thread(target=swap).start()
while not over.is_set():
    print(*[Slow()] * 20)
"""


def test_streams_may_come_and_go_while_others_print(tmp_path: Path) -> None:
    """A print that is under way while the streams are replaced and put back harms nothing."""
    script = tmp_path / "swap.py"
    script.write_text("import sys; sys.setswitchinterval(1e-6)\n" + SWAPPING, encoding="utf-8")
    with (tmp_path / "out").open("wb") as out:
        done = subprocess.run(
            [sys.executable, str(script)],
            stdout=out,
            stderr=subprocess.PIPE,
            check=False,
            timeout=120,
        )
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_wrapper_of_somebody_else_survives_a_restart() -> None:
    """Thread.start works on when somebody wrapped it after us, however often we come and go."""
    before = threading.Thread.start
    ownership.start_inheriting()
    ours = threading.Thread.start

    def theirs(thread: threading.Thread) -> None:
        ours(thread)

    try:
        threading.Thread.start = theirs  # type: ignore[method-assign,assignment]
        for _ in range(3):
            ownership.stop_inheriting()
            ownership.start_inheriting()
            thread = threading.Thread(target=lambda: None)
            thread.start()
            thread.join()
    finally:
        threading.Thread.start = ours  # type: ignore[method-assign]
        ownership.stop_inheriting()
    assert threading.Thread.start is before
