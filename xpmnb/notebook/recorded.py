"""Rows of jobs of which there is a record and no handle; pure."""

from __future__ import annotations

from collections.abc import Iterable

from xpmnb.markup import shown
from xpmnb.notebook.rows import Row, retries_word, state_tone, state_word
from xpmnb.notebook.watched import (
    LEVELS_LIMIT,
    METRICS_LIMIT,
    PARAMS_LIMIT,
    TAGS_LIMIT,
    TEXT_LIMIT,
    fraction_of,
    spark_of,
    value_pairs,
)
from xpmnb.records.events import JobRecord
from xpmnb.records.layout import JobLayout


def row_of_record(record: JobRecord, needs: Iterable[str] = ()) -> Row:
    """Return what a panel shows of a job that is on record.

    Parameters
    ----------
    record : JobRecord
        The record, whole or from the index of a run.
    needs : iterable of str
        The identifiers of the jobs that must be done first.
    """
    reason = record.state.failure_reason
    failure = None if reason is None else reason.value
    state = record.state.value
    word = state_word(state, failure, stopping=False)
    told = "; ".join(filter(None, (record.message, record.problem)))
    return Row(
        key=record.identifier,
        name=shown(JobLayout(record.path).name, TEXT_LIMIT),
        path=shown(record.path),
        state=state,
        word=f"{word}, by other code" if record.code_changed and state == "done" else word,
        tone=state_tone(state, failure),
        stopping=False,
        final=record.state.is_final,
        message=shown(told, TEXT_LIMIT),
        code_changed=record.code_changed,
        tags=value_pairs(record.tags, TAGS_LIMIT) or value_pairs(record.params, PARAMS_LIMIT),
        progress=[
            (fraction_of(each.value), shown(each.description, TEXT_LIMIT))
            for each in (record.progress or ())[:LEVELS_LIMIT]
        ],
        metrics=value_pairs(record.metrics, METRICS_LIMIT),
        spark=spark_of(record.trails),
        retries=retries_word(record.attempts - 1),
        retry_words="",
        submitted_at=record.submitted,
        started_at=record.started,
        ended_at=record.ended,
        expected_end=None,
        usual_s=None,
        needs=list(needs),
    )
