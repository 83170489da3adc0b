"""Executed cells as the text of a notebook, judged by nbformat."""

import json

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpmnb.notebook.ipynb import Cell, cell_text, is_cell_id, notebook_text

METADATA = {
    "kernelspec": {"name": "python3", "display_name": "Python 3"},
    "xpmnb": {"notebook": "/home/me/Übung \ud800.ipynb"},
}

sources = st.text(st.characters(exclude_categories=()), max_size=40)


@given(st.lists(st.tuples(sources, st.none() | st.integers(0, 10**6)), max_size=6))
def test_any_source_makes_a_valid_notebook(cells: list[tuple[str, int | None]]) -> None:
    """Whatever was executed is a valid notebook, and is read back as it was, in its order."""
    texts = [cell_text(Cell(*each, f"cell-{number}")) for number, each in enumerate(cells)]
    text = notebook_text(texts, METADATA).decode()
    notebook = nbformat.reads(text, as_version=4)
    nbformat.validate(notebook)
    assert [(each.source, each.execution_count) for each in notebook.cells] == cells
    assert [each.id for each in notebook.cells] == [f"cell-{n}" for n in range(len(cells))]
    assert notebook.metadata == METADATA


def test_the_text_is_as_jupyter_writes_it() -> None:
    """A notebook is, byte by byte, what nbformat would write of it."""
    cells = [Cell("a = 1\nb = 'Übung'\n\nb", 3, "a1"), Cell("", None, "b2")]
    text = notebook_text(map(cell_text, cells), {"xpmnb": "x"}).decode()
    notebook = nbformat.reads(text, as_version=4)
    written = nbformat.writes(notebook)
    assert text == written + "\n"
    assert json.loads(text)["cells"][0]["source"] == ["a = 1\n", "b = 'Übung'\n", "\n", "b"]


@pytest.mark.parametrize(
    ("value", "is_one"),
    [
        ("5d2f0d7a-aa", True),
        ("A_1", True),
        ("a" * 64, True),
        ("a" * 65, False),
        ("", False),
        ("vscode-notebook-cell:/home/a.ipynb#W0s", False),
        ("a\n", False),
        (None, False),
        (7, False),
    ],
)
def test_identifiers_of_cells(value: object, is_one: bool) -> None:
    """An identifier is taken where the format of notebooks allows it."""
    assert is_cell_id(value) is is_one
