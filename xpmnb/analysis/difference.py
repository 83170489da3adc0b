"""What differs between two jobs, from what is on record of them: pure, needs no class."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from xpmnb.code_diff import CodeDiff, code_diff
from xpmnb.sheets import Section, Sheet, pairs_of, sheet_html, sheet_text

from .columns import flatten
from .documents import differing, expand, same

if TYPE_CHECKING:
    from pathlib import Path

    from .documents import Expanded
    from .job_facts import JobFacts

__all__ = ["Difference", "Pairs", "compare", "value_rows"]

Pairs = dict[str, tuple[Any, Any]]
"""Old and new JSON value by name; ``ABSENT`` stands for a value that is not there."""

_SHORT_ID = 12
_DURATION = "duration_s"
_MARKS = ("$tuple", "$set", "$frozenset")
# What a record of surroundings says of itself, not of them.
_NO_SURROUNDINGS = frozenset({"format", "time", "pid"})


@dataclass(frozen=True, slots=True, repr=False)
class Difference:
    """What differs between two jobs. Immutable; any thread.

    ``str()`` is a table for a terminal, and a notebook shows one. It is false when nothing differs
    but how long the jobs took.
    """

    labels: tuple[str, str]
    """The two jobs in a few words: ``train 3f2a91c0``."""
    paths: tuple[Path, Path]
    """Their directories."""
    tasks: tuple[str, str]
    """The qualified names of their tasks."""
    params: Pairs
    """Parameters that differ, by dotted name. At the name of a configuration stand the declared
    names of the two classes, where they differ."""
    tags: Pairs
    """Tags that differ."""
    code: CodeDiff
    """How the code differs."""
    environment: Pairs
    """What differs around the jobs: ``python``, ``packages.numpy``, ``git.commit``, ``host``."""
    results: Pairs = field(repr=False)
    """State, duration (seconds), results and last metrics side by side, equal ones as well."""
    notes: tuple[str, ...] = ()
    """What is to be said besides: what is not on record, above all."""

    def __bool__(self) -> bool:
        """Tell whether anything differs but the durations."""
        outcome = any(
            not same(old, new) for name, (old, new) in self.results.items() if name != _DURATION
        )
        parts = (self.params, self.tags, self.code, self.environment, outcome)
        return self.tasks[0] != self.tasks[1] or any(map(bool, parts))

    def sheet(self) -> Sheet:
        """Return it as a sheet: what ``str()`` and the notebook show."""
        tables: list[tuple[str, Mapping[str, tuple[Any, Any]]]] = [
            ("task", {"": self.tasks} if self.tasks[0] != self.tasks[1] else {}),
            ("parameters", self.params),
            ("tags", self.tags),
            ("environment", self.environment),
            ("results", _rounded(self.results)),
        ]
        sections = [Section(heading, pairs_of(values)) for heading, values in tables if values]
        parts = self.code.sections()
        if parts:
            sections += [Section("code"), *parts]
        notes = [*self.notes, *(self.code.notes if not parts or not self.code else ())]
        if not self:
            notes.insert(0, "nothing on record differs")
        return Sheet(" -> ".join(self.labels), self.labels, tuple(sections), tuple(notes))

    def __str__(self) -> str:
        """Return a table for a terminal."""
        return sheet_text(self.sheet())

    def __repr__(self) -> str:
        """Return the text, which is what a prompt shows."""
        return str(self)

    def _repr_html_(self) -> str:
        """Return a table for a notebook."""
        return sheet_html(self.sheet())


def _rounded(results: Pairs) -> Pairs:
    durations = results.get(_DURATION)
    if durations is None:
        return results
    old, new = (round(each, 3) if isinstance(each, float) else each for each in durations)
    return {**results, _DURATION: (old, new)}


def compare(a: JobFacts, b: JobFacts, paths: tuple[Path, Path]) -> Difference:
    """Compare what is on record of two jobs.

    Parameters
    ----------
    a, b
        The jobs, the old one first.
    paths
        Their directories.
    """
    labels = (a.label, b.label)
    return Difference(
        labels=labels,
        paths=paths,
        tasks=(a.record.task, b.record.task),
        params=_params(a, b),
        tags=differing(a.record.tags, b.record.tags),
        code=code_diff(a.code, b.code),
        environment=_environment(a, b),
        results=_results(a, b),
        notes=tuple(_missing(a, b)),
    )


def _missing(a: JobFacts, b: JobFacts) -> Iterator[str]:
    """Say what is not on record: of which job, or of both."""
    for words in dict.fromkeys((*a.missing, *b.missing)):
        found = [each.label for each in (a, b) if words in each.missing]
        yield f"{found[0]}: {words}" if len(found) == 1 else words


def _params(a: JobFacts, b: JobFacts) -> Pairs:
    if a.document is None or b.document is None:
        return differing(a.record.params, b.record.params)
    return value_rows(expand(a.document), expand(b.document))


def value_rows(old: Expanded, new: Expanded) -> Pairs:
    """Give the values of two documents that differ, and the tasks that made them.

    Parameters
    ----------
    old, new
        The two documents, expanded.

    Returns
    -------
    dict
        Old and new value by place. A task that made a value stands at ``<place> (made by)``; the
        job of a task inside is named only where none of its values differs.
    """
    found = differing(old.values, new.values)
    rows = {name: _plain_pair(*pair) for name, pair in found.items()}
    for place, pair in differing(_short(old.makers), _short(new.makers)).items():
        rows[f"{place} (made by)".strip()] = pair
    for place, pair in differing(_short(old.jobs), _short(new.jobs)).items():
        if not any(name == place or name.startswith((f"{place}.", f"{place} ")) for name in rows):
            rows[f"{place} (job)"] = pair
    return rows


def _short(jobs: Mapping[str, str]) -> dict[str, str]:
    """Shorten identifiers, as far as they still tell jobs apart in practice."""
    split = {place: job.rpartition("/") for place, job in jobs.items()}
    return {
        place: f"{task}/{identifier[:_SHORT_ID]}" for place, (task, _, identifier) in split.items()
    }


def _plain_pair(old: Any, new: Any) -> tuple[Any, Any]:
    """Give two values as tables have them, unless that hides their difference."""
    plain = (_plain(old), _plain(new))
    return (old, new) if same(*plain) else plain


def _plain(value: Any) -> Any:
    if type(value) is dict:
        [mark] = value if len(value) == 1 else [""]
        if mark in _MARKS:
            return _plain(value[mark])
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if type(value) is list else value


def _environment(a: JobFacts, b: JobFacts) -> Pairs:
    found = [_surroundings(each) for each in (a, b)]
    if not (a.environment and b.environment):
        # One side that is not on record is no difference, and said elsewhere.
        found = [
            {name: each[name] for name in ("launcher", "host") if name in each} for each in found
        ]
        found = [
            {k: v for k, v in each.items() if all(k in one for one in found)} for each in found
        ]
    return differing(*found)


def _surroundings(facts: JobFacts) -> dict[str, Any]:
    flat = {
        name: value
        for name, value in flatten(facts.environment).items()
        if name not in _NO_SURROUNDINGS
    }
    # The job may have run on another machine than the kernel.
    own = {"launcher": facts.record.launcher, "host": facts.record.host}
    return {**flat, **{name: value for name, value in own.items() if value is not None}}


def _results(a: JobFacts, b: JobFacts) -> Pairs:
    old, new = _outcome(a), _outcome(b)
    rows = differing(old, new)
    return {name: rows.get(name, (old.get(name), new.get(name))) for name in {**old, **new}}


def _outcome(facts: JobFacts) -> dict[str, Any]:
    record = facts.record
    state, reason = record.state.value, record.state.failure_reason
    found: dict[str, Any] = {"state": state if reason is None else f"{state} ({reason.value})"}
    if record.started is not None and record.ended is not None:
        found[_DURATION] = record.ended - record.started
    result = record.result
    if type(result) is dict:
        found.update({f"result.{name}": value for name, value in flatten(result).items()})
    elif result is not None:
        found["result"] = result
    found.update({f"metrics.{name}": value for name, value in record.metrics.items()})
    return found
