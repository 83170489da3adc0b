"""What can be seen of a job that somebody else runs, in this kernel or in another."""

from __future__ import annotations

import enum
import os
from typing import TYPE_CHECKING

from xpmnb.records.files import is_locked
from xpmnb.records.job_directory import read_job
from xpmnb.records.states import JobState

if TYPE_CHECKING:
    from xpmnb.records.events import JobRecord
    from xpmnb.records.layout import JobLayout


class Sight(enum.Enum):
    """What a look at a job directory tells."""

    RUNNING = "running"
    ENDED = "ended"
    ABANDONED = "abandoned"
    """Its runner is gone, and left no end."""


def look_at(layout: JobLayout) -> Sight:
    """Look at a job that this scheduler could not get to run."""
    # The lock is looked at before the markers: a runner writes its end and then unlocks, and an
    # old failure stands until the runner that holds the lock has cleared it.
    locked = is_locked(layout.lock)
    if os.path.exists(layout.done):  # noqa: PTH110 (a str, looked at twice a second)
        return Sight.ENDED
    if locked:
        return Sight.RUNNING
    return Sight.ENDED if os.path.exists(layout.failed) else Sight.ABANDONED  # noqa: PTH110


def read_end(layout: JobLayout) -> tuple[JobRecord, int | None]:
    """Read how a job ended, and when its end marker was written, in nanoseconds."""
    record = read_job(layout)
    marker = layout.done if record.state == JobState.DONE else layout.failed
    try:
        return record, os.stat(marker).st_mtime_ns  # noqa: PTH116 (a str)
    except OSError:
        return record, None
