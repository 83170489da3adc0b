"""Fixtures that every test gets, asked for or not."""

import threading
import time
from collections.abc import Iterator

import pytest

DEADLINE_S = 5.0


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
