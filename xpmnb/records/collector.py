"""Pause the garbage collector while many values are made that all stay.

Reading 10,000 jobs makes some 60,000 mappings, none of which is garbage. The collector looks at
them again and again, and once at everything that the kernel holds: a fifth of a table's time.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["collector_paused"]


@contextmanager
def collector_paused() -> Iterator[None]:
    """Pause automatic collections inside the ``with`` block, if they were on.

    The collector belongs to the whole process. Of threads that pause it at once, the one that found
    it on turns it on again, so that it is never left off; the others then merely lose some time.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
