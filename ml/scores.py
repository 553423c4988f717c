"""Scores of decisions and of probabilities: pure numpy. How far they would move with other people is in `bootstrap`.

A row is one example: a set, or a window when the caller says so. Labels are numbers `0 … labels-1`; a decision of
`ABSTAINED` is never right. Groups (people, sessions) are numbers too: `group_numbers` makes them from names.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ABSTAINED = -1

Ids = NDArray[np.int64]
Reals = NDArray[np.float64]


class ScoreError(ValueError):
    """Arrays that cannot be scored; names the argument."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


@dataclass(frozen=True, slots=True)
class ClassScore:
    """One label: of `support` examples `right` were found, `decided` were called so."""

    label: int
    support: int
    decided: int
    right: int

    @property
    def recall(self) -> float:
        """Share of the label's examples that were found; 0 when there are none."""
        return self.right / self.support if self.support else 0.0

    @property
    def precision(self) -> float:
        """Share of the decisions for the label that were right; 0 when there are none."""
        return self.right / self.decided if self.decided else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; 0 when the label neither occurs nor is decided."""
        both = self.support + self.decided
        return 2 * self.right / both if both else 0.0


@dataclass(frozen=True, slots=True)
class GroupScore:
    """One person or session: how many of its examples were decided rightly."""

    group: int
    examples: int
    accuracy: float


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Examples whose highest probability lies in `(low, high]`: how sure the model was and how often it was right."""

    low: float
    high: float
    examples: int
    confidence: float
    accuracy: float


def decisions(probabilities: NDArray[np.floating], abstain_below: float = 0.0) -> Ids:
    """The most probable label of each row `(n,)`, `ABSTAINED` where its probability is below the threshold."""
    rows = np.asarray(probabilities, dtype=np.float64)
    if rows.ndim != 2 or rows.shape[1] == 0:
        raise ScoreError("probabilities", f"expected (n, labels), got {rows.shape}")
    decided: Ids = rows.argmax(axis=1).astype(np.int64)
    decided[rows.max(axis=1, initial=0.0) < abstain_below] = ABSTAINED
    return decided


def group_numbers(names: Sequence[str]) -> Ids:
    """A number for each name, in the order of the sorted names, so that the order of rows does not matter."""
    place = {name: number for number, name in enumerate(sorted(set(names)))}
    return np.array([place[name] for name in names], dtype=np.int64)


def accuracy(truth: Ids, decided: Ids) -> float:
    """Share of rows decided rightly; an abstention counts as wrong."""
    check_rows(truth=truth, decided=decided)
    return float(np.mean(truth == decided))


def coverage(decided: Ids) -> float:
    """Share of rows on which the model did not abstain."""
    if not len(decided):
        raise ScoreError("decided", "there are no rows")
    return float(np.mean(decided != ABSTAINED))


def confusion(truth: Ids, decided: Ids, labels: int) -> Ids:
    """Counts `(labels, labels + 1)`: a row a true label, a column a decision; the last column counts abstentions."""
    check_rows(truth=truth, decided=decided)
    counts: Ids = group_confusions(truth, decided, np.zeros(len(truth), dtype=np.int64), labels)[0]
    return counts


def class_scores(counts: Ids) -> tuple[ClassScore, ...]:
    """Scores of each label of a confusion matrix."""
    support, decided = counts.sum(axis=1), counts.sum(axis=0)
    return tuple(
        ClassScore(label, int(support[label]), int(decided[label]), int(counts[label, label]))
        for label in range(len(counts))
    )


def macro_f1(truth: Ids, decided: Ids, labels: int, only: Collection[int] | None = None) -> float:
    """Mean F1 over the labels that occur, or over `only`; what was decided on other labels' rows counts against them.

    Raises:
        ScoreError: no label is left to average over.
    """
    counts = confusion(truth, decided, labels)
    return float(macro_f1_of(counts[np.newaxis], averaged_labels(counts, only))[0])


def labels_with(truth: Ids, sessions: Ids, *, sessions_at_least: int, examples_at_least: int) -> tuple[int, ...]:
    """The labels that occur often enough, in enough sessions, for an F1 to mean something."""
    check_rows(truth=truth, sessions=sessions)
    return tuple(
        int(label)
        for label in np.unique(truth)
        if np.count_nonzero(truth == label) >= examples_at_least
        and len(np.unique(sessions[truth == label])) >= sessions_at_least
    )


def group_scores(truth: Ids, decided: Ids, groups: Ids) -> tuple[GroupScore, ...]:
    """Accuracy of each person or session, the worst first."""
    check_rows(truth=truth, decided=decided, groups=groups)
    right = truth == decided
    scores = [
        GroupScore(int(group), int(np.count_nonzero(groups == group)), float(right[groups == group].mean()))
        for group in np.unique(groups)
    ]
    return tuple(sorted(scores, key=lambda score: (score.accuracy, -score.examples, score.group)))


def group_sums(values: Reals, groups: Ids) -> tuple[Reals, Ids]:
    """Sum of the values of each group and its number of rows, groups in the order of their numbers."""
    _, index = np.unique(groups, return_inverse=True)
    sums = np.bincount(index, weights=values).astype(np.float64)
    return sums, np.bincount(index).astype(np.int64)


