"""`features/1`: what the front end computes from a window before a network sees it. The definition; C follows it.

A window is 50 rows of int16 milli-g at 50 Hz, gravity included: one second, so that bin k of its Fourier transform
lies at k Hz. Each site of three axes yields `FEATURES_PER_SITE` numbers, sites one after the other. The channels are
x, y, z and m, the magnitude sqrt(x·x + y·y + z·z) of each row. In milli-g, unless said otherwise, in this order:

* x, then y, then z: mean, deviation, minimum, lower quartile, median, upper quartile, maximum.
* m: mean, deviation, minimum, maximum.
* x, y, z, m: five segment means each, of rows 0-9, 10-19, 20-29, 30-39, 40-49.
* x, y, z, m: six band amplitudes each: 1 Hz, 2 Hz, 3-4 Hz, 5-7 Hz, 8-12 Hz, and all above 12 Hz.
* Correlations of x and y, x and z, y and z; without unit.
* The length of the mean vector (x, y, z); then the direction of gravity, without unit: that vector divided by its
  length, in the whole window, in the first segment, in the last segment.

Rules, in IEEE double, without fused multiply-add, so that an implementation that follows them gives the same bits:

1. *Sums* run over the rows in order, from row 0, starting from zero. A mean is a sum divided by 50; a segment's is its
   own sum divided by 10.
2. *Two passes*: first the means, then d = value - mean. The variance is the sum of d·d, divided by 50; the deviation
   its square root. (One pass, the mean of squares less the square of the mean, loses a still sensor's digits.)
3. *Percentiles* by nearest rank: of the sorted rows s[0] … s[49] the lower quartile is s[12], the upper s[37] (the
   13th and the 38th), and the median (s[24] + s[25]) / 2.
4. *Bands*: D(k) = Σ d[t]·exp(-2πi·k·t/50), folded at the middle of the window:
   re = (d[0] ± d[25]) + Σ (d[t] + d[50-t])·cos(2πkt/50), im = Σ (d[t] - d[50-t])·sin(2πkt/50), each sum over
   t = 1 … 24 in order, starting from (d[0] ± d[25]) with + for even k, and from zero. The power of bin k is
   (re·re + im·im), doubled, divided by 2500; a band's amplitude is the square root of the sum of its bins' power,
   lowest bin first. The band above 12 Hz is what the variance holds beyond bins 1 … 12: their power taken off the
   variance one bin after the other, k = 1 first; zero where rounding left less.
5. *Correlation*: the mean of d·d' divided by (deviation·deviation' + 1000 mg²). The constant stands for two sensors'
   noise: what lies below it is no correlation, and a still axis has none.
6. *Direction*: each component divided by (length + 1 mg), so that no gravity is no direction, and no division by zero.
   The length is sqrt(x·x + y·y + z·z), added in that order.
7. All are rounded to float32 once, at the end.

A window of zeros, which is what an absent site holds, yields zeros. Nothing else can leave the finite numbers: int16
bounds every value.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

FRONT_END: Final = "features/1"
WINDOW_ROWS: Final = 50
AXES_PER_SITE: Final = 3
SEGMENTS: Final = 5
BANDS_HZ: Final = ((1, 1), (2, 2), (3, 4), (5, 7), (8, 12))
"""First and last bin of each band; one more holds all above the last."""

CORRELATION_FLOOR_MG2: Final = 1000.0
DIRECTION_FLOOR_MG: Final = 1.0

_CHANNELS = ("x", "y", "z", "m")
_PAIRS = ((0, 1), (0, 2), (1, 2))
_HALF = WINDOW_ROWS // 2
_BINS = BANDS_HZ[-1][1]
_SEGMENT_ROWS = WINDOW_ROWS // SEGMENTS
_CHUNK = 256
"""Windows computed together: the sums of a chunk stay in the processor's cache."""


def _names() -> tuple[str, ...]:
    names = [
        f"{axis}.{what}" for axis in "xyz" for what in ("mean", "deviation", "minimum", "p25", "p50", "p75", "maximum")
    ]
    names += [f"m.{what}" for what in ("mean", "deviation", "minimum", "maximum")]
    names += [f"{channel}.segment{segment}" for channel in _CHANNELS for segment in range(SEGMENTS)]
    bands = [f"{low}-{high}hz" if high > low else f"{low}hz" for low, high in BANDS_HZ] + [f"above-{_BINS}hz"]
    names += [f"{channel}.{band}" for channel in _CHANNELS for band in bands]
    names += [f"correlation.{_CHANNELS[one]}{_CHANNELS[other]}" for one, other in _PAIRS]
    names += ["gravity.length"]
    names += [f"gravity.{part}.{axis}" for part in ("window", "first", "last") for axis in "xyz"]
    return tuple(names)


FEATURE_NAMES: Final = _names()
"""What each number of a site is, in order."""

FEATURES_PER_SITE: Final = len(FEATURE_NAMES)


def _table(function: str) -> NDArray[np.float64]:
    """Cos or sin of 2πkt/50: (t = 1 … 24, k = 1 … 12)."""
    of = math.cos if function == "cos" else math.sin
    return np.array(
        [
            [of(2.0 * math.pi * (k * t % WINDOW_ROWS) / WINDOW_ROWS) for k in range(1, _BINS + 1)]
            for t in range(1, _HALF)
        ]
    )


COSINES: Final = _table("cos")
SINES: Final = _table("sin")


