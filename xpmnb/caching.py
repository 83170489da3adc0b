"""``@cache``: what a configuration computes once, for all jobs and kernels of a workspace.

The files of a configuration lie in one folder, named by its class and identifier: each cached
value under its name, and beside it a lock and, while it is computed, a folder to write in.
"""

from __future__ import annotations

import errno
import functools
import inspect
import os
import shutil
import tempfile
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path, PurePath
from types import MethodType
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from xpmnb import seam
from xpmnb.core.registry import Declared
from xpmnb.core.state import is_configuration, is_declared
from xpmnb.errors import DeclarationError, IdentifierError, WorkspaceError
from xpmnb.identifiers import identifier
from xpmnb.records.files import PathLock
from xpmnb.records.layout import WorkspaceLayout
from xpmnb.records.names import is_name
from xpmnb.runtime import current_context

S = TypeVar("S")
P = ParamSpec("P")
R = TypeVar("R")

_FIRST_PAUSE_S = 0.001
_LONGEST_PAUSE_S = 0.1

_held = threading.local()
"""``paths``: the files that the current thread is reading or making."""


def cache(
    name: str,
) -> Callable[[Callable[Concatenate[S, Path, P], R]], Callable[Concatenate[S, P], R]]:
    """Let a method of a Config keep what it computes in a file, to be computed only once.

    The method takes the path of the file, and is called without it. It reads the file if it is
    there, and otherwise computes the value and writes the file::

        class Terms(Config):
            corpus: Param[Corpus]

            @cache("terms.npy")
            def load(self, path: Path):
                if path.is_file():
                    return np.load(path)
                weights = self.compute_weights()
                np.save(path, weights)
                return weights

        terms.load()

    Equal configurations share the file in the whole workspace. Threads and processes that want
    it at once wait until the first has made it. What was begun and not finished is never seen.
    Other arguments of the method, and its code, choose no other file: when the code changes,
    give the file another name. It works in jobs, in callbacks, and while an experiment is open,
    on configurations and on the objects that ``execute`` sees.

    Parameters
    ----------
    name : str
        Name of the file, or of the folder that the method makes there. Each cached method of a
        class has its own.

    Returns
    -------
    callable
        The decorator. What the method returns is returned; what it raises is raised, and then
        nothing is kept. A method that writes nothing is called again the next time.

    Raises
    ------
    DeclarationError
        If the name cannot be that of a file.

    Notes
    -----
    Any thread. A cached method may call others, but not itself for the same configuration.
    """
    if not isinstance(name, str) or not is_name(name):
        message = f'@cache({name!r:.80}): name the file that the method writes: @cache("terms.npy")'
        raise DeclarationError(message)

    def decorate(method: Callable[Concatenate[S, Path, P], R]) -> Callable[Concatenate[S, P], R]:
        # A function to type checkers: so it is a method. Being more, it can tell its class.
        return cast(Callable[Concatenate[S, P], R], CachedMethod(method, name))

    return decorate


class CachedMethod:
    """What stands in the class body for a method that :func:`cache` decorates. Any thread."""

    def __init__(self, method: Callable[..., Any], name: str) -> None:
        self.name = name

        @functools.wraps(method)
        def call(config: Any, /, *args: Any, **kwargs: Any) -> Any:
            _refuse_shared_name(type(config), self.name)
            path = _path_of(config, self.name, method)

            def at(place: Path) -> Any:
                return method(config, place, *args, **kwargs)

            return _with_lock(path, lambda: _read_or_make(path, at))

        call.__signature__ = _signature_without_path(method)  # type: ignore[attr-defined]
        self._call = call

    def __set_name__(self, owner: type, name: str) -> None:
        """Tell the class that its objects need their identifier."""
        type.__setattr__(owner, "__xpm_cached__", True)

    def __get__(self, config: Any, owner: type | None = None) -> Any:
        """Return the bound method; on the class, the function."""
        return self._call if config is None else MethodType(self._call, config)


def _signature_without_path(method: Callable[..., Any]) -> inspect.Signature:
    signature = inspect.signature(method)
    itself, *others = signature.parameters.values()
    if not others or others[0].kind is inspect.Parameter.KEYWORD_ONLY:
        message = (
            f"@cache: {method.__qualname__} takes no path: def {method.__name__}(self, path: Path)"
        )
        raise DeclarationError(message)
    return signature.replace(parameters=[itself, *others[1:]])


