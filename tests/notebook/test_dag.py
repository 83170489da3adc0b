"""Pictures of which job needs which."""

import re
from typing import Any
from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from tests.notebook.made_rows import made_row
from xpmnb.notebook.dag import MAX_NODES, graph_svg
from xpmnb.notebook.rows import TONES, Row

NS = "{http://www.w3.org/2000/svg}"


def drawn(rows: list[Row]) -> ET.Element:
    """Return the picture, parsed as strictly as a browser parses SVG."""
    return ET.fromstring(graph_svg(rows, 100.0))  # noqa: S314 (made right here)


def nodes(picture: ET.Element) -> dict[str, ET.Element]:
    """Return the nodes by the key of their job."""
    return {each.attrib["data-key"]: each for each in picture.iter() if "data-key" in each.attrib}


def words(element: ET.Element) -> list[str]:
    """Return the texts that are seen."""
    return [each.text or "" for each in element.iter(f"{NS}text")]


def left(group: ET.Element) -> float:
    """Return the left edge of a node."""
    return min(float(rect.attrib["x"]) for rect in group.findall(f"{NS}rect"))


def links(picture: ET.Element) -> list[str]:
    """Return the lines between nodes."""
    return [each.attrib["d"] for each in picture.findall(f"{NS}path")]


def test_what_is_needed_stands_to_the_left() -> None:
    """A job stands right of all that it needs, with a line from each to it."""
    rows = [
        made_row("c", "waiting", needs=["a", "b"]),
        made_row("a"),
        made_row("b", "running", needs=["a"]),
    ]
    picture = drawn(rows)
    found = nodes(picture)
    assert left(found["a"]) < left(found["b"]) < left(found["c"])
    assert len(links(picture)) == 3
    assert words(found["c"]) == ["train c", "waiting"]
    assert "3 jobs, in 3 steps: 1 done, 1 running, 1 waiting" in picture.attrib["aria-label"]
    assert picture.attrib["role"] == "img"


def test_hundreds_of_siblings_are_one_node() -> None:
    """Jobs of a task that need the same are one node, with how many are in which state."""
    rows = [made_row("root", name="data")]
    tones = ["done"] * 180 + ["running"] * 20
    rows += [made_row(f"c{n}", tone, name="child", needs=["root"]) for n, tone in enumerate(tones)]
    rows.append(made_row("end", "waiting", name="report", needs=[f"c{n}" for n in range(200)]))
    picture = drawn(rows)
    found = nodes(picture)
    assert list(found) == ["root", "c180", "end"]
    assert words(found["c180"]) == ["200 × child", "180 done, 20 running"]
    assert len(links(picture)) == 2


def test_a_group_leads_to_its_failure() -> None:
    """A click on a node of many jobs shows one that failed, if one did."""
    rows = [made_row("root", name="data")]
    rows += [
        made_row(f"c{n}", "failed" if n == 77 else "done", name="child", needs=["root"])
        for n in range(100)
    ]
    assert "c77" in nodes(drawn(rows))


def test_siblings_that_need_different_things_are_apart() -> None:
    """What hangs on one data set is not counted with what hangs on another, however deep."""
    rows = [made_row("a", name="data"), made_row("b", name="data")]
    rows += [made_row(f"t{n}", name="train", needs=["a" if n < 30 else "b"]) for n in range(50)]
    rows += [made_row(f"e{n}", name="eval", needs=[f"t{n}"]) for n in range(50)]
    text = " ".join(words(drawn(rows)))
    assert all(word in text for word in ("30 × train", "20 × train", "30 × eval", "20 × eval"))


def test_pictures_are_bounded() -> None:
    """Long chains, and thousands of tasks with names of their own, make a picture of some nodes."""
    chain = [made_row(f"{n}", needs=[f"{n - 1}"] if n else []) for n in range(2_000)]
    picture = drawn(chain)
    assert len(nodes(picture)) <= MAX_NODES
    assert float(picture.attrib["width"]) < 4_000
    assert any("× train" in word for word in words(picture))
    named = [made_row(f"{n}", name=f"task{n}") for n in range(1_000)]
    picture = drawn(named)
    assert len(nodes(picture)) <= MAX_NODES
    assert any("921 jobs of 921 tasks" in "".join(each.itertext()) for each in picture.iter())


def test_nothing_to_show_is_said() -> None:
    """Without jobs a sentence stands in the picture; what is needed elsewhere is left out."""
    assert "no jobs" in "".join(drawn([]).itertext())
    assert links(drawn([made_row("a", needs=["somewhere else"])])) == []


@given(
    st.lists(
        st.tuples(st.sampled_from(TONES), st.lists(st.integers(0, 40), max_size=5), st.text()),
        max_size=41,
    )
)
def test_any_graph_and_any_text_can_be_drawn(cases: list[Any]) -> None:
    """Circles, jobs that need themselves and hostile names break no picture."""
    rows = [
        made_row(
            str(n), tone, name=text, word=text, tags=[(text, text)], needs=list(map(str, needs))
        )
        for n, (tone, needs, text) in enumerate(cases)
    ]
    source = graph_svg(rows, None)
    source.encode()
    picture = ET.fromstring(source)  # noqa: S314 (made right here)
    width, height = float(picture.attrib["width"]), float(picture.attrib["height"])
    assert len(nodes(picture)) == len(rows) if len(rows) <= 24 else len(nodes(picture)) <= MAX_NODES
    for rect in picture.iter(f"{NS}rect"):
        assert 0 <= float(rect.attrib["x"]) <= width
        assert 0 <= float(rect.attrib["y"]) <= height
    assert not re.search(r"\bnan\b", " ".join(links(picture)))
