"""Pieces of source into the text of a module: their order, and what stands between them."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from xpmnb.export.used_names import When, used_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from xpmnb.export.sources import Statement

FUTURE = "from __future__ import annotations\n"


@dataclass(slots=True)
class Piece:
    """What gives one name its value."""

    name: str
    text: str
    user: str
    """What it is, in words: ``class Train``."""
    uses: dict[str, When] = field(default_factory=dict)
    """The names that it uses, those of other pieces and all others."""
    lazy: bool = False
    """Whether its annotations were strings for Python."""
    has_hints: bool = False
    """Whether it has annotations, so that it matters."""
    is_constant: bool = False
    passing: str | None = None
    """A name that it binds on its way, which is not its own."""
    node: ast.stmt | None = None
    """The statement of a cell that it is; None for what was written for it."""
    statement: Statement | None = None
    """That statement, with the cell around it."""
    changes: list[ast.stmt] = field(default_factory=list)
    """The statements that set attributes of the class that it is."""


def arranged(pieces: Mapping[str, Piece]) -> tuple[list[Piece], list[str]]:
    """Return pieces in an order in which they can be executed.

    Whatever a piece uses comes before it, where that is possible; what it needs when it is
    declared always does.

    Returns
    -------
    order : list of Piece
        All pieces.
    stuck : list of str
        Names of pieces that need each other when they are declared; empty if all is well.
    """
    needed = {
        name: [other for other, when in piece.uses.items() if when is When.DECLARED]
        for name, piece in pieces.items()
    }
    used = {name: list(piece.uses) for name, piece in pieces.items()}
    # What is called while something is declared needs all that it uses itself.
    deep = {
        name: [*others, *(far for other in others for far in reachable(other, used))]
        for name, others in needed.items()
    }
    stuck: list[str] = []
    names = _ordered(list(pieces), [used, deep, needed], stuck)
    return [pieces[name] for name in names], stuck


def reachable(start: str, edges: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the names to which edges lead from a name, by way of any others."""
    seen: dict[str, None] = {}
    pending = [start]
    while pending:
        for other in edges.get(pending.pop(), ()):
            if other not in seen:
                seen[other] = None
                pending.append(other)
    return list(seen)


def _ordered(
    names: list[str], levels: Sequence[Mapping[str, Sequence[str]]], stuck: list[str]
) -> list[str]:
    """Return names in the order of the first level; where that goes in circles, of the next."""
    result: list[str] = []
    for circle in _circles(names, levels[0]):
        if len(circle) == 1:
            result += circle
        elif len(levels) == 1:
            stuck += circle
            result += circle
        else:
            result += _ordered(circle, levels[1:], stuck)
    return result


def _circles(names: list[str], edges: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Return the names in groups that need each other, needed groups first (Tarjan's way)."""
    allowed = set(names)
    place: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    groups: list[list[str]] = []
    for start in names:
        if start in place:
            continue
        walk = [(start, iter(edges[start]))]
        place[start] = low[start] = len(place)
        stack.append(start)
        while walk:
            name, others = walk[-1]
            for other in others:
                if other not in allowed:
                    continue
                if other not in place:
                    place[other] = low[other] = len(place)
                    stack.append(other)
                    walk.append((other, iter(edges[other])))
                    break
                if other in low:
                    low[name] = min(low[name], place[other])
            else:
                walk.pop()
                if walk:
                    above = walk[-1][0]
                    low[above] = min(low[above], low[name])
                if low[name] == place[name]:
                    groups.append(_popped(stack, name, low))
    # Within a group, the order in which they were found.
    return [sorted(group, key=names.index) for group in groups]


def _popped(stack: list[str], name: str, low: dict[str, int]) -> list[str]:
    group = stack[stack.index(name) :]
    del stack[-len(group) :]
    for each in group:
        del low[each]
    return group


def module_text(order: Iterable[Piece], imports: Sequence[str]) -> str:
    """Return the text of a module: imports in blocks, constants, the other pieces in their order.

    It begins with ``from __future__ import annotations`` if all pieces were under it. If only some
    were, their annotations are written as the strings that Python made of them.
    """
    order = list(order)
    laziness = {piece.lazy for piece in order if piece.has_hints}
    if len(laziness) == 2:  # noqa: PLR2004 (both)
        texts = {each.name: _quoted(each.text) if each.lazy else each.text for each in order}
    else:
        texts = {each.name: each.text for each in order}
    names = {each.name for each in order}
    plain = [each for each in order if each.is_constant and not _others(each) & names]
    rest = [each for each in order if each not in plain]
    sections = [FUTURE.rstrip()] if laziness == {True} else []
    sections += [*imports, "\n".join(texts[each.name] for each in plain)]
    text = "\n\n".join(section for section in sections if section)
    follows_constant = bool(plain)
    for each in rest:
        text += "\n" if each.is_constant and follows_constant else "\n\n\n"
        text += texts[each.name]
        follows_constant = each.is_constant
    return text.lstrip("\n") + "\n"


def _others(piece: Piece) -> set[str]:
    return {*piece.uses} - {piece.name}


def _quoted(text: str) -> str:
    """Return statements with their annotations as strings."""
    lines = [line.encode() for line in text.split("\n")]
    statements = ast.parse(text).body
    hints = [hint for each in statements for hint in used_names(each, lazy=True).annotations]
    for hint in sorted(hints, key=lambda each: (each.lineno, each.col_offset), reverse=True):
        first, last = hint.lineno - 1, (hint.end_lineno or hint.lineno) - 1
        end = lines[last][hint.end_col_offset :]
        start = lines[first][: hint.col_offset]
        lines[first : last + 1] = [start + repr(ast.unparse(hint)).encode() + end]
    return b"\n".join(lines).decode()
