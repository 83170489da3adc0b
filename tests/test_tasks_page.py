"""Each code example of the page on tasks, run by threads and by processes."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import tasks_page as page
from xpmnb import FailureReason, JobState, Param, Task, experiment, log
from xpmnb.errors import SubmissionError

DEADLINE_S = 60.0


class Logs(Task):
    """Counts its steps."""

    steps: Param[int]

    def execute(self) -> None:
        for step in range(self.steps):
            log(count=step)


@pytest.fixture(params=["thread", "process"])
def launcher(request: pytest.FixtureRequest) -> str:
    """Give the word for where the jobs of a test run."""
    word: str = request.param
    return word


@pytest.fixture
def xp(tmp_path: Path, launcher: str) -> Iterator[experiment]:
    """Open an experiment whose jobs run there."""
    with experiment(tmp_path / "runs", "page", launcher=launcher) as opened:
        yield opened


def test_a_task_knows_its_directory_and_tags(xp: experiment, launcher: str) -> None:
    """A task runs in its directory, writes generated paths there, and sees its tags."""
    task = page.ModelLearn.C(model=page.Network.C(layers=3), epochs=5).tag("colour", "red")
    assert task.submit() is task
    directory = str(task.jobpath)
    assert task.job.result(DEADLINE_S) == {
        "cwd": directory,
        "tags": {"colour": "red"},
        "taskdir": directory,
        "maintaskdir": directory,
    }
    assert task.parameters == task.jobpath / "parameters.pth"
    assert task.parameters.read_text() == "5 epochs of 3 layers"
    assert xp.jobs()["launcher"].to_list() == [launcher]


def test_the_last_metrics_are_in_the_table(xp: experiment) -> None:
    """The table has what a job logged last, however quickly it ended."""
    tasks = [Logs.C(steps=steps).submit() for steps in (1, 20)]
    for task, last in zip(tasks, (0, 19), strict=True):
        task.wait(DEADLINE_S)
        assert task.job.metrics == {"count": last}
    assert xp.jobs()["metrics.count"].to_list() == [0, 19]


def test_a_job_directory_is_laid_out_as_the_page_says(xp: experiment) -> None:
    """[EXPERIMENT_FOLDER]/jobs/[QUALIFIED_NAME]/[JOB_ID] holds the program and both streams."""
    task = page.ModelLearn.C(model=page.Network.C())
    task.submit().wait(DEADLINE_S)
    qualified = "tests.support.tasks_page.modellearn"
    assert task.jobpath == xp.workdir / "jobs" / qualified / task.job.id
    for name in ("modellearn.py", "modellearn.out", "modellearn.err", "__xpm__"):
        assert (task.jobpath / name).exists()


def test_only_what_a_task_marks_depends_on_it(xp: experiment, tmp_path: Path) -> None:
    """The topics of a fold wait for the task that samples them; its documents do not."""
    (tmp_path / "topics").write_text("a\nb\nc\nd\ne")
    (tmp_path / "documents").write_text("x\ny")
    source = page.Dataset.C(
        topics=page.Topics.C(path=tmp_path / "topics"),
        documents=page.Documents.C(path=tmp_path / "documents"),
    )
    fold = page.RandomFold.C(dataset=source)
    other = page.RandomFold.C(dataset=source, seed=1)
    sampled, sampled_otherwise = fold.submit(), other.submit()
    topics = page.CountTopics.C(topics=sampled.topics).submit()
    topics_otherwise = page.CountTopics.C(topics=sampled_otherwise.topics).submit()
    documents = page.CountDocuments.C(documents=sampled.documents).submit()
    plain = page.CountDocuments.C(documents=source.documents).submit()
    assert topics.job.result(DEADLINE_S) == 3
    assert topics_otherwise.job.result(DEADLINE_S) == 2
    assert documents.job.result(DEADLINE_S) == 2
    assert topics.job.id != topics_otherwise.job.id
    assert documents.job.id == plain.job.id
    xp.wait(DEADLINE_S)


def test_a_wrapped_output_has_the_identity_of_its_task(xp: experiment) -> None:
    """Two consumers of equal wrappers differ when the producers' parameters do."""
    few = page.Search.C(index=page.BuildIndex.C(words=2).submit()).submit()
    many = page.Search.C(index=page.BuildIndex.C(words=9).submit()).submit()
    assert (few.job.result(DEADLINE_S), many.job.result(DEADLINE_S)) == (2, 9)
    assert few.job.id != many.job.id
    xp.wait(DEADLINE_S)


def test_an_init_task_fills_the_very_model_that_the_task_sees(xp: experiment) -> None:
    """The model that the loader fills is the model that Evaluate sees, and identifies it."""
    model = page.Model.C(size=2)
    learner = page.ModelLearner.C(model=model, rate=7)
    model_loader = learner.submit()
    evaluate = page.Evaluate.C(model=model).submit(init_tasks=[model_loader])
    assert evaluate.job.result(DEADLINE_S) == [7, 7]
    bare = page.Evaluate.C(model=model).submit()
    assert bare.job.result(DEADLINE_S) is None
    other_loader = page.ModelLearner.C(model=model, rate=8).submit()
    other = page.Evaluate.C(model=model).submit(init_tasks=[other_loader])
    assert other.job.result(DEADLINE_S) == [8, 8]
    assert len({bare.job.id, evaluate.job.id, other.job.id}) == 3
    xp.wait(DEADLINE_S)


