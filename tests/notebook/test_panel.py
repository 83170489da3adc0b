"""The widget, and real kernels that show it."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import start_new_kernel
from nbclient import NotebookClient

from tests.notebook.fake_jobs import FakeJob
from tests.notebook.front_end import front_end
from xpmnb.notebook import panel as panel_module
from xpmnb.notebook.commands import CLOSED
from xpmnb.notebook.panel import StatusPanel
from xpmnb.notebook.watched import row_of

HERE = Path(__file__).parent
VIEW = "application/vnd.jupyter.widget-view+json"
TIMEOUT_S = 60
BEGIN = f"""
import sys, threading
sys.path.insert(0, {str(HERE)!r})
from fake_jobs import FakeJob
from xpmnb.notebook.panel import attach
feed = attach()
"""
SUBMIT = """
jobs = [FakeJob(n, name='<script>alert(1)</script>') for n in range(3)]
for job in jobs: feed.submitted(job)
"""
FINISH = """
def work():
    for job in jobs:
        job.run(); feed.changed(job); job.finish(); feed.changed(job)
thread = threading.Thread(target=work); thread.start(); thread.join()
feed.flush()
"""


def test_no_feed_outside_a_kernel() -> None:
    """Where no kernel runs there is nothing to attach."""
    assert panel_module.attach() is None


def test_a_settled_panel_still_knows_its_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Packed rows are there for pages that load later; unpacking puts them back in place."""
    displays: list[tuple[str, Any]] = []
    for name in ("publish_display_data", "update_display"):
        monkeypatch.setattr(
            panel_module,
            name,
            lambda what, name=name, **_: displays.append((name, what)),
        )
    rows = [row_of(FakeJob(number)) for number in range(3)]
    panel = StatusPanel(rows, lambda *_: None)
    panel.show("<table></table>", "3 jobs")
    panel.publish("<table></table>", "3 jobs", final=True)
    panel.pack()
    assert rows == []
    assert [row["key"] for row in panel.get_state("rows")["rows"]] == [
        FakeJob(number).id for number in range(3)
    ]
    panel.unpack()
    assert len(rows) == 3
    assert panel.rows is rows
    assert [name for name, _ in displays] == ["publish_display_data", "update_display"]
    panel.close()


def test_the_bundle_is_readable_without_a_widget() -> None:
    """Beside the view stand the table as HTML and one line of text."""
    panel = StatusPanel([row_of(FakeJob())], lambda *_: None)
    bundle = panel._repr_mimebundle_()
    assert bundle is not None
    data, _ = bundle
    assert VIEW in data
    assert "<table" in data["text/html"]
    assert data["text/plain"] == "1 job: 1 waiting"
    panel.close()


def test_odd_messages_of_a_page_do_nothing() -> None:
    """What is not a known message is passed on or dropped, and never raises."""
    heard: list[Any] = []
    panel = StatusPanel([row_of(FakeJob())], heard.append)
    panel._receive(panel, {"action": "stop", "keys": ["k"]}, [])
    panel._receive(panel, {"action": ["x"]}, [])
    panel._receive(panel, "nonsense", [])
    assert heard == [{"action": "stop", "keys": ["k"]}, {"action": ["x"]}]
    panel.close()


@pytest.fixture(scope="module")
def kernel() -> Iterator[BlockingKernelClient]:
    """Return the client of a real kernel that has a feed."""
    manager, client = start_new_kernel(kernel_name="python3")
    try:
        run(client, BEGIN)
        yield client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()


def run(client: BlockingKernelClient, code: str) -> list[dict[str, Any]]:
    """Execute code and return the messages that it published."""
    published: list[dict[str, Any]] = []
    reply = client.execute_interactive(code, output_hook=published.append, timeout=TIMEOUT_S)
    assert reply["content"]["status"] == "ok", reply["content"].get("traceback")
    return published


def of_type(messages: list[dict[str, Any]], *types: str) -> list[dict[str, Any]]:
    """Return the messages of some types."""
    return [message for message in messages if message["msg_type"] in types]


