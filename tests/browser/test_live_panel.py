"""The panel under a cell while its jobs run."""

from playwright.sync_api import expect

from tests.browser.conftest import OpenNotebook
from tests.browser.notebooks import TASKS, release
from tests.browser.page import NotebookPage
from tests.browser.panel import PanelOnPage

SUBMIT = """
for name in ("ada", "bob", "eve"):
    Train.C(name=tag(name), held="jobs").submit()
"""
BUSY = "hold('cell')"
LENGTHY = """
class Lengthy(Task):
    n: Param[int]

    def execute(self):
        progress(0.37, description="one of many words about what is going on here just now " * 3)
        log(loss=0.123456, validation_accuracy=0.98765, learning_rate=0.001)
        if self.n == 1:
            raise ValueError("a file that was expected here could not be found anywhere " * 3)
        hold("jobs")


for n in range(2):
    task = Lengthy.C(n=tag(n)).tag("optimizer", "stochastic gradient descent")
    task.tag("dataset", "the larger one of the two collections of images").submit()
"""


SEVERAL = """
class Several(Task):
    n: Param[int]

    def execute(self):
        for step in range(8):
            log(step=step, loss=round(0.3255 / (1 + step) + 0.0058, 4), accuracy=0.9 + step / 100)
        hold("jobs")


Several.C(n=tag(1)).submit()
"""


def run_submission(notebook: NotebookPage, running: str = "3 running") -> PanelOnPage:
    """Run the first two cells, and return the panel of the second when its jobs hold."""
    notebook.run_cell(0)
    notebook.run_cell(1)
    panel = PanelOnPage(notebook.page, notebook.output(1))
    panel.await_headline(running)
    return panel


def test_it_is_live_while_a_cell_is_busy(open_notebook: OpenNotebook) -> None:
    """Rows, progress and metrics go on while another cell keeps the main thread busy."""
    notebook = open_notebook(TASKS, SUBMIT, BUSY)
    folder = notebook.path.parent
    notebook.run_cell(0)
    notebook.run_cell(1)
    busy = notebook.begin_cell(2)
    panel = PanelOnPage(notebook.page, notebook.output(1))
    panel.await_headline("3 jobs: 3 running")
    panel.await_row("bob", "50 %")
    panel.await_row("bob", "loss 0.0333")
    release(folder, "jobs")
    panel.await_headline("3 jobs: 3 done")
    assert not notebook.is_finished(busy)
    release(folder, "cell")
    notebook.finish(busy)
    assert notebook.errors == []


def test_stop_works_while_a_cell_is_busy(open_notebook: OpenNotebook) -> None:
    """A job is stopped by its button before the busy cell has ended; the others go on."""
    notebook = open_notebook(TASKS, SUBMIT, BUSY)
    folder = notebook.path.parent
    notebook.run_cell(0)
    notebook.run_cell(1)
    busy = notebook.begin_cell(2)
    panel = PanelOnPage(notebook.page, notebook.output(1))
    panel.await_headline("3 running")
    panel.stop("bob")
    panel.await_row("bob", "cancelled")
    panel.await_headline("2 running, 1 cancelled")
    assert not notebook.is_finished(busy)
    release(folder, "jobs")
    release(folder, "cell")
    panel.await_headline("2 done, 1 cancelled")
    notebook.finish(busy)


def test_views_of_one_output_stay_in_step(open_notebook: OpenNotebook) -> None:
    """A second view of an output shows what the first shows, and its buttons work as well."""
    notebook = open_notebook(TASKS, SUBMIT)
    run_submission(notebook)
    notebook.view_output(1)
    first, second = (PanelOnPage(notebook.page, nth=nth) for nth in (0, 1))
    second.await_headline("3 running")
    second.stop("bob")
    for panel in (first, second):
        panel.await_row("bob", "cancelled")
        panel.await_headline("2 running, 1 cancelled")
    release(notebook.path.parent, "jobs")
    for panel in (first, second):
        panel.await_headline("2 done, 1 cancelled")


