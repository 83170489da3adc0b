"""Constants that must be there before what they hold: registries, which decorators fill.

Such a constant begins as its own statement says, and what it holds fills it again when it is
declared. Nothing here decides what is in a program.
"""

from __future__ import annotations

import ast
import itertools
from collections import OrderedDict, defaultdict
from typing import TYPE_CHECKING

from xpmnb.export import sources
from xpmnb.export.listing import Piece, reachable
from xpmnb.export.used_names import When, used_names

if TYPE_CHECKING:
    from xpmnb.export.gathering import Gatherer

_MAPPINGS = (dict, OrderedDict, defaultdict)


def begin_registries(gatherer: Gatherer) -> dict[str, Piece]:
    """Let constants that are needed while what they hold is declared begin as they began.

    Parameters
    ----------
    gatherer : Gatherer
        It has gathered all. Pieces of such constants become their statements.

    Returns
    -------
    dict
        More pieces for the program alone, by names that nothing has: they give those constants
        their content that other statements have changed as well.
    """
    ends: dict[str, Piece] = {}
    for name, piece in [*gatherer.pieces.items()]:
        if not piece.is_constant or piece.node is not None or f"{name} = " not in piece.text:
            continue
        held = _held_that_need(name, gatherer.pieces)
        found = sources.newest_binding(name, gatherer.spaces[name]) if held else None
        if found is None or sources.assigned(found.node) is None:
            continue
        uses = used_names(found.node, lazy=False)
        if held & uses.names.keys():  # it is a table of functions, not made by them
            continue
        fillers = [each for each in piece.uses if each in gatherer.pieces]
        end = _end_of(piece, gatherer, found)
        if end is not None:
            ends[end.name] = end
        _begin(piece, found, gatherer)
        _order(name, fillers, [*ends][-1:] if end else [], gatherer.pieces)
    return ends


def _held_that_need(name: str, pieces: dict[str, Piece]) -> set[str]:
    """Return what a constant holds that needs it, perhaps by way of others, when declared."""
    used = {each: list(piece.uses) for each, piece in pieces.items()}
    return {
        other
        for other, when in pieces[name].uses.items()
        if when is When.DECLARED and other in pieces
        for needed, when_needed in pieces[other].uses.items()
        if when_needed is When.DECLARED and name in (needed, *reachable(needed, used))
    }


def _begin(piece: Piece, found: sources.Statement, gatherer: Gatherer) -> None:
    """Make a piece of its statement."""
    names = gatherer.spaces[piece.name]
    piece.text, piece.node = found.text, found.node
    piece.uses.clear()
    gatherer.pending.append((piece, used_names(found.node, lazy=False), names))
    gatherer.follow()


def _order(name: str, fillers: list[str], ends: list[str], pieces: dict[str, Piece]) -> None:
    """Let what fills a constant keep its order, and be there before what wants it filled."""
    for before, after in itertools.pairwise(fillers):
        pieces[after].uses.setdefault(before, When.CALLED)
    used = {each: list(other.uses) for each, other in pieces.items()}
    on_the_way = {name, *fillers}.union(*(reachable(each, used) for each in fillers))
    for other in pieces.values():
        if name in other.uses and other.name not in on_the_way:
            for each in (*fillers, *ends):
                other.uses.setdefault(each, other.uses[name])


def _end_of(piece: Piece, gatherer: Gatherer, found: sources.Statement) -> Piece | None:
    """Return what gives a constant its content, if statements changed it besides what it holds."""
    name = piece.name
    if not _is_changed(name, found, gatherer):
        return None
    content = piece.text.removeprefix(f"{name} = ")
    kind = type(gatherer.values[name])
    if kind is list:
        text = f"{name}[:] = {content}"
    elif kind in _MAPPINGS or kind is set:
        text = f"{name}.clear()\n{name}.update({content})"
    else:
        return None
    uses = {**piece.uses, name: When.DECLARED}
    return Piece(f"{name} filled", text, piece.user, uses, is_constant=True)


def _is_changed(name: str, found: sources.Statement, gatherer: Gatherer) -> bool:
    """Tell whether statements at the top of cells may have changed a constant since it began."""
    for source in sources.cells(gatherer.spaces[name]):
        for statement in reversed(sources.statements(source)) if name in source else ():
            if statement.node is found.node:
                return False
            if isinstance(statement.node, sources.Definition):
                continue
            nodes = ast.walk(sources.head_of(statement.node))
            if any(isinstance(node, ast.Name) and node.id == name for node in nodes):
                return True
    return False
