"""One candidate of a stack: its inputs, the order of its examples, its rates step by step."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from kinelog.ml.candidate_chance import Chance, Purpose
from kinelog.ml.fit_job import FitJob, Normalisation
from kinelog.ml.network_inputs import Pool, inputs_of, normalisation
from kinelog.ml.stacked_training import Control
from numpy.typing import NDArray

FIRST_MOMENT, SECOND_MOMENT = 0.9, 0.999
WARM_UP = 0.05
"""Share of the steps in which the learning rate rises to its highest."""


@dataclass(frozen=True, eq=False, slots=True)
class Draws:
    """What one epoch draws.

    Attributes:
        rows: `(steps, batch)` rows of the inputs; -1 behind a step's last example.
        examples: `(steps, batch)` the examples that they belong to; -1 likewise.
        kept: For each hidden layer `(steps, batch, width)` bool which units are kept.
    """

    rows: NDArray[np.int64]
    examples: NDArray[np.int64]
    kept: tuple[NDArray[np.bool_], ...]


@dataclass(frozen=True, eq=False, slots=True)
class CandidateTraining:
    """A job with all that its epochs need.

    Attributes:
        job: What is trained.
        pool: Where its inputs come from.
        normalisation: Of the inputs, by what it trains on.
    """

    job: FitJob
    pool: Pool
    normalisation: Normalisation

    @classmethod
    def of(cls, job: FitJob, pool: Pool) -> CandidateTraining:
        """Measure a job's inputs on what it trains on."""
        return cls(job, pool, normalisation(pool, job.train))

    def inputs(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Rows of the pool as the network takes them: see `inputs_of`.

        Made anew for each epoch's draws: normalised once, all rows of the pool would be held by every candidate.
        """
        raw, computed = (values[rows] if len(values) else values for values in (self.pool.raw, self.pool.features))
        return inputs_of(self.job.genome, raw, computed, self.pool.present[rows], self.normalisation)

    def flat_inputs(self) -> int:
        """Inputs of the first dense layer, without what the convolutions give."""
        return int(self.inputs(np.zeros(1, dtype=np.int64))[1].shape[1])

    def steps(self) -> int:
        """Steps of an epoch."""
        return math.ceil(len(self.job.train) / self.job.genome.batch_size)

    def keep_scale(self) -> float:
        """What kept units are multiplied by, so that a layer's sum stays what it is without dropout."""
        return 256 / (256 - self._dropped_of_256())

    def draws(self, epoch: int, *, drops: bool) -> Draws:
        """An epoch's order of examples, the copy of each that is taken, and the units that are kept."""
        genome, train = self.job.genome, self.job.train
        rng = Chance.of(self.job).generator(Purpose.EPOCH, epoch)
        shape = (self.steps(), genome.batch_size)
        there = _evenly(len(train), shape)
        taken = rng.permutation(train)
        examples, rows = np.full(shape, -1), np.full(shape, -1)
        examples[there] = taken
        rows[there] = self.pool.first[taken] + rng.integers(0, self.pool.count[taken])
        kept: list[NDArray[np.bool_]] = []
        for width in genome.dense if drops else ():
            chance = np.frombuffer(rng.bytes(math.prod(shape) * width), np.uint8).reshape(*shape, width)
            kept.append(chance >= self._dropped_of_256())
        return Draws(rows, examples, tuple(kept))

    def noisy(self, inputs: NDArray[np.float32], epoch: int) -> NDArray[np.float32]:
        """An epoch's `(examples, inputs)` for the first dense layer, with the noise that the genome asks for."""
        share = self.job.genome.input_noise
        if not share or not inputs.size:
            return inputs
        rng = Chance.of(self.job).generator(Purpose.INPUT_NOISE, epoch)
        return inputs + np.float32(share) * rng.standard_normal(inputs.shape, dtype=np.float32)

    def control(self, epoch: int) -> NDArray[np.float32]:
        """`(steps, 6)` what the optimiser does in an epoch: rates that rise, then fall along a cosine."""
        genome, steps = self.job.genome, self.steps()
        total = self.job.epochs() * steps
        step = np.arange(epoch * steps, (epoch + 1) * steps, dtype=np.float64)
        rise = np.minimum(1.0, (step + 1) / (WARM_UP * total))
        rate = genome.learning_rate * rise * 0.5 * (1 + np.cos(np.pi * step / total))
        columns = np.zeros((steps, Control.COLUMNS))
        columns[:, Control.KEEP_FIRST] = FIRST_MOMENT
        columns[:, Control.DECAY] = rate * genome.weight_decay
        if genome.optimiser == "momentum":
            columns[:, Control.TAKE_FIRST] = 1.0
            columns[:, Control.RATE] = rate
            return columns.astype(np.float32)
        columns[:, Control.TAKE_FIRST] = 1 - FIRST_MOMENT
        columns[:, Control.KEEP_SECOND] = SECOND_MOMENT
        columns[:, Control.TAKE_SECOND] = 1 - SECOND_MOMENT
        # both moments start at zero and are too small at first: corrected here, once for all weights
        columns[:, Control.RATE] = rate * np.sqrt(1 - SECOND_MOMENT ** (step + 1)) / (1 - FIRST_MOMENT ** (step + 1))
        return columns.astype(np.float32)

    def _dropped_of_256(self) -> int:
        return round(256 * self.job.genome.dropout)


def _evenly(count: int, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """`(steps, batch)` places of all examples, as many in one step as in another, or one more.

    A step weighs all that it holds as one: were all but the last one full, the few examples left for that one would
    move the weights as far as a whole batch does.
    """
    steps, batch = shape
    held = count // steps + (np.arange(steps) < count % steps)
    return np.asarray(np.arange(batch) < held[:, None])
