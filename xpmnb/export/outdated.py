"""What was declared before something that it needs changed, and so still holds the old one.

Python looks up base classes, decorators and defaults when it declares something. If a cell gives
one of them another meaning later, what was declared before keeps the old one until its own cell is
run again, in the kernel as anywhere. Told from the order in which the cells were executed.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xpmnb.export import sources
from xpmnb.export.canonical import canonical
from xpmnb.export.used_names import When

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from xpmnb.export.listing import Piece


@dataclass(frozen=True, slots=True)
class Outdated:
    """A piece that holds the old meaning of a name. Immutable; any thread."""

    user: str
    """What it is, in words."""
    name: str
    """The name that means something else now."""
    held: ast.stmt
    """The statement that made what it holds."""

    def __str__(self) -> str:
        """Return a sentence that says what to do."""
        return f"{self.user} was declared before {self.name} changed: run its cell again"


def outdated_in(
    pieces: Mapping[str, Piece], spaces: Mapping[str, dict[str, Any]]
) -> dict[str, list[Outdated]]:
    """Return what holds old meanings, by the name of the piece.

    Parameters
    ----------
    pieces : mapping of str to Piece
        By name.
    spaces : mapping of str to dict
        The namespaces of names.
    """
    found = {name: [*_held_by(piece, pieces, spaces)] for name, piece in pieces.items()}
    return {name: each for name, each in found.items() if each}


def _held_by(
    piece: Piece, pieces: Mapping[str, Piece], spaces: Mapping[str, dict[str, Any]]
) -> Iterator[Outdated]:
    needed = [
        name
        for name, when in piece.uses.items()
        if when is When.DECLARED and name != piece.name and name in pieces
    ]
    if piece.statement is None or not needed:
        return
    for name in needed:
        names = spaces.get(name, {})
        history = _history(names)
        place = sources.cell_number(piece.statement.source, names)
        if place is None or place >= len(history):
            continue
        newest = _binding(name, history, len(history) - 1, None)
        if newest is None or newest[0] <= place:
            continue  # it has not been bound since
        held = _binding(name, history, place, piece.statement.node)
        if held is not None and canonical(held[1]) != canonical(newest[1]):
            yield Outdated(piece.user, name, held[1])


def _history(names: dict[str, Any]) -> list[str]:
    history = names.get("_ih")
    return history if isinstance(history, list) else []


def _binding(
    name: str, history: list[str], last: int, before: ast.stmt | None
) -> tuple[int, ast.stmt] | None:
    """Return the last statement that bound a name up to a cell, and the number of its cell.

    In that cell, only up to a statement, if one is given.
    """
    word = re.compile(rf"\b{re.escape(name)}\b")
    for number in range(last, -1, -1):
        source = history[number]
        if not isinstance(source, str) or not word.search(source):
            continue
        for statement in reversed(sources.statements(source)):
            node = statement.node
            is_later = number == last and before is not None and node.lineno >= before.lineno
            if not is_later and name in sources.bound_by(node):
                return number, node
    return None
