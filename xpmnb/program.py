"""The text of ``[NAME].py``, the program in each job directory."""

from __future__ import annotations

import ast
import linecache
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xpmnb.core.walk import graph_of

if TYPE_CHECKING:
    from xpmnb.core.registry import Declared

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
"""A job of xpmnb: {name}.

Its classes were declared in notebook cells; below is their source as it was executed, for you to
read. Run the job from its notebook: the values are in __xpm__/params.json.
"""

{sources}

if __name__ == "__main__":
    raise SystemExit("{name} was declared in a notebook: submit it from there")
'''


def program_text(task: Any) -> bytes:
    """Return the program of a job.

    Parameters
    ----------
    task
        The sealed configuration of a task.

    Returns
    -------
    bytes
        For classes of modules and scripts, a program that runs the job. For classes declared in
        cells or at a prompt, their source and a program that says where to run them.
    """
    classes = {type(each).__xpm_plain__: None for each in graph_of(task)}
    # The task comes last in the graph; what it uses is declared before it.
    return _text_of(tuple(classes))


_texts: dict[tuple[Declared, ...], bytes] = {}


def _text_of(classes: tuple[Declared, ...]) -> bytes:
    """Return the program for a set of classes, the task last; made once for each set."""
    text = _texts.get(classes)
    if text is None:
        if len(_texts) > 1000:  # noqa: PLR2004 (classes re-declared in a long session)
            _texts.clear()
        text = _texts[classes] = _make_text(classes).encode()
    return text


def _make_text(classes: tuple[Declared, ...]) -> str:
    name = classes[-1].__xpm_name__
    if all(_is_importable(cls) for cls in classes):
        short = name.rpartition(".")[2]
        return _IMPORTABLE.format(name=name, short=short, search_path=_search_path(classes))
    sources = (source_of(cls) for cls in classes if not _is_importable(cls))
    return _FROM_CELLS.format(name=name, sources="\n\n".join(sources))


def _is_importable(cls: Declared) -> bool:
    module = sys.modules.get(cls.__module__)
    return bool(getattr(module, "__file__", None)) and "<locals>" not in cls.__qualname__


def _search_path(classes: tuple[Declared, ...]) -> list[str]:
    """Return the folders from which the modules of the classes are imported."""
    folders: dict[str, None] = {}
    for cls in classes:
        module = sys.modules[cls.__module__]
        file = Path(str(module.__file__)).absolute()
        # package.module in /a/package/module.py is imported from /a.
        depth = 0 if cls.__module__ == "__main__" else cls.__module__.count(".")
        depth += file.name == "__init__.py"
        folders[str(file.parents[depth])] = None
    return list(folders)


def source_of(cls: type) -> str:
    """Return the source of a class, as it was declared last; a comment where it is not to be had.

    The source is found by the file and line of the frame that declared the class, which works in
    cells that were run more than once.
    """
    place = cls.__dict__.get("__xpm_source__")
    if place is not None:
        file, line = place
        lines = linecache.getlines(file)
        for node in ast.walk(_parsed("".join(lines))):
            if isinstance(node, ast.ClassDef) and node.name == cls.__name__:
                first = min([node.lineno, *(deco.lineno for deco in node.decorator_list)])
                if first <= line <= (node.end_lineno or line):
                    return "".join(lines[first - 1 : node.end_lineno])
    return f"# The source of {cls.__qualname__} is not available.\n"


def _parsed(source: str) -> ast.AST:
    """Return the syntax tree; an empty one for a file that was edited and is no Python now."""
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError):
        return ast.Module([], [])


from dataclasses import dataclass  # noqa


@dataclass(frozen=True, slots=True)
class Program:
    """STUB."""

    text: bytes
    problems: tuple[str, ...]


def program_of(task):
    return Program(program_text(task), ())


def needs_program(document):
    return False


def load_program(text, path):
    pass
