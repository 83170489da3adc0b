"""Tasks of an importable module that do what a test names, in threads and in processes.

They are steered by files, since a process shares nothing else with its test.
"""

import ctypes
import json
import os
import resource
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.nurseries import await_true
from xpmnb import (
    Config,
    DependentMarker,
    GracefulTimeout,
    LightweightTask,
    Meta,
    Param,
    PathGenerator,
    ResumableTask,
    Task,
    TaskCancelled,
    field,
    param_group,
    partial,
)

POLL_S = 0.005
# A task that a failed test leaves behind ends by itself.
LONG_S = 60.0


def pause_until(predicate: Callable[[], object]) -> None:
    """Wait, in small steps that can be interrupted, and not for ever."""
    until = time.monotonic() + LONG_S
    while not predicate() and time.monotonic() < until:
        time.sleep(POLL_S)


class Act(Task):
    """Does one of the actions below."""

    what: Param[str]
    root: Meta[Path]

    def execute(self) -> Any:
        return globals()[f"do_{self.what}"](self)


class Take(Task):
    """Tells how many of its kind run beside it."""

    x: Param[int]
    root: Meta[Path]

    def execute(self) -> int:
        """Return the most that were seen at a time."""
        mine = self.root / f"{self.x}.taken"
        mine.touch()
        seen = []
        for _ in range(5):
            seen.append(len(list(self.root.glob("*.taken"))))
            time.sleep(POLL_S)
        mine.unlink()
        return max(seen)


class Persist(ResumableTask):
    """Does one of the actions below, and may be run again."""

    what: Param[str]
    root: Meta[Path]

    def execute(self) -> Any:
        return globals()[f"do_{self.what}"](self)


def begin(task: Any) -> None:
    """Let the test see that the task runs."""
    (task.root / "begun").touch()


def hold(task: Any) -> None:
    """Begin, and wait for the file ``go``."""
    begin(task)
    pause_until((task.root / "go").exists)


def await_begin(root: Path) -> None:
    """Wait, in a test, until its task runs."""
    await_true((root / "begun").exists, "the beginning of the task")


def pid_of(job: Any) -> int:
    """Return the process of the last attempt at a job, as its journal tells."""
    lines = (job.path / "__xpm__/events.jsonl").read_text().splitlines()
    starts = [each for each in map(json.loads, lines) if each["event"] == "started"]
    pid: int = starts[-1]["pid"]
    return pid


# --- streams


def do_print(_: Act) -> None:
    """Print to both streams of Python."""
    sys.stdout.write("printed\n")
    sys.stderr.write("complained\n")


def do_write_below(_: Act) -> None:
    """Write to the descriptors, by a subprocess, and by C."""
    os.write(1, b"by descriptor\n")
    subprocess.run(["/bin/sh", "-c", "echo by subprocess; echo its complaint >&2"], check=True)
    libc = ctypes.CDLL(None)
    libc.puts(b"by C")
    libc.fflush(None)


# --- endings


def do_nothing(_: Act) -> str:
    """Return at once."""
    return "done"


def do_return_object(_: Act) -> object:
    """Return what is no JSON."""
    return object()


def do_return_numbers(_: Act) -> Any:
    """Return JSON."""
    return {"accuracy": 0.5, "steps": [1, 2]}


def do_raise(_: Act) -> None:
    """Raise an error of its own."""
    raise ValueError("a bad value")


def do_exit(_: Act) -> None:
    """Leave with a code."""
    sys.exit(3)


def do_exit_well(_: Act) -> None:
    """Leave without a code."""
    sys.exit()


def do_interrupt(_: Act) -> None:
    """Raise what Ctrl-C raises."""
    raise KeyboardInterrupt


def do_exhaust(_: Act) -> None:
    """Raise what Python raises when memory runs out."""
    raise MemoryError("no more")


def do_give_up(_: Act) -> None:
    """Say that the time does not suffice."""
    raise GracefulTimeout("not enough for another step")


def do_fail_in_thread(_: Act) -> str:
    """Leave and raise in threads of the task."""
    for target in (sys.exit, fail):
        thread = threading.Thread(target=target)
        thread.start()
        thread.join()
    return "done"


def fail() -> None:
    """Be the body of a thread that fails."""
    raise ValueError("in a thread")


