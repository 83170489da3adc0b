"""The words of `%xpm`, and what TAB completes."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpmnb.notebook.magic_completion import completions, shortened
from xpmnb.notebook.magic_words import (
    COMMANDS,
    HelpWanted,
    WordsError,
    help_text,
    options_of,
    parse,
)

IDS = {"all": ["a" * 64, "b" * 64], "live": ["b" * 64], "failed": ["a" * 64]}


def complete(line: str) -> list[str]:
    """Return what may follow a line, with some jobs."""
    return completions(line, lambda which: IDS[which])


def test_a_whole_line_is_understood() -> None:
    """Options may stand anywhere, and quotes keep blanks together."""
    words = parse('start "my runs" digits --max-jobs 4 --launcher process')
    assert (words.command, words.workspace, words.name) == ("start", "my runs", "digits")
    assert (words.max_jobs, words.launcher, words.variable) == (4, "process", "xp")
    assert parse("log 3f2a -n 5 --err").lines == 5
    assert parse("retry failed").job == ["failed"]
    assert parse("cancel").job == []


@pytest.mark.parametrize("line", ["", "  ", "--help", "-h"])
def test_the_help_lists_the_commands(line: str) -> None:
    """Nothing at all, and asking for help, tell every command."""
    with pytest.raises(HelpWanted) as wanted:
        parse(line)
    assert str(wanted.value) == help_text()
    assert all(f"  {name} " in help_text() for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_help(name: str) -> None:
    """`--help` after a command tells its options, without ending the kernel, in plain text."""
    with pytest.raises(HelpWanted) as wanted:
        parse(f"{name} --help")
    text = str(wanted.value)
    assert text.startswith(f"usage: %xpm {name}")
    assert all(option in text for option in options_of(name))
    assert "\x1b" not in text


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("strat", "there is no 'strat': take one of start, jobs"),
        ("log", "the following arguments are required: JOB; see %xpm log --help"),
        ("jobs --state nope", "invalid choice: 'nope'"),
        ("start runs digits --max-jobs many", "invalid int value: 'many'"),
        ("log 'abc", "close the quotes"),
        ("jobs --nonsense", "unrecognized arguments: --nonsense"),
    ],
)
def test_a_mistake_is_told_in_one_line(line: str, words: str) -> None:
    """What is no command is refused in one line that says what to do."""
    with pytest.raises(WordsError) as refused:
        parse(line)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


@given(st.text())
def test_any_line_is_understood_or_refused(line: str) -> None:
    """Whatever is typed, parsing ends with words, help or a refusal, and never the process."""
    with suppress(HelpWanted, WordsError):
        assert parse(line).command in COMMANDS


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("%xpm ", list(COMMANDS)),
        ("%xpm ca", ["cancel"]),
        ("%xpm --", ["--help"]),
        ("%xpm start r d --max", ["--max-jobs", "--max-retries"]),
        ("%xpm start r d --launcher ", ["process", "thread"]),
        ("%xpm start r d --launcher pro", ["process"]),
        ("%xpm jobs --state wa", ["waiting"]),
        ("%xpm jobs --all --", ["--help", "--state"]),
        ("%xpm jobs ", ["--help", "--state", "--all"]),
        ("%xpm log ", ["a" * 8, "b" * 8]),
        ("%xpm log bbbbbbbbbb", ["b" * 10]),
        ("%xpm cancel ", ["b" * 8]),
        ("%xpm retry ", ["failed", "a" * 8]),
        ("%xpm debug ", ["a" * 8]),
        ("%xpm log -n ", []),
        ("%xpm log --err a", ["a" * 8]),
        ("%xpm start ru", []),
        ("%xpm nonsense ", []),
    ],
)
def test_what_may_come_next_is_completed(line: str, found: list[str]) -> None:
    """Commands, options, their values and the jobs that a command is about are completed."""
    assert complete(line) == found


def test_jobs_are_asked_for_only_where_one_is_named() -> None:
    """Completing anything else looks at no job."""

    def refuse(_: str) -> list[str]:
        raise AssertionError

    assert completions("%xpm lo", refuse) == ["log"]
    assert completions("%xpm log --e", refuse) == ["--err"]


def test_identifiers_are_as_long_as_they_must_be() -> None:
    """Identifiers that begin alike are completed with the digits that tell them apart."""
    assert shortened(["0" * 64, "0" * 12 + "1" * 52]) == ["0" * 13, "0" * 12 + "1"]
    assert shortened([]) == []
