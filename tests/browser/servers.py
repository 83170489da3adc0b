"""Servers of front ends on this machine, private to the tests: JupyterLab with Notebook 7, Voila.

Everything that a server writes goes to a folder of its own, so that neither the user's Jupyter nor
another run of the tests is disturbed. Kernels end with their server.
"""

import json
import os
import secrets
import socket
import subprocess
import sys
import threading
import urllib.request
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil

START_S = 90.0
END_S = 10.0
LOG_LINES = 200

_PRIVATE = {
    "JUPYTER_CONFIG_DIR": "config",
    "JUPYTER_DATA_DIR": "data",
    "JUPYTER_RUNTIME_DIR": "runtime",
    "JUPYTERLAB_SETTINGS_DIR": "settings",
    "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
    "IPYTHONDIR": "ipython",
}
# Every cell is in the page, and nothing is saved or shown that the test did not ask for.
_SETTINGS: dict[str, dict[str, Any]] = {
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none", "scrollPastEnd": False},
    "@jupyterlab/docmanager-extension/plugin": {"autosave": False},
    "@jupyterlab/apputils-extension/notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    },
}


class Server:
    """A server that runs, and what it said so far.

    Parameters
    ----------
    process : subprocess.Popen
        The server; its output is read by a thread until it ends.
    port : int
        Where it listens.
    root : Path
        The folder that it serves.
    token : str
        What a request must know; empty for none.
    """

    def __init__(
        self, process: subprocess.Popen[str], port: int, root: Path, token: str = ""
    ) -> None:
        self.process = process
        self.url = f"http://127.0.0.1:{port}"
        self.root = root
        self.token = token
        self._log: deque[str] = deque(maxlen=LOG_LINES)
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, name="log of the server", daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._changed:
                self._log.append(line)
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    @property
    def log(self) -> str:
        """The last lines that the server wrote."""
        return "".join(self._log)

    def await_line(self, words: str) -> None:
        """Wait until the server wrote a line with these words."""

        def is_there() -> bool:
            return words in self.log or self.process.poll() is not None

        with self._changed:
            self._changed.wait_for(is_there, START_S)
        assert words in self.log, f"the server did not start:\n{self.log}"

    def address(self, place: str, notebook: Path) -> str:
        """Return where the page of a notebook is; `place` is the front end's part of the path."""
        path = quote(notebook.relative_to(self.root).as_posix())
        token = f"?token={self.token}" if self.token else ""
        return f"{self.url}/{place}/{path}{token}"

    def kernels(self) -> list[psutil.Process]:
        """Return the processes of the kernels."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        return [child for child in children if "ipykernel_launcher" in " ".join(_command(child))]

    def kernel(self, identifier: str) -> psutil.Process:
        """Return the process of the kernel that the server knows by this identifier."""
        return next(child for child in self.kernels() if identifier in " ".join(_command(child)))

    def end_kernels(self) -> None:
        """Shut down all kernels, as a front end does."""
        for kernel in json.loads(self._ask("GET", "/api/kernels")):
            self._ask("DELETE", f"/api/kernels/{kernel['id']}")

    def _ask(self, method: str, path: str) -> bytes:
        request = urllib.request.Request(self.url + path, method=method)  # noqa: S310 - our own
        request.add_header("Authorization", f"token {self.token}")
        with urllib.request.urlopen(request, timeout=START_S) as answer:  # noqa: S310 - our own
            content: bytes = answer.read()
        return content

    def end(self) -> None:
        """End the server, then what it left."""
        below = psutil.Process(self.process.pid).children(recursive=True)
        self.process.terminate()
        try:
            self.process.wait(END_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for child in below:
            if child.is_running():
                child.kill()
        psutil.wait_procs(below, END_S)
        self._reader.join(END_S)
        assert self.process.stdout is not None
        self.process.stdout.close()


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


@contextmanager
def jupyter(root: Path, private: Path) -> Iterator[Server]:
    """Start JupyterLab, which serves Notebook 7 as well; end it with its kernels.

    Parameters
    ----------
    root : Path
        The folder of the notebooks.
    private : Path
        An empty folder for what the server keeps.
    """
    for name, settings in _SETTINGS.items():
        path = private / "settings" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(settings))
    token = secrets.token_hex(16)
    port = _free_port()
    options = [
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--ServerApp.root_dir={root}",
        f"--IdentityProvider.token={token}",
        "--LabApp.news_url=",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.extension_manager=readonly",
        # For `window.jupyterapp`, by which the tests run commands.
        "--expose-app-in-browser",
        "--JupyterNotebookApp.expose_app_in_browser=True",
    ]
    if os.geteuid() == 0:
        options.append("--allow-root")
    process = _start("jupyterlab", ["--no-browser", *options], root, private)
    server = Server(process, port, root, token)
    try:
        server.await_line("is running at:")
        yield server
        server.end_kernels()
    finally:
        server.end()


@contextmanager
def voila(root: Path, private: Path) -> Iterator[Server]:
    """Start Voila, which shows a notebook as a page without its code; end it with its kernels."""
    port = _free_port()
    options = ["--no-browser", f"--port={port}", "--Voila.ip=127.0.0.1", f"--Voila.root_dir={root}"]
    server = Server(_start("voila", options, root, private), port, root)
    try:
        server.await_line("is running at:")
        yield server
    finally:
        server.end()


def _start(module: str, options: Sequence[str], root: Path, private: Path) -> subprocess.Popen[str]:
    kept = {name: value for name, value in os.environ.items() if name != "JPY_SESSION_NAME"}
    own = {name: str(private / folder) for name, folder in _PRIVATE.items()}
    return subprocess.Popen(
        [sys.executable, "-m", module, *options],
        cwd=root,
        env={**kept, **own, "JUPYTER_PREFER_ENV_PATH": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port
