"""Take the pictures of the documentation in a real JupyterLab: ``make screenshots``.

The notebook below runs for real; the jobs hold where a picture wants them. What drives the page is
what drives it in the tests.
"""

import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Locator, expect

from tests.browser.chromium import MISSING, chromium, find_chromium
from tests.browser.notebooks import release, write_notebook
from tests.browser.page import NotebookPage
from tests.browser.panel import PanelOnPage
from tests.browser.servers import Server, jupyter

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
WIDTH_PX = 1_200
HEIGHT_PX = 1_400
# A checkout and a page of the documentation stay light.
LARGEST_BYTES = 150_000

DECLARE = """
import math
import time
from pathlib import Path

from xpmnb import Param, Task, experiment, log, tag, tqdm

HERE = Path.cwd()


class Train(Task):
    lr: Param[float]
    depth: Param[int] = 4
    epochs: Param[int] = 40

    def execute(self):
        for epoch in tqdm(range(self.epochs), desc="epoch", mininterval=0):
            loss = math.exp(-3 * min(self.lr, 0.3) * epoch) + 0.05 * math.sin(7 * epoch) ** 2
            log(loss=round(loss, 4), accuracy=round(1 - loss / 2, 3))
            print(f"epoch {epoch:2d}  loss {loss:.4f}")
            if self.lr >= 1 and epoch == 6:
                raise FloatingPointError(f"the loss is not finite in epoch {epoch}")
            time.sleep(0.04)
            while epoch == round(100 * self.lr) and not (HERE / "all.go").exists():
                time.sleep(0.02)
        return {"accuracy": round(1 - loss / 2, 3)}


class Evaluate(Task):
    model: Param[Train]
    split: Param[str]

    def execute(self):
        time.sleep(0.2)
        return {"accuracy": self.model.lr}


xp = experiment("runs", "digits", max_jobs=4).start()
"""
SWEEP = """
rates = (1.0, 0.9, 0.1, 0.3, 0.03)
models = [Train.C(lr=tag(lr)).submit() for lr in rates]
tests = [Evaluate.C(model=model, split=tag("test")).submit() for model in models[1:4]]
"""
MANY = """
for depth in (2, 3, 4, 6):
    for lr in (0.5, 0.6, 0.7, 0.8):
        Train.C(lr=tag(lr), depth=tag(depth)).submit()
"""
SHOW = "xp"


@contextmanager
def opened(server: Server, browser: Browser, path: Path) -> Iterator[NotebookPage]:
    """Open a notebook in a page of its own."""
    context = browser.new_context(viewport={"width": WIDTH_PX, "height": HEIGHT_PX})
    page = NotebookPage(context.new_page(), server, path)
    page.open()
    yield page
    context.close()


def take(page: NotebookPage, name: str, what: Locator) -> None:
    """Take one picture, and say how large it is."""
    # No row is lit by a mouse that nobody sees.
    page.page.mouse.move(0, 0)
    path = page.screenshot(IMAGES / f"{name}.png", what)
    size = path.stat().st_size
    print(f"{path.relative_to(ROOT)}: {size / 1000:.0f} kB")
    if size > LARGEST_BYTES:
        raise SystemExit(f"{path.name} is larger than {LARGEST_BYTES / 1000:.0f} kB")


def model(lr: str) -> re.Pattern[str]:
    """Return what finds the row of the model of a rate, and not those of its tests."""
    return re.compile(rf"train\s*lr={re.escape(lr)}")


def take_sweep(page: NotebookPage) -> None:
    """Take the pictures of a small sweep: live, dark, and with open cards."""
    page.run_cell(0)
    page.run_cell(1)
    panel = PanelOnPage(page.page, page.output(1))
    panel.await_headline("1 failed")
    panel.await_row(model("0.3"), "75 %")
    take(page, "panel", panel.root)
    page.use_theme("JupyterLab Dark")
    take(page, "panel-dark", panel.root)
    page.use_theme("JupyterLab Light")
    expect(panel.open_card(model("0.1")).get_by_role("tabpanel")).to_contain_text("epoch 10")
    take(page, "log", panel.card(model("0.1")))
    panel.close_card(model("0.1"))
    expect(panel.open_card(model("1"))).to_contain_text("raise FloatingPointError")
    # The card alone is higher than what the table shows of it.
    take(page, "card", panel.root)


def take_run(page: NotebookPage) -> None:
    """Take the pictures of many jobs, and of a whole run."""
    release(page.path.parent, "all")
    page.run_cell(2)
    many = PanelOnPage(page.page, page.output(2))
    # Not in the midst of a new table.
    page.await_saved_text("16 jobs: 16 done")
    many.await_headline("16 jobs: 16 done")
    many.group_by("depth")
    many.fold("depth=2")
    many.fold("depth=3")
    take(page, "groups", many.root)
    page.run_cell(3)
    run = PanelOnPage(page.page, page.output(3))
    page.await_saved_text("24 jobs: ")
    run.await_headline("24 jobs: 23 done, 1 failed")
    for name in ("Timeline", "Graph"):
        run.view(name)
        expect(run.picture(name)).to_be_visible()
        take(page, name.lower(), run.root)


def main() -> int:
    """Take all pictures, and return the exit code of the command."""
    executable = find_chromium()
    if executable is None:
        print(MISSING, file=sys.stderr)
        return 1
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name, chromium(executable) as browser:
        root = Path(name).resolve()
        private = root / "private"
        private.mkdir()
        path = write_notebook(root / "digits.ipynb", DECLARE, SWEEP, MANY, SHOW)
        with jupyter(root, private) as server, opened(server, browser, path) as page:
            take_sweep(page)
            take_run(page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
