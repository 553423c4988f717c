"""Intervals draw people, cover the truth as often as they say, and come out the same from the same seed."""

from __future__ import annotations

import numpy as np
import pytest
from kinelog.ml import bootstrap, scores


def test_an_interval_over_people_is_wide_where_people_differ_however_many_rows_they_have() -> None:
    people = np.repeat(np.arange(10), 100)
    right = np.repeat(np.arange(10) % 2, 100).astype(np.float64)
    by_person = bootstrap.bootstrap_mean(right, people, seed=1)
    by_row = bootstrap.bootstrap_mean(right, np.arange(1000), seed=1)
    assert by_person.estimate == by_row.estimate == 0.5
    assert by_person.high - by_person.low > 5 * (by_row.high - by_row.low)


def test_an_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(5)
    covered = 0
    for repeat in range(200):
        people = np.repeat(np.arange(30), 4)
        skill = np.clip(rng.normal(0.7, 0.1, 30), 0, 1)
        right = (rng.random(120) < skill[people]).astype(np.float64)
        interval = bootstrap.bootstrap_mean(right, people, seed=repeat, draws=400, level=0.9)
        covered += interval.low <= 0.7 <= interval.high
    assert 165 <= covered <= 195


def test_the_shortcut_for_macro_f1_equals_the_general_bootstrap() -> None:
    rng = np.random.default_rng(3)
    truth, people = rng.integers(0, 3, 60), rng.integers(0, 8, 60)
    decided = np.where(rng.random(60) < 0.7, truth, rng.integers(-1, 3, 60))

    def plain(rows: scores.Ids) -> float:
        return scores.macro_f1(truth[rows], decided[rows], 3, only=(0, 1, 2))

    fast = bootstrap.bootstrap_macro_f1(truth, decided, people, 3, seed=4, draws=50)
    slow = bootstrap.bootstrap_of(plain, people, seed=4, draws=50)
    assert (fast.estimate, fast.low, fast.high) == pytest.approx((slow.estimate, slow.low, slow.high))


def test_equal_seeds_give_equal_intervals() -> None:
    people = np.arange(6)
    values = np.array([0.0, 1.0, 1.0, 0.0, 1.0, 1.0])
    assert bootstrap.bootstrap_mean(values, people, seed=9) == bootstrap.bootstrap_mean(values, people, seed=9)
    assert bootstrap.bootstrap_mean(values, people, seed=9, draws=7) != bootstrap.bootstrap_mean(
        values, people, seed=10, draws=7
    )


@pytest.mark.parametrize(
    ("field", "groups", "level"), [("level", 2, 1.5), ("level", 2, 0.0), ("groups", 0, 0.9), ("values", 3, 0.9)]
)
def test_what_cannot_be_drawn_is_refused_by_name(field: str, groups: int, level: float) -> None:
    with pytest.raises(scores.ScoreError) as refused:
        bootstrap.bootstrap_mean(np.ones(min(groups, 2)), np.arange(groups), seed=0, level=level)
    assert refused.value.field == field
