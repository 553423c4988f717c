"""Lag, and heads that do not move."""

from __future__ import annotations

from kinelog.projections.lag import LagWatch, ShardLag, lag_by_shard


def test_lag_is_what_the_log_has_and_the_views_have_not() -> None:
    assert lag_by_shard({1: 7, 0: 5}, {0: 5, 1: 3}) == {0: 0, 1: 4}
    assert lag_by_shard({2: 9}, {}) == {2: 9}
    assert lag_by_shard({0: 3}, {0: 4}) == {0: 0}  # read a moment later than the head


def test_a_head_that_stands_with_work_to_do_is_told_from_one_that_moves() -> None:
    now = [0]
    watch = LagWatch(lambda: now[0])
    assert watch.observe({0: 10}, {0: 4}) == [ShardLag(0, 6, 0)]
    now[0] = 3000
    assert watch.observe({0: 20}, {0: 4}) == [ShardLag(0, 16, 3000)]
    now[0] = 4000
    assert watch.observe({0: 30}, {0: 5}) == [ShardLag(0, 25, 0)]  # slow, but it moves
    now[0] = 9000
    assert watch.observe({0: 30}, {0: 30}) == [ShardLag(0, 0, 0)]
    now[0] = 50_000
    assert watch.observe({0: 30}, {0: 30}) == [ShardLag(0, 0, 0)]  # idle is not stuck
    now[0] = 51_000
    assert watch.observe({0: 31}, {0: 30}) == [ShardLag(0, 1, 0)]
