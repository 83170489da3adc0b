"""One notebook in a real page: what a person does there, each with a deadline and no sleep."""

from contextlib import suppress
from pathlib import Path
from typing import Any

from playwright.sync_api import ConsoleMessage, Error, Locator, Page

from tests.browser.servers import Server

DEADLINE_S = 60.0
TRIES = 4
MARGIN_PX = 24
# A capture of Chromium ends at 16,384.
TALLEST_PX = 15_000

_PLACES = {"lab": "doc/tree", "notebook": "notebooks", "voila": "voila/render"}

_READY = """() => {
  const panel = window.jupyterapp?.shell?.currentWidget;
  const kernel = panel?.sessionContext?.session?.kernel;
  return kernel?.connectionStatus === "connected" && kernel.status === "idle"
    && document.querySelector(".jp-Notebook .jp-Cell") !== null;
}"""
# `arg` is what the test gives; a command of the front end answers when it is done.
_SCOPE = """async (arg) => {
  const app = window.jupyterapp;
  const panel = app.shell.currentWidget;
  const kernel = panel.sessionContext?.session?.kernel;
  %s
}"""
_BEGIN = """
  window.xpmRun = (window.xpmRun ?? 0) + 1;
  const run = window.xpmRun;
  window.xpmRan ??= new Set();
  app.commands.execute(arg[0], arg[1]).finally(() => window.xpmRan.add(run));
  return run;
"""
_HOLDS = """(text) => {
  const cells = window.jupyterapp.shell.currentWidget.content.model.sharedModel.cells;
  return JSON.stringify(cells.map((cell) => cell.toJSON().outputs ?? [])).includes(text);
}"""
_BOTTOM = """() => {
  const cells = [...document.querySelectorAll(".jp-Notebook .jp-Cell, .jp-OutputArea-output")];
  const last = Math.max(...cells.map((cell) => cell.getBoundingClientRect().bottom));
  const scrolled = document.querySelector(".jp-WindowedPanel-outer")?.scrollTop ?? 0;
  return Math.ceil(last + scrolled);
}"""


