"""Results that were made under another name of their task: found, and taken over.

The declared name of a class is part of its identifiers. So a notebook that is renamed, or a class
that moves, has new jobs, unless a declaration (``@deprecate``) or the workspace (``xpmnb adopt``)
says what it was called. All this is asked only for jobs that have no directory yet.
"""

from __future__ import annotations

import itertools
import os
import shlex
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from xpmnb.core.former import former_names, has_former_names
from xpmnb.core.registry import find
from xpmnb.errors import IdentifierError
from xpmnb.former_identifiers import FormerIdentifiers
from xpmnb.preparation import trash_of
from xpmnb.records.aliases import alias_changes, is_called, read_aliases
from xpmnb.records.files import exists
from xpmnb.records.moving import MoveError, move_job, moved_to
from xpmnb.records.names import is_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from xpmnb.records.aliases import Aliases
    from xpmnb.records.layout import JobLayout, WorkspaceLayout

__all__ = ["find_former", "likely_home", "take_over_former", "ways_to_adopt"]

_MAX_NAMINGS = 64
"""With several classes of several former names each, not all that may have been is looked up."""

_MAX_FORMER = 16
_MAX_PLACES = 8
_MAX_QUESTIONS = 8

_quiet: dict[str, tuple[int, int]] = {}
"""When nothing was found that may be of other names, by folder of the task; any thread.

Each look at the disk hands the interpreter to the threads of jobs, so a loop that submits looks
only now and then."""

_asked: dict[str, int] = {}
"""How often a likely home was looked for, by folder of the task; any thread."""


def take_over_former(task: Any, layout: JobLayout) -> str:
    """Move the result of a task here that was made under a former name, if there is one.

    Parameters
    ----------
    task
        The sealed configuration of a task.
    layout
        Its job.

    Returns
    -------
    str
        A sentence for the person: what was taken over, or could not be, or where results may be
        that are not known to be this task's. Mostly empty.
    """
    folder = layout.path.rpartition("/")[0]
    if _quiet.get(folder) == _moment() and not has_former_names():
        return ""
    if exists(layout.done):
        return ""
    workspace = layout.workspace
    old = find_former(task, layout)
    if old is None:
        note = likely_home(task, layout) or ""
        if not note and not read_aliases(workspace):
            _quiet[folder] = _moment()
        return note
    name = f"{old.task}/{old.identifier[:8]}"
    try:
        if move_job(old, layout, str(trash_of(layout))):
            return f"taken over from {name}, its former name"
    except MoveError as error:
        where = f"{workspace.jobs}/{old.task}/{old.identifier}"
        return f"{name} has this result under a former name and cannot be moved: {error}: {where}"
    return ""


def _moment() -> tuple[int, int]:
    """Return what is the same for a tenth of a second, unless former names change meanwhile."""
    return int(time.monotonic() * 10), alias_changes()


def find_former(task: Any, layout: JobLayout) -> JobLayout | None:
    """Find a finished job of a task under the names that it, or what it uses, had.

    Parameters
    ----------
    task
        The sealed configuration of a task.
    layout
        Its job.

    Returns
    -------
    JobLayout or None
        The finished job, in its real directory; None if there is none.
    """
    workspace = layout.workspace
    aliases = read_aliases(workspace)
    if not aliases and not has_former_names():
        return None
    names = _names_in(task, layout)
    former = {name: found for name in names if (found := _former(name, aliases))}
    namings = (each for each in _namings(former) if _keeps_apart(each, names))
    jobs = (each for each in _done_jobs(task, workspace, namings) if each != layout)
    return next(jobs, None)


def likely_home(task: Any, layout: JobLayout) -> str | None:
    """Look for the result of a task under the same class name in another notebook or module.

    Only the first jobs of a class are asked about, while it has no folder of its own.

    Parameters
    ----------
    task
        The sealed configuration of a task.
    layout
        Its job.

    Returns
    -------
    str or None
        A sentence that says where the result is, and how to keep it; None if it is nowhere.
    """
    workspace, name = layout.workspace, layout.task
    folder = os.path.dirname(layout.path)  # noqa: PTH120 (a str; for each submission)
    if os.path.isdir(folder):  # noqa: PTH112
        return None
    place, path = _place_of(type(task))
    if not place:
        return None
    asked = _asked[folder] = _asked.get(folder, 0) + 1
    if asked > _MAX_QUESTIONS:
        return None
    others = _other_places(workspace, place, path)
    names = _names_in(task, layout) if others else []
    inside = [each for each in names if is_called(each, place)]
    for other in others:
        # The whole notebook has another name, or this class alone has moved.
        whole = {each: other + each[len(place) :] for each in inside}
        alone = {each: old for each, old in whole.items() if each == name}
        guesses = [(whole, other, place), (alone, f"{other}.{path}", name)]
        if whole == alone and type(task).__module__ != "__main__":
            guesses.reverse()  # modules are rarely renamed, classes often move there
        for naming, old, new in guesses:
            if next(_done_jobs(task, workspace, iter((naming,))), None) is not None:
                _asked[folder] = _MAX_QUESTIONS
                return _advice(f"{other}.{path}", old, new, workspace.root)
    return None


