"""Fixtures that every test gets, asked for or not."""

import os
import signal
import threading
import time
from collections.abc import Generator, Iterator
from typing import Any

import pytest
from hypothesis import settings

DEADLINE_S = 5.0

# No test asserts a time: on a busy machine the first example may take a second. Who runs the tests
# by hand searches anew each time; a change goes in, or not, by the same examples as any other.
settings.register_profile("patient", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("patient")

# Under nohup, or in the background of a script, a process ignores these, and so would all that
# tests start to interrupt or kill. What has a handler here is as usual in there.
for _signal in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
    if signal.getsignal(_signal) == signal.SIG_IGN:
        signal.signal(_signal, lambda *_: None)


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, Any, Any]:
    """Let reports hold any text: where tests run side by side, they travel as UTF-8."""
    return _encodable((yield))


def _encodable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, dict):
        return {_encodable(key): _encodable(content) for key, content in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_encodable(content) for content in value)
    return value


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures that tests recorded: they are no reason to fail, but are to be seen."""
    for report in terminalreporter.getreports("passed"):
        for name, text in report.user_properties:
            if name == "figures":
                terminalreporter.write_line(f"FIGURES {text}")


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    """Fail a test that leaves a thread behind: whoever starts a thread ends it.

    A thread that is about to end has some seconds to do so.
    """
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + DEADLINE_S
    started = [thread for thread in threading.enumerate() if thread not in before]
    for thread in started:
        thread.join(max(0.0, deadline - time.monotonic()))
    left = [thread.name for thread in started if thread.is_alive()]
    assert not left, f"threads left running: {left}"
