"""Windows of a scope's arrays: those that train a genome's network, and those that every genome is judged on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from kinelog.ml.fit_data import FitData
from kinelog.ml.genome import Genome
from kinelog.ml.windows import Placement, windows_of
from numpy.typing import NDArray

JUDGED_ENDS_MS: Final = (1000, 0, -500, -1000)
"""Where the windows end that all genomes are judged on: the first second, and three before the labelled start."""
WINDOWS: Final = 24
"""Windows of an example, over all ends, where a genome shifts them by chance; no end has fewer than four."""


@dataclass(frozen=True, eq=False, slots=True)
class Rows:
    """Which windows there are; what they hold is cut again where it is needed.

    Attributes:
        example_of: `(windows,)` place of the example.
        ends_ms: `(windows,)` where each ends, relative to the labelled start.
    """

    example_of: NDArray[np.int64]
    ends_ms: NDArray[np.int64]


@dataclass(frozen=True, eq=False, slots=True)
class ScopeWindows:
    """Windows of a scope.

    Attributes:
        windows: `(windows, 50, 3 * sites)` int16 milli-g.
        rows: Which they are.
    """

    windows: NDArray[np.int16]
    rows: Rows


def judged_windows(data: FitData) -> ScopeWindows:
    """The windows to judge by: of each example those that its samples hold."""
    return _cut(data, [Placement(end) for end in JUDGED_ENDS_MS], 0)


def training_windows(data: FitData, genome: Genome) -> ScopeWindows:
    """The windows to train on. What is drawn for an example depends on its key, never on which others there are."""
    draws = draws_of(genome)
    return _cut(data, [Placement(end, genome.jitter_ms, draws) for end in genome.ends_ms], genome.seed)


def draws_of(genome: Genome) -> int:
    """How many windows are drawn around each end of a genome."""
    return max(4, WINDOWS // len(genome.ends_ms)) if genome.jitter_ms else 1


def _cut(data: FitData, placements: Sequence[Placement], seed: int) -> ScopeWindows:
    examples = data.examples()
    sites = data.names.sites
    cut = [windows_of(examples, placement, seed, sites=sites, partial=True) for placement in placements]
    ends = [np.full(len(one.example), place.end_ms) for one, place in zip(cut, placements, strict=True)]
    rows = Rows(np.concatenate([one.example for one in cut]), np.concatenate(ends))
    return ScopeWindows(np.concatenate([one.windows for one in cut]), rows)
