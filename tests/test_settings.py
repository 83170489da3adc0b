"""The settings file: where it is, what it says, and what is said about a wrong one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpmnb.errors import SettingsError
from xpmnb.settings import Settings, WorkspaceSettings, load_settings, parse_settings

_GOOD = """
workspaces:
  - id: digits
    path: ~/digits
    max_retries: 5
    launcher: process
    max_jobs: 2
  - id: other
    path: ../runs
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a home directory without settings."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.delenv("XPMNB_SETTINGS", raising=False)
    return tmp_path


def write(path: Path, text: str) -> Path:
    """Write a file, and the folders that it needs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def complaint(text: str | bytes) -> str:
    """Return what is said about the text of a settings file."""
    data = text.encode() if isinstance(text, str) else text
    with pytest.raises(SettingsError) as caught:
        parse_settings(data, Path("/home/anna/settings.yaml"))
    message = str(caught.value)
    assert message.startswith("/home/anna/settings.yaml")
    assert "\n" not in message
    return message.removeprefix("/home/anna/settings.yaml")


def test_without_a_file_there_are_no_settings(home: Path) -> None:
    """A missing file is no error, and the settings say where it would be."""
    assert load_settings() == Settings((), home / ".config/xpmnb/settings.yaml")
    assert load_settings().find("anything") is None


def test_what_the_file_says(home: Path) -> None:
    """Each value arrives; paths begin at the home directory or at the folder of the file."""
    path = write(home / ".config/xpmnb/settings.yaml", _GOOD)
    assert load_settings() == Settings(
        (
            WorkspaceSettings("digits", home / "digits", 5, "process", 2, "workspaces[0]"),
            WorkspaceSettings("other", home / ".config/runs", key="workspaces[1]"),
        ),
        path,
    )


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "workspaces:\n", "workspaces: []", "{}"])
def test_an_empty_file_is_fine(text: str) -> None:
    """A file that says nothing is a file without workspaces."""
    assert parse_settings(text.encode(), Path("/s.yaml")).workspaces == ()


def test_null_is_as_good_as_nothing() -> None:
    """An optional key without a value is as if it were not there."""
    text = "workspaces: [{id: a, path: b, max_jobs: , launcher: null, max_retries: ~}]"
    (found,) = parse_settings(text.encode(), Path("/s.yaml")).workspaces
    assert found == WorkspaceSettings("a", Path("/b"), key="workspaces[0]")


def test_where_the_file_is(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """XPMNB_SETTINGS goes before XDG_CONFIG_HOME, which goes before the home directory."""
    for number, place in enumerate([".config/xpmnb", "xdg/xpmnb", "named"]):
        write(home / place / "settings.yaml", f"workspaces: [{{id: w{number}, path: w}}]")

    def found() -> str:
        (workspace,) = load_settings().workspaces
        return workspace.id

    assert found() == "w0"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "xdg"))
    assert found() == "w1"
    monkeypatch.setenv("XPMNB_SETTINGS", "~/named/settings.yaml")
    assert found() == "w2"
    monkeypatch.setenv("XPMNB_SETTINGS", "")
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative")
    assert found() == "w0"


def test_a_named_file_must_exist(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that names no file is an error that names both."""
    monkeypatch.setenv("XPMNB_SETTINGS", str(home / "none.yaml"))
    with pytest.raises(SettingsError, match=r"none\.yaml does not exist, and XPMNB_SETTINGS"):
        load_settings()
    monkeypatch.setenv("XPMNB_SETTINGS", str(home))
    with pytest.raises(SettingsError, match="cannot be read: Is a directory"):
        load_settings()


def test_a_changed_file_is_read_again(home: Path) -> None:
    """What was changed counts at the next call, and a file that has gone counts no more."""
    path = write(home / ".config/xpmnb/settings.yaml", "workspaces: [{id: a, path: a}]")
    first = load_settings()
    assert load_settings() is first
    aside = write(home / "aside.yaml", "workspaces: [{id: b, path: b}]")
    aside.rename(path)
    assert [each.id for each in load_settings().workspaces] == ["b"]
    path.unlink()
    assert load_settings().workspaces == ()


