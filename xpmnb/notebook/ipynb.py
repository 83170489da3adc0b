"""Executed cells as the text of a notebook, in Jupyter's format 4.5; pure functions.

Written here and not by nbformat: it takes long to import while a kernel is busy, and would encode
the whole session again for each cell. Tests let nbformat judge what is written.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Cell:
    """One execution of a cell. Immutable; any thread."""

    source: str
    """What was executed, as it was typed: with its magics."""
    count: int | None
    """The number that the notebook shows; None for an execution that leaves no history."""
    id: str
    """Up to 64 letters, digits, ``-`` and ``_``; no two cells of a notebook have the same."""


def is_cell_id(value: object) -> bool:
    """Tell whether a notebook may have a cell of that identifier."""
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def cell_text(cell: Cell) -> bytes:
    """Return a cell as JSON, as it lies in the text of a notebook."""
    # A list of lines, as Jupyter writes it, so that a person can read and compare it.
    lines = ",\n".join(f"    {_json(line)}" for line in cell.source.splitlines(keepends=True))
    source = f"[\n{lines}\n   ]" if lines else "[]"
    return (
        '  {\n   "cell_type": "code",\n'
        f'   "execution_count": {json.dumps(cell.count)},\n'
        f'   "id": {json.dumps(cell.id)},\n'
        '   "metadata": {},\n   "outputs": [],\n'
        f'   "source": {source}\n  }}'
    ).encode()


def notebook_text(cells: Iterable[bytes], metadata: Mapping[str, Any]) -> bytes:
    """Return a notebook.

    Parameters
    ----------
    cells : iterable of bytes
        What :func:`cell_text` made of each cell, in the order of execution.
    metadata : dict
        What the notebook says of itself: JSON values by name.
    """
    body = b",\n".join(cells)
    told = ",\n".join(f"  {_json(name)}: {_json(metadata[name])}" for name in sorted(metadata))
    return b"".join(
        (
            b'{\n "cells": [\n',
            body + b"\n" if body else b"",
            f' ],\n "metadata": {{\n{told}\n }},\n'.encode(),
            b' "nbformat": 4,\n "nbformat_minor": 5\n}\n',
        )
    )


def _json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate, which only an escape can name
        return json.dumps(value, sort_keys=True)
    return text
