"""Which notebook this kernel runs: told by front ends, or read off the tool that started it.

Where nothing tells, nothing is guessed: the classes of the notebook are then called
``notebook.<name>``, and a cell may say otherwise: ``__xpm_notebook__ = "digits"``.

========================================  ==================================================
VS Code                                   ``__vsc_ipynb_file__`` among the user's names
Google Colab                              its sessions, asked over HTTP, once
nbconvert, ``jupyter execute``,           the command line of the process that started the
``jupyter run``, papermill (the input),   kernel, if it names exactly one notebook
pytest with nbval or nbmake
JupyterLab, Notebook                      ``JPY_SESSION_NAME``
Voila                                     ``SCRIPT_NAME``, relative to the working directory
========================================  ==================================================
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from xpmnb.notebook.cells import kernel_shell

# What front ends open as a notebook: Jupyter's own format, and texts that Jupytext pairs with it.
NOTEBOOK_SUFFIXES = frozenset({".ipynb", ".py", ".md", ".rmd", ".qmd"})

_COLAB_HOST = "172.28.0.12"
_COLAB_PORT = 9000
_COLAB_TIMEOUT_S = 1.0
_COLAB_LIMIT_BYTES = 1 << 20

_MAX_ANCESTORS = 16

# Options whose value may look like the notebook that is run.
_WITH_VALUE = frozenset({"--output", "--output-dir", "--template", "--template-file", "--config"})
_WITH_TWO_VALUES = frozenset({"-p", "-r", "--parameters", "--parameters_raw"})
_TESTS_NOTEBOOKS = frozenset({"--nbval", "--nbval-lax", "--nbmake"})


@dataclass(frozen=True, slots=True)
class Starter:
    """What the process that started a kernel tells of it."""

    notebook: str | None = None
    """The notebook that it runs there; None if it is no such tool, or not exactly one."""
    folder: str = ""
    """Its working directory, which the notebook's path is relative to."""
    is_tool: bool = False
    """Whether it runs notebooks that its command line names."""
    is_inside_kernel: bool = False
    """Whether it was itself started by another kernel, whose environment it has."""


_known: dict[int, tuple[Starter, str | None]] = {}
"""What was found out, by process: neither changes. Any thread; a second look does no harm."""


def notebook_path() -> Path | None:
    """Return the path of the running notebook.

    Returns
    -------
    Path or None
        The path as it was when the kernel started (it does not follow a later renaming). None
        outside a kernel, and where nothing tells, as under nbclient when a script calls it.
    """
    shell = kernel_shell()
    if shell is None:
        return None
    told = getattr(shell, "user_ns", {}).get("__vsc_ipynb_file__")
    if isinstance(told, str) and _is_notebook(told):
        return _absolute(told, "")
    starter, on_colab = _found_out()
    if on_colab is not None:
        return _absolute(on_colab, "")
    if starter.is_tool:
        return _absolute(starter.notebook, starter.folder) if starter.notebook else None
    # A kernel that was started in another one has the environment of that one.
    names = () if starter.is_inside_kernel else ("JPY_SESSION_NAME", "SCRIPT_NAME")
    for name in names:
        value = os.environ.get(name, "")
        # A console has a session name too, but no notebook's suffix.
        if _is_notebook(value):
            return _absolute(value, "")
    return None


def notebook_stem() -> str | None:
    """Return the running notebook's file name without its suffix; None where it is not known."""
    path = notebook_path()
    return path.stem if path else None


def notebook_of_command(command: Sequence[str]) -> Starter:
    """Tell from the command line of a process which notebook it runs.

    Parameters
    ----------
    command
        Program and arguments.

    Returns
    -------
    Starter
        With the notebook if it is a tool that runs notebooks, and exactly one is named.
    """
    tool, arguments = _tool(list(command))
    if tool == "papermill":
        # What it writes is called otherwise for each run; what it reads is the notebook.
        found = list(_notebooks(arguments))[:1]
    elif tool in ("pytest", "py.test"):
        if _TESTS_NOTEBOOKS.isdisjoint(arguments):
            return Starter()
        plain = (argument.partition("::")[0] for argument in arguments)
        found = [name for name in _notebooks(plain) if name.endswith(".ipynb")]
    elif tool in ("jupyter-nbconvert", "nbconvert", "jupyter-execute", "jupyter-run"):
        found = list(_notebooks(arguments))
    else:
        return Starter()
    alone = dict.fromkeys(found)
    is_known = len(alone) == 1 and not any(letter in found[0] for letter in "*?[")
    return Starter(found[0] if is_known else None, is_tool=True)


