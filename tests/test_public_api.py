"""The public face: short, sorted, importable and documented."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator

import pytest

import xpmnb

# Import paths that users write beside `from xpmnb import ...`.
PUBLIC_PATHS = [
    ("xpmnb.core.types", "DependentMarker"),
    ("xpmnb.generators", "PathGenerator"),
    ("xpmnb.launchers", "Launcher"),
    ("xpmnb.scheduler.jobs", "Job"),
]


def modules() -> list[str]:
    """Return the dotted names of all modules of the package, itself included."""
    found = pkgutil.walk_packages(xpmnb.__path__, "xpmnb.")
    return ["xpmnb", *sorted(module.name for module in found)]


def documented_objects(module_name: str) -> Iterator[tuple[str, object]]:
    """Yield (dotted name, object) for the public classes, functions and methods of a module."""
    module = importlib.import_module(module_name)
    for name, value in vars(module).items():
        if name.startswith("_") or getattr(value, "__module__", None) != module_name:
            continue
        if inspect.isfunction(value):
            yield f"{module_name}.{name}", value
        elif inspect.isclass(value):
            yield f"{module_name}.{name}", value
            yield from documented_methods(f"{module_name}.{name}", value)


def documented_methods(owner: str, declared: type) -> Iterator[tuple[str, object]]:
    """Yield (dotted name, function) for the methods and properties that a class itself defines."""
    for name, value in vars(declared).items():
        function = value.fget if isinstance(value, property) else inspect.unwrap(value)
        function = getattr(function, "__func__", function)
        if not inspect.isfunction(function) or name.startswith("_"):
            continue
        # What a decorator made, or what is another name of something else, has no docstring.
        if function.__module__ == declared.__module__ and function.__name__ == name:
            yield f"{owner}.{name}", function


def complaint(value: object) -> str | None:
    """Return what is wrong with an object's docstring, or None."""
    text = inspect.getdoc(value)
    if not text:
        return "has no docstring"
    first, *rest = text.splitlines()
    if rest and rest[0].strip():
        return f"does not begin with one line: {first!r}"
    if not first.endswith((".", "?", "!")):
        return f"does not begin with a sentence: {first!r}"
    return None


def test_names_are_sorted() -> None:
    """`xpmnb.__all__` is sorted and names nothing twice."""
    assert list(xpmnb.__all__) == sorted(set(xpmnb.__all__))


@pytest.mark.parametrize("name", xpmnb.__all__)
def test_names_are_importable(name: str) -> None:
    """Every public name exists."""
    assert getattr(xpmnb, name) is not None


@pytest.mark.parametrize("name", xpmnb.__all__)
def test_names_are_documented(name: str) -> None:
    """Every public class and function tells what it is when a user asks for help."""
    value = getattr(xpmnb, name)
    if inspect.isclass(value) or inspect.isroutine(value):
        assert complaint(value) is None


@pytest.mark.parametrize(("module", "name"), PUBLIC_PATHS)
def test_paths_are_importable(module: str, name: str) -> None:
    """The import paths that users write exist."""
    assert hasattr(importlib.import_module(module), name)


def test_names_are_listed() -> None:
    """Completion in a notebook shows every public name, although the face is lazy."""
    assert set(xpmnb.__all__) <= set(dir(xpmnb))


def test_an_unknown_name_is_an_error() -> None:
    """Asking the face for a name that it has not raises `AttributeError`, which names it."""
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = xpmnb.no_such_name


@pytest.mark.parametrize("module", modules())
def test_public_objects_are_documented(module: str) -> None:
    """Every public class, function and method has a docstring that begins with one sentence."""
    complaints = [
        f"{name} {reason}"
        for name, value in documented_objects(module)
        if (reason := complaint(value))
    ]
    assert complaints == []
