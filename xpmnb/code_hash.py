"""The code of a task, and its hash: beside the identifier, never inside it."""

from __future__ import annotations

import functools
import hashlib
from typing import TYPE_CHECKING, Any

from xpmnb.code import Code
from xpmnb.core.state import state_of
from xpmnb.core.walk import iter_graph, whole_of
from xpmnb.export.followed import Follower
from xpmnb.export.parts import code_from, merged
from xpmnb.program import Program, program_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from xpmnb.closure import Closure

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
    code = _own_code(program or program_of(task))
    others = _codes_behind(task)
    return _joined(code, others) if others else code


def _own_code(program: Program) -> Code:
    """Return the code of the classes in the values of a task."""
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


def _codes_behind(task: Any) -> tuple[Code, ...]:
    """Return the codes of tasks that made values of a task, or must be done before it.

    Tasks that are values themselves are among its classes.
    """
    before = state_of(task).dependencies
    whole = whole_of(task).configs
    if not before and not _are_made(whole):
        return ()
    added = [each for root in before for _, each in iter_graph(root)]
    states = [state_of(each) for each in (*added, *whole)]
    tasks = [state.producer for state in states if state.producer is not None]
    jobs = [state_of(each).job for each in (*tasks, *added) if each is not task]
    codes = {job.code.digest: job.code for job in jobs if job is not None and job.code is not None}
    return tuple(codes[digest] for digest in sorted(codes))


def _are_made(configs: Iterable[Any]) -> bool:
    """Tell whether a task made any of some configurations."""
    for each in configs:  # noqa: SIM110 (a generator costs three times as much, for each job)
        if each.__dict__["__xpm__"].producer is not None:
            return True
    return False


@functools.lru_cache(maxsize=_MAX_KEPT)
def _joined(code: Code, others: tuple[Code, ...]) -> Code:
    """Return one code of several."""
    whole = hashlib.sha256(b"xpmnb code of several")
    parts, digests = {}, {}
    for each in (*others, code):
        whole.update(each.digest.encode())
        parts.update(each.parts)
        digests.update(each.digests)
    return Code(whole.hexdigest(), parts, digests)
