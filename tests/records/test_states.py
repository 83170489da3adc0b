"""Job states: equality by name, one instance per reason, and the table of moves."""

import copy
import pickle

import pytest

from xpmnb.records.states import ALLOWED, STATE_VALUES, FailureReason, JobState, check_move

ALL = [JobState.from_value(word) for word in STATE_VALUES]


def test_states_are_equal_by_name_whatever_the_reason() -> None:
    """An ERROR with a reason equals ERROR, hashes alike, and equals no other state."""
    lost = JobState.error(FailureReason.LOST)
    assert lost == JobState.ERROR
    assert hash(lost) == hash(JobState.ERROR)
    assert {lost} == {JobState.error(FailureReason.TIMEOUT)}
    assert lost != JobState.DONE


def test_a_state_is_not_its_word() -> None:
    """Comparing a state with a string is False, not a quiet match."""
    word: object = "done"
    assert word != JobState.DONE


def test_error_states_are_cached_and_say_why() -> None:
    """One instance exists per reason, with the reason on it and in its repr."""
    state = JobState.error(FailureReason.TIMEOUT)
    assert state is JobState.error(FailureReason.TIMEOUT)
    assert state.failure_reason is FailureReason.TIMEOUT
    assert repr(state) == "JobState.ERROR(timeout)"
    assert repr(JobState.RUNNING) == "JobState.RUNNING"
    assert JobState.ERROR.failure_reason is None


@pytest.mark.parametrize("state", [*ALL, JobState.error(FailureReason.MEMORY)])
def test_states_survive_copy_pickle_and_words(state: JobState) -> None:
    """Copies, pickles and the lower-case word lead back to the same instance."""
    assert copy.deepcopy(state) is state
    assert pickle.loads(pickle.dumps(state)) is state  # noqa: S301 (made one call earlier)
    assert JobState.from_value(state.value, state.failure_reason) is state
    assert state.value == state.name.lower()


def test_only_done_and_error_are_final() -> None:
    """Exactly the two ends of a job are final."""
    assert [state.value for state in ALL if state.is_final] == ["done", "error"]


def test_states_cannot_be_changed() -> None:
    """A state is a value."""
    with pytest.raises(AttributeError):
        JobState.DONE.name = "ERROR"  # type: ignore[misc]


def test_an_unknown_word_names_the_known_ones() -> None:
    """A word that is no state is refused with the words that are."""
    with pytest.raises(ValueError, match=r"'finished' is no job state.*waiting.*error"):
        JobState.from_value("finished")


def test_every_state_has_moves_and_ends_can_only_be_submitted_again() -> None:
    """The table covers all states, and a final one leads to WAITING alone."""
    assert list(ALLOWED) == ALL
    assert ALLOWED[JobState.DONE] == ALLOWED[JobState.ERROR] == {JobState.WAITING}


def test_check_move_follows_the_table() -> None:
    """Allowed moves pass, others are refused with the allowed ones."""
    for before in ALL:
        for after in ALL:
            if after in ALLOWED[before]:
                check_move(before, after)
            else:
                with pytest.raises(ValueError, match="cannot move from"):
                    check_move(before, after)


def test_reasons_are_their_words() -> None:
    """A reason equals, prints and formats as its word."""
    assert str(FailureReason.LOST) == f"{FailureReason.LOST}" == "lost"
    assert FailureReason("dependency") is FailureReason.DEPENDENCY
