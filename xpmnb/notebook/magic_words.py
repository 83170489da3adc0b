"""The words of ``%xpm``: its subcommands, their options and their help; nothing is done here.

Parsing never ends the process and prints nothing: what argparse would print is in the errors.
"""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn

DEFAULT_LINES = 50
"""So many lines of a log are shown."""

STATES = ("waiting", "ready", "scheduled", "running", "done", "error")
REASONS = ("cancelled", "dependency", "failed", "lost", "memory", "timeout")
LAUNCHERS = ("process", "thread")
POLICIES = ("error", "ignore", "rerun", "warn")

_EPILOG = "JOB is the beginning of a job's identifier. %xpm COMMAND --help tells more of a command."


class WordsError(Exception):
    """What was typed is no command; the message says what to type instead."""


class HelpWanted(Exception):  # noqa: N818 (what somebody wants is no error)
    """Somebody asked for help; the message is the help."""


@dataclass(frozen=True, slots=True)
class Command:
    """A subcommand: its words, and which jobs it is about."""

    help: str
    add_options: Callable[[argparse.ArgumentParser], object]
    jobs: str = ""
    """Which jobs its argument names: ``all``, ``live``, ``failed``; empty for none."""
    values: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """What may stand after an option."""


class _Formatter(argparse.HelpFormatter):
    """Writes help of one width, whatever terminal the kernel was started in."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=28, width=88)


class _Parser(argparse.ArgumentParser):
    """Raises where argparse would print and end the process."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=_Formatter, **options)
        self.color = False  # from Python 3.14 on there are escapes in it else

    def error(self, message: str) -> NoReturn:
        raise WordsError(f"{message}; see {self.prog} --help")

    def print_help(self, file: object = None) -> None:  # noqa: ARG002 (as argparse calls it)
        raise HelpWanted(self.format_help())

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        raise WordsError(message or f"{self.prog}: ended with {status}")


def _start(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("workspace", help="directory, or id of a workspace in the settings file")
    parser.add_argument("name", help="name of the experiment")
    parser.add_argument("--launcher", metavar="NAME", help="where jobs run: thread or process")
    parser.add_argument("--max-jobs", type=int, metavar="N", help="how many run at a time")
    parser.add_argument("--max-retries", type=int, metavar="N", help="runs after a timeout")
    parser.add_argument(
        "--on-code-change",
        choices=POLICIES,
        default="warn",
        help="what becomes of results of other code (default: warn)",
    )
    parser.add_argument(
        "--as", dest="variable", default="xp", metavar="VARIABLE", help="its variable (default: xp)"
    )


def _jobs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--state", choices=sorted({*STATES, *REASONS}), help="only these jobs")
    parser.add_argument("--all", action="store_true", help="those of every run of the experiment")


def _cancel(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("job", nargs="*", metavar="JOB", help="by default all that have not ended")


def _retry(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "job", nargs="*", metavar="JOB", help="by default, and for the word failed: all that failed"
    )


def _log(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("job", metavar="JOB", help="which job")
    parser.add_argument(
        "-n",
        "--lines",
        type=int,
        default=DEFAULT_LINES,
        metavar="N",
        help=f"the last N lines (default: {DEFAULT_LINES})",
    )
    parser.add_argument("--err", action="store_true", help="standard error alone")


def _debug(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("job", metavar="JOB", help="which job; it must have failed")


def _nothing(_: argparse.ArgumentParser) -> None:
    pass


COMMANDS: dict[str, Command] = {
    "start": Command(
        "start an experiment, and call it xp",
        _start,
        values={"--launcher": LAUNCHERS, "--on-code-change": POLICIES},
    ),
    "jobs": Command(
        "the jobs of this run as a DataFrame",
        _jobs,
        values={"--state": tuple(sorted({*STATES, *REASONS}))},
    ),
    "panel": Command("show the experiment with all its jobs", _nothing),
    "cancel": Command("ask jobs to stop", _cancel, jobs="live"),
    "retry": Command("run failed jobs again", _retry, jobs="failed"),
    "log": Command("print what a job printed", _log, jobs="all"),
    "debug": Command("run a failed job again here, in the debugger", _debug, jobs="failed"),
}
"""The subcommands, in the order of the help."""


def _parsers() -> tuple[_Parser, dict[str, _Parser]]:
    parser = _Parser(
        prog="%xpm",
        description="Start experiments, and look after their jobs.",
        epilog=_EPILOG,
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    parsers = {}
    for name, command in COMMANDS.items():
        made = commands.add_parser(
            name,
            help=command.help,
            description=f"{command.help[0].upper()}{command.help[1:]}.",
        )
        command.add_options(made)
        parsers[name] = made
    return parser, parsers


def parse(line: str) -> argparse.Namespace:
    """Return what a line says, after ``%xpm``.

    Raises
    ------
    HelpWanted
        If it asks for help, or is empty.
    WordsError
        If it is no command.
    """
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise WordsError(f"{error}: close the quotes") from None
    if not words:
        raise HelpWanted(help_text())
    parser, _ = _parsers()
    if not words[0].startswith("-") and words[0] not in COMMANDS:
        raise WordsError(f"there is no {words[0]!r}: take one of {', '.join(COMMANDS)}")
    found = parser.parse_args(words)
    if found.command is None:
        raise HelpWanted(help_text())
    return found


def help_text() -> str:
    """Return the help of ``%xpm``."""
    return _parsers()[0].format_help()


def options_of(command: str, *, with_value: bool = False) -> list[str]:
    """Return the options of a subcommand.

    Parameters
    ----------
    command : str
        Its name; an unknown one has no options.
    with_value : bool
        Only those after which a value stands, in all spellings; else of each the long one.
    """
    parser = _parsers()[1].get(command)
    # argparse tells its actions no other way.
    actions = [] if parser is None else parser._actions  # noqa: SLF001
    if with_value:
        return [name for each in actions if each.nargs != 0 for name in each.option_strings]
    return [each.option_strings[-1] for each in actions if each.option_strings]
