"""What a run ran in, on disk: Python, packages, git commit.

What is collected is decided by ``xpmnb/environment.py``; readers take what they know.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from .files import read_bytes, write_atomic
from .json_values import as_mapping

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .layout import RunLayout

__all__ = ["read_environment", "write_environment"]

_MAX_BYTES = 4 * 1024 * 1024
"""A larger file is not read."""


def write_environment(layout: RunLayout, environment: Mapping[str, Any]) -> None:
    """Write what a run runs in.

    Raises
    ------
    OSError
        The directory of the run is missing or read-only, or the disk is full.
    """
    text = json.dumps({"format": 1, **environment}, indent=1)
    write_atomic(layout.environment, f"{text}\n".encode())


def read_environment(layout: RunLayout) -> dict[str, Any] | None:
    """Read what a run ran in.

    Parameters
    ----------
    layout
        The run; its file may be missing, damaged or foreign.

    Returns
    -------
    dict or None
        As :func:`xpmnb.environment.collect_environment` describes it, as far as the version that
        wrote it did so; None where there is nothing that can be read.
    """
    try:
        return as_mapping(json.loads(read_bytes(layout.environment, limit_bytes=_MAX_BYTES)))
    except (OSError, ValueError, RecursionError):
        return None
