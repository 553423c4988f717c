"""The clock that leases and publications are stamped with."""

from __future__ import annotations

import time


def wall_clock_ms() -> int:
    """Unix milliseconds."""
    return time.time_ns() // 1_000_000
