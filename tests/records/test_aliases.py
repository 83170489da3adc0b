"""What a workspace says of former names."""

import json
import threading
import warnings
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpmnb.errors import WorkspaceError
from xpmnb.records import aliases as aliases_file
from xpmnb.records.aliases import (
    NO_ALIASES,
    Aliases,
    add_alias,
    is_called,
    load_aliases,
    normal_name,
    read_aliases,
    remove_alias,
)
from xpmnb.records.files import PathLock
from xpmnb.records.layout import JobLayout, WorkspaceLayout
from xpmnb.records.moving import moved_to, restore_link
from xpmnb.records.workspace import WorkspaceRecords

NAMES = st.lists(st.text("ab-_", min_size=1, max_size=2), min_size=1, max_size=3).map(".".join)


@pytest.fixture
def layout(tmp_path: Path) -> WorkspaceLayout:
    """Return an empty workspace."""
    records = WorkspaceRecords(tmp_path)
    records.create()
    return records.layout


def make_job(
    layout: WorkspaceLayout, task: str, identifier: str = "1", uses: str = ""
) -> JobLayout:
    """Make the directory of a job whose values hold a configuration."""
    job = layout.job(task, identifier)
    Path(job.hidden).mkdir(parents=True)
    document = {"objects": [{"type": uses}, {"type": task}]}
    record = {"params": {}, "tags": {}, "document": document}
    Path(job.params).write_text(json.dumps(record))
    return job


def test_names_and_places_are_looked_up() -> None:
    """A class is found by its own name and by each place around it, the nearest first."""
    known = Aliases({"a.b.train": ("x.fit",), "a.b": ("old", "older"), "a": ("z",)})
    assert list(known.of("a.b.train")) == ["x.fit", "old.train", "older.train", "z.b.train"]
    assert list(known.of("a.B.Model")) == ["old.Model", "older.Model", "z.B.Model"]
    assert list(known.of("ab.train")) == []
    assert not list(NO_ALIASES.of("a.b.train"))


@given(st.dictionaries(NAMES, st.lists(NAMES, max_size=3).map(tuple), max_size=5), NAMES)
def test_chains_end(former: dict[str, tuple[str, ...]], name: str) -> None:
    """However names refer to each other, a class has a bounded number of former names."""
    found = Aliases(former).chain(name)
    assert len(found) == len(set(found)) <= 20
    assert name not in found


def test_what_is_added_is_read(layout: WorkspaceLayout) -> None:
    """The file is read when it has changed; the latest name comes first."""
    assert read_aliases(layout) is NO_ALIASES
    add_alias(layout, "old", "new")
    assert read_aliases(layout).former == {"new": ("old",)}
    assert read_aliases(layout) is read_aliases(layout)
    add_alias(layout, "older", "new")
    add_alias(layout, "Old.X", "new.x")
    assert read_aliases(layout).former == {"new": ("older", "old"), "new.x": ("Old.X",)}
    add_alias(layout, "old", "new")
    assert read_aliases(layout).former["new"] == ("old", "older")
    remove_alias(layout, "old", "new")
    remove_alias(layout, "older", "new")
    assert read_aliases(layout).former == {"new.x": ("Old.X",)}
    assert json.loads(Path(layout.aliases).read_text())["format"] == 1


def test_nonsense_is_refused(layout: WorkspaceLayout) -> None:
    """A name is not its own former name, nor that of what it was itself; nothing is written."""
    add_alias(layout, "a", "b")
    add_alias(layout, "b", "c")
    before = Path(layout.aliases).read_bytes()
    for old, new, words in [("A", "a", "itself"), ("b", "a", "former name of b"), ("c", "a", "c")]:
        with pytest.raises(WorkspaceError, match=words):
            add_alias(layout, old, new)
    with pytest.raises(WorkspaceError, match="there are: b was a; c was b"):
        remove_alias(layout, "x", "b")
    assert Path(layout.aliases).read_bytes() == before


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is not JSON"),
        (b'{"format": 1, "for', "is not JSON"),
        (b"\xff\xfe", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b"[]", "is no file of former names"),
        (b'{"format": 1}', "is no file of former names"),
        (b'{"format": 2, "former": {}}', "is of format 2"),
        (b'{"format": 1, "former": {"a": "b"}}', "are no names"),
        (b'{"format": 1, "former": {"a": ["../../b"]}}', "are no names"),
        (b'{"format": 1, "former": {"a": [1]}}', "are no names"),
        (b'{"format": 1, "former": {"": ["a"]}}', "are no names"),
    ],
)
def test_a_damaged_file_is_told(layout: WorkspaceLayout, content: bytes, words: str) -> None:
    """It is a warning, once, where names are looked up, and an error where it is written."""
    Path(layout.aliases).write_bytes(content)
    with pytest.warns(UserWarning, match=words):
        assert read_aliases(layout) == NO_ALIASES
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_aliases(layout) == NO_ALIASES
    with pytest.raises(WorkspaceError, match=words):
        add_alias(layout, "old", "new")
    assert Path(layout.aliases).read_bytes() == content


