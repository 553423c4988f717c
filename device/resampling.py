"""Samples brought to one rate by their timestamps: the definition that the fit and the device share.

The grid begins at the first timestamp, or at a later moment that several sites share, and goes on in even steps as long
as there are samples. A row of the grid lies on the straight line between the two samples around it. So a gap stays as
long as it was (rows within it are marked, since nobody measured them), a source whose rate drifts is not stretched, and
samples that lie on the grid come out as they are. Values are rounded half to even and saturate at the ends of int16.

Nothing is filtered: from a faster source, what moves faster than half the new rate folds down, as with a slower sensor.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from kinelog.device.layers import RATE_HZ
from numpy.typing import NDArray

MAX_SPAN_MS = 24 * 3600 * 1000.0
"""A wrong clock must not ask for a year of samples."""
MAX_RATE_HZ = 1000.0
MAX_GAP_MS = 250.0
"""Between samples further apart, rows are marked as not measured: more than two samples of a 10 Hz source."""
_GRID_SLACK = 1e-6
"""Of a row: a last time that float arithmetic left a little early counts."""
_INT16 = np.iinfo(np.int16)


class ResamplingError(ValueError):
    """A recording that cannot be brought to a grid."""


@dataclass(frozen=True, slots=True, eq=False)
class Resampled:
    """Samples on an even grid.

    Attributes:
        samples: `(rows, columns)` int16.
        start_ms: Time of row 0; row *k* lies `1000 k / to_hz` later.
        measured: `(rows,)` bool: False where a row lies within a gap.
    """

    samples: NDArray[np.int16]
    start_ms: float
    measured: NDArray[np.bool_]


def resample(
    samples: NDArray[np.int16] | NDArray[np.float64],
    times_ms: NDArray[np.float64],
    to_hz: float = RATE_HZ,
    *,
    start_ms: float | None = None,
    max_gap_ms: float = MAX_GAP_MS,
) -> Resampled:
    """Bring samples to an even rate.

    Args:
        samples: `(n, columns)` in milli-g; at least one row.
        times_ms: `(n,)` of each row, strictly rising.
        to_hz: Rows a second, 1 to 1000.
        start_ms: Where the grid begins, within the recording; None: at the first sample.
        max_gap_ms: Rows between samples further apart are marked as not measured.

    Raises:
        ResamplingError: Times that are not finite, do not rise, or span more than a day; samples that are not finite; a
            rate or a start out of range.
    """
    times = np.asarray(times_ms, dtype=np.float64)
    start = float(times[0]) if start_ms is None and times.size else float(start_ms or 0.0)
    rows = resampled_rows(times, start, to_hz)
    values = np.asarray(samples, dtype=np.float64)
    if values.ndim != 2 or len(values) != len(times):
        raise ResamplingError(f"samples: {len(times)} times need as many rows, not an array of shape {values.shape}")
    if not np.isfinite(values).all():
        raise ResamplingError(f"samples: row {np.argmin(np.isfinite(values).all(axis=1))} is not finite")
    grid = np.minimum(start + np.arange(rows) * 1000.0 / to_hz, times[-1])
    left = np.searchsorted(times, grid, side="right") - 1
    right = np.minimum(left + 1, len(times) - 1)
    apart = times[right] - times[left]
    between = np.divide(grid - times[left], apart, out=np.zeros(rows), where=apart > 0)
    lines = values[left] + (values[right] - values[left]) * between[:, None]
    rounded = np.clip(np.rint(lines), _INT16.min, _INT16.max).astype(np.int16)
    return Resampled(rounded, start, (between == 0.0) | (apart <= max_gap_ms))


def resampled_rows(times_ms: NDArray[np.float64], start_ms: float, to_hz: float) -> int:
    """How many rows the grid has.

    Args:
        times_ms: `(n,)`, as for `resample`.
        start_ms: Where the grid begins.
        to_hz: Rows a second.

    Raises:
        ResamplingError: As `resample`, of times, rate and start.
    """
    if times_ms.ndim != 1 or not times_ms.size:
        raise ResamplingError(f"times_ms: one time a row, at least one, not an array of shape {times_ms.shape}")
    if not np.isfinite(times_ms).all():
        raise ResamplingError(f"times_ms: row {np.argmin(np.isfinite(times_ms))} is not finite")
    falls = np.flatnonzero(~(times_ms[1:] > times_ms[:-1]))
    if falls.size:
        raise ResamplingError(f"times_ms: row {falls[0] + 1} is not later than the row before it")
    if not 1.0 <= to_hz <= MAX_RATE_HZ:
        raise ResamplingError(f"to_hz: 1 to {MAX_RATE_HZ:g}, not {to_hz:g}")
    first, last = float(times_ms[0]), float(times_ms[-1])
    if not last - first <= MAX_SPAN_MS:
        raise ResamplingError(f"times_ms: a recording of {last - first:.0f} ms is longer than a day")
    if not first <= start_ms <= last:
        raise ResamplingError(f"start_ms: {start_ms} lies outside the recording")
    return int(np.floor((last - start_ms) * to_hz / 1000.0 + _GRID_SLACK)) + 1
