"""A front end without a browser: it hears all that a kernel publishes, and speaks as pages do."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.kernels import DEADLINE_S, Kernel, kernel

Message = dict[str, Any]


class FrontEnd:
    """Knows the panels of a kernel by the messages that a page would get.

    Parameters
    ----------
    kernel : Kernel
        The kernel; nobody else reads what it publishes.
    """

    def __init__(self, kernel: Kernel) -> None:
        self._client = kernel.client
        self.heard: list[Message] = []

    def run(self, code: str) -> list[Message]:
        """Run a cell to its end, and return what was published meanwhile."""
        before = len(self.heard)
        asked = self._client.execute(code)
        self.until(lambda: any(_is_end(each, asked) for each in self.heard[before:]))
        news = self.heard[before:]
        for each in news:
            assert each["msg_type"] != "error", "\n".join(each["content"]["traceback"])
        return news

    def until(self, holds: Callable[[], object]) -> None:
        """Hear the kernel until something holds."""
        deadline = time.monotonic() + DEADLINE_S
        while not holds():
            left = deadline - time.monotonic()
            assert left > 0, f"not heard: {[each['msg_type'] for each in self.heard[-20:]]}"
            self.heard.append(self._client.get_iopub_msg(timeout=left))

    def panels(self) -> list[str]:
        """Return the models of panels, in the order in which they were opened."""
        return [
            each["content"]["comm_id"]
            for each in self.heard
            if each["msg_type"] == "comm_open" and "mark" in each["content"]["data"]["state"]
        ]

    def say(self, panel: str, action: str, **more: Any) -> None:
        """Say something to the kernel as a page does."""
        data = {"method": "custom", "content": {"action": action, **more}}
        content = {"comm_id": panel, "data": data}
        self._client.shell_channel.send(self._client.session.msg("comm_msg", content))

    def told(self, panel: str) -> list[Message]:
        """Return the messages that a panel sent so far."""
        return [
            each["content"]["data"]["content"]
            for each in self.heard
            if each["msg_type"] == "comm_msg"
            and each["content"]["comm_id"] == panel
            and each["content"]["data"]["method"] == "custom"
        ]

    def rows(self, panel: str) -> dict[str, Message]:
        """Return the newest rows that a panel sent, by key."""
        return {row["key"]: row for told in self.told(panel) for row in told["changed"]}

    def log(self, panel: str, key: str, stream: str = "out") -> str:
        """Return what a pane shows of a log."""
        text = partial = ""
        for told in self.told(panel):
            for news in told.get("logs", ()):
                if (news["key"], news["stream"]) == (key, stream):
                    text = ("" if news["start"] else text) + news["text"]
                    partial = news["partial"]
        return text + partial

    def said(self, panel: str) -> list[str]:
        """Return what a panel said in words."""
        return [each["text"] for told in self.told(panel) for each in told.get("said", ())]


def _is_end(message: Message, asked: str) -> bool:
    if message["parent_header"].get("msg_id") != asked or message["msg_type"] != "status":
        return False
    return bool(message["content"]["execution_state"] == "idle")


@contextmanager
def front_end(folder: Path) -> Iterator[FrontEnd]:
    """Start a kernel in a folder, with a front end."""
    with kernel(folder) as started:
        yield FrontEnd(started)