def _tool(command: list[str]) -> tuple[str, list[str]]:
    """Return the name of what runs, without the interpreter around it, and its arguments."""
    if not command:
        return "", []
    tool, arguments = _base(command[0]), command[1:]
    if tool.startswith(("python", "pypy")):
        while arguments and arguments[0].startswith("-") and arguments[0] != "-m":
            skipped = 2 if arguments[0] in ("-W", "-X") else 1
            arguments = arguments[skipped:]
        if arguments[:1] == ["-m"]:
            arguments = arguments[1:]
        if not arguments:
            return tool, []
        tool, arguments = _base(arguments[0]), arguments[1:]
    tool = tool.removesuffix(".exe").removesuffix("-script.py")
    if tool == "jupyter" and arguments:
        tool, arguments = f"jupyter-{arguments[0]}", arguments[1:]
    return tool, arguments


def _base(path: str) -> str:
    return path.replace("\\", "/").rpartition("/")[2]


def _notebooks(arguments: Iterable[str]) -> Iterator[str]:
    skipped = 0
    for argument in arguments:
        if skipped:
            skipped -= 1
        elif argument in _WITH_TWO_VALUES:
            skipped = 2
        elif argument in _WITH_VALUE:
            skipped = 1
        elif not argument.startswith("-") and _is_notebook(argument):
            yield argument


def _is_notebook(name: str) -> bool:
    return Path(name).suffix.lower() in NOTEBOOK_SUFFIXES


def _absolute(name: str, folder: str) -> Path:
    path = Path(name)
    return path if path.is_absolute() else Path(folder or Path.cwd()) / path


def _found_out() -> tuple[Starter, str | None]:
    """Return who started this kernel, and what Colab calls the notebook."""
    pid = os.getpid()
    known = _known.get(pid)
    if known is None:
        known = _known[pid] = (_look_up(), _ask_colab())
    return known


def _look_up() -> Starter:
    """Look at the processes that this one descends from."""
    import psutil  # noqa: PLC0415 (20 ms, and only kernels need it)

    try:
        own = psutil.Process()
        # uv, conda and shells that a kernel was started through name its connection file as well.
        files = {each for each in own.cmdline() if each.endswith(".json")}
        starter = None
        for process in own.parents()[:_MAX_ANCESTORS]:
            command = process.cmdline()
            if not files.isdisjoint(command) or not command:
                continue
            if starter is None:
                starter = notebook_of_command(command)
                if starter.is_tool:
                    return Starter(starter.notebook, process.cwd(), is_tool=True)
            if any(_base(each).startswith("jupyter") for each in command[:3]):
                return starter  # a server: it tells each of its kernels the name
            if any("ipykernel" in each for each in command):
                return Starter(is_inside_kernel=True)
    except (psutil.Error, OSError):  # another person's processes, or a system without them
        pass
    return Starter()


def _ask_colab() -> str | None:
    """Return the name of the notebook where this is the kernel of Google Colab."""
    if "google.colab" not in sys.modules:
        return None
    import json  # noqa: PLC0415 (with the next)
    from urllib.request import ProxyHandler, build_opener  # noqa: PLC0415 (40 ms)

    host = os.environ.get("COLAB_JUPYTER_IP") or _COLAB_HOST
    try:
        opener = build_opener(ProxyHandler({}))
        url = f"http://{host}:{_COLAB_PORT}/api/sessions"
        with opener.open(url, timeout=_COLAB_TIMEOUT_S) as answer:
            sessions = json.loads(answer.read(_COLAB_LIMIT_BYTES))
        (name,) = {session["name"] for session in sessions}
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return name if isinstance(name, str) and _is_notebook(name) else None
