"""The system's own Chromium, driven by playwright: no browser is downloaded."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
MISSING = (
    "NOT RUN: there is no Chromium. Install one (Debian: apt-get install chromium) or name one "
    "in the variable CHROMIUM."
)
# In a container there is no sandbox to be had; the pages are the tests' own.
_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-precise-memory-info",
    "--force-color-profile=srgb",
)


def find_chromium() -> str | None:
    """Return the path of a Chromium: the one that is named in ``CHROMIUM``, or the first found."""
    names = (os.environ["CHROMIUM"],) if os.environ.get("CHROMIUM") else NAMES
    return next(filter(None, map(shutil.which, names)), None)


@contextmanager
def chromium(executable: str) -> Iterator[Browser]:
    """Start a Chromium without a window, and end it."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(_ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


if __name__ == "__main__":
    # For the Makefile: whether one has to be installed.
    sys.exit(0 if find_chromium() else MISSING)
