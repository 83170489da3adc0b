"""Tokens: declared for a workspace, asked for by jobs, held by one process or another."""

import itertools
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from tests.support.processes import await_line, finish, start, write_script
from xpmnb.errors import SubmissionError, WorkspaceError
from xpmnb.records.claims import Claim, Holding
from xpmnb.records.files import is_locked
from xpmnb.records.layout import WorkspaceLayout, token_census
from xpmnb.scheduler.tokens import (
    Line,
    Token,
    declare_token,
    directory_claim,
    known_tokens,
    token_claims,
    waiting_words,
)

DEADLINE_S = 60.0

PRELUDE = """
from xpmnb.records.layout import WorkspaceLayout
from xpmnb.scheduler.tokens import Line, token_claims, directory_claim
layout = WorkspaceLayout(ROOT / "runs")
line = Line(layout)

def get(owner, claims):
    deadline = time.monotonic() + 60
    while (holding := line.acquire(owner, claims)) is None:
        assert time.monotonic() < deadline
    return holding

def gpus(count):
    return token_claims(layout, {"gpu": count})

def note(word):
    with open(ROOT / "log", "a") as file:
        file.write(word + "\\n")
"""


@pytest.fixture
def layout(tmp_path: Path) -> WorkspaceLayout:
    """Return a workspace without tokens."""
    return WorkspaceLayout(tmp_path / "runs")


def got(line: Line, owner: str, claims: tuple[Claim, ...]) -> Holding:
    """Take what must be free."""
    holding = line.acquire(owner, claims)
    assert holding is not None
    return holding


def get(line: Line, owner: str | int, claims: tuple[Claim, ...]) -> Holding:
    """Take what another process gives back."""
    deadline = time.monotonic() + DEADLINE_S
    while (holding := line.acquire(owner, claims)) is None:
        assert time.monotonic() < deadline
    return holding


def free_of(layout: WorkspaceLayout, name: str) -> int:
    """Count the free ones of a token."""
    return Token(layout, name, 1).available()


# --- declaring


def test_a_token_says_what_it_is(layout: WorkspaceLayout) -> None:
    """It has a name, a count and the number that is free, and shows them."""
    gpu = declare_token(layout, "gpu", 2)
    assert (gpu.name, gpu.count, gpu.available()) == ("gpu", 2, 2)
    holding = got(Line(layout), "a", token_claims(layout, {gpu: 1}))
    assert repr(gpu) == "<Token 'gpu': 1 of 2 free>"
    holding.release()
    shutil.rmtree(layout.root)
    assert repr(gpu) == "<Token 'gpu': 2 of 2 free>"
    Path(layout.root).touch()
    assert repr(gpu) == "<Token 'gpu': 2>"


def test_declaring_again_changes_the_count_for_all(layout: WorkspaceLayout) -> None:
    """Every object of the token shows the new count, and who waited for it gets it."""
    gpu = declare_token(layout, "gpu", 1)
    line = Line(layout)
    first = got(line, "a", token_claims(layout, {"gpu": 1}))
    assert line.acquire("b", token_claims(layout, {"gpu": 1})) is None
    declare_token(layout, "gpu", 2)
    assert gpu.count == 2
    second = got(line, "b", ())
    declare_token(layout, "gpu", 1)
    assert (gpu.count, gpu.available()) == (1, 0)
    first.release()
    assert gpu.available() == 0
    second.release()
    assert gpu.available() == 1


def test_declaring_the_same_again_writes_nothing(layout: WorkspaceLayout) -> None:
    """A notebook that is run again leaves the file of the token as it is; damage is mended."""
    declare_token(layout, "gpu", 2)
    census = Path(token_census(layout.token("gpu")))
    before = census.stat().st_ino
    assert declare_token(layout, "gpu", 2) == Token(layout, "gpu", 2)
    assert census.stat().st_ino == before
    census.write_bytes(b"{")
    assert declare_token(layout, "gpu", 2).count == 2
    assert known_tokens(layout) == ["gpu"]


