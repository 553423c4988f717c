"""Windows of a scope's arrays: those that train a genome's network, and those that every genome is judged on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from kinelog.device.layers import WINDOW
from kinelog.ml.augmentation import augmented
from kinelog.ml.examples import RATE_HZ
from kinelog.ml.fit_data import FitData
from kinelog.ml.genome import ROTATION_LIMIT_DEG, Genome
from kinelog.ml.windows import Placement, windows_of
from numpy.typing import NDArray

JUDGED_ENDS_MS: Final = (1000, 0, -500, -1000)
"""Where the windows end that all genomes are judged on: the first second, and three before the labelled start."""
BLOCK: Final = 4096
"""Windows that are looked at together, where all of them would fill the memory."""
WINDOWS: Final = 48
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


def judged_rows(data: FitData) -> Rows:
    """Which windows there are to judge by, end by end: of each example those that its samples hold.

    No sample is read for it.
    """
    lengths = np.diff(data.offsets)
    example_of, ends_ms = [], []
    for end_ms in JUDGED_ENDS_MS:
        behind = data.start_rows + _rows(end_ms)
        there = np.flatnonzero((behind >= WINDOW) & (behind <= lengths))
        example_of.append(there)
        ends_ms.append(np.full(len(there), end_ms))
    places = np.concatenate(example_of)
    return Rows(places, np.concatenate(ends_ms), np.zeros(len(places), dtype=np.bool_))


def judged_windows(data: FitData) -> ScopeWindows:
    """The windows to judge by."""
    rows = judged_rows(data)
    return ScopeWindows(_windows_of(data, rows), rows)


def judged_blocks(data: FitData, at_most: int = BLOCK) -> Iterator[NDArray[np.int16]]:
    """The windows to judge by, so many at a time, in the order of `judged_rows`."""
    rows = judged_rows(data)
    for start in range(0, len(rows.example_of), at_most):
        some = slice(start, start + at_most)
        yield _windows_of(data, Rows(rows.example_of[some], rows.ends_ms[some], rows.changed[some]))


def asked_rows(data: FitData) -> Rows:
    """Which windows choose; no sample is read for it."""
    rows = judged_rows(data)
    return Rows(
        np.concatenate([rows.example_of, rows.example_of]),
        np.concatenate([rows.ends_ms, rows.ends_ms]),
        np.repeat([False, True], len(rows.ends_ms)),
    )


def asked_windows(data: FitData) -> ScopeWindows:
    """The windows that choose: those to judge by, and each of them once more as another sensor would have brought it.

    A candidate that never trained on turned or slow sensors is often the better one on the sensor that recorded, and
    much the worse one on any other.
    """
    recorded = judged_windows(data).windows
    rng = np.random.default_rng(int(data.sha256[:16], 16))
    other, _ = augmented(recorded, data.names.sites, OTHER_SENSOR, rng)
    return ScopeWindows(np.concatenate([recorded, other]), asked_rows(data))


def training_windows(data: FitData, genome: Genome) -> ScopeWindows:
    """The windows to train on. What is drawn for an example depends on its key, never on which others there are."""
    draws = draws_of(genome)
    return _cut(data, [Placement(end, genome.jitter_ms, draws) for end in genome.ends_ms], genome.seed)


def draws_of(genome: Genome) -> int:
    """How many windows are drawn around each end of a genome."""
    return max(4, WINDOWS // len(genome.ends_ms)) if genome.jitter_ms else 1


def _windows_of(data: FitData, rows: Rows) -> NDArray[np.int16]:
    first = data.offsets[rows.example_of] + data.start_rows[rows.example_of] - WINDOW
    first += np.array([_rows(end_ms) for end_ms in rows.ends_ms.tolist()], dtype=np.int64)
    windows = np.empty((len(first), WINDOW, data.samples.shape[1]), np.int16)
    for place, row in enumerate(first.tolist()):
        windows[place] = data.samples[row : row + WINDOW]
    return windows


def _rows(milliseconds: int) -> int:
    return round(milliseconds * RATE_HZ / 1000)


def _cut(data: FitData, placements: Sequence[Placement], seed: int) -> ScopeWindows:
    examples = data.examples()
    sites = data.names.sites
    cut = [windows_of(examples, placement, seed, sites=sites, partial=True) for placement in placements]
    ends = [np.full(len(one.example), place.end_ms) for one, place in zip(cut, placements, strict=True)]
    example_of = np.concatenate([one.example for one in cut])
    rows = Rows(example_of, np.concatenate(ends), np.zeros(len(example_of), dtype=np.bool_))
    return ScopeWindows(np.concatenate([one.windows for one in cut]), rows)