class NotebookPage:
    """A notebook that is open in a front end.

    Parameters
    ----------
    page : playwright.sync_api.Page
        An empty page.
    server : Server
        Who serves the notebook.
    path : Path
        The notebook.
    front : str
        ``lab``, ``notebook`` or ``voila``.
    """

    def __init__(self, page: Page, server: Server, path: Path, front: str = "lab") -> None:
        self.page = page
        self.server = server
        self.path = path
        self.front = front
        self.console: list[str] = []
        self.errors: list[str] = []
        page.set_default_timeout(DEADLINE_S * 1000)
        page.on("console", self._hear)
        page.on("pageerror", self._fail)

    def _hear(self, message: ConsoleMessage) -> None:
        self.console.append(f"{message.type}: {message.text}")

    def _fail(self, error: Error) -> None:
        self.console.append(f"uncaught: {error}")
        self.errors.append(str(error))

    # --- opening

    def open(self) -> None:
        """Open the notebook, and wait until its kernel is idle (in Voila: until it was run)."""
        self.page.goto(self.server.address(_PLACES[self.front], self.path))
        if self.front == "voila":
            self.page.locator(".jp-OutputArea-output").first.wait_for()
            self.page.locator("#loading").wait_for(state="hidden")
        else:
            self.page.wait_for_function(_READY)

    def reload(self) -> None:
        """Load the page again, as the browser's button does."""
        self.page.reload()
        self.page.wait_for_function(_READY)

    def close(self) -> None:
        """Close the page; the kernel goes on."""
        self.page.close()

    # --- running

    def run_all(self) -> None:
        """Run all cells to their end."""
        self.finish(self.begin("notebook:run-all-cells"))

    def run_cell(self, index: int) -> None:
        """Run one cell, counted from 0, to its end."""
        self.finish(self.begin_cell(index))

    def begin_cell(self, index: int) -> int:
        """Begin to run one cell, and return what `finish` is told."""
        self.do("panel.content.deselectAll(); panel.content.activeCellIndex = arg;", index)
        return self.begin("notebook:run-cell")

    def begin(self, command: str, **arguments: Any) -> int:
        """Begin a command of the front end, and return what `finish` is told."""
        run: int = self.do(_BEGIN, [command, arguments])
        return run

    def finish(self, run: int) -> None:
        """Wait until a command is done."""
        self.page.wait_for_function("run => window.xpmRan.has(run)", arg=run)

    def is_finished(self, run: int) -> bool:
        """Tell whether a command is done."""
        return bool(self.page.evaluate("run => window.xpmRan.has(run)", run))

    def do(self, body: str, arg: Any = None) -> Any:
        """Run JavaScript with ``app``, ``panel``, ``kernel`` and ``arg`` in its scope."""
        return self.page.evaluate(_SCOPE % body, arg)

    def save(self) -> None:
        """Save the notebook."""
        self.do("await panel.context.save();")

    def await_saved_text(self, text: str) -> None:
        """Wait until the document holds a text among its outputs, and save it."""
        self.page.wait_for_function(_HOLDS, arg=text)
        self.save()

    def heap_bytes(self) -> int:
        """Return how much memory the page's objects take, after a collection."""
        session = self.page.context.new_cdp_session(self.page)
        session.send("HeapProfiler.collectGarbage")
        session.detach()
        used: int = self.page.evaluate("performance.memory.usedJSHeapSize")
        return used

    def restart_kernel(self) -> None:
        """Restart the kernel, and wait until it is idle again."""
        self.do("await panel.sessionContext.restartKernel();")
        self.page.wait_for_function(_READY)

    def shut_kernel_down(self) -> None:
        """Shut the kernel down, as ``Shut Down Kernel`` does."""
        self.do("await panel.sessionContext.shutdown();")

    def kill_kernel(self) -> None:
        """End the kernel's process at once, as a crash does."""
        self.server.kernel(self.do("return kernel.id;")).kill()

    # --- looking

    def cell_errors(self) -> list[str]:
        """Return the errors that cells raised."""
        found: list[str] = self.do("""
          const cells = panel.content.widgets;
          const outputs = cells.flatMap((cell) => cell.model.outputs?.toJSON() ?? []);
          return outputs.filter((output) => output.output_type === "error")
            .map((output) => `${output.ename}: ${output.evalue}`);""")
        return found

    def output(self, cell: int) -> Locator:
        """Return all outputs of a cell, counted from 0."""
        cells = self.page.locator(".jp-Notebook .jp-Cell")
        return cells.nth(cell).locator(".jp-Cell-outputWrapper")

    def view_output(self, cell: int) -> None:
        """Show the outputs of a cell once more, beside the notebook."""
        self.do("panel.content.activeCellIndex = arg;", cell)
        self.do('await app.commands.execute("notebook:create-output-view");')

    def use_theme(self, name: str) -> None:
        """Change the front end's theme, and wait until it shows."""
        self.do('await app.commands.execute("apputils:change-theme", { theme: arg });', name)
        light = "false" if "Dark" in name else "true"
        shown = f"body[data-jp-theme-name='{name}'][data-jp-theme-light='{light}']"
        self.page.locator(shown).wait_for(state="attached")

    def screenshot(self, path: Path, what: Locator | None = None) -> Path:
        """Take a picture of one element, or of the whole notebook however long."""
        if what is not None:
            path.write_bytes(_picture_of(what))
            return path
        size = self.page.viewport_size
        assert size is not None
        bottom = min(TALLEST_PX, self.page.evaluate(_BOTTOM) + MARGIN_PX)
        self.page.set_viewport_size({**size, "height": max(size["height"], bottom)})
        path.write_bytes(self.page.screenshot(animations="disabled"))
        self.page.set_viewport_size(size)
        return path

    def widen(self, width: int) -> None:
        """Make the window as wide as this."""
        size = self.page.viewport_size
        assert size is not None
        self.page.set_viewport_size({**size, "width": width})


def _picture_of(what: Locator) -> bytes:
    # The output may be renewed in the midst; what is found again can then be taken.
    for _ in range(TRIES):
        with suppress(Error):
            return what.screenshot(animations="disabled", timeout=DEADLINE_S * 1000 / TRIES)
    return what.screenshot(animations="disabled")
