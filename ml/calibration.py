"""Temperature, and the threshold below which a model answers "unknown", from predictions out of fold.

How well calibrated a model then is, is scored elsewhere (`scores.py`), on other examples still.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

COLDEST, HOTTEST = 0.1, 10.0
STEPS = 60
"""Halvings by the golden ratio: the temperature is found to twelve digits."""

FEWEST_ANSWERED = 20
"""Answers that a threshold is judged by, at least; with fewer it would be fitted to chance."""
LEAST_ANSWERED_SHARE = 0.25
"""Of the predictions: the surest few are right or wrong by luck, and a model that hardly ever answers is of no use."""


class CalibrationError(ValueError):
    """Predictions that nothing can be fitted to."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """What turns a network's logits into answers.

    Attributes:
        temperature: Divides the logits.
        abstain_below: A best label less probable than this is "unknown"; 0 answers always.
    """

    temperature: float
    abstain_below: float


def calibrated(
    logits: NDArray[np.floating], groups: Sequence[int], labels: NDArray[np.int64], wanted_accuracy: float
) -> Calibration:
    """Fit both to out-of-fold predictions.

    Args:
        logits: `(n, outputs)`, each row from a network that did not see that example.
        groups: The label of each output.
        labels: `(n,)` the right label.
        wanted_accuracy: Share of the answers that should be right.

    Raises:
        CalibrationError: No rows, or a logit that is not finite.
    """
    temperature = fitted_temperature(logits, groups, labels)
    probabilities = grouped_softmax(logits, groups, temperature)
    return Calibration(temperature, abstention_threshold(probabilities, labels, wanted_accuracy))


def fitted_temperature(logits: NDArray[np.floating], groups: Sequence[int], labels: NDArray[np.int64]) -> float:
    """The temperature with the least negative log-likelihood of the right labels, between 0.1 and 10.

    Searched by golden section over its logarithm; the likelihood has one optimum there when each label has one output,
    and where labels have several, the best of sixteen stretches is searched.

    Raises:
        CalibrationError: No rows, or a logit that is not finite.
    """
    if not len(labels) or not np.isfinite(logits).all():
        raise CalibrationError("logits: at least one row, all finite")
    low, high = math.log(COLDEST), math.log(HOTTEST)
    grid = np.linspace(low, high, 17)
    best = int(np.argmin([_surprise(logits, groups, labels, at) for at in grid]))
    low, high = float(grid[max(0, best - 1)]), float(grid[min(16, best + 1)])
    ratio = (math.sqrt(5) - 1) / 2
    for _ in range(STEPS):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        if _surprise(logits, groups, labels, left) <= _surprise(logits, groups, labels, right):
            high = right
        else:
            low = left
    return math.exp((low + high) / 2)


def abstention_threshold(
    probabilities: NDArray[np.floating], labels: NDArray[np.int64], wanted_accuracy: float
) -> float:
    """The lowest threshold at which the wanted share of what is still answered is right.

    At least 20 predictions, and a quarter of all, are answered. If no such threshold reaches it, the one with the
    largest share right: it says the most that these predictions show. With fewer than 20 rows there is nothing to judge
    by, and everything is answered.

    Args:
        probabilities: `(n, labels)`.
        labels: `(n,)` the right label.
        wanted_accuracy: Between 0 and 1.
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    order = np.argsort(-confidence, kind="stable")
    answered = np.arange(1, len(order) + 1)
    share = np.cumsum(right[order]) / answered
    sure = confidence[order]
    # a threshold answers all rows of one confidence or none of them
    fewest = max(FEWEST_ANSWERED, math.ceil(LEAST_ANSWERED_SHARE * len(order)))
    possible = (answered >= fewest) & (np.append(sure[1:], -1.0) < sure)
    if not possible.any():
        return 0.0
    reached = np.flatnonzero(possible & (share >= wanted_accuracy))
    if len(reached):
        last = int(reached[-1])
        return 0.0 if last == len(order) - 1 else float(sure[last])
    places = np.flatnonzero(possible)
    return float(sure[places[int(np.argmax(share[places]))]])


def grouped_softmax(logits: NDArray[np.floating], groups: Sequence[int], temperature: float) -> NDArray[np.float64]:
    """`(n, labels)`: softmax of the outputs at a temperature, summed by label."""
    scaled = logits.astype(np.float64) / temperature
    shares = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    return np.asarray(shares @ np.eye(max(groups) + 1)[list(groups)])


def _surprise(logits: NDArray[np.floating], groups: Sequence[int], labels: NDArray[np.int64], log_t: float) -> float:
    right = grouped_softmax(logits, groups, math.exp(log_t))[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(right, np.finfo(np.float64).tiny)).mean())
