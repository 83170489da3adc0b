"""What a run runs in: Python, machine, packages, the state of the repository; collected once a run.

Not loaded by ``import xpmnb``, but with the first experiment. No secrets are taken: of the
environment variables only some that change results or speed, of the repository no remote.
"""

from __future__ import annotations

import logging
import os
import platform
import re
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xpmnb.processes import HOST
from xpmnb.records.environments import write_environment
from xpmnb.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from xpmnb.records.layout import RunLayout

_logger = logging.getLogger("xpmnb")

GIT_TIMEOUT_S = 5.0
"""A git that has not answered by then is killed: the file system hangs, say."""

_MAX_FILES = 100

_VARIABLES = (
    *("CONDA_DEFAULT_ENV", "CONDA_PREFIX", "VIRTUAL_ENV", "PYTHONPATH"),
    *("PYTHONHASHSEED", "PYTHONOPTIMIZE", "LANG", "LC_ALL", "TZ"),
    *(
        "CUDA_VISIBLE_DEVICES",
        "HIP_VISIBLE_DEVICES",
        "CUBLAS_WORKSPACE_CONFIG",
        "CUDA_LAUNCH_BLOCKING",
    ),
    *("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS"),
    *("NUMBA_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "TOKENIZERS_PARALLELISM"),
    *("TF_DETERMINISTIC_OPS", "XLA_FLAGS", "JAX_PLATFORMS", "JAX_ENABLE_X64"),
    *("SLURM_JOB_ID", "SLURM_JOB_PARTITION"),
)

# The repository is the one of a folder, whatever a hook of git that started this process says.
_OF_ANOTHER_REPOSITORY = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR")

# Name, version and Python's version in the names of the folders that installers leave.
_INSTALLED = re.compile(r"([^~-][^-]*)(?:-([^-]+)(?:-py[\d.]+)?)?\.(?:dist|egg)-info")
_VERSION_LINE = re.compile(r"^Version:\s*(\S+)", re.MULTILINE)


# Who closes a run may be the thread that moves the jobs of all others.
_CLOSE_TIMEOUT_S = 1.0


class EnvironmentKeeper:
    """Observes a run, and writes what it runs in: once, by a thread that starts with it.

    The thread ends by itself when the file is written; :meth:`closed` joins it. What cannot be
    written is told of, and harms nothing.

    Parameters
    ----------
    layout : RunLayout
        The run.
    notebook : Path, optional
        The file of the notebook, where it is known.
    """

    def __init__(self, layout: RunLayout, notebook: Path | None = None) -> None:
        self._layout = layout
        self._notebook = notebook
        # A daemon: leaving the process does not wait for git.
        self._thread = threading.Thread(target=self._keep, name="xpmnb-environment", daemon=True)
        self._thread.start()

    def submitted(self, _: object) -> None:
        """Do nothing: jobs are none of its business."""

    def changed(self, _: object) -> None:
        """Do nothing."""

    def flush(self, timeout_s: float) -> None:
        """Do nothing: who waits for jobs need not wait for git."""

    def wait(self) -> None:
        """Wait until the file is written; some seconds at most."""
        self._thread.join()

    def closed(self) -> None:
        """Wait for the end of the thread, but not for a git that hangs: it ends by itself."""
        self._thread.join(_CLOSE_TIMEOUT_S)

    def _keep(self) -> None:
        try:
            write_environment(self._layout, collect_environment(self._notebook))
        except Exception as error:
            # The border of observers: what is kept beside the jobs never stops them.
            _logger.warning(
                "the environment of run %s cannot be kept: %s",
                self._layout.path,
                error,
                exc_info=not isinstance(error, OSError),
            )


def collect_environment(notebook: Path | None = None) -> dict[str, Any]:
    """Return what this process runs in, as JSON values.

    Parameters
    ----------
    notebook : Path, optional
        The file of the notebook; else the script and the working directory tell the repository.

    Returns
    -------
    dict
        ``time`` (seconds since the epoch), ``xpmnb``, ``python`` (``version``,
        ``implementation``, ``executable``), ``platform`` (``system``, ``release``, ``machine``),
        ``host``, ``pid``, ``cpu_count``, ``directory``, ``notebook``, ``script``, ``git`` (see
        :func:`read_git`), ``variables`` and ``packages`` (versions by name).
    """
    script = None if notebook is not None or "ipykernel" in sys.modules else _script()
    directory = _working_directory()
    places = [each.parent for each in (notebook, script) if each is not None]
    if directory is not None:
        places.append(directory)
    return {
        "time": time.time(),
        "xpmnb": __version__,
        "python": {
            "version": platform.python_version(),
            "implementation": platform.python_implementation(),
            "executable": sys.executable,
        },
        "platform": {
            "system": platform.system(),
            "release": platform.release(),
            "machine": platform.machine(),
        },
        "host": HOST,
        "pid": os.getpid(),
        "cpu_count": os.cpu_count(),
        "directory": _text(directory),
        "notebook": _text(notebook),
        "script": _text(script),
        "git": read_git(places),
        "variables": {name: os.environ[name] for name in _VARIABLES if name in os.environ},
        "packages": installed_packages(),
    }


def installed_packages(folders: Iterable[str] | None = None) -> dict[str, str]:
    """Return the versions of all packages that can be imported, by normalised name, sorted.

    Read off the names of the folders that installers leave: ``importlib.metadata`` would parse a
    file for each, a hundred times slower, and hold up the kernel meanwhile.

    Parameters
    ----------
    folders : iterable of str, optional
        Where to look, the first wins; ``sys.path`` by default.
    """
    found: dict[str, str] = {}
    for folder in [*(sys.path if folders is None else folders)]:
        for name, version in _packages_in(folder):
            found.setdefault(re.sub(r"[-_.]+", "-", name).lower(), version)
    return dict(sorted(found.items()))


def _packages_in(folder: str) -> Iterator[tuple[str, str]]:
    try:
        names = sorted(os.listdir(folder or "."))  # noqa: PTH208 (hundreds of names)
    except (OSError, TypeError):  # an archive, a folder that is gone, no string
        return
    for name in names:
        parts = _INSTALLED.fullmatch(name) if name.endswith("-info") else None
        if parts is not None:
            version = parts[2] or _version_in(Path(folder, name))
            if version is not None:
                yield parts[1], version


def _version_in(place: Path) -> str | None:
    """Return the version of a package that is developed here: only a file tells it."""
    with suppress(OSError):
        file = place / "PKG-INFO" if place.is_dir() else place
        found = _VERSION_LINE.search(file.read_text(encoding="utf-8", errors="replace"))
        return None if found is None else found[1]
    return None


def read_git(places: Iterable[Path], timeout_s: float = GIT_TIMEOUT_S) -> dict[str, Any] | None:
    """Return the state of the repository that holds the first of some folders to be in one.

    Parameters
    ----------
    places : iterable of Path
        The folders.
    timeout_s : float
        Seconds after which git is killed.

    Returns
    -------
    dict or None
        ``root``; ``commit``, None before the first one; ``branch``, None where none is checked
        out; ``dirty``, whether files that git knows differ from the commit; ``changed``, these,
        and ``untracked``, those that git does not know nor ignores: sorted, 100 at most.
        None where there is no repository, no git, or no answer.
    """
    root = next(filter(None, map(_root_of, places)), None)
    if root is None:
        return None
    command = ["git", "-c", "core.fsmonitor=false", "-C", str(root), "status", "-z"]
    command += ["--porcelain=v2", "--branch", "--untracked-files=normal"]
    answer = _answer_of(command, timeout_s)
    return None if answer is None else {"root": str(root), **parse_status(answer)}


def _root_of(place: Path) -> Path | None:
    """Return the folder of the repository that a folder is in; asking git costs a process."""
    with suppress(OSError):
        return next((each for each in (place, *place.parents) if (each / ".git").exists()), None)
    return None


def _answer_of(command: list[str], timeout_s: float) -> bytes | None:
    """Return what a program prints; None if it fails, is not there, or takes too long."""
    environ = {key: value for key, value in os.environ.items() if key not in _OF_ANOTHER_REPOSITORY}
    # Status would otherwise refresh the index, and be in the way of what the person does.
    environ["GIT_OPTIONAL_LOCKS"] = "0"
    try:
        # In a session of its own, so that a Ctrl-C in the kernel does not reach it.
        process = subprocess.Popen(  # noqa: S603 (the words are ours)
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environ,
            start_new_session=True,
        )
    except OSError:
        return None
    with process:
        try:
            answer, _ = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            _kill_session(process)
            return None
    return None if process.returncode else answer


def _kill_session(process: subprocess.Popen[bytes]) -> None:
    if sys.platform == "win32":
        process.kill()
    else:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, 9)


