"""The command ``xpmnb``: what a person types in a shell.

It reads records. Only ``xpmnb run`` imports what a user wrote.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from xpmnb.commands.adopting import adopt, forget, list_aliases
from xpmnb.commands.cancelling import cancel_jobs, unended_jobs
from xpmnb.commands.display import escaped
from xpmnb.commands.listing import Filter, list_jobs
from xpmnb.commands.locating import find_job, find_workspace
from xpmnb.commands.logs import print_log
from xpmnb.commands.running import run_job
from xpmnb.commands.showing import show_job
from xpmnb.errors import XpmnbError
from xpmnb.records.states import STATE_VALUES, FailureReason
from xpmnb.version import __version__

__all__ = ["main"]

_FAILED = 1
_WRONG = 2
_INTERRUPTED = 130
"""What shells expect of a program that Ctrl-C ended."""

_JOB = (
    "a job directory, a file in it, or at least 4 characters from the beginning of an "
    "identifier, as `xpmnb list` shows them"
)
_WORKSPACE = (
    "a directory, or an id of the settings file; by default the current directory, "
    "else ./xpm-workspace, else the first workspace of the settings"
)
_STATES = tuple(dict.fromkeys((*STATE_VALUES, *(reason.value for reason in FailureReason))))

_Command = Callable[[argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the function that ``xpmnb`` in a shell calls.

    Parameters
    ----------
    arguments
        What follows the name of the program; by default that of this process.

    Returns
    -------
    int
        The exit code: 0 if all went well, 1 if something failed, 2 for a wrong command, 130 after
        Ctrl-C.
    """
    for stream in (sys.stdout, sys.stderr):
        # What a job printed or is called must not fail for want of a letter in a terminal.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        parsed = _parser().parse_args(arguments)
    except SystemExit as end:  # argparse has said what is wrong, or has shown its help
        return end.code if isinstance(end.code, int) else 0
    command: _Command = parsed.command
    try:
        code = command(parsed)
        sys.stdout.flush()
    except BrokenPipeError:
        _discard_output()
        return _FAILED
    except KeyboardInterrupt:
        return _INTERRUPTED
    except (XpmnbError, OSError) as error:
        print(f"xpmnb: {escaped(str(error))}", file=sys.stderr)
        return _FAILED
    return code


