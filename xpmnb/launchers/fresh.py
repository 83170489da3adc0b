"""A fresh interpreter for one job: where nothing can be forked, or where it would not do.

The interpreter, its allocator and the loader read some environment variables when they start. A
job that asks for other values than the fork server was born with needs a new interpreter.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from contextlib import suppress
from typing import TYPE_CHECKING

from xpmnb.errors import LauncherError
from xpmnb.launchers.child import Reporter, leave, load_entry, run_entry
from xpmnb.records.claims import Holding

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_READ_AT_START = ("PYTHON", "LD_", "DYLD_", "MALLOC_")
_READ_AT_IMPORT = ("OMP_", "MKL_", "OPENBLAS_")

# The path comes first: it is what finds the package, and a folder of the user's may hold anything.
_BOOT = "import sys; sys.path[:] = sys.argv[{n}:]; from {module} import main; main(sys.argv[1:{n}])"


def command(module: str, arguments: Sequence[str], search_path: Sequence[str]) -> list[str]:
    """Return the command that calls ``main(arguments)`` of a module in an interpreter like this.

    Parameters
    ----------
    module : str
        The dotted name of the module.
    arguments : sequence of str
        What its ``main`` is given.
    search_path : sequence of str
        What ``sys.path`` is to be.

    Raises
    ------
    LauncherError
        If this interpreter does not know what program it is.
    """
    if not sys.executable:
        raise LauncherError(
            "jobs cannot run in processes: this Python is part of another program, and does not "
            "know how to start itself (sys.executable is empty); use the launcher 'thread'"
        )
    # What multiprocessing uses as well: -O, -W, -X and the like.
    flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]  # noqa: SLF001
    boot = _BOOT.format(n=len(arguments) + 1, module=module)
    return [sys.executable, *flags, "-c", boot, *arguments, *search_path]


def needs_fresh(wanted: Mapping[str, str], born: Mapping[str, str], *, preloaded: bool) -> bool:
    """Tell whether a process with this environment cannot be forked from a server.

    Parameters
    ----------
    wanted : mapping
        The environment of the job.
    born : mapping
        The environment that the server was started with.
    preloaded : bool
        Whether the server has imported modules of the user, which read variables too.
    """
    prefixes = (*_READ_AT_START, *_READ_AT_IMPORT) if preloaded else _READ_AT_START
    return _that_begin(wanted, prefixes) != _that_begin(born, prefixes)


def _that_begin(environ: Mapping[str, str], prefixes: tuple[str, ...]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if name.startswith(prefixes)}


def file_with(data: bytes) -> int:
    """Return the descriptor of an unnamed file with this content, to be read from its start."""
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("xpmnb-request")
    else:
        with tempfile.TemporaryFile() as file:
            fd = os.dup(file.fileno())
    while data:
        data = data[os.write(fd, data) :]
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def main(arguments: list[str]) -> None:
    """Run the job whose request is on standard input; reports go to standard output.

    Parameters
    ----------
    arguments : list of str
        The entry, the kernel's number for the job, and the descriptors that were passed.
    """
    entry, key, *passed = arguments
    sys.argv = ["-c"]
    Holding.adopt(map(int, passed))
    body = b"".join(iter(lambda: os.read(0, 1 << 20), b""))
    reports = os.dup(1)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1):
        os.dup2(nowhere, standard)
    os.close(nowhere)
    if hasattr(os, "register_at_fork"):
        # A process that the task leaves behind must not keep the kernel waiting for more.
        os.register_at_fork(after_in_child=lambda: _close(reports))
    _prefer_own_path()
    report = Reporter(reports, int(key))
    leave(run_entry(load_entry(entry), body, report))


def _prefer_own_path() -> None:
    """Put in front what ``PYTHONPATH`` names and the kernel does not know."""
    own = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:0] = [path for path in own if path and path not in sys.path]


def _close(fd: int) -> None:
    with suppress(OSError):
        os.close(fd)
