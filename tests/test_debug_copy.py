"""Copies of job directories: what a new attempt would find, and the real one untouched."""

import json
import os
import resource
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.support.shell import records_in
from xpmnb.debug_copy import copy_of
from xpmnb.errors import DebugError
from xpmnb.records.layout import JobLayout


def make(root: Path, *, resumable: bool, **generated: str) -> JobLayout:
    """Make the directory of a failed job, with what its task left there."""
    layout = records_in(root).layout.job("nb.train", "0" * 64)
    os.makedirs(layout.hidden)
    objects = [
        {
            "type": "nb.train",
            "module": "nb",
            "qualname": "Train",
            "generated": sorted(generated),
            "values": {"lr": 0.1, **{name: {"$path": path} for name, path in generated.items()}},
        }
    ]
    record: dict[str, Any] = {"tags": {"lr": 0.1}, "resumable": resumable}
    record["document"] = {"format": 1, "root": 0, "objects": objects}
    Path(layout.params).write_text(json.dumps(record))
    for path in (layout.script, layout.stdout, layout.failed, layout.events, layout.lock):
        Path(path).write_text(f"# {path}")
    (Path(layout.path) / "checkpoint.txt").write_text("epoch 3")
    (Path(layout.path) / "parts" / "deep").mkdir(parents=True)
    (Path(layout.path) / "parts" / "deep" / "a.bin").write_bytes(bytes(range(256)))
    return layout


def content(folder: str | Path) -> dict[str, Any]:
    """Return all bytes, links and folders below a folder, with the times of change."""
    return {
        str(path): (
            os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else "",
            path.lstat().st_mtime_ns,
            path.lstat().st_ino,
        )
        for path in sorted(Path(folder).rglob("*"))
    }


def names(folder: str) -> list[str]:
    """Return the paths of all files below a folder."""
    found = (path for path in Path(folder).rglob("*") if not path.is_dir() or path.is_symlink())
    return sorted(str(path.relative_to(folder)) for path in found)


@pytest.mark.parametrize("resumable", [True, False])
def test_the_copy_is_what_an_attempt_would_find(tmp_path: Path, resumable: bool) -> None:
    """A resumable task finds its files and no end, any other an empty directory."""
    layout = make(tmp_path, resumable=resumable)
    before = content(layout.path)
    copy = copy_of(layout)
    kept = ["checkpoint.txt", "parts/deep/a.bin"] if resumable else []
    assert names(copy.layout.path) == ["__xpm__/params.json", *kept, "train.py"]
    assert copy.is_resumable is resumable
    assert copy.tags == {"lr": 0.1}
    assert copy.layout.workspace == layout.workspace
    assert content(layout.path) == before


def test_generated_paths_lead_into_the_copy(tmp_path: Path) -> None:
    """Paths in the job's directory are moved; those of other jobs and a name alike are not."""
    job = f"{tmp_path}/jobs/nb.train/{'0' * 64}"
    other = f"{tmp_path}/jobs/nb.data/{'1' * 64}/x.csv"
    layout = make(tmp_path, resumable=False, out=f"{job}/out.txt", data=other, alike=f"{job}2/x")
    copy = copy_of(layout)
    values = copy.document["objects"][0]["values"]
    assert values["out"] == {"$path": f"{copy.layout.path}/out.txt"}
    assert values["data"] == {"$path": other}
    assert values["alike"] == {"$path": f"{job}2/x"}


def test_a_shared_folder_is_copied_too(tmp_path: Path) -> None:
    """What jobs share is copied into the copy, since the task may write there, and not its lock."""
    shared = tmp_path / "partials" / "nb.train" / "model" / "abc"
    (shared / "__xpm__").mkdir(parents=True)
    (shared / "__xpm__" / "lock").touch()
    (shared / "sub").mkdir()
    (shared / "sub" / "weights.txt").write_text("shared")
    path = f"{shared}/sub/weights.txt"
    layout = make(tmp_path, resumable=False, weights=path, again=f"{shared}/b.txt")
    copy = copy_of(layout)
    values = copy.document["objects"][0]["values"]
    place = Path(values["weights"]["$path"])
    assert place.is_relative_to(copy.layout.path)
    assert place.read_text() == "shared"
    assert Path(values["again"]["$path"]).parent == place.parent.parent
    assert names(str(place.parent.parent)) == ["sub/weights.txt"]