def test_a_submit_hook_is_applied_once_to_the_environment(xp: experiment, launcher: str) -> None:
    """Processes get the variable; for threads a clear error names the process launcher."""
    task = page.IndexTask.C(
        first=page.IndexCollection.C(name="a"), second=page.IndexCollection.C(name="b")
    )
    if launcher == "thread":
        with pytest.raises(SubmissionError, match=r"JAVA_HOME.*launcher='process'"):
            task.submit()
    else:
        assert task.submit().job.result(DEADLINE_S) == "/java/11"
    xp.wait(DEADLINE_S)


def test_a_resumable_task_goes_on_from_its_checkpoint(xp: experiment) -> None:
    """A timed-out training is run again in its directory, and ends with all its epochs."""
    task = page.LongTraining.C(epochs=12, epoch_s=0.1).submit(walltime=0.65, max_retries=10)
    assert task.job.wait(DEADLINE_S) == JobState.DONE
    assert task.job.retry_count >= 1
    assert task.job.result()["start"] > 0
    epochs = [int(line.split()[1]) for line in task.stdout().read_text().splitlines()]
    assert sorted(set(epochs)) == list(range(12))
    assert xp.jobs()["retries"].to_list() == [task.job.retry_count]


def test_retries_are_bounded(xp: experiment) -> None:
    """When the retries are used up, the job has failed by timeout."""
    task = page.LongTraining.C(epochs=1000, epoch_s=0.05).submit(walltime=0.2, max_retries=1)
    state = task.job.wait(DEADLINE_S)
    assert state.failure_reason == FailureReason.TIMEOUT
    assert task.job.retry_count == 1
    assert len(xp.failed) == 1


def test_a_graceful_timeout_is_a_timeout_that_is_retried(xp: experiment) -> None:
    """A task that sees its time running out raises GracefulTimeout, and is run again."""
    task = page.LongTraining.C(epochs=10, epoch_s=0.1, buffer_s=0.3)
    task.submit(walltime=1.0, max_retries=10)
    assert task.job.wait(DEADLINE_S) == JobState.DONE
    assert task.job.retry_count >= 1
    events = xp.events()
    ends = events[events["event"] == "attempt-ended"]["text"].to_list()
    assert ends
    assert all("GracefulTimeout: Not enough time" in text for text in ends)


def test_there_is_no_remaining_time_without_a_limit(xp: experiment) -> None:
    """remaining_time() is None for a job that may run for as long as it takes."""
    task = page.LongTraining.C(epochs=1).submit()
    assert task.job.result(DEADLINE_S) == {"start": 0, "remaining": False}
    xp.wait(DEADLINE_S)


@pytest.mark.parametrize("swallows", [False, True])
@pytest.mark.no_cover
def test_a_cancelled_task_cleans_up_and_counts_as_cancelled(
    xp: experiment, tmp_path: Path, launcher: str, *, swallows: bool
) -> None:
    """TaskCancelled is raised in the task; swallowed or not, the job was cancelled."""
    begun = tmp_path / "begun"
    task = page.LongRunningTask.C(begun=begun, swallows=swallows).submit()
    page.await_file(begun)
    task.job.cancel()
    assert task.job.wait(DEADLINE_S).failure_reason == FailureReason.CANCELLED
    remaining = json.loads((task.jobpath / "state").read_text())
    assert remaining == (None if launcher == "thread" else 10.0)
    assert (task.jobpath / "longrunningtask.failed").exists()
    assert len(xp.failed) == 1


def test_on_completed_is_called_when_the_task_is_done(xp: experiment) -> None:
    """A callback is called once for a success, and not for a failure."""
    called: list[object] = []
    task = page.ModelLearn.C(model=page.Network.C(), epochs=1)
    task.on_completed(called.append)
    task.submit()
    failing = page.LongTraining.C(epochs=100, epoch_s=0.05)
    failing.on_completed(called.append)
    failing.submit(walltime=0.1, max_retries=0)
    xp.wait(DEADLINE_S)
    assert called == [task]


def test_callbacks_get_each_checkpoint_with_the_identity_of_its_learner(xp: experiment) -> None:
    """An output is evaluated while, or after, the learner runs; equal steps of two differ."""
    evaluations: list[page.EvaluateCheckpoint] = []

    def on_checkpoint(checkpoint: page.Checkpoint) -> None:
        evaluations.append(page.EvaluateCheckpoint.C(checkpoint=checkpoint).submit())

    model = page.Model.C()
    for rate in (0.1, 0.2):
        validation = page.Validation.C(model=model)
        learn = page.Learn.C(model=model, validation=validation, learn=rate)
        learn.watch_output(validation.checkpoint, on_checkpoint)
        learn.submit()
    xp.wait(DEADLINE_S)
    assert sorted(each.job.result() for each in evaluations) == [0, 0, 10, 10, 20, 20]
    assert len({each.job.id for each in evaluations}) == 6
    outputs = xp.outputs()
    assert outputs["outputs.step"].to_list() == [0, 10, 20] * 2
    assert set(outputs["method"]) == {"checkpoint"}


def test_a_cached_value_is_computed_once(xp: experiment, tmp_path: Path) -> None:
    """Jobs that use one configuration compute its cached value once."""
    terms = page.Terms.C(words=5, calls=tmp_path / "calls")
    tasks = [page.UseTerms.C(terms=terms, number=number).submit() for number in range(4)]
    assert [each.job.result(DEADLINE_S) for each in tasks] == [10] * 4
    assert (tmp_path / "calls").read_text() == "computed\n"
    xp.wait(DEADLINE_S)