def features(windows: NDArray[np.int16]) -> NDArray[np.float32]:
    """Returns the features of each window.

    Args:
        windows: (n, 50, 3·sites) milli-g at 50 Hz, rows interleaved: x, y, z of the first site, of the second …

    Returns:
        (n, FEATURES_PER_SITE·sites), sites one after the other.

    Raises:
        ValueError: The array has another shape or type.
    """
    if windows.dtype != np.int16:
        raise ValueError(f"windows hold int16 milli-g, not {windows.dtype}")
    if windows.ndim != 3 or windows.shape[1] != WINDOW_ROWS or windows.shape[2] % AXES_PER_SITE:
        raise ValueError(f"windows have the shape (n, {WINDOW_ROWS}, 3·sites), not {windows.shape}")
    count, _, columns = windows.shape
    sites = columns // AXES_PER_SITE
    per_site = windows.reshape(count, WINDOW_ROWS, sites, AXES_PER_SITE).swapaxes(1, 2)
    flat = per_site.reshape(count * sites, WINDOW_ROWS, AXES_PER_SITE)
    result = np.empty((count * sites, FEATURES_PER_SITE), np.float32)
    for start in range(0, len(flat), _CHUNK):
        result[start : start + _CHUNK] = _of_site(flat[start : start + _CHUNK])
    return result.reshape(count, FEATURES_PER_SITE * sites)


def _of_site(axes: NDArray[np.int16]) -> NDArray[np.float64]:
    """The features of (n, 50, 3): one site."""
    values = axes.astype(np.float64)
    length = np.sqrt(
        values[:, :, 0] * values[:, :, 0] + values[:, :, 1] * values[:, :, 1] + values[:, :, 2] * values[:, :, 2]
    )
    channels = np.concatenate([values, length[:, :, None]], axis=2)
    mean = _sum_rows(channels) / WINDOW_ROWS
    from_mean = channels - mean[:, None, :]
    variance = _sum_rows(from_mean * from_mean) / WINDOW_ROWS
    deviation = np.sqrt(variance)
    segments = np.stack(
        [
            _sum_rows(channels[:, start : start + _SEGMENT_ROWS]) / _SEGMENT_ROWS
            for start in range(0, WINDOW_ROWS, _SEGMENT_ROWS)
        ],
        axis=2,
    )
    parts = [
        _axis_statistics(axes, mean, deviation),
        np.stack([mean[:, 3], deviation[:, 3], length.min(axis=1), length.max(axis=1)], axis=1),
        segments.reshape(len(axes), -1),
        _bands(from_mean, variance).reshape(len(axes), -1),
        _correlations(from_mean, deviation),
        _gravity(mean, segments),
    ]
    return np.concatenate(parts, axis=1)


def _sum_rows(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums over axis 1, row by row: numpy's own sum chooses another order by shape."""
    total = np.zeros((values.shape[0], *values.shape[2:]))
    for row in range(values.shape[1]):
        total += values[:, row]
    return total


def _axis_statistics(
    axes: NDArray[np.int16], mean: NDArray[np.float64], deviation: NDArray[np.float64]
) -> NDArray[np.float64]:
    ordered = np.sort(axes, axis=1).astype(np.float64)
    median = (ordered[:, 24] + ordered[:, 25]) / 2.0
    by_kind = [mean[:, :3], deviation[:, :3], ordered[:, 0], ordered[:, 12], median, ordered[:, 37], ordered[:, 49]]
    return np.stack(by_kind, axis=2).reshape(len(axes), -1)


def _bands(from_mean: NDArray[np.float64], variance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Band amplitudes, (n, channel, band)."""
    alternating = np.where(np.arange(1, _BINS + 1) % 2, -1.0, 1.0)
    real = from_mean[:, 0, :, None] + alternating * from_mean[:, _HALF, :, None]
    imaginary = np.zeros_like(real)
    for row in range(1, _HALF):
        mirrored = from_mean[:, WINDOW_ROWS - row]
        real += (from_mean[:, row] + mirrored)[:, :, None] * COSINES[row - 1]
        imaginary += (from_mean[:, row] - mirrored)[:, :, None] * SINES[row - 1]
    power = (real * real + imaginary * imaginary) * 2.0 / (WINDOW_ROWS * WINDOW_ROWS)
    amplitudes = []
    rest = variance.copy()
    for low, high in BANDS_HZ:
        band = np.zeros_like(rest)
        for hertz in range(low, high + 1):
            band += power[:, :, hertz - 1]
            rest -= power[:, :, hertz - 1]
        amplitudes.append(np.sqrt(band))
    amplitudes.append(np.sqrt(np.maximum(rest, 0.0)))
    return np.stack(amplitudes, axis=2)


def _correlations(from_mean: NDArray[np.float64], deviation: NDArray[np.float64]) -> NDArray[np.float64]:
    columns = []
    for one, other in _PAIRS:
        covariance = _sum_rows(from_mean[:, :, one] * from_mean[:, :, other]) / WINDOW_ROWS
        columns.append(covariance / (deviation[:, one] * deviation[:, other] + CORRELATION_FLOOR_MG2))
    return np.stack(columns, axis=1)


def _gravity(mean: NDArray[np.float64], segments: NDArray[np.float64]) -> NDArray[np.float64]:
    vectors = [mean[:, :3], segments[:, :3, 0], segments[:, :3, SEGMENTS - 1]]
    lengths = [np.sqrt(one[:, 0] * one[:, 0] + one[:, 1] * one[:, 1] + one[:, 2] * one[:, 2]) for one in vectors]
    directions = [
        vector / (length[:, None] + DIRECTION_FLOOR_MG) for vector, length in zip(vectors, lengths, strict=True)
    ]
    return np.concatenate([lengths[0][:, None], *directions], axis=1)
