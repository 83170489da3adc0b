"""A person at a kernel who answers the debugger's questions."""

import re
from collections.abc import Sequence
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient

DEADLINE_S = 60.0
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def answer(
    client: BlockingKernelClient, code: str, answers: Sequence[str] = (), *, asks: bool = True
) -> str:
    """Run a cell to its end, answer what it asks in order, and return all that it showed.

    Parameters
    ----------
    client
        The client of the kernel.
    code : str
        The cell; an error that it raises is part of what it showed.
    answers : sequence of str
        What is typed; when there are no more, ``q``.
    asks : bool
        Whether the front end lets a cell ask.
    """
    shown: list[str] = []
    pending = list(answers)

    def reply(_: dict[str, Any]) -> None:
        typed = pending.pop(0) if pending else "q"
        shown.append(f"[{typed}]\n")
        client.input(typed)

    def show(message: dict[str, Any]) -> None:
        content = message["content"]
        if message["msg_type"] == "stream":
            shown.append(content["text"])
        elif message["msg_type"] == "error":
            shown.append("\n".join(("ERROR", *content["traceback"])))

    client.execute_interactive(
        code, allow_stdin=asks, stdin_hook=reply, output_hook=show, timeout=DEADLINE_S
    )
    assert not pending, f"was not asked for {pending}: {''.join(shown)}"
    return _COLOUR.sub("", "".join(shown))
