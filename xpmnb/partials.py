"""Groups of parameters, and the partial identifiers that leave some of them out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xpmnb.errors import DeclarationError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

UNNAMED = "partial"
"""The name of a partial identifier that is no attribute of a class."""


class ParameterGroup:
    """A name for parameters that a partial identifier can leave out; see :func:`param_group`."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        """Return the call that makes this object."""
        return f"param_group({self.name!r})"


def param_group(name: str) -> ParameterGroup:
    """Return a group of parameters, to be named in ``field(groups=[...])``.

    Raises
    ------
    DeclarationError
        If the name is no string, or empty.
    """
    if not isinstance(name, str) or not name:
        message = f"param_group({name!r:.80}): give a name, such as 'steps'"
        raise DeclarationError(message)
    return ParameterGroup(name)


class Partial:
    """Which parameters a partial identifier leaves out; see :func:`partial`.

    Unchangeable but for the name, which it gets once; any thread.
    """

    __slots__ = ("exclude_all", "exclude_groups", "exclude_no_group", "include_groups", "name")

    def __init__(
        self,
        exclude_groups: frozenset[str] = frozenset(),
        include_groups: frozenset[str] = frozenset(),
        *,
        exclude_no_group: bool = False,
        exclude_all: bool = False,
    ) -> None:
        self.exclude_groups = exclude_groups
        self.include_groups = include_groups
        self.exclude_no_group = exclude_no_group
        self.exclude_all = exclude_all
        self.name = UNNAMED
        """The attribute of a class that holds it first: a folder has this name."""

    def __set_name__(self, owner: type, name: str) -> None:
        """Take the name of the class attribute."""
        if self.name == UNNAMED:
            self.name = name

    def __repr__(self) -> str:
        """Return the call that makes this object."""
        groups = {"exclude_groups": self.exclude_groups, "include_groups": self.include_groups}
        words = [
            f"{key}=[{', '.join(f'param_group({name!r})' for name in sorted(names))}]"
            for key, names in groups.items()
            if names
        ]
        words += [
            f"{key}=True" for key in ("exclude_no_group", "exclude_all") if getattr(self, key)
        ]
        return f"partial({', '.join(words)})"

    def excludes(self, groups: Collection[str], *, inner: bool = False) -> bool:
        """Tell whether a parameter of some groups is left out.

        Parameters
        ----------
        groups
            Names of the groups that the parameter is in.
        inner : bool
            Whether it is a parameter of a configuration inside: then only a group leaves it out.
            A configuration that is part of the identifier is part of it with what it holds;
            else two different models would share their files.
        """
        if not self.include_groups.isdisjoint(groups):
            return False
        if not self.exclude_groups.isdisjoint(groups):
            return True
        return not inner and (self.exclude_all or (self.exclude_no_group and not groups))


def partial(
    *,
    exclude_groups: Iterable[ParameterGroup] = (),
    include_groups: Iterable[ParameterGroup] = (),
    exclude_no_group: bool = False,
    exclude_all: bool = False,
) -> Partial:
    """Describe an identifier that leaves out some parameters, for files that tasks share.

    Keep it in a class attribute, whose name names the folder, and give it to a
    :class:`~xpmnb.PathGenerator`::

        steps = param_group("steps")

        class Learn(ResumableTask):
            checkpoints = partial(exclude_groups=[steps])
            lr: Param[float]
            epochs: Param[int] = field(groups=[steps])
            model: Meta[Path] = field(
                default_factory=PathGenerator("model.pth", partial=checkpoints)
            )

    Learning for 20 epochs then finds what learning for 10 left, with the same ``lr``. Jobs that
    share a folder never run at the same time.

    Parameters
    ----------
    exclude_groups : iterable of groups made by :func:`param_group`
        Leave out the parameters in one of these, also those of configurations inside.
    include_groups : iterable of groups made by :func:`param_group`
        Keep the parameters in one of these, whatever the others say.
    exclude_no_group : bool
        Leave out the parameters that are in no group. Configurations inside stay whole.
    exclude_all : bool
        Leave out every parameter. Configurations inside stay whole.

    Returns
    -------
    Partial
        Init tasks are never left out.

    Raises
    ------
    DeclarationError
        If a group was not made by :func:`param_group`.
    """
    return Partial(
        _names("exclude_groups", exclude_groups),
        _names("include_groups", include_groups),
        exclude_no_group=exclude_no_group,
        exclude_all=exclude_all,
    )


def _names(argument: str, groups: Iterable[ParameterGroup]) -> frozenset[str]:
    given = None if isinstance(groups, (str, ParameterGroup)) else list(groups)
    if given is None or not all(isinstance(group, ParameterGroup) for group in given):
        message = f"partial({argument}={groups!r}): give a list of groups: [param_group('name')]"
        raise DeclarationError(message)
    return frozenset(group.name for group in given)
