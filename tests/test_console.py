"""Log lines outside notebooks."""

import subprocess
import sys
from pathlib import Path

SCRIPT = """
from xpmnb import Param, Task, experiment
{configure}
class Work(Task):
    fail: Param[bool]

    def execute(self):
        if self.fail:
            raise ValueError("no way")

with experiment("runs", "lines"):
    Work.C(fail=False).submit()
    Work.C(fail=True).submit()
"""


def stderr_of(folder: Path, configure: str = "") -> list[str]:
    """Run the script and return the lines of its standard error."""
    script = folder / "script.py"
    script.write_text(SCRIPT.format(configure=configure), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, script.name],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == ""
    return done.stderr.splitlines()


def test_a_script_sees_what_its_jobs_do(tmp_path: Path) -> None:
    """Without any configuration, starts, ends and failures are printed to standard error."""
    lines = stderr_of(tmp_path)
    assert sum(" is running" in line for line in lines) == 2
    assert sum(" is done" in line for line in lines) == 1
    [failure] = [line for line in lines if " failed (error): ValueError: no way; see " in line]
    assert failure.endswith("work.err")
    assert len(lines) == 4


def test_a_program_that_configures_logging_decides(tmp_path: Path) -> None:
    """With logging configured, every line comes once, in the program's own format."""
    lines = stderr_of(
        tmp_path,
        "import logging; logging.basicConfig(format='%(levelname)s|%(message)s', level='INFO')",
    )
    assert sorted(line.partition("|")[0] for line in lines) == ["INFO", "INFO", "INFO", "WARNING"]


def test_starts_and_ends_can_be_left_out(tmp_path: Path) -> None:
    """The level WARNING of the logger leaves the failures."""
    lines = stderr_of(tmp_path, "import logging; logging.getLogger('xpmnb').setLevel('WARNING')")
    assert len(lines) == 1
    assert "failed" in lines[0]