def negative_log_likelihood(truth: Ids, probabilities: NDArray[np.floating]) -> float:
    """Mean surprise at the true label, in nats; a probability of 0 counts as the smallest normal float32."""
    rows = _check_probabilities(truth, probabilities)
    of_truth = rows[np.arange(len(truth)), truth]
    return float(-np.log(np.maximum(of_truth, np.finfo(np.float32).tiny)).mean())


def brier_score(truth: Ids, probabilities: NDArray[np.floating]) -> float:
    """Mean squared distance from the probabilities to the true label's one-hot vector: 0 is best, 2 worst."""
    rows = _check_probabilities(truth, probabilities).copy()
    rows[np.arange(len(truth)), truth] -= 1
    return float(np.square(rows).sum(axis=1).mean())


def reliability(truth: Ids, probabilities: NDArray[np.floating], bins: int = 10) -> tuple[ReliabilityBin, ...]:
    """Confidence against accuracy in `bins` bins of equal width; empty bins are left out."""
    rows = _check_probabilities(truth, probabilities)
    confidence, right = rows.max(axis=1), rows.argmax(axis=1) == truth
    place = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    found = []
    for number in range(bins):
        inside = place == number
        if inside.any():
            sure, hit = float(confidence[inside].mean()), float(right[inside].mean())
            found.append(ReliabilityBin(number / bins, (number + 1) / bins, int(inside.sum()), sure, hit))
    return tuple(found)


def expected_calibration_error(truth: Ids, probabilities: NDArray[np.floating], bins: int = 10) -> float:
    """Mean distance between confidence and accuracy over the bins. Above 0 for a perfect model too: small samples."""
    found = reliability(truth, probabilities, bins)
    return sum(one.examples * abs(one.confidence - one.accuracy) for one in found) / len(truth)


def calibration_error_of_a_perfect_model(
    probabilities: NDArray[np.floating], *, seed: int, draws: int = 200, bins: int = 10
) -> float:
    """What the expected calibration error is on average when labels are drawn from the model's own probabilities."""
    rows = np.asarray(probabilities, dtype=np.float64)
    edges = np.cumsum(rows / rows.sum(axis=1, keepdims=True), axis=1)[:, :-1]
    generator = np.random.default_rng(seed)
    drawn = [(generator.random((len(rows), 1)) > edges).sum(axis=1).astype(np.int64) for _ in range(draws)]
    return float(np.mean([expected_calibration_error(truth, rows, bins) for truth in drawn]))


def group_confusions(truth: Ids, decided: Ids, groups: Ids, labels: int) -> Ids:
    """A confusion matrix for each group `(groups, labels, labels + 1)`, groups in the order of their numbers."""
    if truth.min() < 0 or truth.max() >= labels:
        raise ScoreError("truth", f"labels are 0 … {labels - 1}")
    if decided.min() < ABSTAINED or decided.max() >= labels:
        raise ScoreError("decided", f"decisions are 0 … {labels - 1}, or {ABSTAINED}")
    names, index = np.unique(groups, return_inverse=True)
    columns = np.where(decided == ABSTAINED, labels, decided)
    flat = (index * labels + truth) * (labels + 1) + columns
    shape = (len(names), labels, labels + 1)
    return np.bincount(flat, minlength=int(np.prod(shape))).reshape(shape).astype(np.int64)


def averaged_labels(counts: Ids, only: Collection[int] | None) -> Ids:
    """The labels that a macro average runs over: `only`, or those that occur in the confusion matrix."""
    averaged = np.flatnonzero(counts.sum(axis=1)) if only is None else np.array(sorted(only), dtype=np.int64)
    if not len(averaged):
        raise ScoreError("only", "no label is left to average over")
    if averaged.min() < 0 or averaged.max() >= len(counts):
        raise ScoreError("only", f"labels are 0 … {len(counts) - 1}")
    return averaged


def macro_f1_of(counts: NDArray[np.number], averaged: Ids) -> Reals:
    """Macro-F1 of each of many confusion matrices `(many, labels, labels + 1)`, which may hold weighted counts."""
    labels = counts.shape[1]
    right = counts[:, np.arange(labels), np.arange(labels)].astype(np.float64)
    both = counts.sum(axis=2) + counts[:, :, :labels].sum(axis=1)
    mean: Reals = (2 * right / np.maximum(both, 1))[:, averaged].mean(axis=1)
    return mean


def _check_probabilities(truth: Ids, probabilities: NDArray[np.floating]) -> Reals:
    rows = np.asarray(probabilities, dtype=np.float64)
    check_rows(truth=truth)
    if rows.ndim != 2 or len(rows) != len(truth):
        raise ScoreError("probabilities", f"expected ({len(truth)}, labels), got {rows.shape}")
    if not np.isfinite(rows).all() or rows.min() < 0 or not np.allclose(rows.sum(axis=1), 1, atol=1e-3):
        raise ScoreError("probabilities", "each row holds probabilities that sum to 1")
    if truth.min() < 0 or truth.max() >= rows.shape[1]:
        raise ScoreError("truth", f"labels are 0 … {rows.shape[1] - 1}")
    return rows


def check_rows(**columns: NDArray[np.generic]) -> None:
    """Refuse columns of different lengths, of more than one number a row, or without rows; names are in the error."""
    rows = None
    for field, values in columns.items():
        rows = len(values) if rows is None and values.ndim == 1 else rows
        if values.ndim != 1 or not rows:
            raise ScoreError(field, f"expected at least one row of one number each, got {values.shape}")
        if len(values) != rows:
            raise ScoreError(field, f"expected {rows} rows, as the others have, got {len(values)}")