# --- deaths


def do_os_exit(_: Act) -> None:
    """Leave without a word."""
    os._exit(7)


def do_os_exit_well(_: Act) -> None:
    """Leave without a word, and with the code of success."""
    os._exit(0)


def do_os_exit_in_thread(_: Act) -> None:
    """Leave without a word, in a thread."""
    threading.Thread(target=os._exit, args=(8,)).start()
    pause_until(lambda: False)


def do_kill(_: Act) -> None:
    """Be killed, as the system does when memory runs out."""
    os.kill(os.getpid(), signal.SIGKILL)


def do_crash(_: Act) -> None:
    """Read what no process has."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.string_at(0)


def do_abort(_: Act) -> None:
    """Let C give up."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.abort()


def do_hang_up(_: Act) -> None:
    """End by another signal."""
    os.kill(os.getpid(), signal.SIGHUP)


def do_terminate(_: Act) -> None:
    """End by SIGTERM before anybody could handle it."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGTERM)


def do_fill_memory(_: Act) -> int:
    """Ask for more memory than the process may have."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (64 << 20), used + (64 << 20)))
    return len(bytearray(1 << 30))


# --- attempts


def do_count(_: Any) -> list[str]:
    """Note each attempt in the directory, and give up until the third."""
    file = Path("attempts")
    before = file.read_text().split() if file.exists() else []
    now = [*before, str(len(before) + 1)]
    file.write_text(" ".join(now))
    if len(now) < 3:
        raise GracefulTimeout(f"attempt {len(now)}")
    return now


def do_give_up_then_fail(_: Any) -> None:
    """Time out once, and then fail for another reason."""
    if Path("attempts").exists():
        raise ValueError("a bad value")
    Path("attempts").touch()
    raise GracefulTimeout("once")


def do_fail_once(task: Any) -> list[str]:
    """Leave a file and fail, unless the test says otherwise; return what is there."""
    there = sorted(each.name for each in Path().iterdir() if each.suffix == ".left")
    Path("mine.left").touch()
    if not (task.root / "mended").exists():
        raise ValueError("not yet")
    return there


def do_time(task: Any) -> list[float]:
    """Look at the remaining time again and again."""
    first = task.remaining_time()
    pause_until(lambda: task.remaining_time() < first - 0.05)
    return [first, task.remaining_time()]


# --- stopping


def do_hold(task: Any) -> str:
    """Run until the test says so."""
    hold(task)
    return "done"


def do_clean_up(task: Any) -> None:
    """Clean up when asked to stop, for as long as the test says."""
    try:
        begin(task)
        pause_until(lambda: False)
    except TaskCancelled as error:
        Path("asked").write_text(f"{error}|{error.remaining_time}")
        pause_until((task.root / "go").exists)
        Path("cleaned").touch()
        raise


def do_swallow(task: Any) -> str:
    """Go on when asked to stop."""
    try:
        begin(task)
        pause_until(lambda: False)
    except TaskCancelled:
        Path("swallowed").touch()
    return "went on"


def do_ignore(task: Any) -> None:
    """Go on whatever comes."""
    begin(task)
    until = time.monotonic() + LONG_S
    while time.monotonic() < until:
        try:
            pause_until(lambda: False)
        except TaskCancelled:
            Path("ignored").touch()


def do_block(task: Any) -> None:
    """Sleep in C, with the interpreter's lock held: no Python code can run."""
    begin(task)
    # Else the first signal would end this call, unlike one that computes.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    ctypes.PyDLL(None).sleep(int(LONG_S))


def do_block_for_test(task: Any) -> int:
    """Wait in one call of C, which a request cannot break into; that call lets the test begin."""
    root = shlex.quote(str(task.root))
    return os.system(f"cd {root}; touch begun; cat pipe")  # noqa: S605 (quoted)


# --- objects


class Stage(Config):
    """Keeps what happens to it."""

    x: Param[int]
    file: Meta[Path] = field(default_factory=PathGenerator("stage.txt"))

    def __init__(self) -> None:
        self.seen = [f"init {'x' in self.__dict__}"]

    def __post_init__(self) -> None:
        self.seen.append(f"post {self.x}")


