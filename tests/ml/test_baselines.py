"""Baselines learn what they may see and nothing else, and equal seeds give equal answers."""

from __future__ import annotations

import numpy as np
import pytest
from kinelog.ml.baselines import BASELINES, BaselineError, Windows, fit_baseline, gravity_direction
from kinelog.ml.promotion import TRIVIAL
from kinelog.ml.scores import Ids, accuracy, decisions


def made_windows(seed: int, count: int = 120) -> tuple[Windows, Ids]:
    """Labels 0 and 1 differ in how the wrist is held, 2 and 3 (held alike) in how fast it moves."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, count)
    held = np.array([[1000, 0, 0], [0, 1000, 0], [0, 0, 1000], [0, 0, 1000]])[labels]
    beat = np.array([1.0, 1.0, 1.0, 5.0])[labels][:, np.newaxis] * np.arange(50) / 50
    moved = 200 * np.sin(2 * np.pi * (beat + rng.random((count, 1))))
    windows = held[:, np.newaxis, :] + rng.normal(0, 30, (count, 50, 3))
    windows[:, :, 2] += moved
    return windows.astype(np.int16), labels.astype(np.int64)


def reached(name: str) -> float:
    fitted = fit_baseline(name, *made_windows(1), 4, seed=0)
    windows, labels = made_windows(2)
    return accuracy(labels, decisions(fitted.probabilities(windows)))


def test_the_direction_of_gravity_tells_how_a_wrist_is_held_and_not_how_it_moves() -> None:
    fitted = fit_baseline("gravity", *made_windows(1), 4, seed=0)
    windows, labels = made_windows(2)
    right = decisions(fitted.probabilities(windows)) == labels
    assert right[labels < 2].mean() > 0.95
    assert right[labels >= 2].mean() < 0.75


@pytest.mark.parametrize("name", ["logistic", "extra-trees"])
def test_baselines_on_features_tell_both(name: str) -> None:
    assert reached(name) > 0.95


@pytest.mark.parametrize("name", BASELINES)
def test_equal_seeds_give_equal_probabilities_that_sum_to_one(name: str) -> None:
    windows, labels = made_windows(3, 40)
    first, second = (fit_baseline(name, windows, labels, 4, seed=5).probabilities(windows) for _ in range(2))
    assert np.array_equal(first, second)
    assert np.allclose(first.sum(axis=1), 1)


@pytest.mark.parametrize("name", BASELINES)
def test_labels_that_the_fit_never_saw_have_no_probability(name: str) -> None:
    windows, labels = made_windows(3, 60)
    seen = labels >= 2
    fitted = fit_baseline(name, windows[seen], labels[seen], 6, seed=0)
    assert fitted.probabilities(windows).shape == (60, 6)
    assert not fitted.probabilities(windows)[:, [0, 1, 4, 5]].any()


@pytest.mark.parametrize("name", BASELINES)
def test_a_single_label_is_always_the_answer(name: str) -> None:
    windows, _ = made_windows(3, 10)
    fitted = fit_baseline(name, windows, np.ones(10, dtype=np.int64), 3, seed=0)
    assert fitted.probabilities(windows).tolist() == [[0, 1, 0]] * 10


def test_an_absent_site_has_no_direction() -> None:
    windows = np.zeros((2, 50, 6), dtype=np.int16)
    windows[:, :, 0] = -1000
    assert np.allclose(gravity_direction(windows), [[-1, 0, 0, 0, 0, 0]] * 2, atol=1e-2)
    assert not gravity_direction(windows)[:, 1:].any()


def test_the_baselines_that_must_be_beaten_exist() -> None:
    assert set(TRIVIAL) < set(BASELINES)


@pytest.mark.parametrize(
    ("field", "name", "labels"),
    [
        ("name", "majority", [0, 1]),
        ("labels", "gravity", [0]),
        ("labels", "gravity", [0, 4]),
        ("labels", "gravity", []),
    ],
)
def test_what_cannot_be_fitted_is_refused_by_name(field: str, name: str, labels: list[int]) -> None:
    windows, _ = made_windows(0, 2 if labels else 0)
    with pytest.raises(BaselineError) as refused:
        fit_baseline(name, windows, np.array(labels, dtype=np.int64), 4, seed=0)
    assert refused.value.field == field
