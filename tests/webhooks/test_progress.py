"""When the next attempt is due: later with each one in vain, never given up, at once for a webhook set anew."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from kinelog.webhooks.progress import (
    ATTEMPT_MS,
    LONGEST_PAUSE_MS,
    Progress,
    begun,
    due_at_ms,
    passed,
    pause_ms,
    refused,
    told,
)

NOW = 1_700_000_000_000
SET = NOW - 5_000
FRESH = Progress(tenant="acme", sent=4)


@given(st.integers(1, 10_000))
def test_pauses_grow_and_have_an_end(attempts: int) -> None:
    assert pause_ms(attempts) <= pause_ms(attempts + 1) <= LONGEST_PAUSE_MS


def test_a_receiver_that_always_fails_is_asked_for_ever_and_less_and_less_often() -> None:
    progress, times = FRESH, [NOW]
    for _ in range(40):
        now_ms = due_at_ms(progress, SET) or NOW
        times.append(now_ms)
        progress = refused(begun(progress, now_ms), now_ms, 500, "answered 500")
    gaps = [later - earlier for earlier, later in pairwise(times[1:])]
    assert gaps == sorted(gaps)
    assert gaps[:3] == [1_000, 2_000, 4_000]
    assert gaps[-1] == LONGEST_PAUSE_MS
    assert (progress.sent, progress.attempts, progress.status) == (4, 40, 500)


def test_whoever_died_in_the_middle_of_an_attempt_holds_it_up_for_a_bounded_time() -> None:
    claimed = begun(FRESH, NOW)
    assert due_at_ms(claimed, SET) == NOW + ATTEMPT_MS
    assert claimed.sent == FRESH.sent


def test_a_taken_message_makes_the_next_due_at_once() -> None:
    claimed = begun(refused(begun(FRESH, NOW), NOW, None, "did not answer in time"), NOW + 1_000)
    after = told(claimed, 7, 204)
    assert (after.sent, after.attempts, after.delivered, after.status, after.error) == (7, 0, 1, 204, "")
    assert due_at_ms(after, SET) == 0


def test_a_webhook_that_was_set_anew_is_tried_at_once() -> None:
    waiting = refused(begun(failing(20), NOW), NOW, 500, "answered 500")
    assert due_at_ms(waiting, SET) > NOW + 60_000
    assert due_at_ms(waiting, NOW + 10) == NOW + 10


def test_a_webhook_that_was_set_by_a_clock_that_is_ahead_waits_no_longer_for_that() -> None:
    waiting = refused(begun(FRESH, NOW), NOW, 500, "answered 500")
    assert due_at_ms(waiting, NOW + 3_600_000) == NOW + 1_000


def failing(attempts: int) -> Progress:
    """Many attempts in vain."""
    return Progress(tenant="acme", sent=4, attempts=attempts, tried_at_ms=NOW - 1, due_at_ms=NOW)


def test_what_is_owed_to_nobody_is_passed_and_nothing_is_told_twice_for_it() -> None:
    assert passed(FRESH, 9).sent == 9
    assert passed(FRESH, 2).sent == 4


def test_an_error_is_kept_short() -> None:
    assert len(refused(begun(FRESH, NOW), NOW, None, "x" * 10_000).error) == 200
