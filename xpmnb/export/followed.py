"""From names of modules to the parts that they consist of, through all modules of a package."""

from __future__ import annotations

import ast
import builtins
import re
import sys
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from xpmnb.export import sources
from xpmnb.export.loaded import watch_loaded
from xpmnb.export.modules import (
    Imported,
    Module,
    is_local,
    is_own,
    iter_imported,
    place_of,
    read_module,
)
from xpmnb.export.parts import Part, merged, part_of_imports, part_of_nodes, part_of_text
from xpmnb.export.used_names import Uses, used_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Chain = tuple[str, ...]
    """The attributes that are taken of a name."""

_MAX_NAMES = 5000
"""So many names are followed: what uses more is a library, not a person's own code."""
_OF_MODULES = frozenset({"__name__", "__file__", "__doc__", "__package__", "__spec__"})


@dataclass(slots=True)
class Follower:
    """Collects all that names of modules consist of. Used once, by one thread."""

    packages: set[str] = field(default_factory=set)
    """Top-level packages to follow even where they are installed: those of the classes."""
    parts: dict[str, Part] = field(default_factory=dict)
    links: dict[str, None] = field(default_factory=dict)
    """What imports bind names to, as lines."""
    _seen: set[tuple[str, str, Chain]] = field(default_factory=set)
    _made: set[tuple[str, str]] = field(default_factory=set)
    _pending: deque[tuple[str, str, Chain]] = field(default_factory=deque)
    _local: dict[str, bool] = field(default_factory=dict)
    _files: dict[str, str] = field(default_factory=dict)
    _modules: dict[str, Module | None] = field(default_factory=dict)

    def add_class(self, cls: type) -> None:
        """Follow a class that a module declares, or a function of a module."""
        if is_own(cls.__module__):
            return
        self.packages.add(cls.__module__.partition(".")[0])
        self._push(cls.__module__, cls.__qualname__.partition(".")[0], ())

    def add_import(self, imported: Imported, chains: Iterable[Chain]) -> None:
        """Follow what an import gives, if it lies in a package that is followed.

        Parameters
        ----------
        imported
            The module, and the attribute.
        chains
            The attributes that are taken of it; ``()`` for the thing itself.
        """
        module, attribute = imported
        for chain in chains:
            whole = chain if attribute is None else (attribute, *chain)
            self._follow_attribute(module, whole)

    def finish(self) -> dict[str, Part]:
        """Follow all that was added, and return the parts, by name."""
        while self._pending and len(self._made) < _MAX_NAMES:
            self._follow(*self._pending.popleft())
        return merged(self.parts, part_of_imports(self.links))

    def watch(self) -> Callable[[], bool] | None:
        """Return a check whether all that was followed is still loaded; None if nothing was."""
        return watch_loaded(self._made, self._files) if self._made else None

    def _read(self, module: str) -> Module | None:
        if module not in self._modules:
            self._modules[module] = read_module(module)
        return self._modules[module]

    def _is_followed(self, module: str) -> bool:
        root = module.partition(".")[0]
        if root not in self._local:
            self._local[root] = not is_own(root) and (root in self.packages or is_local(root))
        return self._local[root]

    def _push(self, module: str, name: str, chain: Chain) -> None:
        key = (module, name, chain)
        if key not in self._seen:
            self._seen.add(key)
            self._pending.append(key)

    def _follow_attribute(self, module: str, chain: Chain) -> None:
        """Follow an attribute of a module, or the whole module."""
        if not self._is_followed(module):
            return
        known = self._read(module)
        if not chain:
            for name in known.names if known is not None else ():
                self._push(module, name, ())
            return
        name, *rest = chain
        is_bound = known is not None and (name in known.bound or name in known.imported)
        if not is_bound and place_of(f"{module}.{name}") is not None:
            self._follow_attribute(f"{module}.{name}", tuple(rest))
        else:
            self._push(module, name, tuple(rest))

    def _follow(self, module: str, name: str, chain: Chain) -> None:
        known = self._read(module)
        place = _place_name(module)
        if known is None:
            if (module, name) not in self._made:
                self._watch(module, name)
                self.parts[f"{place}:{name}"] = part_of_text(f"# {name}: source not available")
            return
        is_found = name in known.bound or name in known.imported
        if name in known.bound:
            self._follow_statements(known, module, name)
        for imported in known.imported.get(name, ()):
            self._watch(module, name)
            self.links[f"{place}: {imported.line(name)}"] = None
            self.add_import(imported, [chain])
        if not is_found:
            self._follow_unbound(known, module, name, chain)

    def _follow_unbound(self, known: Module, module: str, name: str, chain: Chain) -> None:
        """Follow a name that a module has from elsewhere."""
        if name in _OF_MODULES:
            return
        givers = [each for each in known.stars if self._binds(each, name, set())]
        for other in givers:
            self.links[f"{_place_name(module)}: from {other} import *"] = None
            self._follow_attribute(other, (name, *chain))
        if givers or hasattr(builtins, name):
            return
        if "__getattr__" in known.bound:
            self._push(module, "__getattr__", ())
        else:
            self._watch(module, name)
            self.parts[f"{_place_name(module)}:{name}"] = part_of_text(f"# {name}: not found")

    def _binds(self, module: str, name: str, asked: set[str]) -> bool:
        """Tell whether a followed module has a name, its own or through a ``*``."""
        known = self._read(module) if self._is_followed(module) else None
        if known is None or module in asked:
            return False
        asked.add(module)
        if name in known.bound or name in known.imported:
            return True
        return any(self._binds(each, name, asked) for each in known.stars)

    def _follow_statements(self, known: Module, module: str, name: str) -> None:
        if (module, name) in self._made:
            return
        self._watch(module, name)
        statements = known.bound[name]
        text = "\n\n".join(each.text for each in statements)
        part = part_of_nodes([each.node for each in statements], text)
        self.parts[f"{_place_name(module)}:{name}"] = part
        for each in statements:
            self._follow_uses(used_names(each.node, lazy=True), module)
            # A function that fills a register: who else is given to it?
            for other in sorted(sources.bound_by(each.node) - {name}):
                self._push(module, other, ())

    def _follow_uses(self, uses: Uses, module: str) -> None:
        for name, use in uses.names.items():
            for chain in use.chains:
                self._push(module, name, chain)
        place = place_of(module)
        self.add_inner_imports(uses, "" if place is None else place.package)

    def add_inner_imports(self, uses: Uses, package: str) -> None:
        """Follow what is imported inside functions.

        Parameters
        ----------
        uses
            What a statement uses.
        package : str
            What its relative imports begin with.
        """
        for node in uses.imports:
            for name, imported in iter_imported(node, package):
                chains = uses.chains.get(name) or (
                    {} if isinstance(node, ast.Import) else {(): None}
                )
                self.add_import(imported, chains)

    def _watch(self, module: str, name: str) -> None:
        self._made.add((module, name))
        if module not in sys.modules and module not in self._files:
            place = place_of(module)
            self._files[module] = "" if place is None else place.file


def _place_name(module: str) -> str:
    """Return what a module is called in the names of parts: a script after its file."""
    if module != "__main__":
        return module
    file = getattr(sys.modules.get(module), "__file__", None)
    return re.sub(r"\W", "_", Path(file).stem) if file else module
