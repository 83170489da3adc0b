"""why_new(task): which parameter made a new job, next to the nearest old one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xpmnb.adoption import find_former, ways_to_adopt
from xpmnb.analysis.difference import Pairs, value_rows
from xpmnb.analysis.documents import Expanded, differing, expand
from xpmnb.analysis.job_facts import read_description
from xpmnb.analysis.nearest import OldJob, nearest_first, old_jobs, tasks_called
from xpmnb.analysis.reasons import NearJob, WhyNew
from xpmnb.analysis.workspace import Workspace
from xpmnb.analysis.workspace import workspace as open_workspace
from xpmnb.code_hash import code_of
from xpmnb.commands.locating import Remembered, remembered
from xpmnb.comparing import write_down
from xpmnb.core.model import Task
from xpmnb.core.options import SubmitOptions
from xpmnb.core.state import is_configuration, state_of
from xpmnb.counting import Identity, identity_of
from xpmnb.default_experiment import current_workspace
from xpmnb.errors import WorkspaceError
from xpmnb.records.events import JobRecord, Started
from xpmnb.records.job_directory import read_events, read_job
from xpmnb.records.json_values import as_mapping, as_text
from xpmnb.records.layout import JobLayout
from xpmnb.records.states import JobState
from xpmnb.sheets import ABSENT
from xpmnb.version import __version__

_CLOSELY = 20
"""So many of the nearest jobs are compared value by value, with the types of what they hold."""

_LISTED = 6


def why_new(task: Any, workspace: Any = None, *, init_tasks: Sequence[Any] = ()) -> WhyNew:
    """Tell which parameters make the job of a task a new one, next to the nearest old job.

    The task is asked about as it is, submitted or not; nothing is changed.

    Parameters
    ----------
    task
        The configuration of a task. Of a submitted one it is told whether its submission made the
        job.
    workspace : str, Path or Workspace, optional
        Where the old jobs are; by default the workspace of the current experiment.
    init_tasks : sequence of configurations, optional
        What ``submit(init_tasks=...)`` will be given, which counts as well. Those of a submitted
        task are known.

    Returns
    -------
    WhyNew
        True when the job is new. Its ``differences`` are those to the ``nearest`` old job of the
        same task: the one of which the fewest values differ, the newest among equals.

    Raises
    ------
    TypeError
        If this is not the configuration of a task.
    MissingParameterError
        If required values are missing.
    ConfigError, IdentifierError
        If the values are not fit for a job.
    WorkspaceError
        If there is no such workspace, or none is named and no experiment is open.
    """
    if not is_configuration(task) or not isinstance(task, Task):
        message = f"why_new({task!r:.80}): give the configuration of a task: why_new(Train.C(...))"
        raise TypeError(message)
    options = SubmitOptions(init_tasks=tuple(init_tasks))
    records = _workspace(workspace)
    identity = identity_of(task, options.init_tasks)
    write_down()
    layout = records.layout.job(identity.task, identity.identifier)
    known = remembered(layout)
    if _was_there(layout, known, state_of(task).job):
        record = read_job(layout, known.submission, run_alive=known.run_alive)
        job = _near(layout, record, record.ended or record.submitted)
        notes = tuple(_changes(identity, record))
        return WhyNew(identity.task, identity.identifier, is_new=False, job=job, notes=notes)
    former = find_former(identity.sealed, layout)
    if former is not None:
        record = read_job(former)
        job = _near(former, record, record.ended)
        note = f"it was {former.task} then: submit() takes the result over"
        return WhyNew(identity.task, identity.identifier, is_new=False, job=job, notes=(note,))
    name = type(task).__qualname__.replace(".<locals>", "").lower()
    if not f".{identity.task}".endswith(f".{name}"):  # its __xpmid__ says another one
        name = layout.name
    return _explained(records, identity, layout, name)


def _workspace(given: Any) -> Workspace:
    if isinstance(given, Workspace):
        return given
    if isinstance(of_experiment := getattr(given, "workspace", None), Workspace):
        return of_experiment
    if given is not None:
        return open_workspace(given)
    found = current_workspace()
    if found is None:
        message = "why_new(task): no experiment is open; name the workspace: why_new(task, 'runs')"
        raise WorkspaceError(message)
    return Workspace(found)


def _was_there(layout: JobLayout, known: Remembered, job: Any) -> bool:
    """Tell whether there was a job before this task was submitted, or is one now."""
    if job is None or job.layout.path != layout.path:
        return Path(layout.params).exists() or (known.run_alive and known.submission is not None)
    own = f"{job.run.layout.experiment}/{job.run.layout.run}" if job.run is not None else ""
    if job.recognised or any(run != own for run in known.runs):
        return True
    started = (event.time for event in read_events(layout) if isinstance(event, Started))
    first = next(started, None)
    return first is not None and job.submitted_at is not None and first < job.submitted_at


def _changes(identity: Identity, record: JobRecord) -> Iterator[str]:
    """Say that a job was done by other code than its task has now."""
    if record.state != JobState.DONE or record.code is None:
        return
    if record.code != code_of(identity.sealed).digest:
        yield (
            "its code changed since it was done, which makes no new job: "
            "submit(on_code_change='rerun') runs it again"
        )


def _near(layout: JobLayout, record: JobRecord, time: float | None) -> NearJob:
    reason = record.state.failure_reason
    words = record.state.value if reason is None else f"{record.state.value} ({reason.value})"
    return NearJob(layout.identifier, Path(layout.path), words, time)


def _explained(records: Workspace, identity: Identity, layout: JobLayout, name: str) -> WhyNew:
    """Tell how a new job differs from the nearest old one."""
    jobs = [job for job in old_jobs(records, identity.task) if job.layout.path != layout.path]
    if not jobs:
        notes = tuple(_homes(records, identity.task, name))
        return WhyNew(identity.task, identity.identifier, is_new=True, notes=notes)
    comparison = _Comparison.of(identity)
    ranked = nearest_first(jobs, identity.params, comparison.counts, identity.is_left_out)
    closely = [(job, *comparison.with_old(job)) for job in ranked[:_CLOSELY]]
    job, rows, old = min(closely, key=lambda each: len(each[1]))
    record = read_job(job.layout)
    return WhyNew(
        identity.task,
        identity.identifier,
        is_new=True,
        nearest=_near(job.layout, record, record.ended or job.time or None),
        differences=rows,
        considered=len(jobs),
        notes=tuple(comparison.notes(rows, old)),
    )


def _homes(records: Workspace, task: str, name: str) -> Iterator[str]:
    """Say where results of the task may be that was renamed or moved."""
    for other, count in tasks_called(records, task, name).items():
        jobs = "1 job" if count == 1 else f"{count:,} jobs"
        # By their places, where both have one: what the task uses has moved as well.
        places = other.removesuffix(f".{name}"), task.removesuffix(f".{name}")
        old, new = (other, task) if places == (other, task) else places
        ways = ways_to_adopt(old, new, records.layout.root)
        yield f"{jobs} of {other}: if it is this task under its old name, keep them with {ways}"


@dataclass(frozen=True, slots=True)
class _Old:
    """An old job as it is compared."""

    description: dict[str, Any]
    expanded: Expanded


@dataclass(frozen=True, slots=True)
class _Comparison:
    """A task, compared with old jobs by what counts. One thread; made for one use."""

    identity: Identity
    new: Expanded

    @classmethod
    def of(cls, identity: Identity) -> _Comparison:
        """Make the comparison of a task."""
        return cls(identity, expand(identity.document, identity.counts))

    def counts(self, name: str) -> bool:
        """Tell whether a flat parameter counts; see :func:`nearest_first`."""
        parts = name.split(".")
        skipped = 2 if parts[0] == "init_tasks" else 0
        place = ".".join(parts[:skipped])
        for part in parts[skipped:]:
            kind = self.new.types.get(place)
            if kind is None:
                return True
            place = f"{place}.{part}" if place else part
            if not self.identity.counts(kind, part, place):
                return False
        return True

    def with_old(self, job: OldJob) -> tuple[Pairs, _Old]:
        """Return what differs from an old job, and what is on record of it."""
        description = read_description(job.layout)
        document = as_mapping(description.get("document"))
        if document is None:
            mine = {name: v for name, v in self.identity.params.items() if self.counts(name)}
            theirs = {name: v for name, v in job.params.items() if self.counts(name)}
            return self._that_count(differing(theirs, mine)), _Old(description, Expanded())
        old = expand(document, self.identity.counts)
        return self._that_count(value_rows(old, self.new)), _Old(description, old)

    def _that_count(self, rows: Pairs) -> Pairs:
        """Leave out what an old job lacks and the default of which does not count."""
        is_left_out = self.identity.is_left_out
        return {n: pair for n, pair in rows.items() if pair[0] is not ABSENT or not is_left_out(n)}

    def notes(self, rows: Pairs, old: _Old) -> Iterator[str]:
        """Say what the values do not."""
        for name, (before, now) in rows.items():
            if not self._is_of_one_class(name, old.expanded):
                continue
            if before is ABSENT and name in self.identity.defaults:
                yield (
                    f"{name} was declared since, by field(default=...), which counts; a bare "
                    "default, or ignore_default=True, would keep the old results"
                )
            elif before is ABSENT:
                yield f"{name} was declared since"
            elif now is ABSENT:
                yield f"{name} is declared no more; if it was a Meta, it makes no difference"
        if not rows:
            yield from self._hidden_reasons(old)

    def _is_of_one_class(self, name: str, old: Expanded) -> bool:
        """Tell whether both have a configuration of the same class where a parameter belongs."""
        owner = name.rpartition(".")[0]
        kind = self.new.types.get(owner)
        return kind is not None and kind == old.types.get(owner)

    def _hidden_reasons(self, old: _Old) -> Iterator[str]:
        """Say what counts in an identifier and stands in no record."""
        identity = self.identity
        left_out = _listed(identity.left_out, lambda place: place in self.new.values)
        if left_out:
            yield (
                f"left out now, as the defaults of their declarations: {left_out}; this is new if "
                "one of them counted then, by field(default=...) or with another default"
            )
        defaults = _listed(identity.defaults, lambda place: place in self.new.values)
        if defaults:
            yield (
                f"counted now, although they are defaults: {defaults}; this is new if one of them "
                "had a bare default then, which is left out"
            )
        objects = as_mapping(old.description.get("document")) or {}
        if len(objects.get("objects", ())) != len(identity.document["objects"]):
            yield "one shares configurations where the other has equal ones: InstanceConfigs differ"
        version = as_text(old.description.get("xpmnb"))
        if version != __version__:
            yield f"xpmnb {version} made the old identifier, and this is xpmnb {__version__}"


def _listed(places: frozenset[str], wanted: Callable[[str], bool]) -> str:
    found = sorted(filter(wanted, places))
    more = f" and {len(found) - _LISTED} more" if len(found) > _LISTED else ""
    return ", ".join(found[:_LISTED]) + more
