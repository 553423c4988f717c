"""Windows as they would have been, had the person moved faster or slower.

A night sees few people, and others do the same set-up and the same exercise at another tempo. At a tempo of 1.2 a
window of one second holds what took the recorded person 1.2 seconds.

Time is stretched about the labelled start, as a tempo does it: what was done a second before the start is done
1/1.2 of a second before it, so that a window that ends there holds another part of the movement, and the first second
of a set still begins with the set. Stretched about its own end, the first second of a fast person would begin before
the set, and recordings that begin with it could be stretched to one side only.

Samples keep their values. Most of what a sensor measures is gravity, which no tempo changes. What movement adds to it
would grow with the square of the tempo, but no sample says which part of it that is.
"""

from __future__ import annotations

import numpy as np
from kinelog.device.layers import WINDOW
from numpy.typing import NDArray


def drawn_tempos(count: int, stretch: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """`(count,)` tempos between `1 / (1 + stretch)` and `1 + stretch`, as many below one as above it."""
    return np.asarray(np.exp(rng.uniform(-1.0, 1.0, count) * np.log1p(stretch)))


def stretched(
    samples: NDArray[np.int16], ends: NDArray[np.int64], tempos: NDArray[np.float64], start_row: int
) -> NDArray[np.int16]:
    """Windows of an example, each at a tempo of its own.

    Nothing is made up: a tempo for which the samples do not reach far enough becomes the nearest one to it for which
    they do.

    Args:
        samples: `(rows, columns)` of all sensors at 50 Hz.
        ends: `(n,)` row behind each window's last, were its tempo 1; the samples hold all of that window.
        tempos: `(n,)` above zero.
        start_row: Of the labelled interval: the row that stays where it is.

    Returns:
        `(n, 50, columns)`, on straight lines between samples, rounded half to even as the device's resampler does.
    """
    away = ends[:, None] + np.arange(-WINDOW, 0) - start_row
    reach = _reach(away, len(samples), start_row)
    # with the tempo that just reaches, products may miss the outermost row by a last bit
    places = np.clip(start_row + np.minimum(tempos, reach)[:, None] * away, 0, len(samples) - 1)
    left = np.floor(places).astype(np.int64)
    right = np.minimum(left + 1, len(samples) - 1)
    before, behind = samples[left].astype(np.float64), samples[right].astype(np.float64)
    lines = before + (behind - before) * (places - left)[:, :, None]
    return np.asarray(np.rint(lines), np.int16)


def _reach(away: NDArray[np.int64], rows: int, start_row: int) -> NDArray[np.float64]:
    """`(n,)` the highest tempo at which windows, so many rows from the start, still lie within the samples."""
    early, late = np.maximum(-away[:, 0], 0), np.maximum(away[:, -1], 0)
    endless = np.full(len(away), np.inf)
    to_begin = np.divide(start_row, early, out=endless.copy(), where=early > 0)
    to_end = np.divide(rows - 1 - start_row, late, out=endless.copy(), where=late > 0)
    return np.asarray(np.minimum(to_begin, to_end))
