"""The code that jobs ran with: kept once per content, in a file that is named by its hash."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from xpmnb.code import Code
from xpmnb.errors import WorkspaceError

from .files import read_bytes, write_atomic
from .json_values import as_mapping, as_text
from .layout import WorkspaceLayout

__all__ = ["keep_code", "read_code"]

_MAX_BYTES = 16 * 1024 * 1024


def keep_code(workspace: WorkspaceLayout, code: Code) -> None:
    """Write a code, unless the workspace has it.

    Raises
    ------
    OSError
        The workspace is read-only, or the disk is full.
    """
    path = workspace.code(code.digest)
    if os.path.exists(path):
        return
    os.makedirs(os.path.dirname(path), exist_ok=True)
    content = {
        "format": 1,
        "digest": code.digest,
        "parts": code.parts,
        "digests": code.digests,
    }
    write_atomic(path, json.dumps(content, indent=1).encode())


def read_code(workspace: WorkspaceLayout, digest: str | None) -> Code | None:
    """Read a code that jobs ran with.

    Parameters
    ----------
    workspace
        Where it was kept.
    digest
        Its hash, as a record tells it.

    Returns
    -------
    Code or None
        None where there is none, or the file is damaged; nothing is raised.
    """
    if not digest:
        return None
    try:
        data = read_bytes(workspace.code(digest), limit_bytes=_MAX_BYTES)
        content = as_mapping(json.loads(data)) or {}
    except (OSError, WorkspaceError, ValueError, RecursionError):
        return None
    parts = as_mapping(content.get("parts"))
    if parts is None or as_text(content.get("digest")) != digest:
        return None
    return Code(digest, _texts(parts), _texts(as_mapping(content.get("digests")) or {}))


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    return {name: text for name, text in values.items() if type(text) is str}
