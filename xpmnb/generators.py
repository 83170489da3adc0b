"""Values that are generated when a task is submitted: paths in its job directory."""

from __future__ import annotations

from pathlib import PurePosixPath

from xpmnb.errors import DeclarationError


class PathGenerator:
    """Generates a path in the job directory: ``field(default_factory=PathGenerator("x.pth"))``.

    The value is known once the task is submitted. A task's own path is
    ``JOB_DIRECTORY/path``; that of a configuration inside it is
    ``JOB_DIRECTORY/<parameter names>/path``, and its folder is made before the job starts.

    Parameters
    ----------
    path : str
        A relative path, with ``/`` between folders.

    Raises
    ------
    DeclarationError
        If the path is empty, absolute, or leaves the directory.
    """

    __slots__ = ("path",)

    def __init__(self, path: str) -> None:
        parts = PurePosixPath(path).parts
        if not parts or path.startswith("/") or ".." in parts or "\0" in path:
            message = (
                f"PathGenerator({path!r}): give a relative path that stays in the job directory, "
                "such as 'model.pth'"
            )
            raise DeclarationError(message)
        self.path = path

    def __repr__(self) -> str:
        """Return the call that makes this object."""
        return f"PathGenerator({self.path!r})"