@pytest.mark.notebook
def test_a_thousand_submissions_open_one_widget(kernel: BlockingKernelClient) -> None:
    """A thousand submissions cost one model with its layout, one display, few messages."""
    messages = run(
        kernel,
        "jobs = [FakeJob(number, lr=number) for number in range(1000)]\n"
        "for job in jobs: feed.submitted(job)\n"
        "feed.flush()",
    )
    assert len(of_type(messages, "comm_open")) <= 2
    assert len(of_type(messages, "display_data")) == 1
    sent = [
        message["content"]["data"]["content"]["changed"]
        for message in of_type(messages, "comm_msg")
        if message["content"]["data"]["method"] == "custom"
    ]
    assert len(sent) < 50
    assert len({row["key"] for rows in sent for row in rows}) >= 999

    messages = run(kernel, "for job in jobs: job.finish(); feed.changed(job)\nfeed.flush()")
    update = of_type(messages, "update_display_data")[-1]
    assert set(update["content"]["data"]) == {"text/html", "text/plain"}
    assert update["content"]["data"]["text/plain"] == "1,000 jobs: 1,000 done"


@pytest.mark.notebook
def test_clicks_are_not_sent_to_the_busy_shell(kernel: BlockingKernelClient) -> None:
    """What a page says goes to the shell that it chose, not to the last that published."""
    messages = run(
        kernel,
        "job = FakeJob('click'); feed.submitted(job); feed.flush()\n"
        "comm = feed._board.panels[-1].view.comm\n"
        "route = getattr(comm, '_reply_subshell_for', lambda data, default: default)\n"
        "assert route({}, 'chosen') == 'chosen'\n",
    )
    assert of_type(messages, "display_data")


@pytest.mark.notebook
def test_what_a_page_says_is_no_cell(kernel: BlockingKernelClient) -> None:
    """A page's message ends no cell, for that would draw the half-made figures of a running one."""
    (shown,) = of_type(
        run(
            kernel,
            "job = FakeJob('page'); feed.submitted(job); feed.flush()\n"
            "view = feed._board.panels[-1].view; said = []; ends = []\n"
            "view.on_msg(lambda _, content, __: said.append(content))\n"
            "get_ipython().events.register('post_execute', lambda: ends.append(1))\n"
            "print(view.comm.comm_id, end='')",
        ),
        "stream",
    )
    data = {"method": "custom", "content": {"action": "sync"}}
    content = {"comm_id": shown["content"]["text"], "data": data}
    kernel.shell_channel.send(kernel.session.msg("comm_msg", content))
    run(kernel, "assert said == [{'action': 'sync'}], said\nassert ends == [1], ends")


@pytest.mark.notebook
def test_closed_leaves_no_painter_in_the_kernel(kernel: BlockingKernelClient) -> None:
    """Closing a feed in a kernel ends its thread, and its panel is HTML alone."""
    messages = run(
        kernel,
        "other = attach(); other.submitted(FakeJob('close'))\n"
        "painter = other._painter; assert painter.is_alive()\n"
        "other.closed(); assert not painter.is_alive()",
    )
    (update,) = of_type(messages, "update_display_data")
    assert VIEW not in update["content"]["data"]


@pytest.mark.notebook
def test_a_saved_notebook_holds_the_final_table(tmp_path: Path) -> None:
    """A notebook executed without a browser holds a plain table, hostile strings as text."""
    path = tmp_path / "panel.ipynb"
    cells = [
        BEGIN,
        SUBMIT,
        FINISH,
        "feed.closed()",
    ]
    notebook = nbformat.from_dict(
        {
            "nbformat": 4,
            "nbformat_minor": 4,
            "metadata": {},
            "cells": [
                {
                    "cell_type": "code",
                    "source": source,
                    "metadata": {},
                    "outputs": [],
                    "execution_count": None,
                }
                for source in cells
            ],
        }
    )
    NotebookClient(
        notebook, timeout=TIMEOUT_S, kernel_name="python3", store_widget_state=False
    ).execute()
    path.write_text(json.dumps(notebook), encoding="utf-8")
    (output,) = json.loads(path.read_text(encoding="utf-8"))["cells"][1]["outputs"]
    data = output["data"]
    assert set(data) == {"text/html", "text/plain"}
    assert data["text/plain"] == "3 jobs: 3 done"
    assert data["text/html"].count("<tr class=") == 3
    assert "&lt;script&gt;" in data["text/html"]
    assert "<script>" not in data["text/html"]


