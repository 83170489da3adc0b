"""Which jobs start when there is room, and when what they wait for is free."""

from pathlib import Path
from typing import Any

from xpmnb.records.layout import WorkspaceLayout
from xpmnb.records.states import JobState
from xpmnb.scheduler.demands import Demands
from xpmnb.scheduler.entries import Entry
from xpmnb.scheduler.jobs import Job
from xpmnb.scheduler.runs import Lane
from xpmnb.scheduler.starting import Starter
from xpmnb.scheduler.tokens import declare_token, token_claims


class Started:
    """A launcher that only notes whom it was told to start."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def start(self, job: Job, _: object) -> None:
        """Note a job."""
        self.names.append(job.id)


def test_who_waits_for_tokens_keeps_the_order(tmp_path: Path) -> None:
    """Looks at a full house leave those who stand in line for a token in their order."""
    layout = WorkspaceLayout(tmp_path / "runs")
    declare_token(layout, "gpu", 1)
    demands = Demands(claims=token_claims(layout, {"gpu": 1}))
    launcher: Any = Started()
    no_rules: Any = None
    lane = Lane(2)

    def add(name: str, wanted: Demands) -> Entry:
        job = Job(layout.job("t", name), None, {}, launcher, None)
        job.demands = wanted
        job.move(JobState.READY)
        entry = Entry(no_rules, job, lane, [])
        starter.add(entry)
        starter.fill(lane)
        return entry

    starter = Starter(lambda *_: None)
    holder = add("holder", demands)
    waiting = [add(name, demands) for name in ("first", "second", "third")]
    others = [add("other", Demands())]
    assert launcher.names == ["holder", "other"]
    for _ in range(3):
        starter.start_waiting()
    for entry in (holder, *waiting[:2]):
        starter.take_back(entry, has_ended=True)
        starter.fill(lane)
    assert launcher.names == ["holder", "other", "first", "second", "third"]
    for entry in (waiting[2], *others):
        starter.take_back(entry, has_ended=True)
    assert not starter
