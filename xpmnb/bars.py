"""A progress bar for tasks: tqdm, drawn by the panel instead of the terminal."""

from __future__ import annotations

import threading
from typing import Any

from tqdm.std import tqdm as _tqdm

from xpmnb.runtime import JobContext, current_context


class tqdm(_tqdm):  # type: ignore[type-arg]  # noqa: N801 (the name that everybody knows)
    """Is tqdm's progress bar; inside a job it reports to the panel and the journal.

    Takes what :class:`tqdm.tqdm` takes: ``for epoch in tqdm(range(20)): ...``. A bar inside a bar
    is a level below it. Outside jobs it draws as tqdm does.
    """

    # The monitor is a thread that is never ended; a bar that is not updated for long shows its age
    # in the panel anyway.
    monitor_interval = 0

    def __init__(self, *args: Any, **options: Any) -> None:
        context = current_context()
        if context is not None and context.draws_bars:
            context = None
        self._context: JobContext | None = context
        self._level = 0
        if context is not None:
            self._level = len(context.bars)
        super().__init__(*args, **options)
        if context is not None and not self.disable:
            context.bars.append(self)

    def display(self, msg: str | None = None, pos: int | None = None) -> bool:  # type: ignore[override]  # tqdm returns it
        """Report to the job, or draw."""
        if self._context is None:
            return bool(super().display(msg, pos))
        value = min(1.0, self.n / self.total) if self.total else None
        count = f"{self.n}/{self.total}" if self.total else str(self.n)
        words = (getattr(self, "desc", "") or "").removesuffix(": ")
        parts = [words, count, getattr(self, "postfix", None) or ""]
        self._context.set_progress(value, self._level, " ".join(filter(None, parts)))
        return True

    def clear(self, nolock: bool = False) -> None:  # noqa: FBT001, FBT002 (tqdm's signature)
        """Take the bar off the terminal, where it is on one."""
        if self._context is None:
            super().clear(nolock)

    def close(self) -> None:
        """End the bar, with its last count."""
        context = getattr(self, "_context", None)
        if context is None:
            super().close()
            return
        if not self.disable:
            self.display()
            self.disable = True
            self._decr_instances(self)  # type: ignore[attr-defined]  # not in its stubs
        if self in context.bars:
            del context.bars[context.bars.index(self) :]


# tqdm's own lock is shared with other processes, which needs a semaphore of the system.
tqdm.set_lock(threading.RLock())
