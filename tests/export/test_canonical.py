"""What code does has the same bytes everywhere, however it is written down.

The pinned digests are written by::

    python -m tests.export.test_canonical > tests/golden/code.json

Adding a case needs nothing else. A *changed* line means that the code of every job on record would
count as changed: it needs a new ``FORMAT`` in ``xpmnb/export/canonical.py``.
"""

import ast
import hashlib
import itertools
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import xpmnb
from tests.support.exporting import ROOT
from xpmnb.export.canonical import FORMAT, canonical

GOLDEN = ROOT / "tests" / "golden" / "code.json"
PINNED: dict[str, str] = json.loads(GOLDEN.read_text(encoding="utf-8"))


def bytes_of(source: str) -> bytes:
    """Return the canonical bytes of a module."""
    return canonical(ast.parse(source))


@pytest.mark.parametrize("source", PINNED)
def test_digests_are_pinned(source: str) -> None:
    """A digest never changes; if it has to, FORMAT changes with it (see the module's text)."""
    assert FORMAT == 1
    assert hashlib.sha256(bytes_of(source)).hexdigest() == PINNED[source]


def test_no_two_pinned_sources_are_equal() -> None:
    """The cases are different code, and there are enough of them."""
    assert len({*PINNED.values()}) == len(PINNED) > 50


OTHER = """
import ast, hashlib, json, runpy, sys
canonical = runpy.run_path(sys.argv[1])["canonical"]
pinned = json.load(open(sys.argv[2], encoding="utf-8"))
print([
    source for source, digest in pinned.items()
    if hashlib.sha256(canonical(ast.parse(source))).hexdigest() != digest
])
"""


