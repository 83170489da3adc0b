"""Which notebook a job is told to come from. Here a test puts files where kernels write theirs."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.running import DEADLINE_S, Counted, Echo, Held, gates, running
from xpmnb import experiment
from xpmnb.records.job_directory import read_job, read_submitter


def make_notebook(xp: experiment) -> Path:
    """Put a notebook where a kernel would write that of a run."""
    path = xp.workdir / "experiments" / xp.name / xp.run / "notebook.ipynb"
    path.write_text("{}")
    return path


def test_the_record_names_the_run(tmp_path: Path) -> None:
    """Each job has on record which run submitted it."""
    with running(tmp_path) as xp:
        job = Echo.C(x=1).submit().job
        job.wait(DEADLINE_S)
        assert (
            json.loads((job.path / "__xpm__" / "params.json").read_text())["run"] == f"t/{xp.run}"
        )
        assert read_job(job.layout).run == f"t/{xp.run}"
        submitter = read_submitter(job.layout)
        assert submitter is not None
        assert submitter.run == xp.run


def test_a_run_without_notebook(tmp_path: Path) -> None:
    """Jobs of scripts have no notebook, and no error."""
    with running(tmp_path) as xp:
        job = Echo.C(x=1).submit().job
        assert job.notebook is None
        job.wait(DEADLINE_S)
        assert job.notebook is None
        assert xp.job(job.id).notebook is None


def test_a_job_belongs_to_the_run_that_started_it(tmp_path: Path) -> None:
    """Submitted again while it runs or when it is done, a job keeps the notebook of its start."""
    with running(tmp_path, "first") as first, running(tmp_path, "second") as second:
        notebook = make_notebook(first)
        make_notebook(second)
        gates.reset()
        held = Held.C(key="a")
        started = first.submit_task(held).job
        gates.await_begin("a")
        again = second.submit_task(Held.C(key="a")).job
        assert again.notebook == started.notebook == notebook
        gates.open("a")
        assert started.wait(DEADLINE_S).value == "done"
        assert second.submit_task(Held.C(key="a")).job.notebook == notebook
        assert second.job(started.id).notebook == notebook


def test_a_job_that_waits_is_not_of_its_earlier_attempt(tmp_path: Path) -> None:
    """A failed job that is submitted again and waits has the notebook of the new submission."""
    with running(tmp_path, "first") as xp:
        make_notebook(xp)
        Counted.C(log=tmp_path / "log", x=1, fails=True).submit().job.wait(DEADLINE_S)
    with running(tmp_path, "second", max_jobs=1) as xp:
        notebook = make_notebook(xp)
        Held.C(key="a").submit()
        gates.await_begin("a")
        job = Counted.C(log=tmp_path / "log", x=1).submit().job
        assert not job.state.is_final
        assert job.notebook == notebook
        gates.open("a")
        assert job.wait(DEADLINE_S).value == "done"
        assert job.notebook == notebook


@pytest.mark.parametrize(
    "run", [None, 7, "", "one", "../../../x/y", "t/..", "/etc/passwd", "t/a/b", "t/\x00", "t/"]
)
def test_a_foreign_record_names_no_notebook(tmp_path: Path, run: Any) -> None:
    """A record of an earlier version, or with names that leave the workspace, gives None."""
    with running(tmp_path):
        job = Echo.C(x=1).submit().job
        job.wait(DEADLINE_S)
        params = job.path / "__xpm__" / "params.json"
        content = json.loads(params.read_text())
        params.write_text(json.dumps({**content, "run": run}))
        assert job.notebook is None
        assert read_job(job.layout).run == (run if isinstance(run, str) else None)
        params.unlink()
        assert job.notebook is None
