"""A cached method computes once for a workspace, and no crash leaves half a value."""

import json
import os
import pickle
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support import processes
from tests.support.declaring import Cells, loose
from xpmnb import Config, Param, Task, cache, ownership, seam
from xpmnb.core.paths import generate_paths
from xpmnb.core.state import state_of
from xpmnb.document import from_document, to_document
from xpmnb.errors import DeclarationError, WorkspaceError
from xpmnb.identifiers import identifier
from xpmnb.records.layout import WorkspaceLayout

DEADLINE_S = 20.0

actions: dict[str, Callable[[Path], Any]] = {}
"""What the cached method of `Terms` does, by the name that it was given."""


class Terms(Config):
    """Keeps what its test computes."""

    name: Param[str] = "it"

    @cache("terms.json")
    def load(self, path: Path, *more: Any, factor: int = 1) -> Any:
        """Read the value, or compute it."""
        if path.is_file():
            return json.loads(path.read_text())
        value = actions[self.name](path)
        path.write_text(json.dumps(value))
        return value if not more else (value, more, factor)

    @cache("folder")
    def folder(self, path: Path) -> Any:
        """Do whatever the test wants, and nothing else."""
        return actions[self.name](path)


class Outer(Config):
    """Uses what another one keeps, and keeps it as well."""

    inner: Param[Terms]
    again: Param["Outer | None"] = None

    @cache("outer.json")
    def load(self, path: Path) -> Any:
        """Add what is inside."""
        if not path.exists():
            below = self.again.load() if self.again else 0
            path.write_text(json.dumps(self.inner.load() + below))
        return json.loads(path.read_text())


class Learn(Task):
    """Makes terms, and uses some."""

    terms: Param[Terms]
    rate: Param[float] = 0.5


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WorkspaceLayout]:
    """Let the threads of the test work in a workspace."""
    actions.clear()
    monkeypatch.setattr(seam, "current_workspace", lambda: str(tmp_path))
    yield WorkspaceLayout(tmp_path)
    assert list(tmp_path.rglob(".writing-*")) == []


def files(workspace: WorkspaceLayout) -> list[str]:
    """Return what is kept, without locks."""
    found = Path(workspace.cache).rglob("*")
    return sorted(path.name for path in found if path.is_file() and path.name[0] != ".")


def test_a_value_is_computed_once(workspace: WorkspaceLayout) -> None:
    """The method is called without its path; equal configurations share what it wrote."""
    calls: list[Path] = []

    def compute(path: Path) -> int:
        calls.append(path)
        return 3

    actions["it"] = compute
    assert Terms.C().load() == 3
    assert Terms.C().load() == 3
    assert Terms.C().instance().load() == 3
    assert len(calls) == 1
    folder = workspace.cached(Terms.__xpm_name__, Terms.C().__identifier__())
    assert json.loads(Path(folder, "terms.json").read_text()) == 3
    assert calls[0].name == "terms.json"
    assert calls[0].is_absolute()


def test_other_values_have_files_of_their_own(workspace: WorkspaceLayout) -> None:
    """Configurations with other identifiers keep other files."""
    actions.update(a=lambda _: "a", b=lambda _: "b")
    assert [Terms.C(name=name).load() for name in "aba"] == ["a", "b", "a"]
    assert files(workspace) == ["terms.json"] * 2


@pytest.mark.usefixtures("workspace")
def test_other_arguments_reach_the_method() -> None:
    """What stands after the path is handed through."""
    actions["it"] = lambda _: 1
    assert Terms.C().load("x", factor=2) == (1, ("x",), 2)


def test_an_error_leaves_nothing(workspace: WorkspaceLayout) -> None:
    """What was written before an error is gone, and the next call computes."""

    def fail(path: Path) -> None:
        path.write_text("half")
        message = "no"
        raise ValueError(message)

    actions["it"] = fail
    with pytest.raises(ValueError, match="no"):
        Terms.C().load()
    assert files(workspace) == []
    actions["it"] = lambda _: 2
    assert Terms.C().load() == 2


