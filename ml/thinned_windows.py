"""Windows as a slower sensor, or a link that loses packets, would have brought them.

Sensors and links are drawn first, few and all different, and each window is seen through one of them: windows that
share one are columns of the same recording to the project's resampler, which so is asked dozens of times and not
thousands. What it does to samples that come slowly, or do not come at all, is what a device does to them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from kinelog.device.layers import RATE_HZ
from kinelog.device.resampling import resample
from numpy.typing import NDArray

SLOWEST_HZ, FASTEST_HZ = 10.0, 33.0
"""Of slow sensors; slower ones pass no gate, and at 33 Hz little is lost."""
SHORTEST_PACKET_MS, LONGEST_PACKET_MS = 100.0, 500.0
LOSSY_SHARE: Final = 1 / 3
"""Of all sources, links that lose a packet; the others are slow sensors."""
SOURCES: Final = 48
MOMENTS: Final = 5
"""Moments that a sample of a sensor that averages is the mean of."""

PERIOD_MS: Final = 1000.0 / RATE_HZ
HELD_ROWS: Final = 40
"""Beyond its ends a window stays as it is there: longer than the longest packet, period and mean together."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where samples come from. Times are in ms from a window's first row.

    Attributes:
        rate_hz: Samples a second.
        first_ms: Time of a sample before the window; others follow at the rate.
        averaged_ms: How long a sensor measures for one sample, to either side of its time alike; 0 for a moment. It is
            what limits its band: a mean over the whole period hides what moves faster than the rate.
        lost_from_ms: Samples from here on are lost...
        lost_to_ms: ...until here; the same time where none are.
    """

    rate_hz: float
    first_ms: float
    averaged_ms: float = 0.0
    lost_from_ms: float = 0.0
    lost_to_ms: float = 0.0


def drawn_source(window_ms: float, rng: np.random.Generator) -> Source:
    """A slow sensor with some phase and band, or a link that loses one packet that the window has a part of."""
    if rng.random() < LOSSY_SHARE:
        packet_ms = float(rng.uniform(SHORTEST_PACKET_MS, LONGEST_PACKET_MS))
        begin_ms = float(rng.uniform(-packet_ms, window_ms))
        return Source(RATE_HZ, -HELD_ROWS * PERIOD_MS, 0.0, begin_ms, begin_ms + packet_ms)
    rate_hz = float(np.exp(rng.uniform(np.log(SLOWEST_HZ), np.log(FASTEST_HZ))))
    period_ms = 1000.0 / rate_hz
    return Source(rate_hz, -float(rng.uniform(1.0, 2.0)) * period_ms, float(rng.uniform()) * period_ms)


def thinned(windows: NDArray[np.float64], share: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Windows of which some are seen through slower sensors and lossy links.

    Args:
        windows: `(n, rows, 3)` milli-g at 50 Hz, each of one sensor.
        share: Of the windows that are changed, in expectation.
        rng: What decides which, and how.
    """
    count, rows, _ = windows.shape
    chosen = rng.random(count) < share
    source_of = rng.integers(0, SOURCES, count)
    found = windows.copy()
    for number in range(SOURCES):
        source = drawn_source(rows * PERIOD_MS, rng)
        at = chosen & (source_of == number)
        if at.any():
            found[at] = seen_through(source, windows[at])
    return found


def seen_through(source: Source, windows: NDArray[np.float64]) -> NDArray[np.float64]:
    """`(n, rows, 3)` windows as they are when what a source measured of them was brought back to 50 Hz."""
    count, rows, axes = windows.shape
    columns = windows.transpose(1, 0, 2).reshape(rows, count * axes)
    taken, times = _measured(source, columns)
    arrived = (times < source.lost_from_ms) | (times >= source.lost_to_ms)
    back = resample(taken[arrived], times[arrived], RATE_HZ, start_ms=0.0).samples[:rows]
    return np.asarray(back.reshape(rows, count, axes).transpose(1, 0, 2), dtype=np.float64)


def _measured(source: Source, columns: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What a source took of `(rows, columns)`, and when: from before the window to behind it."""
    held = np.pad(columns, ((HELD_ROWS, HELD_ROWS), (0, 0)), mode="edge")
    times = (np.arange(len(held), dtype=np.float64) - HELD_ROWS) * PERIOD_MS
    offsets = source.averaged_ms * ((np.arange(MOMENTS) + 0.5) / MOMENTS - 0.5) if source.averaged_ms else np.zeros(1)
    parts = [resample(held, times, source.rate_hz, start_ms=source.first_ms + offset).samples for offset in offsets]
    count = min(len(part) for part in parts)
    mean: NDArray[np.float64] = np.mean([part[:count] for part in parts], axis=0, dtype=np.float64)
    return np.rint(mean), source.first_ms + np.arange(count, dtype=np.float64) * (1000.0 / source.rate_hz)