def _advice(name: str, old: str, new: str, root: str) -> str:
    ways = ways_to_adopt(old, new, root)
    return f"{name} has this result: if {new} was called {old}, keep its results with {ways}"


def ways_to_adopt(old: str, new: str, root: str) -> str:
    """Return what a person types so that results under an old name are kept."""
    return (
        f"workspace({root!r}).adopt({old!r}, {new!r}), or in a shell with "
        f"xpmnb adopt {old} {new} --workspace {shlex.quote(root)}; then submit again"
    )


def _names_in(task: Any, layout: JobLayout) -> list[str]:
    """Return the declared names that are part of an identifier; none if that is not certain."""
    seen: dict[str, str] = {}
    try:
        found = FormerIdentifiers(lambda name: seen.setdefault(name, name)).of(task)
    except IdentifierError:
        return []
    # A task in the values was submitted, and its class was declared anew since then: what it
    # was called cannot be told from what it is now.
    return list(seen) if found == layout.identifier else []


def _former(name: str, aliases: Aliases) -> list[str]:
    """Return what a class may have been called, the latest first, and what that was before."""
    found = {name: None}
    for each in (queue := [name]):
        for old in (*former_names(each), *aliases.of(each)):
            if old not in found and is_name(old) and len(found) <= _MAX_FORMER:
                found[old] = None
                queue.append(old)
    return list(found)[1:]


def _keeps_apart(naming: Mapping[str, str], names: list[str]) -> bool:
    """Tell whether two names stay two: what was one class cannot be told from what were two."""
    return len({naming.get(name, name) for name in names}) == len(names)


def _namings(former: Mapping[str, list[str]]) -> Iterator[dict[str, str]]:
    """Yield what all classes may have been called at one time, the likeliest first."""
    # First all of one place together: that is a notebook that was renamed, perhaps repeatedly.
    for several in itertools.zip_longest(*former.values()):
        yield {name: old or former[name][-1] for name, old in zip(former, several, strict=True)}
    choices = [(*former[name], name) for name in former]
    for several in itertools.islice(itertools.product(*choices), _MAX_NAMINGS):
        yield dict(zip(former, several, strict=True))


def _done_jobs(
    task: Any, workspace: WorkspaceLayout, namings: Iterator[dict[str, str]]
) -> Iterator[JobLayout]:
    """Yield the finished jobs that a task may have been, in their real directories."""
    current = type(task).__xpm_name__
    folders: dict[str, bool] = {}
    tried = set()
    for naming in namings:
        name = naming.get(current, current)
        if name not in folders:
            folders[name] = os.path.isdir(f"{workspace.jobs}/{name}")  # noqa: PTH112
        if not folders[name]:
            continue
        try:
            identifier = FormerIdentifiers(partial(_renamed, naming)).of(task)
        except IdentifierError:
            continue
        if (name, identifier) in tried:
            continue
        tried.add((name, identifier))
        layout = workspace.job(name, identifier)
        layout = moved_to(layout) or layout
        if os.path.isfile(layout.done):  # noqa: PTH113
            yield layout


def _renamed(naming: Mapping[str, str], name: str) -> str:
    return naming.get(name, name)


def _place_of(cls: type) -> tuple[str, str]:
    """Return the notebook or module of a class, and its name there; nothing for a given name."""
    plain: Any = getattr(cls, "__xpm_plain__", cls)
    if "__xpmid__" in vars(plain):
        return "", ""
    depth = plain.__qualname__.replace(".<locals>", "").count(".") + 1
    place, *path = plain.__xpm_name__.rsplit(".", depth)
    return place, ".".join(path)


def _other_places(workspace: WorkspaceLayout, place: str, path: str) -> list[str]:
    """Return where else a class of the same name has jobs, the latest first; at most some."""
    found: list[tuple[float, str]] = []
    try:
        with os.scandir(workspace.jobs) as entries:
            for entry in entries:
                other = entry.name.removesuffix(f".{path}")
                # One that is declared in this process is another class, not what this one was.
                if other not in (entry.name, place) and find(entry.name) is None:
                    found.append((entry.stat().st_mtime, other))
    except OSError:
        return []
    return [other for _, other in sorted(found, reverse=True)[:_MAX_PLACES]]
