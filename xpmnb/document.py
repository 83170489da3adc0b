"""A graph of configurations to and from plain JSON, shared objects kept shared.

A document is ``{"format": 1, "root": N, "init": [N, ...], "objects": [...]}``, with the init
tasks of the root under ``init`` where it has some. An object is ``{"type": declared name,
"module": ..., "qualname": ..., "file": ..., "values": {...}}``; its place in the list is what
references name. ``generated`` lists the parameters whose values are generated paths; ``job`` and
``made_by`` name, as ``<task>/<identifier>``, the job of a submitted task inside and of the task
that made a value, for people who compare jobs; ``identifier`` is there where ``@cache`` needs it:
it cannot be computed from the document, which does not hold the tasks that made the values. A
value is itself where JSON has it, and otherwise an object with one key:
``$ref`` (place of a configuration), ``$path``, ``$enum`` (``[module, qualname, file]`` and member),
``$tuple``, ``$set``, ``$frozenset``, ``$dict`` (pairs of key and value), ``$float`` (``nan``,
``inf``, ``-inf``).

Documents are data: reading one imports the modules of its classes and runs nothing else.
"""

from __future__ import annotations

import enum
import functools
import importlib
import importlib.util
import math
import sys
from importlib.machinery import SourceFileLoader, all_suffixes
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from xpmnb import seam
from xpmnb.core import registry
from xpmnb.core.declaration import parameters
from xpmnb.core.fields import Kind
from xpmnb.core.registry import Declared
from xpmnb.core.sealed import freeze
from xpmnb.core.state import ConfigState, state_of
from xpmnb.core.walk import has_no_children, iter_values, whole_of
from xpmnb.errors import DeclarationError, DocumentError, IdentifierError
from xpmnb.identifiers import identifier

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMAT = 1
_DAMAGE = (LookupError, AttributeError, TypeError, ValueError, RecursionError, ImportError, OSError)
"""What reading a damaged document, or one of a module that is not there, raises."""
_GUARD = "; what only the script itself needs belongs under if __name__ == '__main__':"
_PLAIN = frozenset((bool, int, str, type(None)))


def to_document(config: Any, paths: Mapping[tuple[int, str], Path] | None = None) -> dict[str, Any]:
    """Return the JSON form of a configuration, of all inside it and of its init tasks.

    Parameters
    ----------
    config
        The root of the graph.
    paths : dict, optional
        Generated paths, as :func:`~xpmnb.core.paths.generate_paths` returned them.

    Raises
    ------
    IdentifierError
        If a value has no JSON form; the message names class and parameter.
    """
    order = whole_of(config).configs
    places = {id(each): place for place, each in enumerate(order)}
    generated: dict[int, dict[str, Any]] = {id(config): {}}
    for (owner, name), path in (paths or {}).items():
        generated.setdefault(owner, {})[name] = {"$path": path.as_posix()}
    objects = [
        _object(each, places, generated[id(each)])
        if each is config or id(each) in generated
        else _inner_object(each, places)
        for each in order
    ]
    root = objects[places[id(config)]]
    objects[places[id(config)]] = {key: each for key, each in root.items() if key != "job"}
    document = {"format": FORMAT, "root": places[id(config)], "objects": objects}
    init_tasks = [places[id(each)] for each in state_of(config).init_tasks]
    return {**document, "init": init_tasks} if init_tasks else document


def _object(config: Any, places: dict[int, int], generated: dict[str, Any]) -> dict[str, Any]:
    cls = type(config).__xpm_plain__
    values = {
        name: value if type(value) in _PLAIN else _value(config, name, value, places)
        for name, value in iter_values(config)
    }
    result = {**_class_reference(cls), "values": {**values, **generated}, **_jobs_of(config)}
    if generated:
        result["generated"] = list(generated)
    if getattr(cls, "__xpm_cached__", False):
        result["identifier"] = identifier(config)
    return result


def _inner_object(config: Any, places: dict[int, int]) -> dict[str, Any]:
    """Return the object of a configuration in the values of another one.

    If it holds no other configuration it reads the same in every document, and is kept: it may be
    a task that hundreds of others use.
    """
    state = state_of(config)
    if not state.sealed or not has_no_children(config):
        return _object(config, places, {})
    if state.described is None or state.described[0] is not state.job:
        state.described = state.job, _object(config, places, {})
    return state.described[1]


def _jobs_of(config: Any) -> dict[str, str]:
    """Return the jobs that count in the identifier and are not among the values."""
    state, result = state_of(config), {}
    if state.job is not None:
        result["job"] = f"{type(config).__xpm_name__}/{state.job.id}"
    producer = state.producer
    if producer is not None and (job := state_of(producer).job) is not None:
        result["made_by"] = f"{type(producer).__xpm_name__}/{job.id}"
    return result


