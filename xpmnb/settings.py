"""The settings file of a person: which workspaces there are, and how jobs run in each.

Only reading and checking: what a setting does is decided where it is used.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xpmnb.errors import SettingsError

__all__ = ["Settings", "WorkspaceSettings", "load_settings", "parse_settings", "settings_error"]

_VARIABLE = "XPMNB_SETTINGS"
_MAX_SHOWN = 80
_LEAST = {"max_retries": 0, "max_jobs": 1}
_KEYS = ("id", "path", "max_retries", "launcher", "max_jobs")

# The settings read last, with what tells whether their file is still the same one.
_Stamp = tuple[str, int, int, int]
_last_read: tuple[_Stamp, Settings] | None = None


@dataclass(frozen=True, slots=True)
class WorkspaceSettings:
    """What the settings say about one workspace. Immutable; any thread."""

    id: str
    """The short name that stands for the path."""
    path: Path
    """The directory, absolute; it may not exist yet."""
    max_retries: int | None = None
    """How often a job is run again whose time ran out; None for the usual number."""
    launcher: str | None = None
    """The word for where jobs run; None for the usual place. Whether it is known is not checked."""
    max_jobs: int | None = None
    """How many jobs run at a time; None for the usual bound."""
    key: str = ""
    """Where it stands in the file, for messages: ``workspaces[0]``."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The content of the settings file. Immutable; any thread."""

    workspaces: tuple[WorkspaceSettings, ...]
    """In the order of the file; the first one is the default."""
    path: Path
    """The file, which may not exist: then there are no workspaces."""

    def find(self, id_or_path: str | os.PathLike[str]) -> WorkspaceSettings | None:
        """Give the settings of a workspace.

        Parameters
        ----------
        id_or_path
            Its id or, where no workspace has that id, its directory in any spelling.

        Returns
        -------
        WorkspaceSettings or None
            None where the settings say nothing about it. Of two that share a directory, the first.
        """
        if isinstance(id_or_path, str):
            for workspace in self.workspaces:
                if workspace.id == id_or_path:
                    return workspace
        if not self.workspaces:
            return None
        real = os.path.realpath(Path(id_or_path).expanduser())
        for workspace in self.workspaces:
            if os.path.realpath(workspace.path) == real:
                return workspace
        return None


def settings_path() -> Path:
    """Give the path of the settings file, whether it exists or not.

    Returns
    -------
    Path
        What ``XPMNB_SETTINGS`` names, else ``xpmnb/settings.yaml`` in ``XDG_CONFIG_HOME``, else in
        ``~/.config``.
    """
    named = os.environ.get(_VARIABLE)
    if named:
        return Path(named).expanduser().absolute()
    folder = Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config")
    if folder.parts[0] != "~" and not folder.is_absolute():
        folder = Path("~/.config")  # the XDG standard wants relative ones to be ignored
    return folder.expanduser() / "xpmnb" / "settings.yaml"


def load_settings() -> Settings:
    """Read the settings file; a file that has not changed since the last call is not read again.

    Returns
    -------
    Settings
        Empty where there is no settings file.

    Raises
    ------
    SettingsError
        The file cannot be read or is wrong, or ``XPMNB_SETTINGS`` names one that does not exist.
        The message names file, key, value, and what is expected.
    """
    global _last_read  # noqa: PLW0603 (a cache of one file)
    path = settings_path()
    try:
        found = path.stat()
        stamp = (str(path), found.st_mtime_ns, found.st_size, found.st_ino)
        # Read once: another thread may put another pair there.
        last = _last_read
        if last is not None and last[0] == stamp:
            return last[1]
        data = path.read_bytes()
    except FileNotFoundError as error:
        if os.environ.get(_VARIABLE):
            raise SettingsError(
                f"{path} does not exist, and {_VARIABLE} names it as the settings file; "
                "make the file, or unset the variable"
            ) from error
        return Settings((), path)
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from error
    settings = parse_settings(data, path)
    _last_read = (stamp, settings)
    return settings


def parse_settings(data: bytes, path: Path) -> Settings:
    """Give the settings that the bytes of a file hold.

    Parameters
    ----------
    data
        YAML: ``workspaces: [{id, path, max_retries, launcher, max_jobs}]``, of which ``id`` and
        ``path`` are required; nothing at all is fine too.
    path
        The file, absolute, for messages; paths in it are relative to its folder.

    Raises
    ------
    SettingsError
        It is no YAML, or a key or a value is wrong.
    """
    content = _parse_yaml(data, path)
    if content is None:
        return Settings((), path)
    content = _check_mapping(path, "", content, ("workspaces",))
    entries = content.get("workspaces")
    if entries is None:
        entries = []
    if not isinstance(entries, list):
        raise settings_error(path, "workspaces", entries, "a list of workspaces, each with '- id:'")
    workspaces = tuple(
        _parse_workspace(path, f"workspaces[{number}]", entry)
        for number, entry in enumerate(entries)
    )
    _check_ids(path, workspaces)
    return Settings(workspaces, path)


