"""Tags: short names for the values that an experiment varies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from xpmnb.core.checkers import same_value
from xpmnb.core.state import is_configuration, state_of
from xpmnb.core.values import TaggedValue
from xpmnb.core.walk import iter_graph, whole_of
from xpmnb.errors import SealedError

if TYPE_CHECKING:
    from collections.abc import Iterable

T = TypeVar("T")


def tag(value: T) -> T:
    """Mark a parameter's value as one that the experiment varies: ``Train.C(lr=tag(0.1))``.

    Parameters
    ----------
    value
        The value of the parameter.

    Returns
    -------
    T
        What to give to the parameter; the configuration then holds the plain value, and a tag
        with the parameter's name. Tags are no part of the identifier.

    Raises
    ------
    TypeError
        If the value is a dict or a set: it would be no short name for anything.
    """
    if isinstance(value, (dict, set, frozenset)):
        message = f"tag({value!r:.80}): a tag is a short name for one value; tag what varies in it"
        raise TypeError(message)
    return TaggedValue(value)  # type: ignore[return-value]


def add_tag(config: Any, name: str, value: str | float) -> None:
    """Set a tag of a configuration.

    Raises
    ------
    SealedError
        If the configuration was submitted.
    TypeError
        If the name is no string, or the value is no string, number or bool.
    """
    state = state_of(config)
    if state.sealed:
        message = f"tag {name!r}: set tags before the task is submitted"
        raise SealedError(message)
    if not isinstance(name, str) or not isinstance(value, (str, int, float, bool)):
        message = f"tag({name!r}, {value!r}): a tag is a name with a string, a number or a bool"
        raise TypeError(message)
    state.tags[name] = value


def tags(config: Any) -> dict[str, Any]:
    """Return the tags of a configuration and of all that it is made from.

    Parameters
    ----------
    config
        A configuration.

    Returns
    -------
    dict
        Value by name, outermost first. Where an inner tag has the name of an outer one and
        another value, its name is its path: ``model.lr``. The tags of the tasks that made a
        value count as that value's, and those of init tasks as their task's.
    """
    state = state_of(config)
    if state.producer is None and not _are_tagged(whole_of(config).configs, config):
        return dict(state.tags)
    result: dict[str, Any] = {}
    _collect(config, (), result, set())
    return result


def _are_tagged(configs: Iterable[Any], root: Any) -> bool:
    """Tell whether any configuration inside another has tags to give it."""
    for each in configs:  # asked for with every job
        state = each.__dict__["__xpm__"]
        if (state.tags or state.init_tasks or state.producer is not None) and each is not root:
            return True
    return False


def _collect(config: Any, prefix: tuple[str, ...], result: dict[str, Any], seen: set[int]) -> None:
    # Children come first in iter_graph; an outer tag is to win over an inner one, and the first
    # over the second.
    init_tasks: list[tuple[tuple[str, ...], Any]] = []
    for path, each in sorted(iter_graph(config), key=lambda found: len(found[0])):
        if id(each) in seen:
            continue
        seen.add(id(each))
        for name, value in state_of(each).tags.items():
            if not same_value(result.setdefault(name, value), value):
                result.setdefault(".".join((*prefix, *path, name)), value)
        producer = state_of(each).producer
        if producer is not None and id(producer) not in seen:
            _collect(producer, (*prefix, *path), result, seen)
        for place, init_task in enumerate(state_of(each).init_tasks):
            init_tasks.append(((*prefix, *path, "init_tasks", str(place)), init_task))
    for path, init_task in init_tasks:
        if id(init_task) not in seen:
            _collect(init_task, path, result, seen)


def tagspath(config: Any) -> str:
    """Return the tags as one readable name for a file: ``epochs=20_lr=0.1``.

    Parameters
    ----------
    config
        A configuration.

    Returns
    -------
    str
        ``name=value`` sorted by name and joined by ``_``; whatever is special in file names
        is percent-encoded.
    """
    found = tags(config)
    return "_".join(f"{_quoted(name)}={_quoted(str(found[name]))}" for name in sorted(found))


def _quoted(text: str) -> str:
    return quote(text, safe="+", errors="surrogatepass")


def setmeta(config: T, flag: bool = True) -> T:  # noqa: FBT001, FBT002 (the name says what is true)
    """Take a configuration out of the identifiers of those that use it, or put it in.

    Parameters
    ----------
    config
        A configuration, used as the value of a parameter.
    flag : bool
        True: no part of the identifier, as if the parameter was ``Meta``. False: part of it,
        even where the parameter is ``Meta``.

    Returns
    -------
    T
        The same configuration.

    Raises
    ------
    SealedError
        If the configuration was submitted.
    TypeError
        If it is no configuration.
    """
    if not is_configuration(config):
        message = f"setmeta() takes a configuration, got {type(config).__qualname__}"
        raise TypeError(message)
    state = state_of(config)
    if state.sealed:
        message = "setmeta(): the configuration was submitted already"
        raise SealedError(message)
    state.is_meta = flag
    return config
