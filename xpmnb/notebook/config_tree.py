"""A configuration as a tree that a person reads: HTML that needs no script, kernel or network.

It reads what there is and decides nothing: half-built configurations, and values whose own
``__repr__`` raises, are shown as far as they go.
"""

from __future__ import annotations

import enum
import reprlib
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

from xpmnb.core.checkers import same_value
from xpmnb.core.declaration import parameters
from xpmnb.core.fields import MISSING, Kind, Parameter
from xpmnb.core.sealed import thaw
from xpmnb.core.state import ConfigState, is_configuration, state_of
from xpmnb.core.walk import iter_inside
from xpmnb.identifiers import identifier
from xpmnb.markup import AS_TEXT, one_line, safe, style
from xpmnb.notebook.rows import state_word

MAX_LINES = 300
"""A tree of more lines is not read: what is left out is said."""
MAX_DEPTH = 12
MAX_MEMBERS = 20

_VALUE_LIMIT = 160
_WALK_LIMIT = 5_000

_short = reprlib.Repr()
_short.maxstring = _short.maxother = _short.maxlong = _VALUE_LIMIT
_short.maxlist = _short.maxtuple = _short.maxdict = _short.maxset = _short.maxfrozenset = 12
_short.maxlevel = 4


def config_html(config: Any) -> str:
    """Return a configuration as a tree: its parameters with values, and the configurations inside.

    Parameters
    ----------
    config
        A configuration. One that is used in several places is shown at the first one.
    """
    return (
        f"<style>{style('theme.css', 'notebook/displays.css')}</style>"
        f'<div class="xpm-panel xpm-display {AS_TEXT}">'
        f"{_Tree(config).drawn()}{_footer(config)}</div>"
    )


class _Tree:
    """Draws one tree, from top to bottom. One thread; made for one use."""

    def __init__(self, root: Any) -> None:
        self._root = root
        self._lines = 0
        self._numbers = _shared_numbers(root)
        self._shown: set[int] = set()

    def drawn(self) -> str:
        """Return the whole tree."""
        return self._config(self._root, 0)

    def _config(self, config: Any, depth: int, lead: str = "", said: str = "") -> str:
        """Return a configuration; its name and what is said of it stand where it is unfolded."""
        name = safe(one_line(type(config).__qualname__))
        number = self._numbers.get(id(config))
        head = f"{lead}<b>{name}</b>" + (f" #{number}" if number else "") + said
        if id(config) in self._shown:
            return f'{head} <span class="xpm-mark">shown above</span>'
        self._shown.add(id(config))
        state = state_of(config)
        head += "".join(_marks(_state_marks(config, state)))
        if depth > MAX_DEPTH or self._lines > MAX_LINES:
            return f'{head} <span class="xpm-mark">not shown</span>'
        items = "".join(f"<li>{item}</li>" for item in self._items(config, state, depth))
        if not items:
            return head
        is_open = "" if depth and state.job is not None else " open"
        return f"<details{is_open}><summary>{head}</summary>{_list_html(items)}</details>"

    def _items(self, config: Any, state: ConfigState, depth: int) -> Iterator[str]:
        values = vars(config)
        for name, parameter in parameters(type(config)).items():
            if self._is_full():
                yield '<span class="xpm-mark">more is not shown</span>'
                return
            key = f'<span class="xpm-name">{safe(name)}</span>'
            marks = _parameter_marks(parameter, values.get(name, MISSING), state)
            if name not in values:
                yield f"{key}{''.join(_marks(marks))}"
                continue
            said = "".join(_marks(marks))
            if is_configuration(values[name]):
                yield self._config(values[name], depth + 1, f"{key} = ", said)
                continue
            line = f"{key} = {self._value(values[name], depth + 1)}{said}"
            is_dim = "default" in marks or parameter.kind is Kind.CONSTANT
            yield f'<span class="xpm-dim">{line}</span>' if is_dim else line
        for place, task in enumerate(state.init_tasks[:MAX_MEMBERS]):
            key = f'<span class="xpm-name">init_tasks[{place}]</span>'
            yield self._config(task, depth + 1, f"{key} = ")

    def _is_full(self) -> bool:
        self._lines += 1
        return self._lines > MAX_LINES

    def _value(self, value: Any, depth: int) -> str:
        if depth <= MAX_DEPTH and next(iter_inside(value), None) is not None:
            return self._container(value, depth)
        return _code_html(value_words(value))

    def _container(self, value: Any, depth: int) -> str:
        """Return a container that holds configurations, one line for each member."""
        if isinstance(value, Mapping):
            members = [(value_words(key), each) for key, each in value.items()]
        else:
            members = [(str(place), each) for place, each in enumerate(value)]
        items = []
        for key, each in members[:MAX_MEMBERS]:
            if self._is_full():
                break
            lead = f'<span class="xpm-name">{safe(key)}</span>: '
            if is_configuration(each):
                items.append(f"<li>{self._config(each, depth + 1, lead)}</li>")
            else:
                items.append(f"<li>{lead}{self._value(each, depth + 1)}</li>")
        if len(items) < len(members):
            left = f"{len(members) - len(items):,} more are not shown"
            items.append(f'<li><span class="xpm-mark">{left}</span></li>')
        kind = safe(type(value).__name__.removeprefix("Sealed").lower())
        return f"{kind} of {len(members):,}{_list_html(''.join(items))}"


