"""Which names can be those of files and folders of a workspace."""

from __future__ import annotations

import re

from xpmnb.errors import WorkspaceError

__all__ = ["check_name", "is_name"]

# File systems allow 255 bytes. Files add ".failed" to the last part of a task's name and, while
# they are written, about 45 more.
_MAX_NAME_BYTES = 200
_MAX_SHOWN = 60
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def check_name(kind: str, name: str, root: str) -> str:
    """Refuse a name that cannot be, or should not be, a folder directly below another one.

    Parameters
    ----------
    kind
        What is named, for the message: ``"experiment"``, ``"task"``, ``"identifier"``.
    name
        The name that a user gave, or that was read from a file.
    root
        The workspace, for the message.

    Returns
    -------
    str
        The name, unchanged.

    Raises
    ------
    WorkspaceError
        The name is empty, absolute, hidden, too long, or has separators or control characters.
    """
    if is_name(name):
        return name
    wrong = _wrong_in(name)
    shown = name if len(name) <= _MAX_SHOWN else f"{name[:_MAX_SHOWN]}..."
    raise WorkspaceError(
        f"the {kind} name {shown!r} cannot be a folder of the workspace {root}: {wrong}; "
        "choose a name of letters, digits, '_', '-' and '.'"
    )


def is_name(name: str) -> bool:
    """Tell whether :func:`check_name` would accept a name."""
    # The first tests are there for speed: identifiers pass one, nearly all other names the next.
    if len(name) <= _MAX_NAME_BYTES and (
        (name.isascii() and name.isalnum()) or _PLAIN_NAME.fullmatch(name)
    ):
        return True
    return _wrong_in(name) is None


def _wrong_in(name: str) -> str | None:
    if not name.strip():
        return "it is empty"
    if name.startswith("."):
        return "it begins with a dot"
    if "/" in name or "\\" in name:
        return "it has a path separator"
    if _CONTROL.search(name):
        return "it has a control character"
    size = len(name.encode())
    if size > _MAX_NAME_BYTES:
        return f"it is {size} bytes long and {_MAX_NAME_BYTES} are allowed"
    return None
