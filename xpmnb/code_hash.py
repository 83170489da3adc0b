"""The code of a task, and its hash: beside the identifier, never inside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xpmnb.export.followed import Follower
from xpmnb.export.parts import code_from, merged
from xpmnb.program import Program, program_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from xpmnb.closure import Closure
    from xpmnb.code import Code

_MAX_KEPT = 1000

_kept: dict[tuple[Closure | None, tuple[type, ...]], tuple[Code, Callable[[], bool] | None]] = {}


def code_of(task: Any, program: Program | None = None) -> Code:
    """Return the code of a task: of its classes, and of all they use of the person's own code.

    That is what they use of the notebook, of the package of a class that a module declares, and
    of modules that are neither Python's nor installed.

    Parameters
    ----------
    task
        The sealed configuration of a task.
    program : Program, optional
        What :func:`~xpmnb.program.program_of` returned for the task just now, if it is known: so
        cells are looked at once for both.

    Returns
    -------
    Code
        Of what is loaded: a file that was edited counts from when it is loaded again. The same
        object as before while nothing changed. It is never refused: of what cannot be written as
        source there is the statement that made it, of what has no source the name.
    """
    program = program or program_of(task)
    key = program.closure, program.in_modules
    kept = _kept.get(key)
    if kept is not None and (kept[1] is None or kept[1]()):
        return kept[0]
    if len(_kept) >= _MAX_KEPT:  # classes declared again and again in a long session
        _kept.clear()
    follower = Follower()
    for cls in program.in_modules:
        follower.add_class(cls)
    in_cells = {} if program.closure is None else program.closure.parts
    code = code_from(merged(in_cells, follower.finish()))
    _kept[key] = code, follower.watch()
    return code
