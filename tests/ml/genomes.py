"""Genomes and shapes for tests."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies
from kinelog.ml.genome import Genome
from kinelog.ml.mutation import first_population, mutate
from kinelog.ml.network_size import NetworkShape

WRIST = NetworkShape(sites=1, labels=9, fine_labels=20)

shapes = strategies.builds(
    lambda sites, labels, more: NetworkShape(sites, labels, labels + more),
    strategies.integers(1, 7),
    strategies.integers(2, 40),
    strategies.integers(0, 20),
)


@strategies.composite
def genomes(draw: strategies.DrawFn, shape: NetworkShape = WRIST) -> Genome:
    """A valid genome, some mutations away from a recipe."""
    seed = draw(strategies.integers(0, 2**31))
    rng = np.random.default_rng(seed)
    genome = first_population(seed, 7, shape)[draw(strategies.integers(0, 6))]
    for _ in range(draw(strategies.integers(0, 6))):
        genome = mutate(genome, rng, shape)
    return genome
