"""The saved panel where a sanitizer took styles, classes and drawings away."""

import re
from html import unescape

from tests.notebook.made_rows import made_row
from tests.support.sanitizers import sanitized
from xpmnb.notebook.experiment_page import experiment_html
from xpmnb.notebook.failures import FailureWords
from xpmnb.notebook.rows import Row
from xpmnb.notebook.table import table_html

NOW = 100.0


def cells_of(page: str) -> list[list[str]]:
    """Return the words of each cell, row by row, as they stand in a sanitized page."""
    rows = re.findall(r"<tr>(.*?)</tr>", sanitized(page), flags=re.DOTALL)
    return [[words_of(cell) for cell in re.split(r"</t[dh]>", row)[:-1]] for row in rows]


def words_of(page: str) -> str:
    """Return the words of sanitized HTML; between blocks there is a line end."""
    lines = re.sub(r"</?(p|div|pre|tr|t[dh]|summary|details)\b[^>]*>", "\n", page)
    text = unescape(re.sub(r"<[^>]*>", "", lines))
    return re.sub(r"\s*\n\s*", "\n", text).strip()


def sweep() -> list[Row]:
    """Return rows that have all that a row can have."""
    return [
        made_row(
            "a",
            "running",
            tags=[("n", "1"), ("lr", "0.1")],
            progress=[(0.5, "epochs 3/20"), (0.1, "batches 7/50")],
            metrics=[("loss", "0.25"), ("acc", "0.9")],
            spark=("loss", [100, 0]),
            retries="2 retries",
        ),
        made_row("b", "failed", message="ValueError: no such file"),
        made_row(
            "c", word="done, by other code", code_changed=True, message="as it was", needs=["a"]
        ),
        made_row("d", "cancelled", word="timed out", tags=[("n", "4")]),
        made_row("e", "failed"),
    ]


def test_each_cell_reads_as_words() -> None:
    """State, tags, progress and metrics are told once each, in words that are set apart."""
    head, running, failed, done, timed_out, _ = cells_of(table_html(sweep(), now=NOW))
    assert head == ["State", "Task", "Tags", "Progress", "Metrics", "Time"]
    assert running == [
        "running, 2 retries",
        "train",
        "n=1 lr=0.1",
        "50 % epochs 3/20 › batches 7/50",
        "loss 0.25, acc 0.9",
        "1 min 30 s",
    ]
    assert failed == ["failed", "train", "", "ValueError: no such file", "", "2.0 s"]
    assert done == ["done, by other code", "train", "", "as it was", "", "2.0 s"]
    assert timed_out == ["timed out", "train", "n=4", "", "", "2.0 s"]


def test_failures_are_told() -> None:
    """Message, place, line and traceback of a failure stand below its row, each by itself."""
    failure = FailureWords(
        message="KeyError: 'x'", place="Cell In[3], line 5", source="lookup()", traceback="one\ntwo"
    )
    page = table_html(sweep(), now=NOW, failures={"e": failure})
    assert cells_of(page)[-1] == ["KeyError: 'x'\nCell In[3], line 5\nlookup()\none\ntwo"]


def test_around_the_table_nothing_runs_together() -> None:
    """Title, headline and notes are lines of their own; of pictures their description is left."""
    page = sanitized(experiment_html("sweep", sweep(), NOW, note="A note."))
    before, _, after = page.partition("<table>")
    assert words_of(before).splitlines() == [
        "sweep",
        "5 jobs: 1 done, 1 running, 2 failed, 1 cancelled",
    ]
    notes, *pictures = words_of(after.partition("</table>")[2]).split("\nTimeline")
    assert notes.startswith("A note.\nAs it was on ")
    assert pictures == ["\nDependencies"]
    timeline, graph = re.findall(r'alt="([^"]*)"', page)
    assert timeline.startswith("Timeline of 5 jobs, from ")
    assert graph.startswith("Dependencies of 5 jobs, in 2 steps: ")