def test_a_damaged_value_is_the_methods_own_affair(workspace: WorkspaceLayout) -> None:
    """An error of reading a kept value is let through, and the file stays."""
    actions["it"] = lambda _: 2
    Terms.C().load()
    [kept] = Path(workspace.cache).rglob("terms.json")
    kept.write_text("{")
    with pytest.raises(json.JSONDecodeError):
        Terms.C().load()
    assert kept.read_text() == "{"


def test_a_folder_can_be_kept_and_nothing_too(workspace: WorkspaceLayout) -> None:
    """A method may make a folder; one that writes nothing is called again."""
    calls: list[Path] = []
    actions["it"] = calls.append
    assert Terms.C().folder() is None
    assert Terms.C().folder() is None
    assert len(calls) == 2

    def make(path: Path) -> Path:
        path.mkdir(exist_ok=True)
        (path / "a").write_text("a")
        return path / "a"

    actions["it"] = make
    first, second = Terms.C().folder(), Terms.C().folder()
    assert first == second
    assert first.read_text() == "a"
    assert files(workspace) == ["a"]


@pytest.mark.usefixtures("workspace")
def test_a_path_that_is_returned_is_where_the_value_lies() -> None:
    """A method that returns its path returns that of the kept file, as text or as a path."""

    def write(path: Path) -> Any:
        path.write_text("x")
        return path

    actions["it"] = write
    assert Terms.C().folder() == Terms.C().folder()
    actions["text"] = lambda path: str(write(path))
    assert Path(Terms.C(name="text").folder()).read_text() == "x"


def test_a_file_of_another_name_is_reported(workspace: WorkspaceLayout) -> None:
    """A method that writes beside its path is told that this is not kept."""
    actions["it"] = lambda path: Path(f"{path}.npy").write_text("x")
    with pytest.warns(UserWarning, match=r"wrote folder\.npy beside its path"):
        Terms.C().folder()
    assert files(workspace) == []


@pytest.mark.usefixtures("workspace")
def test_cached_methods_may_call_others() -> None:
    """One may call another one, and the same one of another configuration."""
    actions["it"] = lambda _: 4
    terms = Terms.C()
    assert Outer.C(inner=terms, again=Outer.C(inner=terms)).load() == 8
    assert Outer.C(inner=terms, again=Outer.C(inner=terms)).instance().load() == 8


@pytest.mark.usefixtures("workspace")
def test_a_method_that_waits_for_itself_is_an_error() -> None:
    """A method that needs what it is about to make is told so, and does not hang."""
    actions["it"] = lambda _: Terms.C().load()
    with pytest.raises(RuntimeError, match="calls itself for the same configuration"):
        Terms.C().load()
    actions["it"] = lambda _: 1
    assert Terms.C().load() == 1


def test_threads_compute_once(workspace: WorkspaceLayout) -> None:
    """Threads that want a value at once wait for the first, and get what it made."""
    calls: list[int] = []
    entered, go = threading.Event(), threading.Event()

    def compute(_: Path) -> int:
        calls.append(1)
        entered.set()
        assert go.wait(DEADLINE_S)
        return 7

    actions["it"] = compute
    results: list[Any] = []
    threads = [threading.Thread(target=lambda: results.append(Terms.C().load())) for _ in range(8)]
    for thread in threads:
        thread.start()
    assert entered.wait(DEADLINE_S)
    go.set()
    for thread in threads:
        thread.join(DEADLINE_S)
    assert (results, calls) == ([7] * 8, [1])
    assert files(workspace) == ["terms.json"]


SCRIPT = """
from xpmnb import Config, cache, seam
seam.current_workspace = lambda: str(ROOT)

class Slow(Config):
    __xpmid__ = "slow"

    @cache("slow.txt")
    def load(self, path):
        if path.exists():
            return path.read_text()
        with open(ROOT / "calls", "a") as calls:
            calls.write("x")
        with path.open("w") as file:
            file.write("half ")
            file.flush()
            if "hang" in sys.argv:
                print("writing", flush=True)
                sys.stdin.read()
            file.write("whole")
        return path.read_text()

if "wait" in sys.argv:
    print("ready", flush=True)
    sys.stdin.read(1)
print(Slow.C().load())
"""


