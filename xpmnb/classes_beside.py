"""The classes of a job whose cells were not run in this kernel, taken from its program.

They live beside what the kernel declares: a name that means something here keeps its meaning.
"""

from __future__ import annotations

import itertools
import json
import linecache
import sys
import types
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from xpmnb.core import registry
from xpmnb.errors import DebugError
from xpmnb.program import iter_places

if TYPE_CHECKING:
    from collections.abc import Iterator

_numbers = itertools.count(1)


@contextmanager
def classes_beside(document: dict[str, Any], program: str, path: str) -> Iterator[dict[str, Any]]:
    """Have the classes of a document declared, while the body runs.

    Parameters
    ----------
    document : dict
        What :func:`~xpmnb.document.to_document` returned, perhaps in another process.
    program : str
        The text of the program of the job. It is executed if the document names classes of cells
        that were not run here.
    path : str
        Its file, for tracebacks.

    Yields
    ------
    dict
        The document, in which enumerations that only the program declares are named as such.

    Raises
    ------
    DebugError
        If the program cannot be run outside its notebook.
    BaseException
        What the source of the classes raises when it is executed.
    """
    missing = {each["qualname"] for each in iter_places(document["objects"]) if _is_missing(each)}
    if not missing:
        yield document
        return
    # Not the name of the last one: what a task left behind may still ask for its module.
    module = types.ModuleType(f"xpmnb_debugged_{next(_numbers)}")
    module.__file__ = path
    sys.modules[module.__name__] = module
    linecache.cache[path] = (len(program), None, program.splitlines(keepends=True), path)
    try:
        with registry.only_new_names():
            _execute(program, path, module, missing)
        yield _renamed(document, module)
    finally:
        registry.forget(module.__name__)
        del sys.modules[module.__name__]


def _execute(program: str, path: str, module: types.ModuleType, missing: set[str]) -> None:
    try:
        exec(compile(program, path, "exec", dont_inherit=True), module.__dict__)  # noqa: S102 (the task's own code)
    except SystemExit as refusal:
        message = f"{refusal}. Run the cells that declare {', '.join(sorted(missing))} first"
        raise DebugError(message) from None


def _renamed(document: dict[str, Any], module: types.ModuleType) -> dict[str, Any]:
    """Return a copy of a document in which what the kernel lacks is looked for in a module."""
    result: dict[str, Any] = json.loads(json.dumps(document))
    for each in iter_places(result["objects"]):
        if _is_missing(each):
            each["module"] = module.__name__
    return result


def _is_missing(place: dict[str, Any]) -> bool:
    """Tell whether a class was declared in a cell, and in none of this kernel."""
    if place.get("module") != "__main__" or place.get("file"):
        return False
    if "type" in place:
        return registry.find(place["type"]) is None
    found: Any = sys.modules["__main__"]
    for part in place["qualname"].split("."):
        found = getattr(found, part, None)
    return found is None