@pytest.mark.notebook
def test_ten_changes_of_a_thousand_rows_are_a_small_message(kernel: BlockingKernelClient) -> None:
    """Bytes of a refresh grow with what changed, and no change costs none."""
    run(
        kernel,
        "jobs = [FakeJob(f'row {number}', lr=number) for number in range(1000)]\n"
        "for job in jobs: job.run(); feed.submitted(job)\n"
        "feed._board.panels[-1].publishing.heard = True\n"
        "feed.flush()",
    )
    refresh = run(
        kernel,
        "for job in jobs[:10]: job.progress = [(0.5, 'half')]; feed.changed(job)\nfeed.flush()",
    )
    quiet = run(kernel, "feed.flush()")
    run(kernel, "for job in jobs: job.finish(); feed.changed(job)\nfeed.flush()")
    sent = of_type(refresh, "comm_msg", "update_display_data")
    rows = [each["content"]["data"]["content"]["changed"] for each in sent]
    assert sum(map(len, rows)) == 10
    assert len(json.dumps([each["content"] for each in sent])) < 20_000
    # A sign of life at most.
    beats = of_type(quiet, "comm_msg", "update_display_data")
    assert not [each for each in beats if each["content"]["data"]["content"]["changed"]]


RUN = """
from pathlib import Path
from xpmnb import Task, Param, experiment
class Talks(Task):
    name: Param[str]
    def execute(self):
        print(f"hello from {self.name}", flush=True)
        if not (ROOT / "mended").exists():
            raise ValueError(f"{self.name} is <b>not</b> ready")
        while not (ROOT / "go").exists():
            pass
        print("bye")
xp = experiment(ROOT / "w", "talks", launcher="thread").start()
"""


@pytest.mark.notebook
def test_a_page_opens_cards_runs_again_and_follows_logs(tmp_path: Path) -> None:
    """Over a real comm: an open card comes with its log, and follows a job that is run again."""
    with front_end(tmp_path) as page:
        page.run(RUN)
        page.run("Talks.C(name='anna').submit(); xp.wait()")
        (panel,) = page.panels()
        page.say(panel, "sync")
        page.until(lambda: page.rows(panel))
        (key,) = page.rows(panel)
        page.say(panel, "look", view="here", cards=[key], drawings=["timeline", "graph"])
        page.until(lambda: "hello from anna" in page.log(panel, key))
        (card,) = [each["cards"][key] for each in page.told(panel) if "cards" in each]
        assert card["params"] == [["name", "anna"]]
        assert card["failure"]["message"].endswith("anna is <b>not</b> ready")
        assert card["failure"]["source"].startswith("raise ValueError(")
        drawings = [each["drawings"] for each in page.told(panel) if "drawings" in each]
        assert all(svg.startswith("<svg") for each in drawings for svg in each.values())
        assert {name for each in drawings for name in each} == {"timeline", "graph"}

        (tmp_path / "mended").touch()
        page.say(panel, "retry-failed")
        page.until(lambda: page.rows(panel)[key]["word"] == "running")
        page.until(lambda: page.log(panel, key) == "hello from anna\n")
        (tmp_path / "go").touch()
        page.until(lambda: page.log(panel, key) == "hello from anna\nbye\n")
        page.until(lambda: page.rows(panel)[key]["word"] == "done")
        assert page.said(panel) == ["1 job submitted again."]
        assert [each["cards"] for each in page.told(panel) if "cards" in each][-1][key][
            "failure"
        ] is None

        page.run("xp.close()")
        page.say(panel, "look", view="there", cards=[key], drawings=[])
        before = len(page.told(panel))
        page.say(panel, "sync")
        page.until(lambda: any("cards" in each for each in page.told(panel)[before:]))
        page.say(panel, "stop-all")
        page.until(lambda: CLOSED in page.said(panel))


def test_rows_are_never_gone_for_a_page_that_loads() -> None:
    """Whoever reads the state while rows are packed or unpacked finds all of them."""
    rows = [row_of(FakeJob(number)) for number in range(5)]
    panel = StatusPanel(rows, lambda *_: None)
    stop = threading.Event()
    counts: set[int] = set()

    def read() -> None:
        while not stop.is_set():
            counts.add(len(panel.all_rows()))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for _ in range(300):
            panel.pack()
            panel.unpack()
    finally:
        stop.set()
        reader.join()
    assert counts == {5}
    panel.close()