@pytest.mark.parametrize(
    ("name", "count", "kind"),
    [
        ("gpu", 0, ValueError),
        ("gpu", -1, ValueError),
        ("gpu", 1001, ValueError),
        ("gpu", 1.0, TypeError),
        ("gpu", True, TypeError),
        ("gpu", None, TypeError),
        (3, 1, TypeError),
        ("../gpu", 1, WorkspaceError),
        (".queue", 1, WorkspaceError),
        ("", 1, WorkspaceError),
    ],
)
def test_a_wrong_declaration_is_refused(
    layout: WorkspaceLayout, name: Any, count: Any, kind: type[Exception]
) -> None:
    """Names that are no folders and counts that are no counts are errors, and make nothing."""
    with pytest.raises(kind, match="token"):
        declare_token(layout, name, count)
    assert not os.path.exists(layout.root)


def test_a_workspace_that_cannot_be_written_is_named(layout: WorkspaceLayout) -> None:
    """Where the folder of the token cannot be made, the error says where and what to do."""
    os.makedirs(layout.root)
    Path(layout.tokens).touch()
    with pytest.raises(WorkspaceError, match=r"'gpu' cannot be declared.*may write to"):
        declare_token(layout, "gpu", 1)
    assert known_tokens(layout) == []


# --- asking


@pytest.mark.parametrize(
    ("tokens", "words"),
    [
        ({"gup": 1}, r"no token 'gup' \(it has 'cpu', 'gpu'\); .*xp\.token\('gup', 1\)"),
        ({"gpu": 3}, r"has 2 of 'gpu', .*wait for ever.*xp\.token\('gpu', 3\)"),
        ({"gpu": 0}, "asks for 0 of 'gpu'; ask for a positive whole number"),
        ({"gpu": -1}, "asks for -1 of 'gpu'"),
        ({"gpu": 1.5}, r"asks for 1\.5 of 'gpu'"),
        ({"gpu": True}, "asks for True of 'gpu'"),
        ({"gpu": "1"}, "asks for '1' of 'gpu'"),
        ({3: 1}, "3 is no token"),
        ({"../gpu": 1}, r"'\.\./gpu' cannot be a folder"),
        ({"cpu": 251}, "at most 250 in all"),
        (["gpu"], "how many of which token"),
        ("gpu", "how many of which token"),
    ],
)
def test_an_impossible_request_is_refused(layout: WorkspaceLayout, tokens: Any, words: str) -> None:
    """A request that could never be met is an error that says why and what to do."""
    declare_token(layout, "gpu", 2)
    declare_token(layout, "cpu", 500)
    os.makedirs(f"{layout.tokens}/foreign")
    Path(layout.tokens, "file").touch()
    with pytest.raises(SubmissionError, match=words):
        token_claims(layout, tokens)


def test_a_token_of_another_workspace_is_refused(layout: WorkspaceLayout, tmp_path: Path) -> None:
    """The object of another workspace is not taken for the one of the same name here."""
    gpu = declare_token(layout, "gpu", 2)
    other = WorkspaceLayout(tmp_path / "other")
    assert gpu != declare_token(other, "gpu", 2)
    with pytest.raises(SubmissionError, match="declared in the workspace"):
        token_claims(other, {gpu: 1})


def test_a_token_is_named_once(layout: WorkspaceLayout) -> None:
    """Name and object of the same token in one request are a mistake that is told."""
    gpu = declare_token(layout, "gpu", 2)
    tokens: dict[str | Token, int] = {"gpu": 1, gpu: 1}
    with pytest.raises(SubmissionError, match="named twice"):
        token_claims(layout, tokens)


def test_no_tokens_are_no_claims(layout: WorkspaceLayout) -> None:
    """A job that asks for nothing gets it at once, and nothing is made."""
    assert token_claims(layout, {}) == ()
    assert got(Line(layout), "a", ()).fds() == ()
    assert not os.path.exists(layout.root)