@functools.lru_cache(maxsize=1000)  # asked for with every job
def _class_reference(cls: Declared) -> dict[str, Any]:
    reference = {"type": cls.__xpm_name__, **_place_of(cls)}
    return {key: value for key, value in reference.items() if value is not None}


def _place_of(cls: type) -> dict[str, str | None]:
    """Return where a class was declared; the file is needed for scripts, run as ``__main__``."""
    module, name = sys.modules.get(cls.__module__), cls.__module__
    file = getattr(module, "__file__", None)
    if name in ("__main__", "__mp_main__") and hasattr(module, "__xpm_notebook__"):
        # The program of a job stands for the notebook that declared its classes.
        name, file = "__main__", None
    return {
        "module": name,
        "qualname": cls.__qualname__,
        "file": str(Path(file).absolute()) if file and not file.startswith("<") else None,
    }


def _value(config: Any, name: str, value: Any, places: dict[int, int]) -> Any:
    """Return the JSON form of the value of a parameter, or say which one has none."""
    try:
        return _to_json(value, places)
    except IdentifierError as error:
        message = f"{type(config).__qualname__}.{name}: {error}"
        raise IdentifierError(message) from None


def _to_json(value: Any, places: dict[int, int]) -> Any:
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is float:
        return value if math.isfinite(value) else {"$float": repr(value)}
    if isinstance(kind, Declared) and id(value) in places:
        return {"$ref": places[id(value)]}
    if isinstance(value, PurePath):
        return {"$path": value.as_posix()}
    if isinstance(value, enum.Enum):
        return {"$enum": [_place_of(kind), value.name]}
    if isinstance(value, list):
        return [_to_json(item, places) for item in value]
    if isinstance(value, dict):
        return {"$dict": [[_to_json(k, places), _to_json(v, places)] for k, v in value.items()]}
    for name, container in (("$tuple", tuple), ("$frozenset", frozenset), ("$set", set)):
        if isinstance(value, container):
            return {name: [_to_json(item, places) for item in value]}
    message = f"{value!r:.80} of type {kind.__qualname__} has no JSON form"
    raise IdentifierError(message)


def value_to_json(value: Any) -> Any:
    """Return the JSON form of a value that holds no configuration.

    Raises
    ------
    IdentifierError
        If it has none.
    """
    return _to_json(value, {})


def value_from_json(value: Any) -> Any:
    """Return the value that :func:`value_to_json` encoded, perhaps in another process.

    Raises
    ------
    DocumentError
        If it is damaged, or names an Enum that is not there.
    """
    try:
        return _from_json(value, [])
    except _DAMAGE as error:
        if isinstance(error, DocumentError):
            raise
        message = f"no readable value: {type(error).__name__}: {error}"
        raise DocumentError(message) from error


def from_document(document: dict[str, Any]) -> Any:
    """Return the configuration that a document describes, sealed, with its init tasks.

    Classes are found by declared name in this process, or else imported. Parameters that were
    declared after the document was written get their defaults.

    Parameters
    ----------
    document : dict
        What :func:`to_document` returned, perhaps in another process.

    Raises
    ------
    DocumentError
        If the document is damaged, of a newer format, or names classes that are not there.
    """
    try:
        if document["format"] != FORMAT:
            message = f"document of format {document['format']!r}; this xpmnb reads {FORMAT}"
            raise DocumentError(message)
        objects = document["objects"]
        classes = [_find_class(each) for each in objects]
        configs = [_empty(cls) for cls in classes]
        for config, each in zip(configs, objects, strict=True):
            _set_values(config, each["values"], configs)
            _set_state(config, each)
        return _with_init_tasks(configs, document)
    except _DAMAGE as error:
        if isinstance(error, (DocumentError, DeclarationError)):
            raise
        message = f"no readable document of a configuration: {type(error).__name__}: {error}"
        raise DocumentError(message) from error


def _empty(cls: Declared) -> Any:
    config = object.__new__(cls.C)  # type: ignore[attr-defined]
    state = config.__dict__["__xpm__"] = ConfigState()
    state.sealed = True
    return config


def _set_values(config: Any, given: dict[str, Any], configs: list[Any]) -> None:
    known = parameters(type(config))
    for name in given:
        if name not in known:
            message = f"{type(config).__qualname__} declares no parameter {name!r} any more"
            raise DocumentError(message)
    for name, parameter in known.items():
        if name in given and parameter.kind is not Kind.CONSTANT:
            config.__dict__[name] = freeze(parameter.check(_from_json(given[name], configs)))
        elif parameter.generator is None:
            if parameter.is_required:
                raise DocumentError(f"the document has no value for {parameter.owner}.{name}")
            config.__dict__[name] = freeze(parameter.default_value())


