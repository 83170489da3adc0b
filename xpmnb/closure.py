"""From classes that were declared in cells to the source that another process needs.

A closure holds the classes and all that they use from the notebook, in an order that can be
executed. What lies in modules is imported. What cannot be written as source is a problem in words.
The parts of its code are those of the source, of what cannot be written, and of the person's own
modules.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from xpmnb.export import kinds
from xpmnb.export.cell_parts import parts_of
from xpmnb.export.followed import Follower
from xpmnb.export.gathering import Gatherer
from xpmnb.export.listing import arranged, module_text
from xpmnb.export.parts import Part
from xpmnb.export.registries import begin_registries
from xpmnb.export.used_names import When
from xpmnb.export.watch import watch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_MAX_KEPT = 200


@dataclass(frozen=True, slots=True, eq=False)
class Closure:
    """The source of some classes and all they use. Immutable; any thread."""

    source: str
    """A module: imports, constants, functions and classes, in an order that can be executed."""
    problems: tuple[str, ...]
    """What cannot be written as source; with any of these the source does not work."""
    modules: tuple[str, ...]
    """The names of the modules that it imports, and of packages imported inside its functions."""
    parts: dict[str, Part]
    """What a hash of the code is made of, by name; also where there are problems."""
    outdated: tuple[str, ...] = ()
    """What was declared before something that it needs changed, in sentences."""


_made: dict[tuple[type, ...], tuple[Closure, Callable[[], bool]]] = {}


def closure_of(classes: Sequence[type]) -> Closure:
    """Return the source that another process needs to have some classes.

    Parameters
    ----------
    classes : sequence of type
        Classes that were declared in cells: configurations, and enums in their values.

    Returns
    -------
    Closure
        Of the newest definitions. The same object as before, while no name that it depends on has
        another meaning.
    """
    key = tuple(classes)
    known = _made.get(key)
    if known is not None and known[1]():
        return known[0]
    if len(_made) >= _MAX_KEPT:  # classes declared again and again in a long session
        _made.clear()
    gatherer, follower = Gatherer(), Follower()
    closure = _build(key, gatherer, follower)
    _made[key] = closure, _watch(gatherer, follower)
    return closure


def _build(classes: Sequence[type], gatherer: Gatherer, follower: Follower) -> Closure:
    for cls in classes:
        gatherer.add_class(kinds.newest(cls))
    _end_passing_names(gatherer)
    ends = begin_registries(gatherer)
    order, stuck = arranged({**gatherer.pieces, **ends})
    if stuck:
        gatherer.add_problem(
            f"{' and '.join(stuck)} need each other when they are declared: declare one of "
            "them anew, so that it needs no other"
        )
    source = module_text(order, gatherer.imports.blocks(gatherer.pieces))
    problems, modules = tuple(gatherer.problems), tuple(gatherer.imports.modules)
    # Last, for the parts are also those of what the source does without.
    parts = parts_of(gatherer, follower)
    return Closure(source, problems, modules, parts, tuple(gatherer.outdated))


def _end_passing_names(gatherer: Gatherer) -> None:
    """Let names that were bound on the way be bound to what they mean, or be gone."""
    for piece in gatherer.pieces.values():
        if piece.passing is None:
            continue
        if piece.passing in gatherer.pieces:
            gatherer.pieces[piece.passing].uses[piece.name] = When.DECLARED
        elif piece.passing in gatherer.imports:
            gatherer.add_problem(f"{piece.passing} is imported and declared: give one another name")
        else:
            piece.text += f"\ndel {piece.passing}"


def _watch(gatherer: Gatherer, follower: Follower) -> Callable[[], bool]:
    """Return a check whether all that was followed is as it was."""
    in_cells, in_modules = watch(gatherer.watched.values()), follower.watch()
    sizes = [(space, len(space)) for space in gatherer.class_spaces]

    def is_current() -> bool:
        for space, size in sizes:  # a cell may give a class another attribute
            if len(space) != size:
                return False
        return in_cells() and (in_modules is None or in_modules())

    return is_current
