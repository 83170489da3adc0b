"""All jobs of a run in one panel, in real kernels."""

from pathlib import Path

import pytest

from tests.notebook.front_end import FrontEnd, Message, front_end
from tests.support.kernels import DECLARE, await_file
from xpmnb import experiment

START = f"{DECLARE}\nxp = experiment(ROOT / 'w', 'digits', launcher='thread').start()"


def shown(messages: list[Message]) -> list[Message]:
    """Return the outputs among messages."""
    kinds = ("display_data", "update_display_data")
    return [each["content"]["data"] for each in messages if each["msg_type"] in kinds]


def title_of(page: FrontEnd, panel: str) -> str:
    """Return what a panel says that it shows."""
    for each in page.heard:
        if each["msg_type"] == "comm_open" and each["content"]["comm_id"] == panel:
            return str(each["content"]["data"]["state"]["title"])
    raise LookupError(panel)


@pytest.mark.notebook
def test_a_cell_that_ends_with_its_experiment_shows_all_jobs(tmp_path: Path) -> None:
    """The panel of a run has all jobs of all cells, live, and becomes a plain table in the end."""
    with front_end(tmp_path) as page:
        page.run(START)
        page.run("Train.C(lr=0.1).submit()")
        page.run("xp.wait()")
        page.run("Waits.C(name='a').submit()")
        await_file(tmp_path / "a.begun")
        (output,) = shown(page.run("xp"))
        assert "2 jobs" in output["text/plain"]
        overview = page.panels()[-1]
        assert title_of(page, overview) == "digits"
        page.run("Waits.C(name='b').submit()")
        # What is as it was when the panel opened is not sent again.
        b = [["name", "b"]]
        page.until(lambda: any(row["tags"] == b for row in page.rows(overview).values()))
        for name in ("a", "b"):
            (tmp_path / f"{name}.go").touch()
        ends = shown(page.run("xp.close()"))
        assert "3 jobs: 3 done" in [each["text/plain"] for each in ends]
        (last,) = shown(page.run("xp"))
        assert "3 done" in last["text/plain"]
        assert "text/html" in last


@pytest.mark.notebook
def test_a_job_that_ended_meanwhile_is_not_shown_as_running(tmp_path: Path) -> None:
    """Records that are out of date when the panel opens are read anew: nobody brings their news."""
    with front_end(tmp_path) as page:
        page.run(START)
        page.run("Waits.C(name='a').submit()")
        await_file(tmp_path / "a.begun")
        page.run(
            "workspace, name, run = xp._tabled()\n"
            "stale = list(workspace.run_records(name, run))\n"
            "assert [each.state.value for each in stale] == ['running'], stale\n"
            "(ROOT / 'a.go').touch(); xp.wait()"
        )
        (output,) = shown(
            page.run(
                "from xpmnb.notebook.overview import show_run\n"
                "shown = show_run(name, xp._started(), stale)"
            )
        )
        assert output["text/plain"] == "1 job: 1 done"


@pytest.mark.notebook
def test_an_overview_offers_to_run_failures_again(tmp_path: Path) -> None:
    """A failed job of any cell is run again from the panel of the run, and shown in both."""
    with front_end(tmp_path) as page:
        page.run(START)
        page.run(
            "class Fails(Task):\n"
            "    n: Param[int]\n"
            "    def execute(self):\n"
            "        if not (ROOT / 'mended').exists(): raise ValueError('not yet')\n"
            "Fails.C(n=1).submit(); xp.wait()"
        )
        page.run("xp")
        cell, overview = page.panels()
        page.say(overview, "sync")
        page.until(lambda: page.rows(overview))
        ((key, row),) = page.rows(overview).items()
        assert row["word"] == "failed"
        assert row["retry_words"].startswith("Run again?")
        (tmp_path / "mended").touch()
        page.say(overview, "retry", keys=[key])
        page.until(lambda: "1 job submitted again." in page.said(overview))
        for panel in (cell, overview):
            page.until(lambda panel=panel: page.rows(panel)[key]["word"] == "done")  # type: ignore[misc]
        page.run("xp.close()")


def test_outside_a_kernel_an_experiment_is_its_text(tmp_path: Path) -> None:
    """A script has nothing to display: IPython falls back to the text."""
    with experiment(tmp_path, "digits") as xp, pytest.raises(NotImplementedError):
        xp._ipython_display_()