def _refuse_shared_name(cls: type, name: str) -> None:
    """Refuse two methods of a class that would take each other's file for their own."""
    methods = {
        key
        for base in cls.__mro__
        for key, value in vars(base).items()
        if isinstance(value, CachedMethod) and value.name == name
    }
    if len(methods) > 1:
        message = (
            f"{' and '.join(sorted(methods))} of {cls.__qualname__} both keep {name!r}: "
            "give each a file of its own"
        )
        raise DeclarationError(message)


def _path_of(config: Any, name: str, method: Callable[..., Any]) -> str:
    """Return the path of the cached value of a configuration or an instance."""
    what = f"{method.__qualname__}()"
    if not is_declared(config):
        message = f"{what}: @cache works on methods of classes derived from Config"
        raise DeclarationError(message)
    key = identifier(config) if is_configuration(config) else vars(config).get("__xpm_identifier__")
    if not isinstance(key, str):
        message = f"{what}: the object has no identifier; make it with .instance()"
        raise IdentifierError(message)
    cls: Declared = type(config)  # type: ignore[assignment]  # is_declared says so
    return f"{_workspace(what).cached(cls.__xpm_name__, key)}/{name}"


def _workspace(what: str) -> WorkspaceLayout:
    context: Any = current_context()
    if context is not None:
        return cast(WorkspaceLayout, context.workspace)
    root = seam.current_workspace()
    if root is None:
        message = (
            f"{what} keeps its value in a workspace, and none is open: use it in a job, or after "
            "`xp = experiment('runs', 'name').start()`"
        )
        raise WorkspaceError(message)
    return WorkspaceLayout(root)


def _with_lock(path: str, function: Callable[[], R]) -> R:
    """Call a function that reads or makes a cached value, when the value is free."""
    held: set[str] = _held.__dict__.setdefault("paths", set())
    if path in held:
        message = (
            f"{path}: a cached method calls itself for the same configuration, or another one "
            "that keeps the same file; it would wait for itself"
        )
        raise RuntimeError(message)
    folder, _, name = path.rpartition("/")
    lock = PathLock(f"{folder}/.lock-{name}")
    try:  # a thread can be cancelled at any moment, also when it has just taken the lock
        _acquire(lock, path)
        held.add(path)
        return function()
    finally:
        held.discard(path)
        lock.release()


def _acquire(lock: PathLock, path: str) -> None:
    """Take the lock of a cached value, waiting for it as long as it takes."""
    pause_s = _FIRST_PAUSE_S
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120 (a str)
        while not lock.acquire():
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
    except OSError as error:
        # Where nobody may write, what is there can be read without a lock.
        if error.errno not in (errno.EROFS, errno.EACCES, errno.EPERM) or not _exists(path):
            message = f"{path} cannot be locked: {error}"
            raise WorkspaceError(error.errno, message) from error


def _exists(path: str) -> bool:
    return os.path.lexists(path)


def _read_or_make(path: str, call: Callable[[Path], R]) -> R:
    """Call the method with the path of the value, or with one that becomes it when it is whole."""
    if _exists(path):
        return call(Path(path))
    folder, _, name = path.rpartition("/")
    writing = f"{folder}/.writing-{name}"
    # Whoever wrote there is dead, for the lock is ours.
    shutil.rmtree(writing, ignore_errors=True)
    os.makedirs(writing, exist_ok=True)  # noqa: PTH103 (a str)
    try:
        # Of its own: a child of the dead one may go on writing where it wrote.
        place = f"{tempfile.mkdtemp(dir=writing)}/{name}"
        value = call(Path(place))
        if not _exists(place):
            _warn_of_others(place)
            return value
        os.rename(place, path)  # noqa: PTH104 (a str)
        return cast(R, _moved(value, place, path))
    finally:
        shutil.rmtree(writing, ignore_errors=True)


def _moved(value: Any, place: str, path: str) -> Any:
    """Return what a method returned; a path in what it wrote is where that lies now."""
    if isinstance(value, PurePath) and value.is_relative_to(place):
        return type(value)(path, value.relative_to(place))
    if isinstance(value, str) and value == place:
        return path
    return value


def _warn_of_others(place: str) -> None:
    """Say that a method wrote a file of another name: it is not kept, and computed anew."""
    folder, _, name = place.rpartition("/")
    others = sorted(os.listdir(folder))  # noqa: PTH208 (a str)
    if others:
        message = (
            f"a method with @cache({name!r}) wrote {', '.join(others)} beside its path, which is "
            "not kept: let it write the path that it is given"
        )
        warnings.warn(message, stacklevel=2)
