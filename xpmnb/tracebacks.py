"""Errors as text, the task's own frames first, and where in its own code they were raised.

A frame is the task's own unless it is of xpmnb, of the standard library or of an installed
package. Of a task that is itself installed, the frames of its package are its own.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections import deque
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

_PACKAGE = str(Path(__file__).parent) + os.sep
_STANDARD = str(Path(os.__file__).parent) + os.sep
_INSTALLED = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")

_MAX_FRAMES = 60
"""Of more frames, those in the middle are left out: of an endless recursion, all look alike."""
_MAX_LINKED = 100
_MAX_CHARS = 30_000
_WITH_ALL = "\nThe same with all frames, also those of libraries:\n"


def traceback_text(error: BaseException) -> str:
    """Return the traceback of an error from the task's own code on, as Python prints it.

    Where it leads through other code, the frames of the task's own come first, for a person to
    see, and then all. Cells are called as the notebook shows them: ``Cell In[3]``.

    Parameters
    ----------
    error : BaseException
        Any error, with what it was raised from.

    Returns
    -------
    str
        Some 60,000 characters at most; what is left out of the middle is said. Nothing is raised.
    """
    try:
        own, whole = _text(error, _own_files(error)), _text(error, None)
    except Exception as broken:  # noqa: BLE001 (user code: an error whose own methods fail)
        return f"{type(error).__name__}, whose traceback cannot be had: {type(broken).__name__}\n"
    return _cut(whole) if own == whole else f"{_cut(own)}{_WITH_ALL}{_cut(whole)}"


def own_text(error: BaseException) -> str:
    """Return the part of :func:`traceback_text` that has the frames of the task's own code."""
    return traceback_text(error).partition(_WITH_ALL)[0]


def place_of(error: BaseException) -> str | None:
    """Return the deepest place of an error in the task's own code; None if it has none there.

    Returns
    -------
    str or None
        Such as ``Cell In[3], line 5, in Train.execute``, or ``model.py, line 7, in loss``.
    """
    own = OwnCode(error)
    found = next((each for each in deepest_first(error) if own.has(each.tb_frame)), None)
    if found is None:
        return None
    code = found.tb_frame.f_code
    file = shown_file(code.co_filename)
    short = file if file.startswith("<") else os.path.basename(file)  # noqa: PTH119 (no path)
    return f"{short}, line {found.tb_lineno}, in {code.co_qualname}"


def deepest_first(error: BaseException) -> list[TracebackType]:
    """Return where an error went through, the place that raised it first, without xpmnb's own."""
    entries = deque(_walk(error.__traceback__))
    return [each for each in reversed(entries) if not _is_ours(each.tb_frame)]


class OwnCode:
    """Tells the frames of the task's own code from others. Immutable; any thread.

    Parameters
    ----------
    error : BaseException
        The error, whose frames tell where the task is from.
    """

    __slots__ = ("_package",)

    def __init__(self, error: BaseException) -> None:
        self._package: str | None = None
        frames = [each.tb_frame for each in _walk(error.__traceback__)]
        others = [each for each in frames if not _is_ours(each) and not _is_standard(each)]
        if others and all(map(_is_foreign, others)):
            # A task of an installed package: that is what a person wants to see.
            self._package = _package_of(others[0])

    def has(self, frame: FrameType) -> bool:
        """Tell whether a frame is one of the task's own code."""
        if _is_ours(frame):
            return False
        if self._package is not None and _package_of(frame) == self._package:
            return True
        return not _is_foreign(frame)


def shown_file(file: str) -> str:
    """Return how a person knows a file of source: a cell by its number."""
    shell: Any = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    name_of = getattr(getattr(shell, "compile", None), "format_code_name", lambda _: None)
    found = name_of(file)
    return file if found is None else " ".join(found)


def without_ours(error: BaseException) -> TracebackType | None:
    """Return the traceback of an error without the frames of xpmnb."""
    chain: TracebackType | None = None
    for each in deepest_first(error):
        chain = TracebackType(chain, each.tb_frame, each.tb_lasti, each.tb_lineno)
    return chain


def _walk(place: TracebackType | None) -> Iterator[TracebackType]:
    while place is not None:
        yield place
        place = place.tb_next


def _is_ours(frame: FrameType) -> bool:
    return frame.f_code.co_filename.startswith(_PACKAGE)


def _is_standard(frame: FrameType) -> bool:
    file = frame.f_code.co_filename
    if file.startswith("<"):
        # What a person typed, or what was made of it; else generated by a library.
        return frame.f_globals.get("__name__") != "__main__" and file != "<stdin>"
    return file.startswith(_STANDARD) and not any(each in file for each in _INSTALLED)


def _is_foreign(frame: FrameType) -> bool:
    return _is_standard(frame) or any(each in frame.f_code.co_filename for each in _INSTALLED)


def _package_of(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__")).partition(".")[0]


def _linked(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, and those that it was raised from, or while handling, or that it groups."""
    pending, seen = deque([error]), set[int]()
    while pending and len(seen) < _MAX_LINKED:
        each = pending.popleft()
        if id(each) not in seen:
            seen.add(id(each))
            yield each
            inner = getattr(each, "exceptions", ()) if isinstance(each, BaseExceptionGroup) else ()
            linked = (each.__cause__, each.__context__, *inner)
            pending.extend(other for other in linked if other is not None)


def _own_files(error: BaseException) -> set[str]:
    """Return the files whose frames are the task's own, in all that belongs to an error."""
    own, found = OwnCode(error), dict[str, bool]()
    for each in _linked(error):
        for place in _walk(each.__traceback__):
            file = place.tb_frame.f_code.co_filename
            if file not in found:
                found[file] = own.has(place.tb_frame)
    return {file for file, own in found.items() if own}


def _text(error: BaseException, files: set[str] | None) -> str:
    """Return the traceback of an error, of some files alone if they are given."""
    place = error.__traceback__
    while place is not None and _is_ours(place.tb_frame):
        place = place.tb_next
    place, left_out = _shortened(place)
    summary = traceback.TracebackException(
        type(error), error, place, limit=-2 * _MAX_FRAMES, compact=True
    )
    pending = [summary]
    while pending:
        each = pending.pop()
        if files is not None:
            each.stack[:] = [frame for frame in each.stack if frame.filename in files]
        for frame in each.stack:
            frame.filename = shown_file(frame.filename)
        linked = (each.__cause__, each.__context__, *(each.exceptions or ()))
        pending.extend(other for other in linked if other is not None)
    text = "".join(summary.format())
    return f"{left_out} frames in the middle are left out.\n{text}" if left_out else text


def _shortened(place: TracebackType | None) -> tuple[TracebackType | None, int]:
    """Return a traceback with its first and last frames, and how many are left out between."""
    count = sum(1 for _ in _walk(place))
    if count <= 2 * _MAX_FRAMES:
        return place, 0
    entries = [*islice(_walk(place), _MAX_FRAMES), *deque(_walk(place), _MAX_FRAMES)]
    chain: TracebackType | None = None
    for each in reversed(entries):
        chain = TracebackType(chain, each.tb_frame, each.tb_lasti, each.tb_lineno)
    return chain, count - len(entries)


def _cut(text: str) -> str:
    """Return a text without its middle, if it is long."""
    if len(text) <= _MAX_CHARS:
        return text
    half = _MAX_CHARS // 2
    words = f"\n... {len(text) - 2 * half:,} characters are left out ...\n"
    return f"{text[:half]}{words}{text[-half:]}"
