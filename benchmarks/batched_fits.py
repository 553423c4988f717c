"""Fits of one shape as one batched model, against Keras's `fit` one by one: `python -m benchmarks.batched_fits`.

The same network (features/1, 64 relu, 9 softmax) on the same 400 made windows, 40 epochs of batches of 32, Adam: five
folds of one genome, and 32 candidates. Both sides run in this process on one thread. Ours starts from windows, computes
their features and is timed cold (the program of that shape is traced) and warm (it is there, as for most of a night);
Keras is given the normalised features and is timed with what each of its fits needs: a model, a compile, a trace.

Ratios are of wall time a fit; of processor time besides, which a shared machine cannot spoil. Accuracy of both on 900
other windows is printed, so that nobody trades it for speed.

    python -m benchmarks.batched_fits --rounds 3 --peer-fits 4
"""

from __future__ import annotations

import argparse
import gc
import statistics
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from kinelog.device.evaluation import Evaluator
from kinelog.device.features import features
from kinelog.ml import batched_fit
from kinelog.ml.batched_fit import fit_batch
from kinelog.ml.export import to_blob
from kinelog.ml.fit_job import FitJob, FitResult, Targets
from kinelog.ml.genome import Genome
from kinelog.ml.tensorflow_setup import keras
from numpy.typing import NDArray

from benchmarks.rounds import machine

EXAMPLES, JUDGED, LABELS = 400, 900, 9
GENOME = Genome(dense=(64,), learning_rate=0.002, epochs=40, batch_size=32)
WANTED = {"5 folds": 6.0, "32 candidates": 15.0}


class Cost(NamedTuple):
    """What fits took, each."""

    wall_s: float
    processor_s: float


class Made(NamedTuple):
    """Windows `(n, 50, 3)` and their labels."""

    windows: NDArray[np.int16]
    labels: NDArray[np.int64]


def made(count: int, seed: int) -> Made:
    """Nine movements that differ by gravity, pace and axis, each person's a little otherwise, with noise."""
    rng = np.random.default_rng(seed)
    directions = np.random.default_rng(1).normal(size=(LABELS, 3))
    labels = np.arange(count) % LABELS
    gravity = directions[labels] + rng.normal(0, 0.5, (count, 3))
    gravity *= 1000 / np.linalg.norm(gravity, axis=1, keepdims=True)
    pace = (1 + labels % 3)[:, None] * rng.uniform(0.8, 1.25, (count, 1))
    wave = np.sin(2 * np.pi * pace * np.arange(50) / 50 + rng.uniform(0, 2 * np.pi, (count, 1)))
    windows = gravity[:, None, :] + 250 * wave[:, :, None] * rng.normal(1, 0.5, (count, 1, 3))
    windows += rng.normal(0, 120, windows.shape)
    return Made(windows.round().astype(np.int16), labels)


def jobs_of(data: Made, what: str) -> list[FitJob]:
    """The fits of one question."""
    labels = data.labels
    targets = Targets(labels, labels, np.arange(LABELS), LABELS)
    everything = np.arange(EXAMPLES)

    def job(genome: Genome, train: NDArray[np.int64], fold: int) -> FitJob:
        return FitJob(genome, data.windows, everything, targets, train, ("wrist",), fold, seed=1)

    if what == "5 folds":
        folds = everything // LABELS % 5
        return [job(GENOME, np.flatnonzero(folds != fold), fold) for fold in range(5)]
    recipes = [Genome(dense=(64,), learning_rate=0.001 + 0.0001 * at, batch_size=32, seed=at) for at in range(32)]
    return [job(genome, everything, 0) for genome in recipes]


def right_of_ours(jobs: Sequence[FitJob], fits: Sequence[FitResult], judged: Made) -> float:
    """Mean accuracy of our fits on other windows, as a device decides."""
    shares = []
    for job, fit in zip(jobs, fits, strict=True):
        blob = to_blob(fit, job.genome, range(LABELS), 1.0, 0.0, None)
        decided = Evaluator(blob).evaluate(judged.windows).probabilities.argmax(axis=1)
        shares.append(float((decided == judged.labels).mean()))
    return statistics.mean(shares)


class Peer:
    """Keras's `fit`, one network after the other, as anybody would write it."""

    def __init__(self, data: Made, judged: Made) -> None:
        self._data, self._judged = data, judged
        self._inputs, self._judged_inputs = features(data.windows), features(judged.windows)
        self.accuracies: list[float] = []

    def fit(self, jobs: Sequence[FitJob]) -> None:
        """Train and judge; the judging is a call and costs next to nothing."""
        for job in jobs:
            mean, spread = self._inputs[job.train].mean(axis=0), self._inputs[job.train].std(axis=0) + 1e-3
            model = keras.Sequential([keras.layers.Dense(64, "relu"), keras.layers.Dense(LABELS, "softmax")])
            model.compile(keras.optimizers.Adam(job.genome.learning_rate), "sparse_categorical_crossentropy")
            inputs, labels = (self._inputs[job.train] - mean) / spread, self._data.labels[job.train]
            model.fit(inputs, labels, batch_size=job.genome.batch_size, epochs=job.genome.epochs, verbose=0)
            decided = np.asarray(model((self._judged_inputs - mean) / spread)).argmax(axis=1)
            self.accuracies.append(float((decided == self._judged.labels).mean()))


def timed(fits: int, work: Callable[[], None]) -> Cost:
    """What a piece of work took, a fit."""
    gc.collect()
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return Cost((time.perf_counter() - wall) / fits, (time.process_time() - processor) / fits)


def contest(what: str, rounds: int, peer_fits: int) -> None:
    """Both sides in turn; prints the ratios."""
    data, judged = made(EXAMPLES, 2), made(JUDGED, 3)
    jobs, peer = jobs_of(data, what), Peer(data, judged)
    costs: dict[str, list[Cost]] = {"cold": [], "warm": [], "keras": []}
    fits: list[FitResult] = []
    for _ in range(rounds):
        batched_fit.PROGRAMS.clear()
        for side in ("cold", "warm"):
            costs[side].append(timed(len(jobs), lambda: fits.extend(fit_batch(jobs))))
        costs["keras"].append(timed(min(peer_fits, len(jobs)), lambda: peer.fit(jobs[:peer_fits])))
    accuracy = right_of_ours(jobs, fits[: len(jobs)], judged)
    print(f"{what}: accuracy {accuracy:.3f}, Keras {statistics.mean(peer.accuracies):.3f} on {JUDGED} other windows")
    theirs = costs["keras"]
    for side in ("cold", "warm"):
        ours = costs[side]
        wall, processor = (statistics.median(cost[at] for cost in ours) for at in (0, 1))
        wall_ratio = statistics.median(cost.wall_s for cost in theirs) / wall
        processor_ratio = statistics.median(cost.processor_s for cost in theirs) / processor
        met = "met" if wall_ratio >= WANTED[what] else "MISSED"
        print(
            f"  {side}: {wall_ratio:5.1f} times as fast (wanted {WANTED[what]:.0f}, {met}); by processor time "
            f"{processor_ratio:.1f}; {1000 * wall:.0f} ms a fit against {1000 * wall * wall_ratio:.0f} ms"
        )


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peer-fits", type=int, default=5, help="fits of Keras a round; its cost a fit is their mean")
    arguments = parser.parse_args()
    print(f"{machine()}; both sides on one thread; {EXAMPLES} windows, {GENOME.epochs} epochs")
    for what in WANTED:
        contest(what, arguments.rounds, arguments.peer_fits)


if __name__ == "__main__":
    main()
