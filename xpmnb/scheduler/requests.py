"""What a process is told that runs one job: plain values, which pass from process to process."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from xpmnb.frozen import quick_to_make


@quick_to_make
@dataclass(frozen=True, slots=True)
class Terms:
    """Under what conditions an attempt runs. Immutable; any thread."""

    launcher: str = ""
    """The word for where it runs."""
    resumable: bool = False
    """Whether the directory is kept, so that the task goes on where an earlier attempt stopped."""
    retries_left: int = 0
    """How often it may be run again if its time runs out."""
    walltime_s: float | None = None
    """How long it may run, in seconds; None for as long as it takes."""
    grace_s: float | None = None
    """Seconds between the request to stop and the kill; None where nothing can be killed."""
    reruns: bool = False
    """Whether a job that is done by other code is run again."""


@dataclass(frozen=True, slots=True)
class JobRequest:
    """All that a process needs to run a job. Immutable; any thread."""

    path: str
    """The job directory."""
    record: str
    """The content of ``params.json``."""
    program: str
    """The content of ``[NAME].py``."""
    terms: Terms
    environ: dict[str, str] = field(default_factory=dict)
    """Environment variables that are added."""
    search_path: list[str] = field(default_factory=list)
    """What ``sys.path`` is; empty for what it is anyway."""

    def to_bytes(self) -> bytes:
        """Return the request as JSON."""
        return json.dumps(asdict(self)).encode()

    @staticmethod
    def from_bytes(data: bytes) -> JobRequest:
        """Return the request that :meth:`to_bytes` gave, perhaps in another process."""
        values: dict[str, Any] = json.loads(data)
        return JobRequest(**{**values, "terms": Terms(**values["terms"])})
