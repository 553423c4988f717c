"""Scores against values worked out by hand and against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kinelog.ml import scores

TRUTH = np.array([0, 0, 0, 1, 1, 2])
DECIDED = np.array([0, 0, 1, 1, -1, 2])


def test_an_abstention_counts_as_wrong_and_against_coverage() -> None:
    assert scores.accuracy(TRUTH, DECIDED) == pytest.approx(4 / 6)
    assert scores.coverage(DECIDED) == pytest.approx(5 / 6)


def test_confusion_has_a_column_for_abstentions() -> None:
    assert scores.confusion(TRUTH, DECIDED, 3).tolist() == [[2, 1, 0, 0], [0, 1, 0, 1], [0, 0, 1, 0]]


def test_macro_f1_by_hand() -> None:
    by_hand = (2 * 2 / 5, 2 * 1 / 4, 1.0)
    assert scores.macro_f1(TRUTH, DECIDED, 3) == pytest.approx(sum(by_hand) / 3)
    assert scores.macro_f1(TRUTH, DECIDED, 3, only=(0, 1)) == pytest.approx(sum(by_hand[:2]) / 2)
    assert [one.f1 for one in scores.class_scores(scores.confusion(TRUTH, DECIDED, 3))] == pytest.approx(by_hand)


def test_a_label_that_never_occurs_is_not_averaged_but_calling_it_costs_recall() -> None:
    assert scores.macro_f1(np.array([0, 0]), np.array([0, 1]), 2) == pytest.approx(2 / 3)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40))
def test_macro_f1_agrees_with_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    truth, decided = (np.array(column, dtype=np.int64) for column in zip(*pairs, strict=True))
    expected = metrics.f1_score(truth, decided, labels=np.unique(truth), average="macro", zero_division=0)
    assert scores.macro_f1(truth, decided, 4) == pytest.approx(expected)


def test_labels_are_averaged_only_with_enough_sessions_and_examples() -> None:
    truth = np.array([0] * 6 + [1] * 6 + [2] * 3)
    sessions = np.array([0, 0, 1, 1, 2, 2, 0, 0, 0, 1, 1, 1, 0, 1, 2])
    assert scores.labels_with(truth, sessions, sessions_at_least=3, examples_at_least=6) == (0,)
    assert scores.labels_with(truth, sessions, sessions_at_least=2, examples_at_least=3) == (0, 1, 2)


def test_the_worst_person_comes_first() -> None:
    people = scores.group_numbers(["b", "b", "a", "a", "c", "c"])
    assert people.tolist() == [1, 1, 0, 0, 2, 2]
    worst, *_ = scores.group_scores(TRUTH, DECIDED, people)
    assert (worst.group, worst.examples, worst.accuracy) == (0, 2, 0.5)


def test_proper_scores_by_hand() -> None:
    truth, probabilities = np.array([0, 1]), np.array([[0.8, 0.2], [0.6, 0.4]])
    assert scores.negative_log_likelihood(truth, probabilities) == pytest.approx(-(np.log(0.8) + np.log(0.4)) / 2)
    assert scores.brier_score(truth, probabilities) == pytest.approx((0.08 + 0.72) / 2)


def test_a_probability_of_zero_costs_much_but_not_everything() -> None:
    loss = scores.negative_log_likelihood(np.array([1]), np.array([[1.0, 0.0]]))
    assert 80 < loss < 100


def test_reliability_by_hand() -> None:
    probabilities = np.array([[0.95, 0.05], [0.91, 0.09], [0.6, 0.4], [0.5, 0.5]])
    found = scores.reliability(np.array([0, 1, 0, 0]), probabilities)
    assert [(one.low, one.examples, one.accuracy) for one in found] == [(0.4, 1, 1.0), (0.5, 1, 1.0), (0.9, 2, 0.5)]
    error = scores.expected_calibration_error(np.array([0, 1, 0, 0]), probabilities)
    assert error == pytest.approx((0.5 + 0.4 + 2 * 0.43) / 4)


def test_a_perfectly_calibrated_model_shows_an_error_that_is_all_chance() -> None:
    rng = np.random.default_rng(8)
    probabilities = rng.dirichlet((2, 1, 1), 117)
    by_chance = scores.calibration_error_of_a_perfect_model(probabilities, seed=1)
    assert 0.05 < by_chance < 0.12
    truth = np.array([rng.choice(3, p=row) for row in probabilities])
    sharpened = probabilities**4 / (probabilities**4).sum(axis=1, keepdims=True)
    assert abs(scores.expected_calibration_error(truth, probabilities) - by_chance) < 0.05
    excess = scores.expected_calibration_error(truth, sharpened)
    assert excess - scores.calibration_error_of_a_perfect_model(sharpened, seed=1) > 0.1


def test_a_decision_below_the_threshold_abstains() -> None:
    probabilities = np.array([[0.4, 0.35, 0.25], [0.1, 0.8, 0.1]])
    assert scores.decisions(probabilities, 0.5).tolist() == [-1, 1]
    assert scores.decisions(probabilities).tolist() == [0, 1]


@pytest.mark.parametrize(
    ("field", "call"),
    [
        ("truth", lambda: scores.accuracy(np.array([], dtype=np.int64), np.array([], dtype=np.int64))),
        ("decided", lambda: scores.accuracy(TRUTH, DECIDED[:2])),
        ("truth", lambda: scores.confusion(np.array([3]), np.array([0]), 3)),
        ("decided", lambda: scores.confusion(np.array([0]), np.array([-2]), 3)),
        ("only", lambda: scores.macro_f1(TRUTH, DECIDED, 3, only=())),
        ("only", lambda: scores.macro_f1(TRUTH, DECIDED, 3, only=(3,))),
        ("probabilities", lambda: scores.brier_score(np.array([0]), np.array([[np.nan, 1.0]]))),
        ("probabilities", lambda: scores.brier_score(np.array([0]), np.array([[0.5, 0.2]]))),
    ],
)
def test_what_cannot_be_scored_is_refused_by_name(field: str, call: object) -> None:
    assert callable(call)
    with pytest.raises(scores.ScoreError) as refused:
        call()
    assert refused.value.field == field
