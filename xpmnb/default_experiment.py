"""The experiment that a ``submit()`` goes to: the current one, or a default one in a notebook."""

from __future__ import annotations

from pathlib import Path

from xpmnb import current, seam
from xpmnb.errors import SubmissionError
from xpmnb.experiments import experiment
from xpmnb.settings import load_settings

_DEFAULT_WORKSPACE = "xpm-workspace"


def current_experiment() -> experiment:
    """Return the current experiment; in a notebook that has none, open one.

    It is named after the notebook, in the first workspace of the settings file, or else in
    ``./xpm-workspace``.

    Raises
    ------
    SubmissionError
        In a script that has no experiment open.
    """
    found = current.current()
    if found is not None:
        return found
    if not seam.in_notebook():
        message = (
            "no experiment is open: submit inside `with experiment('runs', 'name'):`, or after "
            "`xp = experiment('runs', 'name').start()`"
        )
        raise SubmissionError(message)
    opened = experiment(_default_workspace(), seam.notebook_stem() or "notebook")
    opened._note = (  # noqa: SLF001 (for this place alone)
        f"No experiment was open: this is {opened.name!r} in {opened.workdir}. "
        "Choose your own with experiment(workspace, name).start()."
    )
    return opened.start()


def current_workspace() -> str | None:
    """Return the directory of the workspace that is used here; None if none is known."""
    found = current.current()
    if found is not None:
        return str(found.workdir)
    if seam.in_notebook() or load_settings().workspaces:
        return str(_default_workspace())
    return None


def _default_workspace() -> Path:
    known = load_settings().workspaces
    return known[0].path if known else Path(_DEFAULT_WORKSPACE).absolute()