def test_what_a_job_waits_for_has_words(layout: WorkspaceLayout) -> None:
    """A person is told how many of what."""
    gpu, disk = declare_token(layout, "gpu", 2), declare_token(layout, "disk", 1)
    assert waiting_words(token_claims(layout, {gpu: 2, disk: 1})) == "waits for 2 gpu, 1 disk"


# --- the line of a process


def test_the_line_of_a_process_keeps_its_order(layout: WorkspaceLayout) -> None:
    """First come, first served, for each token; others pass; only the first have tickets."""
    declare_token(layout, "gpu", 2)
    declare_token(layout, "disk", 1)
    line = Line(layout)
    gpus = token_claims(layout, {"gpu": 1})
    held = [got(line, owner, gpus) for owner in ("a", "b")]
    for number in range(1000):
        assert line.acquire(number, gpus) is None
    assert line.first() == (0,)
    assert len(os.listdir(layout.token_queue)) == 2
    got(line, "c", token_claims(layout, {"disk": 1})).release()
    held[0].release()
    assert line.acquire(1, gpus) is None
    got(line, "0", ()).release()
    held[0] = get(line, 0, gpus)
    assert line.first() == (1,)
    line.withdraw(1)
    line.withdraw(1)
    assert line.first() == (2,)
    assert len(line) == 998
    for number in range(2, 1000):
        line.withdraw(number)
    assert (line.first(), len(line)) == ((), 0)
    assert os.listdir(layout.token_queue) == ["lock"]
    for holding in held:
        holding.release()


def test_a_shared_directory_is_for_one_job(layout: WorkspaceLayout, tmp_path: Path) -> None:
    """A directory is made and locked by the first; its lock is where a job's own is."""
    line = Line(layout)
    claim = directory_claim(tmp_path / "partials" / "x")
    first = got(line, "a", (claim, claim))
    assert line.acquire("b", (claim,)) is None
    assert is_locked(f"{tmp_path}/partials/x/__xpm__/lock")
    first.release()
    got(line, "b", ()).release()


def test_an_unusable_folder_keeps_nobody_in_line(layout: WorkspaceLayout) -> None:
    """When the files cannot be used, the error is raised and the owner waits no more."""
    declare_token(layout, "gpu", 1)
    claims = token_claims(layout, {"gpu": 1})
    Path(layout.token_queue).touch()
    line = Line(layout)
    with pytest.raises(WorkspaceError, match="cannot be used"):
        line.acquire("a", claims)
    assert len(line) == 0


# --- several processes


def test_kill_frees_what_was_held_and_the_place_in_line(
    layout: WorkspaceLayout, tmp_path: Path
) -> None:
    """After kill -9 of a process that held one and waited for two, others get both."""
    gpu = declare_token(layout, "gpu", 2)
    body = PRELUDE + (
        "holding = get('a', gpus(1))\n"
        "assert line.acquire('b', gpus(2)) is None\n"
        "print('ready', flush=True)\n"
        "sys.stdin.read()\n"
    )
    process = start(write_script(tmp_path, body), tmp_path)
    await_line(process, "ready")
    line = Line(layout)
    assert gpu.available() == 1
    assert line.acquire("c", token_claims(layout, {gpu: 1})) is None
    process.kill()
    finish(process)
    got(line, "c", ()).release()
    got(line, "d", token_claims(layout, {gpu: 2})).release()
    assert os.listdir(layout.token_queue) == ["lock"]


