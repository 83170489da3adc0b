"""Names of declared classes, and which definition a name means now.

A notebook cell that is run again makes a new class object with the name of the old one. For
xpmnb they are one class: classes are compared by declared name, and the newest definition wins.
Nothing here knows what a parameter is.
"""

from __future__ import annotations

import re
import sys
from abc import ABCMeta
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xpmnb import seam
from xpmnb.errors import DeclarationError

if TYPE_CHECKING:
    from collections.abc import Iterator

_ID_PATTERN = re.compile(r"[\w-]+(\.[\w-]+)*")


class Declared(ABCMeta):
    """Metaclass of all classes that have a declared name.

    An ABCMeta, so that a Config may be abstract or derive from an abstract class as well.

    The name is in ``__xpm_name__`` of the class itself, never inherited.
    """

    __xpm_name__: str
    __xpm_plain__: Declared
    """The class that a person declared: itself, or what a configuration class derives from."""
    __xpm_parameters__: dict[str, Any] | None
    """Its parameters, once they are collected; ``declaration.py`` alone uses it."""


_newest: dict[str, Declared] = {}
_generation = 0


def qualified_name(cls: type) -> str:
    """Return the declared name of a class: where it was declared, and its qualified name.

    Parameters
    ----------
    cls : type
        A class of a module, of a script, or of a notebook cell.

    Returns
    -------
    str
        ``module.qualname`` in lower case. The module of a notebook is the stem of its file, or
        ``notebook`` where that cannot be known; of a script, the stem of the script. A global
        ``__xpm_notebook__`` of the module takes the place of all these: the program of a job has
        it, so that its classes are called what they were called in the notebook. A class's own
        ``__xpmid__`` is returned as it is.

    Raises
    ------
    DeclarationError
        If ``__xpmid__`` is not made of letters, digits, ``_``, ``-`` and single dots. It names a
        directory, so nothing else is allowed. If ``__xpm_notebook__`` is no string.
    """
    explicit = cls.__dict__.get("__xpmid__")
    if explicit is not None:
        if not isinstance(explicit, str) or not _ID_PATTERN.fullmatch(explicit):
            message = (
                f"{cls.__qualname__}.__xpmid__ = {explicit!r}: use letters, digits, '_' and '-', "
                "in parts separated by single dots"
            )
            raise DeclarationError(message)
        return explicit
    name = f"{place_name(cls.__module__)}.{cls.__qualname__}".replace(".<locals>", "").lower()
    return re.sub(r"[^\w.-]", "_", name)


def place_name(module: str) -> str:
    """Return what stands for the module of a class.

    Raises
    ------
    DeclarationError
        If its ``__xpm_notebook__`` is no string.
    """
    told = getattr(sys.modules.get(module), "__xpm_notebook__", None)
    if told is not None and not isinstance(told, str):
        message = (
            f"__xpm_notebook__ = {told!r:.80}: give the name of the notebook as a string, such as "
            '__xpm_notebook__ = "digits"'
        )
        raise DeclarationError(message)
    if told:
        return re.sub(r"\W", "_", told)
    return _main_name() if module == "__main__" else module


def _main_name() -> str:
    """Return what stands for ``__main__``: it names a place, not a file."""
    if seam.in_notebook():
        stem = seam.notebook_stem()
        return re.sub(r"\W", "_", stem) if stem else "notebook"
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    return re.sub(r"\W", "_", Path(script).stem) if script else "__main__"


def register(cls: Declared) -> None:
    """Make a class the newest definition of its declared name.

    Raises
    ------
    DeclarationError
        If the name is that of another class, which differs in upper and lower case only.
    """
    global _generation  # noqa: PLW0603 (one count for the process, beside the names)
    old = _newest.get(cls.__xpm_name__)
    if old is not None:
        _refuse_confusion(old, cls)
        _generation += 1
    _newest[cls.__xpm_name__] = cls


def stand_for(cls: Declared, current: Declared) -> None:
    """Make a class that is there under its old name an earlier definition of another one."""
    if _newest.get(cls.__xpm_name__) is cls:
        del _newest[cls.__xpm_name__]
    type.__setattr__(cls, "__xpm_name__", current.__xpm_name__)


def _refuse_confusion(old: Declared, new: Declared) -> None:
    """Refuse two classes that a person tells apart by upper and lower case alone."""
    if old.__qualname__ != new.__qualname__ and "__xpmid__" not in new.__dict__:
        message = (
            f"{new.__qualname__} and {old.__qualname__} have one declared name, "
            f"{new.__xpm_name__}: rename one, or give it an __xpmid__ of its own"
        )
        raise DeclarationError(message)


@contextmanager
def only_new_names() -> Iterator[None]:
    """Let classes that are declared meanwhile count only where their name meant nothing before."""
    global _generation  # noqa: PLW0603
    before = dict(_newest)
    try:
        yield
    finally:
        _newest.update(before)
        _generation += 1


def forget(module: str) -> None:
    """Forget the classes of a module, whose names then mean nothing."""
    global _generation  # noqa: PLW0603
    for name, cls in list(_newest.items()):
        if cls.__module__ == module:
            del _newest[name]
            _generation += 1


def generation() -> int:
    """Return how often a class was declared anew: what was computed before may be outdated."""
    return _generation


def find_beside(cls: type, name: str) -> Declared | None:
    """Return the newest class that was declared as ``name`` in the same place as another."""
    place = cls.__qualname__.rpartition(".")[0]
    wanted = f"{place}.{name}" if place else name
    for each in reversed(_newest.values()):
        if each.__module__ == cls.__module__ and each.__qualname__ == wanted:
            return each
    return None


def newest(cls: Declared | type[Any]) -> Declared:
    """Return the newest definition of a class."""
    return _newest.get(cls.__xpm_name__, cls.__xpm_plain__)


def find(name: str) -> Declared | None:
    """Return the newest class of a declared name; None if there is none in this process."""
    return _newest.get(name)


def is_subclass(cls: type, expected: Declared) -> bool:
    """Tell whether a class is, or derives from, any definition of the expected class."""
    if expected in cls.__mro__ or issubclass(cls, expected):  # the first is much quicker
        return True
    name = expected.__xpm_name__
    return any(base.__dict__.get("__xpm_name__") == name for base in cls.__mro__)
