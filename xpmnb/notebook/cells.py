"""Which notebook and which cell is this: read from the running shell, never guessed.

Nothing here imports IPython: where it is not loaded already, this process is no kernel. No
widget and no HTML is made here.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

# What front ends open as a notebook: Jupyter's own format, and texts that Jupytext pairs with it.
NOTEBOOK_SUFFIXES = frozenset({".ipynb", ".py", ".md", ".rmd", ".qmd"})


def in_kernel() -> bool:
    """Tell whether an ipykernel shell runs in this process."""
    return kernel_shell() is not None


def current_cell() -> str | None:
    """Return a key of the running execution of a cell.

    Returns
    -------
    str or None
        The same key during one execution of one cell, another at the next execution of the same
        cell. None outside a kernel, and where the kernel works on something else than a cell,
        such as the click on a widget.
    """
    shell = kernel_shell()
    get_parent = getattr(shell, "get_parent", None)
    parent = get_parent() if callable(get_parent) else None
    header = parent.get("header") if isinstance(parent, dict) else None
    if not isinstance(header, dict) or header.get("msg_type") != "execute_request":
        return None
    # The message's identifier, not the cell's: nbclient and nbval send no cell identifier, and a
    # cell that is run again must get a panel of its own.
    message_id = header.get("msg_id")
    return str(message_id) if message_id else None


def notebook_path() -> Path | None:
    """Return the path of the running notebook.

    Returns
    -------
    Path or None
        The path as the front end told it when the kernel started (it does not follow a later
        renaming). None outside a kernel and under nbclient, nbconvert, nbval and papermill, which
        do not tell.
    """
    shell = kernel_shell()
    if shell is None:
        return None
    told = (
        _text(getattr(shell, "user_ns", {}).get("__vsc_ipynb_file__")),  # VS Code
        os.environ.get("JPY_SESSION_NAME"),  # JupyterLab and Notebook
        os.environ.get("SCRIPT_NAME"),  # Voila, relative to the working directory
    )
    for name in told:
        # A console has a session name too, but no notebook's suffix.
        if name and Path(name).suffix.lower() in NOTEBOOK_SUFFIXES:
            path = Path(name)
            return path if path.is_absolute() else Path.cwd() / path
    return None


def notebook_stem() -> str | None:
    """Return the running notebook's file name without its suffix; None where it is not known."""
    path = notebook_path()
    return path.stem if path else None


def kernel_shell() -> Any:
    """Return the shell of the ipykernel in this process, or None."""
    ipython = sys.modules.get("IPython")
    get_ipython = getattr(ipython, "get_ipython", None)
    shell = get_ipython() if callable(get_ipython) else None
    # IPython in a terminal has a shell too, but no kernel.
    return shell if getattr(shell, "kernel", None) is not None else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
