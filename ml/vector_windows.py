"""The windows of a model's test vectors: made, since a blob is public and outlives an erasure.

Still in several directions, off by one milli-g, with one spike, clipped, moving slowly and fast: the inputs on which
evaluators that compute otherwise differ first.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from kinelog.device.layers import AXES, RATE_HZ, WINDOW
from numpy.typing import NDArray

COUNT: Final = 16
CLIPPED_MG: Final = 4095
GRAVITY_MG: Final = 1000.0
_SEED: Final = 20_260_101


def vector_windows(sites: int) -> NDArray[np.int16]:
    """`(16, 50, 3 * sites)` int16 milli-g; the same on every machine."""
    made = [_window(number, sites) for number in range(COUNT)]
    return np.round(np.clip(np.stack(made), -CLIPPED_MG, CLIPPED_MG)).astype(np.int16)


def _window(number: int, sites: int) -> NDArray[np.float64]:
    rng = np.random.default_rng([_SEED, number, sites])
    directions = rng.normal(size=(sites, AXES))
    directions *= GRAVITY_MG / np.linalg.norm(directions, axis=1, keepdims=True)
    window = np.tile(directions.ravel(), (WINDOW, 1))
    if number < 4:
        return window
    if number < 6:
        return window + rng.integers(-1, 2, window.shape)
    if number == 6:
        window[WINDOW // 2, rng.integers(AXES * sites)] += 3000
        return window
    time = np.arange(WINDOW)[:, None] / RATE_HZ
    reach = rng.uniform(100, 900, AXES * sites)
    moved = window + reach * np.sin(2 * np.pi * (rng.uniform(0.3, 6.0) * time + rng.random(AXES * sites)))
    if number == 7:
        # Far beyond what a sensor can say, so that most samples are clipped.
        return window + 40 * (moved - window)
    return moved + rng.normal(0, 15, window.shape)
