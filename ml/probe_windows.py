"""Windows on which a model must compute what was trained before anybody gets it: real ones and nasty ones."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from kinelog.device.layers import AXES, WINDOW
from numpy.typing import NDArray

CLIP_MG = 8000
"""Where the sensors in the field clip."""

SEED = 20_260_101


def probe_windows(real: NDArray[np.int16]) -> Mapping[str, NDArray[np.int16]]:
    """Windows by kind, `(n, 50, 3 * sites)` int16 milli-g.

    Args:
        real: Windows of people moving; at most 64 of them are taken, evenly.

    Returns:
        `real`, `still` (gravity along each axis), `still ±1 mg`, `one spike`, `clipped` (movement so much larger that
        it is cut off at 8 g).
    """
    chosen = real[:: max(1, len(real) // 64)][:64]
    columns = chosen.shape[2]
    still = np.zeros((2 * AXES, WINDOW, columns), np.int16)
    for axis in range(AXES):
        still[axis, :, axis::AXES] = 1000
        still[AXES + axis, :, axis::AXES] = -1000
    rng = np.random.default_rng(SEED)
    restless = still + rng.integers(-1, 2, still.shape, dtype=np.int16)
    spiked = still.copy()
    for number, window in enumerate(spiked):
        window[(7 * number) % WINDOW] = CLIP_MG if number % 2 else -CLIP_MG
    movement = chosen - chosen.mean(axis=1, keepdims=True)
    largest = np.abs(movement).max(axis=(1, 2), keepdims=True)
    wild = chosen + movement * (2 * CLIP_MG / np.maximum(largest, 1))
    clipped = np.clip(wild, -CLIP_MG, CLIP_MG).astype(np.int16)
    return {"real": chosen, "still": still, "still ±1 mg": restless, "one spike": spiked, "clipped": clipped}
