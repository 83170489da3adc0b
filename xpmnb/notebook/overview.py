"""All jobs of a run in one panel: what an experiment shows when a cell ends with it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from IPython.display import publish_display_data

from xpmnb.notebook.cells import in_kernel
from xpmnb.notebook.experiment_page import experiment_html
from xpmnb.notebook.feed import PanelFeed
from xpmnb.notebook.recorded import row_of_record
from xpmnb.notebook.rows import headline

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xpmnb.records.events import JobRecord
    from xpmnb.scheduler.runs import Run


def show_run(title: str, run: Run, records: Iterable[JobRecord]) -> bool:
    """Display the jobs of a run in the output of the running cell: live while the run is open.

    Parameters
    ----------
    title : str
        The name of the experiment.
    run : Run
        The run.
    records : iterable of JobRecord
        Those of its jobs, in the order of submission.

    Returns
    -------
    bool
        False where this process is no kernel, so that nothing is shown.
    """
    if not in_kernel():
        return False
    rows = [row_of_record(each, run.needs.get(each.identifier, ())) for each in records]
    handles = [*run.failed.copy().values(), *run.live.copy()]
    feeds = [each for each in run.observers if isinstance(each, PanelFeed)]
    if not any(feed.show_all(rows, handles, title) for feed in feeds):
        publish_display_data(  # type: ignore[no-untyped-call] # IPython
            {
                "text/html": experiment_html(title, rows, time.time()),
                "text/plain": headline(rows),
            }
        )
    return True