def parse_status(answer: bytes) -> dict[str, Any]:
    """Return what ``git status -z --porcelain=v2 --branch`` says.

    Parameters
    ----------
    answer : bytes
        What it printed.

    Returns
    -------
    dict
        As :func:`read_git` describes it, but for the ``root``.
    """
    headers: dict[str, str] = {}
    changed: list[str] = []
    untracked: list[str] = []
    entries = iter(os.fsdecode(answer).split("\0"))
    for entry in entries:
        kind, _, rest = entry.partition(" ")
        if kind == "#":
            name, _, value = rest.partition(" ")
            headers[name] = value
        elif kind == "?":
            untracked.append(rest)
        elif kind in _FIELDS_BEFORE_PATH:
            changed.append(rest.split(" ", _FIELDS_BEFORE_PATH[kind])[-1])
            if kind == "2":  # moved, and the old name is an entry of its own
                next(entries, None)
    commit, branch = headers.get("branch.oid"), headers.get("branch.head")
    return {
        "commit": None if commit == "(initial)" else commit,
        "branch": None if branch == "(detached)" else branch,
        "dirty": bool(changed),
        "changed": sorted(changed)[:_MAX_FILES],
        "untracked": sorted(untracked)[:_MAX_FILES],
    }


_FIELDS_BEFORE_PATH = {"1": 7, "2": 8, "u": 9}
"""By kind of entry: changed, moved or copied, in conflict."""


def _script() -> Path | None:
    """Return the script that runs; None for a module of an installation, or no file at all."""
    file = getattr(sys.modules.get("__main__"), "__file__", None)
    if not isinstance(file, str):
        return None
    path = Path(file).absolute()
    return None if path.is_relative_to(sys.prefix) else path


def _working_directory() -> Path | None:
    try:
        return Path.cwd()
    except OSError:  # it was deleted
        return None


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
