"""diff(a, b): what differs between two jobs, from their records alone."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.pages import Page
from tests.support.running import Echo, Failing, Held, gates, running
from xpmnb import (
    Config,
    LightweightTask,
    Meta,
    Param,
    PathGenerator,
    Task,
    diff,
    field,
    tag,
)
from xpmnb.errors import SubmissionError, WorkspaceError
from xpmnb.sheets import ABSENT

PLACE = __name__.lower()
HOSTILE = "</td><script>alert(1)</script>\x1b[31m\u202e"


class Model(Config):
    layers: Param[int] = 2


class Wide(Model):
    width: Param[int] = 3


class Learn(Task):
    lr: Param[float]
    model: Param[Model]
    models: Param[list[Model]] = field(default=[], ignore_default=True)
    name: Param[str] = "a"
    verbose: Meta[bool] = False
    weights: Meta[Path] = field(default_factory=PathGenerator("weights"))

    def task_outputs(self, dep: Any) -> Any:
        return dep(Loader.C(model=self.model, path=self.weights))

    def execute(self) -> dict[str, Any]:
        return {"accuracy": 10 * self.lr, "sizes": {"a": 1}, "name": self.name}


class Loader(LightweightTask):
    model: Param[Model]
    path: Meta[Path]

    def execute(self) -> None:
        """Load nothing."""


class Evaluate(Task):
    model: Param[Model]

    def execute(self) -> int:
        return 1


class Uses(Task):
    learn: Param[Echo]

    def execute(self) -> int:
        return self.learn.x


def learn(**values: Any) -> Learn:
    """Return a task with some values."""
    return Learn.C(**{"lr": 0.1, "model": Model.C(), **values})


def submitted(*tasks: Learn) -> list[Learn]:
    """Submit tasks, whose outputs are others, and wait for them."""
    for task in tasks:
        task.submit()
    for task in tasks:
        task.wait()
    return list(tasks)


def test_it_tells_what_differs(tmp_path: Path) -> None:
    """Parameters stand by dotted name, with the classes of configurations; results side by side."""
    with running(tmp_path):
        a, b = submitted(
            learn(lr=tag(0.1)),
            learn(lr=tag(0.5), model=Wide.C(), models=[Model.C(layers=9)], verbose=True),
        )
    found = diff(a, b)
    assert found
    assert found.params == {
        "lr": (0.1, 0.5),
        "model": (f"{PLACE}.model", f"{PLACE}.wide"),
        "model.width": (ABSENT, 3),
        "models": ([], ABSENT),
        "models.0": (ABSENT, f"{PLACE}.model"),
        "models.0.layers": (ABSENT, 9),
        "verbose": (False, True),
    }
    assert found.tags == {"lr": (0.1, 0.5)}
    assert found.results["state"] == ("done", "done")
    assert found.results["result.accuracy"] == (1.0, 5.0)
    assert found.results["result.sizes.a"] == (1, 1)
    assert found.results["duration_s"][0] >= 0
    assert found.paths == (a.jobpath, b.jobpath)
    words = [line.split(maxsplit=1) for line in str(found).splitlines()]
    assert ["model", f"{PLACE}.model -> {PLACE}.wide"] in words
    assert ["result.sizes.a", "1 (both)"] in words


def test_a_job_does_not_differ_from_itself(tmp_path: Path) -> None:
    """A difference without any is false, and says so."""
    with running(tmp_path):
        [a] = submitted(learn())
    found = diff(a, a.job)
    assert not found
    assert found.params == found.tags == found.environment == {}
    assert "nothing on record differs" in str(found)
    assert "nothing on record differs" in Page(found._repr_html_()).text


def test_jobs_are_named_in_many_ways(tmp_path: Path) -> None:
    """A handle, a task, a directory, an identifier or a row of a table stands for a job."""
    with running(tmp_path) as xp:
        a, b = submitted(learn(), learn(lr=0.2))
        assert xp.environment  # which is on record from now on
        table = xp.jobs().sort_values("params.lr")
        row, other = table.iloc[0], next(table.iloc[1:].itertuples())
        wanted = diff(a, b)
        for named in (a.job, a.jobpath, str(a.jobpath), a.job.id[:8], row, row.to_dict()):
            assert diff(named, b) == wanted
        assert diff(xp.workspace.read_job(a.job.layout), other) == wanted
    assert diff(row, other) == wanted


@pytest.mark.parametrize("wrong", [None, 3, b"here", object(), {}, {"path": "/here"}])
def test_what_stands_for_no_job_is_refused(wrong: Any) -> None:
    """The error tells what can be given."""
    with pytest.raises(TypeError, match=r"give jobs .*identifiers, or rows"):
        diff(wrong, wrong)


def test_a_task_that_was_not_submitted_is_refused(tmp_path: Path) -> None:
    """A task has no job before it is submitted; the error names what compares it all the same."""
    with pytest.raises(SubmissionError, match=r"was not submitted: .*why_new"):
        diff(learn(), learn())
    with pytest.raises(WorkspaceError, match="is no job directory"):
        diff(tmp_path, tmp_path)
    with running(tmp_path) as xp:
        submitted(learn())
        with pytest.raises(TypeError, match=r"a table of 1 rows; take one row"):
            diff(xp.jobs(), xp.jobs())
        with pytest.raises(WorkspaceError, match="begins no identifier"):
            diff("ffffffffffff", "ffffffffffff")


def test_jobs_of_different_tasks_and_workspaces_are_compared(tmp_path: Path) -> None:
    """The first that is said is that the tasks are not the same."""
    with running(tmp_path / "a"):
        [a] = submitted(learn())
    with running(tmp_path / "b"):
        b = Failing.C(x=3).submit()
        b.wait()
    found = diff(a, b)
    assert found.tasks == (f"{PLACE}.learn", "tests.support.running.failing")
    assert str(found).splitlines()[1] == "task"
    assert found.params["x"] == (ABSENT, 3)
    assert found.results["state"] == ("done", "error (error)")


def test_what_made_a_value_is_told(tmp_path: Path) -> None:
    """Of a task inside its values tell; of what a task made, which job that was."""
    with running(tmp_path):
        one, two = (learn(lr=lr) for lr in (0.1, 0.2))
        loaders = [one.submit(), two.submit()]
        a, b = (
            Evaluate.C(model=one.model.copy()).submit(init_tasks=[loader]) for loader in loaders
        )
        c, d = (Uses.C(learn=Echo.C(x=x).submit()).submit() for x in (1, 2))
        for task in (a, b, c, d):
            task.wait()
    rows = diff(a, b).params
    assert rows == {
        "init_tasks.0.path": (str(one.weights), str(two.weights)),
        "init_tasks.0 (made by)": (
            f"{PLACE}.learn/{one.job.id[:12]}",
            f"{PLACE}.learn/{two.job.id[:12]}",
        ),
    }
    assert diff(c, d).params == {"learn.x": (1, 2)}


def test_the_environment_is_that_of_the_run_in_which_the_job_ran(tmp_path: Path) -> None:
    """A later run that found the job done does not tell what the job ran in."""
    for version in ("1.0", "2.0"):
        with running(tmp_path) as xp:
            a, b = submitted(learn(), learn(lr=float(version)))
        content = {"format": 1, "python": {"version": version}, "time": version}
        place = xp.workdir / "experiments" / "t" / xp.run / "environment.json"
        place.write_text(json.dumps(content))
    assert diff(a, b).environment == {"python.version": ("1.0", "2.0")}
    assert "python.version  1.0 -> 2.0" in str(diff(a, b))


def test_code_and_environment_are_compared(tmp_path: Path) -> None:
    """The code by its hash, and the surroundings of the two runs by dotted name."""
    with running(tmp_path) as xp:
        a, b = submitted(learn(), learn(lr=0.2))
    root = xp.workdir
    (root / "code").mkdir(exist_ok=True)
    for task, digest, source, version in (
        (a, "a" * 64, "x = 1", "1.0"),
        (b, "b" * 64, "x = 2", "2.0"),
    ):
        run = Path(root / "experiments" / "t" / f"run-{version}")
        run.mkdir()
        content = {"format": 1, "python": "3.11", "packages": {"numpy": version}, "git": None}
        (run / "environment.json").write_text(json.dumps(content))
        code = {"format": 1, "digest": digest, "parts": {"Learn": source}}
        (root / "code" / f"{digest}.json").write_text(json.dumps(code))
        told = {"code": digest, "run": f"t/{run.name}"}
        params = Path(task.job.layout.params)
        params.write_text(json.dumps({**json.loads(params.read_text()), **told}))
    found = diff(a, b)
    assert found.environment == {"packages.numpy": ("1.0", "2.0")}
    assert found.code.changed == ("Learn",)
    assert "-x = 1" in str(found)
    assert "+x = 2" in Page(found._repr_html_()).text
    assert not found.notes
    (root / "code" / f"{'a' * 64}.json").write_bytes(b"\xff not JSON")
    assert "the old code is not on record; the code hashes differ" in str(diff(a, b))
    assert diff(a, b).code


DAMAGE = [
    ("params.json", b"{"),
    ("params.json", b"[]"),
    ("params.json", b'{"params": 1, "tags": {}, "document": [], "code": 3, "run": "../../x/y"}'),
    (
        "params.json",
        b'{"params": {}, "tags": {}, "document": {"objects": [1], "root": 0}, "run": "x"}',
    ),
    ("result.json", b"\x00"),
    ("events.jsonl", b"\xff\xfe torn\n"),
]


@pytest.mark.parametrize(("name", "content"), DAMAGE)
def test_damaged_records_are_said_and_borne(tmp_path: Path, name: str, content: bytes) -> None:
    """Whatever is in the files of a job, the rest is compared, and the damage is in the notes."""
    with running(tmp_path):
        a, b = submitted(learn(), learn(lr=0.2))
    (a.jobpath / "__xpm__" / name).write_bytes(content)
    found = diff(a, b)
    assert found
    assert found.notes
    str(found), found._repr_html_()


def test_a_directory_that_is_gone_is_said(tmp_path: Path) -> None:
    """A job whose directory was deleted still has what the run remembers of it."""
    with running(tmp_path):
        a, b = submitted(learn(), learn(lr=0.2))
        shutil.rmtree(a.jobpath)
        found = diff(a, b)
    assert found.params["lr"] == (0.1, 0.2)
    assert any("the job directory is gone" in note for note in found.notes)


def test_jobs_that_run_or_wait_are_compared(tmp_path: Path) -> None:
    """A job that waits has no directory, and its run tells its parameters and its state."""
    with running(tmp_path, max_jobs=1):
        a = Held.C(key="a").submit()
        gates.await_begin("a")
        b = Held.C(key="b").submit()
        found = diff(a, b)
        gates.open("a", "b")
    assert found.params == {"key": ("a", "b")}
    assert found.results["state"] == ("running", "waiting")


def test_what_a_user_wrote_is_escaped(tmp_path: Path) -> None:
    """Values, tags and results of a task cannot add an element to the page."""
    with running(tmp_path):
        a, b = submitted(learn(), learn(name=tag(HOSTILE)))
    page = Page(diff(a, b)._repr_html_())
    assert set(page.tags) <= {
        *("style", "div", "p", "b", "pre", "code", "span"),
        *("table", "thead", "tbody", "tr", "th", "td"),
    }
    assert "<script>alert(1)</script>" in page.text
    for character in "\x1b\u202e":
        assert character not in page.text + str(diff(a, b))


def test_no_class_has_to_be_importable(tmp_path: Path) -> None:
    """Another process that knows none of the classes compares by directory, without pandas."""
    with running(tmp_path):
        a, b = submitted(learn(), learn(model=Wide.C()))
    code = (
        "import sys; from xpmnb import diff; print(diff(*sys.argv[1:]));"
        "print('pandas' in sys.modules)"
    )
    command = [sys.executable, "-c", code, str(a.jobpath), str(b.jobpath)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert f"{PLACE}.model -> {PLACE}.wide" in done.stdout
    assert done.stdout.splitlines()[-1] == "False"
