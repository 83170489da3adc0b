"""Configurations as trees."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.pages import Page
from xpmnb import (
    Config,
    Constant,
    LightweightTask,
    Meta,
    Param,
    PathGenerator,
    Task,
    experiment,
    field,
    setmeta,
    tag,
)
from xpmnb.notebook import config_tree
from xpmnb.notebook.config_tree import config_html, value_words

# Where a browser begins a new line or cell.
BLOCK = re.compile("<(?=/?(?:li|ul|p|td|th|tr|summary|caption|pre)[ >])")
HOSTILE = "</code><script>alert(1)</script>\"'&\x1b[31m\x07\u202e\ud800"


class Optimizer(Config):
    lr: Param[float]
    beta: Param[float] = 0.9


class Model(Config):
    optimizer: Param[Optimizer]
    layers: Param[int]
    inner: Param[Any] = None
    verbose: Meta[bool] = False
    version: Constant[int] = 2
    weights: Meta[Path] = field(default_factory=PathGenerator("w.txt"))


class Train(Task):
    model: Param[Model]
    optimizer: Param[Optimizer]
    others: Param[list[Optimizer]] = []  # noqa: RUF012 (a default that is copied)

    def execute(self) -> int:
        """Return something."""
        return 1


class Load(LightweightTask):
    name: Param[str]

    def execute(self) -> None:
        """Do nothing."""


class Raises:
    def __repr__(self) -> str:
        raise RuntimeError("as told")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("as told")

    __hash__ = None  # type: ignore[assignment]


def build(cls: Any) -> Any:
    """Return what builds configurations, also such as a type checker would refuse."""
    return cls.C


def text_of(config: Any) -> str:
    """Return what a person reads, in one line, of a page that is whole."""
    page = config_html(config)
    page.encode()
    return " ".join(Page(BLOCK.sub(" <", page)).text.split())


def train() -> Train:
    """Return a task that uses one optimizer twice."""
    optimizer = Optimizer.C(lr=tag(0.5))
    return Train.C(model=build(Model)(optimizer=optimizer, layers=3), optimizer=optimizer)


def test_parameters_stand_with_their_values() -> None:
    """Each parameter has its value, and in words whether it is a default, a tag or Meta."""
    text = text_of(train())
    assert "lr = 0.5 tag" in text
    assert "beta = 0.9 default" in text
    assert "layers = 3" in text
    assert "verbose = False default Meta" in text
    assert "version = 2 constant" in text
    assert "weights path, made on submission Meta" in text


def test_what_is_used_twice_is_shown_once() -> None:
    """A shared configuration has a number, by which it is named where it is used again."""
    text = text_of(train())
    assert text.count("lr = 0.5") == 1
    assert "optimizer = Optimizer #1 lr" in text
    assert "optimizer = Optimizer #1 shown above" in text


def test_missing_values_are_named() -> None:
    """A configuration that is half built shows what is missing."""
    text = text_of(build(Model)())
    assert "optimizer missing" in text
    assert "layers missing" in text


def test_configurations_in_containers_are_shown() -> None:
    """Lists and dicts of configurations have a line for each member."""
    model = build(Model)(inner={"a": [Optimizer.C(lr=1.0)], HOSTILE: Optimizer.C(lr=2.0)})
    text = text_of(model)
    assert "inner = dict of 2 'a': list of 1 0: Optimizer lr = 1.0" in text
    assert "lr = 2.0" in text


def test_marks_of_a_configuration_are_told() -> None:
    """Tags that are no parameters, and what setmeta said, stand beside the name."""
    optimizer = setmeta(Optimizer.C(lr=1.0).tag("kind", "fast"))
    assert "Optimizer tags: kind='fast' Meta" in text_of(optimizer)


def test_a_submitted_task_tells_its_job(tmp_path: Path) -> None:
    """Once submitted, a task has an identifier and a directory; inside another it is folded."""
    task = train()
    with experiment(tmp_path / "runs", "t"):
        task.submit(init_tasks=[Load.C(name="weights")])
    text = text_of(task)
    assert f"Train job {task.job.id[:8]}: done" in text
    assert f"identifier {task.job.id}" in text
    assert str(task.job.path) in text
    assert "init_tasks[0] = Load name = 'weights'" in text
    around = build(Model)(inner=task)
    assert "<details><summary><span class=" in config_html(around)


def test_values_may_be_anything() -> None:
    """Hostile values, and those whose own methods raise, are text."""
    text = text_of(build(Model)(inner=HOSTILE, layers=1))
    assert "<script>alert(1)</script>" in text
    assert "inner = <Raises" in text_of(build(Model)(inner=Raises()))
    assert len(value_words("x" * 10_000_000)) <= 160
    assert len(value_words(list(range(1_000_000)))) <= 160
    assert len(value_words(10**4000)) <= 160


def test_large_trees_are_bounded() -> None:
    """Thousands of configurations, side by side or one in the other, are cut, and it is said."""
    wide = build(Model)(inner=[Optimizer.C(lr=float(n)) for n in range(5_000)])
    assert "4,980 more are not shown" in text_of(wide)
    deep = build(Model)()
    for _ in range(2_000):
        deep = build(Model)(inner=deep)
    assert "not shown" in text_of(deep)
    assert len(config_html(deep)) < 50_000
    bushy = build(Model)(
        inner=[build(Model)(inner=[build(Model)() for _ in range(20)]) for _ in range(20)]
    )
    assert config_html(bushy).count("<li>") < 400


def test_circles_are_shown_once() -> None:
    """A configuration inside itself is named, not repeated for ever."""
    one = build(Model)(layers=1)
    one.inner = [one]
    assert "0: Model #1 shown above" in text_of(one)


def test_configurations_have_the_display_and_instances_have_not() -> None:
    """The end of a cell shows configurations as trees; objects in a job are the user's own."""
    optimizer = Optimizer.C(lr=1.0)
    assert "lr" in (optimizer._repr_html_() or "")  # type: ignore[attr-defined]
    assert not hasattr(optimizer.instance(), "_repr_html_")
    assert repr(optimizer) == "Optimizer.C(lr=1.0, beta=0.9)"


def test_what_a_class_declares_itself_stays() -> None:
    """A class with a display of its own keeps it, and a parameter may have any name."""

    class Own(Config):
        value: Param[int] = 1

        def _repr_html_(self) -> str:
            return "mine"

    assert Own.C()._repr_html_() == "mine"

    class Named(Config):
        _repr_html_: Param[int] = 3

    assert Named.C()._repr_html_ == 3


def test_a_display_never_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    """If showing it goes wrong, there is no HTML, and the text is shown instead."""

    def fail(_: object) -> str:
        raise RuntimeError("as told")

    monkeypatch.setattr(config_tree._Tree, "drawn", fail)
    assert build(Optimizer)()._repr_html_() is None
