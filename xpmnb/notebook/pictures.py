"""The pictures that a panel can show of all its jobs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from xpmnb.notebook.rows import Row

PICTURES: Mapping[str, Callable[[list[Row]], str]] = {}
