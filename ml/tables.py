"""Rows of samples as the structured tables give them, turned into signals by site."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
from kinelog.ml.signals import Signal, joined
from kinelog.projections.rows import SampleRow

UNNAMED_SITE = "any"
"""Of frames whose layout names no location."""


def signals_of(rows: Iterable[SampleRow]) -> dict[str, Signal]:
    """Signals of the accelerometers by site.

    A site is what the frames say. Where two devices say the same, the one with more samples counts. Samples of a block
    that has lost some are left out: nobody knows where in it the hole is, so none of their times can be trusted.

    Args:
        rows: Of one session, in any order.
    """
    by_sensor: dict[tuple[str, str], list[SampleRow]] = defaultdict(list)
    for row in rows:
        if row.unit == "mg" and row.samples.shape[1] == 3:
            by_sensor[row.location or UNNAMED_SITE, row.device].append(row)
    found: dict[str, Signal] = {}
    for (site, _), of_sensor in sorted(by_sensor.items()):
        signal = _signal(of_sensor)
        if signal is not None and (site not in found or len(signal.times_ms) > len(found[site].times_ms)):
            found[site] = signal
    return found


def _signal(rows: Sequence[SampleRow]) -> Signal | None:
    lossy = {(row.sequence, row.start_ms) for row in rows if row.lost}
    parts = []
    for row in sorted(rows, key=lambda row: row.start_ms):
        if not any(sequence == row.sequence and start_ms <= row.start_ms for sequence, start_ms in lossy):
            period_ms = 1000.0 / row.rate_hz
            times_ms = row.start_ms + np.arange(len(row.samples), dtype=np.float64) * period_ms
            parts.append(Signal(times_ms, row.samples.astype(np.int16, copy=False), row.rate_hz))
    return joined(parts) if parts else None
