"""When a node does not reach the log, and when it does again: from looks alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from kinelog.service.store_reach import StoreReach

LOOKS = st.lists(st.tuples(st.floats(0.1, 20.0), st.booleans()), max_size=40)
"""How long after the one before each look began, and whether it was answered."""


def after(looks: list[tuple[float, bool]]) -> tuple[StoreReach, float]:
    reach, now_s = StoreReach(), 0.0
    for passed_s, answered in looks:
        now_s += passed_s
        reach = reach.heard(now_s, answered=answered)
    return reach, now_s


@given(LOOKS, st.floats(0.1, 60.0), st.floats(0.0, 60.0))
def test_it_is_away_after_nothing_but_failures_for_so_long_and_back_after_nothing_but_answers(
    looks: list[tuple[float, bool]], for_s: float, later_s: float
) -> None:
    reach, last_s = after(looks)
    now_s = last_s + later_s
    began_s, at_s = None, 0.0
    for place, (passed_s, answered) in enumerate(looks):
        at_s += passed_s
        if place == 0 or answered is not looks[place - 1][1]:
            began_s = at_s
    long_enough = began_s is not None and now_s - began_s >= for_s
    assert reach.away(now_s, for_s) is (long_enough and not looks[-1][1])
    assert reach.back(now_s, for_s) is (long_enough and looks[-1][1])
    assert reach.answers is (looks[-1][1] if looks else None)
