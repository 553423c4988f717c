"""What is known to be wrong with named recordings, and what is done about it. Found by measuring, not by guessing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

STRETCHED_BLOCK_ROWS = 112
STRETCHED_RATE_HZ = 78.25
"""Rows a second of stretched sets. Whoever made them spread blocks of 70 samples (1.431 s at the watch's true 48.9 Hz)
over 112 rows, as if they were a whole block of 2.24 s."""

STRETCHED_SESSIONS = frozenset({"arms/jan-2", "back/jan-1"})

CAPTURES_OF_SESSIONS = {
    "arms/jan-2": "jan-arms-24-05",
    "back/jan-1": "jan-back-01-06",
    "chest/jan-2": "jan-chest-12-06",
    "core/jan-1": "jan-core-30-05",
    "shoulders/jan-2": "jan-shoulders-21-05",
}
"""Sessions of `muvr` whose raw captures are there, too: a set's `order` is the number of its file. The captures still
have the first two seconds."""

SESSIONS_OF_CAPTURES = {capture: session for session, capture in CAPTURES_OF_SESSIONS.items()}

NOTHING = frozenset({"rest", "idle", "setBreak", "null", "none"})
"""Names of labels that say that no exercise was done."""

SITES = {
    "hand": "wrist",
    "right hand": "right-wrist",
    "left hand": "left-wrist",
    "right wrist": "right-wrist",
    "left wrist": "left-wrist",
    "right foot": "right-foot",
    "left foot": "left-foot",
    "chest": "chest",
    "belly": "waist",
    "u1": "unit-1",
    "u2": "unit-2",
    "u3": "unit-3",
    "u4": "unit-4",
    "u5": "unit-5",
}
"""What recordings call a site, in lower case, and what models call it."""

UNKNOWN_SITE = "wrist"
"""Of recordings that name none: all that are known come from a watch."""


def is_stretched(data_set: str, session: str | None, rows: int) -> bool:
    """Whether a set is one of those that run about 1.57 times too slow."""
    return data_set == "muvr" and session in STRETCHED_SESSIONS and rows % STRETCHED_BLOCK_ROWS == 0


STANDARD_GRAVITY = 9.80665
_GRAVITY_IN_MM_S2 = (8_300.0, 11_500.0)
"""Where the median length of a sample lies if it was written down in metres a second squared, times 1000."""


def in_milli_g(samples: NDArray[np.int16], measured: NDArray[np.bool_] | None = None) -> NDArray[np.int16]:
    """Samples `(n, 3)` in milli-g; those of a file in another unit than its neighbours are converted."""
    if not in_other_unit(samples if measured is None else samples[measured]):
        return samples
    return np.rint(samples / STANDARD_GRAVITY).astype(np.int16)


def in_other_unit(samples: NDArray[np.int16]) -> bool:
    """Whether samples `(n, 3)` are metres a second squared, times 1000."""
    if not len(samples):
        return False
    length = float(np.median(np.linalg.norm(samples.astype(np.float64), axis=1)))
    return _GRAVITY_IN_MM_S2[0] <= length <= _GRAVITY_IN_MM_S2[1]