def test_links_lead_into_the_copy_or_where_they_led(tmp_path: Path) -> None:
    """Links are copied as links; one into the job by its full path leads into the copy."""
    layout = make(tmp_path, resumable=True)
    folder = Path(layout.path)
    outside = tmp_path / "data.csv"
    outside.write_text("a,b")
    (folder / "relative").symlink_to("checkpoint.txt")
    (folder / "full").symlink_to(folder / "checkpoint.txt")
    (folder / "outside").symlink_to(outside)
    (folder / "dangling").symlink_to("nowhere")
    copy = Path(copy_of(layout).layout.path)
    assert (copy / "relative").readlink() == Path("checkpoint.txt")
    assert (copy / "full").readlink() == copy / "checkpoint.txt"
    assert (copy / "outside").readlink() == outside
    assert (copy / "dangling").readlink() == Path("nowhere")


def test_files_are_not_shared_with_the_copy(tmp_path: Path) -> None:
    """What is written into a file of the copy is not in the job, also where it had two names."""
    layout = make(tmp_path, resumable=True)
    os.link(f"{layout.path}/checkpoint.txt", f"{layout.path}/also.txt")
    copy = copy_of(layout).layout.path
    for name in ("checkpoint.txt", "also.txt"):
        Path(copy, name).write_text("other")
    assert Path(layout.path, "checkpoint.txt").read_text() == "epoch 3"


def test_what_is_no_file_is_left_out(tmp_path: Path) -> None:
    """Pipes and sockets that a task left behind do not stop the copying."""
    layout = make(tmp_path, resumable=True)
    os.mkfifo(f"{layout.path}/pipe")
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(layout.path)  # the name of a socket must be short
        try:
            server.bind("socket")
        finally:
            os.chdir(here)
        copy = copy_of(layout)
    assert names(copy.layout.path)[1:3] == ["checkpoint.txt", "parts/deep/a.bin"]


def test_a_workspace_of_somebody_else_can_be_debugged(tmp_path: Path) -> None:
    """Where no folder can be made in the workspace, the copy lies in a temporary one."""
    layout = make(tmp_path / "w", resumable=True)
    (tmp_path / "w" / "debug").write_text("in the way, for root may write everywhere")
    copy = copy_of(layout)
    assert not copy.layout.path.startswith(str(tmp_path / "w"))
    assert (Path(copy.layout.path) / "checkpoint.txt").read_text() == "epoch 3"


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("train.py", None),
        ("__xpm__/params.json", None),
        ("__xpm__/params.json", "{torn"),
        ("__xpm__/params.json", "[]"),
        ("__xpm__/params.json", '{"tags": {}}'),
        ("__xpm__/params.json", '{"tags": {}, "document": {"objects": 3}}'),
        ("__xpm__/params.json", '{"tags": {}, "document": {"objects": [3]}}'),
        ("__xpm__/params.json", '{"tags": {}, "document": {"objects": [{"generated": 5}]}}'),
        ("__xpm__/params.json", '{"tags": {}, "document": {"objects": [{"generated": ["a"]}]}}'),
    ],
)
def test_a_damaged_record_is_told(tmp_path: Path, file: str, text: str | None) -> None:
    """A job whose record cannot be read is refused in words that name its directory."""
    layout = make(tmp_path, resumable=False)
    path = Path(layout.path, file)
    if text is None:
        path.unlink()
    else:
        path.write_text(text)
    with pytest.raises(DebugError, match=r"nb\.train.*cannot be read"):
        copy_of(layout)


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    """A job that cannot be copied is refused in words; here files may not have any content."""
    layout = make(tmp_path, resumable=False)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        with pytest.raises(DebugError, match="cannot be copied"):
            copy_of(layout)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
