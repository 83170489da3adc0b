"""The bounds of the house: rooms stay small, and their names say what is in them."""

import ast
from pathlib import Path

import pytest

import xpmnb

PACKAGE = Path(xpmnb.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))

FILE_LINES = 400
CLASS_LINES = 300
FUNCTION_LINES = 60
# Names of rooms in which everything would be at home.
FORBIDDEN = {"base", "common", "helpers", "interfaces", "manager", "misc", "utils"}

each_file = pytest.mark.parametrize(
    "path", FILES, ids=[path.relative_to(PACKAGE).as_posix() for path in FILES]
)


def lines_of(node: ast.stmt) -> int:
    """Return how many lines a definition takes, its decorators not counted."""
    return (node.end_lineno or node.lineno) - node.lineno + 1


@each_file
def test_files_are_small(path: Path) -> None:
    """No file of the package has more than 400 lines."""
    assert len(path.read_text(encoding="utf-8").splitlines()) <= FILE_LINES


@each_file
def test_functions_and_classes_are_small(path: Path) -> None:
    """No function has more than 60 lines and no class more than 300."""
    large = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            if lines_of(node) > FUNCTION_LINES:
                large.append(f"{node.name}, line {node.lineno}: {lines_of(node)} lines")
        elif isinstance(node, ast.ClassDef) and lines_of(node) > CLASS_LINES:
            large.append(f"{node.name}, line {node.lineno}: {lines_of(node)} lines")
    assert large == []


@each_file
def test_file_names_say_what_is_inside(path: Path) -> None:
    """No file has a name under which anything could be put."""
    assert path.stem not in FORBIDDEN


@each_file
def test_files_say_what_lives_in_them(path: Path) -> None:
    """Every file starts with a docstring, however short."""
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
