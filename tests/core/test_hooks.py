"""Submit hooks are found on classes, bases, inner configurations and init tasks, each once."""

from typing import Any

import pytest

from tests.support.declaring import Cells, loose
from xpmnb import Config, LightweightTask, Param, SubmitHook, Task
from xpmnb.core.hooks import hooks_of
from xpmnb.core.state import state_of
from xpmnb.errors import DeclarationError
from xpmnb.identifiers import identifier


class needs(SubmitHook):  # noqa: N801 (reads as a decorator)
    """Asks for something by name."""

    def __init__(self, name: Any) -> None:
        self.name = name

    def process(self, job: Any, launcher: Any) -> None:
        job.environ[str(self.name)] = launcher


class needs_java(needs):  # noqa: N801
    """Asks for a version, and says what tells it from others."""

    def spec(self) -> Any:
        return self.name


@needs("base")
class Base(Config):
    x: Param[int] = 0


@needs("upper")
@needs("lower")
class Index(Base):
    pass


@needs_java(11)
class Loader(LightweightTask):
    index: Param[Index]

    def execute(self) -> None:
        pass


@needs("task")
@needs_java(11)
class Search(Task):
    index: Param[Index]
    more: Param[list[Base]] = []  # noqa: RUF012 (a default that is copied)

    def execute(self) -> None:
        pass


def names(task: Any) -> list[Any]:
    """Return what the hooks of a task ask for."""
    return [loose(hook).name for hook in hooks_of(task)]


def test_hooks_are_found_in_order_and_once() -> None:
    """Bases come before classes, inner before outer, lower before upper, and each comes once."""
    search = Search.C(index=Index.C(), more=[Base.C(), Base.C()])
    assert names(search) == ["base", "lower", "upper", 11, "task"]
    assert names(search) == names(search.seal())


def test_init_tasks_have_hooks_too() -> None:
    """The hooks of init tasks come last, unless the task has them as well."""

    class Plain(Task):
        pass

    plain = Plain.C()
    state_of(plain).init_tasks = (Loader.C(index=Index.C()),)
    assert names(plain) == ["base", "lower", "upper", 11]


def test_hooks_of_one_class_and_spec_are_one() -> None:
    """Two hooks are the same if their class is and what they return; else they are not."""

    @needs_java("upper")
    @needs_java(12)
    class Other(Index):
        pass

    assert names(Search.C(index=Other.C())) == ["base", "lower", "upper", 12, "upper", 11, "task"]


def test_decorating_changes_neither_class_nor_identifier() -> None:
    """The decorated class is the very class, and identifiers know nothing of hooks."""

    class Bare(Config):
        __xpmid__ = "hooks.bare"
        x: Param[int] = 1

    before = identifier(Bare.C())
    assert needs("a")(Bare) is Bare
    assert identifier(Bare.C()) == before
    assert names(loose(Bare).C()) == ["a"]


def test_a_hook_of_a_cell_that_ran_again_is_the_same() -> None:
    """A hook class that is declared again is not applied once more beside its older self."""
    with Cells("hook_cells") as cells:
        hook = (
            "from xpmnb import *\n"
            "class h(SubmitHook):\n"
            "    def process(self, job, launcher): pass\n"
        )
        cells.run(hook + "@h()\nclass A(Config): pass\n")
        cells.run(hook + "@h()\nclass B(Task):\n    a: Param[A]\n")
        assert len(hooks_of(cells.module.B.C(a=cells.module.A.C()))) == 1


def test_a_spec_without_a_hash_is_explained() -> None:
    """Where `spec()` cannot be compared, the error names hook, class and the way out."""

    @needs(["a", "list"])
    class Listed(Task):
        pass

    with pytest.raises(DeclarationError, match=r"hook needs of .*Listed cannot be told from"):
        hooks_of(Listed.C())


def test_only_declared_classes_are_decorated() -> None:
    """A function, another class and what builds configurations are refused."""
    for wrong in (print, int, Base.C):
        with pytest.raises(DeclarationError, match="needs decorates a class derived from Config"):
            loose(needs("x"))(wrong)


def test_a_hook_without_process_is_refused() -> None:
    """A hook that would do nothing cannot be made."""

    class Idle(SubmitHook):
        pass

    with pytest.raises(TypeError, match="process"):
        loose(Idle)()


def test_the_import_path_of_the_page_works() -> None:
    """The hook's class is the same wherever it is imported from."""
    from xpmnb.core import hooks, types  # noqa: PLC0415 (for this test alone)

    assert types.SubmitHook is hooks.SubmitHook is SubmitHook
