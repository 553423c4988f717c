"""Data that networks can learn in a second, and fits of it."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np
from kinelog.ml.fit_job import FitJob, FitResult, Targets
from kinelog.ml.genome import Convolution, Genome
from numpy.typing import NDArray

QUICK = Genome(dense=(16,), epochs=4, learning_rate=0.01, batch_size=16)

SHAPES = {
    "dense": QUICK,
    "odd": msgspec.structs.replace(QUICK, dense=(17, 13), activation="tanh", fine_labels=True, auxiliary=True),
    "raw": msgspec.structs.replace(QUICK, front_end="raw", optimiser="momentum", activation="logistic"),
    "conv": msgspec.structs.replace(
        QUICK, front_end="both", conv=(Convolution(7, 8, 4), Convolution(5, 3, 2)), dense=(11,)
    ),
    "masked": msgspec.structs.replace(
        QUICK, masked=True, rotation_deg=10.0, noise_mg=20.0, mirror=True, dropout=0.3, label_smoothing=0.1
    ),
}
"""Genomes whose networks together use everything there is."""


@dataclass(frozen=True)
class Movements:
    """Made examples of four movements, two windows each."""

    windows: NDArray[np.int16]
    example_of: NDArray[np.int64]
    targets: Targets
    sites: tuple[str, ...]

    def job(self, genome: Genome, train: NDArray[np.int64] | None = None, fold: int = 0, seed: int = 7) -> FitJob:
        """A fit on some examples, or on all."""
        chosen = np.arange(len(self.targets.labels)) if train is None else train
        return FitJob(genome, self.windows, self.example_of, self.targets, chosen, self.sites, fold, seed)


def movements(examples: int = 60, sites: tuple[str, ...] = ("left-wrist", "waist"), seed: int = 3) -> Movements:
    """Examples that differ by the direction of gravity and the pace of the movement, with noise."""
    rng = np.random.default_rng(seed)
    fine = np.arange(examples) % 8
    labels = fine // 2
    windows = []
    for number in np.repeat(np.arange(examples), 2):
        phase = rng.uniform(0, 2 * np.pi)
        pace = 2 * np.pi * (1 + fine[number] % 2) * np.arange(50) / 50 + phase
        window = rng.normal(0, 60, (50, 3 * len(sites)))
        for site in range(len(sites)):
            window[:, 3 * site + labels[number] % 3] += 900 if labels[number] < 3 else -900
            window[:, 3 * site + (labels[number] + 1) % 3] += 300 * np.sin(pace)
        windows.append(window)
    targets = Targets(labels, fine, np.arange(8) // 2, 4, auxiliary=np.where(labels == 3, -1, labels // 2))
    return Movements(np.array(windows).round().astype(np.int16), np.repeat(np.arange(examples), 2), targets, sites)


def same_bits(one: FitResult, other: FitResult) -> bool:
    """Whether two fits have the same weights, curve and normalisation, bit for bit."""
    pairs = [(a.weights, b.weights) for a, b in zip(one.layers, other.layers, strict=True)]
    pairs += [(one.curve, other.curve)]
    pairs += [(getattr(one.normalisation, name), getattr(other.normalisation, name)) for name in _NORMALISATION]
    return one.status == other.status and all(a.tobytes() == b.tobytes() for a, b in pairs)


_NORMALISATION = ("raw_mean", "raw_scale", "feature_mean", "feature_scale")
