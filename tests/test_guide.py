"""The documents tell the truth: their cells run, links exist, the design knows every file."""

import functools
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import xpmnb

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
TEXTS = {path.stem: path.read_text(encoding="utf-8") for path in sorted(DOCS.glob("*.md"))}
CELLS = {
    page: re.findall(r"^```python\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    for page, text in TEXTS.items()
}
PACKAGE = Path(xpmnb.__file__).parent
BOTH = ["callbacks", "guide", "outputs", "resumable"]
"""The pages that say the same wherever jobs run."""

LINKS = {
    (page, link)
    for page, text in TEXTS.items()
    for link in re.findall(r"\]\((?!https?:)([^)]+)\)", text)
}

# Runs cells as a notebook does, with `await` at their top, and says where one ends. As in a
# notebook, they belong to no file, their source is at hand, and the page's name names the classes.
END = "\x1e"
RUNNER = """
import ast, asyncio, inspect, json, linecache, pathlib, sys

__xpm_notebook__ = sys.argv[1]
_ih = [""]
for source in json.loads(pathlib.Path(sys.argv[2]).read_text(encoding="utf-8")):
    name = f"<cell {len(_ih)}>"
    _ih.append(source)
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    value = eval(compile(source, name, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT))
    if inspect.iscoroutine(value):
        asyncio.run(value)
    print(end="\\x1e")
"""


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder for the runs of all pages."""
    return tmp_path_factory.mktemp("pages")


@functools.cache
def run_page(
    page: str, folders: Path, launcher: str = "thread"
) -> "subprocess.CompletedProcess[str]":
    """Run the cells of a page in one fresh process, in an empty folder."""
    folder = folders / f"{page}-{launcher}"
    folder.mkdir()
    cells, settings = folders / f"{page}.json", folders / f"{page}-{launcher}.yaml"
    cells.write_text(json.dumps(CELLS[page]), encoding="utf-8")
    workspace = {"id": "here", "path": str(folder / "runs"), "launcher": launcher}
    settings.write_text(json.dumps({"workspaces": [workspace]}), encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", RUNNER, page, str(cells)],
        cwd=folder,
        env={**os.environ, "XPMNB_SETTINGS": str(settings)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def said(cell: str) -> list[str]:
    """Return the lines that a cell prints by its own words: the comments at its end."""
    found = re.search(r"(?:^# .*\n)*\Z", cell, flags=re.MULTILINE)
    return [line[2:] for line in found[0].splitlines()] if found else []


def anchors(text: str) -> set[str]:
    """Return the places in a page that a link can name: its headings, as GitHub names them."""
    text = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    titles = re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize(
    ("page", "number"), [(page, number) for page in CELLS for number in range(len(CELLS[page]))]
)
def test_cells_print_what_they_say(folders: Path, page: str, number: int) -> None:
    """The cells run one after the other, without a warning, and print what their ends say."""
    done = run_page(page, folders)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.split(END)[number].splitlines() == said(CELLS[page][number])


@pytest.mark.parametrize("page", BOTH)
def test_cells_say_the_same_where_jobs_run_in_processes(folders: Path, page: str) -> None:
    """The settings let the jobs of a page run in processes, and its cells print the same."""
    done = run_page(page, folders, "process")
    assert done.returncode == 0, done.stdout + done.stderr
    assert [lines.splitlines() for lines in done.stdout.split(END)[:-1]] == [
        said(cell) for cell in CELLS[page]
    ]
    jobs = xpmnb.workspace(folders / f"{page}-process" / "runs").jobs()
    assert "process" in set(jobs["launcher"])


@pytest.mark.parametrize(("page", "link"), sorted(LINKS))
def test_links_lead_somewhere(page: str, link: str) -> None:
    """Every relative link of the documents leads to a file of the checkout, and a heading in it."""
    file, _, anchor = link.partition("#")
    if anchor:
        assert anchor in anchors(TEXTS[Path(file).stem if file else page])
    if file:
        inside = file.removeprefix("../xpmnb/")
        # The tests of a wheel have no package in their checkout: it is the installed one.
        assert (PACKAGE / inside if inside != file else DOCS / file).exists()


def test_every_page_is_in_the_contents_of_the_guide() -> None:
    """A reader of the guide finds all pages."""
    assert {f"{page}.md" for page in TEXTS} - {"guide.md"} <= {
        link.partition("#")[0] for page, link in LINKS if page == "guide"
    }


def test_the_design_says_what_every_file_is_for() -> None:
    """Each file of the package stands in the design's table of floors, and no other does."""
    rows = re.findall(r"^\|[^|]*\| `([\w/]+\.py)` \| \S", TEXTS["design"], flags=re.MULTILINE)
    files = {path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py")}
    assert sorted(rows) == sorted(file for file in files if not file.endswith("/__init__.py"))
