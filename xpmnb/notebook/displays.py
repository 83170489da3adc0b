"""What the objects of a person look like at the end of a cell: the border around such displays."""

from __future__ import annotations

import logging
from typing import Any

from xpmnb.analysis.workspace import Workspace
from xpmnb.core.state import is_configuration
from xpmnb.notebook.config_tree import config_html
from xpmnb.notebook.job_display import job_html
from xpmnb.notebook.workspace_display import workspace_html
from xpmnb.scheduler.jobs import Job

_log = logging.getLogger("xpmnb")


def html_of(value: Any) -> str | None:
    """Return an object as HTML; None where only its text can be shown.

    Whatever is in it, a display never raises: a cell that has done its work would look as if it
    had failed.
    """
    try:
        if is_configuration(value):
            return config_html(value)
        if isinstance(value, Job):
            return job_html(value)
        if isinstance(value, Workspace):
            return workspace_html(value)
    except Exception:  # noqa: BLE001 - the border around displays: values and files may be anything
        _log.debug("an object of %s cannot be shown as HTML", type(value), exc_info=True)
    return None
