"""The widget that shows a panel in a live notebook, and its end as a plain HTML table.

Imported in kernels only: it loads ipywidgets. It holds no state of its own but what it shows.
"""

from __future__ import annotations

import json
import logging
import time
import uuid
import zlib
from functools import partial
from importlib.resources import files
from typing import Any

import anywidget
import traitlets
from IPython.display import display, update_display

from xpmnb.notebook.cell_panel import OnAction
from xpmnb.notebook.cells import in_kernel
from xpmnb.notebook.feed import PanelFeed
from xpmnb.notebook.rows import Row, headline
from xpmnb.notebook.table import stylesheet, table_html

_log = logging.getLogger("xpmnb")


def attach(note: str = "") -> PanelFeed | None:
    """Return a feed that shows panels in this notebook; None where this process is no kernel.

    Parameters
    ----------
    note : str
        What a person should know of the run; stands below each panel.
    """
    return PanelFeed(partial(StatusPanel, note=note), note=note) if in_kernel() else None


def _rows_to_json(_: object, panel: StatusPanel) -> list[Row]:
    return panel.all_rows()


def _now_to_json(_: object, __: object) -> float:
    return time.time()


class StatusPanel(anywidget.AnyWidget):
    """One table for all jobs that a cell submitted: live while it lasts, plain HTML afterwards.

    After `settle` the widget stays open, with its rows packed: a page that was loaded again does
    not know which output to replace, and goes on showing the widget.

    Threads: the feed's painter calls the methods; the front end's messages come on any thread.

    Parameters
    ----------
    rows : list of Row
        The first rows; the list is kept, and changed in place.
    on_action : callable
        Called with an action (``stop``, ``sync``) and a row's key when the page sends one.
    note : str
        What stands below the table.
    """

    _esm = files("xpmnb.notebook").joinpath("panel.js").read_text(encoding="utf-8")
    _css = stylesheet()

    # Any and not List: a validated list would be a copy, which the feed's changes do not reach.
    rows = traitlets.Any().tag(sync=True, to_json=_rows_to_json)
    # The kernel's clock, for pages on machines whose clock differs.
    now = traitlets.Float(0.0).tag(sync=True, to_json=_now_to_json)
    note = traitlets.Unicode().tag(sync=True)

    def __init__(self, rows: list[Row], on_action: OnAction, *, note: str = "") -> None:
        self._packed: bytes | None = None
        self._display_id = uuid.uuid4().hex
        self._displayed = False
        self._on_action = on_action
        super().__init__(rows=rows, note=note)
        self.on_msg(self._receive)
        _answer_while_busy(self.comm)
        # The comm's own method tells the kernel that a cell begins and ends. Called while a cell
        # runs in another thread, that makes matplotlib draw and close the figures of the cell.
        if self.comm is not None:
            self.comm.handle_msg = self._handle_msg

    def show(self) -> None:
        """Display the live table, or bring it back in the place where it was settled."""
        if self._packed is not None:
            self.rows[:] = self.all_rows()
            self._packed = None
        if self._displayed:
            update_display(self, display_id=self._display_id)  # type: ignore[no-untyped-call] # IPython
        else:
            display(self, display_id=self._display_id)  # type: ignore[no-untyped-call] # IPython
            self._displayed = True

    def send_rows(self, changed: list[Row]) -> None:
        """Send the rows that changed, which `rows` holds already, in one message."""
        self.send({"changed": changed, "now": time.time()})

    def settle(self, html: str, plain: str) -> None:
        """Put plain HTML in the live table's place, and pack the rows.

        Parameters
        ----------
        html : str
            The final table.
        plain : str
            One line for what shows no HTML.
        """
        # HTML alone: a page that finds a widget view beside it shows "model not found" later on.
        bundle = {"text/html": html, "text/plain": plain}
        update_display(  # type: ignore[no-untyped-call] # IPython
            bundle, display_id=self._display_id, raw=True
        )
        self._packed = zlib.compress(json.dumps(self.rows).encode())
        self.rows.clear()

    def all_rows(self) -> list[Row]:
        """Return a copy of the rows, packed or not."""
        packed = self._packed
        return list(self.rows) if packed is None else json.loads(zlib.decompress(packed))

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None:
            return None
        data, metadata = bundle
        rows = self.all_rows()
        # For pages that are made of the notebook when no widget state is saved with it.
        data["text/html"] = table_html(rows, note=self.note, now=time.time())
        data["text/plain"] = headline(rows)
        return data, metadata

    def _receive(self, _: object, content: object, __: object) -> None:
        if isinstance(content, dict):
            self._on_action(str(content.get("action")), str(content.get("key")))


def _answer_while_busy(comm: Any) -> None:
    """Let clicks arrive while a cell is running, where the kernel has subshells.

    ipykernel 7.4.0 sends what a page says to the shell that last published on the comm: the busy
    one. Older and other kernels have no such method, and need no help.
    """
    if callable(getattr(comm, "_reply_subshell_for", None)):
        comm._reply_subshell_for = lambda _, default: default  # noqa: SLF001 - see above
