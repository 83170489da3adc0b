"""Which notebook and which cell."""

import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from xpmnb.notebook import cells


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Put a kernel's shell where IPython would be, with nothing known of the notebook."""
    shell = SimpleNamespace(kernel=object(), user_ns={}, parent={})
    shell.get_parent = lambda: shell.parent
    ipython = ModuleType("IPython")
    ipython.get_ipython = lambda: shell  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    for name in ("JPY_SESSION_NAME", "SCRIPT_NAME"):
        monkeypatch.delenv(name, raising=False)
    return shell


def test_no_kernel_knows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside a kernel there is no notebook, even where a kernel's environment was inherited."""
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/me/study.ipynb")
    assert not cells.in_kernel()
    assert cells.current_cell() is None
    assert cells.notebook_path() is None
    assert cells.notebook_stem() is None


def test_looking_imports_nothing() -> None:
    """Asking does not load IPython."""
    program = (
        "import sys; from xpmnb.notebook.cells import *; from xpmnb.notebook import cells;"
        "assert not cells.in_kernel() and cells.current_cell() is None;"
        "assert 'IPython' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_terminal_is_no_kernel(shell: SimpleNamespace) -> None:
    """IPython in a terminal has a shell without a kernel."""
    del shell.kernel
    assert not cells.in_kernel()


@pytest.mark.parametrize("name", ["/home/me/My study.ipynb", "/home/me/study.md"])
def test_jupyter_tells_the_path(
    shell: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """JupyterLab's session name is the notebook's path."""
    assert shell.kernel
    monkeypatch.setenv("JPY_SESSION_NAME", name)
    assert cells.notebook_path() == Path(name)
    assert cells.notebook_stem() == Path(name).stem


def test_a_console_is_no_notebook(shell: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    """A console has a session name too, which is no notebook."""
    assert shell.kernel
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/me/console-1-1f2e")
    assert cells.notebook_path() is None


def test_vs_code_tells_the_path(shell: SimpleNamespace) -> None:
    """VS Code puts the path into the user's names."""
    shell.user_ns["__vsc_ipynb_file__"] = "/home/me/study.ipynb"
    assert cells.notebook_stem() == "study"


def test_voila_tells_the_path(
    shell: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Voila names the script, relative to the working directory."""
    assert shell.kernel
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SCRIPT_NAME", "study.ipynb")
    assert cells.notebook_path() == tmp_path / "study.ipynb"


def test_an_execution_has_a_key(shell: SimpleNamespace) -> None:
    """The key is that of the execution's message; clicks and nothing have none."""
    shell.parent = {"header": {"msg_type": "execute_request", "msg_id": "a1"}}
    assert cells.current_cell() == "a1"
    shell.parent = {"header": {"msg_type": "comm_msg", "msg_id": "a2"}}
    assert cells.current_cell() is None
    shell.parent = {}
    assert cells.current_cell() is None
