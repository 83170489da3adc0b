"""The command ``xpmnb`` in a shell: its words, exit codes, streams, and what it loads."""

import errno
import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

import xpmnb
from tests.support.processes import DEADLINE_S, start, write_script
from tests.support.shell import begin, command, end, finished, make_job, records_in
from xpmnb import cli
from xpmnb.cli import main
from xpmnb.records.layout import JobLayout

COMMANDS = ("list", "show", "log", "cancel", "run")


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> JobLayout:
    """Give a job that is done, in ``runs``; the folder above it is the current one."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("XPMNB_SETTINGS", raising=False)
    monkeypatch.chdir(tmp_path)
    layout = make_job(records_in(tmp_path / "runs"), lr=0.1)
    begin(layout)
    end(layout)
    Path(layout.stdout).write_text("said é\n")
    return layout


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`--help` of the whole and of each command explains it, and ends well."""
    assert main(["--help"]) == 0
    assert f"\n    {name} " in capsys.readouterr().out
    assert main([name, "--help"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"usage: xpmnb {name} ")


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    """`--version` names program and version."""
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"xpmnb {xpmnb.__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        "",
        "nothing",
        "list --state",
        "list --state odd",
        "list --stat done",
        "list a b",
        "show",
        "log x --lines -1",
        "log x --lines x",
        "cancel",
        "cancel x --experiment t",
        "cancel x --grace -1",
        "cancel x --grace nan",
        "cancel x --grace inf",
        "run",
    ],
)
def test_a_wrong_command_is_told(arguments: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What cannot be understood is answered with the usage, and exit code 2."""
    assert main(arguments.split()) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("usage: xpmnb")


@pytest.mark.parametrize("name", ["show", "log", "cancel", "run"])
def test_a_job_that_is_not_there(
    name: str, layout: JobLayout, capsys: pytest.CaptureFixture[str]
) -> None:
    """A job that is not found is one line on standard error, and exit code 1."""
    assert main([name, "abcdef", "--workspace", "runs"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        "xpmnb: 'abcdef' is no job directory, and begins no identifier in the workspace "
        f"{layout.workspace.root}\n"
    )


@pytest.mark.usefixtures("layout")
def test_a_slip_in_one_name_cancels_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """When one of several jobs is not found, no other is touched."""
    assert main(["cancel", "0000", "abcdef", "--workspace", "runs"]) == 1
    assert capsys.readouterr().out == ""


@pytest.mark.usefixtures("layout")
def test_the_commands_of_a_day(capsys: pytest.CaptureFixture[str]) -> None:
    """List, show, log, cancel and run a job by what `list` shows of it."""
    assert main(["list", "runs", "--state", "done", "running", "--task", "train"]) == 0
    name = capsys.readouterr().out.splitlines()[1].split()[0]
    assert main(["list", "runs", "--state", "error", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    for arguments, words in {
        ("show",): "state      done",
        ("show", "--json"): '"state": "done"',
        ("log",): "said é",
        ("log", "--follow", "--lines", "1"): "said é",
        ("log", "--stderr"): "",
        ("cancel",): "train 00000000: it is done already",
        ("run",): "train 00000000 is done already",
    }.items():
        assert main([*arguments, name, "--workspace", "runs"]) == 0
        assert words in capsys.readouterr().out


def test_wrong_settings_are_one_line(
    layout: JobLayout, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error of the settings file names the key, and is no traceback."""
    del layout
    Path("settings.yaml").write_text("workspaces: [{id: a, path: b, max_jobs: 0}]")
    monkeypatch.setenv("XPMNB_SETTINGS", "settings.yaml")
    assert main(["list"]) == 1
    err = capsys.readouterr().err
    assert err.startswith("xpmnb: ")
    assert err.endswith("workspaces[0].max_jobs is 0; expected a whole number, at least 1\n")


def test_an_error_of_the_system_is_one_line(
    layout: JobLayout, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that cannot be read ends the command with one line."""

    def refuse(*_: object, **__: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied", "odd\x1bname")

    monkeypatch.setattr(cli, "show_job", refuse)
    assert main(["show", layout.path]) == 1
    err = capsys.readouterr().err
    assert err.startswith("xpmnb: [Errno 13] Permission denied: ")
    assert "\x1b" not in err


def test_warnings_of_the_records_are_lines(
    layout: JobLayout, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the records warn of is told without a line of the program, and only there."""

    def warn(*_: object, **__: object) -> int:
        warnings.warn("rows are missing", stacklevel=1)
        return 0

    monkeypatch.setattr(cli, "show_job", warn)
    assert main(["show", layout.path]) == 0
    assert capsys.readouterr().err == "xpmnb: rows are missing\n"
    with pytest.raises(UserWarning, match="rows"):
        warn()


def test_a_reader_that_goes_away(tmp_path: Path, layout: JobLayout) -> None:
    """When nobody reads the output any more, the command ends without a word."""
    for number in range(50):
        make_job(records_in(Path(layout.workspace.root)), identifier=f"{number:08}")
    script = write_script(
        tmp_path, "from xpmnb.cli import main\nraise SystemExit(main(['list', 'runs']))"
    )
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-W", "error", str(script), str(tmp_path)],
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            timeout=DEADLINE_S,
            check=False,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


def test_letters_that_a_terminal_lacks(layout: JobLayout) -> None:
    """A terminal without a letter gets it written out; nothing fails."""
    done = subprocess.run(
        [sys.executable, "-m", "xpmnb.cli", "log", layout.path],
        capture_output=True,
        timeout=DEADLINE_S,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONIOENCODING": "ascii"},
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"said \\xe9\n", b"")


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="there is no such terminal here")
def test_a_table_fits_the_terminal(layout: JobLayout) -> None:
    """In a terminal the table is as wide as that; elsewhere it is complete."""
    long = "long" * 50
    make_job(records_in(Path(layout.workspace.root)), identifier="f" * 64, name=long)
    near, far = os.openpty()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "xpmnb.cli", "list", "runs"],
            stdout=far,
            stderr=subprocess.PIPE,
            timeout=DEADLINE_S,
            check=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "COLUMNS": "90"},
        )
        text = os.read(near, 100_000).decode()
    finally:
        os.close(near)
        os.close(far)
    assert done.stderr == b""
    assert max(map(len, text.splitlines())) == 90
    assert long not in text


