"""What one sensor measured around a set, as it came: samples with their own times, before any resampling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False, slots=True)
class Signal:
    """Samples of one site.

    Attributes:
        times_ms: `(n,)` float64, strictly rising; of whatever clock the interval of the set is given in.
        samples: `(n, 3)` milli-g with gravity, int16 or float64.
        rate_hz: Measured, or what the source says.
    """

    times_ms: NDArray[np.float64]
    samples: NDArray[np.int16] | NDArray[np.float64]
    rate_hz: float

    def between(self, low_ms: float, high_ms: float) -> Signal:
        """The part with times in `[low_ms, high_ms)`."""
        first, last = np.searchsorted(self.times_ms, [low_ms, high_ms])
        return self.part(int(first), int(last))

    def part(self, first: int, last: int) -> Signal:
        """The samples `first` to `last`, the last excluded."""
        return Signal(self.times_ms[first:last], self.samples[first:last], self.rate_hz)


def joined(parts: Sequence[Signal]) -> Signal:
    """One signal of several, by their starts; samples that are not later than one before them are left out.

    Raises:
        ValueError: There is none.
    """
    if not parts:
        raise ValueError("no signals to join")
    ordered = sorted(parts, key=lambda part: float(part.times_ms[0]) if len(part.times_ms) else 0.0)
    times = np.concatenate([part.times_ms for part in ordered])
    samples = np.concatenate([part.samples for part in ordered])
    rising = np.ones(len(times), dtype=np.bool_)
    rising[1:] = times[1:] > np.maximum.accumulate(times)[:-1]
    return Signal(times[rising], samples[rising], float(np.median([part.rate_hz for part in ordered])))


def evenly(
    samples: NDArray[np.int16], rate_hz: float, start_ms: float = 0.0, measured: NDArray[np.bool_] | None = None
) -> Signal:
    """A signal whose source says no more than its rate; rows that were not measured leave a gap."""
    times_ms = start_ms + np.arange(len(samples), dtype=np.float64) * (1000.0 / rate_hz)
    if measured is not None:
        times_ms, samples = times_ms[measured], samples[measured]
    return Signal(times_ms, samples, rate_hz)
