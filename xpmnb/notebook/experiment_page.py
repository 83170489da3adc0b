"""An experiment as a saved page has it: headline, table, timeline and graph; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from xpmnb.markup import safe
from xpmnb.notebook.dag import graph_svg
from xpmnb.notebook.drawing import still
from xpmnb.notebook.failures import FailureWords
from xpmnb.notebook.rows import Row
from xpmnb.notebook.table import opening, static_stylesheet, table_body
from xpmnb.notebook.timeline import timeline_svg


def experiment_html(
    title: str,
    rows: Sequence[Row],
    now: float,
    *,
    note: str = "",
    mark: str = "",
    failures: Mapping[str, FailureWords] | None = None,
) -> str:
    """Return an experiment as HTML that needs no script, kernel or network.

    Parameters
    ----------
    title : str
        What it is called.
    rows : sequence of Row
        Its jobs in the order of their submission.
    now : float
        The present, in seconds since the epoch.
    note, mark, failures
        As :func:`xpmnb.notebook.table.table_html` takes them.
    """
    begun = any(row["started_at"] is not None for row in rows)
    linked = any(row["needs"] for row in rows)
    return (
        f"<style>{static_stylesheet()}</style>"
        f"{opening(mark)}"
        f'<p class="xpm-title">{safe(title)}</p>'
        f"{table_body(rows, note=note, now=now, failures=failures)}"
        f"{_picture('Timeline', timeline_svg(rows, now)) if begun else ''}"
        f"{_picture('Dependencies', graph_svg(rows, now)) if linked else ''}</div></div>"
    )


def _picture(title: str, svg: str) -> str:
    return (
        f'<details class="xpm-picture" open><summary>{title}</summary>'
        f'<div class="xpm-drawing" tabindex="0" role="region" aria-label="{title}">'
        f"{still(svg)}</div></details>"
    )
