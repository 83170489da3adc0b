"""What a workspace says of former names: ``aliases.json``, which ``xpmnb adopt`` writes.

The file is ``{"format": 1, "former": {name: [former name, ...]}}``. A name is the full name of a
class, or a place: a notebook, a module or a package, which stands for all that is declared there.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from xpmnb.errors import WorkspaceError

from .files import PathLock, read_bytes, write_atomic
from .json_values import as_mapping
from .layout import JobLayout, WorkspaceLayout

__all__ = [
    "NO_ALIASES",
    "Aliases",
    "add_alias",
    "alias_changes",
    "is_called",
    "jobs_called",
    "load_aliases",
    "normal_name",
    "read_aliases",
    "remove_alias",
]

FORMAT = 1
_MAX_BYTES = 4 * 1024 * 1024
_NAME = re.compile(r"[\w-]+(\.[\w-]+)*")
_MAX_NAME = 200
_PATIENCE_S = 10.0
_AGAIN_S = 0.01


@dataclass(frozen=True, slots=True)
class Aliases:
    """Former names of classes and places. Immutable; any thread."""

    former: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Former names by the present one, the latest first; keys in lower case."""

    def __bool__(self) -> bool:
        """Tell whether there is any."""
        return bool(self.former)

    def of(self, name: str) -> Iterator[str]:
        """Yield what a class may have been called, by its own name and by each place around it."""
        lower = name.lower()
        end = len(lower)
        while end > 0:
            for old in self.former.get(lower[:end], ()):
                yield old + name[end:]
            end = lower.rfind(".", 0, end)

    def chain(self, name: str) -> list[str]:
        """Return all former names, also those that former names had; at most some."""
        found = {name: None}
        for each in (queue := [name]):
            for old in self.of(each):
                if old not in found and len(found) <= _MAX_CHAIN:
                    found[old] = None
                    queue.append(old)
        return list(found)[1:]


_MAX_CHAIN = 16
NO_ALIASES = Aliases()

_changes = 0

_read: dict[str, tuple[tuple[int, ...], Aliases]] = {}
"""What the files held when they were read last, by path; any thread."""


def read_aliases(layout: WorkspaceLayout) -> Aliases:
    """Return the former names that a workspace knows; reads the file only when it has changed.

    Damage is no error here: it is warned of once, and nothing is known of former names.
    """
    path = layout.aliases
    try:
        found = os.stat(path)
    except OSError:
        return NO_ALIASES
    stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
    known = _read.get(path)
    if known is None or known[0] != stamp:
        try:
            aliases = _load(path)
        except WorkspaceError as error:
            warnings.warn(f"former names are not looked up: {error}", stacklevel=2)
            aliases = NO_ALIASES
        known = _read[path] = (stamp, aliases)
    return known[1]


def alias_changes() -> int:
    """Return how often this process has changed what is called what."""
    return _changes


def load_aliases(layout: WorkspaceLayout) -> Aliases:
    """Read the former names that a workspace knows.

    Raises
    ------
    WorkspaceError
        The file is damaged or cannot be read.
    """
    return _load(layout.aliases) if os.path.lexists(layout.aliases) else NO_ALIASES


def add_alias(layout: WorkspaceLayout, old: str, new: str) -> None:
    """Record that what is called `new` was called `old` before.

    Raises
    ------
    WorkspaceError
        The names are one, or `new` is recorded as a former name of `old`; the file is damaged or
        cannot be written.
    """
    if old.lower() == new.lower():
        raise WorkspaceError(f"{old} cannot be a former name of itself")
    with _edited(layout) as former:
        if new in (each.lower() for each in Aliases(_frozen(former)).chain(old.lower())):
            raise WorkspaceError(
                f"{new} is recorded as a former name of {old}; if it is the other way round now, "
                f"take that back first: xpmnb adopt {new} {old} --remove"
            )
        known = former.setdefault(new, [])
        known[:] = [old, *(each for each in known if each != old)]


def remove_alias(layout: WorkspaceLayout, old: str, new: str) -> None:
    """Take back what :func:`add_alias` recorded; what was moved stays where it is.

    Raises
    ------
    WorkspaceError
        It is not recorded; the file is damaged or cannot be written.
    """
    with _edited(layout) as former:
        if old not in former.get(new, ()):
            known = "; ".join(f"{each} was {', '.join(names)}" for each, names in former.items())
            raise WorkspaceError(
                f"{old} is not recorded as a former name of {new}; there are: {known or 'none'}"
            )
        former[new].remove(old)
        if not former[new]:
            del former[new]


