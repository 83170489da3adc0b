"""``[NAME].py``: the program of a job, and how another process takes its classes from it."""

from __future__ import annotations

import ast
import enum
import functools
import linecache
import re
import sys
import sysconfig
import types
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xpmnb import seam
from xpmnb.closure import Closure, closure_of
from xpmnb.core import registry
from xpmnb.core.registry import Declared
from xpmnb.core.state import state_of
from xpmnb.core.walk import whole_of
from xpmnb.export.listing import FUTURE
from xpmnb.export.sources import module_of_cells

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_IMPORTABLE = '''\
"""A job of xpmnb: {name}.

Run it with python: it runs the job in this directory, with the values in __xpm__/params.json,
unless it is done. What it prints goes to {short}.out and {short}.err.
"""

import sys

sys.path[:0] = {search_path!r}

from xpmnb.job_process import main

if __name__ == "__main__":
    raise SystemExit(main(__file__))
'''

_FROM_CELLS = '''\
"""A job of xpmnb: {name}, declared in {place}.

Run it with python: it runs the job in this directory, with the values in __xpm__/params.json,
unless it is done. What it prints goes to {short}.out and {short}.err. Below is the source of its
classes and of all they use, as it was when the job was submitted.
"""

{head}
{source}

if __name__ == "__main__":
    from xpmnb.job_process import main

    raise SystemExit(main(__file__))
'''

_REFUSING = '''\
"""A job of xpmnb: {name}, declared in {place}.

It runs only where it was submitted, for its classes use what cannot be written as source. What
can be is below, for you to read.
"""

{head}
# {problems}
raise SystemExit({refusal!r})

{source}'''

# What all programs that run end with.
_BEGIN = b'\nif __name__ == "__main__":\n'

_MAX_KEPT = 1000
_MAX_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Program:
    """The program of a job. Immutable; any thread."""

    text: bytes
    """The content of ``[NAME].py``."""
    problems: tuple[str, ...]
    """Why other processes cannot run it; empty if they can."""
    closure: Closure | None
    """What it was made of; None if all its classes are imported."""
    in_modules: tuple[type, ...]
    """Its classes that are not in the closure."""

    def with_values(self, params: dict[str, Any]) -> bytes:
        """Return the text for one job, with its values where a reader looks for them.

        Parameters
        ----------
        params : dict
            Parameters by dotted name, as they go on record.
        """
        before, begin, after = self.text.rpartition(_BEGIN)
        if not begin or not params:
            return self.text
        lines = [f"#     {name} = {_shortened(value)}" for name, value in params.items()]
        told = "\n".join(["", "# The parameters of this job:", *lines, ""])
        return b"".join((before, told.encode("utf-8", "backslashreplace"), begin, after))


