"""The code of a task, as a plain value: what it consists of, and one hash of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


IMPORTS = "imports"
"""The name of the part that says what is imported: a line each, after the module if it is one."""


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
    digests: dict[str, str] = field(default_factory=dict)
    """The hash of each part, by its name; empty where they are not on record."""

    def changed_parts(self, other: Code) -> list[str]:
        """Return the names of parts that another code has not, or that do something else there."""
        names = {**self.parts, **other.parts}
        return [name for name in names if not self._has_same(name, other)]

    def is_same_elsewhere(self, other: Code) -> bool:
        """Tell whether another code has the same parts, in modules or cells of other names.

        So it is for a class that was moved from a notebook to a module, with what it uses.
        """
        moved = _places(self.parts) != _places(other.parts)
        return moved and bool(self.digests) and self._without_places() == other._without_places()

    def _without_places(self) -> tuple[list[tuple[str, str]], set[str]]:
        """Return the hashes of the parts by bare name, and what is imported, wherever."""
        parts = [(n.rpartition(":")[2], each) for n, each in self.digests.items() if n != IMPORTS]
        imports = self.parts.get(IMPORTS, "").splitlines()
        return sorted(parts), {line.rpartition(": ")[2] for line in imports}

    def _has_same(self, name: str, other: Code) -> bool:
        mine, theirs = self.digests.get(name), other.digests.get(name)
        if mine is None or theirs is None:
            return self.parts.get(name) == other.parts.get(name)
        return mine == theirs


def _places(names: Iterable[str]) -> set[str]:
    return {name.rpartition(":")[0] for name in names}
