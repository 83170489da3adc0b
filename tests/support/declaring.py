"""Ways to declare classes that a type checker would not let pass, and to run cells."""

import linecache
import sys
from types import ModuleType
from typing import Any, Self

from xpmnb import Config, Param
from xpmnb.core.metaclass import ConfigMeta

# Without its type, Param can be given a hint that is computed.
PARAM: Any = Param


def loose(declared: Any) -> Any:
    """Return a class without its types, so that its ``C`` takes what checkers reject."""
    return declared


def declare(hint: Any, **namespace: Any) -> Any:
    """Return a class ``Holder`` with one parameter ``x`` of the given type."""
    body = {"__annotations__": {"x": PARAM[hint]}, "__module__": __name__, "__qualname__": "Holder"}
    return ConfigMeta("Holder", (Config,), {**body, **namespace})


class Cells:
    """A module whose code is run piece by piece, as a kernel runs the cells of a notebook.

    Use it in a ``with`` statement: the module is known to the process until its end.
    """

    def __init__(self, name: str) -> None:
        self.module = ModuleType(name)
        self._files: list[str] = []

    def __enter__(self) -> Self:
        sys.modules[self.module.__name__] = self.module
        return self

    def __exit__(self, *_: object) -> None:
        del sys.modules[self.module.__name__]
        for file in self._files:
            linecache.cache.pop(file, None)

    def run(self, source: str) -> Any:
        """Run a cell; its source is kept where tracebacks find it. Return the module."""
        file = f"<{self.module.__name__} cell {len(self._files)}>"
        self._files.append(file)
        linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
        exec(compile(source, file, "exec"), self.module.__dict__)  # noqa: S102 (as a kernel does)
        return self.module
