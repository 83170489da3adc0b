"""Where the jobs of an experiment run, and how many: what was given, or else the settings say."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from xpmnb.core.options import code_policy_fault
from xpmnb.launchers.choice import find_launcher
from xpmnb.settings import load_settings, settings_error

if TYPE_CHECKING:
    from xpmnb.core.options import CodePolicy
    from xpmnb.scheduler.launcher import Launcher
    from xpmnb.settings import WorkspaceSettings

_DEFAULT_RETRIES = 3


@dataclass(frozen=True, slots=True)
class Bounds:
    """Where the jobs of an experiment run, and how many. Immutable; any thread."""

    workdir: Path
    """The workspace."""
    launcher: Launcher | None
    """Where they run; None if nobody chose."""
    max_jobs: int | None
    """How many at a time; None for the bound that all experiments share."""
    max_retries: int
    """How often a resumable task is run again when its time runs out."""
    on_code_change: CodePolicy
    """What to do about a task that is done, by other code than it has now."""


def find_bounds(
    workdir: str | Path,
    launcher: Launcher | str | None,
    max_jobs: int | None,
    max_retries: int | None,
    on_code_change: CodePolicy = "warn",
) -> Bounds:
    """Return the bounds of an experiment; None stands for what was not given.

    Raises
    ------
    ValueError, TypeError
        If a number is too small, the launcher is unknown, or the workspace is no directory.
    SettingsError
        If the settings file is wrong.
    """
    if not isinstance(workdir, (str, os.PathLike)):
        message = (
            f"experiment({workdir!r}, ...): the workspace is a directory, as a string or Path, or "
            "the id of one in the settings file"
        )
        raise TypeError(message)
    _check_count("max_jobs", max_jobs, 1)
    _check_count("max_retries", max_retries, 0)
    fault = code_policy_fault(on_code_change)
    if fault is not None:
        message = f"experiment(on_code_change={on_code_change!r:.80}): {fault}"
        raise ValueError(message)
    place = None if launcher is None else find_launcher(launcher, "experiment()")
    settings = load_settings().find(workdir)
    if settings is not None:
        workdir = settings.path
        place = _launcher_in(settings) if place is None else place
        max_jobs = settings.max_jobs if max_jobs is None else max_jobs
        max_retries = settings.max_retries if max_retries is None else max_retries
    return Bounds(
        Path(workdir).expanduser(),
        place,
        max_jobs,
        _DEFAULT_RETRIES if max_retries is None else max_retries,
        on_code_change,
    )


def _launcher_in(settings: WorkspaceSettings) -> Launcher | None:
    if settings.launcher is None:
        return None
    try:
        return find_launcher(settings.launcher, settings.key)
    except ValueError as error:
        path = load_settings().path
        raise settings_error(
            path, f"{settings.key}.launcher", settings.launcher, "'thread' or 'process'"
        ) from error


def _check_count(name: str, value: int | None, least: int) -> None:
    if value is not None and (type(value) is not int or value < least):
        message = f"experiment({name}={value!r}): give a whole number, {least} or more"
        raise ValueError(message)