def _with_init_tasks(configs: list[Any], document: dict[str, Any]) -> Any:
    root = _at(configs, document["root"])
    state_of(root).init_tasks = tuple(_at(configs, place) for place in document.get("init", ()))
    return root


def _set_state(config: Any, given: dict[str, Any]) -> None:
    state = state_of(config)
    generated = given.get("generated", ())
    state.generated = frozenset(name for name in generated if name in config.__dict__)
    known = given.get("identifier")
    if known is not None and not isinstance(known, str):
        raise DocumentError(f"{known!r:.80} is no identifier of {type(config).__qualname__}")
    state.known_identifier = known


def _at(configs: list[Any], place: Any) -> Any:
    """Return the configuration at a place; a negative one is damage, not the end of the list."""
    if type(place) is not int or place < 0:
        raise DocumentError(f"{place!r} is no place of a configuration")
    return configs[place]


def _from_json(value: Any, configs: list[Any]) -> Any:
    if isinstance(value, list):
        return [_from_json(item, configs) for item in value]
    if not isinstance(value, dict):
        return value
    [(kind, content)] = value.items()
    if kind == "$ref":
        return _at(configs, content)
    if kind == "$path":
        return Path(content)
    if kind == "$float":
        return float(content)
    if kind == "$enum":
        place, member = content
        found = _attribute(_module_of(place), place["qualname"])
        if not (isinstance(found, type) and issubclass(found, enum.Enum)):
            raise DocumentError(f"{place['qualname']} of {place['module']} is no Enum")
        return found[member]
    if kind == "$dict":
        return {_from_json(k, configs): _from_json(v, configs) for k, v in content}
    containers = {"$tuple": tuple, "$set": set, "$frozenset": frozenset}
    return containers[kind](_from_json(item, configs) for item in content)


def _find_class(reference: dict[str, Any]) -> Declared:
    """Return the class that an object of a document names, importing its module if needed."""
    known = registry.find(reference["type"])
    if known is not None:
        return known
    _module_of(reference)
    known = registry.find(reference["type"])
    if known is None:
        message = (
            f"class {reference['qualname']} of {reference['module']} "
            f"({reference['type']}) cannot be found here: it was declared in another session "
            "(a notebook cell or a prompt), or its module has changed"
        )
        raise DocumentError(message)
    return known


def _module_of(place: dict[str, Any]) -> Any:
    """Return the module in which a class was declared, imported if needed.

    A script is imported under its own name: its ``if __name__ == "__main__":`` part is not run.
    """
    main = sys.modules["__main__"]
    if place["module"] != "__main__":
        try:
            return importlib.import_module(place["module"])
        except (ImportError, LookupError, ValueError) as error:
            raise _unimportable(place, error) from error
    file = place.get("file")
    if not file or _is_same_file(getattr(main, "__file__", None), file):
        # Declared in this very session: a notebook, a prompt or the running script.
        return main
    name = Path(file).stem.replace(".", "-")  # pickle finds no dotted one
    if not _is_same_file(getattr(sys.modules.get(name), "__file__", None), file):
        # Python runs scripts whatever their files are called.
        loader = None if file.endswith(tuple(all_suffixes())) else SourceFileLoader(name, file)
        spec: Any = importlib.util.spec_from_file_location(name, file, loader=loader)
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        module.__dict__["__xpm_notebook__"] = Path(file).stem  # its classes keep their names
        seam.script_being_imported = file
        try:
            spec.loader.exec_module(module)
        except BaseException as error:
            del sys.modules[name]
            if isinstance(error, _DAMAGE) and not isinstance(error, DeclarationError):
                raise _unimportable(place, error) from error
            raise
        finally:
            seam.script_being_imported = None
    return sys.modules[name]


def _unimportable(place: dict[str, Any], error: Exception) -> DocumentError:
    source, advice = (
        (place["file"], _GUARD) if place["module"] == "__main__" else (place["module"], "")
    )
    words = f"{place['qualname']} cannot be imported from {source}: {type(error).__name__}: "
    return DocumentError(f"{words}{error}{advice}")


def _is_same_file(a: str | None, b: str) -> bool:
    return a is not None and Path(a).absolute() == Path(b)


def _attribute(module: Any, qualname: str) -> Any:
    result = module
    for part in qualname.split("."):
        result = getattr(result, part)
    return result