def test_unreadable_and_unwritable_files(
    layout: WorkspaceLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder in its place is told; and a lock that somebody holds for long ends the waiting."""
    Path(layout.aliases).mkdir()
    with pytest.raises(WorkspaceError, match="cannot be read"):
        load_aliases(layout)
    Path(layout.aliases).rmdir()
    monkeypatch.setattr(aliases_file, "_PATIENCE_S", 0.02)
    lock = PathLock(f"{layout.aliases}.lock")
    assert lock.acquire()
    with pytest.raises(WorkspaceError, match="try again"):
        add_alias(layout, "old", "new")
    lock.release()
    missing = WorkspaceLayout(f"{layout.root}/none")
    with pytest.raises(WorkspaceError, match="cannot be written"):
        add_alias(missing, "old", "new")


def test_many_write_at_a_time(layout: WorkspaceLayout) -> None:
    """What several add at the same time is all there."""
    names = [f"old{number}" for number in range(8)]
    threads = [threading.Thread(target=add_alias, args=(layout, name, "new")) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(load_aliases(layout).former["new"]) == names


def test_names_as_people_type_them() -> None:
    """The file of a notebook is its stem; what could lead out of the workspace is refused."""
    assert normal_name("sub/My study-2.ipynb") == "my_study_2"
    assert normal_name("Digits.Train") == "Digits.Train"
    for wrong in ("", ".", "a..b", "../a", "a/b", "a b", "x" * 201, "a\n"):
        with pytest.raises(WorkspaceError, match="is no name"):
            normal_name(wrong)


def test_a_workspace_adopts(layout: WorkspaceLayout) -> None:
    """It counts the jobs of a class, of a place, and those that use a configuration."""
    records = WorkspaceRecords(layout.root)
    make_job(layout, "old.train", "1", "old.model")
    make_job(layout, "old.train", "2", "lib.net")
    make_job(layout, "old.score", "1", "old.sub.model")
    make_job(layout, "Mine", "1")
    assert records.adopt("old", "new") == 3
    assert records.adopt("OLD.train", "new.Fit") == 2
    assert records.adopt("Old.ipynb", "Newer.ipynb") == 3
    assert records.adopt("old.model", "lib.model") == 1
    assert records.adopt("lib", "library") == 1
    assert records.adopt("Mine", "yours") == 1
    assert load_aliases(layout).former == {
        "new": ("old",),
        "new.fit": ("old.train",),
        "newer": ("old",),
        "lib.model": ("old.model",),
        "library": ("lib",),
        "yours": ("Mine",),
    }
    records.forget("old", "new")
    assert "new" not in load_aliases(layout).former
    with pytest.raises(WorkspaceError, match=r"the name odl\.train; there are: old\.train"):
        records.adopt("odl.train", "new.train")
    with pytest.raises(WorkspaceError, match="itself"):
        records.adopt("old", "old")


def test_an_empty_workspace_has_nothing_to_adopt(layout: WorkspaceLayout) -> None:
    """Without jobs there is no former name."""
    with pytest.raises(WorkspaceError, match="there are: no jobs"):
        WorkspaceRecords(layout.root).adopt("old", "new")


def test_places_are_whole_parts() -> None:
    """A place is what stands before a dot."""
    assert is_called("a.b", "a")
    assert is_called("a.b", "a.b")
    assert not is_called("ab.c", "a")


def test_links_are_no_rows(layout: WorkspaceLayout) -> None:
    """What leads to a job of the workspace is no row; what leads elsewhere is one that says so."""
    job = make_job(layout, "new.train")
    old = layout.job("old.train", "9")
    assert moved_to(job) is None
    assert restore_link(old, job)
    assert not restore_link(old, job)
    assert moved_to(old) == job
    older = layout.job("older.train", "8")
    assert restore_link(older, old)
    assert moved_to(older) == job
    records = WorkspaceRecords(layout.root)
    assert list(records.iter_job_layouts()) == [job]
    for target in (layout.jobs, Path(job.path).parent, job.hidden, "/", layout.root):
        Path(older.path).unlink()
        Path(older.path).symlink_to(target)
        assert moved_to(older) is None
    (found,) = [each for each in records.all_records() if each.task == "older.train"]
    assert "symbolic link" in str(found.problem)


@pytest.mark.parametrize(
    ("old", "new"),
    [("one.slow", "two"), ("one", "two.slow"), ("one", "one.slow"), ("one", "two.x")],
)
def test_two_names_of_a_kind_are_adopted(layout: WorkspaceLayout, old: str, new: str) -> None:
    """A class takes the place of a class, and a notebook or module that of another."""
    make_job(layout, "one.slow")
    make_job(layout, "two.x")
    with pytest.raises(WorkspaceError, match="a notebook or module"):
        WorkspaceRecords(layout.root).adopt(old, new)
    assert not read_aliases(layout)
