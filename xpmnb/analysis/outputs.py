"""What tasks registered while they ran, as a DataFrame. Reads no file: ``workspace.py`` does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from xpmnb.records.events import JobRecord
from xpmnb.records.task_outputs import TaskOutput

from .columns import categories, flatten, frame_of, integers, spread, texts, times

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["JobOutputs", "outputs_frame"]

JobOutputs = tuple[JobRecord, Sequence[TaskOutput]]
"""A job with its outputs, in the order of writing."""


def outputs_frame(jobs: Iterable[JobOutputs]) -> pd.DataFrame:
    """Give a table of what tasks registered with ``register_task_output``.

    Parameters
    ----------
    jobs
        The jobs with their outputs.

    Returns
    -------
    DataFrame
        One row per output, job by job, in the order of writing. Columns: ``id`` (string) and
        ``task`` (category) of the job, ``time`` (datetime64[ns, UTC]) and ``attempt`` (int64, from
        1) of the first registration, ``path`` (string: parameter names with dots from the task to
        the object, empty for the task itself) and ``method`` (category) that make the output, then
        ``outputs.*`` (the arguments by name, or by position: ``outputs.0``; mappings with dots) and
        ``tags.*``. An empty table has the fixed columns, with the same dtypes.
    """
    rows = [(record, output) for record, outputs in jobs for output in outputs]
    columns = {
        "id": texts([record.identifier for record, _ in rows]),
        "task": categories([record.task for record, _ in rows]),
        "time": times([output.time for _, output in rows]),
        "attempt": integers([output.attempt for _, output in rows], missing=False),
        "path": texts([".".join(output.path) for _, output in rows]),
        "method": categories([output.method for _, output in rows]),
    }
    columns.update(spread("outputs", [flatten(output.values) for _, output in rows]))
    columns.update(spread("tags", [record.tags for record, _ in rows]))
    return frame_of(columns, len(rows))
