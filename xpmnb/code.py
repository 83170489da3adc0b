"""The code of a task, as a plain value: what it consists of, and one hash of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, eq=False)
class Code:
    """The code of a task: its classes, and what they use of the notebook or of their package.

    Immutable; any thread.
    """

    digest: str
    """64 hexadecimal digits: the same for code that differs in comments, docstrings and layout
    only."""
    parts: dict[str, str]
    """The source of each part, by its name: to be read and compared by people."""
