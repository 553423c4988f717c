"""Sessions that confirm are reserved by hash, kept as they are for their uses, and replaced by ones nobody saw."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kinelog.ml import confirmation
from kinelog.ml.confirmation import SHARE, ConfirmationStateError, SessionKey, first_state, next_state, role_of
from kinelog.ml.promotion import USES


def made_sessions(count: int, start: int = 0) -> list[SessionKey]:
    return [SessionKey(f"person-{number % 7}", f"session-{number}") for number in range(start, start + count)]


def in_role(state: confirmation.ConfirmationState, sessions: list[SessionKey], role: str) -> set[SessionKey]:
    return {one for one in sessions if role_of(state, one) == role}


def test_about_a_quarter_is_reserved_and_the_rest_is_for_selection() -> None:
    sessions = made_sessions(2000)
    state = first_state(sessions)
    assert 430 < len(in_role(state, sessions, "confirmation")) < 570
    assert in_role(state, sessions, "waiting") == set()


def test_a_session_keeps_its_role_when_others_come_in_any_order() -> None:
    old, new = made_sessions(100), made_sessions(100, start=100)
    state = first_state(old)
    later = next_state(state, [*reversed(new), *old], uses=3)
    assert later == state
    assert in_role(later, old, "selection") == in_role(state, old, "selection")
    assert all(one.reserved for one in in_role(later, new, "waiting"))


def test_after_ten_uses_the_waiting_sessions_are_the_new_set_and_the_old_one_goes_to_selection() -> None:
    old, new = made_sessions(100), made_sessions(100, start=100)
    first = first_state(old)
    waiting = in_role(first, new, "waiting")
    assert next_state(first, old + new, uses=USES - 1).name == first.name
    second = next_state(first, old + new, uses=USES)
    assert second.name != first.name
    assert in_role(second, old + new, "confirmation") == waiting
    assert in_role(second, old, "selection") == set(old)


def test_a_used_set_never_comes_back() -> None:
    state = first_state(made_sessions(100))
    seen = set(state.current)
    for edition in range(1, 5):
        state = next_state(state, made_sessions(100 * (edition + 1)), uses=USES)
        assert state.editions == edition + 1
        assert not seen & set(state.current)
        seen |= set(state.current)


def test_too_few_new_sessions_do_not_replace_a_set() -> None:
    old = made_sessions(200)
    first = first_state(old)
    few = [one for one in made_sessions(400, start=200) if one.reserved][: len(first.current) // 2 - 1]
    assert next_state(first, old + few, uses=50) == first


@pytest.mark.parametrize(("new", "replaced"), [(7, False), (8, True)])
def test_fewer_than_eight_new_sessions_replace_no_set_however_small_it_is(*, new: int, replaced: bool) -> None:
    old = made_sessions(20)
    first = first_state(old)
    assert 0 < len(first.current) <= 8
    waiting = [one for one in made_sessions(400, start=20) if one.reserved][:new]
    assert (next_state(first, old + waiting, uses=USES).name != first.name) is replaced


def test_erased_people_leave_the_set_without_resetting_its_uses() -> None:
    old = made_sessions(100)
    first = first_state(old)
    left = [one for one in old if one.person != "person-3"]
    later = next_state(first, left, uses=4)
    assert later.name == first.name
    assert set(later.current) < set(first.current)
    assert in_role(later, left, "confirmation") == in_role(first, left, "confirmation")


def test_a_set_in_which_nobody_is_left_is_replaced_at_once() -> None:
    first = first_state(made_sessions(100))
    others = made_sessions(100, start=100)
    later = next_state(first, others, uses=1)
    assert in_role(later, others, "confirmation") == {one for one in others if one.reserved}


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 12)), min_size=1, max_size=12))
def test_no_session_that_selection_saw_ever_confirms(nights: list[tuple[int, int]]) -> None:
    sessions: list[SessionKey] = []
    seen: set[SessionKey] = set()
    state: confirmation.ConfirmationState | None = None
    for added, uses in nights:
        sessions += made_sessions(added, start=len(sessions))
        state = first_state(sessions) if state is None else next_state(state, sessions, uses)
        assert not seen & in_role(state, sessions, "confirmation")
        seen |= in_role(state, sessions, "selection")


def test_a_state_survives_being_stored_and_names_no_person() -> None:
    state = first_state(made_sessions(50))
    stored = confirmation.state_bytes(state)
    assert confirmation.state_of(stored) == state
    assert b"person-" not in stored


@pytest.mark.parametrize("data", [b"", b"[]", b'{"name":"a","current":[],"schema":9}'])
def test_other_bytes_are_no_state(data: bytes) -> None:
    with pytest.raises(ConfirmationStateError):
        confirmation.state_of(data)


@pytest.mark.parametrize("count", [4, 7, 10, 16])
def test_of_few_sessions_a_first_set_is_founded_even_if_the_hash_reserves_none(count: int) -> None:
    unreserved = [one for number in range(400) if not (one := SessionKey("p", f"s{number}")).reserved][:count]
    state = first_state(unreserved)
    assert len(state.current) == math.ceil(SHARE * count)
    assert state == first_state(reversed(unreserved))
    roles = [role_of(state, one) for one in unreserved]
    assert roles.count("confirmation") == len(state.current)


def test_a_session_that_trained_never_comes_to_confirm() -> None:
    early = [SessionKey("p", f"s{number}") for number in range(10)]
    state = first_state(early)
    trained = {one for one in early if role_of(state, one) == "selection"}
    for more in range(10, 200, 10):
        state = next_state(state, [*early, *(SessionKey("p", f"s{number}") for number in range(10, more))], uses=more)
        assert all(role_of(state, one) == "selection" for one in trained)
