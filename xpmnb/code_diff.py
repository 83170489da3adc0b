"""What differs between two versions of the code of a task: pure, from two values."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from xpmnb.markup import one_line
from xpmnb.sheets import Section, Sheet, sheet_html, sheet_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xpmnb.code import Code

__all__ = ["CodeDiff", "PartDiff", "code_diff"]

MAX_SHOWN_LINES = 2_000
"""More lines of a difference are counted, not shown."""

MAX_LINE = 1_000
"""A longer line of source is cut where it is shown."""

MAX_COMPARED_LINES = 20_000
"""Parts of more lines, old and new together, are not compared line by line."""

_NOTHING = "/dev/null"
"""What differences in text call a file that is not there."""


@dataclass(frozen=True, slots=True)
class PartDiff:
    """What differs in one part of the code: a class, a helper. Immutable; any thread."""

    name: str
    kind: str
    """``added``, ``removed`` or ``changed``."""
    lines: tuple[str, ...] = field(repr=False)
    """Lines of a unified difference without its header: each begins with ``+``, ``-``, a blank,
    or ``@@`` for the place of what follows."""

    @property
    def header(self) -> tuple[str, str]:
        """The two lines that a unified difference begins with."""
        name = one_line(self.name)
        old, new = _NOTHING if self.kind == "added" else name, name
        return f"--- {old}", f"+++ {_NOTHING if self.kind == 'removed' else new}"


@dataclass(frozen=True, slots=True, repr=False)
class CodeDiff:
    """What differs between the code of two jobs, or of a job then and now.

    It is false when the code is the same: when the code hashes are, or one of them is not known.
    ``str()`` is a difference as text, and a notebook shows it in colours. Immutable; any thread.
    """

    old_digest: str | None
    """The old code hash; None where it is not on record."""
    new_digest: str | None
    """The new code hash; None where it is not on record."""
    parts: tuple[PartDiff, ...] = field(repr=False)
    """The parts that differ: changed ones, added ones, removed ones."""
    notes: tuple[str, ...] = ()
    """What is to be said besides, in sentences."""

    def __bool__(self) -> bool:
        """Tell whether the code differs in more than comments, docstrings and layout."""
        known = self.old_digest is not None and self.new_digest is not None
        return known and self.old_digest != self.new_digest

    @property
    def changed(self) -> tuple[str, ...]:
        """The names of parts that both have, with another source."""
        return self._named("changed")

    @property
    def added(self) -> tuple[str, ...]:
        """The names of parts that only the new code has."""
        return self._named("added")

    @property
    def removed(self) -> tuple[str, ...]:
        """The names of parts that only the old code has."""
        return self._named("removed")

    def _named(self, kind: str) -> tuple[str, ...]:
        return tuple(part.name for part in self.parts if part.kind == kind)

    def sections(self) -> tuple[Section, ...]:
        """Return a section of a sheet for each part that differs, bounded."""
        room = MAX_SHOWN_LINES
        found = []
        for part in self.parts:
            lines = part.lines[:room]
            room -= len(lines)
            left = len(part.lines) - len(lines)
            more = f"{part.kind}; {left:,} more lines are not shown" if left else part.kind
            found.append(Section(part.name, lines=tuple(map(_bounded, lines)), more=more))
        return tuple(found)

    def __str__(self) -> str:
        """Return a unified difference of each part, after what is to be said."""
        sections = self.sections()
        texts = list(self.notes)
        for part, section in zip(self.parts, sections, strict=True):
            texts.append(sheet_text(Sheet("", sections=(), notes=(*part.header, *section.lines))))
            if section.more != part.kind:
                texts.append(f"({section.more})")
        return "\n".join(texts)

    def __repr__(self) -> str:
        """Return the text, which is what a prompt shows."""
        return str(self)

    def _repr_html_(self) -> str:
        """Return the difference in colours, for a notebook."""
        return sheet_html(Sheet("", sections=self.sections(), notes=self.notes))


def code_diff(old: Code | None, new: Code | None) -> CodeDiff:
    """Compare two versions of the code of a task.

    Parameters
    ----------
    old, new : Code or None
        The code then and now; None where it is not on record. A Code without parts is one of
        which the hash is on record and the sources are not.

    Returns
    -------
    CodeDiff
        False when the code is the same.
    """
    digests = (old.digest if old else None, new.digest if new else None)
    unknown = [side for side, code in (("old", old), ("new", new)) if not (code and code.parts)]
    if old is None or new is None or unknown:
        if None not in digests and digests[0] == digests[1]:
            return CodeDiff(*digests, (), ("the code is the same",))
        hashes = "; the code hashes differ" if None not in digests else ""
        what = "neither code is" if len(unknown) > 1 else f"the {unknown[0]} code is not"
        return CodeDiff(*digests, (), (f"{what} on record{hashes}",))
    parts = tuple(_compared(old.parts, new.parts))
    same_hash = old.digest == new.digest
    if same_hash:
        return CodeDiff(*digests, parts, _notes(same_hash=True, parts=parts))
    # Comments that came with a change would only hide it.
    changed = set(old.changed_parts(new))
    shown = tuple(each for each in parts if each.name in changed)
    quiet = ", ".join(each.name for each in parts if each.name not in changed)
    notes = (f"only comments, docstrings and layout differ in {quiet}",) if quiet else ()
    return CodeDiff(*digests, shown, notes + _notes(same_hash=False, parts=shown))


def _notes(*, same_hash: bool, parts: tuple[PartDiff, ...]) -> tuple[str, ...]:
    if same_hash and parts:
        return ("only comments, docstrings and layout differ: the code hash is the same",)
    if same_hash:
        return ("the code is the same",)
    if not parts:
        words = "the code hashes differ, but every source on record is the same: "
        return (f"{words}another version of xpmnb may have made one of them",)
    return ()


def _compared(old: dict[str, str], new: dict[str, str]) -> Iterable[PartDiff]:
    for name, source in new.items():
        if name in old and old[name] != source:
            yield PartDiff(name, "changed", _lines(old[name], source))
    for name, source in new.items():
        if name not in old:
            yield PartDiff(name, "added", _lines("", source))
    for name, source in old.items():
        if name not in new:
            yield PartDiff(name, "removed", _lines(source, ""))


def _lines(old: str, new: str) -> tuple[str, ...]:
    """Return the lines of a unified difference, without its header."""
    # Not splitlines(), which also breaks where Python's own source does not, at a form feed say.
    before, after = _split(old), _split(new)
    if len(before) + len(after) > MAX_COMPARED_LINES:
        return (f"@@ {len(before):,} and {len(after):,} lines are too many to be compared @@",)
    found = list(difflib.unified_diff(before, after, lineterm=""))[2:]
    if not found and old and new:
        return ("@@ only the ends of lines differ @@",)
    return tuple(found)


def _split(text: str) -> list[str]:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return lines[:-1] if lines and not lines[-1] else lines


def _bounded(line: str) -> str:
    return line if len(line) <= MAX_LINE else f"{line[: MAX_LINE - 1]}…"
