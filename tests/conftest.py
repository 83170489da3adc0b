"""Fixtures that every test gets, asked for or not."""

import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import settings

DEADLINE_S = 5.0

# No test asserts a time: on a busy machine the first example may take a second.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


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
