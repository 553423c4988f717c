"""Windows cut out of a scope's arrays: those that train a genome's network, and those that every genome is judged on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from kinelog.device.layers import WINDOW
from kinelog.ml.examples import RATE_HZ
from kinelog.ml.fit_data import FitData
from kinelog.ml.genome import Genome
from numpy.typing import NDArray

JUDGED_ENDS_MS: Final = (1000, 0, -500, -1000)
"""Where the windows end that all genomes are judged on: the first second, and three before the labelled start."""
SHIFTED: Final = 4
"""Windows an end and example, where a genome shifts them; the first is not shifted."""


@dataclass(frozen=True, eq=False, slots=True)
class Cuts:
    """Windows.

    Attributes:
        example_of: `(windows,)` place of the example.
        ends_ms: `(windows,)` where each ends, relative to the labelled start.
        first_rows: `(windows,)` of the scope's samples.
    """

    example_of: NDArray[np.int64]
    ends_ms: NDArray[np.int64]
    first_rows: NDArray[np.int64]

    def at(self, places: NDArray[np.int64]) -> Cuts:
        """Some of them."""
        return Cuts(self.example_of[places], self.ends_ms[places], self.first_rows[places])

    def windows(self, data: FitData) -> NDArray[np.int16]:
        """`(windows, 50, 3 * sites)` int16 milli-g."""
        rows = self.first_rows[:, None] + np.arange(WINDOW)
        return np.ascontiguousarray(data.samples[rows])


def judged_cuts(data: FitData) -> Cuts:
    """The windows to judge by: of each example those that its samples hold."""
    ends = np.tile(np.array(JUDGED_ENDS_MS, dtype=np.int64), len(data))
    return _held(data, np.repeat(np.arange(len(data)), len(JUDGED_ENDS_MS)), ends)


def training_cuts(data: FitData, genome: Genome) -> Cuts:
    """The windows to train on. What is drawn for an example depends on its key, never on which others there are."""
    copies = SHIFTED if genome.jitter_ms else 1
    ends = np.repeat(np.array(genome.ends_ms, dtype=np.int64), copies)
    shifts = np.stack([_shifts(key, genome, copies) for key in data.names.keys])
    places = np.repeat(np.arange(len(data)), len(ends))
    return _held(data, places, (ends + shifts).ravel())


def _shifts(key: str, genome: Genome, copies: int) -> NDArray[np.int64]:
    shifts = np.zeros((len(genome.ends_ms), copies), dtype=np.int64)
    if genome.jitter_ms:
        rng = np.random.default_rng([genome.seed, *key.encode()])
        shifts[:, 1:] = rng.integers(-genome.jitter_ms, genome.jitter_ms + 1, (len(genome.ends_ms), copies - 1))
    return shifts.ravel()


def _held(data: FitData, example_of: NDArray[np.int64], ends_ms: NDArray[np.int64]) -> Cuts:
    """Only those that lie within their example's samples."""
    first = data.start_rows[example_of] + np.round(ends_ms * RATE_HZ / 1000).astype(np.int64) - WINDOW
    lengths = np.diff(data.offsets)[example_of]
    held = (first >= 0) & (first + WINDOW <= lengths)
    example_of, ends_ms, first = example_of[held], ends_ms[held], first[held]
    return Cuts(example_of, ends_ms, data.offsets[example_of] + first)
