"""All chance of one fit: initial weights, the order of examples, dropout, augmentation.

Each draw comes from a generator of its own, named by the night's seed, the genome, the fold, the epoch and what it is
for: never by a fit's place in a batch, so that a candidate trains alike however many train beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from kinelog.ml.fit_job import FitJob
from kinelog.ml.genome import genome_id
from numpy.typing import NDArray


class Purpose(IntEnum):
    """What chance is for."""

    WEIGHTS = 1
    EPOCH = 2
    AUGMENTATION = 3
    INPUT_NOISE = 4


@dataclass(frozen=True, slots=True)
class Chance:
    """Where one fit's draws come from.

    Attributes:
        seed: The night's.
        genome: The genome's name as a number; the genome's own seed is part of it.
        fold: The fold's number; what is shared by all folds of a genome uses 0.
    """

    seed: int
    genome: int
    fold: int

    @classmethod
    def of(cls, job: FitJob) -> Chance:
        """The chance of a job."""
        return cls(job.seed, int(genome_id(job.genome), 16), job.fold)

    def generator(self, purpose: Purpose, number: int = 0) -> np.random.Generator:
        """A generator for one purpose and, of that, one number (an epoch, a layer, an example)."""
        return np.random.Generator(np.random.PCG64([self.seed, self.genome, self.fold, purpose, number]))

    def initial_weights(self, inputs: int, outputs: int, activation: str, layer: int) -> NDArray[np.float32]:
        """`(1 + inputs, outputs)` float32: a first row of zeros for the bias, then He's (relu) or Glorot's uniform."""
        bound = np.sqrt(6.0 / inputs if activation == "relu" else 6.0 / (inputs + outputs))
        kernel = self.generator(Purpose.WEIGHTS, layer).uniform(-bound, bound, (inputs, outputs))
        return np.concatenate([np.zeros((1, outputs)), kernel]).astype(np.float32)
