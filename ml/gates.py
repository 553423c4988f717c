"""What is too poor to learn from: rate, range, clipping, gaps, values that are no numbers. Each refusal has a name.

The names are what is counted, and what a report shows; `docs/fit-data.md` explains them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from kinelog.ml.signals import Signal
from numpy.typing import NDArray


class Refused(StrEnum):
    """Why a signal, or a whole set, is left out."""

    EMPTY = "no samples"
    LOSSY = "every block lost samples"
    NOT_FINITE = "values that are no numbers"
    RATE = "rate outside 10 to 100 Hz"
    RANGE = "not milli-g with gravity"
    CLIPPED = "clipped"
    GAP = "gap at the start"
    SHORT = "less than a second"
    LATE = "begins after its start"
    CROWDED = "too many sensors"


@dataclass(frozen=True, slots=True)
class Gates:
    """The bounds.

    Attributes:
        lowest_hz, highest_hz: Rates; 5 % wider than what is promised, since clocks drift.
        range_mg: Largest value of an axis; beyond what 16 g sensors say.
        lowest_norm_mg, highest_norm_mg: Of the median length of a sample. With gravity it lies near 1000; metres a
            second squared, g, and signals without gravity fall outside.
        clip_mg: From which value on a repeated extreme counts as clipped.
        clipped_share: Most samples that may be clipped.
        gap_ms: Longest pause that is bridged by a straight line; at least two and a half periods are.
        least_ms: Shortest signal from the start on.
        late_ms: Most that may be missing between the labelled start and the first sample.
    """

    lowest_hz: float = 9.5
    highest_hz: float = 105.0
    range_mg: float = 16_500.0
    lowest_norm_mg: float = 300.0
    highest_norm_mg: float = 3_000.0
    clip_mg: float = 1_900.0
    clipped_share: float = 0.05
    gap_ms: float = 250.0
    least_ms: float = 980.0
    late_ms: float = 120.0

    def longest_gap_ms(self, rate_hz: float) -> float:
        """What is bridged at a rate."""
        return max(self.gap_ms, 2500.0 / rate_hz)


DEFAULT_GATES = Gates()


def refusal(signal: Signal, gates: Gates = DEFAULT_GATES) -> Refused | None:
    """Why a signal cannot be used whatever part is taken, or None."""
    if not len(signal.samples):
        return Refused.EMPTY
    if not (np.isfinite(signal.samples).all() and np.isfinite(signal.times_ms).all()):
        return Refused.NOT_FINITE
    if not gates.lowest_hz <= signal.rate_hz <= gates.highest_hz:
        return Refused.RATE
    return _refused_values(signal.samples.astype(np.float64), gates)


def _refused_values(values: NDArray[np.float64], gates: Gates) -> Refused | None:
    if np.abs(values).max() > gates.range_mg:
        return Refused.RANGE
    norm = float(np.median(np.linalg.norm(values, axis=1)))
    if not gates.lowest_norm_mg <= norm <= gates.highest_norm_mg:
        return Refused.RANGE
    if _clipped_share(values, gates.clip_mg) > gates.clipped_share:
        return Refused.CLIPPED
    return None


def unbroken(signal: Signal, at_ms: float, gates: Gates = DEFAULT_GATES) -> Signal | Refused:
    """The stretch without a gap that holds a moment, if it goes on for a second from there.

    A first sample that is a little late counts as the moment.
    """
    times = signal.times_ms
    first = int(np.searchsorted(times, at_ms - 1e-6))
    if first == len(times) or times[first] - at_ms > gates.longest_gap_ms(signal.rate_hz):
        return Refused.GAP if 0 < first < len(times) else Refused.LATE
    if first == 0 and times[0] - at_ms > gates.late_ms:
        return Refused.LATE
    breaks = np.flatnonzero(np.diff(times) > gates.longest_gap_ms(signal.rate_hz)) + 1
    begin = int(breaks[breaks <= first].max(initial=0))
    end = int(breaks[breaks > first].min(initial=len(times)))
    if begin == first and first > 0 and times[first] - at_ms > gates.late_ms:
        return Refused.GAP
    if times[end - 1] + 1000.0 / signal.rate_hz - max(at_ms, times[begin]) < gates.least_ms:
        return Refused.GAP if end < len(times) else Refused.SHORT
    return signal.part(begin, end)


def _clipped_share(values: NDArray[np.float64], clip_mg: float) -> float:
    """Share of samples with an axis that stays at its own extreme, beyond what a body does by itself."""
    share = 0.0
    for axis in values.T:
        for extreme in (axis.max(), axis.min()):
            if abs(extreme) >= clip_mg:
                at = axis == extreme
                # alone, an extreme is just the largest value
                share = max(share, float((at[1:] & at[:-1]).sum()) / len(axis))
    return share
