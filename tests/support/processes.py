"""Scripts that run in processes of their own, as a person would start them."""

import os
import subprocess
import sys
from pathlib import Path

import xpmnb

DEADLINE_S = 60.0
ROOT = Path(__file__).parents[2]

_PRELUDE = """\
import os, signal, sys, threading, time
from pathlib import Path
from xpmnb import Task, Param, Meta, experiment, workspace
from tests.support.running import Counted, Echo, Failing, Held, Uses, gates

ROOT = Path(sys.argv[1])
"""


def _environment() -> dict[str, str]:
    # The package under test may be the installed one: it goes before the checkout.
    folders = [str(Path(xpmnb.__file__).parents[1]), str(ROOT)]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(folders), "PYTHONUNBUFFERED": "1"}


def write_script(folder: Path, body: str, name: str = "script.py") -> Path:
    """Write a script that has the sample tasks and ``ROOT``, a folder for its workspace."""
    path = folder / name
    path.write_text(_PRELUDE + body)
    return path


def start(script: Path, root: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start a script; its output can be read line by line."""
    return subprocess.Popen(
        [sys.executable, "-W", "error", str(script), str(root), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=_environment(),
    )


def finish(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Wait for the end of a script, and return what it wrote to its output and to its errors."""
    try:
        return process.communicate(timeout=DEADLINE_S)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def run(script: Path, root: Path, *arguments: str) -> str:
    """Run a script that must succeed, and return what it printed."""
    process = start(script, root, *arguments)
    out, err = finish(process)
    assert process.returncode == 0, err
    return out


def await_line(process: subprocess.Popen[str], wanted: str) -> None:
    """Read the output of a script up to a line."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.strip() == wanted:
            return
    _, err = finish(process)
    message = f"the script ended without printing {wanted!r}: {err}"
    raise AssertionError(message)
