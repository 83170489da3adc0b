"""What an attempt works on: the files that describe a job, and the objects that it runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from xpmnb.core.model import ResumableTask, Running
from xpmnb.core.objects import Built, build
from xpmnb.core.paths import generate_paths
from xpmnb.document import from_document, to_document
from xpmnb.program import Program, load_program, needs_program, program_of
from xpmnb.records.json_values import as_text, encode_spaced
from xpmnb.scheduler.requests import JobRequest, Terms
from xpmnb.version import __version__

if TYPE_CHECKING:
    from xpmnb.core.paths import GeneratedPaths
    from xpmnb.records.layout import JobLayout
    from xpmnb.scheduler.jobs import Job


class Work(Protocol):
    """One job, as an attempt sees it. Used by one thread."""

    @property
    def layout(self) -> JobLayout:
        """The files of the job."""
        ...

    @property
    def tags(self) -> dict[str, Any]:
        """The tags of the task."""
        ...

    @property
    def code(self) -> str | None:
        """The hash of its code; None where it is not known."""
        ...

    def files(self) -> tuple[bytes, bytes]:
        """Return the contents of ``[NAME].py`` and of ``params.json``."""
        ...

    def build(self) -> Built:
        """Make the objects; runs code of the user."""
        ...


class Source(NamedTuple):
    """Where a job comes from, as its record tells. Immutable; any thread."""

    run: str | None = None
    """The run that submitted it: ``<experiment>/<run>``."""
    code: str | None = None
    """The hash of its code."""


class TaskWork:
    """A job whose task was submitted in this process.

    Parameters
    ----------
    layout : JobLayout
        The files of the job.
    task
        The sealed configuration.
    params, tags : dict
        The flat parameters and tags that go on record.
    program : Program, optional
        The program of the job; made now if it was not made on submission.
    source : Source, optional
        Where it comes from.
    """

    __slots__ = ("_params", "_paths", "_program", "_source", "_task", "layout", "tags")

    def __init__(
        self,
        layout: JobLayout,
        task: Any,
        params: dict[str, Any],
        tags: dict[str, Any],
        program: Program | None = None,
        source: Source | None = None,
    ) -> None:
        self.layout = layout
        self.tags = tags
        self._task = task
        self._params = params
        self._program = program or program_of(task)
        self._source = source or Source()
        self._paths: GeneratedPaths = {}

    @property
    def code(self) -> str | None:
        """The hash of its code; None where it is not known."""
        return self._source.code

    def files(self) -> tuple[bytes, bytes]:
        """Return the program, and the task and its values as JSON."""
        layout = self.layout
        self._paths = generate_paths(self._task, layout.path, layout.partials)
        record = {
            "format": 1,
            "xpmnb": __version__,
            "task": layout.task,
            "identifier": layout.identifier,
            "params": self._params,
            "tags": self.tags,
            "resumable": is_resumable(self._task),
            "run": self._source.run,
            "code": self._source.code,
            "document": to_document(self._task, self._paths),
        }
        return self._program.with_values(self._params), encode_spaced(record).encode("ascii")

    def build(self) -> Built:
        """Make the objects that the task describes."""
        _make_folders(self._paths)
        return build(self._task, self._paths)


class RecordWork:
    """A job that is known by its files: it was submitted in another process.

    Parameters
    ----------
    layout : JobLayout
        The files of the job.
    program, record : str
        The contents of ``[NAME].py`` and of ``params.json``.

    Raises
    ------
    ValueError
        If the record is no JSON object with a document.
    """

    __slots__ = ("_document", "_program", "_record", "code", "is_resumable", "layout", "tags")

    def __init__(self, layout: JobLayout, program: str, record: str) -> None:
        self.layout = layout
        self._program = program
        self._record = record
        content = json.loads(record)
        try:
            self.tags: dict[str, Any] = content["tags"]
            self._document: dict[str, Any] = content["document"]
            self.is_resumable: bool = content.get("resumable") is True
            self.code = as_text(content.get("code"))
        except (KeyError, TypeError) as error:
            message = f"{layout.params} describes no task: it lacks {error}"
            raise ValueError(message) from None

    def files(self) -> tuple[bytes, bytes]:
        """Return what was given."""
        return self._program.encode(), self._record.encode()

    def build(self) -> Built:
        """Declare the classes where a cell did, and make the objects."""
        if needs_program(self._document):
            load_program(self._program, self.layout.script)
        layout = self.layout
        return objects_of(from_document(self._document), layout.path, layout.partials)


def objects_of(task: Any, directory: str, partials: str) -> Built:
    """Make the objects of a task, with their paths in a job directory; runs code of the user."""
    paths = generate_paths(task, directory, partials)
    _make_folders(paths)
    return build(task, paths)


def begin_work(built: Built, directory: str, tags: dict[str, Any]) -> None:
    """Tell the objects that run of the job that they run in."""
    running = Running(directory, dict(tags))
    for each in (*built.init_tasks, built.root):
        each.__dict__["__xpm_running__"] = running


def is_resumable(task: Any) -> bool:
    """Tell whether a task goes on where an earlier attempt stopped."""
    return ResumableTask in type(task).__mro__  # isinstance() of an abstract class is slow


def terms_of(job: Job, launcher: str, grace_s: float | None = None) -> Terms:
    """Return the terms of the next attempt at a job.

    Parameters
    ----------
    job : Job
        The job, ready to run.
    launcher : str
        The word for where it runs.
    grace_s : float, optional
        Seconds between a request to stop and the kill; None where nothing can be killed.
    """
    demands = job.demands
    retries_left = demands.max_retries - job.retry_count
    reruns = demands.on_code_change == "rerun"
    resumable = is_resumable(job.task)
    return Terms(launcher, resumable, retries_left, demands.walltime_s, grace_s, reruns)


def work_of(job: Job) -> TaskWork:
    """Return the work of a job that was submitted in this process."""
    source = Source(job.origin, job.ran_code)
    return TaskWork(job.layout, job.task, job.params, job.tags, job.program, source)


def request_of(job: Job, terms: Terms) -> JobRequest:
    """Return what another process is told to run a job."""
    program, record = work_of(job).files()
    return JobRequest(job.layout.path, record.decode(), program.decode(), terms, dict(job.environ))


def _make_folders(paths: GeneratedPaths) -> None:
    for path in paths.values():
        path.parent.mkdir(parents=True, exist_ok=True)
