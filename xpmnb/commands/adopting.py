"""``xpmnb adopt``: what classes, notebooks and modules were called before."""

from __future__ import annotations

from xpmnb.records.aliases import load_aliases
from xpmnb.records.workspace import WorkspaceRecords

from .display import escaped

__all__ = ["adopt", "forget", "list_aliases"]


def adopt(records: WorkspaceRecords, old: str, new: str) -> int:
    """Record a former name, and print how many jobs have it.

    Parameters
    ----------
    records
        The workspace.
    old, new
        What it was called, and what it is called now: a class, a notebook or a module.

    Returns
    -------
    int
        The exit code: 0.

    Raises
    ------
    WorkspaceError
        A name does not fit; see :meth:`~xpmnb.records.workspace.WorkspaceRecords.adopt`.
    """
    count = records.adopt(old, new)
    jobs = "1 job has or uses" if count == 1 else f"{count} jobs have or use"
    print(
        f"{jobs} the name {escaped(old)}; finished ones are taken over when they are "
        f"submitted as {escaped(new)}"
    )
    return 0


def forget(records: WorkspaceRecords, old: str, new: str) -> int:
    """Take a former name back, and say so; the exit code is 0.

    Raises
    ------
    WorkspaceError
        It is not recorded.
    """
    records.forget(old, new)
    print(f"{escaped(old)} is no former name of {escaped(new)} any more; what was moved stays")
    return 0


def list_aliases(records: WorkspaceRecords) -> int:
    """Print each former name beside the present one; the exit code is 0.

    Raises
    ------
    WorkspaceError
        The file is damaged.
    """
    for new, names in sorted(load_aliases(records.layout).former.items()):
        for old in names:
            print(f"{escaped(old)} -> {escaped(new)}")
    return 0