def test_a_page_that_is_loaded_again_is_live(open_notebook: OpenNotebook) -> None:
    """After the browser's reload the panel of a living kernel goes on, and its buttons work."""
    notebook = open_notebook(TASKS, SUBMIT)
    run_submission(notebook)
    notebook.save()
    notebook.reload()
    panel = PanelOnPage(notebook.page, notebook.output(1))
    panel.await_headline("3 running")
    panel.stop("bob")
    panel.await_row("bob", "cancelled")
    release(notebook.path.parent, "jobs")
    panel.await_headline("2 done, 1 cancelled")


def test_a_stopped_kernel_is_told(open_notebook: OpenNotebook) -> None:
    """After a restart the panel keeps its last state, says so, and offers no button."""
    notebook = open_notebook(TASKS, SUBMIT)
    panel = run_submission(notebook)
    notebook.restart_kernel()
    panel.await_gone()
    expect(panel.row("bob")).to_contain_text("running")


def test_a_killed_kernel_is_told(open_notebook: OpenNotebook) -> None:
    """A kernel that dies is noticed, as a restarted one is."""
    notebook = open_notebook(TASKS, SUBMIT)
    panel = run_submission(notebook)
    notebook.kill_kernel()
    panel.await_gone()
    expect(panel.row("bob")).to_contain_text("running")


def test_it_fits_a_narrow_window(open_notebook: OpenNotebook) -> None:
    """In a window of 480 pixels the panel stays within its cell, and its buttons can be pressed."""
    notebook = open_notebook(TASKS, SUBMIT)
    panel = run_submission(notebook)
    notebook.widen(480)
    assert panel.overflow() == 0
    panel.stop("bob")
    panel.await_headline("1 cancelled")


def test_what_is_cut_shows_that_it_is(open_notebook: OpenNotebook) -> None:
    """Tags, messages and texts that do not fit end in an ellipsis, and are whole in the title."""
    notebook = open_notebook(TASKS, LENGTHY)
    panel = run_submission(notebook, "1 running, 1 failed")
    panel.await_row("n=0", "37 %")
    for width in (1_100, 900, 700, 620, 480):
        notebook.widen(width)
        for words in ("n=0", "n=1"):
            signed, unsigned = panel.cut_texts(words)
            assert unsigned == []
            assert signed != []


def test_a_value_is_not_cut_for_those_that_follow(open_notebook: OpenNotebook) -> None:
    """The ellipsis for more metrics stands behind the first one, not upon its last digits."""
    notebook = open_notebook(TASKS, SEVERAL)
    notebook.widen(1_100)
    panel = run_submission(notebook, "1 running")
    panel.await_row("n=1", "0.0465")
    assert panel.space_after_first_metric("n=1") >= 20


def test_the_tags_of_the_last_submission_are_shown(open_notebook: OpenNotebook) -> None:
    """A task that is submitted again while it runs shows its new tags, also in the older cell."""
    task = "Train.C(name='ada', held='jobs').tag('try', {}).submit()"
    notebook = open_notebook(TASKS, task.format(1), task.format(2))
    panel = run_submission(notebook, "1 running")
    panel.await_row("try=1", "running")
    notebook.run_cell(2)
    panel.await_row("try=2", "running")


def test_it_follows_the_theme(open_notebook: OpenNotebook) -> None:
    """In a dark theme the panel is dark, without a reload, and can be read."""
    notebook = open_notebook(TASKS, SUBMIT)
    panel = run_submission(notebook)
    assert panel.darkness() < 0.5
    notebook.use_theme("JupyterLab Dark")
    assert panel.darkness() > 0.5
    assert panel.violations() == []


def test_axe_finds_nothing_serious(open_notebook: OpenNotebook) -> None:
    """What axe-core checks holds for running, failed, stopped and finished jobs alike."""
    notebook = open_notebook(TASKS, SUBMIT + "Broken.C(name='a message').submit()")
    panel = run_submission(notebook)
    panel.await_headline("1 failed")
    assert panel.violations() == []
    panel.stop("bob")
    panel.await_headline("1 cancelled")
    release(notebook.path.parent, "jobs")
    panel.await_headline("2 done, 1 failed, 1 cancelled")
    assert panel.violations() == []
