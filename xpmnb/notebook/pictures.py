"""The pictures that a panel can show of all its jobs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from xpmnb.notebook.dag import graph_svg
from xpmnb.notebook.rows import Row
from xpmnb.notebook.timeline import timeline_svg

PICTURES: Mapping[str, Callable[[list[Row]], str]] = {
    "timeline": lambda rows: timeline_svg(rows, time.time()),
    "graph": lambda rows: graph_svg(rows, time.time()),
}
"""Functions from all rows to a picture as SVG, by its name."""
