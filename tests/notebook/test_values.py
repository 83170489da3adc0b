"""Values in few characters, whatever they are."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from xpmnb.notebook.values import VALUE_LIMIT, value_text


class _Mute:
    def __str__(self) -> str:
        raise RuntimeError("no words")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1 + 0.2, "0.3"),
        (np.float32(0.25), "0.25"),
        (Fraction(1, 3), "0.3333"),
        (Decimal("0.1"), "0.1"),
        (True, "True"),
        (10**20, "1" + 20 * "0"),
        (float("nan"), "nan"),
        ("a\x07\u202eb", "a\\x07\\u202eb"),
        (_Mute(), "<_Mute>"),
        (Fraction(10**400), "<Fraction>"),
        pytest.param(10**5_000, "<int>", id="a huge int"),
    ],
)
def test_any_value_has_a_text(value: object, text: str) -> None:
    """Numbers are short, text is safe, and a value that cannot be written is its type's name."""
    assert value_text(value) == text


def test_a_long_value_is_cut() -> None:
    """Of a long value the beginning is shown."""
    assert len(value_text(list(range(1_000)))) == VALUE_LIMIT
