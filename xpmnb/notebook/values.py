"""Values of tags, parameters and metrics in few characters; pure."""

from __future__ import annotations

import numbers

from xpmnb.markup import shown

VALUE_LIMIT = 60
"""Characters of a value in a row, which is read at a glance."""


def value_text(value: object, limit: int = VALUE_LIMIT, *, digits: int = 4) -> str:
    """Return a value in few characters.

    Parameters
    ----------
    value : object
        Any value, also one whose own ``__str__`` fails.
    limit : int
        The greatest number of characters.
    digits : int
        The digits of a float that count.
    """
    try:
        if isinstance(value, numbers.Real) and not isinstance(value, numbers.Integral):
            return f"{float(value):.{digits}g}"
        text = str(value)
    except Exception:  # noqa: BLE001 - user code: the value's own methods
        text = f"<{type(value).__name__}>"
    return shown(text, limit)