def _list_html(items: str) -> str:
    return f'<ul class="xpm-tree">{items}</ul>'


def _code_html(words: str) -> str:
    return f'<code class="xpm-value">{safe(words)}</code>'


def _shared_numbers(root: Any) -> dict[int, int]:
    """Return a number for each configuration that is found in more than one place, in order."""
    seen: Counter[int] = Counter()
    order: list[int] = []
    waiting = [root]
    while waiting and len(order) < _WALK_LIMIT:
        config = waiting.pop()
        if not is_configuration(config):
            continue
        seen[id(config)] += 1
        if seen[id(config)] > 1:
            continue
        order.append(id(config))
        inside = [each for value in _values(config) for each in iter_inside(value)]
        waiting += [*inside, *state_of(config).init_tasks][::-1]
    shared = [each for each in order if seen[each] > 1]
    return {each: number for number, each in enumerate(shared, 1)}


def _values(config: Any) -> Iterator[Any]:
    values = vars(config)
    for name in parameters(type(config)):
        if name in values:
            yield values[name]


def _state_marks(config: Any, state: ConfigState) -> list[str]:
    """Return what is said of a configuration as a whole."""
    known = parameters(type(config))
    tags = ", ".join(
        f"{name}={value_words(value)}" for name, value in state.tags.items() if name not in known
    )
    marks = [f"tags: {tags}"] if tags else []
    if state.is_meta is not None:
        marks.append("Meta" if state.is_meta else "not Meta")
    if state.job is not None:
        marks.append(_job_words(state.job))
    return marks


def _parameter_marks(parameter: Parameter, value: Any, state: ConfigState) -> list[str]:
    """Return what is said of a parameter beside its value."""
    marks = []
    if value is MISSING:
        is_generated = parameter.generator is not None
        marks.append("path, made on submission" if is_generated else "missing")
    elif parameter.name in state.tags:
        marks.append("tag")
    if parameter.kind is Kind.CONSTANT:
        marks.append("constant")
    elif _is_default(parameter, value):
        marks.append("default")
    if not parameter.in_identifier:
        marks.append("Meta")
    return marks


def _is_default(parameter: Parameter, value: Any) -> bool:
    default = parameter.field.default
    if default is MISSING or value is MISSING or is_configuration(value):
        return False
    try:
        return same_value(thaw(value), thaw(default))
    except Exception:  # noqa: BLE001 - user code: the value's own __eq__
        return False


def _marks(words: list[str]) -> Iterator[str]:
    for each in words:
        kind = "xpm-mark xpm-missing" if each == "missing" else "xpm-mark"
        yield f' <span class="{kind}">{safe(one_line(each, _VALUE_LIMIT))}</span>'


def value_words(value: object) -> str:
    """Return a value in one short line, as code: what its own ``__repr__`` says, if it does."""
    try:
        if isinstance(value, enum.Enum):
            words = f"{type(value).__name__}.{value.name}"
        elif isinstance(value, PurePath):
            words = str(value)
        else:
            words = _short.repr(value)
        return one_line(words, _VALUE_LIMIT)
    except Exception:  # noqa: BLE001 - user code: the value's own __repr__
        return f"<{type(value).__name__}>"


def _job_words(job: Any) -> str:
    reason = job.failure_reason
    word = state_word(job.state.value, reason and reason.value, stopping=job.stopping)
    return f"job {job.id[:8]}: {word}"


def _footer(config: Any) -> str:
    """Return the identifier of what does not change any more, and where its job is."""
    state = state_of(config)
    parts = []
    if state.sealed:
        try:
            parts.append(f"identifier {_code_html(identifier(config))}")
        except Exception:  # noqa: BLE001 - user code: a value that cannot be encoded any more
            parts.append("without identifier")
    if state.job is not None:
        parts.append(f"directory {_code_html(one_line(str(state.job.path)))}")
    return "".join(f'<p class="xpm-note">{each}</p>' for each in parts)
