"""The README tells the truth: its Python cells run, its commands and its links exist."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
CELLS = re.findall(r"^```python\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)
COMMANDS = re.findall(r"^make (\w+)|`make (\w+)`", README, flags=re.MULTILINE)
LINKS = re.findall(r"\]\((?!https?:)([^)#]+)[^)]*\)", README)


def test_cells_run(tmp_path: Path) -> None:
    """The Python cells run one after the other, without a warning, in an empty folder."""
    assert CELLS
    script = tmp_path / "readme.py"
    script.write_text("\n".join(CELLS), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", script.name],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", sorted({name for pair in COMMANDS for name in pair if name}))
def test_commands_exist(command: str) -> None:
    """Every `make` command that the README names is a target of the Makefile."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^{command}:", makefile, flags=re.MULTILINE)


@pytest.mark.parametrize("link", sorted(set(LINKS)))
def test_links_lead_somewhere(link: str) -> None:
    """Every relative link of the README leads to a file of the checkout."""
    assert (ROOT / link).exists()