def test_processes_compute_once(tmp_path: Path) -> None:
    """Processes that want a value at once compute it once, and all get it."""
    script = processes.write_script(tmp_path, SCRIPT)
    started = [processes.start(script, tmp_path, "wait") for _ in range(4)]
    for each in started:
        processes.await_line(each, "ready")
    for each in started:
        assert each.stdin is not None
        each.stdin.write("x")
        each.stdin.flush()
    assert [processes.finish(each)[0].strip() for each in started] == ["half whole"] * 4
    assert (tmp_path / "calls").read_text() == "x"


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_killed_process_leaves_nothing_that_counts(tmp_path: Path) -> None:
    """After `kill -9` in the middle of writing, others wait no more, and compute it whole."""
    script = processes.write_script(tmp_path, SCRIPT)
    writer = processes.start(script, tmp_path, "hang")
    processes.await_line(writer, "writing")
    waiter = processes.start(script, tmp_path)
    assert not list(tmp_path.glob("cache/slow/*/slow.txt"))
    os.kill(writer.pid, signal.SIGKILL)
    processes.finish(writer)
    assert processes.finish(waiter)[0].strip() == "half whole"
    assert processes.run(script, tmp_path).strip() == "half whole"
    assert (tmp_path / "calls").read_text() == "xx"
    assert not list(tmp_path.rglob(".writing-*"))


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_what_the_dead_left_is_removed(workspace: WorkspaceLayout) -> None:
    """Remains of a dead writer are removed by the next one, those of other values are not."""
    folder = Path(workspace.cached(Terms.__xpm_name__, Terms.C().__identifier__()))
    dead = folder / ".writing-terms.json" / "x" / "terms.json"
    other = folder / ".writing-folder" / "y"
    dead.parent.mkdir(parents=True)
    dead.write_text("half")
    other.mkdir(parents=True)
    actions["it"] = lambda _: 5
    assert Terms.C().load() == 5
    assert not dead.exists()
    assert other.exists()
    actions["it"] = lambda _: None
    Terms.C().folder()
    assert not other.exists()


@pytest.mark.usefixtures("workspace")
def test_a_cancelled_thread_frees_the_value() -> None:
    """An interruption in the middle, of whatever kind, leaves neither lock nor remains."""

    def interrupted(_: Path) -> None:
        raise KeyboardInterrupt

    actions["it"] = interrupted
    with pytest.raises(KeyboardInterrupt):
        Terms.C().load()
    actions["it"] = lambda _: 5
    assert Terms.C().load() == 5


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_value_that_may_only_be_read_is_read(workspace: WorkspaceLayout) -> None:
    """In a folder that is read-only, a kept value is read, and a new one is a clear error."""
    actions["it"] = lambda _: 5
    Terms.C().load()
    [kept] = Path(workspace.cache).rglob("terms.json")
    for lock in kept.parent.glob(".lock-*"):
        lock.unlink()
    kept.parent.chmod(0o500)
    try:
        assert Terms.C().load() == 5
        with pytest.raises(WorkspaceError, match="cannot be locked"):
            Terms.C().folder()
    finally:
        kept.parent.chmod(0o700)


def test_a_job_keeps_values_in_its_own_workspace(tmp_path: Path) -> None:
    """In a job the workspace is that of the job, whatever the kernel works in."""
    actions["it"] = lambda _: 6
    ownership.bind(SimpleNamespace(workspace=WorkspaceLayout(tmp_path / "of the job")))
    try:
        assert Terms.C().instance().load() == 6
    finally:
        ownership.bind(None)
    assert len(list(tmp_path.glob("of the job/cache/*/*/terms.json"))) == 1


