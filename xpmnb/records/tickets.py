"""The line of those who wait for tokens, on disk: first come, first served, over all processes.

Whoever waits leaves a ticket: a file that is locked while its owner lives, with a number that is
higher than those before. One process at a time looks at the line and takes from it, so that the
order holds and nobody takes a part of what another one is taking.
"""

from __future__ import annotations

import json
import os
import re
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from xpmnb.errors import WorkspaceError

from .claims import MAX_COUNT, Claim, Holding, files_now, take
from .files import PathLock, is_locked, read_bytes
from .json_values import as_integer, as_mapping
from .layout import WorkspaceLayout, token_census

__all__ = ["Ticket", "TicketQueue"]

# How often, and after how many seconds each, somebody is asked to wait who finds another one at
# the line: they look for less than a millisecond, so this is no waiting, and far from the end.
_TRIES = 30
_PAUSE_S = 0.001

_MAX_TICKET_BYTES = 1024 * 1024
_TICKET_NAME = re.compile(r"([0-9]{12})-[A-Za-z0-9_.-]+-[0-9]+")
_HOST = re.sub(r"[^A-Za-z0-9_.]", "_", socket.gethostname())[:60] or "host"


@dataclass(slots=True, eq=False)
class Ticket:
    """A place in the line. One thread at a time."""

    name: str
    """Name of its file, which sorts after the names of those before."""
    lock: PathLock
    """Held while the owner lives and waits."""

    @property
    def is_there(self) -> bool:
        """Whether the ticket counts yet: somebody may have deleted the folder."""
        return self.lock.held and os.path.exists(self.lock.path)

    def remove(self) -> None:
        """Leave the line; again, it does nothing."""
        if self.lock.held:
            with suppress(OSError):  # without a lock it counts for nothing
                os.unlink(self.lock.path)
            self.lock.release()


class TicketQueue:
    """The line of a workspace.

    Parameters
    ----------
    layout
        The workspace; its folder of tokens is made when it is first needed.

    Notes
    -----
    Thread line: any number of objects and processes, one thread at a time for each object.
    """

    def __init__(self, layout: WorkspaceLayout) -> None:
        self._layout = layout
        self._folder = layout.token_queue

    def take(self, claims: Sequence[Claim], ticket: Ticket | None) -> Holding | Ticket | None:
        """Take all that is claimed if nobody waits for some of it and came before; else wait.

        Parameters
        ----------
        claims
            Claims on different things.
        ticket
            The place in the line that an earlier call gave, if there was one.

        Returns
        -------
        Holding, Ticket or None
            What is held now, and the ticket is removed; or the place in the line; or None, where
            no place could be had: another process looks at the line, or the disk is full.

        Raises
        ------
        WorkspaceError
            The files cannot be made or opened, since the place is read-only or foreign.
        """
        if ticket is not None and not ticket.is_there:
            ticket.remove()
            ticket = None
        try:
            with self._entered() as entered:
                return self._take(claims, ticket) if entered else ticket
        except OSError as error:
            named = f" ({error.filename})" if error.filename else ""
            raise WorkspaceError(
                f"the tokens of the workspace {self._layout.root} cannot be used: "
                f"{error.strerror or error}{named}; make its folder tokens/ writable, or delete "
                "what does not belong there"
            ) from error

    def _take(self, claims: Sequence[Claim], ticket: Ticket | None) -> Holding | Ticket | None:
        names = self._names()
        if not self._is_anybody_before(claims, names, ticket):
            holding = take(claims)
            if holding is not None:
                if ticket is not None:
                    ticket.remove()
                return holding
        return ticket or self._leave_ticket(claims, names)

    @contextmanager
    def _entered(self) -> Iterator[bool]:
        """Keep others from looking at the line; False if somebody else does for too long."""
        lock = PathLock(f"{self._folder}/lock", is_probed=False)
        for attempt in range(_TRIES):
            if attempt:
                time.sleep(_PAUSE_S)
            os.makedirs(self._folder, exist_ok=True)
            with suppress(FileNotFoundError):  # deleted between the two steps
                if lock.acquire():
                    break
        try:
            yield lock.held
        finally:
            lock.release()

    def _names(self) -> list[str]:
        return sorted(name for name in os.listdir(self._folder) if _TICKET_NAME.fullmatch(name))

    def _is_anybody_before(
        self, claims: Sequence[Claim], names: list[str], ticket: Ticket | None
    ) -> bool:
        """Tell whether a living owner with an earlier ticket waits for something that is claimed.

        Tickets of the dead that are found are removed.
        """
        wanted = {self._name_of(claim): claim for claim in claims}
        for name in names:
            if ticket is not None and name == ticket.name:
                return False
            path = f"{self._folder}/{name}"
            if not is_locked(path):
                with suppress(OSError):  # somebody else's file or folder; it counts for nothing
                    os.unlink(path)
                continue
            needs = _read_needs(path)
            if not wanted.keys().isdisjoint(needs) and self._is_possible(needs, wanted):
                return True
        return False

    def _is_possible(self, needs: dict[str, int], wanted: dict[str, Claim]) -> bool:
        """Tell whether there is as much as a ticket asks for.

        Who waits for more than there is, since a number was lowered, must not hold up the others.
        """
        for name, count in needs.items():
            claim = wanted.get(name)
            if claim is None:
                census = token_census(f"{self._layout.root}/{name}")
                claim = Claim((name,) * count, count, name, census)
            if count > len(files_now(claim)):
                return False
        return True

    def _leave_ticket(self, claims: Sequence[Claim], names: list[str]) -> Ticket | None:
        number = int(names[-1].partition("-")[0]) + 1 if names else 1
        name = f"{number:012d}-{_HOST}-{os.getpid()}"
        lock = PathLock(f"{self._folder}/{name}")
        needs = {self._name_of(claim): claim.count for claim in claims}
        content = json.dumps({"format": 1, "needs": needs}).encode()
        ticket = Ticket(name, lock)
        try:
            if lock.acquire() and os.write(lock.fileno(), content) == len(content):
                return ticket
        except OSError:  # no room for a ticket: its owner comes again, and loses but the place
            pass
        ticket.remove()
        return None

    def _name_of(self, claim: Claim) -> str:
        """Name what is claimed in a way that is the same in all kernels of the workspace."""
        # Machines that share a file system may have it in different places.
        return os.path.relpath(claim.key, self._layout.root)


def _read_needs(path: str) -> dict[str, int]:
    """Read how much of what a ticket asks for; nothing from one that is no ticket."""
    try:
        content = as_mapping(json.loads(read_bytes(path, limit_bytes=_MAX_TICKET_BYTES)))
    except (OSError, ValueError, RecursionError):
        return {}
    needs = as_mapping((content or {}).get("needs")) or {}
    counts = {name: as_integer(count) or 0 for name, count in needs.items()}
    return {name: count for name, count in counts.items() if 0 < count <= MAX_COUNT}
