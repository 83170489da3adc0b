"""Which names a statement uses, and when."""

import ast
import sys

import pytest

from xpmnb.export.used_names import When, used_names

# Source, and the names used when it is declared, when it is called, and perhaps never.
CASES = [
    ("def f(a, *b, c=d, **e): return a, b, c, e, g", "d", "g", ""),
    ("def f(): x = 1; return x", "", "", ""),
    ("def f(): return x; x = 1", "", "", ""),
    ("def f():\n global x\n x = 1\n return x", "", "x", ""),
    ("def f():\n x = 1\n def g():\n  nonlocal x\n  x = y\n  return x\n return g", "", "y", ""),
    ("def f():\n def g():\n  global x\n  return x\n x = 1\n return x", "", "x", ""),
    ("def f(): return f()", "", "f", ""),
    ("@a.b(c)\ndef f(): pass", "a c", "", ""),
    ("@a\nclass C(B, metaclass=M): pass", "a B M", "", ""),
    ("class C:\n x = y\n z = x\n y = 1", "y", "", ""),
    ("class C:\n x = x", "x", "", ""),
    ("class C:\n x = 1\n def f(self): return x", "", "x", ""),
    ("class C:\n x = 1\n y = [x for _ in x]", "x", "", ""),
    ("class C:\n def f(self, v=w): return C, __class__, super()", "w", "C super", ""),
    ("class C:\n class D(E): pass\n F = D", "E", "", ""),
    ("class C:\n import os\n p = os\n for i in os: i", "", "", ""),
    ("class C:\n try: x\n except E as e: e", "x E", "", ""),
    ("f = lambda a, b=c: (a, b, d)", "c", "d", ""),
    ("x = [i for i in j if i > k]", "j k", "", ""),
    ("def f(): return {k: v for k, v in p}, [w := 1 for _ in q], w", "", "p q", ""),
    ("def f(a): return f'{a:>{b}} {c!r}'", "", "b c", ""),
    (
        "def f(x):\n match x:\n  case [A.b, {'k': y, **r}, *s] | C(z): return y, r, s, z",
        "",
        "A C",
        "",
    ),
    ("def f():\n with a as b: b\n for c in d: c\n import e.g\n e", "", "a d", ""),
    ("class C:\n x: A\n y: B = b", "A b B", "", ""),
    ("class C:\n x: 'A'\n y: list['B.C']", "list", "", "A B"),
    ("class C:\n x: Literal['A']\n y: Annotated['B', 'D']", "Literal Annotated", "", "B"),
    ("def f(x: A) -> B:\n y: D = x\n return y", "A B", "", ""),
    ("async def f():\n async with a as b:\n  return [await c async for c in b]", "", "a", ""),
    ("x: A = b", "b A", "", ""),
]
NAMES = {When.DECLARED: 1, When.CALLED: 2, When.HINTED: 3}


def names_of(source: str, *, lazy: bool = False) -> dict[When, set[str]]:
    """Return the names that a statement uses, by when."""
    [statement] = ast.parse(source).body
    found = used_names(statement, lazy=lazy).names
    return {when: {name for name, use in found.items() if use.when is when} for when in When}


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="annotations are always lazy there")
@pytest.mark.parametrize(("source", "declared", "called", "hinted"), CASES)
def test_names_are_found_where_python_looks(
    source: str, declared: str, called: str, hinted: str
) -> None:
    """Global names are told from local ones, and by when Python looks for them."""
    expected = [set(names.split()) for names in (declared, called, hinted)]
    assert list(names_of(source).values()) == expected


def test_lazy_annotations_are_hints() -> None:
    """Under the future import annotations need nothing, and all that is run still does."""
    found = names_of("class C(A):\n x: B = b\n def f(self, y: D = d) -> 'E': pass", lazy=True)
    assert found[When.DECLARED] == {"A", "b", "d"}
    assert found[When.HINTED] == {"B", "D", "E"}


def test_attributes_are_told() -> None:
    """Dotted uses are kept, so that the modules of a package can be imported."""
    [statement] = ast.parse("def f(): return np.linalg.norm(np.x), np, g().h.i").body
    uses = used_names(statement, lazy=False).names
    assert list(uses["np"].chains) == [("linalg", "norm"), ("x",), ()]
    assert list(uses) == ["np", "g"]


def test_magics_are_told() -> None:
    """Calls of magics are noticed in what the shell made of them."""
    [statement] = ast.parse("def f(): get_ipython().system('ls')").body
    assert list(used_names(statement, lazy=False).magics) == ["system"]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the syntax is new in 3.12")
def test_type_parameters_are_local() -> None:
    """The variables of generic functions, classes and aliases are their own."""
    assert names_of("def f[T: A](x: T) -> T: return T")[When.HINTED] == {"A"}
    assert names_of("class C[T](B[T]):\n x: T")[When.DECLARED] == {"B"}
    assert names_of("type X[T] = list[T] | Y")[When.HINTED] == {"list", "Y"}