def test_two_processes_take_turns(layout: WorkspaceLayout, tmp_path: Path) -> None:
    """Two processes with many jobs each, for one token: neither is served long before the other."""
    declare_token(layout, "gpu", 1)
    body = PRELUDE + (
        "for number in range(30):\n"
        "    assert line.acquire(number, gpus(1)) is None\n"
        "print('ready', flush=True)\n"
        "for number in range(30):\n"
        "    holding = get(number, ())\n"
        "    line.acquire(number + 1, gpus(1))\n"
        "    note(sys.argv[2])\n"
        "    holding.release()\n"
        "line.withdraw(30)\n"
    )
    holding = got(Line(layout), "test", token_claims(layout, {"gpu": 1}))
    script = write_script(tmp_path, body)
    processes = [start(script, tmp_path, name) for name in ("one", "two")]
    for process in processes:
        await_line(process, "ready")
    holding.release()
    for process in processes:
        _, err = finish(process)
        assert process.returncode == 0, err
    served = (tmp_path / "log").read_text().split()
    assert sorted(served) == ["one"] * 30 + ["two"] * 30
    # Not exactly one after the other: a process may be kept from the line for a moment.
    assert max(len(list(group)) for _, group in itertools.groupby(served[:40])) <= 5


def test_a_request_for_all_does_not_starve(layout: WorkspaceLayout, tmp_path: Path) -> None:
    """While two processes never leave a token free for long, a request for both is met."""
    gpu = declare_token(layout, "gpu", 2)
    body = PRELUDE + (
        "holding = get(0, gpus(1))\n"
        "print('ready', flush=True)\n"
        "for number in range(1, 10**9):\n"
        "    if (ROOT / 'stop').exists():\n"
        "        break\n"
        "    another = line.acquire(number, gpus(1))\n"
        "    holding.release()\n"
        "    holding = another or get(number, ())\n"
        "holding.release()\n"
    )
    script = write_script(tmp_path, body)
    processes = [start(script, tmp_path) for _ in range(2)]
    try:
        for process in processes:
            await_line(process, "ready")
        line = Line(layout)
        for owner in ("a", "b", "c"):
            holding = get(line, owner, token_claims(layout, {gpu: 2}))
            assert gpu.available() == 0
            holding.release()
    finally:
        (tmp_path / "stop").touch()
        ends = [finish(process) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], ends


def test_no_more_are_held_than_there_are(layout: WorkspaceLayout, tmp_path: Path) -> None:
    """Three processes that ask for one or two, and for a directory: never too many at a time."""
    gpu = declare_token(layout, "gpu", 3)
    body = PRELUDE + (
        "shared = directory_claim(ROOT / 'shared')\n"
        "for number in range(40):\n"
        "    count = 1 + number % 2\n"
        "    claims = gpus(count) + ((shared,) if number % 3 == 0 else ())\n"
        "    holding = get(number, claims)\n"
        "    note(f'+{count}')\n"
        "    if number % 3 == 0:\n"
        "        os.mkdir(ROOT / 'alone')\n"
        "        os.rmdir(ROOT / 'alone')\n"
        "    note(f'-{count}')\n"
        "    holding.release()\n"
    )
    script = write_script(tmp_path, body)
    processes = [start(script, tmp_path) for _ in range(3)]
    for process in processes:
        _, err = finish(process)
        assert process.returncode == 0, err
    held = list(itertools.accumulate(int(each) for each in (tmp_path / "log").read_text().split()))
    assert max(held) <= 3
    assert gpu.available() == 3


# --- any order of events


