"""Launchers by their words, and the one that is used when nobody chose."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from xpmnb.errors import LauncherError
from xpmnb.launchers.process import ProcessLauncher
from xpmnb.launchers.thread import ThreadLauncher
from xpmnb.streams import check_private_directories

if TYPE_CHECKING:
    from xpmnb.scheduler.launcher import Launcher

_logger = logging.getLogger("xpmnb")

_by_word: dict[str, Launcher] = {"thread": ThreadLauncher(), "process": ProcessLauncher()}
_told: list[str] = []


def find_launcher(launcher: Launcher | str, where: str) -> Launcher:
    """Return a launcher that was given, or named by its word.

    Parameters
    ----------
    launcher : Launcher or str
        A launcher, ``"thread"`` or ``"process"``.
    where : str
        Who named it, for the message: ``"submit(launcher=...)"``.

    Raises
    ------
    ValueError
        If there is no such word.
    TypeError
        If it is neither a word nor a launcher.
    """
    if isinstance(launcher, str):
        known = _by_word.get(launcher)
        if known is None:
            words = " or ".join(repr(word) for word in _by_word)
            message = f"{where}: launcher {launcher!r} is unknown: use {words}, or give a Launcher"
            raise ValueError(message)
        return known
    # A class has all methods, too: ProcessLauncher is no launcher, ProcessLauncher() is.
    if isinstance(launcher, type) or not callable(getattr(launcher, "start", None)):
        message = f"{where}: {launcher!r} is no launcher: use 'thread', 'process' or a Launcher"
        raise TypeError(message)
    return launcher


def default_launcher() -> Launcher:
    """Return the launcher of those who chose none: threads, or processes where threads cannot.

    The reason is logged, once.
    """
    try:
        check_private_directories()
    except LauncherError as error:
        if not _told:
            _told.append(str(error))
            _logger.warning("jobs run in processes of their own, launcher='process': %s", error)
        return _by_word["process"]
    return _by_word["thread"]
