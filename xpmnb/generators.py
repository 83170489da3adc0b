"""Values that are generated when a task is submitted: paths in its job directory."""

from __future__ import annotations

from pathlib import PurePosixPath

from xpmnb.errors import DeclarationError
from xpmnb.partials import Partial


class PathGenerator:
    """Generates a path in the job directory: ``field(default_factory=PathGenerator("x.pth"))``.

    The value is known once the task is submitted. A task's own path is
    ``JOB_DIRECTORY/path``; that of a configuration inside it is
    ``JOB_DIRECTORY/<parameter names>/path``, and its folder is made before the job starts.

    Parameters
    ----------
    path : str
        A relative path, with ``/`` between folders.
    partial : Partial, optional
        What :func:`~xpmnb.partial` returned. The path then lies in a folder of the workspace
        that tasks share which differ only in the parameters that it leaves out. An empty path is
        that folder itself.

    Raises
    ------
    DeclarationError
        If the path is no string, empty (without ``partial``), absolute, or leaves the directory.
    """

    __slots__ = ("partial", "path")

    def __init__(self, path: str = "", *, partial: Partial | None = None) -> None:
        if not isinstance(path, str):
            message = f"PathGenerator({path!r:.80}): give a string, such as 'model.pth'"
            raise DeclarationError(message)
        parts = PurePosixPath(path).parts
        is_empty = not parts and partial is None
        if is_empty or path.startswith("/") or ".." in parts or "\0" in path:
            message = (
                f"PathGenerator({path!r}): give a relative path that stays in the job directory, "
                "such as 'model.pth'"
            )
            raise DeclarationError(message)
        if partial is not None and not isinstance(partial, Partial):
            message = (
                f"PathGenerator({path!r}, partial={partial!r}): give what partial(...) returned"
            )
            raise DeclarationError(message)
        self.path = path
        self.partial = partial

    def __repr__(self) -> str:
        """Return the call that makes this object."""
        words = f", partial={self.partial!r}" if self.partial else ""
        return f"PathGenerator({self.path!r}{words})"
