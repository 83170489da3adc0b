"""Declarations are fully typed without a plugin: mypy reads the samples beside this file.

Pyright reads the same samples in ``make lint``; it needs node, which the tests do without.
"""

import runpy
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ACCEPTED = HERE / "accepted.py"
REJECTED = HERE / "rejected.py"


def mypy(*samples: Path, cache: Path) -> subprocess.CompletedProcess[str]:
    """Run mypy as a user runs it who has a strict project of his own and xpmnb installed."""
    options = ["--strict", "--config-file=", f"--cache-dir={cache}", "--no-error-summary"]
    return subprocess.run(
        [sys.executable, "-m", "mypy", *options, *map(str, samples)],
        # Not the checkout: xpmnb must be found where it is installed, with its py.typed.
        cwd=cache,
        capture_output=True,
        text=True,
        check=False,
    )


def test_mypy_sees_the_declared_types(tmp_path: Path) -> None:
    """Mypy sees the declared class and types, and wrong names, types and missing values."""
    done = mypy(ACCEPTED, REJECTED, cache=tmp_path)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


def test_the_accepted_sample_runs() -> None:
    """What checkers accept is also accepted at run time."""
    assert "train" in runpy.run_path(str(ACCEPTED))
