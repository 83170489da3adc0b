"""``%xpm`` in a cell: what each command does. Its words are in ``magic_words.py``."""

from __future__ import annotations

from argparse import Namespace
from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.display import display

from xpmnb import current
from xpmnb.errors import XpmnbError
from xpmnb.experiments import experiment
from xpmnb.markup import shown
from xpmnb.notebook.magic_words import REASONS, HelpWanted, WordsError, parse
from xpmnb.records.following import TextFollower
from xpmnb.run_control import run_of

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from xpmnb.scheduler.jobs import Job

# What a cell prints is kept in the notebook.
_MOST_CHARS = 1_000_000
_LISTED = 8


class XpmMagics:
    """The magics of one shell. The thread that executes cells.

    Parameters
    ----------
    shell : InteractiveShell
        Where variables are set.
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._commands: dict[str, Callable[[Namespace], Any]] = {
            "start": self._start,
            "jobs": self._jobs,
            "panel": self._panel,
            "cancel": self._cancel,
            "retry": self._retry,
            "log": self._log,
            "debug": self._debug,
        }

    def xpm(self, line: str) -> Any:
        """Start experiments, and look after their jobs; ``%xpm`` alone tells the commands.

        Raises
        ------
        UsageError
            With one line that says what to do; the shell shows it without a traceback.
        """
        try:
            words = parse(line)
            return self._commands[words.command](words)
        except HelpWanted as wanted:
            print(wanted, end="")  # noqa: T201 (to the person)
            return None
        except (WordsError, XpmnbError) as error:
            raise UsageError(f"%xpm: {error}") from None

    def _start(self, words: Namespace) -> None:
        variable = words.variable
        if not variable.isidentifier():
            raise WordsError(f"--as {variable}: give the name of a variable")
        there = self._shell.user_ns.get(variable)
        if there is not None and not isinstance(there, experiment):
            kind = type(there).__name__
            raise WordsError(f"{variable} is in use, for a {kind}: take another name with --as")
        try:
            opened = experiment(
                words.workspace,
                words.name,
                launcher=words.launcher,
                max_jobs=words.max_jobs,
                max_retries=words.max_retries,
                on_code_change=words.on_code_change,
            ).start()
        except ValueError as error:
            raise WordsError(str(error)) from None
        self._shell.user_ns[variable] = opened
        _say(f"{variable} is the experiment {opened.name!r} in {opened.workdir}")

    def _jobs(self, words: Namespace) -> Any:
        frame = _current().jobs("all" if words.all else None)
        if words.state is None:
            return frame
        if words.state == "failed":
            return frame[frame["state"] == "error"]
        column = "failure" if words.state in REASONS else "state"
        return frame[frame[column] == words.state]

    def _panel(self, _: Namespace) -> None:
        display(_current())  # type: ignore[no-untyped-call] # IPython

    def _cancel(self, words: Namespace) -> None:
        opened = _current()
        if not words.job:
            asked = opened.cancel()
            _say(f"asked {_counted(asked)} to stop" if asked else "no job runs or waits")
            return
        for job in _found(opened, words.job):
            _say(f"asked {job!r} to stop" if job.cancel() else f"{job!r} has ended already")

    def _retry(self, words: Namespace) -> None:
        opened = _current()
        if not words.job or words.job == ["failed"]:
            jobs = opened.retry_failed()
            _say(f"{_counted(len(jobs))} will run again" if jobs else "no job has failed")
            return
        for job in _found(opened, words.job):
            _say(f"{job.retry()!r} will run again")

    def _log(self, words: Namespace) -> None:
        if words.lines < 1:
            raise WordsError(f"-n {words.lines}: give at least one line")
        (job,) = _found(_current(), [words.job])
        streams = {"standard error": job.stderr}
        if not words.err:
            streams = {"standard output": job.stdout, **streams}
        texts = {
            name: text for name, path in streams.items() if (text := _tail(str(path), words.lines))
        }
        if not texts:
            _say(f"{job!r} has printed nothing")
        for name, text in texts.items():
            if len(texts) > 1:
                _say(f"==> {name} <==")
            print(text, end="" if text.endswith("\n") else "\n")  # noqa: T201 (to the person)

    def _debug(self, words: Namespace) -> Any:
        (job,) = _found(_current(), [words.job])
        return job.debug()

    def identifiers(self, which: str) -> list[str]:
        """Return identifiers for the completion; none where there is no experiment.

        Parameters
        ----------
        which : str
            ``all`` jobs of the run, the ``live`` or the ``failed`` ones.
        """
        opened = current.current()
        if opened is None:
            return []
        run = run_of(opened)
        if which == "live":
            return [job.id for job in run.live.copy()]
        return list(run.failed.copy() if which == "failed" else run.submitted_ids.copy())


def _current() -> experiment:
    opened = current.current()
    if opened is None:
        raise WordsError("no experiment is open; %xpm start WORKSPACE NAME opens one")
    return opened


def _found(opened: experiment, wanted: Iterable[str]) -> list[Job]:
    """Return jobs by the beginnings of their identifiers: all, before anything is done to one."""
    found = []
    for each in wanted:
        try:
            found.append(opened.job(each))
        except LookupError as error:
            raise WordsError(f"{error.args[0]}{_known(opened)}") from None
    return found


def _known(opened: experiment) -> str:
    known = sorted(each[:_LISTED] for each in run_of(opened).submitted_ids)
    listing = ", ".join(known[:_LISTED]) + (", ..." if len(known) > _LISTED else "")
    return f"; this run has {listing}" if known else "; this run has no jobs yet"


def _tail(path: str, lines: int) -> str:
    """Return the last lines of a file that may be huge, be missing, or hold anything."""
    follower = TextFollower(path)
    kept: deque[str] = deque(maxlen=lines)
    torn = ""
    while text := follower.read_new():
        *whole, torn = (torn + text).split("\n")
        kept.extend(f"{line}\n"[-_MOST_CHARS:] for line in whole)
        torn = torn[-_MOST_CHARS:]
    return shown("".join([*kept, torn])[-_MOST_CHARS:]) if torn or kept else ""


def _counted(count: int) -> str:
    return "1 job" if count == 1 else f"{count:,} jobs"


def _say(words: str) -> None:
    print(words)  # noqa: T201 (to the person)
