"""The identifier that a configuration had when its classes had other names.

The encoding is that of ``identifiers.py``; only names differ. Which names a class had is decided
elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xpmnb.core.registry import qualified_name
from xpmnb.core.state import state_of
from xpmnb.errors import IdentifierError
from xpmnb.identifiers import Encoder, Plan, compute, make_plan

if TYPE_CHECKING:
    from collections.abc import Callable

    from xpmnb.core.registry import Declared

__all__ = ["FormerIdentifiers"]


class FormerIdentifiers:
    """Computes identifiers as they are where classes have other names.

    Nothing is taken from submitted tasks: they know the identifiers under their present names.

    Parameters
    ----------
    rename : callable
        Gives the other name of a declared name: of a class, or of an Enum whose member is a value.
        Called for each at least once.

    Notes
    -----
    One thread; made for one graph of configurations that does not change.
    """

    def __init__(self, rename: Callable[[str], str]) -> None:
        self.rename = rename
        self._plans: dict[type, Plan] = {}
        self._known: dict[int, str] = {}

    def of(self, config: Any) -> str:
        """Return the identifier of a configuration.

        Raises
        ------
        IdentifierError
            If a value has no canonical encoding, or the configuration was read from a record,
            which does not say which tasks made its values.
        """
        known = self._known.get(id(config))
        if known is None:
            if state_of(config).known_identifier is not None:
                message = f"{type(config).__qualname__}: read from a record, it has one name only"
                raise IdentifierError(message)
            known = self._known[id(config)] = compute(config, _FormerEncoder(config, self))
        return known

    def plan_of(self, cls: type[Any]) -> Plan:
        """Return what the encoding of a class needs, under its other name."""
        plain: Declared = cls.__xpm_plain__
        plan = self._plans.get(plain)
        if plan is None:
            encode = _FormerEncoder(None, self).encode
            plan = self._plans[plain] = make_plan(plain, self.rename(plain.__xpm_name__), encode)
        return plan


class _FormerEncoder(Encoder):
    """Encodes a graph of configurations under other names. One thread; made for one use."""

    __slots__ = ("_names",)

    is_usual = False

    def __init__(self, root: Any, names: FormerIdentifiers) -> None:
        super().__init__(root, None)
        self._names = names

    def plan_of(self, cls: type[Any]) -> Plan:
        return self._names.plan_of(cls)

    def identifier_of(self, config: Any) -> str:
        return self._names.of(config)

    def name_of(self, cls: type) -> str:
        return self._names.rename(qualified_name(cls))