@pytest.mark.parametrize(
    "python",
    [sys.executable, *map(str, sorted(Path.home().glob(".pyenv/versions/3.1[1-9].*/bin/python")))],
)
def test_every_python_finds_the_pinned_digests(python: str) -> None:
    """Other versions of Python parse code to the same canonical bytes."""
    file = Path(xpmnb.__file__).parent / "export" / "canonical.py"
    command = [python, "-c", OTHER, str(file), str(GOLDEN)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


SAME = [
    ("x = 1", "x=1  # one\n\n\n"),
    ("x = (1, 2)", "x = 1, 2,"),
    ("x = 'a'", 'x = """a"""'),
    ("x = 'ab'", "x = ('a'\n'b')"),
    ("x = 'ab'", "x = f'a' 'b'"),
    ("x = f'a{y}b'", "x = 'a' f'{y}' f'' 'b'"),
    ("x = f'{y}'", "x = f'{y:}'"),
    ("x = f'{y}'", "x = f'''{(\ny\n)}'''"),
    ("x = u'a'", "x = 'a'"),
    ("x = 0x10", "x = 16"),
    ("x = 1_000.0", "x = 1e3"),
    ("x = (y + z)", "x = y + z"),
    ("def f(): pass", "def f():\n    'Doc.'"),
    ("def f(): return 1", "def f():\n    'Doc.'\n    return (1)"),
    ("async def f(): pass", "async def f():\n    '''Doc.'''\n    pass"),
    ("class A:\n    x = 1", "class A():\n    '''Doc.'''\n\n    x = 1"),
    ("class A:\n    def f(self): 1", "class A:\n    def f(self):\n        '''Doc.'''\n        1"),
    ("x = 1", "'''Doc.'''\nx = 1"),
    ("if a:\n    b\nelse:\n    if c:\n        d", "if a:\n  b\nelif c:\n  d"),
    ("with a as b, c as d: pass", "with (\n    a as b,\n    c as d,\n): pass"),
    ("x = a if b else c", "x = (\n    a\n    if b\n    else c\n)"),
    ("x = \\\n  1", "x = 1"),
    ("x = 1; y = 2", "x = 1\ny = 2"),
    ("x = [1] # type: list", "x = [1]"),
    ("def f(x): # type: (int) -> int\n    pass", "def f(x): pass"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_layout_is_not_in_the_bytes(one: str, other: str) -> None:
    """Comments, docstrings and ways of writing the same down leave no trace."""
    assert bytes_of(one) == bytes_of(other)


OTHERS = [
    *("x = 1", "x = 1.0", "x = True", "x = '1'", "x = b'1'", "x = 1j", "x = None", "x = ..."),
    *("x = 0.0", "x = -0.0", "x = 0", "x = False", "x = ''", "x = b''", "x = 0j", "x = -1"),
    *("x = []", "x = ()", "x = {}", "x = [None]", "x = [[]]", "x = [[], []]", "x = [([],)]"),
    *("x = 'a', 'b'", "x = 'ab'", "x = ['a', 'b']", "x = 'a' 'b', ''"),
    *("x = f'{y}'", "x = f'{y!r}'", "x = f'{y!s}'", "x = f'{y:>3}'", "x = f'{y:>{z}}'"),
    *("x = f'{y}{z}'", "x = f'{y}z'", "x = f'{y=}'", "x = 'y'", "x = f'{{y}}'", "x = y"),
    *("def f(*, a, b=1): 1", "def f(*, a=1, b): 1", "def f(a, b=1): 1", "def f(a, /, b=1): 1"),
    *("def f(*a): 1", "def f(**a): 1", "async def f(a): 1", "def f(a): 1", "def f(a: b): 1"),
    *("def f(a) -> b: 1", "def f(a): return", "def f(a): return None", "def f(a): yield"),
    *("f(*a)", "f(**a)", "f(a)", "f(a=a)", "{**a}", "{a: a}", "{None: a}", "{*a}", "{a}", "[a]"),
    *("a.b", "a[b]", "a[b:]", "a[:b]", "a[::b]", "a[b, :]", "a[(b,)]", "a(b)", "del a"),
    *("global a", "import a", "from a import b", "from . import a", "from .. import a"),
    *("import a.b", "import a as b", "from a import b as c", "from a import *"),
    *("x: int", "x: int = 1", "(x): int", "x = int", "x += 1", "(x := 1)", "x == 1", "x is 1"),
    *("lambda: 1", "lambda x: 1", "lambda x=1: 1", "[a for a in b]", "{a for a in b}"),
    *("(a for a in b)", "{a: a for a in b}", "[a for a in b if a]", "[a for a in b for c in d]"),
    *("[a for a in b if a if b]", "[a for a in b if (a and b)]", "a < b < c", "(a < b) < c"),
    *("a and b and c", "(a and b) and c", "a - b - c", "a - (b - c)", "not a", "~a", "+a"),
    *(
        "class A: pass",
        "class A(B): pass",
        "class A(B=B): pass",
        "@a\nclass A: pass",
        "@a\ndef A(): 1",
    ),
    *("try: a\nexcept: b", "try: a\nexcept A: b", "try: a\nfinally: b", "try: a\nexcept* A: b"),
    *("try: a\nexcept A as e: b", "while a: b", "if a: b", "for a in b: c", "with a: b"),
    *("if a: b\nelse: c", "if a:\n  b\nc", "for a in b: c\nelse: d", "raise", "raise a from b"),
    *(
        "match a:\n case None: 1",
        "match a:\n case True: 1",
        "match a:\n case False: 1",
        "match a:\n case 1: 1",
    ),
    *("match a:\n case _: 1", "match a:\n case b: 1", "match a:\n case [*b]: 1"),
    *("match a:\n case {**b}: 1", "match a:\n case A(b): 1", "match a:\n case A(b=b): 1"),
    *("match a:\n case 1 | 2: 1", "match a:\n case 1 as b: 1", "match a:\n case b if b: 1"),
    *("async def f(): [a async for a in b]", "async def f(): [a for a in b]"),
    *("async def f(): await a", "async def f():\n async with a: b", "async def f():\n with a: b"),
]


def test_what_does_something_else_has_other_bytes() -> None:
    """Code that is not the same has other bytes, however alike it looks."""
    known: dict[bytes, str] = {}
    for source in OTHERS:
        assert known.setdefault(bytes_of(source), source) == source


def test_no_bytes_are_the_beginning_of_others() -> None:
    """The bytes say where they end: several after one another can be told apart."""
    found = sorted(bytes_of(source) for source in OTHERS)
    assert not any(two.startswith(one) for one, two in itertools.pairwise(found))


def test_deep_code_has_bytes() -> None:
    """A sum of thousands of terms is no deeper than a short one for us."""
    tree: ast.expr = ast.Name("x", ast.Load())
    for _ in range(20_000):
        tree = ast.BinOp(tree, ast.Add(), ast.Constant(1))
    assert len(canonical(tree)) > 20_000
    assert bytes_of("x = '\\ud800'") != bytes_of("x = '?'")
    assert bytes_of(f"x = 0x{'f' * 10_000}") != bytes_of("x = 1")


NAMES = st.sampled_from(["a", "b", "ab", "a1"])
ATOMS = (
    NAMES
    | st.integers(0).map(repr)
    | st.floats(0, allow_nan=False, allow_infinity=False).map(repr)
    | st.text(max_size=3).map(repr)
    | st.binary(max_size=3).map(repr)
    | st.sampled_from(["None", "True", "False", "...", "()", "[]", "{}"])
)


def _larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    several = st.lists(inner, min_size=1, max_size=3)
    return (
        st.tuples(inner, st.sampled_from(["+", "-", "**", "and", "<", "is not"]), inner).map(
            lambda each: f"({each[0]} {each[1]} {each[2]})"
        )
        | several.map(lambda each: f"[{', '.join(each)}]")
        | several.map(lambda each: f"({', '.join(each)},)")
        | several.map(lambda each: f"a({', '.join(each)})")
        | st.tuples(inner, NAMES).map(lambda each: f"({each[0]}).{each[1]}")
        | st.tuples(inner, inner).map(lambda each: f"({each[0]})[{each[1]}]")
        | st.tuples(NAMES, inner).map(lambda each: f"(lambda {each[0]}: {each[1]})")
        | st.tuples(inner, NAMES, inner).map(lambda each: f"[{each[0]} for {each[1]} in {each[2]}]")
        | inner.map(lambda each: f"(yield {each})")
    )


EXPRESSIONS = st.recursive(ATOMS, _larger, max_leaves=8)


@given(EXPRESSIONS, EXPRESSIONS)
def test_expressions_have_the_same_bytes_if_they_are_the_same(one: str, other: str) -> None:
    """The bytes are equal exactly where the trees are."""
    trees = [ast.parse(f"x = {each}") for each in (one, other)]
    same = ast.dump(trees[0]) == ast.dump(trees[1])
    assert (canonical(trees[0]) == canonical(trees[1])) is same


@given(EXPRESSIONS)
def test_expressions_written_anew_have_the_same_bytes(source: str) -> None:
    """Source that Python writes from the tree has the bytes of the source that a person wrote."""
    text = f"def f():\n    'Doc.'\n    return {source}"
    assert bytes_of(ast.unparse(ast.parse(text))) == bytes_of(text)


@given(st.lists(st.text(max_size=4) | NAMES.map(lambda name: (name,)), max_size=5))
def test_parts_of_a_string_can_be_split(parts: list[str | tuple[str]]) -> None:
    """An f-string in one piece has the bytes of one in many."""

    def written(part: str | tuple[str]) -> str:
        inside = part.replace("{", "{{").replace("}", "}}") if isinstance(part, str) else ""
        return repr(inside) if isinstance(part, str) else f"'{{{part[0]}}}'"

    pieces = [f"f{written(each)}" for each in parts] or ["f''"]
    plain = [repr(each) if isinstance(each, str) else f"f{written(each)}" for each in parts]
    assert bytes_of(f"x = ({' '.join(pieces)})") == bytes_of(f"x = ({' '.join(plain) or repr('')})")


if __name__ == "__main__":
    cases = [*PINNED, *(one for pair in SAME for one in pair[:1]), *OTHERS]
    digests = {hashlib.sha256(bytes_of(each)).hexdigest(): each for each in reversed(cases)}
    pinned = {source: digest for digest, source in digests.items()}
    text = json.dumps({each: pinned[each] for each in sorted(pinned)}, indent=1)
    sys.stdout.write(f"{text}\n")
