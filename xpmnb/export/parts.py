"""The parts that a code hash is made of, and the hash of them all."""

from __future__ import annotations

import ast
import functools
import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xpmnb.code import IMPORTS, Code
from xpmnb.export.canonical import FORMAT, canonical

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_DEPRECATE = re.compile(r"from xpmnb(\.[\w.]+)? import deprecate\b")


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of code: what gives one name its meaning. Immutable; any thread."""

    digest: bytes
    """32 bytes: the same for code that does the same."""
    text: str
    """The source, for people."""


def part_of_nodes(nodes: Iterable[ast.AST], text: str) -> Part:
    """Return a part made of statements, in an order that matters."""
    return Part(hashlib.sha256(b"".join(map(_digest_of, nodes))).digest(), text)


def part_of_text(text: str) -> Part:
    """Return a part of which there is no syntax tree, or that is source without comments."""
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError):
        body = []
    if body:
        return part_of_nodes(body, text)
    return Part(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest(), text)


def part_of_imports(lines: Iterable[str]) -> dict[str, Part]:
    """Return the part that says what names were imported; none if nothing was."""
    text = "\n".join(sorted(each for each in set(lines) if not _DEPRECATE.match(each)))
    return {IMPORTS: Part(hashlib.sha256(text.encode()).digest(), text)} if text else {}


# A node keeps its digest for as long as its cell is known: most helpers of a class that is
# declared anew are the old ones.
@functools.lru_cache(maxsize=2000)
def _digest_of(node: ast.AST) -> bytes:
    return hashlib.sha256(canonical(_without_former_names(node))).digest()


def _without_former_names(node: ast.AST) -> ast.AST:
    """Return a statement without ``@deprecate``: what a class was called is not what it does."""
    if not isinstance(node, ast.ClassDef):
        return node
    kept = [each for each in node.decorator_list if not _tells_former_names(each)]
    if len(kept) == len(node.decorator_list):
        return node
    fields = dict(ast.iter_fields(node))
    return ast.ClassDef(**{**fields, "decorator_list": kept})


def _tells_former_names(decorator: ast.expr) -> bool:
    """Tell whether it is ``@deprecate("old.name")``, by how it reads."""
    match decorator:
        case ast.Call(called, [*names], []):
            is_told = all(isinstance(each, ast.Constant) for each in names)
        case called:
            is_told = True
    match called:
        case ast.Name("deprecate") | ast.Attribute(ast.Name("xpmnb"), "deprecate"):
            return is_told
    return False


def merged(*groups: Mapping[str, Part]) -> dict[str, Part]:
    """Return the parts of several groups; what two groups call by one name is one part of both."""
    result: dict[str, Part] = {}
    for name, part in (pair for group in groups for pair in group.items()):
        known = result.get(name)
        if known is None or known.digest == part.digest:
            result[name] = part
        else:
            both = sorted([known, part], key=lambda each: each.digest)
            digest = hashlib.sha256(b"".join(each.digest for each in both)).digest()
            result[name] = Part(digest, "\n\n".join(each.text for each in both))
    return result


def code_from(parts: Mapping[str, Part]) -> Code:
    """Return the code that consists of some parts.

    Parameters
    ----------
    parts : mapping of str to Part
        By name, in any order.
    """
    whole = hashlib.sha256(b"xpmnb code %d\n" % FORMAT)
    for name in sorted(parts):
        told = name.encode("utf-8", "surrogatepass")
        whole.update(b"%d:%b%b" % (len(told), told, parts[name].digest))
    names = sorted(parts)
    return Code(
        whole.hexdigest(),
        {name: parts[name].text for name in names},
        {name: parts[name].digest.hex() for name in names},
    )
