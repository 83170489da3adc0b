"""What a process died of, in words, and how often the system ran out of memory."""

import os
from pathlib import Path

import pytest

from xpmnb import FailureReason
from xpmnb.launchers.deaths import OomCounter, counting_files, explain, parse_oom_kills


@pytest.mark.parametrize(
    ("code", "asked", "oom", "reason", "words", "shown"),
    [
        (0, None, False, "error", "exited with code 0 before the task came to its end", 0),
        (3, None, False, "error", "code 3", 3),
        (-11, None, False, "error", "SIGSEGV: the interpreter crashed; see .err", 139),
        (-6, None, False, "error", "SIGABRT: the interpreter crashed", 134),
        (-7, None, True, "error", "SIGBUS: the interpreter crashed", 135),
        (-9, None, True, "memory", "run out of memory", 137),
        (
            -9,
            None,
            False,
            "error",
            "killed by SIGKILL: by somebody (kill -9), or by the system",
            137,
        ),
        (-9, "stop", True, "cancelled", "within 10 s of being asked to (SIGTERM)", 137),
        (-9, "walltime", False, "timeout", "within 10 s of the end of its time", 137),
        (-15, "stop", False, "cancelled", "asked to stop, its process was ended by SIGTERM", 143),
        (-15, None, False, "cancelled", "ended by SIGTERM", 143),
        (-2, None, False, "cancelled", "ended by SIGINT", 130),
        (-11, "stop", False, "cancelled", "SIGSEGV", 139),
        (5, "stop", False, "cancelled", "asked to stop, its process exited with code 5", 5),
        (-1, None, False, "error", "killed by SIGHUP", 129),
        (-24, None, False, "error", "ulimit -t", 152),
        (-35, None, False, "error", "killed by signal 35", 163),
    ],
)
def test_every_death_is_explained(
    code: int, asked: str | None, oom: bool, reason: str, words: str, shown: int
) -> None:
    """Exit code, signal, our own request and the system's memory together tell the reason."""
    ending = explain(code, asked=asked, waited_s=10.0, oom=oom)
    assert ending.reason is FailureReason(reason)
    assert words in ending.message
    assert ending.exit_code == shown


def test_a_kill_tells_how_much_memory_was_used() -> None:
    """The message of a kill names the most memory that the process had."""
    assert "up to 2,048 MiB" in explain(-9, oom=True, memory_bytes=2 << 30).message
    assert "up to 1 MiB" in explain(-9, memory_bytes=1 << 20).message


@pytest.mark.parametrize(
    ("text", "count"),
    [
        (b"low 0\nhigh 0\nmax 3\noom 2\noom_kill 1\noom_group_kill 0\n", 1),
        (b"oom_kill_disable 0\nunder_oom 0\noom_kill 12\n", 12),
        (b"nr_free_pages 5\noom_kill 7\n", 7),
        (b"oom_kill many\n", 0),
        (b"", 0),
    ],
)
def test_counts_are_parsed(text: bytes, count: int) -> None:
    """The kill count is found in the files of either kind of cgroup, and of the machine."""
    assert parse_oom_kills(text) == count


@pytest.mark.parametrize(
    ("cgroups", "first"),
    [
        ("0::/user.slice/a.scope\n", "/sys/fs/cgroup/user.slice/a.scope/memory.events"),
        ("0::/\n", "/sys/fs/cgroup/memory.events"),
        ("9:name=systemd:/\n4:memory:/job\n0::/\n", "/sys/fs/cgroup/memory/job/memory.oom_control"),
        ("5:cpu,memory:/a:b\n", "/sys/fs/cgroup/memory/a:b/memory.oom_control"),
        ("nonsense", "/proc/vmstat"),
    ],
)
def test_the_counting_file_is_that_of_the_group(cgroups: str, first: str) -> None:
    """The group of this process counts, where it has one; the machine at last."""
    files = counting_files(cgroups)
    assert files[0] == first
    assert files[-1] == "/proc/vmstat"


@pytest.mark.skipif(not Path("/proc/vmstat").exists(), reason="counts are those of Linux")
def test_the_count_never_fails() -> None:
    """The count is a number, also once the counter is closed, and no descriptor is left."""
    before = len(os.listdir("/proc/self/fd"))
    counter = OomCounter()
    assert counter.count() >= 0
    counter.close()
    counter.close()
    assert counter.count() == 0
    assert len(os.listdir("/proc/self/fd")) == before
