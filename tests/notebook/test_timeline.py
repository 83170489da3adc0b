"""Pictures of which job ran when."""

import math
from typing import Any
from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from tests.notebook.made_rows import made_row
from xpmnb.notebook.drawing import TONE_COLOURS
from xpmnb.notebook.rows import TONES, Row
from xpmnb.notebook.timeline import MAX_BARS, timeline_svg

NS = "{http://www.w3.org/2000/svg}"
NOW = 100.0


def drawn(rows: list[Row], now: float = NOW) -> ET.Element:
    """Return the picture, parsed as strictly as a browser parses SVG."""
    return ET.fromstring(timeline_svg(rows, now))  # noqa: S314 (made right here)


def bars(picture: ET.Element) -> dict[str, ET.Element]:
    """Return the bars by the key of their job."""
    return {each.attrib["data-key"]: each for each in picture.iter() if "data-key" in each.attrib}


def box(group: ET.Element) -> tuple[float, float, float]:
    """Return left edge, top and width of a bar."""
    (rect,) = group.findall(f"{NS}rect")
    return float(rect.attrib["x"]), float(rect.attrib["y"]), float(rect.attrib["width"])


def test_each_job_has_a_line_in_the_order_of_their_starts() -> None:
    """Who began first stands first, and bars are as long as the jobs took."""
    rows = [
        made_row("b", started_at=20.0, ended_at=40.0),
        made_row("a", started_at=10.0, ended_at=20.0),
        made_row("c", "waiting"),
    ]
    found = {key: box(group) for key, group in bars(drawn(rows)).items()}
    assert list(found) == ["a", "b"]
    assert found["a"][1] < found["b"][1]
    assert math.isclose(found["b"][2], 2 * found["a"][2], rel_tol=0.01)
    assert math.isclose(found["a"][0] + found["a"][2], found["b"][0], abs_tol=0.2)


def test_a_running_job_is_open_until_now() -> None:
    """What runs reaches to the present, and is drawn open; what ended is not."""
    rows = [made_row("a"), made_row("b", "running", started_at=10.0)]
    found = bars(drawn(rows))
    assert box(found["b"])[2] > 40 * box(found["a"])[2]
    assert found["b"].find(f"{NS}path") is not None
    assert found["a"].find(f"{NS}path") is None
    assert "now" in "".join(found["b"].itertext())


def test_colours_have_words() -> None:
    """Each colour is explained in words with a number, and each bar tells its state."""
    rows = [made_row(tone, tone, started_at=10.0) for tone in TONES if tone != "waiting"]
    picture = drawn(rows)
    text = " ".join(picture.itertext())
    for tone, group in bars(picture).items():
        assert f"1 {tone}" in text
        assert tone in "".join(group.itertext())
        assert TONE_COLOURS[tone] in ET.tostring(group).decode()
    assert picture.attrib["role"] == "img"
    assert "4 jobs" in picture.attrib["aria-label"]
    assert "1 failed" in picture.attrib["aria-label"]


def test_jobs_done_earlier_have_no_bar() -> None:
    """A job that was done before its submission would stretch the axis over days of nothing."""
    rows = [made_row("a", submitted_at=9.0), made_row("b", submitted_at=50.0)]
    assert list(bars(drawn(rows))) == ["a"]
    assert "1 did not run" in " ".join(drawn(rows).itertext())


def test_many_jobs_share_lines() -> None:
    """Of hundreds of jobs, those that ran one after the other stand in one line."""
    rows = [
        made_row(f"{n}", started_at=10.0 * (n // 4), ended_at=10.0 * (n // 4) + 9)
        for n in range(800)
    ]
    picture = drawn(rows)
    found = bars(picture)
    assert len(found) == 800
    assert len({box(group)[1] for group in found.values()}) < 20
    assert float(picture.attrib["height"]) < 700


def test_a_picture_is_bounded() -> None:
    """Thousands of jobs at the same time make a picture that a page can hold, and it says so."""
    rows = [made_row(f"{n}", started_at=1.0, ended_at=90.0) for n in range(MAX_BARS + 10)]
    picture = drawn(rows)
    assert len(bars(picture)) == MAX_BARS
    assert float(picture.attrib["height"]) < 1_100
    assert "10 earlier ones are left out" in " ".join(picture.itertext())


def test_nothing_to_show_is_said() -> None:
    """Where no job has begun, a sentence stands in the picture."""
    assert "no jobs" in "".join(drawn([]).itertext())
    assert "begun" in "".join(drawn([made_row("a", "waiting")]).itertext())


times = st.none() | st.floats(allow_nan=True, allow_infinity=True)


@given(
    st.lists(st.tuples(st.sampled_from(TONES), times, times, times, st.text()), max_size=20), times
)
def test_clocks_and_texts_may_be_anything(cases: list[Any], now: float | None) -> None:
    """Clocks that jump and hostile texts make no picture that is broken or endless."""
    rows = [
        made_row(
            f"{n}{text}",
            tone,
            started_at=start,
            ended_at=end,
            submitted_at=submitted,
            name=text,
            tags=[(text, text)],
            message=text,
        )
        for n, (tone, start, end, submitted, text) in enumerate(cases)
    ]
    source = timeline_svg(rows, NOW if now is None else now)
    source.encode()
    picture = ET.fromstring(source)  # noqa: S314 (made right here)
    assert 0 < float(picture.attrib["height"]) < 1_000
    for group in bars(picture).values():
        x, y, width = box(group)
        assert 0 <= x <= x + width <= 770
        assert y >= 0
