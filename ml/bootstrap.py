"""How far a score would move with other people: intervals from drawing whole groups with replacement, never rows.

Whatever varies together is drawn together: the sets of one person, or of one session. Counting rows instead says
intervals that are several times too narrow.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from kinelog.ml.scores import (
    Ids,
    Reals,
    ScoreError,
    averaged_labels,
    check_rows,
    group_confusions,
    group_sums,
    macro_f1_of,
)


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate and the bounds between which `level` of the bootstrap draws lie."""

    estimate: float
    low: float
    high: float
    level: float


@lru_cache(maxsize=4)
def drawn_groups(groups: int, draws: int, seed: int) -> Reals:
    """How often each of `groups` groups is taken `(draws, groups)` when as many are drawn with replacement."""
    if groups < 1:
        raise ScoreError("groups", "there are no groups to draw from")
    taken: Reals = (
        np.random.default_rng(seed).multinomial(groups, np.full(groups, 1 / groups), size=draws).astype(float)
    )
    taken.flags.writeable = False  # all comparisons of a night share it
    return taken


def bootstrap_accuracy(
    truth: Ids, decided: Ids, groups: Ids, *, seed: int, draws: int = 2000, level: float = 0.95
) -> Interval:
    """Accuracy with its percentile interval over drawn groups."""
    check_rows(truth=truth, decided=decided, groups=groups)
    right = (truth == decided).astype(np.float64)
    return bootstrap_mean(right, groups, seed=seed, draws=draws, level=level)


def bootstrap_mean(values: Reals, groups: Ids, *, seed: int, draws: int = 2000, level: float = 0.95) -> Interval:
    """The mean over rows, with its percentile interval when whole groups are drawn.

    For a paired comparison, `values` is the difference of two models on each row.
    """
    check_rows(groups=groups, values=values)
    sums, sizes = group_sums(values, groups)
    taken = drawn_groups(len(sizes), draws, seed)
    drawn = (taken @ sums) / (taken @ sizes)
    return _interval(float(values.mean()), drawn, level)


def bootstrap_macro_f1(
    truth: Ids,
    decided: Ids,
    groups: Ids,
    labels: int,
    *,
    seed: int,
    only: Collection[int] | None = None,
    draws: int = 2000,
    level: float = 0.95,
) -> Interval:
    """Macro-F1 with its percentile interval over drawn groups; the labels averaged over stay those of all rows."""
    check_rows(truth=truth, decided=decided, groups=groups)
    counts = group_confusions(truth, decided, groups, labels)
    averaged = averaged_labels(counts.sum(axis=0), only)
    taken = drawn_groups(len(counts), draws, seed)
    drawn = np.tensordot(taken, counts.astype(np.float64), axes=1)
    estimate = macro_f1_of(counts.sum(axis=0)[np.newaxis], averaged)[0]
    return _interval(float(estimate), macro_f1_of(drawn, averaged), level)


def bootstrap_of(
    statistic: Callable[[Ids], float], groups: Ids, *, seed: int, draws: int = 500, level: float = 0.95
) -> Interval:
    """Any statistic of row numbers, with its interval over drawn groups: slower, for what has no shortcut."""
    names = np.unique(groups)
    rows_of = [np.flatnonzero(groups == name) for name in names]
    taken = drawn_groups(len(names), draws, seed)
    drawn = [
        statistic(np.concatenate([np.tile(r, n) for r, n in zip(rows_of, t.astype(int), strict=True)])) for t in taken
    ]
    return _interval(statistic(np.arange(len(groups))), np.array(drawn), level)


def _interval(estimate: float, drawn: Reals, level: float) -> Interval:
    if not 0 < level < 1:
        raise ScoreError("level", f"lies between 0 and 1, not {level}")
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Interval(estimate, float(low), float(high), level)