def test_reading_loads_nothing_of_a_user_and_nothing_heavy(
    tmp_path: Path, layout: JobLayout
) -> None:
    """Listing, showing and reading logs load no class of a task, no table and no widget."""
    body = """
from xpmnb.cli import main
for arguments in (["list", "runs"], ["show", sys.argv[2]], ["log", "-f", sys.argv[2]]):
    assert main(arguments) == 0
heavy = {"pandas", "numpy", "IPython", "ipywidgets", "asyncio", "yaml", "psutil"}
print(sorted(heavy & set(sys.modules)), "xpmnb.core.model" in sys.modules)
"""
    script = write_script(tmp_path, body)
    # Without what scripts of tests import for their own tasks.
    script.write_text(f"import sys\n{body}")
    code, out, err = finished(start(script, tmp_path, layout.path))
    assert code == 0, err
    assert out.endswith("[] False\n")


def test_the_command_is_installed_with_the_package() -> None:
    """The project names the function that `xpmnb` in a shell calls."""
    project = Path(__file__).parents[1] / "pyproject.toml"
    assert '[project.scripts]\nxpmnb = "xpmnb.cli:main"\n' in project.read_text()


def test_a_command_of_its_own_process(tmp_path: Path, layout: JobLayout) -> None:
    """The exit code of the process is that of the command."""
    assert finished(command(tmp_path, "show", layout.path))[0] == 0
    code, out, err = finished(command(tmp_path, "show", "nothing"))
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert finished(command(tmp_path, "nothing"))[0] == 2
