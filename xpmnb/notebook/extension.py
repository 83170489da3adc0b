"""What ``%load_ext xpmnb`` does, and what undoes it: ``%xpm`` and its completion."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from IPython.core.completer import CompletionContext, SimpleCompletion, context_matcher

from xpmnb.notebook.magic_completion import completions
from xpmnb.notebook.magic_words import help_text
from xpmnb.notebook.magics import XpmMagics

if TYPE_CHECKING:
    from IPython.core.completer import SimpleMatcherResult
    from IPython.core.interactiveshell import InteractiveShell

NAME = "xpm"

# The magic begins a line, or is what a variable becomes: `jobs = %xpm jobs`.
_BEGINNING = re.compile(r"(?:\s*|\s*[^=\s]+\s*=\s*)(%xpm\s.*)")


def load(shell: InteractiveShell) -> None:
    """Give a shell ``%xpm``. Loading again does no harm."""
    unload(shell)
    magics = XpmMagics(shell)

    def xpm(line: str) -> Any:
        return magics.xpm(line)

    # `%xpm?` shows it.
    xpm.__doc__ = help_text()
    registry: Any = shell.magics_manager
    registry.register_function(xpm, "line", NAME)
    if shell.Completer is not None:
        shell.Completer.custom_matchers.append(_matcher(magics))


def unload(shell: InteractiveShell) -> None:
    """Take ``%xpm`` back."""
    shell.magics_manager.magics["line"].pop(NAME, None)
    if shell.Completer is not None:
        matchers = shell.Completer.custom_matchers
        matchers[:] = [each for each in matchers if getattr(each, "matcher_identifier", "") != NAME]


def _matcher(magics: XpmMagics) -> Any:
    # Not the hook for completing commands: beside what that gives there is what Jedi takes the
    # line for, which is Python with a minus or two.
    def match(context: CompletionContext) -> SimpleMatcherResult:
        before = _BEGINNING.fullmatch(context.text_until_cursor)
        if before is None:
            return {"completions": []}
        found = completions(before[1], magics.identifiers)
        return {
            "completions": [SimpleCompletion(each, type="magic") for each in found],
            "suppress": bool(found),
            "ordered": True,
        }

    return context_matcher(identifier=NAME)(match)
