"""What a job was submitted with besides its values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xpmnb.core.options import CodePolicy
    from xpmnb.records.claims import Claim


@dataclass(frozen=True, slots=True)
class Demands:
    """What a job was submitted with besides its values. Immutable; any thread."""

    max_retries: int = 0
    """How often it is run again when its time runs out; 0 for tasks that cannot be resumed."""
    walltime_s: float | None = None
    """How long each attempt may run, in seconds; None for as long as it takes."""
    on_code_change: CodePolicy = "warn"
    """What to do if it is done, by other code than it has now."""
    claims: tuple[Claim, ...] = ()
    """What it must hold while it runs: tokens, and directories that it shares."""


NO_DEMANDS = Demands()
"""Those of most jobs."""
