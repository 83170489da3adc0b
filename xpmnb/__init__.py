"""xpmnb: declare, run, watch and analyse experiments from a notebook.

The face of the package: every public name, loaded when it is first used, so that importing
xpmnb costs next to nothing. It also fills the slots through which low floors reach high ones.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

from xpmnb import seam
from xpmnb.version import __version__ as __version__

if TYPE_CHECKING:
    from xpmnb.analysis.workspace import workspace
    from xpmnb.bars import tqdm
    from xpmnb.caching import cache
    from xpmnb.comparing import diff
    from xpmnb.core.config import Config, InstanceConfig
    from xpmnb.core.fields import Constant, Meta, Param, field
    from xpmnb.core.former import deprecate
    from xpmnb.core.model import LightweightTask, ResumableTask, Task
    from xpmnb.core.tags import setmeta, tag, tags, tagspath
    from xpmnb.core.types import Choices, DependentMarker, SubmitHook
    from xpmnb.errors import (
        FailedExperiment,
        GracefulTimeout,
        JobFailed,
        TaskCancelled,
        XpmnbError,
    )
    from xpmnb.experiments import experiment
    from xpmnb.generators import PathGenerator
    from xpmnb.launchers import ProcessLauncher, ThreadLauncher
    from xpmnb.novelty import why_new
    from xpmnb.partials import param_group, partial
    from xpmnb.records.states import FailureReason, JobState
    from xpmnb.runtime import log, progress
    from xpmnb.scheduler.jobs import Job

_HOMES = {
    "Choices": "core.types",
    "Config": "core.model",
    "Constant": "core.fields",
    "DependentMarker": "core.types",
    "FailedExperiment": "errors",
    "FailureReason": "records.states",
    "GracefulTimeout": "errors",
    "InstanceConfig": "core.model",
    "Job": "scheduler.jobs",
    "JobFailed": "errors",
    "JobState": "records.states",
    "LightweightTask": "core.model",
    "Meta": "core.fields",
    "Param": "core.fields",
    "PathGenerator": "generators",
    "ProcessLauncher": "launchers",
    "ResumableTask": "core.model",
    "SubmitHook": "core.types",
    "Task": "core.model",
    "TaskCancelled": "errors",
    "ThreadLauncher": "launchers",
    "XpmnbError": "errors",
    "cache": "caching",
    "deprecate": "core.former",
    "diff": "comparing",
    "experiment": "experiments",
    "field": "core.fields",
    "log": "runtime",
    "param_group": "partials",
    "partial": "partials",
    "progress": "runtime",
    "setmeta": "core.tags",
    "tag": "core.tags",
    "tags": "core.tags",
    "tagspath": "core.tags",
    "tqdm": "bars",
    "why_new": "novelty",
    "workspace": "analysis.workspace",
}

__all__ = [
    "Choices",
    "Config",
    "Constant",
    "DependentMarker",
    "FailedExperiment",
    "FailureReason",
    "GracefulTimeout",
    "InstanceConfig",
    "Job",
    "JobFailed",
    "JobState",
    "LightweightTask",
    "Meta",
    "Param",
    "PathGenerator",
    "ProcessLauncher",
    "ResumableTask",
    "SubmitHook",
    "Task",
    "TaskCancelled",
    "ThreadLauncher",
    "XpmnbError",
    "cache",
    "deprecate",
    "diff",
    "experiment",
    "field",
    "log",
    "param_group",
    "partial",
    "progress",
    "setmeta",
    "tag",
    "tags",
    "tagspath",
    "tqdm",
    "why_new",
    "workspace",
]


def __getattr__(name: str) -> Any:
    """Load a public name at its first use."""
    home = _HOMES.get(name)
    if home is None:
        message = f"module 'xpmnb' has no attribute {name!r}"
        raise AttributeError(message)
    value = globals()[name] = getattr(importlib.import_module(f"xpmnb.{home}"), name)
    return value


def __dir__() -> list[str]:
    """Return the public names, loaded or not."""
    return [*__all__, "__version__"]


def load_ipython_extension(shell: Any) -> None:
    """Give IPython ``%xpm``: what ``%load_ext xpmnb`` calls."""
    from xpmnb.notebook.extension import load

    load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Take ``%xpm`` back: what ``%unload_ext xpmnb`` calls."""
    from xpmnb.notebook.extension import unload

    unload(shell)


def _current_submitter() -> Any:
    from xpmnb.default_experiment import current_experiment

    return current_experiment()


def _current_context() -> Any:
    from xpmnb.runtime import current_context

    return current_context()


def _current_workspace() -> str | None:
    from xpmnb.default_experiment import current_workspace

    return current_workspace()


def _in_notebook() -> bool:
    if "IPython" not in sys.modules:
        return False
    from xpmnb.notebook.cells import in_kernel

    return in_kernel()


def _notebook_stem() -> str | None:
    from xpmnb.notebook.whereabouts import notebook_stem

    return notebook_stem()


def _debug_job(job: Any) -> Any:
    from xpmnb.debugging import debug

    return debug(job)


def _show_run(title: str, run: Any, records: Any) -> bool:
    if not _in_notebook():
        return False
    from xpmnb.notebook.overview import show_run

    return show_run(title, run, records)


def _html_of(value: Any) -> str | None:
    from xpmnb.notebook.displays import html_of

    return html_of(value)


def _attach_observers(note: str, layout: Any) -> list[Any]:
    from xpmnb.environment import EnvironmentKeeper

    if _in_notebook():
        from xpmnb.notebook.panel import attach
        from xpmnb.notebook.snapshot import attach_snapshot
        from xpmnb.notebook.whereabouts import notebook_path

        path = notebook_path()
        observers = [EnvironmentKeeper(layout, path), attach(note), attach_snapshot(layout, path)]
        return [each for each in observers if each is not None]
    from xpmnb.console import ConsoleObserver

    return [EnvironmentKeeper(layout), ConsoleObserver()]


seam.current_submitter = _current_submitter
seam.current_context = _current_context
seam.current_workspace = _current_workspace
seam.in_notebook = _in_notebook
seam.notebook_stem = _notebook_stem
seam.debug_job = _debug_job
seam.show_run = _show_run
seam.attach_observers = _attach_observers
seam.html_of = _html_of