class LineMachine(RuleBasedStateMachine):
    """Two lines, as of two kernels, beside a model in which waiting is a list."""

    holdings: Bundle[str] = Bundle("holdings")
    waiting: Bundle[str] = Bundle("waiting")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.mkdtemp()
        self.layout = WorkspaceLayout(self.folder)
        self.lines = (Line(self.layout), Line(self.layout))
        self.there_are = {"a": 2, "b": 3}
        for name, count in self.there_are.items():
            declare_token(self.layout, name, count)
        self.numbers = itertools.count()
        self.asked: dict[str, dict[str, int]] = {}
        self.line_of: dict[str, int] = {}
        self.stands: tuple[list[str], list[str]] = ([], [])
        self.tickets: list[str] = []
        self.held: dict[str, Holding] = {}

    def teardown(self) -> None:
        """Leave nothing behind."""
        for holding in self.held.values():
            holding.release()
        for line, owners in zip(self.lines, self.stands, strict=True):
            for owner in owners:
                line.withdraw(owner)
        shutil.rmtree(self.folder)

    def in_use(self, name: str) -> int:
        """Count the held ones of a token, in the model."""
        return sum(self.asked[owner].get(name, 0) for owner in self.held)

    def shares(self, one: str, other: str) -> bool:
        """Tell whether two ask for the same token."""
        return not self.asked[one].keys().isdisjoint(self.asked[other])

    def fits(self, owner: str, used: bool) -> bool:
        """Tell whether there is enough, free or at all."""
        return all(
            count + (self.in_use(name) if used else 0) <= self.there_are[name]
            for name, count in self.asked[owner].items()
        )

    def is_first(self, owner: str) -> bool:
        """Tell whether nobody of the same kernel who came earlier asks for the same."""
        owners = self.stands[self.line_of[owner]]
        before = owners[: owners.index(owner)]
        return not any(self.shares(owner, other) for other in before)

    def expected(self, owner: str) -> bool:
        """Say whether the owner must get it now, and let it stand in line otherwise."""
        if not self.is_first(owner):
            return False
        place = self.tickets.index(owner) if owner in self.tickets else len(self.tickets)
        before = self.tickets[:place]
        blocked = any(self.shares(owner, other) and self.fits(other, False) for other in before)
        if not blocked and self.fits(owner, True):
            return True
        if owner not in self.tickets:
            self.tickets.append(owner)
        return False

    def forget(self, owner: str) -> None:
        """Take somebody out of the line of the model."""
        self.stands[self.line_of[owner]].remove(owner)
        if owner in self.tickets:
            self.tickets.remove(owner)

    def try_to_take(self, owner: str, claims: tuple[Claim, ...]) -> bool:
        """Compare what a line does with what it must do."""
        expected = self.expected(owner)
        holding = self.lines[self.line_of[owner]].acquire(owner, claims)
        assert (holding is not None) == expected
        if holding is not None:
            self.forget(owner)
            self.held[owner] = holding
        return expected

    @rule(
        target=waiting,
        which=st.integers(0, 1),
        tokens=st.dictionaries(st.sampled_from("ab"), st.integers(1, 3), min_size=1),
    )
    def ask(self, which: int, tokens: dict[str, int]) -> Any:
        """Ask for tokens for the first time."""
        if any(count > self.there_are[name] for name, count in tokens.items()):
            with pytest.raises(SubmissionError):
                token_claims(self.layout, tokens)
            return multiple()
        owner = f"{next(self.numbers)}"
        self.asked[owner] = tokens
        self.line_of[owner] = which
        self.stands[which].append(owner)
        self.try_to_take(owner, token_claims(self.layout, tokens))
        return owner

    @rule(owner=waiting)
    def ask_again(self, owner: str) -> None:
        """Ask again for what is not held yet."""
        if owner in self.stands[self.line_of[owner]]:
            self.try_to_take(owner, ())

    @rule(owner=consumes(waiting))
    def end(self, owner: str) -> None:
        """Give back what is held, or leave the line."""
        if owner in self.held:
            self.held.pop(owner).release()
        else:
            self.lines[self.line_of[owner]].withdraw(owner)
            self.forget(owner)

    @rule(name=st.sampled_from("ab"), count=st.integers(1, 4))
    def declare(self, name: str, count: int) -> None:
        """Change how many there are."""
        self.there_are[name] = count
        declare_token(self.layout, name, count)

    @invariant()
    def agrees(self) -> None:
        """Compare free tokens, tickets and the first in line with the model."""
        for name, count in self.there_are.items():
            assert free_of(self.layout, name) == max(0, count - self.in_use(name))
        if os.path.exists(self.layout.token_queue):
            names = [name for name in os.listdir(self.layout.token_queue) if name != "lock"]
            assert len(names) == len(self.tickets)
        for line, owners in zip(self.lines, self.stands, strict=True):
            assert set(line.first()) == {owner for owner in owners if self.is_first(owner)}


LineMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestLine = LineMachine.TestCase
