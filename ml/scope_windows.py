"""Windows of a scope's arrays: those that train a genome's network, and those that every genome is judged on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from kinelog.ml.augmentation import augmented
from kinelog.ml.fit_data import FitData
from kinelog.ml.genome import ROTATION_LIMIT_DEG, Genome
from kinelog.ml.windows import Placement, windows_of
from numpy.typing import NDArray

JUDGED_ENDS_MS: Final = (1000, 0, -500, -1000)
"""Where the windows end that all genomes are judged on: the first second, and three before the labelled start."""
WINDOWS: Final = 24
"""Windows of an example, over all ends, where a genome shifts them by chance; no end has fewer than four."""
OTHER_SENSOR: Final = Genome(rotation_deg=ROTATION_LIMIT_DEG, thinned=1.0)
"""Worn otherwise by up to so much, and slow or with a packet lost."""


@dataclass(frozen=True, eq=False, slots=True)
class Rows:
    """Which windows there are; what they hold is cut again where it is needed.

    Attributes:
        example_of: `(windows,)` place of the example.
        ends_ms: `(windows,)` where each ends, relative to the labelled start.
        changed: `(windows,)` whether it is as another sensor would have brought it, and not as it was recorded.
    """

    example_of: NDArray[np.int64]
    ends_ms: NDArray[np.int64]
    changed: NDArray[np.bool_]


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


def asked_windows(data: FitData) -> ScopeWindows:
    """The windows that choose: those to judge by, and each of them once more as another sensor would have brought it.

    A candidate that never trained on turned or slow sensors is often the better one on the sensor that recorded, and
    much the worse one on any other.
    """
    judged = judged_windows(data)
    rng = np.random.default_rng(int(data.sha256[:16], 16))
    other, _ = augmented(judged.windows, data.names.sites, OTHER_SENSOR, rng)
    rows = judged.rows
    return ScopeWindows(
        np.concatenate([judged.windows, other]),
        Rows(
            np.concatenate([rows.example_of, rows.example_of]),
            np.concatenate([rows.ends_ms, rows.ends_ms]),
            np.repeat([False, True], len(rows.ends_ms)),
        ),
    )


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
    example_of = np.concatenate([one.example for one in cut])
    rows = Rows(example_of, np.concatenate(ends), np.zeros(len(example_of), dtype=np.bool_))
    return ScopeWindows(np.concatenate([one.windows for one in cut]), rows)