def test_without_a_workspace_it_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no workspace is known, the error says how to open one."""
    monkeypatch.setattr(seam, "current_workspace", lambda: None)
    with pytest.raises(WorkspaceError, match=r"Terms\.load\(\) keeps its value in a workspace"):
        Terms.C().load()


def test_the_face_knows_no_workspace_without_an_experiment() -> None:
    """With no experiment open the slot that the face fills says so."""
    assert seam.current_workspace() is None


def test_objects_find_the_folder_of_their_configuration(workspace: WorkspaceLayout) -> None:
    """An object has the identifier of its configuration, also pickled and from a document."""
    terms = Terms.C(name="x")
    learn = Learn.C(terms=terms).seal()
    made = from_document(json.loads(json.dumps(to_document(learn)))).instance().terms
    again = pickle.loads(pickle.dumps(made))  # noqa: S301 (made here)
    expected = terms.__identifier__()
    assert vars(made)["__xpm_identifier__"] == vars(again)["__xpm_identifier__"] == expected
    assert "__xpm_identifier__" not in vars(learn.instance())
    actions["x"] = lambda _: 1
    assert again.load() == terms.load() == 1
    assert files(workspace) == ["terms.json"]


def test_what_different_tasks_make_is_kept_apart(workspace: WorkspaceLayout) -> None:
    """Equal values that two tasks made keep two files, in the kernel and in a job's process."""
    made = []
    for rate in (0.1, 0.2):
        learn = Learn.C(terms=Terms.C(), rate=rate).seal()
        job = SimpleNamespace(id=identifier(learn), path=Path("/made"))
        state_of(learn).job = job
        terms = Terms.C()
        state_of(terms).producer = learn
        made.append(terms)
    assert identifier(made[0]) != identifier(made[1])
    actions["it"] = str
    assert made[0].load() != made[1].load()
    user = Learn.C(terms=made[1]).seal()
    there = from_document(to_document(user, generate_paths(user, "/job", "/partials")))
    assert there.terms.__identifier__() == identifier(made[1])
    assert there.instance().terms.load() == made[1].load()
    assert files(workspace) == ["terms.json"] * 2


def test_a_method_says_what_it_takes() -> None:
    """Help and completion show the method without its path; the class still has its text."""
    import inspect  # noqa: PLC0415 (for this test alone)

    assert list(inspect.signature(Terms.C().load).parameters) == ["more", "factor"]
    assert Terms.load.__doc__ == "Read the value, or compute it."


@pytest.mark.parametrize("name", ["", "a/b", "../x", ".hidden", "x" * 300, 3, None])
def test_bad_names_are_refused(name: Any) -> None:
    """A name that is none for a file is refused where the class is declared."""
    with pytest.raises(DeclarationError, match="name the file that the method writes"):
        loose(cache)(name)


@pytest.mark.usefixtures("workspace")
def test_mistakes_of_the_declaration_are_explained() -> None:
    """A forgotten name, a method without a path, a shared file, and no Config are told apart."""
    with pytest.raises(DeclarationError, match="name the file"):
        loose(cache)(print)
    with pytest.raises(DeclarationError, match="takes no path"):
        loose(cache("x"))(Terms.__identifier__)

    class Shared(Config):
        @cache("same")
        def one(self, path: Path) -> None:
            """Keep something."""

        @cache("same")
        def two(self, path: Path) -> None:
            """Keep something else."""

    with pytest.raises(DeclarationError, match=r"one and two of .*Shared both keep 'same'"):
        Shared.C().one()

    class Plain:
        @cache("x")
        def load(self, path: Path) -> None:
            """Keep something."""

    with pytest.raises(DeclarationError, match="classes derived from Config"):
        Plain().load()


def test_a_class_that_is_declared_again_finds_its_values(workspace: WorkspaceLayout) -> None:
    """Running a cell again, with other code in the method, keeps what was computed."""
    with Cells("cached_cells") as cells:
        source = (
            "from xpmnb import *\n"
            "class Kept(Config):\n"
            "    @cache('x')\n"
            "    def load(self, path):\n"
            "        if path.exists():\n"
            "            return path.read_text()\n"
            "        path.write_text({!r})\n"
            "        return path.read_text()\n"
        )
        assert cells.run(source.format("old")).Kept.C().load() == "old"
        assert cells.run(source.format("new")).Kept.C().load() == "old"
    assert files(workspace) == ["x"]
