"""The parts of the code of cells: of their source, and of what cannot be written as source."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from xpmnb.export import sources
from xpmnb.export.listing import Piece
from xpmnb.export.outdated import Outdated, outdated_in
from xpmnb.export.parts import Part, merged, part_of_imports, part_of_nodes, part_of_text
from xpmnb.export.used_names import Use, When, used_names

if TYPE_CHECKING:
    from xpmnb.export.followed import Follower
    from xpmnb.export.gathering import Gatherer


def parts_of(gatherer: Gatherer, follower: Follower) -> dict[str, Part]:
    """Return what the hash of the code is made of, by name.

    Parameters
    ----------
    gatherer : Gatherer
        It has gathered what the source needs. It is given more to gather: what made the values
        that cannot be written as source.
    follower : Follower
        It is given what is imported, and follows what of that lies in the person's own modules.
    """
    _lose_values(gatherer)
    while gatherer.lost:
        name = next(iter(gatherer.lost))
        _find_lost(gatherer, name, *gatherer.lost.pop(name))
        gatherer.follow()
    for uses in gatherer.inner_imports:
        follower.add_inner_imports(uses, "")
    meanings = gatherer.imports.meanings()
    for name, imported in meanings.items():
        follower.add_import(imported, gatherer.chains.get(name) or [()])
    outdated = outdated_in(gatherer.pieces, gatherer.spaces)
    gatherer.outdated = [str(each) for group in outdated.values() for each in group]
    return merged(
        {name: _part_of(piece, outdated.get(name, [])) for name, piece in gatherer.pieces.items()},
        part_of_imports(imported.line(name) for name, imported in meanings.items()),
        follower.finish(),
    )


def _part_of(piece: Piece, outdated: list[Outdated]) -> Part:
    """Return the part that a piece is, with the old meanings that it still holds."""
    if piece.node is None:
        return part_of_text(piece.text)
    held = [each.held for each in outdated]
    text = piece.text + "".join(f"\n# declared before {each.name} changed" for each in outdated)
    return part_of_nodes([piece.node, *piece.changes, *held], text)


def _lose_values(gatherer: Gatherer) -> None:
    """Take constants that functions change, counters and caches, by their statements.

    Their values say what has run so far, which is no code.
    """
    written = {
        name: piece
        for name, piece in gatherer.pieces.items()
        if piece.is_constant and piece.node is None
    }
    groups = [
        {name, other}
        for name, piece in written.items()
        for other in piece.uses
        if other in written and piece.text == f"{name} = {other}"  # one list with two names
    ]
    changed = gatherer.changed.keys() & written.keys()
    while found := [each for each in groups if changed & each and not each <= changed]:
        changed = changed.union(*found)
    for name in sorted(changed):
        gatherer.lost[name] = (gatherer.values[name], gatherer.spaces[name])


def _find_lost(gatherer: Gatherer, name: str, value: Any, names: dict[str, Any]) -> None:
    """Make a piece of the statement that made what is not in the source."""
    found = sources.newest_binding(name, names)
    root = name.partition(".")[0]
    if found is None:
        piece = Piece(name, f"# {name}: {type(value).__qualname__}", name)
        if root != name and root in names:  # it was declared inside this function
            gatherer.need(root, names, Use(When.CALLED), name)
    else:
        node = sources.head_of(found.node)
        text = found.text if node is found.node else ast.unparse(node)
        piece = Piece(name, text, name, node=node, statement=found)
        gatherer.pending.append((piece, used_names(node, lazy=True), names))
    gatherer.pieces[name] = piece
