"""The figures of a score, from answers to windows of sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from kinelog.ml import scores
from kinelog.ml.bootstrap import bootstrap_accuracy
from kinelog.ml.score_report import Bin, LabelScore, PartScore, WindowScore
from kinelog.ml.scores import Ids, Reals

SEED: Final = 0
"""Of the bootstrap and of the labels that are drawn for the calibration: the same folder has the same figures."""


@dataclass(frozen=True, eq=False, slots=True)
class Answers:
    """What one model said of one recording's windows at one place.

    Attributes:
        truth: `(n,)` numbers of labels, among those of all models.
        probabilities: `(n, labels)`; zeros for labels that this model does not have.
        decided: `(n,)` the same, or -1 where it abstained.
        people, sessions, recordings, rates: `n` names.
        left_out: Sets whose samples do not reach there.
    """

    truth: Ids
    probabilities: Reals
    decided: Ids
    people: list[str]
    sessions: list[str]
    recordings: list[str]
    rates: list[str]
    left_out: int


def window_score(
    window: str, end_ms: int, parts: Sequence[Answers], labels: tuple[str, ...], negatives: Sequence[Ids]
) -> WindowScore:
    """The figures of all answers together."""
    truth = np.concatenate([part.truth for part in parts])
    left_out = sum(part.left_out for part in parts)
    if not len(truth):
        return WindowScore(window=window, end_ms=end_ms, sets=0, left_out=left_out)
    probabilities = _proper(np.concatenate([part.probabilities for part in parts]))
    decided = np.concatenate([part.decided for part in parts])
    best = scores.decisions(probabilities)
    sessions = scores.group_numbers([name for part in parts for name in part.sessions])
    common = scores.labels_with(truth, sessions, sessions_at_least=3, examples_at_least=6)
    interval = bootstrap_accuracy(truth, best, sessions, seed=SEED)
    error = scores.expected_calibration_error(truth, probabilities)
    own = scores.calibration_error_of_a_perfect_model(probabilities, seed=SEED)
    sure = decided != scores.ABSTAINED
    nothing = np.concatenate(negatives) if negatives else np.zeros(0, np.int64)
    return WindowScore(
        window=window,
        end_ms=end_ms,
        sets=len(truth),
        left_out=left_out,
        accuracy=interval.estimate,
        accuracy_low=interval.low,
        accuracy_high=interval.high,
        macro_f1=scores.macro_f1(truth, best, len(labels)),
        macro_f1_common=scores.macro_f1(truth, best, len(labels), common) if common else None,
        ece=error,
        ece_excess=error - own,
        nll=scores.negative_log_likelihood(truth, probabilities),
        brier=scores.brier_score(truth, probabilities),
        coverage=scores.coverage(decided),
        accuracy_when_sure=float((decided == truth)[sure].mean()) if sure.any() else None,
        negatives=len(nothing),
        negatives_answered=float((nothing != scores.ABSTAINED).mean()) if len(nothing) else None,
        by_class=_by_class(truth, best, labels),
        by_person=_by(truth, best, [name for part in parts for name in part.people]),
        by_recording=_by(truth, best, [name for part in parts for name in part.recordings]),
        by_rate=_by(truth, best, [name for part in parts for name in part.rates]),
        reliability=tuple(
            Bin(one.low, one.high, one.examples, one.confidence, one.accuracy)
            for one in scores.reliability(truth, probabilities)
        ),
    )


def _proper(probabilities: Reals) -> Reals:
    """Rows that sum to one in double: a device's float32 sums are off in the seventh digit."""
    proper: Reals = probabilities / probabilities.sum(axis=1, keepdims=True)
    return proper


def _by_class(truth: Ids, decided: Ids, labels: tuple[str, ...]) -> tuple[LabelScore, ...]:
    return tuple(
        LabelScore(labels[one.label], one.support, one.decided, one.recall, one.f1)
        for one in scores.class_scores(scores.confusion(truth, decided, len(labels)))
        if one.support or one.decided
    )


def _by(truth: Ids, decided: Ids, names: list[str]) -> tuple[PartScore, ...]:
    """By name, the worst first."""
    ordered = sorted(set(names))
    return tuple(
        PartScore(ordered[one.group], one.examples, one.accuracy)
        for one in scores.group_scores(truth, decided, scores.group_numbers(names))
    )
