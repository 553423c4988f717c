"""How long to wait before the next try: doubling, bounded, and spread, so that many do not come back at once."""

from __future__ import annotations


def backoff_ms(failures: int, first_ms: int, limit_ms: int, entropy: bytes) -> int:
    """The wait after `failures` failures in a row, between half and all of the doubled step.

    Args:
        failures: How many tries failed before this one, from 0.
        first_ms: The first step.
        limit_ms: No step is longer.
        entropy: At least one random byte, for the spread.
    """
    step = min(limit_ms, first_ms << min(failures, 32))
    return step // 2 + step * entropy[0] // 510
