"""The published figures of a model, all of them from its answers on confirmation sessions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from kinelog.ml import bootstrap, scores
from kinelog.ml.promotion import ConfirmedScore
from kinelog.ml.run_record import (
    ClassScore,
    ConfusionMatrix,
    Interval,
    Metrics,
    NamedMetrics,
    PersonScore,
    ReliabilityBin,
)

LEVEL: Final = 0.95
CALIBRATION_DRAWS: Final = 200


@dataclass(frozen=True, slots=True)
class ConfirmedDetail:
    """What is looked at of the one model that a report is about."""

    confusion: ConfusionMatrix
    reliability: tuple[ReliabilityBin, ...]
    classes: tuple[ClassScore, ...]
    people: tuple[PersonScore, ...]


def named_metrics(score: ConfirmedScore, *, seed: int, only: Collection[int] | None = None) -> NamedMetrics:
    """The figures of one model.

    Args:
        score: Its answers.
        seed: Of the bootstrap over people or sessions, and of the labels drawn for the calibration.
        only: Labels to average F1 over; all that occur, if None.
    """
    truth, chosen, groups = score.truth, scores.decisions(score.probabilities), score.groups
    labels = score.probabilities.shape[1]
    accuracy = bootstrap.bootstrap_accuracy(truth, chosen, groups, seed=seed, level=LEVEL)
    f1 = bootstrap.bootstrap_macro_f1(truth, chosen, groups, labels, seed=seed, only=only, level=LEVEL)
    error = scores.expected_calibration_error(truth, score.probabilities)
    metrics = Metrics(
        windows=len(truth),
        groups=len(np.unique(groups)),
        accuracy=_interval(accuracy),
        macro_f1=_interval(f1),
        nll=scores.negative_log_likelihood(truth, score.probabilities),
        brier=scores.brier_score(truth, score.probabilities),
        ece=error,
        ece_excess=error
        - scores.calibration_error_of_a_perfect_model(score.probabilities, seed=seed, draws=CALIBRATION_DRAWS),
        coverage=scores.coverage(score.decided),
    )
    return NamedMetrics(score.name, metrics)


def detail(score: ConfirmedScore, labels: Sequence[str]) -> ConfirmedDetail:
    """Where one model errs: by label, by how sure it is, by person. The worst label and person come first.

    People are numbered by their rank, the worst is 1: the numbers mean nothing elsewhere.
    """
    counts = scores.confusion(score.truth, score.decided, len(labels))
    classes = [
        ClassScore(labels[one.label], one.support, one.precision, one.recall, one.f1)
        for one in scores.class_scores(counts)
        if one.support or one.decided
    ]
    ranked = scores.group_scores(score.truth, scores.decisions(score.probabilities), score.people)
    bins = scores.reliability(score.truth, score.probabilities)
    return ConfirmedDetail(
        ConfusionMatrix(tuple(labels), tuple(tuple(row) for row in counts.tolist())),
        tuple(ReliabilityBin(one.low, one.high, one.examples, one.confidence, one.accuracy) for one in bins),
        tuple(sorted(classes, key=lambda one: (one.f1, one.label))),
        tuple(PersonScore(rank, one.examples, one.accuracy) for rank, one in enumerate(ranked, 1)),
    )


def _interval(found: bootstrap.Interval) -> Interval:
    return Interval(found.estimate, found.low, found.high)
