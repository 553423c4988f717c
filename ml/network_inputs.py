"""Windows as a network takes them: raw columns and features, augmented copies of them, what normalises them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from kinelog.device.features import features
from kinelog.ml.augmentation import augmented, is_augmented, sites_there
from kinelog.ml.candidate_chance import Chance, Purpose
from kinelog.ml.fit_job import FitJob, Normalisation
from kinelog.ml.genome import Genome
from numpy.typing import NDArray

FEWEST_COPIES, MOST_COPIES = 8, 48
"""Augmented copies of an example that are made once and drawn from in every epoch."""

MG_SPREAD_FLOOR, RATIO_SPREAD_FLOOR = 20.0, 0.02
"""An input that hardly varies in training is not blown up: it may vary on a device. For milli-g, and without unit."""


@dataclass(frozen=True, eq=False, slots=True)
class Pool:
    """Inputs that epochs draw from, by example.

    Attributes:
        raw: `(rows, 50, 3 * sites)` float32 milli-g; no rows if the front end has no raw part.
        features: `(rows, features)` float32; an absent sensor's samples are zeros, and so are their features; no rows
            without that front end.
        present: `(rows, sites)` float32 flags.
        first: `(examples,)` first row of each example.
        count: `(examples,)` rows of each example.
    """

    raw: NDArray[np.float32]
    features: NDArray[np.float32]
    present: NDArray[np.float32]
    first: NDArray[np.int64]
    count: NDArray[np.int64]


class Pools:
    """The pools of the jobs of one call: jobs with the same windows and the same augmentation share one."""

    def __init__(self) -> None:
        """Nothing is made yet."""
        self._made: dict[tuple[object, ...], Pool] = {}

    def of(self, job: FitJob) -> Pool:
        """The pool of a job; folds of one genome share it, as do genomes that do not augment."""
        genome = job.genome
        key: tuple[object, ...] = (id(job.windows), id(job.example_of), genome.front_end, bool(genome.conv))
        chance = Chance(job.seed, Chance.of(job).genome, 0)
        if is_augmented(genome):
            key = (*key, chance)
        if key not in self._made:
            self._made[key] = _pool(job, chance)
        return self._made[key]


def normalisation(pool: Pool, train: NDArray[np.int64]) -> Normalisation:
    """Mean and spread of the inputs of the examples to train on, in double, rounded once."""
    rows = np.concatenate([np.arange(pool.first[e], pool.first[e] + pool.count[e]) for e in train])
    raw_mean, raw_scale = _moments(pool.raw, rows, (0, 1))
    feature_mean, feature_scale = _moments(pool.features, rows, (0,))
    return Normalisation(raw_mean, raw_scale, feature_mean, feature_scale)


def inputs_of(
    genome: Genome,
    raw: NDArray[np.float32],
    computed: NDArray[np.float32],
    present: NDArray[np.float32],
    norm: Normalisation,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What a network takes, normalised.

    Args:
        genome: Says which parts.
        raw: `(n, 50, 3 * sites)` milli-g.
        computed: `(n, features)`.
        present: `(n, sites)` flags.
        norm: Of the fit.

    Returns:
        `(n, 50, 3 * sites)` for the convolutions, no columns if there are none; and `(n, inputs)` for the first dense
        layer, without what the convolutions give.
    """
    count = len(present)
    parts: list[NDArray[np.float32]] = []
    window = np.zeros((count, 50, 0), np.float32)
    if genome.front_end != "features":
        scaled = (raw - norm.raw_mean) * norm.raw_scale
        if genome.conv:
            window = scaled
        else:
            parts.append(scaled.reshape(count, -1))
    if genome.front_end != "raw":
        parts.append((computed - norm.feature_mean) * norm.feature_scale)
    if genome.masked:
        parts.append(present)
    return window, np.concatenate(parts, axis=1) if parts else np.zeros((count, 0), np.float32)


def _pool(job: FitJob, chance: Chance) -> Pool:
    examples = len(job.targets.labels)
    order = np.argsort(job.example_of, kind="stable")
    count = np.bincount(job.example_of, minlength=examples)
    first = np.concatenate([[0], np.cumsum(count)[:-1]])
    windows = job.windows[order]
    present = sites_there(windows, len(job.sites))
    if is_augmented(job.genome):
        copies = int(np.clip(count.max(initial=0), FEWEST_COPIES, MOST_COPIES))
        rng = chance.generator(Purpose.AUGMENTATION)
        chosen = _copied_rows(first, count, copies, rng)
        windows, present = augmented(windows[chosen], job.sites, job.genome, rng)
        count = np.where(count > 0, copies, 0)
        first = np.concatenate([[0], np.cumsum(count)[:-1]])
    front_end = job.genome.front_end
    nothing = np.zeros((0, 50, windows.shape[2]), np.float32)
    raw = windows.astype(np.float32) if front_end != "features" else nothing
    computed = features(windows) if front_end != "raw" else np.zeros((0, 0), np.float32)
    return Pool(raw, computed, present.astype(np.float32), first, count)


def _copied_rows(
    first: NDArray[np.int64], count: NDArray[np.int64], copies: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Which window each copy is made of: an example's windows in turn, from a start that chance decides."""
    start = rng.integers(0, np.maximum(count, 1))
    turn = (start[:, None] + np.arange(copies)) % np.maximum(count, 1)[:, None]
    return np.asarray((first[:, None] + turn)[count > 0].ravel())


def _moments(
    values: NDArray[np.float32], rows: NDArray[np.int64], axes: tuple[int, ...]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    if not len(values):
        return np.zeros(0, np.float32), np.zeros(0, np.float32)
    chosen = values[rows].astype(np.float64)
    # directions and correlations never leave -1 to 1; what is in milli-g does, were it by noise alone
    ratio = np.maximum(chosen.max(axis=axes), -chosen.min(axis=axes)) <= 1.0
    spread = np.maximum(chosen.std(axis=axes), np.where(ratio, RATIO_SPREAD_FLOOR, MG_SPREAD_FLOOR))
    return chosen.mean(axis=axes).astype(np.float32), (1 / spread).astype(np.float32)
