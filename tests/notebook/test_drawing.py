"""What pictures of jobs have in common."""

from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from tests.notebook.made_rows import made_row
from xpmnb.notebook.drawing import TONE_COLOURS, fitted, job_words, picture, text_at, tooltip
from xpmnb.notebook.rows import TONES


@given(st.text())
def test_any_text_is_text(words: str) -> None:
    """Whatever a text holds, a picture with it is valid XML, and shows no control characters."""
    source = picture(10, 10, words, text_at(0, 0, words) + tooltip(words))
    source.encode()
    ET.fromstring(source)  # noqa: S314 (made right here)


def test_every_tone_has_a_colour_that_stands_alone() -> None:
    """Colours are those of the page, or a fallback where the page names none."""
    assert set(TONE_COLOURS) == set(TONES)
    assert all(
        colour.startswith("var(--xpm-") and ",#" in colour for colour in TONE_COLOURS.values()
    )


def test_a_text_is_cut_to_its_room() -> None:
    """What does not fit ends with an ellipsis."""
    assert fitted("abc", 100) == "abc"
    assert fitted("a" * 100, 50).endswith("…")
    assert len(fitted("a" * 100, 50)) < 12


def test_a_job_is_told_in_a_line() -> None:
    """Name, tags, state, time and message of a job make one line."""
    row = made_row("0123456789", "failed", tags=[("lr", "0.1")], message="bad\nvalue")
    assert job_words(row, None) == "train 01234567, lr=0.1: failed, 2.0 s, bad\\nvalue"
