"""``xpmnb log``: what jobs printed, of live kernels, dead ones, and jobs that wait."""

import time
from pathlib import Path

import pytest

from tests.support.processes import DEADLINE_S, await_line, finish, start, write_script
from tests.support.shell import begin, command, end, finished, make_job, records_in
from xpmnb.commands.logs import print_log
from xpmnb.records.layout import JobLayout
from xpmnb.records.states import FailureReason

_KERNEL = """
class Talks(Task):
    def execute(self):
        for line in sys.stdin:
            print(line, end="", flush=True)
            if line == "end\\n":
                break

xp = experiment(ROOT / "runs", "t", max_jobs=2).start()
held = Held.C(key="a").submit()
gates.await_begin("a")
talks = Talks.C().add_dependencies(held).submit()
try:
    xp.wait(0)
except TimeoutError:
    pass  # now the index of the run is written, which lags a little otherwise
print("ready", flush=True)
print(talks.job.path, flush=True)
sys.stdin.readline()
gates.open("a")
xp.close()
"""


@pytest.fixture
def layout(tmp_path: Path) -> JobLayout:
    """Give a job that is done and has printed nothing."""
    layout = make_job(records_in(tmp_path / "runs"))
    begin(layout)
    end(layout)
    return layout


def printed(
    layout: JobLayout,
    capsys: pytest.CaptureFixture[str],
    *,
    follow: bool = False,
    only_stderr: bool = False,
    lines: int | None = None,
) -> str:
    """Return what is printed of the log of a job."""
    assert print_log(layout, follow=follow, only_stderr=only_stderr, lines=lines) == 0
    return capsys.readouterr().out


def test_one_stream_is_printed_as_it_is(
    layout: JobLayout, capsys: pytest.CaptureFixture[str]
) -> None:
    """What one stream holds is printed without any addition."""
    assert printed(layout, capsys) == ""
    Path(layout.stdout).write_text("a\nb")
    assert printed(layout, capsys) == "a\nb"
    assert printed(layout, capsys, only_stderr=True) == ""
    Path(layout.stderr).touch()
    assert printed(layout, capsys) == "a\nb"


def test_two_streams_have_headings(layout: JobLayout, capsys: pytest.CaptureFixture[str]) -> None:
    """Where both streams hold something, each is printed below its name."""
    Path(layout.stdout).write_text("out")
    Path(layout.stderr).write_text("err\n")
    assert printed(layout, capsys) == "==> train.out <==\nout\n\n==> train.err <==\nerr\n"
    assert printed(layout, capsys, only_stderr=True) == "err\n"


@pytest.mark.parametrize(
    ("content", "lines", "expected"),
    [
        ("a\nb\nc\n", 2, "b\nc\n"),
        ("a\nb\nc", 2, "b\nc"),
        ("a\nb\n", 0, ""),
        ("a\nb\n", 9, "a\nb\n"),
        ("\n\n\n", 2, "\n\n"),
        ("", 2, ""),
    ],
)
def test_the_last_lines(
    layout: JobLayout,
    capsys: pytest.CaptureFixture[str],
    content: str,
    lines: int,
    expected: str,
) -> None:
    """Only the last lines are printed where that is asked for."""
    Path(layout.stdout).write_text(content)
    assert printed(layout, capsys, lines=lines) == expected
    assert printed(layout, capsys, lines=lines, follow=True) == expected


def test_invalid_text_and_long_lines_are_printed(
    layout: JobLayout, capsys: pytest.CaptureFixture[str]
) -> None:
    """Bytes that are no text are shown as such, and megabytes without a newline are printed."""
    Path(layout.stdout).write_bytes(b"\xff" + b"x" * 3_000_000)
    assert printed(layout, capsys) == "\\xff" + "x" * 3_000_000
    assert printed(layout, capsys, lines=1).endswith("x")


def test_following_a_job_that_has_ended(
    layout: JobLayout, capsys: pytest.CaptureFixture[str]
) -> None:
    """All is printed, the end is told beside it, and the command ends at once."""
    Path(layout.stdout).write_text("a\n")
    assert print_log(layout, follow=True, only_stderr=False) == 0
    assert capsys.readouterr() == ("a\n", "train 00000000: done\n")


def test_following_a_job_of_a_dead_kernel(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A job that was lost without an end is over: its log is printed, and that it is lost."""
    layout = make_job(records_in(tmp_path / "runs"))
    begin(layout)
    Path(layout.stderr).write_text("last words\n")
    assert print_log(layout, follow=True, only_stderr=False) == 0
    out, err = capsys.readouterr()
    assert out == "last words\n"
    assert err.startswith("train 00000000: error (lost): its process ended")
    end(layout, FailureReason.MEMORY, message="out\nof memory")
    assert print_log(layout, follow=True, only_stderr=True) == 0
    assert capsys.readouterr().err == "train 00000000: error (memory): out\\nof memory\n"


def test_following_a_job_of_a_live_kernel(tmp_path: Path) -> None:
    """Lines come while the job runs, and the end of the job is the end of the command."""
    kernel = start(write_script(tmp_path, _KERNEL), tmp_path)
    await_line(kernel, "ready")
    assert kernel.stdout is not None
    assert kernel.stdin is not None
    follower = command(tmp_path, "log", kernel.stdout.readline().strip(), "--follow")
    assert follower.stdout is not None
    kernel.stdin.write("go\nfirst\n")
    kernel.stdin.flush()
    assert follower.stdout.readline() == "first\n"
    assert follower.poll() is None
    out, err = kernel.communicate("second\nend\n", timeout=DEADLINE_S)
    assert kernel.returncode == 0, (out, err)
    code, out, err = finished(follower)
    assert (code, out) == (0, "second\nend\n")
    assert err.endswith(": done\n")


def test_following_a_job_that_waits(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job that has no file and no directory yet is waited for, and then followed to its end."""
    kernel = start(write_script(tmp_path, _KERNEL), tmp_path)
    await_line(kernel, "ready")
    assert kernel.stdout is not None
    assert kernel.stdin is not None
    stdin = kernel.stdin
    place = kernel.stdout.readline().strip()
    existed: list[bool] = []
    sleep = time.sleep

    def pause(seconds: float) -> None:
        if not existed:
            existed.append(Path(place).exists())
            stdin.write("go\nfirst\nend\n")
            stdin.flush()
        sleep(seconds)

    monkeypatch.setattr(time, "sleep", pause)
    layout = JobLayout(place)
    assert print_log(layout, follow=True, only_stderr=False) == 0
    assert existed == [False]
    assert capsys.readouterr().out == "first\nend\n"
    finish(kernel)


def test_ctrl_c_ends_the_following(tmp_path: Path) -> None:
    """Ctrl-C ends the command without a traceback, and the job goes on."""
    body = """
import subprocess
xp = experiment(ROOT / "runs", "t").start()
held = Held.C(key="a").submit()
gates.await_begin("a")
print(held.job.path, flush=True)
sys.stdin.readline()
gates.open("a")
xp.close()
print(held.job.state.value)
"""
    kernel = start(write_script(tmp_path, body), tmp_path)
    assert kernel.stdout is not None
    assert kernel.stdin is not None
    place = kernel.stdout.readline().strip()
    layout = JobLayout(place)
    with open(layout.stdout, "a") as file:
        file.write("said\n")
    follower = command(tmp_path, "log", place, "-f")
    assert follower.stdout is not None
    assert follower.stdout.readline() == "said\n"
    follower.send_signal(2)
    assert finished(follower) == (130, "", "")
    kernel.stdin.write("\n")
    kernel.stdin.flush()
    out, _ = finish(kernel)
    assert out == "done\n"
