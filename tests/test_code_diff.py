"""Differences of code: what they say, as text and in colours."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.pages import Page
from xpmnb import code_diff as module
from xpmnb.code import Code
from xpmnb.code_diff import code_diff

OLD = Code(
    "a" * 64,
    {
        "Train": "class Train:\n    def run(self):\n        return helper(1)\n",
        "helper": "def helper(x):\n    return x < 2\n",
        "Gone": "GONE = 1\n",
    },
)
NEW = Code(
    "b" * 64,
    {
        "Train": "class Train:\n    def run(self):\n        return helper(2)\n",
        "helper": "def helper(x):\n    return x < 2\n",
        "fresh": "FRESH = 1\n",
    },
)

# Any lines, with what ends a line for Python's str and not for its source, and what HTML escapes.
LINES = st.lists(st.text("ab <>&\"'\t\x0c\x1b\u202e\u2028", max_size=6), max_size=8)
SOURCES = LINES.map("\n".join)
PARTS = st.dictionaries(st.sampled_from(["Train", "helper", "pkg.mod:<f>"]), SOURCES, max_size=3)


def test_comments_hide_no_change() -> None:
    """Parts in which only comments differ are named, and not shown beside those that changed."""
    old = Code("a" * 64, {"f": "f()", "g": "g()"}, {"f": "1", "g": "2"})
    new = Code("b" * 64, {"f": "f()  # new", "g": "g(1)"}, {"f": "1", "g": "3"})
    found = code_diff(old, new)
    assert found.changed == ("g",)
    assert "only comments, docstrings and layout differ in f" in str(found)
    assert "# new" not in str(found)


def test_parts_are_changed_added_or_removed() -> None:
    """A difference names the parts that differ, and is true."""
    found = code_diff(OLD, NEW)
    assert found
    assert (found.changed, found.added, found.removed) == (("Train",), ("fresh",), ("Gone",))
    assert found.notes == ()


def test_the_text_is_a_unified_difference() -> None:
    """A terminal shows what patch and people read, a header for each part."""
    lines = str(code_diff(OLD, NEW)).splitlines()
    assert lines[:2] == ["--- Train", "+++ Train"]
    assert "-        return helper(1)" in lines
    assert "+        return helper(2)" in lines
    assert lines[-8:] == [
        *("--- /dev/null", "+++ fresh", "@@ -0,0 +1 @@", "+FRESH = 1"),
        *("--- Gone", "+++ /dev/null", "@@ -1 +0,0 @@", "-GONE = 1"),
    ]


def test_the_page_shows_signs_and_colours() -> None:
    """The notebook shows each line with its sign and its class, and no script."""
    page = code_diff(OLD, NEW)._repr_html_()
    text = Page(page).text
    assert '<span class="xpm-line xpm-removed">-        return helper(1)</span>' in page
    assert '<span class="xpm-line xpm-added">+        return helper(2)</span>' in page
    assert "return x < 2" not in text  # an unchanged part
    for words in ("Train changed", "fresh added", "Gone removed"):
        assert words in text


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (OLD, OLD, "the code is the same"),
        (OLD, Code(OLD.digest, NEW.parts), "only comments, docstrings and layout differ"),
        (OLD, Code("c" * 64, OLD.parts), "the code hashes differ, but every source on record"),
        (None, NEW, "the old code is not on record"),
        (OLD, None, "the new code is not on record"),
        (None, None, "neither code is on record"),
        (OLD, Code(NEW.digest, {}), "the new code is not on record; the code hashes differ"),
        (OLD, Code(OLD.digest, {}), "the code is the same"),
    ],
)
def test_it_says_in_words_what_hashes_and_texts_leave_open(
    old: Code | None, new: Code | None, words: str
) -> None:
    """Hash and text may not agree, and either may be missing: that is said; the hashes decide."""
    found = code_diff(old, new)
    assert words in str(found)
    assert words in Page(found._repr_html_()).text
    assert bool(found) == (old is not None and new is not None and old.digest != new.digest)


def test_long_differences_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a long difference the first lines are shown, and it is said how many are left."""
    monkeypatch.setattr(module, "MAX_SHOWN_LINES", 10)
    long = Code("d" * 64, {"Train": "x\n" * 50, "other": "y\n" * 5})
    found = code_diff(Code("e" * 64, {"none": ""}), long)
    assert "41 more lines are not shown" in str(found)
    assert "6 more lines are not shown" in Page(found._repr_html_()).text
    assert str(found).count("+x") == 9
    assert len(found.parts[0].lines) == 51  # the object has them all


def test_huge_parts_are_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part of very many lines is told by their numbers."""
    monkeypatch.setattr(module, "MAX_COMPARED_LINES", 10)
    found = code_diff(Code("d" * 64, {"Train": "x\n" * 6}), Code("e" * 64, {"Train": "y\n" * 7}))
    assert "6 and 7 lines are too many" in str(found)


def test_long_lines_are_cut() -> None:
    """A line of a megabyte does not fill the page."""
    found = code_diff(Code("d" * 64, {"T": "a"}), Code("e" * 64, {"T": "a" * 1_000_000}))
    assert len(found._repr_html_()) < 20_000
    assert len(str(found)) < 20_000


@given(PARTS, PARTS)
def test_every_changed_line_is_there(old: dict[str, str], new: dict[str, str]) -> None:
    """Taking the lines of a difference for a patch gives the new source from the old one."""
    found = code_diff(Code("a" * 64, {"x": "", **old}), Code("b" * 64, {"x": "", **new}))
    assert set(found.added) == new.keys() - old.keys()
    assert set(found.removed) == old.keys() - new.keys()
    assert set(found.changed) == {
        name for name in old.keys() & new.keys() if old[name] != new[name]
    }
    for part in found.parts:
        before, after = (_lines(parts.get(part.name, "")) for parts in (old, new))
        assert _patched(before, part.lines) == after


def _lines(source: str) -> list[str]:
    lines = source.split("\n")
    return lines[:-1] if not lines[-1] else lines


def _patched(before: list[str], lines: tuple[str, ...]) -> list[str]:
    """Apply a unified difference."""
    result: list[str] = []
    at = 0
    for line in lines:
        if line.startswith("@@ -"):
            start, _, count = line.split()[1][1:].partition(",")
            first = int(start) - (count != "0")
            result += before[at:first]
            at = first
        elif line.startswith("+"):
            result.append(line[1:])
        elif line.startswith(("-", " ")):
            assert before[at] == line[1:]
            if line.startswith(" "):
                result.append(line[1:])
            at += 1
    return result + before[at:]


@given(PARTS, PARTS)
def test_everything_is_escaped(old: dict[str, str], new: dict[str, str]) -> None:
    """Whatever the source holds, the page has only the elements that it is made of."""
    found = code_diff(Code("a" * 64, {"x": "", **old}), Code("b" * 64, {"x": "", **new}))
    page = Page(found._repr_html_())
    assert set(page.tags) <= {"style", "div", "p", "b", "pre", "code", "span"}
    assert not {"\x1b", "\u202e"} & set(page.text + str(found))