def test_a_workspace_is_found_by_id_and_by_path(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A workspace that is opened by any spelling of its path has the same settings."""
    write(home / ".config/xpmnb/settings.yaml", _GOOD)
    settings = load_settings()
    digits, other = settings.workspaces
    (home / "digits").mkdir()
    (home / "link").symlink_to(home / "digits")
    monkeypatch.chdir(home)
    spellings: list[str | Path] = ["digits", "~/digits", "./digits", home / "digits", home / "link"]
    for spelling in spellings:
        assert settings.find(spelling) is digits, spelling
    assert settings.find(".config/../.config/runs") is other
    assert settings.find("nothing") is None
    assert settings.find("") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "workspaces: [{id: a, path: b, max_retries: -1}]",
            "workspaces[0].max_retries is -1; expected a whole number, at least 0",
        ),
        (
            "workspaces: [{id: a, path: b, max_retries: true}]",
            "workspaces[0].max_retries is True; expected a whole",
        ),
        (
            "workspaces: [{id: a, path: b, max_jobs: 0}]",
            "workspaces[0].max_jobs is 0; expected a whole number, at least 1",
        ),
        ("workspaces: [{id: a, path: b, max_jobs: '2'}]", "workspaces[0].max_jobs is '2'"),
        (
            "workspaces: [{id: a, path: b}, {id: c, path: [d]}]",
            "workspaces[1].path is ['d']; expected the path of a directory",
        ),
        ("workspaces: [{id: a, path: ' '}]", "workspaces[0].path is ' '"),
        (
            "workspaces: [{id: 12, path: b}]",
            "workspaces[0].id is 12; expected a word: put it in quotes, '12'",
        ),
        (
            "workspaces: [{id: a, path: b, launcher: [c]}]",
            "workspaces[0].launcher is ['c']; expected a word",
        ),
        ("workspaces: [{path: b}]", "workspaces[0] has no id; every workspace needs"),
        ("workspaces: [{id: b}]", "workspaces[0] has no path; every workspace needs"),
        (
            "workspaces: [{id: a, path: b, max_retry: 1}]",
            "workspaces[0] has the unknown key 'max_retry'; did you mean max_retries?",
        ),
        (
            "workspaces: [{id: a, path: b, 7: 1}]",
            "workspaces[0] has the unknown key 7; the keys are id, path, max_retries",
        ),
        ("workspace: []", "the file has the unknown key 'workspace'; did you mean workspaces?"),
        ("workspaces: {id: a}", "workspaces is {'id': 'a'}; expected a list"),
        ("workspaces: [a]", "workspaces[0] is 'a'; expected keys and values"),
        ("[1, 2]", "the file is [1, 2]; expected keys and values"),
        (
            "workspaces: [{id: a, path: b}, {id: a, path: c}]",
            "workspaces[1].id is 'a'; expected an id of its own: workspaces[0] has",
        ),
        ("workspaces: [{id: a, path: b, path: c}]", ", line 1: path stands here twice"),
        ("workspaces:\n  - id: a\n   path: b\n", ", line 3: this is no YAML: "),
        (
            "a: !!python/object:os.system x",
            ", line 1: this is no YAML: could not determine a constructor",
        ),
        ("a: 2001-99-99", "this YAML has a value that cannot be read"),
        (b"a: \xff\xfe", "this is no YAML: "),
        (b"a: \x00", "this is no YAML: "),
        ("[" * 5000, "this YAML has a value that cannot be read"),
        ("? [a]\n: b", ", line 1: this is no YAML: while constructing a mapping"),
        (f"workspaces: {'x' * 1000}", "expected a list"),
    ],
)
def test_what_is_wrong_is_named(text: str | bytes, expected: str) -> None:
    """A wrong file is described by key or line, value, and what is expected."""
    assert expected in complaint(text)


def test_a_home_that_is_not_known_is_an_error() -> None:
    """The path of a person who does not exist is refused, not taken for a folder."""
    text = "workspaces: [{id: a, path: ~nobody-of-this-name/x}]"
    assert "workspaces[0].path is '~nobody-of-this-name/x'" in complaint(text)


@given(st.binary(max_size=60) | st.text("workspaces: [{id}]&*a-\n!%", max_size=60))
def test_any_bytes_are_settings_or_an_error(data: bytes | str) -> None:
    """Whatever the file holds, the answer is settings or a message of one line."""
    try:
        parse_settings(data.encode() if isinstance(data, str) else data, Path("/s.yaml"))
    except SettingsError as error:
        assert "\n" not in str(error)  # noqa: PT017 (most examples are errors, some are not)


def test_yaml_is_loaded_for_a_file_only(tmp_path: Path) -> None:
    """Without a settings file the YAML library stays out."""
    code = (
        "import sys; from xpmnb.settings import load_settings; load_settings();"
        "print('yaml' in sys.modules)"
    )
    environment = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path)}
    environment.pop("XPMNB_SETTINGS", None)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stdout == "False\n"