def settings_error(path: Path, key: str, value: object, expected: str) -> SettingsError:
    """Give the error for a value of the settings file that is wrong.

    Parameters
    ----------
    path
        The settings file.
    key
        Where the value stands in it: ``workspaces[1].max_retries``.
    value
        What stands there.
    expected
        What should stand there, in words.
    """
    shown = repr(value)
    if len(shown) > _MAX_SHOWN:
        shown = f"{shown[:_MAX_SHOWN]}..."
    return SettingsError(f"{path}: {key} is {shown}; expected {expected}")


def _parse_workspace(path: Path, key: str, entry: object) -> WorkspaceSettings:
    values = _check_mapping(path, key, entry, _KEYS)
    for name in ("id", "path"):
        if name not in values:
            raise SettingsError(
                f"{path}: {key} has no {name}; every workspace needs an id and a path"
            )
    return WorkspaceSettings(
        _text(path, f"{key}.id", values["id"]),
        _directory(path, f"{key}.path", values["path"]),
        _count(path, key, "max_retries", values),
        None
        if values.get("launcher") is None
        else _text(path, f"{key}.launcher", values["launcher"]),
        _count(path, key, "max_jobs", values),
        key,
    )


def _text(path: Path, key: str, value: object) -> str:
    if isinstance(value, str) and value.strip():
        return value
    expected = "a word"
    if isinstance(value, (int, float)):
        expected = f"a word: put it in quotes, '{value}'"
    raise settings_error(path, key, value, expected)


def _directory(path: Path, key: str, value: object) -> Path:
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        raise settings_error(path, key, value, "the path of a directory")
    try:
        folder = Path(value).expanduser()
    except RuntimeError as error:
        message = "a path; the home directory that it begins with is not known"
        raise settings_error(path, key, value, message) from error
    return Path(os.path.normpath(path.parent / folder))


def _count(path: Path, key: str, name: str, values: Mapping[str, Any]) -> int | None:
    value = values.get(name)
    if value is None:
        return None
    if type(value) is not int or value < _LEAST[name]:
        expected = f"a whole number, at least {_LEAST[name]}"
        raise settings_error(path, f"{key}.{name}", value, expected)
    return value


def _check_mapping(path: Path, key: str, value: object, known: Iterable[str]) -> Mapping[str, Any]:
    known = list(known)
    where = key or "the file"
    if not isinstance(value, dict):
        raise settings_error(path, where, value, f"keys and values; the keys are {_listed(known)}")
    for name in value:
        if name not in known:
            near = difflib.get_close_matches(str(name), known, 1)
            hint = f"did you mean {near[0]}?" if near else f"the keys are {_listed(known)}"
            raise SettingsError(f"{path}: {where} has the unknown key {name!r}; {hint}")
    return value


def _check_ids(path: Path, workspaces: Iterable[WorkspaceSettings]) -> None:
    seen: dict[str, str] = {}
    for workspace in workspaces:
        if workspace.id in seen:
            expected = f"an id of its own: {seen[workspace.id]} has this one"
            raise settings_error(path, f"{workspace.key}.id", workspace.id, expected)
        seen[workspace.id] = workspace.key


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)


def _parse_yaml(data: bytes, path: Path) -> Any:
    # 15 ms to import, and most people have no settings file.
    import yaml  # noqa: PLC0415

    try:
        _check_keys_once(yaml.compose(data, Loader=yaml.SafeLoader), path)
        return yaml.safe_load(data)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{path}, line {mark.line + 1}" if mark is not None else f"{path}"
        what = " ".join(filter(None, (error.context, error.problem)))
        raise SettingsError(f"{where}: this is no YAML: {what}") from error
    except yaml.YAMLError as error:  # characters that no YAML may hold
        what = " ".join(str(error).split())
        raise SettingsError(f"{path}: this is no YAML: {what}") from error
    except (ValueError, RecursionError) as error:  # a date that does not exist; a thousand brackets
        raise SettingsError(
            f"{path}: this YAML has a value that cannot be read: {error}"
        ) from error


def _check_keys_once(node: Any, path: Path) -> None:
    """Refuse a key that stands twice in one mapping: YAML would keep the last one, silently."""
    waiting, seen = [node], set()
    while waiting:
        node = waiting.pop()
        if id(node) in seen or not hasattr(node, "value") or isinstance(node.value, str):
            continue  # an alias may lead back to where it stands
        seen.add(id(node))
        names = set()
        for item in node.value:
            if not isinstance(item, tuple):
                waiting.append(item)
                continue
            key, value = item
            waiting.append(value)
            if isinstance(key.value, str):
                if key.value in names:
                    line = key.start_mark.line + 1
                    raise SettingsError(f"{path}, line {line}: {key.value} stands here twice")
                names.add(key.value)
