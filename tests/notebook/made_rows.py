"""Rows that a test makes up, without jobs."""

from typing import Any, cast

from xpmnb.notebook.rows import Row

_STATES = {"failed": "error", "cancelled": "error"}


def made_row(key: str, tone: str = "done", **changes: Any) -> Row:
    """Return a row: one that ended took two seconds from second 10 on."""
    final = tone in {"done", "failed", "cancelled"}
    row = {
        "key": key,
        "name": "train",
        "path": f"runs/jobs/train/{key}",
        "state": _STATES.get(tone, tone),
        "word": tone,
        "tone": tone,
        "stopping": False,
        "final": final,
        "message": "",
        "code_changed": False,
        "tags": [],
        "progress": [],
        "metrics": [],
        "spark": None,
        "retries": "",
        "retry_words": "",
        "submitted_at": None,
        "started_at": None if tone == "waiting" else 10.0,
        "ended_at": 12.0 if final else None,
        "expected_end": None,
        "usual_s": None,
        "needs": [],
    }
    return cast("Row", {**row, **changes})
