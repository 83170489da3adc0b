"""The imports of a program: how it gets what lies in modules."""

from __future__ import annotations

import builtins
import sys
import types
from typing import TYPE_CHECKING, Any

from xpmnb.export import kinds, sources
from xpmnb.export.literals import UnwritableError
from xpmnb.export.modules import Imported

if TYPE_CHECKING:
    from collections.abc import Iterable

_MISSING: Any = object()
_WIDTH = 96
_SHORT = {"numpy": "np"}
"""What people call modules."""
_OF_THE_SHELL = {"display": "IPython.display", "get_ipython": "IPython"}
"""What shells add to the built-in names, and from where a program gets it."""


class Imports:
    """The imports of one program, collected while it is made. Used by one thread."""

    def __init__(self) -> None:
        self.modules: dict[str, None] = {}
        """The names of the imported modules."""
        self._plain: dict[str, str] = {}
        """The paths of whole modules, by the names that they have."""
        self._from: dict[str, tuple[str, str]] = {}
        self._parts: dict[str, None] = {}

    def __contains__(self, name: str) -> bool:
        """Tell whether an import binds a name."""
        return name in self._plain or name in self._from

    def add_module(self, name: str, module: types.ModuleType) -> bool:
        """Import a module under a name; False if it cannot be imported."""
        path = module.__name__
        if sys.modules.get(path) is not module or sources.module_of_cells(module):
            return False
        self.modules[path] = None
        self._plain[name] = path
        return True

    def add_parts(self, package: types.ModuleType, chains: Iterable[tuple[str, ...]]) -> None:
        """Import the modules that are used as attributes of a package: ``xml.dom.minidom``.

        Parameters
        ----------
        package : module
            The package.
        chains
            The attributes that are taken of it: ``("dom", "minidom", "parse")``.
        """
        for chain in chains:
            inner: Any = package
            path = ""
            for part in chain:
                found = getattr(inner, part, None)
                name = f"{inner.__name__}.{part}"
                if not isinstance(found, types.ModuleType) or sys.modules.get(name) is not found:
                    break
                if found.__name__ != name:  # os.path has another name: it comes with os
                    break
                inner, path = found, name
            if path:
                self.modules[path] = None
                self._parts[path] = None

    def add_from_module(self, name: str, value: Any, names: dict[str, Any]) -> bool:
        """Import a value from its module.

        Parameters
        ----------
        name : str
            What it is called in the program.
        value
            Any value.
        names : dict
            The namespace of the notebook, whose cells tell from where it was imported.

        Returns
        -------
        bool
            False if no import gives it back.
        """
        module = getattr(value, "__module__", None)
        if isinstance(module, str) and sources.module_of_cells(sys.modules.get(module)):
            return False
        for path, attribute in sources.imports_of(name, names):
            if _gives(path, attribute, value):
                self.add_from(path, attribute, name)
                return True
        qualname = getattr(value, "__qualname__", None)
        if not isinstance(module, str) or not isinstance(qualname, str):
            return False
        found = kinds.shortest_module(module, qualname, value)
        if found is not None and (found, qualname) != ("builtins", name):
            self.add_from(found, qualname, name)
        return found is not None

    def add_from(self, module: str, attribute: str, name: str) -> None:
        """Import an attribute of a module under a name."""
        self.modules[module] = None
        self._from[name] = (module, attribute)

    def refer(self, value: Any, names: dict[str, Any]) -> str:
        """Import a class or function, under its own name if that is free, and return the name.

        Raises
        ------
        UnwritableError
            If its module and name do not give it back.
        """
        module, qualname = getattr(value, "__module__", None), value.__qualname__
        root, *inner = qualname.split(".")
        owner = found = vars(sys.modules.get(str(module), types)).get(root, _MISSING)
        for part in inner:
            found = getattr(found, part, _MISSING)
        place = kinds.shortest_module(str(module), root, owner)
        if found is not value or place is None:
            raise UnwritableError(f"{qualname} cannot be imported")
        bound = self._free_name(root, owner, names, (place, root))
        if (place, root) != ("builtins", bound):
            self.add_from(place, root, bound)
        return ".".join([bound, *inner])

    def refer_to_module(self, module: types.ModuleType, names: dict[str, Any]) -> str:
        """Import a module, and return what it is called.

        Raises
        ------
        UnwritableError
            If it cannot be imported.
        """
        path = module.__name__
        bound = self._free_name(_SHORT.get(path, path.replace(".", "_")), module, names, path)
        if not self.add_module(bound, module):
            raise UnwritableError(f"the module {module.__name__} cannot be imported")
        return bound

    def _free_name(
        self, name: str, value: Any, names: dict[str, Any], origin: str | tuple[str, str]
    ) -> str:
        """Return a name for a value that means nothing else in the notebook and in the imports."""
        while True:
            known = names.get(name, getattr(builtins, name, _MISSING))
            imported = self._from.get(name) or self._plain.get(name) or origin
            if (known is value or known is _MISSING) and imported == origin:
                return name
            name = f"_{name}"

    def add_of_shell(self, name: str) -> None:
        """Import what a shell adds to the built-in names."""
        if name in _OF_THE_SHELL:
            self.add_from(_OF_THE_SHELL[name], name, name)

    def meanings(self) -> dict[str, Imported]:
        """Return what each imported name means, however the import is written."""
        plain = {name: Imported(path, None) for name, path in self._plain.items()}
        return {**plain, **{name: Imported(*each) for name, each in self._from.items()}}

    def blocks(self, taken: Iterable[str]) -> list[str]:
        """Return the import statements: those of the standard library, and all others.

        Parameters
        ----------
        taken
            The names of the program that imports do not bind.
        """
        taken = {*taken, *self._plain, *self._from}
        plain = {
            f"import {path}" if name == path else f"import {path} as {name}"
            for name, path in self._plain.items()
        }
        for path in self._parts:
            root = path.partition(".")[0]
            # An import binds its first part, which may be the name of something else.
            if self._plain.get(root) == root:
                plain.discard(f"import {root}")
                plain.add(f"import {path}")
            else:
                hidden = f"_{path.replace('.', '_')}"
                while hidden in taken:
                    hidden = f"_{hidden}"
                plain.add(f"import {path} as {hidden}" if root in taken else f"import {path}")
        groups: dict[bool, list[str]] = {True: [], False: []}
        for line in [*sorted(plain), *self._from_lines()]:
            package = line.split()[1].partition(".")[0]
            groups[package in sys.stdlib_module_names].append(line)
        return ["\n".join(lines) for lines in groups.values()]

    def _from_lines(self) -> list[str]:
        modules: dict[str, list[str]] = {}
        for name, (module, attribute) in sorted(self._from.items()):
            renamed = "" if attribute == name else f" as {name}"
            modules.setdefault(module, []).append(f"{attribute}{renamed}")
        return [_from_line(module, sorted(names)) for module, names in sorted(modules.items())]


def _from_line(module: str, names: list[str]) -> str:
    line = f"from {module} import {', '.join(names)}"
    if len(line) <= _WIDTH:
        return line
    return f"from {module} import (\n    {f',{chr(10)}    '.join(names)},\n)"


def _gives(path: str, attribute: str, value: Any) -> bool:
    module = sys.modules.get(path)
    if module is None or sources.module_of_cells(module):
        return False
    try:
        return getattr(module, attribute, _MISSING) is value
    except Exception:  # noqa: BLE001 (modules may compute attributes: user code)
        return False
