"""``xpmnb run``: a job in this process, as ``python [NAME].py`` would run it."""

from __future__ import annotations

import os
import runpy
import sys
import traceback

from xpmnb.records.files import is_locked
from xpmnb.records.layout import JobLayout
from xpmnb.records.states import JobState

from .display import label
from .locating import read_record

__all__ = ["run_job"]


def run_job(layout: JobLayout) -> int:
    """Run a job here; the only command that imports what a user wrote.

    Parameters
    ----------
    layout
        The job.

    Returns
    -------
    int
        0 if the job is done now, or was before; 1 if it failed, or another process runs it.
    """
    name = label(layout.task, layout.identifier)
    if os.path.exists(layout.done):  # noqa: PTH110 (a str, as all names of files)
        print(f"{name} is done already: {layout.path}")
        return 0
    if not os.path.isdir(layout.path):  # noqa: PTH112
        print(f"xpmnb: {name} {_absence(layout)}", file=sys.stderr)
        return 1
    if not os.path.isfile(layout.script):  # noqa: PTH113
        print(f"xpmnb: {name} has no program to run: {layout.script} is missing", file=sys.stderr)
        return 1
    if is_locked(layout.lock):
        print(f"xpmnb: {name} is run by another process: {layout.path}", file=sys.stderr)
        return 1
    return _run_program(layout.script)


def _absence(layout: JobLayout) -> str:
    """Say why a job that a run submitted has no directory."""
    record = read_record(layout)
    if record.state == JobState.WAITING:
        return "waits for its turn in the notebook or script that submitted it"
    what = record.problem or "it never began"
    return f"cannot be run here: {what}: submit it from its notebook or script"


def _run_program(program: str) -> int:
    """Run a program as ``python program`` does, and give its exit code."""
    arguments, sys.argv = sys.argv, [program]
    try:
        runpy.run_path(program, run_name="__main__")
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    except Exception:  # noqa: BLE001 (user code: the modules and classes of the task)
        traceback.print_exc()
        return 1
    finally:
        sys.argv = arguments
    return 0
