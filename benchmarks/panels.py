"""What a panel of many rows says to pages, against ipywidgets put together; what reporting costs.

Messages are counted in real kernels, as their clients receive them. A page is played by the client:
it asks for the rows once, as the script of the panel does.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import start_new_kernel

from benchmarks.measuring import ROOT, Figure

TIMEOUT_S = 300
CHANGES = 10

BEGIN = f"import sys; sys.path.insert(0, {str(ROOT)!r})"
OURS = "from benchmarks.shown_jobs import Ours; panel = Ours({rows})"
PLAIN = "from benchmarks.shown_jobs import Plain; panel = Plain({rows})"
CHANGE = "panel.change({changes})"
REPORT = """
from xpmnb import experiment
from benchmarks.tasks import Reporting
with experiment({folder!r}, "reporting") as opened:
    job = Reporting.C(number={number}, calls={calls}).submit().job
print(job.result()["progress_us"], job.result()["log_us"])
"""


@dataclass(frozen=True)
class Traffic:
    """What a kernel published: how many messages, and the bytes of their content."""

    messages: int
    size: int


class Kernel:
    """A kernel and its client, which counts what a page would receive."""

    def __init__(self, client: BlockingKernelClient) -> None:
        self._client = client

    def run(self, code: str) -> tuple[Traffic, list[dict[str, Any]]]:
        """Execute code; return what it published besides its own status, and the messages."""
        published: list[dict[str, Any]] = []
        reply = self._client.execute_interactive(
            code, output_hook=published.append, timeout=TIMEOUT_S
        )
        if reply["content"]["status"] != "ok":
            raise RuntimeError("\n".join(reply["content"]["traceback"]))
        seen = [each for each in published if each["msg_type"] not in ("status", "execute_input")]
        size = sum(len(json.dumps(each["content"])) for each in seen)
        return Traffic(len(seen), size), seen

    def ask_for_rows(self, opened: list[dict[str, Any]]) -> None:
        """Say what a page says that draws a panel."""
        comms = [each["content"] for each in opened if each["msg_type"] == "comm_open"]
        model = next(each for each in comms if "rows" in each["data"].get("state", {}))
        data = {"method": "custom", "content": {"action": "sync"}}
        content = {"comm_id": model["comm_id"], "data": data}
        self._client.shell_channel.send(self._client.session.msg("comm_msg", content))


@contextmanager
def kernel() -> Iterator[Kernel]:
    """Start a kernel, and end it."""
    manager, client = start_new_kernel(kernel_name="python3")
    try:
        found = Kernel(client)
        found.run(BEGIN)
        yield found
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()


def measure(
    folder: Path, *, rows: int = 1000, few: int = 100, rounds: int = 3, calls: int = 20_000
) -> list[Figure]:
    """Measure panels of many and of few rows, and the reports of a job.

    Parameters
    ----------
    folder
        Where the workspace of the reporting job is made.
    rows, few
        Rows of a large and of a small panel.
    rounds
        How often each is made, and how often it is refreshed.
    calls
        How often the job reports.
    """
    with kernel() as ours, kernel() as plain:
        many = [_ours(ours, rows, rounds) for _ in range(rounds)]
        small = [_ours(ours, few, rounds) for _ in range(rounds)]
        composed = [_plain(plain, rows, rounds) for _ in range(rounds)]
        reports = [_report(ours, folder, number, calls) for number in range(rounds)]
    refreshed = [float(refresh) for _, refresh in many]
    return [
        Figure(
            f"messages to open a panel of {rows} rows; raw: 4 ipywidgets a row",
            [float(made.messages) for made, _ in many],
            [float(made.messages) for made, _ in composed],
            0.01,
            unit="",
        ),
        Figure(
            "bytes to open it; raw: the same",
            [float(made.size) for made, _ in many],
            [float(made.size) for made, _ in composed],
            unit="B",
        ),
        Figure(
            f"bytes to refresh {CHANGES} of {rows} rows; raw: {CHANGES} of {few}",
            refreshed,
            [float(refresh) for _, refresh in small],
            1.2,
            unit="B",
        ),
        Figure(
            f"... raw: two values each of {CHANGES} rows of ipywidgets",
            refreshed,
            [float(refresh) for _, refresh in composed],
            unit="B",
        ),
        Figure(
            "progress() in a job with a panel, us a call", [each[0] for each in reports], bound=5
        ),
        Figure("log() in a job with a panel, us a call", [each[1] for each in reports]),
    ]


def _ours(kernel: Kernel, rows: int, rounds: int) -> tuple[Traffic, float]:
    made, messages = kernel.run(OURS.format(rows=rows))
    kernel.ask_for_rows(messages)
    kernel.run("panel.change(1)")  # the answer to the page
    return made, _refresh(kernel, rounds)


def _plain(kernel: Kernel, rows: int, rounds: int) -> tuple[Traffic, float]:
    made, _ = kernel.run(PLAIN.format(rows=rows))
    return made, _refresh(kernel, rounds)


def _refresh(kernel: Kernel, rounds: int) -> float:
    code = CHANGE.format(changes=CHANGES)
    return median(kernel.run(code)[0].size for _ in range(rounds))


def _report(kernel: Kernel, folder: Path, number: int, calls: int) -> tuple[float, float]:
    code = REPORT.format(folder=str(folder / "reporting"), number=number, calls=calls)
    _, messages = kernel.run(code)
    printed = "".join(each["content"]["text"] for each in messages if each["msg_type"] == "stream")
    progress_us, log_us = map(float, printed.split())
    return progress_us, log_us
