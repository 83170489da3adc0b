"""Tracebacks: the task's own frames first, cells by their number, and never without bound."""

import importlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.doing import do
from tests.support.running import running
from xpmnb.endings import ending_of
from xpmnb.records.job_directory import read_job
from xpmnb.tracebacks import place_of, traceback_text

HEADING = "The same with all frames, also those of libraries:\n"
BOUND = 70_000


class UnspeakableError(Exception):
    def __str__(self) -> str:
        message = "no text"
        raise RuntimeError(message)


class UnshowableError(Exception):
    @property
    def __notes__(self) -> list[str]:  # type: ignore[override]  # as odd as can be
        message = "no notes"
        raise RuntimeError(message)


def caught(action: Callable[[], Any]) -> BaseException:
    """Return the error that an action raises."""
    try:
        action()
    except BaseException as error:  # noqa: BLE001 (any, as a task may raise any)
        return error
    raise AssertionError


def parse() -> Any:
    """Fail in a library."""
    return json.loads("no JSON")


def parse_for_a_reason() -> None:
    """Fail because of an error in a library."""
    try:
        parse()
    except ValueError as error:
        message = "cannot be read"
        raise RuntimeError(message) from error


def recurse(depth: int) -> int:
    """Never come to an end."""
    return recurse(depth + 1)


def ping(depth: int) -> int:
    """Never come to an end, with another one."""
    return pong(depth + 1)


def pong(depth: int) -> int:
    """Never come to an end, with another one."""
    return ping(depth + 1)


def group() -> None:
    """Raise more than one error."""
    message = "several"
    raise ExceptionGroup(message, [caught(parse), caught(parse_for_a_reason)])  # type: ignore[type-var]  # they are


def fail_hugely() -> None:
    """Fail with a message of 10 MB."""
    raise ValueError("x" * 10_000_000)


def noted() -> None:
    """Fail with a note."""
    error = ValueError("bad")
    error.add_note("see the manual")
    raise error


def test_own_frames_come_first() -> None:
    """The frames of libraries come below a heading, after all that is the task's own."""
    first, second = traceback_text(caught(parse)).split(f"\n{HEADING}")
    assert first.startswith("Traceback (most recent call last):\n")
    assert first.endswith("JSONDecodeError: Expecting value: line 1 column 1 (char 0)\n")
    assert 'return json.loads("no JSON")' in first
    assert "decoder.py" not in first
    assert "decoder.py" in second
    assert second.endswith("JSONDecodeError: Expecting value: line 1 column 1 (char 0)\n")


def test_a_traceback_without_libraries_is_said_once() -> None:
    """Where all frames are the task's own, there is nothing to say twice."""
    text = traceback_text(caught(noted))
    assert HEADING not in text
    assert text.count("ValueError: bad\nsee the manual\n") == 1


def test_causes_are_told_with_their_own_frames() -> None:
    """The first part has what an error was raised from as well, from the task's own code alone."""
    first = traceback_text(caught(parse_for_a_reason)).partition(HEADING)[0]
    before, after = first.split("The above exception was the direct cause")
    assert "in parse\n" in before
    assert "RuntimeError: cannot be read" in after
    assert "decoder.py" not in first


def test_errors_in_a_group_are_told_with_their_own_frames() -> None:
    """The first part has every error of a group, from the task's own code alone."""
    first = traceback_text(caught(group)).partition(HEADING)[0]
    assert "ExceptionGroup: several (2 sub-exceptions)" in first
    assert first.count("in parse\n") == 2
    assert "decoder.py" not in first


@pytest.mark.parametrize(
    ("action", "words"),
    [
        (lambda: recurse(0), "RecursionError"),
        (lambda: ping(0), "frames in the middle are left out"),
        (fail_hugely, "characters are left out"),
        (lambda: (_ for _ in ()).throw(UnspeakableError()), "UnspeakableError"),
        (lambda: (_ for _ in ()).throw(UnshowableError()), "UnshowableError"),
        (lambda: compile("a b", "model.py", "exec"), 'File "model.py", line 1'),
    ],
    ids=["recursion", "two recursions", "huge", "no text", "no notes", "syntax"],
)
def test_every_error_has_a_bounded_traceback(action: Callable[[], Any], words: str) -> None:
    """Whatever was raised, there is a text, and it is no longer than some screens."""
    error = caught(action)
    assert words in traceback_text(error)
    assert len(traceback_text(error)) < BOUND
    assert len(ending_of(error).message) < BOUND


@given(st.recursive(st.text(), lambda inner: st.lists(inner, min_size=1), max_leaves=20))
def test_no_message_and_no_nesting_is_too_odd(shape: Any) -> None:
    """Errors with any text, and groups of groups of them, have a text and an ending."""

    def made(part: Any) -> Exception:
        return ValueError(part) if isinstance(part, str) else ExceptionGroup("g", map_made(part))

    def map_made(parts: list[Any]) -> list[Exception]:
        return [made(part) for part in parts]

    assert len(traceback_text(made(shape))) < BOUND
    assert ending_of(made(shape)).reason is not None


def test_a_long_chain_of_errors_is_bounded() -> None:
    """Thousands of errors, each raised from the one before, are cut in the middle."""
    error = ValueError("first")
    for number in range(3000):
        after = ValueError(f"number {number}")
        after.__cause__ = error
        error = after
    text = traceback_text(error)
    assert len(text) < BOUND
    assert "number 2999" in text or "cannot be had" in text


@pytest.fixture
def installed(tmp_path: Path) -> Iterator[str]:
    """Install a package beside others, and give its name."""
    home = tmp_path / "lib" / "site-packages"
    (home / "labtasks").mkdir(parents=True)
    (home / "labtasks" / "__init__.py").write_text("")
    (home / "labtasks" / "work.py").write_text(
        "import json\n\ndef execute(action=None):\n    (action or json.loads)('x')\n"
    )
    sys.path.insert(0, str(home))
    yield "labtasks"
    sys.path.remove(str(home))
    for name in ("labtasks", "labtasks.work"):
        sys.modules.pop(name, None)


def test_frames_of_libraries_are_not_the_tasks_own(installed: str) -> None:
    """The place of an error that a library raises, called back by the task, is in the task."""
    work = importlib.import_module(f"{installed}.work")

    def back(text: str) -> Any:
        return json.loads(text)

    assert "in test_frames" in (place_of(caught(lambda: work.execute(back))) or "")


def test_an_installed_task_has_frames_of_its_own(installed: str) -> None:
    """Of a task whose package is installed, that package is its own code, and json is not."""
    error = caught(importlib.import_module(f"{installed}.work").execute)
    # As if xpmnb had called it: without the frame of the test.
    error.__traceback__ = error.__traceback__ and error.__traceback__.tb_next
    assert place_of(error) == "work.py, line 4, in execute"
    assert "decoder.py" not in traceback_text(error).partition(HEADING)[0]


def test_an_error_without_frames_has_no_place() -> None:
    """The place of an error that was never raised is None."""
    assert place_of(ValueError("made, not raised")) is None


def test_the_place_goes_on_record(tmp_path: Path) -> None:
    """The end marker of a failed job holds the place in its own code, and readers find it."""
    with running(tmp_path):
        job = do(lambda _: parse())
        record = read_job(job.layout)
        line = parse.__code__.co_firstlineno + 2
        assert record.place == f"{Path(__file__).name}, line {line}, in parse"
        assert (record.traceback or "").partition(HEADING)[0] in str(job.exception())
        assert read_job(do(lambda _: 1, "well").layout).place is None
