"""Log lines outside notebooks."""

import subprocess
import sys
from pathlib import Path

import pytest

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


def stderr_of(folder: Path, configure: str = "", *, script: str = SCRIPT) -> list[str]:
    """Run the script and return the lines of its standard error."""
    file = folder / "script.py"
    file.write_text(script.format(configure=configure), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, file.name],
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


@pytest.mark.parametrize(
    "configure",
    [
        "logging.basicConfig(format='%(message)s', level='INFO')",
        "logging.getLogger('xpmnb').addHandler(logging.StreamHandler())",
        "logging.getLogger('xpmnb').addFilter(lambda record: 'no way' in record.getMessage())",
        "logging.disable(logging.INFO)",
    ],
)
def test_what_a_program_says_of_logging_counts_whenever_it_says_it(
    tmp_path: Path, configure: str
) -> None:
    """Handlers, filters and levels that come after the first line hold for those that follow."""
    later = f"xp.wait()\n    import logging; {configure}\n    Work.C(fail=True)"
    script = SCRIPT.replace("Work.C(fail=True)", later).replace(
        "):\n    Work", ") as xp:\n    Work"
    )
    lines = stderr_of(tmp_path, script=script)
    before, after = lines[:2], lines[2:]
    assert [line.rpartition(" ")[2] for line in before] == ["running", "done"]
    assert sum("no way" in line for line in after) == (2 if "addHandler" in configure else 1)
    is_less = "addFilter" in configure or "disable" in configure
    assert any("is running" in line for line in after) != is_less
