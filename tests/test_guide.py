"""The documents tell the truth: the guide's cells run, links exist, the design knows every file."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import xpmnb

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
GUIDE = (DOCS / "guide.md").read_text(encoding="utf-8")
DESIGN = (DOCS / "design.md").read_text(encoding="utf-8")
PACKAGE = Path(xpmnb.__file__).parent
CELLS = re.findall(r"^```python\n(.*?)^```", GUIDE, flags=re.DOTALL | re.MULTILINE)
LINKS = re.findall(r"\]\((?!https?:)([^)#]+)[^)]*\)", GUIDE + DESIGN)

# Runs cells as a notebook does, with `await` at their top, and says where one ends. The stem of its
# file names the classes, as that of `guide.ipynb` does.
END = "\x1e"
RUNNER = """
import ast, asyncio, inspect, json, pathlib, sys

for source in json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8")):
    value = eval(compile(source, "<cell>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT))
    if inspect.iscoroutine(value):
        asyncio.run(value)
    print(end="\\x1e")
"""


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return what each cell printed, all run in one fresh process in an empty folder."""
    aside, folder = tmp_path_factory.mktemp("aside"), tmp_path_factory.mktemp("guide")
    (aside / "guide.py").write_text(RUNNER, encoding="utf-8")
    (aside / "cells.json").write_text(json.dumps(CELLS), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", aside / "guide.py", aside / "cells.json"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split(END)


def said(cell: str) -> list[str]:
    """Return the lines that a cell prints by its own words: the comments at its end."""
    found = re.search(r"(?:^# .*\n)*\Z", cell, flags=re.MULTILINE)
    return [line[2:] for line in found[0].splitlines()] if found else []


@pytest.mark.parametrize("number", range(len(CELLS)))
def test_cells_print_what_they_say(printed: list[str], number: int) -> None:
    """The cells run one after the other, without a warning, and print what their ends say."""
    assert printed[number].splitlines() == said(CELLS[number])


@pytest.mark.parametrize("link", sorted(set(LINKS)))
def test_links_lead_somewhere(link: str) -> None:
    """Every relative link of the documents leads to a file of the checkout or the package."""
    inside = link.removeprefix("../xpmnb/")
    # The tests of a wheel have no package in their checkout: it is the installed one.
    assert (PACKAGE / inside if inside != link else DOCS / link).exists()


def test_the_design_says_what_every_file_is_for() -> None:
    """Each file of the package stands in the design's table of floors, and no other does."""
    rows = re.findall(r"^\|[^|]*\| `([\w/]+\.py)` \| \S", DESIGN, flags=re.MULTILINE)
    files = {path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py")}
    assert sorted(rows) == sorted(file for file in files if not file.endswith("/__init__.py"))