def normal_name(name: str) -> str:
    """Return a name as classes have it, from what a person types: also the file of a notebook.

    Raises
    ------
    WorkspaceError
        It is no name of a class or a place.
    """
    stem, dot, suffix = name.rpartition(".")
    if dot and suffix.lower() == "ipynb":
        return re.sub(r"\W", "_", os.path.basename(stem)).lower()
    if len(name) > _MAX_NAME or not _NAME.fullmatch(name):
        raise WorkspaceError(
            f"{name!r:.80} is no name: give that of a class, such as digits.train, or of a "
            "notebook or module, such as digits"
        )
    return name


def is_called(name: str, given: str) -> bool:
    """Tell whether a name is the given one, or lies in the place of that name."""
    return name == given or name.startswith(f"{given}.")


def jobs_called(layouts: Sequence[JobLayout], given: str) -> tuple[str, int]:
    """Find out how many jobs have a name.

    Parameters
    ----------
    layouts
        All jobs of a workspace.
    given
        The name of a class or a place, with its capitals or without.

    Returns
    -------
    name : str
        The name as the jobs have it.
    count : int
        How many tasks of that name have run; if none, how many jobs use a configuration of it.

    Raises
    ------
    WorkspaceError
        No job has it; the message tells the nearest names.
    """
    for name in dict.fromkeys((given, given.lower())):
        count = sum(is_called(layout.task, name) for layout in layouts)
        # Configurations have no folders of their own.
        count = count or sum(_uses(layout, name) for layout in layouts)
        if count:
            return name, count
    tasks = {layout.task for layout in layouts}
    places = {task.rpartition(".")[0] for task in tasks} - {""}
    known = sorted(tasks | places)
    near = difflib.get_close_matches(given.lower(), known, n=5) or known[:8]
    raise WorkspaceError(
        f"no job of this workspace has or uses the name {given}; there are: "
        f"{', '.join(near) or 'no jobs'}"
    )


def _uses(layout: JobLayout, name: str) -> bool:
    """Tell whether the values of a job hold a configuration of a name."""
    try:
        text = read_bytes(layout.params, limit_bytes=_MAX_BYTES)
    except OSError:
        return False
    quoted = json.dumps(name).encode()
    return b'"type": ' + quoted in text or b'"type": ' + quoted[:-1] + b"." in text


@contextmanager
def _edited(layout: WorkspaceLayout) -> Iterator[dict[str, list[str]]]:
    """Let one at a time change what is recorded; it is written if nothing is raised."""
    global _changes  # noqa: PLW0603 (one count for the process, beside what was read)
    lock = PathLock(f"{layout.aliases}.lock")
    try:
        _await(lock, layout.aliases)
        try:
            former = {name: list(names) for name, names in load_aliases(layout).former.items()}
            yield former
            document = {"format": FORMAT, "former": former}
            write_atomic(layout.aliases, json.dumps(document, indent=1).encode())
            _changes += 1
        finally:
            lock.release()
    except WorkspaceError:
        raise
    except OSError as error:
        raise WorkspaceError(f"{layout.aliases} cannot be written: {error.strerror}") from error


def _await(lock: PathLock, path: str) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not lock.acquire():
        if time.monotonic() > deadline:
            raise WorkspaceError(f"somebody else has been writing {path} for long: try again")
        time.sleep(_AGAIN_S)


def _frozen(former: Mapping[str, list[str]]) -> dict[str, tuple[str, ...]]:
    return {name: tuple(names) for name, names in former.items()}


def _load(path: str) -> Aliases:
    """Read the file, or raise a WorkspaceError that says what is wrong with it."""
    advice = "mend or delete it"
    try:
        document = as_mapping(json.loads(read_bytes(path, limit_bytes=_MAX_BYTES)))
    except OSError as error:
        raise WorkspaceError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError):
        raise WorkspaceError(f"{path} is not JSON: {advice}") from None
    version = (document or {}).get("format")
    if document is not None and type(version) is int and version > FORMAT:
        raise WorkspaceError(f"{path} is of format {version}; this xpmnb reads {FORMAT}")
    former = as_mapping((document or {}).get("former"))
    if former is None:
        raise WorkspaceError(f"{path} is no file of former names: {advice}")
    found: dict[str, tuple[str, ...]] = {}
    for name, names in former.items():
        if not isinstance(names, list) or not all(map(_is_name, (name, *names))):
            raise WorkspaceError(f"{path}: the former names of {name!r:.80} are no names: {advice}")
        found[name.lower()] = tuple(names)
    return Aliases(found)


def _is_name(value: object) -> bool:
    # They become paths: nothing may lead out of the folder of the jobs.
    return isinstance(value, str) and len(value) <= _MAX_NAME and bool(_NAME.fullmatch(value))
