"""A wall clock that is wrong by a fixed amount; the monotonic one stays as it is."""

from __future__ import annotations

import time

from tests.cluster_chaos.replaced_parts import replace_part


def shift(seconds: float) -> None:
    """From now on `time.time` and `time.time_ns` tell another time, whoever asks."""
    true, true_ns, more_ns = time.time, time.time_ns, round(seconds * 1e9)

    def wrong() -> float:
        return true() + seconds

    def wrong_ns() -> int:
        return true_ns() + more_ns

    replace_part(time, "time", wrong)
    replace_part(time, "time_ns", wrong_ns)
