"""What TAB completes after ``%xpm``: commands, options, their values and identifiers of jobs."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from xpmnb.notebook.magic_words import COMMANDS, options_of

LEAST_DIGITS = 8

JobsOf = Callable[[str], Iterable[str]]
"""Gives the identifiers of ``all``, ``live`` or ``failed`` jobs."""


def completions(before: str, jobs_of: JobsOf) -> list[str]:
    """Return the words that may stand where a word begins, or goes on.

    Parameters
    ----------
    before : str
        The line up to the cursor, from ``%xpm`` on.
    jobs_of : callable
        Gives identifiers; called only where a job is named.

    Returns
    -------
    list of str
        Those that begin with what is typed of the word already.
    """
    words = before.split()
    typed = "" if not words or before[-1:].isspace() else words.pop()
    return [word for word in _candidates(words[1:], typed, jobs_of) if word.startswith(typed)]


def _candidates(words: list[str], typed: str, jobs_of: JobsOf) -> list[str]:
    if not words:
        return ["--help"] if typed.startswith("-") else list(COMMANDS)
    command = COMMANDS.get(words[0])
    if command is None:
        return []
    if words[-1] in command.values:
        return list(command.values[words[-1]])
    if typed.startswith("-"):
        return [option for option in options_of(words[0]) if option not in words]
    if words[-1] in options_of(words[0], with_value=True):
        return []  # only the person knows it
    if command.jobs:
        named = ["failed"] if words[0] == "retry" else []
        return named + shortened(jobs_of(command.jobs), len(typed))
    # What is neither a job nor a value is an option, or only the person knows.
    return [] if typed else [option for option in options_of(words[0]) if option not in words]


def shortened(identifiers: Iterable[str], typed: int = 0) -> list[str]:
    """Return beginnings of identifiers that tell them apart, sorted; longer ones where typed."""
    known = sorted(set(identifiers))
    length = max(LEAST_DIGITS, typed)
    while len({each[:length] for each in known}) < len(known):
        length += 1
    return [each[:length] for each in known]
