"""Which notebook and which cell."""

import subprocess
import sys
from types import ModuleType, SimpleNamespace

import pytest

from xpmnb.notebook import cells


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Put a kernel's shell where IPython would be."""
    shell = SimpleNamespace(kernel=object(), user_ns={}, parent={})
    shell.get_parent = lambda: shell.parent
    ipython = ModuleType("IPython")
    ipython.get_ipython = lambda: shell  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    return shell


def test_no_kernel_knows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside a kernel there is no notebook, even where a kernel's environment was inherited."""
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/me/study.ipynb")
    assert not cells.in_kernel()
    assert cells.current_cell() is None


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


def test_an_execution_has_a_key(shell: SimpleNamespace) -> None:
    """The key is that of the execution's message; clicks and nothing have none."""
    shell.parent = {"header": {"msg_type": "execute_request", "msg_id": "a1"}}
    assert cells.current_cell() == "a1"
    shell.parent = {"header": {"msg_type": "comm_msg", "msg_id": "a2"}}
    assert cells.current_cell() is None
    shell.parent = {}
    assert cells.current_cell() is None
