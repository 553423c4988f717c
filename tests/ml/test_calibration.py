"""Temperature and threshold, on predictions whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kinelog.ml.calibration import (
    CalibrationError,
    abstention_threshold,
    calibrated,
    fitted_temperature,
    grouped_softmax,
)


def drawn(temperature: float, rows: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Logits, and labels drawn from their softmax at a temperature; six outputs, three labels."""
    rng = np.random.default_rng(2)
    logits = rng.normal(0, 3, (rows, 6))
    edges = np.cumsum(grouped_softmax(logits, (0, 0, 1, 1, 2, 2), temperature), axis=1)
    labels = (rng.random((rows, 1)) > edges[:, :-1]).sum(axis=1)
    return logits, labels


@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.5])
def test_the_temperature_that_labels_were_drawn_at_is_found(temperature: float) -> None:
    logits, labels = drawn(temperature)
    assert fitted_temperature(logits, (0, 0, 1, 1, 2, 2), labels) == pytest.approx(temperature, rel=0.1)


def test_no_temperature_nearby_explains_the_labels_better() -> None:
    logits, labels = drawn(1.7, 300)
    groups = (0, 0, 1, 1, 2, 2)

    def surprise(temperature: float) -> float:
        return float(-np.log(grouped_softmax(logits, groups, temperature)[np.arange(300), labels]).mean())

    found = fitted_temperature(logits, groups, labels)
    assert all(surprise(found) <= surprise(found * factor) + 1e-12 for factor in (0.5, 0.9, 0.99, 1.01, 1.1, 2))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.floats(0.3, 0.99), st.integers(1, 200))
def test_what_is_still_answered_reaches_the_wanted_accuracy_or_nothing_does(
    seed: int, wanted: float, rows: int
) -> None:
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.ones(3), rows).round(2)
    labels = np.where(
        rng.random(rows) < probabilities.max(axis=1), probabilities.argmax(axis=1), rng.integers(0, 3, rows)
    )
    threshold = abstention_threshold(probabilities, labels, wanted)
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels

    def share(at: float) -> float:
        answered = confidence >= at
        return float(right[answered].mean()) if answered.sum() >= max(20, rows / 4) else -1.0

    possible = [at for at in np.unique(confidence) if share(at) >= 0]
    if not possible:
        assert threshold == 0
    elif any(share(at) >= wanted for at in possible):
        assert share(threshold) >= wanted
        assert all(share(at) < wanted for at in possible if at < threshold)
    else:
        assert share(threshold) == max(share(at) for at in possible)


def test_a_model_that_is_right_only_in_what_it_is_surest_of_answers_a_quarter_all_the_same() -> None:
    confidence = np.linspace(0.99, 0.6, 400)
    probabilities = np.stack([confidence, 1 - confidence], axis=1)
    wrong = (np.arange(400) >= 30) & (np.arange(400) % 2 == 0)
    threshold = abstention_threshold(probabilities, wrong.astype(np.int64), 0.9)
    assert (confidence >= threshold).sum() in (100, 101)


def test_a_model_that_is_right_often_enough_answers_always() -> None:
    probabilities = np.tile([[0.6, 0.4]], (50, 1))
    assert abstention_threshold(probabilities, np.zeros(50, np.int64), 0.9) == 0.0


def test_calibration_is_temperature_first_then_the_threshold_at_it() -> None:
    logits, labels = drawn(0.8)
    groups = (0, 0, 1, 1, 2, 2)
    found = calibrated(logits, groups, labels, 0.9)
    probabilities = grouped_softmax(logits, groups, found.temperature)
    sure = probabilities.max(axis=1) >= found.abstain_below
    assert (probabilities.argmax(axis=1) == labels)[sure].mean() == pytest.approx(0.9, abs=0.01)
    assert 0.2 < sure.mean() < 0.9


def test_logits_that_are_not_finite_are_refused() -> None:
    with pytest.raises(CalibrationError, match="logits"):
        fitted_temperature(np.array([[np.nan, 1.0]]), (0, 1), np.array([0]))
    with pytest.raises(CalibrationError, match="logits"):
        fitted_temperature(np.zeros((0, 2)), (0, 1), np.zeros(0, np.int64))
