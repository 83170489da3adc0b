"""Which notebook a kernel runs."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import nbformat
import pytest

import xpmnb
from tests.support.kernels import kernel
from tests.support.shell import until
from xpmnb.notebook import whereabouts
from xpmnb.notebook.whereabouts import Starter, notebook_of_command, notebook_path, notebook_stem

BIN = Path(sys.executable).parent
ROOT = Path(xpmnb.__file__).parents[1]

CELL = """
from pathlib import Path
from xpmnb import Config
class Model(Config):
    pass
Path({told!r}).write_text(Model.__xpm_name__)
"""


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Put a kernel's shell where IPython would be, with nothing known of the notebook."""
    shell = SimpleNamespace(kernel=object(), user_ns={})
    ipython = ModuleType("IPython")
    ipython.get_ipython = lambda: shell  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setattr(whereabouts, "_known", {})
    monkeypatch.setattr(whereabouts, "_look_up", Starter)
    for name in ("JPY_SESSION_NAME", "SCRIPT_NAME"):
        monkeypatch.delenv(name, raising=False)
    return shell


def test_no_kernel_knows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside a kernel there is no notebook, even where a kernel's environment was inherited."""
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/me/study.ipynb")
    assert notebook_path() is None
    assert notebook_stem() is None


@pytest.mark.parametrize("name", ["/home/me/My study.ipynb", "/home/me/study.md"])
def test_jupyter_tells_the_path(
    shell: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """JupyterLab's session name is the notebook's path."""
    assert shell.kernel
    monkeypatch.setenv("JPY_SESSION_NAME", name)
    assert notebook_path() == Path(name)
    assert notebook_stem() == Path(name).stem


def test_a_console_is_no_notebook(shell: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    """A console has a session name too, which is no notebook."""
    assert shell.kernel
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/me/console-1-1f2e")
    assert notebook_path() is None


def test_vs_code_tells_the_path(shell: SimpleNamespace) -> None:
    """VS Code puts the path into the user's names."""
    shell.user_ns["__vsc_ipynb_file__"] = "/home/me/study.ipynb"
    assert notebook_stem() == "study"


def test_voila_tells_the_path(
    shell: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Voila names the script, relative to the working directory."""
    assert shell.kernel
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SCRIPT_NAME", "study.ipynb")
    assert notebook_path() == tmp_path / "study.ipynb"


@pytest.mark.parametrize(
    ("command", "notebook"),
    [
        ("/usr/bin/python3 /usr/bin/jupyter-nbconvert --execute --to html a.ipynb", "a.ipynb"),
        ("python -m jupyter nbconvert --execute --output b.ipynb sub/a.ipynb", "sub/a.ipynb"),
        ("python -m nbconvert --output=b.ipynb a.ipynb", "a.ipynb"),
        ("python -X dev -W error -m nbconvert a.ipynb --execute", "a.ipynb"),
        (r"C:\Python\python.exe C:\Scripts\jupyter-execute-script.py C:\a.ipynb", r"C:\a.ipynb"),
        ("jupyter-execute.exe a.ipynb", "a.ipynb"),
        ("python jupyter-execute a.ipynb b.ipynb", None),
        ("python jupyter-nbconvert *.ipynb", None),
        ("python jupyter-nbconvert --execute", None),
        ("jupyter run study.py", "study.py"),
        ("python /x/papermill -p data x.ipynb in.ipynb out.ipynb -k python3", "in.ipynb"),
        ("python -m papermill in.ipynb out.ipynb", "in.ipynb"),
        ("python -m pytest --nbval a.ipynb", "a.ipynb"),
        ("python pytest -q --nbmake a.ipynb::cell a.ipynb tests/test_a.py", "a.ipynb"),
        ("python pytest --nbval a.ipynb b.ipynb", None),
    ],
)
def test_tools_name_the_notebook_that_they_run(command: str, notebook: str | None) -> None:
    """The one notebook on the command line of a tool is meant; of several, none."""
    assert notebook_of_command(command.split()) == Starter(notebook, is_tool=True)


@pytest.mark.parametrize(
    "command",
    [
        "python /usr/bin/jupyter-lab a.ipynb",
        "jupyter notebook a.ipynb",
        "python -m pytest a.ipynb",
        "python script.py a.ipynb",
        "python -c 'x' a.ipynb",
        "python",
        "",
    ],
)
def test_other_programs_say_nothing(command: str) -> None:
    """A notebook that a server was asked to open is not what each of its kernels runs."""
    assert notebook_of_command(command.split()) == Starter()


def write_notebook(path: Path) -> Path:
    """Write a notebook of one cell, which tells what its class is called; return where."""
    told = path.with_suffix(".told")
    cell = nbformat.v4.new_code_cell(CELL.format(told=str(told)))
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    book = nbformat.v4.new_notebook(cells=[cell], metadata={"kernelspec": spec})
    nbformat.write(book, path)
    return told


def run_tool(folder: Path, *command: str) -> None:
    """Run a tool as a cell of another notebook would: with the environment of that kernel."""
    environ = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        "JPY_SESSION_NAME": "/home/me/outer.ipynb",
    }
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.notebook
@pytest.mark.parametrize("tool", ["execute", "nbconvert", "papermill", "nbval"])
def test_a_notebook_that_a_tool_runs_is_known(tmp_path: Path, tool: str) -> None:
    """Its classes are called after it, whatever notebook the tool was started from."""
    if tool in ("nbconvert", "nbval"):
        pytest.importorskip(tool)
    told = write_notebook(tmp_path / "My study.ipynb")
    script = tmp_path / "papermill"
    script.write_text(
        "import sys, nbformat, nbclient\n"
        "nbclient.NotebookClient(nbformat.read(sys.argv[1], 4)).execute()\n"
    )
    commands = {
        "execute": ("-m", "jupyter", "execute", "My study.ipynb"),
        "nbconvert": ("-m", "nbconvert", "--execute", "--to=html", "--output=x", "My study.ipynb"),
        "papermill": (str(script), "My study.ipynb", "out.ipynb"),
        "nbval": ("-m", "pytest", "-q", "-p", "no:cacheprovider", "--nbval-lax", "My study.ipynb"),
    }
    run_tool(tmp_path, *commands[tool])
    assert told.read_text() == "my_study.model"


@pytest.mark.notebook
def test_a_script_in_a_notebook_passes_no_name_on(tmp_path: Path) -> None:
    """A kernel that was started from within another one does not take the name of that one."""
    told = write_notebook(tmp_path / "inner.ipynb")
    script = tmp_path / "script.py"
    script.write_text(
        "import nbformat, nbclient\n"
        f"nbclient.NotebookClient(nbformat.read({str(tmp_path / 'inner.ipynb')!r}, 4)).execute()\n"
    )
    with kernel(tmp_path, JPY_SESSION_NAME=str(tmp_path / "outer.ipynb")) as outer:
        outer.run(
            f"import subprocess, sys\nsubprocess.run([sys.executable, {str(script)!r}], check=True)"
        )
    assert told.read_text() == "notebook.model"


@pytest.mark.notebook
def test_a_kernel_takes_the_name_that_it_is_told(tmp_path: Path) -> None:
    """What a cell says goes before what is known, and what is no name is refused."""
    declare = "from xpmnb import Config\nclass Model(Config): pass\nprint(Model.__xpm_name__)"
    with kernel(tmp_path) as plain:
        assert plain.run(declare) == "notebook.model\n"
        assert plain.run(f"__xpm_notebook__ = 'My digits'\n{declare}") == "my_digits.model\n"
        wrong = f"__xpm_notebook__ = 5\ntry:\n    {declare.splitlines()[1]}\n"
        said = plain.run(f"{wrong}except TypeError as error:\n    print(error)")
        assert said.startswith("__xpm_notebook__ = 5: give the name of the notebook as a string")
    with kernel(tmp_path, JPY_SESSION_NAME=str(tmp_path / "study.ipynb")) as named:
        assert named.run(declare) == "study.model\n"


class _Colab(BaseHTTPRequestHandler):
    """Answers as the sessions of Colab do, with what a test wants."""

    answer: Any = b""
    asked = 0
    hold = threading.Event()

    def do_GET(self) -> None:
        """Answer one request."""
        type(self).asked += 1
        if self.path != "/api/sessions":
            self.send_error(404)
        elif self.answer is None:
            self.hold.wait(30)
        else:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(self.answer)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def colab(shell: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[_Colab]]:
    """Be a kernel of Colab, whose sessions a local server tells."""
    assert shell.kernel

    class Handler(_Colab):
        hold = threading.Event()

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setitem(sys.modules, "google.colab", ModuleType("google.colab"))
    monkeypatch.setenv("COLAB_JUPYTER_IP", "127.0.0.1")
    monkeypatch.setattr(whereabouts, "_COLAB_PORT", server.server_port)
    yield Handler
    Handler.hold.set()
    server.shutdown()
    server.server_close()
    thread.join()


def sessions(*names: object) -> bytes:
    """Return what Colab answers."""
    return json.dumps([{"name": name, "path": "fileId=1"} for name in names]).encode()


def test_colab_tells_the_name(colab: type[_Colab]) -> None:
    """Colab's sessions name the notebook; they are asked once."""
    colab.answer = sessions("My study.ipynb")
    assert notebook_stem() == "My study"
    assert notebook_stem() == "My study"
    assert colab.asked == 1


@pytest.mark.parametrize(
    "answer",
    [b"", b"[]", b"<html>", b"\xff", b'{"a": 1}', b"[1]", sessions(5), sessions("a", "b"), None],
)
def test_colab_may_say_nothing(
    colab: type[_Colab], answer: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever goes wrong, the notebook is unknown, and nobody asks again."""
    monkeypatch.setattr(whereabouts, "_COLAB_TIMEOUT_S", 0.1)
    colab.answer = answer
    assert notebook_path() is None
    assert notebook_path() is None
    until(lambda: colab.asked == 1)


def test_who_started_it_is_asked_once(
    shell: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Processes are looked at once for each kernel."""
    assert shell.kernel
    asked: list[int] = []

    def look_up() -> Starter:
        asked.append(1)
        return Starter("a.ipynb", "/home/me", is_tool=True)

    monkeypatch.setattr(whereabouts, "_look_up", look_up)
    assert [notebook_path() for _ in range(3)] == [Path("/home/me/a.ipynb")] * 3
    assert asked == [1]
