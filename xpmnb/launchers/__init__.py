"""Where jobs run: the launchers, and the protocol for others."""

from __future__ import annotations

from xpmnb.launchers.process import ProcessLauncher
from xpmnb.launchers.thread import ThreadLauncher
from xpmnb.scheduler.launcher import Launcher

__all__ = ["Launcher", "ProcessLauncher", "ThreadLauncher"]
