"""Code that changes in the cells of real kernels: what is run again, and what is only told."""

from pathlib import Path

import pytest

from tests.support.kernels import Kernel, kernel

pytestmark = [
    pytest.mark.notebook,
    pytest.mark.parametrize("launcher", ["thread", "process"]),
]

HELPER = """
def scaled(value):
    return value * FACTOR
"""
CHANGED = """
def scaled(value):
    return value * FACTOR + 1
"""
COMMENTED = '''
# It had no comment before.
def scaled(value):
    """Return a value, scaled."""

    return (value *
            FACTOR)  # by a constant of another cell
'''
CONSTANT = "FACTOR = 10"
DECLARE = """
class Scale(Task):
    value: Param[int]
    root: Meta[Path]

    def execute(self):
        with open(self.root / "log", "a") as file:
            file.write("ran\\n")
        return scaled(self.value)
"""
COMMENTED_CLASS = DECLARE.replace(
    "    def execute", '    """Scales."""\n\n    # Runs.\n    def execute'
)
SUBMIT = "job = Scale.C(value=4, root=ROOT).submit(**{options}).job\njob.wait(60)"
TELL = "print(job.result(), job.recognised, job.code_changed)"


def begin(shell: Kernel, launcher: str, *cells: str, **options: str) -> None:
    """Run the cells of the notebook up to the submission."""
    shell.run("from pathlib import Path\nfrom xpmnb import Meta, Param, Task, experiment")
    for cell in cells or (CONSTANT, HELPER, DECLARE):
        shell.run(cell)
    options["launcher"] = launcher
    shell.run(f"xp = experiment(ROOT / 'runs', 'changes', **{options}).start()")


def submit(shell: Kernel, **options: str) -> str:
    """Submit the task and wait for it; return its result and what is said of it."""
    shell.run(SUBMIT.format(options=options))
    return shell.run(TELL).strip()


def count(folder: Path) -> int:
    """Return how often the task was run."""
    return len((folder / "log").read_text().split())


def changed(shell: Kernel) -> str:
    """Return what the table of the run says of each job."""
    return shell.run("print(xp.jobs().code_changed.tolist())").strip()


def test_the_same_call_again_runs_nothing(tmp_path: Path, launcher: str) -> None:
    """Submitting the same values again, or after their cell was run again, runs nothing."""
    with kernel(tmp_path) as shell:
        begin(shell, launcher)
        assert submit(shell) == "40 False False"
        submit(shell)
        for cell in (DECLARE, HELPER, CONSTANT):
            shell.run(cell)
        assert submit(shell).startswith("40 ")
        assert shell.run("print(job.code_changed)") == "False\n"
        assert count(tmp_path) == 1


def test_another_process_finds_the_result(tmp_path: Path, launcher: str) -> None:
    """Another kernel, a restarted one, and cells run in another order find what is done."""
    with kernel(tmp_path) as shell, kernel(tmp_path) as other:
        begin(shell, launcher)
        assert submit(shell) == "40 False False"
        begin(other, launcher, HELPER, DECLARE, CONSTANT)
        assert submit(other) == "40 True False"
    with kernel(tmp_path) as again:
        begin(again, launcher)
        assert submit(again) == "40 True False"
    assert count(tmp_path) == 1


def test_a_comment_changes_nothing(tmp_path: Path, launcher: str) -> None:
    """Comments, docstrings and layout are no change of the code."""
    with kernel(tmp_path) as shell:
        begin(shell, launcher)
        submit(shell)
    with kernel(tmp_path) as shell:
        begin(shell, launcher, CONSTANT, COMMENTED, COMMENTED_CLASS, on_code_change="rerun")
        assert submit(shell) == "40 True False"
        assert changed(shell) == "[False]"
    assert count(tmp_path) == 1


def test_a_changed_helper_is_told(tmp_path: Path, launcher: str) -> None:
    """By default the result is taken, and everybody is told that a helper has changed since."""
    with kernel(tmp_path) as shell:
        begin(shell, launcher)
        submit(shell)
        shell.run(CHANGED)
        assert submit(shell).endswith(" True")
        assert "scaled" in shell.run("print(job.message)")
        assert "+    return value * FACTOR + 1" in shell.run("print(job.code_diff())")
        assert changed(shell) == "[True]"
    assert count(tmp_path) == 1


def test_a_changed_helper_runs_the_task_again(tmp_path: Path, launcher: str) -> None:
    """With "rerun", a change in another cell runs the task again, and the old result is kept."""
    with kernel(tmp_path) as shell:
        begin(shell, launcher, on_code_change="rerun")
        assert submit(shell) == "40 False False"
        shell.run(CHANGED)
        assert submit(shell) == "41 False False"
        assert "+    return value * FACTOR + 1" in shell.run("print(job.code_diff())")
        assert submit(shell).startswith("41 ")
        shell.run("FACTOR = 20")
        assert submit(shell) == "81 False False"
        assert changed(shell) == "[False]"
    assert count(tmp_path) == 3
    old = [path.read_text() for path in (tmp_path / "runs" / "trash").rglob("result.json")]
    assert sorted(old) == ["40", "41"]


def test_a_change_is_noticed_after_a_restart(tmp_path: Path, launcher: str) -> None:
    """A helper that changed while no kernel ran is noticed by the next one."""
    with kernel(tmp_path) as shell:
        begin(shell, launcher)
        submit(shell)
    with kernel(tmp_path) as shell:
        begin(shell, launcher, CONSTANT, CHANGED, DECLARE)
        assert submit(shell) == "40 True True"
        assert submit(shell, on_code_change="rerun") == "41 False False"
    assert count(tmp_path) == 2


def test_what_was_declared_before_a_change_is_told(tmp_path: Path, launcher: str) -> None:
    """A class that still holds an old default says so, and its result is not that of a new one."""
    if launcher == "process":
        declare = DECLARE.replace(
            "root: Meta[Path]", "root: Meta[Path]\n    factor: Meta[int] = FACTOR"
        )
    else:
        declare = DECLARE.replace("def execute(self)", "def execute(self, factor=FACTOR)")
        declare = declare.replace("scaled(self.value)", "self.value * factor")
    declare = declare.replace("scaled(self.value)", "self.value * self.factor")
    with kernel(tmp_path) as shell:
        begin(shell, launcher, CONSTANT, declare)
        assert submit(shell) == "40 False False"
        shell.run("FACTOR = 20")
        shell.run(SUBMIT.format(options={}).replace("value=4", "value=5"))
        assert shell.run("print(job.result())") == "50\n"
        told = "class Scale was declared before FACTOR changed: run its cell again\n"
        assert shell.run("print(job.note)") == told
        shell.run(declare)
        shell.run(SUBMIT.format(options={}).replace("value=4", "value=5"))
        assert shell.run("print(job.note, job.result(), job.code_changed)") == " 50 True\n"
        rerun = SUBMIT.format(options={"on_code_change": "rerun"}).replace("value=4", "value=5")
        shell.run(rerun)
        assert shell.run("print(job.result(), job.code_changed)") == "100 False\n"


def test_a_change_can_be_an_error_or_ignored(tmp_path: Path, launcher: str) -> None:
    """With "error" the submission raises and says what changed; with "ignore" nothing is said."""
    with kernel(tmp_path) as shell:
        begin(shell, launcher)
        submit(shell)
        shell.run(CHANGED)
        with pytest.raises(AssertionError, match=r"CodeChangedError.*scaled.*rerun"):
            submit(shell, on_code_change="error")
        assert submit(shell, on_code_change="ignore") == "40 False False"
        assert changed(shell) == "[False]"
    assert count(tmp_path) == 1
