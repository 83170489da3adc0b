"""The code of tasks as a workspace keeps it: once for each content, by its hash."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from xpmnb.code import Code

from .files import read_bytes
from .json_values import as_mapping, as_text
from .layout import is_name

if TYPE_CHECKING:
    from .layout import WorkspaceLayout

__all__ = ["read_code"]

MAX_CODE_BYTES = 64 * 1024 * 1024
"""A larger file is not read."""


def read_code(workspace: WorkspaceLayout, digest: str) -> Code | None:
    """Read a code by its hash; None where it is not on record, or its file is damaged."""
    if not is_name(digest):
        return None
    try:
        data = read_bytes(f"{workspace.root}/code/{digest}.json", limit_bytes=MAX_CODE_BYTES)
        content = as_mapping(json.loads(data)) or {}
    except (OSError, ValueError, RecursionError):
        return None
    parts = as_mapping(content.get("parts"))
    if parts is None or not all(as_text(source) is not None for source in parts.values()):
        return None
    return Code(digest, parts)
