"""Whether this is a kernel, and which cell runs: read from the running shell, never guessed.

Nothing here imports IPython: where it is not loaded already, this process is no kernel. No
widget and no HTML is made here.
"""

from __future__ import annotations

import sys
from typing import Any


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


def cell_place() -> str | None:
    """Return which cell of the notebook runs; None where the front end does not tell.

    Returns
    -------
    str or None
        The identifier that the cell has in the file, the same at each execution.
    """
    get_parent = getattr(kernel_shell(), "get_parent", None)
    parent = get_parent() if callable(get_parent) else None
    metadata = parent.get("metadata") if isinstance(parent, dict) else None
    place = metadata.get("cellId") if isinstance(metadata, dict) else None
    return place if isinstance(place, str) else None


def draws_saved_html() -> bool:
    """Tell whether the front end's pages can bring HTML to life that a widget was not drawn in.

    They do where widgets live in the page itself: JupyterLab, Notebook, Voila. VS Code and Colab
    make a widget only for an output that shows it.
    """
    names = getattr(kernel_shell(), "user_ns", {})
    return "__vsc_ipynb_file__" not in names and "google.colab" not in sys.modules


def kernel_shell() -> Any:
    """Return the shell of the ipykernel in this process, or None."""
    ipython = sys.modules.get("IPython")
    get_ipython = getattr(ipython, "get_ipython", None)
    shell = get_ipython() if callable(get_ipython) else None
    # IPython in a terminal has a shell too, but no kernel.
    return shell if getattr(shell, "kernel", None) is not None else None