def _shortened(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."


@dataclass(frozen=True, slots=True)
class _Kept:
    in_cells: tuple[type, ...]
    program: Program


_kept: dict[tuple[type, ...], _Kept] = {}


def program_of(task: Any) -> Program:
    """Return the program of a job.

    Parameters
    ----------
    task
        The sealed configuration of a task.

    Returns
    -------
    Program
        For classes of modules and scripts, one that imports them. For classes declared in cells or
        at a prompt, one that holds their source and all they use; if that cannot be written, one
        that says why and does not run. Made once for each set of classes and each version of them.
    """
    classes = _classes_of(task)
    kept = _kept.get(classes)
    if kept is not None:
        closure = kept.program.closure
        if closure is None or closure_of(kept.in_cells) is closure:
            return kept.program
    elif len(_kept) >= _MAX_KEPT:  # classes declared again and again in a long session
        _kept.clear()
    kept = _kept[classes] = _make(classes)
    return kept.program


def needs_program(document: dict[str, Any]) -> bool:
    """Tell whether a document names classes that only the program of its job can declare.

    Parameters
    ----------
    document : dict
        What :func:`~xpmnb.document.to_document` returned, perhaps in another process.
    """
    return any(
        place.get("module") == "__main__" and not place.get("file")
        for place in iter_places(document["objects"])
    )


def iter_places(value: Any) -> Iterator[dict[str, Any]]:
    """Yield all in a document that says where a class was declared, to be read or changed."""
    if isinstance(value, dict):
        if "qualname" in value:
            yield value
        for each in value.values():
            yield from iter_places(each)
    elif isinstance(value, list):
        for each in value:
            yield from iter_places(each)


def load_program(text: str, path: str) -> None:
    """Declare the classes of a program in this process, which will run one job.

    Parameters
    ----------
    text : str
        The text of the program.
    path : str
        Its file, which need not be there yet: tracebacks show its lines all the same.

    Raises
    ------
    BaseException
        What the source of the classes raises when it is executed; SystemExit for a program that
        does not run outside its notebook.

    Notes
    -----
    The program takes the place of ``__main__``, under the name that :mod:`multiprocessing` uses for
    it in its own children: so pickling in the job finds its classes, and the part for shells is
    not run. Call it once, in the main thread, before the task is built.
    """
    linecache.cache[path] = (len(text), None, text.splitlines(keepends=True), path)
    module = types.ModuleType("__mp_main__")
    module.__file__ = path
    sys.modules["__main__"] = sys.modules["__mp_main__"] = module
    exec(compile(text, path, "exec", dont_inherit=True), module.__dict__)  # noqa: S102 (the task's own code)


def _classes_of(task: Any) -> tuple[type, ...]:
    """Return the classes that a job needs, the task's own last."""
    whole, own = whole_of(task), type(task)
    if whole.is_plain:
        return _newest_of(whole.classes, own, registry.generation())  # type: ignore[arg-type]  # a class
    state = state_of(task)
    kept = state.classes
    # As in whole_of: it is asked for several times with every job, and lasts.
    if kept is not None and kept[0] == registry.generation():
        return kept[1]
    found = _ordered(_iter_classes(whole.configs), own)
    if state.sealed:
        state.classes = (registry.generation(), found)
    return found


@functools.lru_cache(maxsize=_MAX_KEPT)  # asked for with every job
def _newest_of(classes: tuple[Any, ...], own: Any, _generation: int) -> tuple[type, ...]:
    """Return the newest definitions of some classes, the task's own last."""
    return _ordered(map(registry.newest, classes), own)


def _ordered(classes: Iterable[type], own: Any) -> tuple[type, ...]:
    """Return each class once, the task's own last: what it uses is declared before."""
    found: dict[type, None] = dict.fromkeys(classes)
    last = registry.newest(own)
    found.pop(last, None)
    return (*found, last)


def _iter_classes(configs: Iterable[Any]) -> Iterator[type]:
    for each in configs:
        yield from _enums_in(vars(each).values())
        yield registry.newest(type(each))


def _enums_in(values: Iterable[Any]) -> Iterator[type]:
    for value in values:
        if isinstance(value, enum.Enum):
            if module_of_cells(sys.modules.get(type(value).__module__)):
                yield type(value)
        elif isinstance(value, dict):
            yield from _enums_in((*value.keys(), *value.values()))
        elif isinstance(value, (list, tuple, set, frozenset)):
            yield from _enums_in(value)


def _make(classes: tuple[type, ...]) -> _Kept:
    others = [cls for cls in classes if not _is_importable(cls)]
    in_cells = tuple(cls for cls in others if module_of_cells(sys.modules.get(cls.__module__)))
    modules = [cls.__module__ for cls in classes if cls not in others]
    search_path = _search_path(modules)
    task: Any = classes[-1]
    name: str = task.__xpm_name__
    words = {"name": name, "short": name.rpartition(".")[2], "place": _place_in_words(in_cells)}
    if not others:
        text = _IMPORTABLE.format(**words, search_path=search_path)
        return _Kept((), Program(text.encode(), tuple(_guarded(classes)), None, classes))
    closure = closure_of(in_cells)
    hidden = (f"class {cls.__qualname__}" for cls in others if cls not in in_cells)
    places = _notebooks_of(in_cells)
    problems = [f"{each} is declared inside a function: declare it outside" for each in hidden]
    problems += closure.problems
    if len(places) > 1:
        problems.append(f"its classes come from {' and '.join(places)}: run their cells again")
    known = [path for path in _search_path(closure.modules) if not _is_standard(path)]
    head = _head(places, list(dict.fromkeys([*search_path, *known])))
    source = closure.source
    if source.startswith(FUTURE):  # it must come first
        source = source.removeprefix(FUTURE).lstrip("\n")
        head = f"{FUTURE}\n{head}"
    if problems:
        words["problems"] = "\n#\n# ".join(each.replace("\n", "\n# ") for each in problems)
        place = "notebook" if in_cells else "process"
        words["refusal"] = f"{name} cannot run outside its {place}: {problems[0]}"
    text = (_REFUSING if problems else _FROM_CELLS).format(**words, head=head, source=source)
    in_modules = tuple(cls for cls in classes if cls not in in_cells)
    return _Kept(in_cells, Program(text.encode(), tuple(problems), closure, in_modules))


def _guarded(classes: Iterable[type]) -> Iterator[str]:
    """Say which classes of a script are declared only when the script itself is run."""
    for cls in classes:
        file, line = vars(cls).get("__xpm_source__", ("", 0))
        if cls.__module__ == "__main__" and any(
            first <= line <= last for first, last in _guarded_lines(file)
        ):
            yield (
                f'{cls.__qualname__} is declared under `if __name__ == "__main__":` in {file}, '
                "which is not run in another process: declare it above that line"
            )


def _guarded_lines(file: str) -> Iterator[tuple[int, int]]:
    """Yield the first and last line of what a script does only when it is itself run."""
    try:
        body = ast.parse("".join(linecache.getlines(file))).body
    except (SyntaxError, ValueError):  # it was edited, and is no Python now
        return
    for node in body:
        if isinstance(node, ast.If) and "__name__" in ast.dump(node.test):
            yield node.lineno, node.end_lineno or node.lineno


def _head(places: list[str], search_path: list[str]) -> str:
    """Return what comes before the source: where modules are, and what the classes are called."""
    lines = f"import sys\n\nsys.path[:0] = {search_path!r}\n" if search_path else ""
    # Their declared names begin with the notebook's, here as there.
    return lines + "".join(f"__xpm_notebook__ = {place!r}\n" for place in places[:1])


def _notebooks_of(classes: tuple[type, ...]) -> list[str]:
    """Return what the declared names of classes of cells begin with: one place, if all is well."""
    found: dict[str, None] = {}
    for cls in classes:
        if isinstance(cls, Declared) and "__xpmid__" not in vars(cls):
            depth = cls.__qualname__.replace(".<locals>", "").count(".") + 1
            found[cls.__xpm_name__.rsplit(".", depth)[0]] = None
    # With names given by hand there is none to be read off.
    return list(found) or [registry.place_name(cls.__module__) for cls in classes[:1]]


def _place_in_words(in_cells: tuple[type, ...]) -> str:
    if not in_cells:
        return "a function"
    stem = seam.notebook_stem() if seam.in_notebook() else None
    return "the notebook " + re.sub(r"[^\w .-]", "_", stem) if stem else "cells"


def _is_importable(cls: type) -> bool:
    module = sys.modules.get(cls.__module__)
    has_file = bool(getattr(module, "__file__", None)) and not module_of_cells(module)
    return has_file and "<locals>" not in cls.__qualname__


def _search_path(modules: Iterable[str]) -> list[str]:
    """Return the folders from which modules are imported."""
    folders: dict[str, None] = {}
    for name in modules:
        file = _file_of(name)
        if file is not None:
            # package.module in /a/package/module.py is imported from /a.
            depth = 0 if name == "__main__" else name.count(".")
            depth += file.name == "__init__.py"
            folders[str(file.parents[depth])] = None
    return list(folders)


def _file_of(name: str) -> Path | None:
    """Return the file of a module, which need not be imported yet; None for built-in ones."""
    module = sys.modules.get(name)
    found = getattr(module, "__file__", None)
    inside = getattr(module, "__path__", None)
    if module is None:
        spec = PathFinder.find_spec(name)  # imports nothing
        found = spec.origin if spec is not None and spec.has_location else None
        inside = spec.submodule_search_locations if spec is not None else None
    if found is None and inside:  # a folder without __init__.py is a package too
        found = f"{next(iter(inside))}/__init__.py"
    return None if found is None else Path(found).absolute()


def _is_standard(folder: str) -> bool:
    """Tell whether every Python here looks in a folder for modules."""
    paths = sysconfig.get_paths()
    inside = {str(Path(path, "lib-dynload")) for path in (paths["stdlib"], paths["platstdlib"])}
    return folder in {*paths.values(), *inside}
