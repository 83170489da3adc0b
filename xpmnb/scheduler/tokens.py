"""Named resources shared by all kernels of a workspace, and the line of those who wait for them.

A job holds tokens by locks on files, so the death of its process frees them.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from xpmnb.errors import SubmissionError, WorkspaceError
from xpmnb.records.claims import (
    MAX_COUNT,
    MAX_HELD,
    Claim,
    Holding,
    count_free,
    files_now,
    merge_claims,
    read_count,
    write_count,
)
from xpmnb.records.layout import JobLayout, WorkspaceLayout, token_census, token_slot
from xpmnb.records.tickets import Ticket, TicketQueue


class Token:
    """A named resource of which a workspace has so many; made by ``xp.token(name, count)``.

    All kernels of the workspace share it. Any thread may use it.

    Parameters
    ----------
    workspace : WorkspaceLayout
        Where it was declared.
    name : str
        Its name.
    declared : int
        How many there are, as far as its file cannot be read.
    """

    __slots__ = ("_declared", "_workspace", "name")

    def __init__(self, workspace: WorkspaceLayout, name: str, declared: int) -> None:
        self._workspace = workspace
        self._declared = declared
        self.name = name
        """The name that jobs ask for."""

    @property
    def count(self) -> int:
        """How many there are now: another kernel may have declared another number."""
        return len(files_now(self._claim()))

    @property
    def workspace(self) -> WorkspaceLayout:
        """Where it was declared."""
        return self._workspace

    def available(self) -> int:
        """Count how many no job holds at this moment.

        Returns
        -------
        int
            0 also where more are held than there are, after the number was lowered.

        Raises
        ------
        OSError
            If the lock files cannot be opened.
        """
        return max(0, count_free(self._claim()))

    def _claim(self) -> Claim:
        return _claim(self._workspace.token(self.name), self.name, 1, self._declared)

    def __repr__(self) -> str:
        """Return the name, how many are free, and how many there are."""
        try:
            return f"<Token {self.name!r}: {self.available()} of {self.count} free>"
        except OSError:
            return f"<Token {self.name!r}: {self._declared}>"

    def __eq__(self, other: object) -> bool:
        """Tell whether it is the same name in the same workspace."""
        if not isinstance(other, Token):
            return NotImplemented
        return (self._workspace, self.name) == (other._workspace, other.name)

    def __hash__(self) -> int:
        """Return a number that is the same for the same name in the same workspace."""
        return hash((self._workspace, self.name))


TokenCounts = Mapping[str, int] | Mapping[Token, int] | Mapping[str | Token, int]
"""How many of which token a job asks for, by name or by object."""


def declare_token(workspace: WorkspaceLayout, name: str, count: int) -> Token:
    """Say how many there are of a named resource, for all kernels of a workspace.

    Parameters
    ----------
    workspace : WorkspaceLayout
        The workspace.
    name : str
        The name that jobs ask for.
    count : int
        How many there are, from 1 to 1000. Declared before with another number, it has this one
        from now on; jobs that hold some keep them.

    Returns
    -------
    Token
        The resource.

    Raises
    ------
    TypeError
        If the name is no string, or the count no integer.
    ValueError
        If the count is out of range.
    WorkspaceError
        If the name cannot be that of a folder, or the file cannot be written.
    """
    if not isinstance(name, str):
        raise TypeError(f"token({name!r}, {count!r}): the name of a token is a string")
    if not isinstance(count, int) or isinstance(count, bool):
        raise TypeError(f"token({name!r}, {count!r}): how many there are is a whole number")
    if not 1 <= count <= MAX_COUNT:
        raise ValueError(
            f"token({name!r}, {count!r}): there can be 1 to {MAX_COUNT} of a token; for more, "
            "count in larger units"
        )
    folder = workspace.token(name)
    try:
        if _read_count(folder) != count:
            write_count(token_census(folder), count)
    except OSError as error:
        raise WorkspaceError(
            f"the token {name!r} cannot be declared in the workspace {workspace.root}: "
            f"{error.strerror or error} ({error.filename or folder}); choose a workspace that you "
            "may write to"
        ) from error
    return Token(workspace, name, count)


def token_claims(workspace: WorkspaceLayout, tokens: TokenCounts) -> tuple[Claim, ...]:
    """Give what a job must hold that asks for tokens.

    Parameters
    ----------
    workspace : WorkspaceLayout
        The workspace of the job.
    tokens : mapping
        How many of which token, by its name or by the object that ``xp.token`` gave.

    Returns
    -------
    tuple of Claim
        One for each token.

    Raises
    ------
    SubmissionError
        If there is no such token, or not so many, or a count is no positive integer.
    """
    if not isinstance(tokens, Mapping):
        raise SubmissionError(
            f"submit(tokens={tokens!r}): give how many of which token, as in {{'gpu': 1}}"
        )
    asked = f"submit(tokens={dict(tokens)!r})"
    claims = tuple(_claim_of(workspace, *each, asked=asked) for each in tokens.items())
    if len({claim.key for claim in claims}) < len(claims):
        raise SubmissionError(f"{asked}: a token is named twice; say once how many of it")
    held = sum(claim.count for claim in claims)
    if held > MAX_HELD:
        raise SubmissionError(
            f"{asked}: a job can hold at most {MAX_HELD} in all, not {held}; declare the token "
            "in larger units"
        )
    return claims


def _claim_of(workspace: WorkspaceLayout, token: object, count: object, asked: str) -> Claim:
    name = token.name if isinstance(token, Token) else token
    if not isinstance(name, str):
        raise SubmissionError(f"{asked}: {token!r} is no token; give its name, as in {{'gpu': 1}}")
    if isinstance(token, Token) and token.workspace != workspace:
        raise SubmissionError(
            f"{asked}: the token {name!r} was declared in the workspace {token.workspace.root}, "
            f"and the job runs in {workspace.root}; declare it there with xp.token({name!r}, ...)"
        )
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        raise SubmissionError(
            f"{asked}: the job asks for {count!r} of {name!r}; ask for a positive whole number"
        )
    try:
        folder = workspace.token(name)
        there_are = _read_count(folder)
    except OSError as error:
        raise SubmissionError(f"{asked}: {error}") from error
    if there_are is None:
        known = ", ".join(map(repr, known_tokens(workspace))) or "none"
        raise SubmissionError(
            f"{asked}: the workspace {workspace.root} has no token {name!r} (it has {known}); "
            f"declare it first with xp.token({name!r}, {count})"
        )
    if count > there_are:
        raise SubmissionError(
            f"{asked}: the workspace {workspace.root} has {there_are} of {name!r}, so the job "
            f"would wait for ever; ask for fewer, or declare more with xp.token({name!r}, {count})"
        )
    return _claim(folder, name, count, there_are)


def _claim(folder: str, name: str, count: int, there_are: int) -> Claim:
    files = tuple(token_slot(folder, number) for number in range(there_are))
    return Claim(files, count, name, token_census(folder))


def _read_count(folder: str) -> int | None:
    """Read how many there are of a token; None if it is not declared, or the file is damaged."""
    try:
        return read_count(token_census(folder))
    except (FileNotFoundError, NotADirectoryError):
        return None


def known_tokens(workspace: WorkspaceLayout) -> list[str]:
    """Return the names of the tokens that a workspace has, sorted."""
    try:
        names = sorted(each.name for each in Path(workspace.tokens).iterdir())
    except OSError:
        return []
    return [name for name in names if _is_token(workspace, name)]


def _is_token(workspace: WorkspaceLayout, name: str) -> bool:
    try:
        return _read_count(workspace.token(name)) is not None
    except OSError:  # a foreign file or folder
        return False


def directory_claim(path: str | os.PathLike[str]) -> Claim:
    """Give the claim of a job that needs a shared directory for itself.

    Parameters
    ----------
    path : str or path
        The directory; made with its lock file when a job takes it.
    """
    folder = os.path.abspath(os.fspath(path))  # noqa: PTH100 (a str, as everywhere in records)
    # Where a job's own directory has its lock too: all else in it belongs to the tasks.
    short = "/".join(part[:12] for part in Path(folder).parts[-3:])
    return Claim((JobLayout(folder).lock,), 1, f"folder {short}")


@dataclass(slots=True, eq=False)
class _Request:
    claims: tuple[Claim, ...]
    ticket: Ticket | None = None


class Line:
    """Those of this process who wait for tokens, in the order in which they came.

    First come, first served, for each token; who waits for several has a place for each, and takes
    them together. Only those who come first in this process for all that they need have a place
    in the line of the whole workspace, so that a thousand who wait cost no more than one.

    One for each workspace in a process. Any thread may use it.

    Parameters
    ----------
    workspace : WorkspaceLayout
        The workspace; nothing is made before somebody asks for something.
    """

    def __init__(self, workspace: WorkspaceLayout) -> None:
        self._queue = TicketQueue(workspace)
        self._requests: dict[Hashable, _Request] = {}
        # By what is claimed; ordered dictionaries, which give their first and lose any quickly.
        self._places: dict[str, OrderedDict[Hashable, None]] = {}
        self._lock = threading.Lock()

    def acquire(self, owner: Hashable, claims: Iterable[Claim]) -> Holding | None:
        """Take all that is claimed at once, or stand in line; never waits.

        Parameters
        ----------
        owner : hashable
            Who asks. Somebody who stands in line keeps the place when they ask again.
        claims : iterable of Claim
            What they need; looked at the first time only.

        Returns
        -------
        Holding or None
            None if the owner stands in line now: to be asked for again, or withdrawn, since those
            behind wait for them.

        Raises
        ------
        WorkspaceError
            If the files cannot be used; the owner stands in no line then.
        """
        with self._lock:
            request = self._requests.get(owner) or self._stand(owner, claims)
            if not request.claims:
                self._leave(owner)
                return Holding()
            if not self._is_first(owner, request):
                return None
            try:
                got = self._queue.take(request.claims, request.ticket)
            except BaseException:
                self._leave(owner)
                raise
            if isinstance(got, Holding):
                request.ticket = None  # removed already
                self._leave(owner)
                return got
            request.ticket = got
            return None

    def withdraw(self, owner: Hashable) -> None:
        """Leave the line; does nothing for somebody who does not stand in it."""
        with self._lock:
            self._leave(owner)

    def first(self) -> tuple[Hashable, ...]:
        """Return those whose turn it is in this process; asking for others is of no use yet."""
        with self._lock:
            heads = dict.fromkeys(next(iter(places)) for places in self._places.values())
            return tuple(owner for owner in heads if self._is_first(owner, self._requests[owner]))

    def __len__(self) -> int:
        """Return how many stand in line."""
        return len(self._requests)

    def _stand(self, owner: Hashable, claims: Iterable[Claim]) -> _Request:
        request = self._requests[owner] = _Request(merge_claims(claims))
        for claim in request.claims:
            self._places.setdefault(claim.key, OrderedDict())[owner] = None
        return request

    def _is_first(self, owner: Hashable, request: _Request) -> bool:
        return all(next(iter(self._places[claim.key])) == owner for claim in request.claims)

    def _leave(self, owner: Hashable) -> None:
        request = self._requests.pop(owner, None)
        if request is None:
            return
        for claim in request.claims:
            places = self._places[claim.key]
            del places[owner]
            if not places:
                del self._places[claim.key]
        if request.ticket is not None:
            request.ticket.remove()


def waiting_words(claims: Iterable[Claim]) -> str:
    """Return what a job waits for, in words for people: ``waits for 2 gpu, 1 licence``."""
    merged = merge_claims(claims)
    return "waits for " + ", ".join(f"{claim.count} {claim.label}" for claim in merged)
