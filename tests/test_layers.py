"""The house's imports: they fall, they make no circle, and the two wings do not know each other."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pytest

import xpmnb

PACKAGE = Path(xpmnb.__file__).parent

# The files of each floor, in the order in which they may build on one another within a folder: a
# file imports from lower floors, and from files of its own folder that stand before it on its own.
FLOORS: dict[int, tuple[str, ...]] = {
    12: (
        "notebook/cells.py",
        "notebook/whereabouts.py",
        "notebook/values.py",
        "notebook/rows.py",
        "notebook/page_source.py",
        "notebook/sparkline.py",
        "notebook/failures.py",
        "notebook/table.py",
        "notebook/clock.py",
        "notebook/drawing.py",
        "notebook/timeline.py",
        "notebook/graph_layers.py",
        "notebook/dag.py",
        "notebook/ipynb.py",
        "notebook/executed.py",
        "notebook/snapshot.py",
        "notebook/watched.py",
        "notebook/recorded.py",
        "notebook/experiment_page.py",
        "notebook/facts.py",
        "notebook/config_tree.py",
        "notebook/pace.py",
        "notebook/outlook.py",
        "notebook/log_tail.py",
        "notebook/cards.py",
        "notebook/job_display.py",
        "notebook/workspace_display.py",
        "notebook/displays.py",
        "notebook/looking.py",
        "notebook/commands.py",
        "notebook/publishing.py",
        "notebook/pictures.py",
        "notebook/panel_view.py",
        "notebook/cell_panel.py",
        "notebook/board.py",
        "notebook/feed.py",
        "notebook/overview.py",
        "notebook/panel.py",
        "notebook/magic_words.py",
        "notebook/magic_completion.py",
        "notebook/magics.py",
        "notebook/extension.py",
        "notebook/__init__.py",
    ),
    11: (
        "adoption.py",
        "submission.py",
        "current.py",
        "experiment_bounds.py",
        "run_control.py",
        "experiments.py",
        "default_experiment.py",
        "comparing.py",
        "novelty.py",
        "console.py",
        "cli.py",
    ),
    10: (
        "launchers/pool.py",
        "launchers/thread.py",
        "launchers/frames.py",
        "launchers/deaths.py",
        "launchers/child.py",
        "launchers/fresh.py",
        "launchers/forkserver.py",
        "launchers/nursery.py",
        "launchers/interpreters.py",
        "launchers/process.py",
        "launchers/choice.py",
        "launchers/__init__.py",
        "commands/display.py",
        "commands/locating.py",
        "commands/listing.py",
        "commands/showing.py",
        "commands/logs.py",
        "commands/adopting.py",
        "commands/cancelling.py",
        "commands/running.py",
        "commands/__init__.py",
    ),
    9: (
        "scheduler/changes.py",
        "scheduler/entries.py",
        "scheduler/register.py",
        "scheduler/reserving.py",
        "scheduler/starting.py",
        "scheduler/judging.py",
        "scheduler/recording.py",
        "scheduler/watching.py",
        "scheduler/dispatcher.py",
        "scheduler/scheduler.py",
    ),
    8: (
        "preparation.py",
        "conclusion.py",
        "surroundings.py",
        "work.py",
        "worker.py",
        "debug_copy.py",
        "debugging.py",
        "job_process.py",
    ),
    7: (
        "scheduler/launcher.py",
        "scheduler/requests.py",
        "scheduler/graph.py",
        "scheduler/inbox.py",
        "scheduler/elsewhere.py",
        "scheduler/stopping.py",
        "scheduler/tokens.py",
        "scheduler/live.py",
        "scheduler/demands.py",
        "scheduler/waiting.py",
        "scheduler/job_files.py",
        "scheduler/job_future.py",
        "scheduler/afterwards.py",
        "scheduler/jobs.py",
        "scheduler/recalled.py",
        "scheduler/outputs.py",
        "scheduler/callbacks.py",
        "scheduler/runs.py",
        "scheduler/__init__.py",
    ),
    6: (
        "ownership.py",
        "streams.py",
        "runtime.py",
        "bars.py",
        "tracebacks.py",
        "environment.py",
        "endings.py",
        "post_mortem.py",
        "interruption.py",
        "turns.py",
        "closure.py",
        "program.py",
        "code_hash.py",
        "classes_beside.py",
        "caching.py",
    ),
    5: (
        "arguments.py",
        "counting.py",
        "export/canonical.py",
        "export/used_names.py",
        "export/sources.py",
        "export/kinds.py",
        "export/loaded.py",
        "export/modules.py",
        "export/parts.py",
        "export/followed.py",
        "export/literals.py",
        "export/imports.py",
        "export/listing.py",
        "export/afterwards.py",
        "export/gathering.py",
        "export/registries.py",
        "export/outdated.py",
        "export/cell_parts.py",
        "export/watch.py",
        "export/__init__.py",
        "analysis/documents.py",
        "analysis/columns.py",
        "analysis/frames.py",
        "analysis/outputs.py",
        "analysis/workspace.py",
        "analysis/run_tables.py",
        "analysis/job_facts.py",
        "analysis/difference.py",
        "analysis/nearest.py",
        "analysis/reasons.py",
        "analysis/__init__.py",
    ),
    4: (
        "document.py",
        "flat.py",
        "core/paths.py",
        "core/objects.py",
        "core/config.py",
        "core/options.py",
        "core/callbacks.py",
        "core/model.py",
    ),
    3: ("identifiers.py", "former_identifiers.py"),
    2: (
        "core/registry.py",
        "core/former.py",
        "core/atoms.py",
        "core/checkers.py",
        "core/types.py",
        "core/sealed.py",
        "core/fields.py",
        "core/declaration.py",
        "core/state.py",
        "core/walk.py",
        "core/hooks.py",
        "core/values.py",
        "core/tags.py",
        "core/metaclass.py",
        "core/__init__.py",
        "records/json_values.py",
        "records/states.py",
        "records/job_events.py",
        "records/events.py",
        "records/files.py",
        "records/names.py",
        "records/layout.py",
        "records/claims.py",
        "records/tickets.py",
        "records/journal.py",
        "records/following.py",
        "records/task_outputs.py",
        "records/aliases.py",
        "records/moving.py",
        "records/job_directory.py",
        "records/run_index.py",
        "records/codes.py",
        "records/durations.py",
        "records/environments.py",
        "records/notebooks.py",
        "records/collector.py",
        "records/workspace.py",
        "records/__init__.py",
    ),
    1: (
        "version.py",
        "errors.py",
        "frozen.py",
        "seam.py",
        "code.py",
        "markup.py",
        "sheets.py",
        "code_diff.py",
        "partials.py",
        "generators.py",
        "settings.py",
        "processes.py",
        "trails.py",
    ),
}
# The face looks at everything, lazily, and is looked at by nothing.
FACE = "__init__.py"

# Each wing with what builds on it alone. They first meet in the worker and the scheduler.
DECLARES = (
    "core/",
    "identifiers.py",
    "former_identifiers.py",
    "document.py",
    "flat.py",
    "counting.py",
    "export/",
    "closure.py",
)
REMEMBERS = ("records/", "analysis/")

FLOOR_OF = {file: floor for floor, files in FLOORS.items() for file in files}
RANK_OF = {file: rank for files in FLOORS.values() for rank, file in enumerate(files)}


def package_files() -> list[str]:
    """Return the package's Python files, relative to it, with slashes."""
    return sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))


