"""What an import loads: the heavy libraries wait until somebody asks for them."""

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("pandas", "numpy", "ipywidgets", "anywidget", "IPython", "ipykernel", "nbformat")

DECLARE = """
from xpmnb import Param, Task, experiment, log, tag, tqdm

class Square(Task):
    x: Param[int]

    def execute(self):
        for step in tqdm(range(2)):
            log(step=step)
        return {"square": self.x ** 2}
"""
RUN = """
with experiment("runs", "squares") as xp:
    square = Square.C(x=tag(3)).submit()
assert square.job.result() == {"square": 9}, square.job.result()
"""
REPORT = f"""
import sys
print(*sorted(set({HEAVY!r}) & set(sys.modules)))
"""


@pytest.mark.parametrize(
    "program",
    ["import xpmnb", DECLARE, DECLARE + RUN],
    ids=["import", "declare", "run"],
)
def test_heavy_libraries_wait(program: str, tmp_path: Path) -> None:
    """A script that imports, declares and runs tasks loads neither pandas nor a Jupyter library."""
    script = tmp_path / "script.py"
    script.write_text(program + REPORT, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