def _discard_output() -> None:
    """Send what is still in the buffer nowhere: Python would complain of it at its end."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="xpmnb",
        description="Look at the jobs of a workspace, and act on them.",
        epilog="xpmnb COMMAND --help tells more of a command.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"xpmnb {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_list(commands)
    _add_show(commands)
    _add_log(commands)
    _add_cancel(commands)
    _add_run(commands)
    _add_adopt(commands)
    return parser


def _add_command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    summary: str,
    more: str,
    command: _Command,
) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        name, help=summary, description=f"{summary}. {more}", allow_abbrev=False
    )
    parser.set_defaults(command=command)
    return parser


def _add_list(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    more = "One line for each, the newest last: identifier, task, state, start, duration, tags."
    parser = _add_command(commands, "list", "List the jobs of a workspace", more, _list)
    parser.add_argument("workspace", nargs="?", metavar="WORKSPACE", help=_WORKSPACE)
    parser.add_argument("--experiment", metavar="NAME", help="only what this one submitted")
    parser.add_argument(
        "--state",
        nargs="+",
        action="extend",
        default=[],
        choices=_STATES,
        metavar="STATE",
        help=f"only jobs in these states, or that failed for these reasons: {', '.join(_STATES)}",
    )
    parser.add_argument("--task", metavar="NAME", help="only jobs of this task, by its name")
    _add_json(parser)


def _add_show(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    more = "State, failure, times, parameters, tags, metrics, result, and the files it has."
    parser = _add_command(commands, "show", "Show all that is known of a job", more, _show)
    _add_job(parser)
    _add_json(parser)


def _add_log(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    more = "Standard output, then standard error; each with its name where there are both."
    parser = _add_command(commands, "log", "Print what a job printed", more, _log)
    _add_job(parser)
    parser.add_argument("-f", "--follow", action="store_true", help="go on until the job has ended")
    parser.add_argument("--stderr", action="store_true", help="standard error only")
    parser.add_argument(
        "-n", "--lines", type=_count, metavar="N", help="only the last N lines of each"
    )


def _add_cancel(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    more = (
        "A job in a process of its own is sent SIGTERM, and killed after the grace. For a job "
        "in a thread of a kernel, that kernel is asked. The exit code is 1 if one goes on."
    )
    parser = _add_command(commands, "cancel", "Stop jobs, and wait for their ends", more, _cancel)
    parser.add_argument("jobs", nargs="*", metavar="JOB", help=_JOB)
    parser.add_argument(
        "--experiment",
        metavar="NAME",
        help="instead of JOB: what has not ended of the newest run of this experiment",
    )
    _add_workspace(parser)
    parser.add_argument(
        "--grace",
        type=_seconds,
        default=10.0,
        metavar="SECONDS",
        help="time to clean up before the kill (default: 10)",
    )
    parser.add_argument("--no-wait", action="store_true", help="only ask, and kill nothing")
    parser.set_defaults(usage=parser.format_usage())


def _add_run(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    more = "As `python [NAME].py` in its directory does. The exit code is 0 if it is done."
    parser = _add_command(commands, "run", "Run a job in this shell", more, _run)
    _add_job(parser)


def _add_adopt(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    more = (
        "A name is that of a class (digits.train), or of a notebook or module (digits) for all "
        "that is declared there. Finished jobs of the old name are then taken over when they are "
        "submitted under the new one, instead of being run again."
    )
    summary = "Keep results under a new name"
    parser = _add_command(commands, "adopt", summary, more, _adopt)
    parser.add_argument("old", nargs="?", metavar="OLD", help="what it was called")
    parser.add_argument("new", nargs="?", metavar="NEW", help="what it is called now")
    _add_workspace(parser, "where the jobs are")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--list", action="store_true", help="show what is recorded")
    what.add_argument("--remove", action="store_true", help="take back what was recorded")
    parser.set_defaults(usage=parser.format_usage())


def _add_job(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("job", metavar="JOB", help=_JOB)
    _add_workspace(parser)


def _add_workspace(
    parser: argparse.ArgumentParser, what: str = "where identifiers are looked for"
) -> None:
    parser.add_argument("--workspace", metavar="WORKSPACE", help=f"{what}: {_WORKSPACE}")


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")


def _count(text: str) -> int:
    number = int(text) if text.isdecimal() else -1
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of lines")
    return number


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no time in seconds")
    return seconds


def _list(parsed: argparse.Namespace) -> int:
    wanted = Filter(parsed.experiment, tuple(parsed.state), parsed.task)
    with _warnings_in_one_line():
        records = find_workspace(parsed.workspace)
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        return list_jobs(records, wanted, as_json=parsed.json, width=width)


def _show(parsed: argparse.Namespace) -> int:
    with _warnings_in_one_line():
        return show_job(find_job(parsed.job, parsed.workspace), as_json=parsed.json)


def _log(parsed: argparse.Namespace) -> int:
    with _warnings_in_one_line():
        return print_log(
            find_job(parsed.job, parsed.workspace),
            follow=parsed.follow,
            only_stderr=parsed.stderr,
            lines=parsed.lines,
        )


def _cancel(parsed: argparse.Namespace) -> int:
    with _warnings_in_one_line():
        if bool(parsed.jobs) == (parsed.experiment is not None):
            sys.stderr.write(parsed.usage)
            print("xpmnb cancel: error: give jobs, or --experiment NAME", file=sys.stderr)
            return _WRONG
        if parsed.experiment is not None:
            unended = unended_jobs(find_workspace(parsed.workspace), parsed.experiment)
            if not unended:
                print(f"no job of {escaped(parsed.experiment)} is left to stop")
            return cancel_jobs(unended, grace_s=parsed.grace, wait=not parsed.no_wait)
        # All of them before the first is stopped: a slip in the last name stops nothing.
        layouts = [find_job(job, parsed.workspace) for job in parsed.jobs]
        unique = list(dict.fromkeys(layouts))
        return cancel_jobs(unique, grace_s=parsed.grace, wait=not parsed.no_wait)


def _run(parsed: argparse.Namespace) -> int:
    return run_job(find_job(parsed.job, parsed.workspace))


def _adopt(parsed: argparse.Namespace) -> int:
    names = [name for name in (parsed.old, parsed.new) if name is not None]
    if len(names) != (0 if parsed.list else 2):
        sys.stderr.write(parsed.usage)
        print("xpmnb adopt: error: give OLD and NEW, or --list", file=sys.stderr)
        return _WRONG
    with _warnings_in_one_line():
        records = find_workspace(parsed.workspace)
        if parsed.list:
            return list_aliases(records)
        return (forget if parsed.remove else adopt)(records, *names)


@contextmanager
def _warnings_in_one_line() -> Iterator[None]:
    """Print what the records warn of as a person reads it, without a line of our code."""

    def show(message: Warning | str, *_: object, **__: object) -> None:
        print(f"xpmnb: {escaped(str(message))}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = show
        yield


if __name__ == "__main__":
    raise SystemExit(main())
