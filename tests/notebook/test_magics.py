"""What the commands of `%xpm` do."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from IPython.core.error import UsageError

from tests.support.kernels import Kernel, kernel
from xpmnb import Param, Task, current, experiment
from xpmnb.notebook.magics import XpmMagics


class Prints(Task):
    number: Param[int]
    fails: Param[bool] = False

    def execute(self) -> int:
        """Print lines, and fail where told so."""
        print("\n".join(f"line {number}" for number in range(self.number)))  # noqa: T201 (a job prints)
        if self.fails:
            raise ValueError("as told")
        return self.number


@pytest.fixture
def names() -> dict[str, Any]:
    """Return the variables of the shell."""
    return {}


@pytest.fixture
def magics(names: dict[str, Any]) -> Iterator[XpmMagics]:
    """Return the magics of a shell; what they open is closed."""
    yield XpmMagics(cast("Any", SimpleNamespace(user_ns=names)))
    while (opened := current.current()) is not None:
        opened.close()


@pytest.fixture
def xp(tmp_path: Path, magics: XpmMagics, names: dict[str, Any]) -> experiment:
    """Return an experiment that `%xpm start` has opened."""
    magics.xpm(f"start '{tmp_path / 'runs'}' digits --max-jobs 1")
    return cast("experiment", names["xp"])


def test_start_opens_an_experiment(
    xp: experiment, magics: XpmMagics, capsys: pytest.CaptureFixture[str]
) -> None:
    """`%xpm start` makes the current experiment and calls it `xp`; another name can be given."""
    assert current.current() is xp
    magics.xpm(f"start '{xp.workdir}' other --as second")
    told = f"second is the experiment 'other' in {xp.workdir}"
    assert told in capsys.readouterr().out


def test_start_takes_no_variable_away(
    magics: XpmMagics, names: dict[str, Any], tmp_path: Path
) -> None:
    """A variable that is something else stays, and nothing is opened."""
    names["xp"] = "mine"
    with pytest.raises(UsageError, match="xp is in use, for a str: take another name with --as"):
        magics.xpm(f"start '{tmp_path / 'runs'}' digits")
    with pytest.raises(UsageError, match="give the name of a variable"):
        magics.xpm(f"start '{tmp_path / 'runs'}' digits --as 1x")
    assert names == {"xp": "mine"}
    assert current.current() is None


@pytest.mark.parametrize("line", ["jobs", "cancel", "retry", "log abc", "debug abc", "panel"])
def test_without_an_experiment_a_line_says_what_to_do(magics: XpmMagics, line: str) -> None:
    """What needs an experiment says how one is opened."""
    with pytest.raises(UsageError, match="no experiment is open; %xpm start WORKSPACE NAME"):
        magics.xpm(line)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("start {0} ../digits", "digits"),
        ("start {0} digits --max-jobs 0", "max_jobs=0"),
        ("start {0} digits --launcher nowhere", "nowhere"),
        ("nonsense", "there is no 'nonsense'"),
    ],
)
def test_mistakes_are_told_without_a_traceback(
    magics: XpmMagics, tmp_path: Path, line: str, words: str
) -> None:
    """A mistake is a usage error with the words of what went wrong."""
    with pytest.raises(UsageError, match=re.escape(words)):
        magics.xpm(line.format(tmp_path / "runs"))


def test_help_is_printed(magics: XpmMagics, capsys: pytest.CaptureFixture[str]) -> None:
    """`%xpm` alone, and `--help`, print the help and give nothing back."""
    assert magics.xpm("") is None
    assert magics.xpm("log --help") is None
    out = capsys.readouterr().out
    assert "COMMAND" in out
    assert "--lines" in out


def test_jobs_are_a_table(xp: experiment, magics: XpmMagics) -> None:
    """`%xpm jobs` gives a DataFrame, which can be bound to one state or reason."""
    Prints.C(number=1).submit()
    Prints.C(number=2, fails=True).submit()
    xp.wait()
    assert len(magics.xpm("jobs")) == len(magics.xpm("jobs --all")) == 2
    assert list(magics.xpm("jobs --state done")["params.number"]) == [1]
    assert list(magics.xpm("jobs --state failed")["params.number"]) == [2]
    assert list(magics.xpm("jobs --state error")["params.number"]) == [2]
    assert len(magics.xpm("jobs --state cancelled")) == 0


def test_log_prints_the_end_of_what_was_printed(
    xp: experiment, magics: XpmMagics, capsys: pytest.CaptureFixture[str]
) -> None:
    """`%xpm log` prints the last lines of both streams, or of standard error alone."""
    job = Prints.C(number=100, fails=True).submit().job
    xp.wait()
    capsys.readouterr()
    magics.xpm(f"log {job.id[:8]} -n 2")
    out = capsys.readouterr().out
    assert "==> standard output <==\nline 98\nline 99\n==> standard error <==\n" in out
    assert "ValueError: as told" in out
    magics.xpm(f"log {job.id[:8]} --err")
    assert "line 99\n=" not in capsys.readouterr().out
    with pytest.raises(UsageError, match="give at least one line"):
        magics.xpm(f"log {job.id} -n 0")


def test_hostile_logs_are_text(
    xp: experiment, magics: XpmMagics, capsys: pytest.CaptureFixture[str]
) -> None:
    """A log with control characters and without lines is printed as text, within a bound."""
    job = Prints.C(number=1).submit().job
    xp.wait()
    job.stdout.write_bytes(b"\x1b[2J\x07" + b"x" * 3_000_000 + b"\xff")
    capsys.readouterr()
    magics.xpm(f"log {job.id}")
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert len(out) <= 1_000_001
    job.stdout.unlink()
    magics.xpm(f"log {job.id}")
    assert "has printed nothing" in capsys.readouterr().out


def test_a_job_is_named_by_its_beginning(xp: experiment, magics: XpmMagics) -> None:
    """What no job, or more than one, begins with is refused with those that there are."""
    job = Prints.C(number=1).submit().job
    xp.wait()
    with pytest.raises(UsageError, match=f"begins with 'zz'; this run has {job.id[:8]}"):
        magics.xpm("log zz")


def test_cancel_asks_jobs_to_stop(
    xp: experiment, magics: XpmMagics, capsys: pytest.CaptureFixture[str]
) -> None:
    """`%xpm cancel` without a job asks all, and tells how many; with one, what came of it."""
    job = Prints.C(number=1).submit().job
    xp.wait()
    capsys.readouterr()
    magics.xpm("cancel")
    magics.xpm(f"cancel {job.id}")
    out = capsys.readouterr().out
    assert "no job runs or waits" in out
    assert "has ended already" in out


def test_retry_runs_what_failed_again(
    xp: experiment, magics: XpmMagics, capsys: pytest.CaptureFixture[str]
) -> None:
    """`%xpm retry` runs all failed jobs again, or those that are named."""
    job = Prints.C(number=3, fails=True).submit().job
    xp.wait()
    capsys.readouterr()
    magics.xpm("retry")
    xp.wait()
    magics.xpm("retry failed")
    xp.wait()
    magics.xpm(f"retry {job.id[:8]}")
    xp.wait()
    out = capsys.readouterr().out
    assert out.count("1 job will run again") == 2
    assert re.search(r"<Job .*prints .*> will run again", out)
    good = Prints.C(number=1).submit().job
    xp.wait()
    with pytest.raises(UsageError, match="only a job that failed can be run again"):
        magics.xpm(f"retry {good.id}")


def test_completion_knows_the_jobs(xp: experiment, magics: XpmMagics) -> None:
    """Each command is offered the jobs that it may be about."""
    good, bad = Prints.C(number=1).submit().job, Prints.C(number=2, fails=True).submit().job
    xp.wait()
    assert set(magics.identifiers("all")) == {good.id, bad.id}
    assert magics.identifiers("failed") == [bad.id]
    assert magics.identifiers("live") == []
    xp.close()
    assert magics.identifiers("all") == []


def matches(shell: Kernel, code: str) -> list[str]:
    """Return what a front end is offered at the end of a cell."""
    reply = shell.client.complete(code, reply=True, timeout=60)
    return list(reply["content"]["matches"])


@pytest.mark.parametrize("jedi", [True, False])
def test_a_kernel_completes_and_helps(tmp_path: Path, *, jedi: bool) -> None:
    """In a kernel the magic is loaded, completed, explained, refused in a line, and unloaded."""
    with kernel(tmp_path) as shell:
        shell.run(f"%config Completer.use_jedi = {jedi}\n%load_ext xpmnb\n%load_ext xpmnb")
        out = shell.run(f"%xpm start {tmp_path / 'runs'} digits --max-jobs 2")
        assert "xp is the experiment 'digits'" in out
        shell.run(
            "from xpmnb import Task, Param\n"
            "class T(Task):\n    x: Param[int]\n    def execute(self): print('trained')\n"
            "job = T.C(x=1).submit().job; xp.wait()"
        )
        assert matches(shell, "%xpm ca") == ["cancel"]
        assert "jobs" in matches(shell, "%xpm ")
        assert matches(shell, "%xpm jobs --st") == ["--state"]
        assert matches(shell, "a = 1\n%xpm jobs --state don") == ["done"]
        assert matches(shell, "frame = %xpm jobs --al") == ["--all"]
        assert "cancel" not in matches(shell, "print('%xpm ca")
        assert shell.run("print(job.id[:8])").split() == matches(shell, "%xpm log ")
        assert "trained" in shell.run("%xpm log {job.id}")
        assert "usage: %xpm" in shell.run("%xpm --help")
        told = shell.run(
            "from IPython.utils.capture import capture_output\n"
            "with capture_output() as captured:\n"
            "    get_ipython().run_cell('%xpm nonsense')\n"
            "print(captured.stderr, captured.stdout)"
        )
        assert told.strip().startswith("UsageError: %xpm: there is no 'nonsense'")
        assert len(told.strip().splitlines()) == 1
        shell.run("xp.close()\n%unload_ext xpmnb")
        assert "cancel" not in matches(shell, "%xpm ca")


def test_a_terminal_has_the_magic_too(tmp_path: Path) -> None:
    """IPython in a terminal prints what a notebook shows."""
    cells = (
        "%load_ext xpmnb",
        f"%xpm start {tmp_path / 'runs'} digits",
        "print(len(get_ipython().run_line_magic('xpm', 'jobs')))",
        "%xpm log --help",
        "xp.close()",
    )
    done = subprocess.run(
        [sys.executable, "-m", "IPython", "--no-banner", "--quick", "--colors=nocolor"],
        input="\n".join(cells) + "\n",
        env={**os.environ, "IPYTHONDIR": str(tmp_path / "ipython"), "TERM": "dumb"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "xp is the experiment 'digits'" in done.stdout
    assert "usage: %xpm log" in done.stdout
    assert "Error" not in done.stdout
