"""One server and one Chromium for all tests of this folder, and a fresh page for each.

Where there is no Chromium the tests are not run, and say so; ``XPMNB_BROWSER_TESTS=required``
makes that a failure.
"""

import os
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error

from tests.browser.chromium import MISSING, chromium, find_chromium
from tests.browser.notebooks import write_notebook
from tests.browser.page import NotebookPage
from tests.browser.servers import Server, jupyter, voila

WIDTH_PX = 1_100
HEIGHT_PX = 900

# Opens a notebook of some cells in a page: `name` is its name, `front` the front end.
OpenNotebook = Callable[..., NotebookPage]

_pages = pytest.StashKey[list[NotebookPage]]()
_no_pages: list[NotebookPage] = []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of this folder, and put them behind all others.

    As long as playwright is at work, the main thread has a running event loop, with which others
    would collide.
    """
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.browser)
    items.sort(key=lambda item: item.path.is_relative_to(here))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Leave pictures of a failed test's pages beside what it wrote, and tell what they said."""
    report = yield
    if report.failed and report.when == "call":
        pages = item.stash.get(_pages, _no_pages)
        for number, page in enumerate(pages):
            picture = page.path.parent / f"failed-{number}.png"
            # The page may be what failed.
            with suppress(Error):
                page.screenshot(picture)
                report.sections.append(("page", f"picture: {picture}"))
            report.sections.append((f"console of {page.path.name}", "\n".join(page.console)))
    return report


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Return the Chromium of all tests; without one they are not run."""
    executable = find_chromium()
    if executable is None:
        if os.environ.get("XPMNB_BROWSER_TESTS") == "required":
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    with chromium(executable) as started:
        yield started


@pytest.fixture(scope="session")
def lab(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return the server of JupyterLab and Notebook 7."""
    assert browser.is_connected()
    with jupyter(tmp_path_factory.getbasetemp(), tmp_path_factory.mktemp("lab")) as server:
        yield server


@pytest.fixture
def open_notebook(
    request: pytest.FixtureRequest, browser: Browser, lab: Server, tmp_path: Path
) -> Iterator[OpenNotebook]:
    """Return what opens a notebook of given cells; its pages and kernels end with the test."""
    opened = request.node.stash.setdefault(_pages, [])

    def open_it(*cells: str, name: str = "page", front: str = "lab") -> NotebookPage:
        path = tmp_path / f"{name}.ipynb"
        if cells:
            write_notebook(path, *cells)
        context = browser.new_context(viewport={"width": WIDTH_PX, "height": HEIGHT_PX})
        page = NotebookPage(context.new_page(), lab, path, front)
        opened.append(page)
        page.open()
        return page

    yield open_it
    for page in opened:
        page.page.context.close()
    lab.end_kernels()


@pytest.fixture
def open_voila(
    request: pytest.FixtureRequest, browser: Browser, tmp_path: Path
) -> Iterator[OpenNotebook]:
    """Return what shows a notebook of given cells in Voila, which ends with the test."""
    opened = request.node.stash.setdefault(_pages, [])
    private = tmp_path / "voila"
    private.mkdir()
    running: AbstractContextManager[Server] = voila(tmp_path, private)
    with running as server:

        def open_it(*cells: str, name: str = "page") -> NotebookPage:
            path = write_notebook(tmp_path / f"{name}.ipynb", *cells)
            context = browser.new_context(viewport={"width": WIDTH_PX, "height": HEIGHT_PX})
            page = NotebookPage(context.new_page(), server, path, "voila")
            opened.append(page)
            page.open()
            return page

        yield open_it
        for page in opened:
            page.page.context.close()
