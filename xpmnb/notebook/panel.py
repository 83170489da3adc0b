"""The model of a live panel in pages, and the output that shows it: imported in kernels only.

What a cell shows is plain HTML, complete without kernel and script. The script that comes with the
model draws the live panel in its place, wherever a page has it. Where a front end makes a widget
only for an output that shows it (VS Code, Colab), the widget itself is shown until all has ended.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
import zlib
from typing import Any

import anywidget
import traitlets
from IPython.display import display, publish_display_data, update_display

from xpmnb.markup import style
from xpmnb.notebook.cells import draws_saved_html, in_kernel
from xpmnb.notebook.feed import PanelFeed
from xpmnb.notebook.page_source import script, style_files
from xpmnb.notebook.panel_view import PLAIN_FACE, Face, OnMessage
from xpmnb.notebook.rows import Row, headline
from xpmnb.notebook.table import table_html


def attach(note: str = "") -> PanelFeed | None:
    """Return a feed that shows panels in this notebook; None where this process is no kernel.

    Parameters
    ----------
    note : str
        What a person should know of the run; stands below each panel.
    """
    return PanelFeed(StatusPanel, note=note) if in_kernel() else None


def _rows_to_json(_: object, panel: StatusPanel) -> list[Row]:
    return panel.all_rows()


def _now_to_json(_: object, __: object) -> float:
    return time.time()


class StatusPanel(anywidget.AnyWidget):
    """The jobs of a cell, or of a run, as pages draw them; and as HTML for pages without kernel.

    The model stays when all jobs have ended, with its rows packed: a page may look at them more
    closely, run failed ones again, or be loaded anew.

    Threads: the feed's painter calls the methods, but for the first `show`; messages of pages come
    on any thread.

    Parameters
    ----------
    rows : list of Row
        The first rows; the list is kept, and changed in place.
    on_message : callable
        Called with what a page says: a dictionary with an ``action``.
    face : Face
        What the panel says of itself.
    """

    _esm = script()
    _css = style(*style_files())

    # Any and not List: a validated list would be a copy, which the feed's changes do not reach.
    rows = traitlets.Any().tag(sync=True, to_json=_rows_to_json)
    # The kernel's clock, for pages on machines whose clock differs.
    now = traitlets.Float(0.0).tag(sync=True, to_json=_now_to_json)
    note = traitlets.Unicode().tag(sync=True)
    title = traitlets.Unicode().tag(sync=True)
    mark = traitlets.Unicode().tag(sync=True)
    views = traitlets.List(traitlets.Unicode()).tag(sync=True)

    def __init__(self, rows: list[Row], on_message: OnMessage, face: Face = PLAIN_FACE) -> None:
        self._packed: bytes | None = None
        self._packing = threading.Lock()
        self._display_id = uuid.uuid4().hex
        self._face = face
        self._on_message = on_message
        self._shows_widget = not draws_saved_html()
        super().__init__(
            rows=rows,
            note=face.note,
            title=face.title,
            views=list(face.views),
            mark=f"xpm-mount-{self._display_id}",
        )
        self.on_msg(self._receive)
        _answer_while_busy(self.comm)
        # The comm's own method tells the kernel that a cell begins and ends. Called while a cell
        # runs in another thread, that makes matplotlib draw and close the figures of the cell.
        if self.comm is not None:
            self.comm.handle_msg = self._handle_msg

    def show(self, html: str, plain: str) -> None:
        """Display the panel in the output of the running cell."""
        if self._shows_widget:
            display(self, display_id=self._display_id)  # type: ignore[no-untyped-call] # IPython
        else:
            publish_display_data(  # type: ignore[no-untyped-call] # IPython
                {"text/html": html, "text/plain": plain},
                transient={"display_id": self._display_id},
            )

    def publish(self, html: str, plain: str, *, final: bool) -> None:
        """Renew the HTML in the output; where the widget is shown, once all has ended."""
        if self._shows_widget and not final:
            return
        # HTML alone: a page that finds a widget view beside it shows "model not found" later on.
        bundle = {"text/html": html, "text/plain": plain}
        update_display(  # type: ignore[no-untyped-call] # IPython
            bundle, display_id=self._display_id, raw=True
        )

    def annotate(self, words: str) -> None:
        """Say something below the table from now on, behind the note of its face."""
        self.note = f"{self._face.note} {words}".strip()

    def pack(self) -> None:
        """Keep the rows in little room."""
        with self._packing:
            self._packed = zlib.compress(json.dumps(self.rows).encode())
            self.rows.clear()

    def unpack(self) -> None:
        """Have the rows in their list again."""
        rows = self.all_rows()
        with self._packing:
            self.rows[:] = rows
            self._packed = None

    def all_rows(self) -> list[Row]:
        """Return a copy of the rows, packed or not. Any thread: a page may be loaded just now."""
        with self._packing:
            packed = self._packed
            if packed is None:
                return list(self.rows)
        return json.loads(zlib.decompress(packed))  # type: ignore[no-any-return] # they were rows

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None:
            return None
        data, metadata = bundle
        rows = self.all_rows()
        # For pages that are made of the notebook when no widget state is saved with it.
        data["text/html"] = table_html(rows, note=self.note, now=time.time(), mark=self.mark)
        data["text/plain"] = headline(rows)
        return data, metadata

    def _receive(self, _: object, content: object, __: object) -> None:
        if isinstance(content, dict):
            self._on_message(content)


def _answer_while_busy(comm: Any) -> None:
    """Let clicks arrive while a cell is running, where the kernel has subshells.

    ipykernel 7.4.0 sends what a page says to the shell that last published on the comm: the busy
    one. Older and other kernels have no such method, and need no help.
    """
    if callable(getattr(comm, "_reply_subshell_for", None)):
        comm._reply_subshell_for = lambda _, default: default  # noqa: SLF001 - see above