class Prepare(LightweightTask):
    """Prepares the stage that the task uses."""

    stage: Param[Stage]
    number: Param[int]
    file: Meta[Path] = field(default_factory=PathGenerator("prepared.txt"))

    def execute(self) -> None:
        self.file.write_text(str(self.number))
        self.stage.seen.append(f"prepare {self.number} in {Path.cwd() == self.__taskdir__}")


class Perform(Task):
    """Tells what it sees."""

    stage: Param[Stage]
    file: Meta[Path] = field(default_factory=PathGenerator("sub/own.txt"))

    def __init__(self) -> None:
        self.begun_with = "stage" in self.__dict__

    def __post_init__(self) -> None:
        self.stage.seen.append("post of the task")

    def execute(self) -> dict[str, Any]:
        self.stage.file.write_text("stage")
        self.file.write_text("own")
        return {
            "seen": self.stage.seen,
            "begun_with": self.begun_with,
            "here": Path.cwd() == self.__taskdir__ == self.__maintaskdir__,
            "tags": self.__tags__,
        }


ITERATIONS = param_group("iterations")


class Hold(Task):
    """Runs until it is stopped."""

    x: Param[int]

    def execute(self) -> None:
        """Run for longer than any test."""
        pause_until(lambda: False)


class Needs(Task):
    """Needs another task."""

    source: Param[Task]

    def execute(self) -> None:
        """Do nothing."""


class Shares(Task):
    """Uses a folder that jobs share, and sees whether somebody else does."""

    checkpoints = partial(exclude_groups=[ITERATIONS])

    lr: Param[float]
    epochs: Param[int] = field(groups=[ITERATIONS])
    folder: Meta[Path] = field(default_factory=PathGenerator("", partial=checkpoints))

    def execute(self) -> dict[str, Any]:
        """Hold the folder for a moment, and return what earlier jobs left there."""
        (self.folder / "busy").mkdir()  # fails if another job is in here
        for _ in range(5):
            time.sleep(POLL_S)
        (self.folder / "busy").rmdir()
        (self.folder / f"{self.epochs}.txt").touch()
        return {
            "own": Path.cwd() == self.__taskdir__ == self.__maintaskdir__,
            "folder": str(self.folder),
        }


# --- what a job is told of its place


class Tells(Task):
    """Tells what it finds."""

    what: Param[str]
    x: Param[int] = 0

    def execute(self) -> Any:
        return globals()[f"tell_{self.what}"]()


def tell_pid() -> int:
    """Tell the process."""
    return os.getpid()


def tell_modules() -> bool:
    """Tell whether a module is loaded that nobody needs."""
    return "colorsys" in sys.modules


def tell_environ() -> dict[str, str]:
    """Tell the variables of this test."""
    wanted = ("XPMNB_KERNEL", "XPMNB_JOB")
    return {name: os.environ[name] for name in wanted if name in os.environ}


def tell_place() -> dict[str, Any]:
    """Tell session, directory and input."""
    return {
        "leads": os.getsid(0) == os.getpid(),
        "cwd": str(Path.cwd()),
        "stdin": sys.stdin.read(),
    }


# --- dynamic outputs


class Made(Config):
    step: Param[int]


class Emits(ResumableTask):
    """Registers outputs, and runs out of time now and then."""

    root: Meta[Path]
    timeouts: Param[int] = 0
    fails: Meta[bool] = False

    def at(self, dep: DependentMarker, *, step: int) -> Made:
        return dep(Made.C(step=step))

    def execute(self) -> None:
        """Register one output more in each attempt, and all those before it again."""
        file = Path("attempts")
        attempt = int(file.read_text()) + 1 if file.exists() else 0
        file.write_text(str(attempt))
        for step in range(attempt + 2):
            self.register_task_output(self.at, step=step)
        if attempt < self.timeouts:
            raise GracefulTimeout("again")
        if self.fails and not (self.root / "mended").exists():
            raise ValueError("not yet")


class EmitsPlainly(Task):
    """Registers an output, which only a ResumableTask may."""

    x: Param[int] = 0

    def at(self, dep: DependentMarker, *, step: int) -> Made:
        return dep(Made.C(step=step))

    def execute(self) -> None:
        """Register an output."""
        self.register_task_output(self.at, step=1)


class UsesMade(Task):
    """Uses an output."""

    made: Param[Made]

    def execute(self) -> int:
        return self.made.step