def file_of(dotted: tuple[str, ...]) -> str | None:
    """Return the package file that ``xpmnb.<dotted>`` names, or None where it is no module."""
    module = PurePosixPath(*dotted)
    for candidate in (f"{module}.py", f"{module}/__init__.py" if dotted else FACE):
        if (PACKAGE / candidate).is_file():
            return candidate
    return None


def imported_files(node: ast.Import | ast.ImportFrom, file: str) -> Iterator[str]:
    """Yield the package's files that one import statement of `file` names."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            root, *rest = alias.name.split(".")
            if root == "xpmnb":
                yield file_of(tuple(rest)) or FACE
        return
    if node.level:
        # One dot is the file's own folder; each further dot is one folder up.
        folder = PurePosixPath(file).parent.parts
        parts = [*folder[: len(folder) - (node.level - 1)], *(node.module or "").split(".")]
    else:
        root, *parts = (node.module or "").split(".")
        if root != "xpmnb":
            return
    module = tuple(part for part in parts if part)
    for alias in node.names:
        # `from xpmnb.core import model` names a module, `from xpmnb.core.model import Task` a name.
        yield file_of((*module, alias.name)) or file_of(module) or FACE


@dataclass(frozen=True)
class Import:
    """One file that another one imports, and how."""

    line: int
    file: str
    in_function: bool
    types_only: bool


def inside(tree: ast.AST, *kinds: type[ast.AST]) -> set[ast.AST]:
    """Return every node below the nodes of `tree` that are of the given kinds."""
    return {
        inner
        for outer in ast.walk(tree)
        if isinstance(outer, kinds)
        for inner in ast.walk(outer)
        if inner is not outer
    }


def types_only(tree: ast.AST) -> set[ast.AST]:
    """Return the statements below ``if TYPE_CHECKING:``."""
    return {
        inner
        for outer in ast.walk(tree)
        if isinstance(outer, ast.If) and ast.unparse(outer.test).endswith("TYPE_CHECKING")
        for statement in outer.body
        for inner in ast.walk(statement)
    }


def imports_of(file: str) -> Iterator[Import]:
    """Yield a file's imports of the package."""
    tree = ast.parse((PACKAGE / file).read_text(encoding="utf-8"))
    functions = inside(tree, ast.FunctionDef, ast.AsyncFunctionDef)
    typing = types_only(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for imported in imported_files(node, file):
                yield Import(node.lineno, imported, node in functions, node in typing)


def falls(file: str, found: Import) -> bool:
    """Tell whether `file` may import what was found in it."""
    if found.file not in FLOOR_OF:
        return False
    if FLOOR_OF[found.file] != FLOOR_OF[file]:
        return FLOOR_OF[found.file] < FLOOR_OF[file]
    # Two files of one folder may name each other's types: a seam and what is handed through it.
    before = RANK_OF[found.file] < RANK_OF[file] or found.types_only
    return PurePosixPath(found.file).parent == PurePosixPath(file).parent and before


def test_every_file_has_a_floor() -> None:
    """Each file of the package stands in the table, and each file in the table exists."""
    assert package_files() == sorted([*FLOOR_OF, FACE])


@pytest.mark.parametrize("file", [file for file in package_files() if file != FACE])
def test_imports_fall(file: str) -> None:
    """A file imports only from lower floors or from files before it in its own folder."""
    rising = [
        f"{file}:{found.line} imports {found.file}"
        for found in imports_of(file)
        if not falls(file, found)
    ]
    assert rising == []


@pytest.mark.parametrize("file", [file for file in package_files() if file != FACE])
def test_no_import_hides_in_a_function(file: str) -> None:
    """Only the lazy face imports the package's own modules inside a function."""
    hidden = [
        f"{file}:{found.line} imports {found.file}"
        for found in imports_of(file)
        if found.in_function
    ]
    assert hidden == []


def test_the_wings_do_not_know_each_other() -> None:
    """What declares imports nothing that remembers, and the other way round."""
    crossing = [
        f"{file}:{found.line} imports {found.file}"
        for file in package_files()
        for found in imports_of(file)
        for one, other in ((DECLARES, REMEMBERS), (REMEMBERS, DECLARES))
        if file.startswith(one) and found.file.startswith(other)
    ]
    assert crossing == []


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("import xpmnb.errors", ["errors.py"]),
        ("from xpmnb.errors import XpmError", ["errors.py"]),
        ("from xpmnb import errors", ["errors.py"]),
        ("from .. import errors", ["errors.py"]),
        ("from ..errors import XpmError", ["errors.py"]),
        ("from . import fields", ["core/fields.py"]),
        ("from .fields import field", ["core/fields.py"]),
        ("from xpmnb import Task", [FACE]),
        ("import json, os.path", []),
    ],
)
def test_imports_are_read_in_every_spelling(statement: str, expected: list[str]) -> None:
    """An import of the package is recognised however it is written."""
    node = ast.parse(statement).body[0]
    assert isinstance(node, ast.Import | ast.ImportFrom)
    assert list(imported_files(node, "core/model.py")) == expected
