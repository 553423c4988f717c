"""How probable a difference is between models that are equal: an exact paired test over people or sessions.

If two models are equal, which of them is called the challenger is a matter of chance, in each group by itself: every
pattern of flipped signs of the groups' differences was as likely as the one seen. Nothing is assumed about how rows of
a group depend on each other, nor about how many groups there are.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from kinelog.ml.scores import Reals

EXACT_GROUPS: Final = 12
"""Up to so many groups that differ at all, every pattern is tried; beyond, `PATTERNS` are drawn."""
PATTERNS: Final = 4999
_ROUNDING: Final = 1e-9


def chance_of_difference(sums: Reals, *, seed: int) -> float:
    """Probability, between equal models, of a total at least as large as that of `sums`, the groups' differences."""
    differing = sums[sums != 0]
    total = float(differing.sum())
    if not len(differing):
        return 1.0
    if len(differing) <= EXACT_GROUPS:
        return float(np.mean(_all_signs(len(differing)) @ differing >= total - _ROUNDING))
    signs = 2.0 * np.random.default_rng(seed).integers(0, 2, (PATTERNS, len(differing)), dtype=np.int8) - 1
    # The pattern that was seen is one of those that were possible, so no chance is ever 0.
    return float((1 + np.count_nonzero(signs @ differing >= total - _ROUNDING)) / (1 + PATTERNS))


def groups_needed(chance: float) -> int:
    """The fewest groups that, all better, are less probable than `chance`."""
    return math.ceil(-math.log2(chance))


def _all_signs(groups: int) -> Reals:
    patterns = np.arange(2**groups)[:, np.newaxis] >> np.arange(groups)
    signs: Reals = 2 * (patterns & 1).astype(np.float64) - 1
    return signs
